//! Doing the jobs of all tenants: those that somebody asked for, and those that are due.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use domain::job::{Job, JobKind, SyncScope};
use domain::message::GuildSnowflake;
use domain::tenant::{Platform, Tenant, TenantId, TenantStatus};
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::{GuildChannel, GuildSource};
use ports::page::Page;
use ports::store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{Candidate, Leader, Progress, Stops, SyncError, SyncJobs, SyncJobsError, SyncMode, Syncer};
use crate::jobs::unfinished;

/// How often it is looked for jobs that another process was asked for, and whether the lease of the token is free.
const LOOK: Duration = Duration::from_secs(2);
/// How often it is looked for tenants whose sync is due.
const SCHEDULE: Duration = Duration::from_secs(30);
/// How long a guild that the bot is not in is not looked for.
const ELSEWHERE: Duration = Duration::from_mins(10);
/// How long runs that are to end are waited for.
const LEAVING: Duration = Duration::from_secs(20);
/// How many of a tenant's jobs are looked through at once for its last sync of everything.
const PAGE: u32 = 100;

/// Hears nothing: what there is to tell stands in the store.
struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}
    fn at(&self, _: domain::job::Progress) {}
}

/// Does jobs while this process works for the token. Each tenant has one run at a time, and all of them run at once:
/// the source gives each request its turn, so none waits for the end of another's.
pub struct Worker {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    clock: Arc<dyn Clock>,
    candidate: Candidate,
    syncer: Arc<Syncer>,
    jobs: SyncJobs,
    schedule: Schedule,
}

/// How often the tenants of an installation are read, without being asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// How long after a sync was asked for the next one is due; `None` for never.
    pub every: Option<Duration>,
    /// How long after everything was read, or was to be read, it is read once more in the background; `None` for never.
    pub full_every: Option<Duration>,
}

/// What the schedule knows of tenants between two looks.
#[derive(Default)]
struct Known {
    /// Tenants whose guild the bot was not in, and when that was seen.
    elsewhere: HashMap<TenantId, Instant>,
    /// When a full pass is due, as far as the jobs told.
    full_due: HashMap<TenantId, Timestamp>,
}

impl Worker {
    /// A worker for the token of `source`, by the lease that `candidate` takes.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        source: Arc<dyn GuildSource>,
        clock: Arc<dyn Clock>,
        candidate: Candidate,
        syncer: Arc<Syncer>,
        jobs: SyncJobs,
        schedule: Schedule,
    ) -> Self {
        Self { store, source, clock, candidate, syncer, jobs, schedule }
    }

    /// Works until `stop`; then leaves what it is at for the next process.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.candidate.elect().await {
                Ok(Ok(leader)) => {
                    let leader = Arc::new(leader);
                    // The lease is kept by who does the work, and by nobody who could outlive it.
                    tokio::select! {
                        () = self.lead(&leader, &stop) => {}
                        never = leader.keep() => match never {},
                    }
                    if let Some(leader) = Arc::into_inner(leader) {
                        leader.resign().await;
                    }
                }
                Ok(Err(_)) => {}
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "leader election failed");
                }
            }
            tokio::select! {
                () = sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Does what there is to do and asks for what is due, until `stop` or until another process leads.
    async fn lead(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        tokio::select! {
            () = self.work(leader, stop) => {}
            never = self.schedule(leader) => match never {},
        }
    }

    async fn work(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        let leave = stop.child_token();
        let (lost, mut asked) = (leader.lost().clone(), self.jobs.asked());
        let mut runs = Runs::default();
        while !leave.is_cancelled() && !lost.is_cancelled() {
            told(self.start_waiting(leader, &leave, &mut runs).await);
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = asked.changed() => {}
                () = runs.next() => {}
                () = leave.cancelled() => {}
                () = lost.cancelled() => {}
            }
        }
        leave.cancel();
        // What has not ended by then is left as it is, as by a process that is killed.
        if timeout(LEAVING, runs.all()).await.is_err() {
            warn!("syncs abandoned at shutdown");
        }
    }

    /// Asks for what is due, again and again.
    async fn schedule(&self, leader: &Leader) -> Infallible {
        if self.schedule == Schedule::default() {
            return pending().await;
        }
        let mut asked = self.jobs.asked();
        let mut known = Known::default();
        loop {
            leader.allowed().await;
            told(self.ask_for_due(&mut known).await);
            tokio::select! {
                () = sleep(SCHEDULE) => {}
                _ = asked.changed() => {}
            }
        }
    }

    /// Starts the oldest job of each tenant that has none under way; one in the background beside it, if no other tenant
    /// has one.
    async fn start_waiting(
        &self,
        leader: &Arc<Leader>,
        leave: &CancellationToken,
        runs: &mut Runs,
    ) -> Result<(), StoreError> {
        for job in unfinished(&*self.store).await?.into_iter().filter(|job| job.kind.is_sync()) {
            if runs.admit(&job) {
                let (syncer, leader) = (Arc::clone(&self.syncer), Arc::clone(leader));
                let stops = Stops { cancel: CancellationToken::new(), leave: leave.clone() };
                runs.start(job, |job| async move {
                    match syncer.run(&job, &leader, &stops, &Quiet).await {
                        Ok(_) => {}
                        Err(SyncError::Deposed) => debug!(job.id = %job.id, "sync taken over by another process"),
                        Err(failed) => {
                            error!(job.id = %job.id, error = &failed as &dyn std::error::Error, "sync not ended");
                            // It is tried again, and not at once.
                            tokio::select! {
                                () = sleep(SCHEDULE) => {}
                                () = stops.leave.cancelled() => {}
                            }
                        }
                    }
                });
            }
        }
        Ok(())
    }

    /// Asks for a sync of every tenant whose last one was asked for so long ago, or that never had one, and whose guild
    /// the bot is in.
    async fn ask_for_due(&self, known: &mut Known) -> Result<(), StoreError> {
        known.elsewhere.retain(|_, seen| seen.elapsed() < ELSEWHERE);
        let mut due = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.read().await?.tenants().list(Page { after, limit: 100 }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.slug.clone());
            let here = |tenant: &Tenant| is_synced(tenant) && !known.elsewhere.contains_key(&tenant.id);
            for tenant in page.into_iter().filter(here).collect::<Vec<_>>() {
                let is_due = self.is_due(tenant.id).await?;
                let is_full_due = self.is_full_due(tenant.id, &mut known.full_due).await?;
                if is_due || is_full_due {
                    due.push((tenant, is_due, is_full_due));
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let joined: HashSet<GuildSnowflake> = match self.source.guilds().await {
            Ok(joined) => joined.into_iter().map(|guild| guild.id).collect(),
            Err(failed) => {
                warn!(error = &failed as &dyn std::error::Error, "guild list not fetched");
                return Ok(());
            }
        };
        for (tenant, is_due, is_full_due) in due {
            if !tenant.platform_id.as_str().parse().is_ok_and(|guild| joined.contains(&guild)) {
                known.elsewhere.insert(tenant.id, Instant::now());
                continue;
            }
            let scope = SyncScope::default();
            if is_due {
                not_requested(&tenant, self.jobs.request(&tenant, SyncMode::Incremental, &scope).await);
            }
            if is_full_due {
                not_requested(&tenant, self.jobs.request_background(&tenant).await);
                known.full_due.remove(&tenant.id);
            }
        }
        Ok(())
    }

    /// Whether an incremental run is due.
    async fn is_due(&self, tenant: TenantId) -> Result<bool, StoreError> {
        let Some(every) = self.schedule.every else { return Ok(false) };
        let since = self.clock.now().minus(every);
        let latest = self.store.read().await?.jobs().list(tenant, Page { after: None, limit: PAGE }).await?;
        let latest = latest.iter().find(|job| reads_all(job) && !job.background);
        Ok(latest.is_none_or(|job| job.has_ended() && job.created_at <= since))
    }

    /// Whether a full pass is due: so long after the last one was asked for, or where there was none, after the first run.
    /// One that has not ended is resumed instead.
    async fn is_full_due(
        &self,
        tenant: TenantId,
        known: &mut HashMap<TenantId, Timestamp>,
    ) -> Result<bool, StoreError> {
        let (Some(every), now) = (self.schedule.full_every, self.clock.now()) else { return Ok(false) };
        if known.get(&tenant).is_some_and(|due| now < *due) {
            return Ok(false);
        }
        let (mut last, mut after) = (None, None);
        'pages: loop {
            let page = self.store.read().await?.jobs().list(tenant, Page { after, limit: PAGE }).await?;
            let Some(oldest) = page.last() else { break };
            after = Some(oldest.into());
            for job in page.iter().filter(|job| reads_all(job)) {
                last = Some(job.created_at);
                if job.kind == JobKind::Full {
                    if !job.has_ended() {
                        return Ok(false);
                    }
                    break 'pages;
                }
            }
        }
        let Some(due) = last.map(|last| last.plus(every)) else { return Ok(false) };
        known.insert(tenant, due);
        Ok(due <= now)
    }
}

/// A store that does not tell is asked again soon.
fn told(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        warn!(error = &error as &dyn std::error::Error, "due syncs not listed");
    }
}

fn not_requested(tenant: &Tenant, requested: Result<Job, SyncJobsError>) {
    if let Err(failed) = requested {
        let error = &failed as &dyn std::error::Error;
        warn!(tenant.id = %tenant.id, error, "due sync not requested");
    }
}

/// Whether a job reads all channels.
fn reads_all(job: &Job) -> bool {
    job.kind.is_sync() && job.scope.channels.is_empty()
}

/// Whether the schedule is for this tenant.
fn is_synced(tenant: &Tenant) -> bool {
    tenant.platform == Platform::Discord && tenant.status != TenantStatus::Cancelled
}

/// Jobs that are under way, each a task.
#[derive(Default)]
struct Runs {
    tasks: JoinSet<Turn>,
    /// Whose they are.
    turns: HashSet<Turn>,
    by_task: HashMap<tokio::task::Id, Turn>,
}

/// What has one run at a time: a tenant, or the background of all tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Turn {
    Tenant(TenantId),
    Background,
}

impl Turn {
    const fn of(job: &Job) -> Self {
        if job.background { Self::Background } else { Self::Tenant(job.tenant_id) }
    }
}

impl Runs {
    /// Whether it is the turn of `job`, which is to be started then.
    fn admit(&mut self, job: &Job) -> bool {
        self.turns.insert(Turn::of(job))
    }

    fn start<F: Future<Output = ()> + Send + 'static>(&mut self, job: Job, work: impl FnOnce(Job) -> F) {
        let turn = Turn::of(&job);
        let work = work(job);
        let task = self.tasks.spawn(async move {
            work.await;
            turn
        });
        self.by_task.insert(task.id(), turn);
    }

    /// Waits for the end of one; for ever where there is none.
    async fn next(&mut self) {
        let (task, turn) = match self.tasks.join_next_with_id().await {
            Some(Ok((task, turn))) => (task, Some(turn)),
            Some(Err(failed)) => {
                error!(error = &failed as &dyn std::error::Error, "sync task panicked");
                (failed.id(), None)
            }
            None => return pending().await,
        };
        let known = self.by_task.remove(&task);
        if let Some(turn) = turn {
            self.turns.remove(&turn);
        } else if let Some(turn) = known {
            // It is tried again, and not at once.
            let task = self.tasks.spawn(async move {
                sleep(SCHEDULE).await;
                turn
            });
            self.by_task.insert(task.id(), turn);
        }
    }

    /// Waits for the end of all.
    async fn all(&mut self) {
        while !self.tasks.is_empty() {
            self.next().await;
        }
    }
}
