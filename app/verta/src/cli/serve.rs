//! `verta serve`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapter_indexnow::IndexNow;
use adapter_nodes::{SearchNode, token};
use app_core::browse::{Browse, Derived, Invalidation};
use app_core::domains::Domains;
use app_core::follow::{Follower, Subscriber};
use app_core::import::Options;
use app_core::jobs::Jobs;
use app_core::live::Live;
use app_core::removals::Removals;
use app_core::search::{IndexProgress, Indexer, Search};
use app_core::submissions::Submissions;
use app_core::sync::{Candidate, Schedule, SyncJobs, Worker};
use app_core::thumbnails::Thumbnails;
use app_web::address::PublicAddress;
use app_web::{Cache, Server, ServerState, Settings, Streams};
use bytes::Bytes;
use futures::FutureExt;
use ports::search::SearchIndex;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::terminal::eprintln;
use super::{Outcome, Role, Tools, import};
use crate::config::{AdminKey, Config, PublicUrl};
use crate::meter::meter;

/// The longest time that a run fetches files, however many there are: new messages are not read before it ends.
const FILES: Duration = Duration::from_mins(20);
/// The age from which the progress of an index shows that it does not follow, so that another node is preferred.
const STALE: Duration = Duration::from_secs(10);

pub(super) async fn run(paths: &[PathBuf], role: Role, config: &Config, tools: &Tools) -> Outcome {
    check(role, config, tools)?;
    let jobs = Jobs::new(Arc::clone(&tools.store), Arc::clone(&tools.clock)).with_media(Arc::clone(&tools.media));
    let settings = settings(role, config, tools);
    let sync_jobs = SyncJobs::new(Arc::clone(&tools.store), Arc::clone(&tools.clock));
    let state =
        ServerState::new(Arc::clone(&tools.store), Arc::clone(&tools.clock), jobs.clone(), sync_jobs.clone(), settings);
    let state = if tools.key.is_some() { state } else { state.without_key() };
    let progress = IndexProgress::default();
    let indexer = indexer(role, tools, &progress);
    let streams = matches!(role, Role::Web | Role::All).then(|| Arc::new(Streams::new(Arc::clone(&tools.store))));
    let cached = streams.as_ref().and_then(|_| cache(config, tools));
    // Before the cache: nothing that was made with the domains from before a change is stored after it.
    let domains = streams.as_ref().map(|_| Arc::<Domains>::default());
    let sites = domains.iter().map(|domains| Arc::clone(domains) as Arc<dyn Subscriber>);
    // First of the others, because readers wait for it.
    let drop = cached.iter().map(|(_, invalidation)| Arc::clone(invalidation) as Arc<dyn Subscriber>);
    let wake = indexer.iter().map(|indexer| Arc::new(indexer.wake()) as Arc<dyn Subscriber>);
    let subscribers = sites
        .chain(drop)
        .chain(wake)
        .chain(streams.iter().map(|streams| Arc::clone(streams) as Arc<dyn Subscriber>))
        .collect();
    let follower = Follower::new(Arc::clone(&tools.store), subscribers);
    let state = match streams {
        Some(streams) => state.with_streams(streams),
        None => state,
    };
    let state = match domains {
        Some(domains) => state.with_domains(domains),
        None => state,
    };
    let state = match cached {
        Some((cache, invalidation)) => state.with_cache(cache, &invalidation, follower.freshness()),
        None => state,
    };
    let thumbnails = Thumbnails::new(Arc::clone(&tools.media), Arc::clone(&tools.thumbnailer));
    let state = state.with_media(Arc::clone(&tools.media)).with_thumbnails(thumbnails).with_follower(follower.lag());
    let state = state.with_metrics(|registry| meter().register(registry));
    let state = if role == Role::Sync { state } else { state.with_search(search(role, tools, &progress)) };
    let state = match config.admin_key.as_ref().filter(|_| role == Role::Search) {
        Some(key) => with_node(state, key, tools, &progress),
        None => state,
    };
    let removals = Removals::new(Arc::clone(&tools.store), Arc::clone(&tools.media), Arc::clone(&tools.clock));
    let worker = worker(role, config, tools, sync_jobs, &removals);
    let state = match &worker {
        Some(worker) => state.with_sync_lag(worker.lag()),
        None => state,
    };
    let state = match worker.as_ref().and_then(Worker::live) {
        Some(live) => state.with_live(live.status()),
        None => state,
    };
    let submissions = submissions(role, config, tools);
    let server = Server::bind(config.bind, state)
        .await
        .map_err(|error| format!("cannot listen at {} (BIND): {error}", config.bind))?;
    if !paths.is_empty() {
        let report = import::import(paths, &Options::default(), tools).await?;
        if !report.is_whole() {
            // The site is served even if the output is closed.
            import::print(&report, false).ok();
        }
    }
    let stop = stopped_by_signals()?;
    // The files of a search node may be in a folder of its own, so it removes nothing.
    let patrol = (role != Role::Search).then(|| {
        let (jobs, stop) = (jobs.clone(), stop.clone());
        tokio::spawn(async move { tokio::join!(jobs.run(stop.clone()), removals.run(stop)) })
    });
    // Each process does this, because a node and the others may have folders of their own.
    let sweeping = {
        let (snapshots, clock, stop) = (tools.snapshots.clone(), Arc::clone(&tools.clock), stop.clone());
        tokio::spawn(async move { snapshots.sweep_until(stop, &*clock).await })
    };
    let worker = worker.map(|worker| {
        let stop = stop.clone();
        tokio::spawn(async move { worker.run(stop).await })
    });
    let following = tokio::spawn(follower.run(stop.clone()));
    eprintln!("Verta is at http://{}", server.address()?);
    let submitting = submissions.map(|submissions| tokio::spawn(submissions.run(stop.clone())));
    let indexing = indexer.map(|indexer| tokio::spawn(indexer.run(stop.clone())));
    server.run(stop).await;
    following.await?;
    sweeping.await?;
    if let Some(submitting) = submitting {
        submitting.await?;
    }
    if let Some(patrol) = patrol {
        patrol.await?;
    }
    if let Some(indexing) = indexing {
        indexing.await?;
    }
    if let Some(worker) = worker {
        worker.await?;
    }
    Ok(true)
}

/// Checks that the settings which a role needs are there.
fn check(role: Role, config: &Config, tools: &Tools) -> Result<(), &'static str> {
    let asks_nodes = matches!(role, Role::Web | Role::All) && !config.search_nodes.is_empty();
    match role {
        Role::Sync if tools.guilds.is_none() => Err("--role sync needs DISCORD_BOT_TOKEN, which is not set"),
        Role::Search if config.admin_key.is_none() => {
            Err("--role search needs ADMIN_API_KEY, the same as that of its web processes, which is not set")
        }
        _ if asks_nodes && config.admin_key.is_none() => {
            Err("SEARCH_URL needs ADMIN_API_KEY, the same as that of the search nodes, which is not set")
        }
        _ => Ok(()),
    }
}

/// Returns a token that is cancelled by the signals that end a program.
fn stopped_by_signals() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("shutting down; open requests may finish");
        stopped.cancel();
    });
    Ok(stop)
}

/// Returns the settings of the server.
fn settings(role: Role, config: &Config, tools: &Tools) -> Settings {
    Settings {
        admin_key: config.admin_key.as_ref().map(AdminKey::as_bytes).map(<[u8]>::to_vec),
        public_url: public_url(config),
        // The clients of a search node are web processes, which have limited their own clients.
        rate_limit: config.rate_limit.filter(|_| role != Role::Search).map_or(0, std::num::NonZeroU32::get),
        trusted_proxies: config.trusted_proxies.clone(),
        operations_only: matches!(role, Role::Sync | Role::Search),
        // If this process only serves, another one may have the token.
        syncs: matches!(role, Role::Web | Role::Search) || tools.guilds.is_some(),
        index_key: config.index_key.as_ref().map(|key| key.as_str().to_owned()),
        // More would only wait for the store.
        at_once: usize::try_from(config.pool_size).ok(),
    }
}

/// Returns the cache of responses, and the subscriber that drops them, with the segments of channels, which have a
/// quarter of the memory.
fn cache(config: &Config, tools: &Tools) -> Option<(Arc<Cache>, Arc<Invalidation>)> {
    let bytes = config.cache_bytes?;
    let cache = Arc::new(Cache::new(bytes - bytes / 4));
    let derived = vec![Arc::clone(&cache) as Arc<dyn Derived>];
    let invalidation = Invalidation::new(Arc::clone(&tools.store), derived).with_segments(bytes / 4);
    Some((cache, Arc::new(invalidation)))
}

fn public_url(config: &Config) -> Option<String> {
    config.public_url.as_ref().map(PublicUrl::as_str).map(|url| url.trim_end_matches('/').to_owned())
}

/// Returns the submissions of changed pages to search engines, of a process with the site, if there is a key for them.
fn submissions(role: Role, config: &Config, tools: &Tools) -> Option<Submissions> {
    let key = config.index_key.as_ref().filter(|_| matches!(role, Role::Web | Role::All))?;
    let engines = IndexNow::new(config.index_url.clone(), key.as_str());
    let addresses = Arc::new(PublicAddress::new(public_url(config)));
    let (store, clock) = (Arc::clone(&tools.store), Arc::clone(&tools.clock));
    Some(Submissions::new(store, Arc::new(engines), addresses, clock, tools.process.clone()))
}

/// Returns the search nodes that a process asks in place of its own indexes.
fn nodes(role: Role, tools: &Tools) -> Option<&Arc<dyn SearchIndex>> {
    tools.nodes.as_ref().filter(|_| role != Role::Search)
}

/// Returns the indexer of a process that has indexes.
fn indexer(role: Role, tools: &Tools, progress: &IndexProgress) -> Option<Indexer> {
    if role == Role::Sync || nodes(role, tools).is_some() {
        return None;
    }
    let (store, index, clock) = (Arc::clone(&tools.store), Arc::clone(&tools.index), Arc::clone(&tools.clock));
    let indexer = Indexer::new(store, index, clock, progress.clone(), tools.process.clone());
    Some(if role == Role::Search { indexer.with_snapshots(tools.snapshots.clone()) } else { indexer })
}

/// Returns the search of a process.
fn search(role: Role, tools: &Tools, progress: &IndexProgress) -> Search {
    let index = nodes(role, tools).unwrap_or(&tools.index);
    Search::new(Browse::new(Arc::clone(&tools.store)), Arc::clone(index), progress.clone())
}

/// Makes the server answer processes that have no indexes.
fn with_node(state: ServerState, key: &AdminKey, tools: &Tools, progress: &IndexProgress) -> ServerState {
    let (progress, clock, token) = (progress.clone(), Arc::clone(&tools.clock), token(key.as_bytes()));
    let current = move |tenant| progress.current(tenant).filter(|position| clock.now() < position.as_of.plus(STALE));
    let node = SearchNode::new(Arc::clone(&tools.index), current);
    let node = Arc::new(node);
    state.with_node(token.as_bytes(), move |body| {
        let node = Arc::clone(&node);
        async move { node.answer(&body).await.map(Bytes::from) }.boxed()
    })
}

/// Returns the worker that copies from the platform, if this process has that role and a token.
fn worker(role: Role, config: &Config, tools: &Tools, jobs: SyncJobs, removals: &Removals) -> Option<Worker> {
    let source = tools.guilds.clone().filter(|_| matches!(role, Role::Sync | Role::All))?;
    let (store, clock) = (Arc::clone(&tools.store), Arc::clone(&tools.clock));
    let candidate = Candidate::new(Arc::clone(&store), Arc::clone(&clock), tools.process.clone(), &source.account());
    let syncer = tools.syncer(Arc::clone(&source), Some(FILES));
    let schedule = Schedule {
        every: config.sync_interval.usual,
        every_with_events: config.sync_interval.with_events,
        full_every: config.sync_full_interval,
    };
    let live = tools.events.clone().map(|events| {
        let (store, source, clock) = (Arc::clone(&store), Arc::clone(&source), Arc::clone(&clock));
        let live = Live::new(store, events, source, tools.key(), clock, jobs.clone());
        Arc::new(live.with_removals(removals.clone()))
    });
    let worker = Worker::new(store, source, clock, candidate, Arc::new(syncer), jobs, schedule);
    Some(match live {
        Some(live) => worker.with_live(live),
        None => worker,
    })
}
