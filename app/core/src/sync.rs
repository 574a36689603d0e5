//! Syncs a guild from its platform: its current structure, and the messages of its whole history.

mod files;
mod leader;
mod request;
mod structure;
mod tally;
mod threads;
mod walk;
mod worker;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::channel::{ChannelId, ChannelSnowflake};
use domain::job::{Job, JobState};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{PlatformId, Tenant, TenantId};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::{GuildChannel, GuildError, GuildScope, GuildSource, GuildStructure};
use ports::page::Page;
use ports::store::Store;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug_span, info, warn};

pub use self::files::{FileLimits, Files};
use self::leader::LedUnit;
pub use self::leader::{Candidate, Leader};
pub use self::request::{SyncJobs, SyncJobsError, SyncMode};
use self::tally::Tally;
use self::threads::Listed;
pub use self::worker::{Schedule, SyncLag, Worker};
use crate::retry::{LOST_RACE, OUTAGE, PLATFORM, retry, retry_until};

/// The number of channels that are read at the same time. The source keeps to the platform's limits; the number is
/// large enough that a slow channel does not delay the others.
const WALKS: usize = 64;
/// The number of channels that a background pass reads at the same time: few, and each waits [`PACE`] between two
/// pages, so that the pass never uses up the platform's limits of a channel.
const BACKGROUND_WALKS: usize = 2;
/// The pause of a background pass after each page.
const PACE: Duration = Duration::from_secs(2);
/// The capacity of the queue of channels to read, so that a listing of any length takes no more room.
const WAITING: usize = 256;
/// How many of a tenant's latest jobs are searched for its last completed sync of all channels.
const LATEST: u32 = 100;
/// How long a stopped run may take to finish the pages in progress.
const LEAVING: Duration = Duration::from_secs(5);
/// How often the progress of a running job is stored.
const SAVE: Duration = Duration::from_secs(2);

/// Pages that are fetched and stored at the same time, by all runs of one process: they are what takes memory. Permits
/// are granted in turn, so that a small community waits no longer for a page than a large one.
const PAGES: usize = 64;

/// The reason why a sync did not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The tenant does not exist, or it is being deleted.
    #[error("there is no community {0}")]
    NotFound(TenantId),
    /// The platform id of the tenant is not a guild id.
    #[error("{0} is not a guild id")]
    NoGuild(PlatformId),
    /// Another process has become the leader and continues the work.
    #[error("another process has become the leader for the token")]
    Deposed,
    /// The platform failed.
    #[error(transparent)]
    Guild(#[from] GuildError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Receives the progress of a sync.
pub trait SyncListener: Send + Sync {
    /// The sync starts to read a channel or thread.
    fn begin(&self, channel: &GuildChannel);
    /// The sync has stopped reading it.
    fn end(&self, channel: &GuildChannel);
    /// The counters have changed to `progress`.
    fn at(&self, progress: domain::job::Progress);
}

/// The signals that end a run early.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// The job is cancelled, by its caller or by a request in the store.
    pub cancel: CancellationToken,
    /// The process shuts down, or has lost the lease: the job is left for the next leader.
    pub leave: CancellationToken,
}

/// Syncs guilds.
pub struct Syncer {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    key: PseudonymKey,
    clock: Arc<dyn Clock>,
    pages: Semaphore,
    files: Option<Files>,
}

impl Syncer {
    /// Returns a syncer that copies from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn GuildSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock, pages: Semaphore::new(PAGES), files: None }
    }

    /// Makes the syncer also fetch the files of messages. Without it they are recorded, and wait for a syncer that
    /// fetches them.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Runs `job`, or resumes it where another process left it, and returns it in its final state: done, failed, or
    /// cancelled; queued if it was left for another process. If the process is killed, the next run repeats a page of
    /// work at most, because each page is stored together with the interval that it proves. The caller must keep
    /// renewing the lease of `leader` meanwhile.
    ///
    /// # Errors
    /// [`SyncError::Deposed`] if another process has become the leader, before or during the run; any other if the run
    /// could not begin, or its final state could not be stored.
    pub async fn run(
        &self,
        job: &Job,
        leader: &Leader,
        stops: &Stops,
        progress: &dyn SyncListener,
    ) -> Result<Job, SyncError> {
        let stop = stops.leave.child_token();
        let (scope, job) = in_store(&stop, || self.begin(job, leader)).await?;
        let Some(scope) = scope else { return Ok(job) };
        let last_completed = in_store(&stop, || self.last_completed(&job)).await?;
        let (tally, unfinished) = (Tally::new(job.progress), Mutex::default());
        let run = Run { of: self, scope, job: &job, last_completed, leader, stops, stop, progress, tally, unfinished };
        let span = debug_span!("job.run", kind = job.kind.as_str(), outcome = "interrupted");
        // All at the same time: while one waits for its turn in the store, another may have it.
        let work = async {
            tokio::select! {
                outcome = run.all() => outcome,
                // As if the process were killed: the next run repeats the requests in flight.
                () = run.grace_elapsed() => Ok(()),
                never = run.persist_progress() => match never {},
                never = run.watch_stop(leader.lost()) => match never {},
            }
        };
        let outcome = work.instrument(span.clone()).await;
        if leader.lost().is_cancelled() {
            return Err(SyncError::Deposed);
        }
        let end = run.ended(outcome);
        run.in_store(|| run.save(&end)).await?;
        span.record("outcome", end.state.as_str());
        let (state, messages) = (end.state.as_str(), end.progress.messages);
        info!(tenant.id = %end.tenant_id, job.id = %end.id, state, messages, "sync ended");
        Ok(end)
    }

    /// Marks the job as running, and returns the scope to read with it; no scope if the job has ended or cannot begin.
    async fn begin(&self, job: &Job, leader: &Leader) -> Result<(Option<GuildScope>, Job), SyncError> {
        let now = self.clock.now();
        let mut unit = leader.begin().await?.ok_or(SyncError::Deposed)?;
        // Tenants are locked before their jobs, as everywhere.
        let tenant = unit.tenants().find(job.tenant_id).await?.filter(|tenant| tenant.deleting_since.is_none());
        let mut job = unit.jobs().find(job.id).await?.unwrap_or_else(|| job.clone());
        if job.has_ended() {
            return Ok((None, job));
        }
        let scope = tenant.ok_or(SyncError::NotFound(job.tenant_id)).and_then(|tenant| self.scope(&tenant));
        let scope = match scope {
            Ok(scope) => {
                job.start(now);
                Some(GuildScope { background: job.background, ..scope })
            }
            Err(error) => {
                job.end(Err(error.to_string()), now);
                None
            }
        };
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok((scope, job))
    }

    fn scope(&self, tenant: &Tenant) -> Result<GuildScope, SyncError> {
        let guild = tenant.platform_id.as_str().parse();
        let guild = guild.map_err(|_| SyncError::NoGuild(tenant.platform_id.clone()))?;
        let people = Arc::new(Pseudonymizer::new(&self.key, tenant.id));
        Ok(GuildScope { tenant: tenant.id, guild, people, background: false })
    }

    /// Returns the start time of the last run before `job` that read all channels without a failure, among the latest
    /// jobs.
    async fn last_completed(&self, job: &Job) -> Result<Option<Timestamp>, SyncError> {
        let page = Page { after: None, limit: LATEST };
        let latest = self.store.read().await?.jobs().list(job.tenant_id, page).await?;
        let whole = |other: &&Job| other.id != job.id && other.kind.is_sync() && other.scope.channels.is_empty();
        let done = latest.iter().filter(whole).filter(|other| other.state == JobState::Done);
        Ok(done.filter_map(|other| other.started_at).max())
    }
}

impl SyncError {
    const fn of_store(&self) -> Option<&StoreError> {
        if let Self::Store(error) = self { Some(error) } else { None }
    }

    const fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }

    const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

/// Runs `work` in the store: retries it after a lost race, and until `stop` also during an outage. All writes of syncs
/// are idempotent.
async fn in_store<T, F: Future<Output = Result<T, SyncError>>>(
    stop: &CancellationToken,
    work: impl Fn() -> F,
) -> Result<T, SyncError> {
    let attempt = || retry(&LOST_RACE, SyncError::is_retryable, &work);
    retry_until(stop, &OUTAGE, SyncError::is_transient, attempt).await
}

/// One sync in progress.
struct Run<'a> {
    of: &'a Syncer,
    scope: GuildScope,
    job: &'a Job,
    /// The start time of the last run that read all channels without a failure.
    last_completed: Option<Timestamp>,
    leader: &'a Leader,
    stops: &'a Stops,
    /// Cancelled by any event that ends the run.
    stop: CancellationToken,
    progress: &'a dyn SyncListener,
    tally: Tally,
    /// Parents of threads that could not be read completely.
    unfinished: Mutex<HashSet<ChannelId>>,
}

impl Run<'_> {
    /// Stores the progress of the job periodically, and cancels the run if the stored job has a cancel request.
    async fn persist_progress(&self) -> Infallible {
        let mut due = interval(SAVE);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let now = Job { progress: self.tally.progress(), ..self.job.clone() };
            match retry(&LOST_RACE, SyncError::is_retryable, || self.save(&now)).await {
                Ok(true) => self.stops.cancel.cancel(),
                Ok(false) | Err(SyncError::Deposed) => {}
                Err(error) => warn!(job.id = %now.id, error = &error as &dyn std::error::Error, "job not persisted"),
            }
        }
    }

    /// Stops the run when the job is cancelled, or when another process has acquired the lease (`lost`).
    async fn watch_stop(&self, lost: &CancellationToken) -> Infallible {
        tokio::select! {
            () = self.stops.cancel.cancelled() => {}
            () = lost.cancelled() => {}
        }
        self.stop.cancel();
        std::future::pending().await
    }

    /// Waits until the grace period of a stopped run is over: a page can wait for minutes for its turn.
    async fn grace_elapsed(&self) {
        self.stop.cancelled().await;
        sleep(LEAVING).await;
    }

    /// Stores the job as it is now, except for a cancel request that arrived meanwhile; returns whether the job is to
    /// end. A job that has already ended stays as it is.
    async fn save(&self, now: &Job) -> Result<bool, SyncError> {
        let mut unit = self.begin().await?;
        let stored = unit.jobs().find(now.id).await?;
        if stored.as_ref().is_some_and(Job::has_ended) {
            return Ok(true);
        }
        let wished = stored.is_some_and(|stored| stored.cancel_requested);
        let mut now = Job { cancel_requested: wished, ..now.clone() };
        if wished && now.state == JobState::Queued {
            now.cancel(self.of.clock.now());
        }
        unit.jobs().upsert(&now).await?;
        unit.commit().await?;
        Ok(wished)
    }

    /// Returns the job in its final state.
    fn ended(&self, outcome: Result<(), SyncError>) -> Job {
        let mut job = Job { progress: self.tally.progress(), ..self.job.clone() };
        let now = self.of.clock.now();
        match outcome {
            // An error after the stop is ignored: a lasting one will occur again in the next run.
            _ if self.stops.cancel.is_cancelled() => job.cancel(now),
            _ if self.stop.is_cancelled() => job.leave(),
            Err(error) => job.end(Err(error.to_string()), now),
            Ok(()) => job.end(self.tally.failures().map_or(Ok(()), Err), now),
        }
        job
    }

    /// Begins a unit of work that commits only while this process is the leader.
    async fn begin(&self) -> Result<LedUnit<'_>, SyncError> {
        self.leader.begin().await?.ok_or(SyncError::Deposed)
    }

    /// Reads all requested channels. A failure of a single channel is recorded and does not stop the others.
    async fn all(&self) -> Result<(), SyncError> {
        let identity = self.request(|| self.of.source.identify()).await?;
        if !identity.reads_content {
            return Err(GuildError::ContentOff.into());
        }
        let structure = self.request(|| self.of.source.structure(&self.scope)).await?;
        self.store_structure(&structure).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let (listed, ()) = tokio::try_join!(self.list(&structure, queue), self.walk_all(waiting))?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.store_listed(listed).await?;
        // The tenant's other runs fetch files: two runs at once would fetch the same ones.
        if self.job.background { Ok(()) } else { self.fetch_files().await }
    }

    /// Returns the time of the first start of this job: the run may have missed anything later.
    fn began(&self) -> Timestamp {
        self.job.started_at.unwrap_or(self.job.created_at)
    }

    /// Reads the channels of the queue, many at the same time.
    async fn walk_all(&self, mut waiting: mpsc::Receiver<GuildChannel>) -> Result<(), SyncError> {
        let mut walks = FuturesUnordered::new();
        let most = if self.job.background { BACKGROUND_WALKS } else { WALKS };
        loop {
            tokio::select! {
                Some(channel) = waiting.recv(), if walks.len() < most => walks.push(self.walk(channel)),
                Some(done) = walks.next() => done?,
                else => return Ok(()),
            }
        }
    }

    /// Returns whether a channel, or the parent of a thread, was requested.
    fn is_wanted(&self, channel: &GuildChannel, structure: &GuildStructure) -> bool {
        let wanted: &[ChannelSnowflake] = &self.job.scope.channels;
        let parent = structure.channels.iter().find(|other| Some(other.channel.id) == channel.channel.parent_id);
        wanted.is_empty()
            || wanted.contains(&channel.channel.platform_id)
            || parent.is_some_and(|parent| wanted.contains(&parent.channel.platform_id))
    }

    /// Puts every requested channel and thread into the queue; returns how the threads of each parent were listed.
    async fn list(
        &self,
        structure: &GuildStructure,
        queue: mpsc::Sender<GuildChannel>,
    ) -> Result<Vec<Listed>, SyncError> {
        let mut seen = HashSet::new();
        let mut channels: Vec<_> = structure.channels.iter().filter(|at| self.is_wanted(at, structure)).collect();
        // The most recently active channels come first.
        channels.sort_by_key(|channel| std::cmp::Reverse(channel.last_message_id));
        for channel in &channels {
            self.enqueue(&queue, &mut seen, (*channel).clone()).await;
        }
        self.list_named(structure, &queue, &mut seen).await?;
        self.list_threads(structure, &queue, &mut seen).await
    }

    /// Queues the channels that were requested by id and are not in the structure: threads, mostly archived ones, and
    /// channels that do not exist. A stored one that does not exist is marked deleted.
    async fn list_named(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        for named in self.job.scope.channels.iter().filter(|id| structure.channel(**id).is_none()) {
            match self.request(|| self.of.source.find_channel(&self.scope, structure, *named)).await {
                Ok(found) => {
                    self.store_channels(&[&found]).await?;
                    self.enqueue(queue, seen, found).await;
                }
                Err(error) => {
                    let id = ChannelId::of(self.scope.tenant, *named);
                    let load = async || Ok(self.of.store.read().await?.channels().find(id).await?);
                    match (self.in_store(load).await?, error) {
                        (Some(stored), error) => self.record_missing(&stored, error).await?,
                        (None, error) => self.fail(&format!("channel {named}"), error)?,
                    }
                }
            }
        }
        Ok(())
    }

    async fn enqueue(
        &self,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
        channel: GuildChannel,
    ) {
        if channel.holds_messages() && seen.insert(channel.channel.platform_id) {
            self.tally.found();
            // The receiver is dropped only after a failure, which `walk_all` reports.
            queue.send(channel).await.ok();
        }
    }

    /// Runs `work` in the store, with retries.
    async fn in_store<T, F: Future<Output = Result<T, SyncError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, SyncError> {
        in_store(&self.stop, work).await
    }

    /// Calls the platform while this process holds the lease, with retries after the delay that a transient error
    /// names.
    async fn request<T, F: Future<Output = Result<T, GuildError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, GuildError> {
        let once = async || {
            self.leader.allowed().await;
            self.tally.request();
            call().await
        };
        let pause = |error: &GuildError| error.retry_after().inspect(|_| self.tally.waited());
        retry_until(&self.stop, &PLATFORM, pause, once).await
    }
}
