//! Runs the jobs of all tenants: requested ones, and those that are due by the schedule.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::access::GuildChannel;
use domain::guild::GuildSnowflake;
use domain::job::{Job, JobKind, JobState, SyncScope};
use domain::tenant::{Platform, Tenant, TenantId, TenantStatus};
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::GuildSource;
use ports::page::Page;
use ports::store::Store;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{Candidate, Leader, Stops, SyncError, SyncJobs, SyncJobsError, SyncListener, SyncMode, Syncer};
use crate::jobs::unfinished;
use crate::live::Live;

/// How often the store is polled for jobs that another process received, and for a free lease of the token.
const LOOK: Duration = Duration::from_secs(2);
/// How often the store is polled for tenants whose sync is due.
const SCHEDULE: Duration = Duration::from_secs(30);
/// How long a guild without the bot is not requested again.
const ELSEWHERE: Duration = Duration::from_mins(10);
/// The time that stopped runs are given to finish.
const LEAVING: Duration = Duration::from_secs(20);
/// The page size of a search through a tenant's jobs for its last sync of all channels.
const PAGE: u32 = 100;

/// Ignores all progress: the store has it.
struct Quiet;

impl SyncListener for Quiet {
    fn begin(&self, _: &GuildChannel) {}
    fn end(&self, _: &GuildChannel) {}
    fn at(&self, _: domain::job::Progress) {}
}

/// Runs jobs while this process is the leader for the token. Each tenant has one run at a time, and those of all
/// tenants are concurrent: the source gives each request its turn, so no run waits for the end of another.
pub struct Worker {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    clock: Arc<dyn Clock>,
    candidate: Candidate,
    syncer: Arc<Syncer>,
    jobs: SyncJobs,
    schedule: Schedule,
    lag: SyncLag,
    live: Option<Arc<Live>>,
}

/// How often the tenants of an installation are synced without a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The time from the request of a sync to the next one; `None` for no scheduled syncs.
    pub every: Option<Duration>,
    /// The same while changes arrive by events, and syncs only make sure; not after a sync that failed.
    pub every_with_events: Option<Duration>,
    /// The time from the request of the last full sync (without one, of the first sync) to the next full pass in the
    /// background; `None` for no such pass.
    pub full_every: Option<Duration>,
}

/// The start of the last completed sync of the tenant that is furthest behind. A clone shares it.
#[derive(Debug, Clone, Default)]
pub struct SyncLag(Arc<Mutex<Option<Timestamp>>>);

impl SyncLag {
    /// Returns the time since then, or since the tenant was created if it was never synced; `None` if this process
    /// schedules no syncs.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        let oldest = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(Duration::from_millis(u64::try_from(now.as_millis() - oldest.as_millis()).unwrap_or_default()))
    }

    fn set(&self, oldest: Option<Timestamp>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = oldest;
    }
}

/// The state of the schedule between two polls.
#[derive(Default)]
struct Known {
    /// Tenants whose guild the bot was not in, and the time of that observation.
    elsewhere: HashMap<TenantId, Instant>,
    /// The time at which a full pass is due, according to the stored jobs.
    full_due: HashMap<TenantId, Timestamp>,
}

impl Worker {
    /// Returns a worker for the token of `source`, under the lease that `candidate` acquires.
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
        Self { store, source, clock, candidate, syncer, jobs, schedule, lag: SyncLag::default(), live: None }
    }

    /// Makes the worker also follow the guilds by their events, while it leads.
    #[must_use]
    pub fn with_live(self, live: Arc<Live>) -> Self {
        Self { live: Some(live), ..self }
    }

    /// Returns the follower of events, if there is one.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        self.live.as_deref()
    }

    /// Returns the lag of the tenants that it syncs, which stays current while this process is the leader.
    #[must_use]
    pub fn lag(&self) -> SyncLag {
        self.lag.clone()
    }

    /// Works until `stop`; then leaves its jobs for the next leader.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.candidate.elect().await {
                Ok(Ok(leader)) => {
                    let leader = Arc::new(leader);
                    // The lease is renewed by the task that does the work, so that the renewal cannot outlive it.
                    tokio::select! {
                        () = self.lead(&leader, &stop) => {}
                        never = leader.renew_lease() => match never {},
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

    /// Runs the waiting jobs and requests what is due, until `stop` or until another process leads.
    async fn lead(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        let follow = async {
            if let Some(live) = &self.live {
                live.run(leader, stop).await;
            }
        };
        let sync = async {
            tokio::select! {
                () = self.work(leader, stop) => {}
                never = self.schedule(leader) => match never {},
            }
        };
        let files = async {
            tokio::select! {
                never = self.fetch_live_files(leader, stop) => match never {},
                () = stop.cancelled() => {}
                () = leader.lost().cancelled() => {}
            }
        };
        tokio::join!(follow, files, sync);
    }

    /// Fetches the files of messages that events brought, as they come.
    async fn fetch_live_files(&self, leader: &Leader, stop: &CancellationToken) -> Infallible {
        let Some(live) = &self.live else { return pending().await };
        loop {
            for tenant in live.tenants_with_files().await {
                if let Err(failed) = self.syncer.fetch_files(tenant, leader, stop).await {
                    let error = &failed as &dyn std::error::Error;
                    warn!(tenant.id = %tenant, error, "files left to the next sync");
                }
            }
        }
    }

    async fn work(&self, leader: &Arc<Leader>, stop: &CancellationToken) {
        let leave = stop.child_token();
        if let Some(live) = &self.live {
            // A sync that began before would miss the messages that are sent between the two.
            tokio::select! {
                () = live.settled() => {}
                () = leave.cancelled() => {}
                () = leader.lost().cancelled() => {}
            }
        }
        let (lost, mut requested) = (leader.lost().clone(), self.jobs.requested());
        let mut runs = Runs::default();
        while !leave.is_cancelled() && !lost.is_cancelled() {
            log_store_error(self.start_waiting(leader, &leave, &mut runs).await);
            tokio::select! {
                () = sleep(LOOK) => {}
                _ = requested.changed() => {}
                () = runs.next() => {}
                () = leave.cancelled() => {}
                () = lost.cancelled() => {}
            }
        }
        leave.cancel();
        // A run that has not ended by then is left as it is, as by a killed process.
        if timeout(LEAVING, runs.all()).await.is_err() {
            warn!("syncs abandoned at shutdown");
        }
    }

    /// Requests the due syncs periodically.
    async fn schedule(&self, leader: &Leader) -> Infallible {
        if self.schedule == Schedule::default() {
            return pending().await;
        }
        let mut requested = self.jobs.requested();
        let mut known = Known::default();
        loop {
            leader.allowed().await;
            log_store_error(self.request_due(&mut known).await);
            tokio::select! {
                () = sleep(SCHEDULE) => {}
                _ = requested.changed() => {}
            }
        }
    }

    /// Starts the oldest job of each tenant that has no running job; a background job also beside a running one, if no
    /// other tenant has one.
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
                            // The job is retried, after a pause.
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

    /// Requests a sync of every tenant whose last one was requested long enough ago, or that never had one, and whose
    /// guild the bot is in.
    async fn request_due(&self, known: &mut Known) -> Result<(), StoreError> {
        known.elsewhere.retain(|_, seen| seen.elapsed() < ELSEWHERE);
        let (mut due, mut oldest) = (Vec::new(), None::<Timestamp>);
        let mut after = None;
        loop {
            let page = self.store.read().await?.tenants().list(Page { after, limit: 100 }).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.slug.clone());
            let here = |tenant: &Tenant| is_synced(tenant) && !known.elsewhere.contains_key(&tenant.id);
            for tenant in page.into_iter().filter(here).collect::<Vec<_>>() {
                let latest = self.store.read().await?.jobs().list(tenant.id, Page { after: None, limit: PAGE }).await?;
                let completed = latest.iter().find(|job| reads_all(job) && job.state == JobState::Done);
                let completed = completed.map_or(tenant.created_at, |job| job.created_at);
                oldest = Some(oldest.map_or(completed, |oldest| oldest.min(completed)));
                let is_due = self.is_due(&latest);
                let is_full_due = self.is_full_due(tenant.id, &mut known.full_due).await?;
                if is_due || is_full_due {
                    due.push((tenant, is_due, is_full_due));
                }
            }
        }
        self.lag.set(oldest);
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

    /// Returns whether an incremental run is due, given the latest jobs of a tenant, newest first.
    fn is_due(&self, latest: &[Job]) -> bool {
        let latest = latest.iter().find(|job| reads_all(job) && !job.background);
        let has_events = self.live.as_ref().is_some_and(|live| live.status().is_working());
        // A sync that failed has not made sure: it may have been that of a gap.
        let has_failed = latest.is_some_and(|job| job.state == JobState::Failed);
        let every = if has_events && !has_failed { self.schedule.every_with_events } else { self.schedule.every };
        let Some(every) = every else { return false };
        let since = self.clock.now().minus(every);
        latest.is_none_or(|job| job.has_ended() && job.created_at <= since)
    }

    /// Returns whether a full pass is due: the interval has passed since the last one was requested, or where there was
    /// none, since the first run. One that has not ended is resumed instead.
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

/// Logs a store error; the next poll retries.
fn log_store_error(outcome: Result<(), StoreError>) {
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

/// Returns whether a job reads all channels.
fn reads_all(job: &Job) -> bool {
    job.kind.is_sync() && job.scope.channels.is_empty()
}

/// Returns whether the schedule includes this tenant.
pub(crate) fn is_synced(tenant: &Tenant) -> bool {
    tenant.platform == Platform::Discord && tenant.status != TenantStatus::Cancelled
}

/// The running jobs, each a task.
#[derive(Default)]
struct Runs {
    tasks: JoinSet<Turn>,
    /// The turns that are taken.
    turns: HashSet<Turn>,
    by_task: HashMap<tokio::task::Id, Turn>,
}

/// The holder of at most one run at a time: a tenant, or the background passes of all tenants.
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
    /// Returns whether the turn of `job` is free, and takes it; the caller must then start the job.
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

    /// Waits for the end of one task; for ever if there is none.
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
            // The job is retried, after a pause.
            let task = self.tasks.spawn(async move {
                sleep(SCHEDULE).await;
                turn
            });
            self.by_task.insert(task.id(), turn);
        }
    }

    /// Waits for the end of all tasks.
    async fn all(&mut self) {
        while !self.tasks.is_empty() {
            self.next().await;
        }
    }
}
