//! Syncs a guild from its platform: its current structure, and the messages of its whole history.

mod fetcher;
mod files;
mod leader;
mod listing;
mod pictures;
mod recorder;
mod request;
mod structure;
mod tally;
mod threads;
mod walk;
mod worker;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::access::GuildChannel;
use domain::channel::ChannelId;
use domain::job::{Job, JobState};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{PlatformId, Tenant, TenantId};
use domain::timestamp::Timestamp;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::{GuildError, GuildScope, GuildSource};
use ports::page::Page;
use ports::store::Store;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug_span, info};

use self::fetcher::Fetcher;
use self::files::FileRun;
pub use self::files::{FileLimits, Files};
pub use self::leader::{Candidate, Leader};
pub(crate) use self::leader::{build_lease, snapshot_lease};
use self::listing::Listing;
use self::recorder::JobRecorder;
pub use self::request::{SyncJobs, SyncJobsError, SyncMode};
pub(crate) use self::structure::{reason, store_items};
use self::tally::Tally;
pub(crate) use self::worker::is_synced;
pub use self::worker::{Schedule, SyncLag, Worker};
use crate::ingest::{Ingest, IngestError};
use crate::retry::retry_in_store;

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

impl From<IngestError> for SyncError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Deposed => Self::Deposed,
            IngestError::Store(error) => Self::Store(error),
        }
    }
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
    /// A lock for each tenant whose files were fetched.
    file_turns: Mutex<HashMap<TenantId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Syncer {
    /// Returns a syncer that copies from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn GuildSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock, pages: Semaphore::new(PAGES), files: None, file_turns: Mutex::default() }
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
        let (job, tally) = (&job, &Tally::new(job.progress));
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let ingest = &Ingest::new(store, clock, job.tenant_id, leader.fence(), stop.clone());
        let (source, stop, scope) = (&*self.source, &stop, &scope);
        let fetcher = &Fetcher::new(leader, tally, stop);
        let listing = Listing { store: &*self.store, source, scope, job, leader, fetcher, ingest, tally, stop };
        let recorder = JobRecorder { job, leader, clock: &*self.clock, tally, stops, stop };
        let unfinished = Mutex::default();
        let run = Run {
            of: self,
            scope,
            job,
            last_completed,
            leader,
            stop,
            progress,
            tally,
            fetcher,
            ingest,
            listing,
            unfinished,
        };
        let span = debug_span!("job.run", kind = job.kind.as_str(), outcome = "interrupted");
        // All at the same time: while one waits for its turn in the store, another may have it.
        let work = async {
            tokio::select! {
                outcome = run.all() => outcome,
                // As if the process were killed: the next run repeats the requests in flight.
                () = grace_elapsed(stop) => Ok(()),
                never = recorder.persist_progress() => match never {},
                never = watch_stop(stops, leader.lost(), stop) => match never {},
            }
        };
        let outcome = work.instrument(span.clone()).await;
        if matches!(outcome, Err(SyncError::Deposed)) {
            leader.lose();
        }
        if leader.lost().is_cancelled() {
            return Err(SyncError::Deposed);
        }
        let end = recorder.persist_end(outcome).await?;
        span.record("outcome", end.state.as_str());
        let (state, messages) = (end.state.as_str(), end.progress.messages);
        info!(tenant.id = %end.tenant_id, job.id = %end.id, state, messages, "sync ended");
        Ok(end)
    }

    /// Marks the job as running, and returns the scope to read with it; no scope if the job has ended or cannot begin.
    async fn begin(&self, job: &Job, leader: &Leader) -> Result<(Option<GuildScope>, Job), SyncError> {
        let now = self.clock.now();
        let mut unit = leader.begin_unit().await?;
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
}

/// Runs `work` in the store: retries it after a lost race, and until `stop` also during an outage. All writes of syncs
/// are idempotent.
async fn in_store<T, F: Future<Output = Result<T, SyncError>>>(
    stop: &CancellationToken,
    work: impl Fn() -> F,
) -> Result<T, SyncError> {
    retry_in_store(stop, SyncError::of_store, work).await
}

/// Cancels `stop` when the job is cancelled, or when another process has acquired the lease (`lost`).
async fn watch_stop(stops: &Stops, lost: &CancellationToken, stop: &CancellationToken) -> Infallible {
    tokio::select! {
        () = stops.cancel.cancelled() => {}
        () = lost.cancelled() => {}
    }
    stop.cancel();
    std::future::pending().await
}

/// Waits until the grace period of a stopped run is over: a page can wait for minutes for its turn.
async fn grace_elapsed(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(LEAVING).await;
}

/// Returns the time of the first start of a job: its runs may have missed anything later.
fn began(job: &Job) -> Timestamp {
    job.started_at.unwrap_or(job.created_at)
}

/// One sync in progress: the order of its parts.
struct Run<'a> {
    of: &'a Syncer,
    scope: &'a GuildScope,
    job: &'a Job,
    /// The start time of the last run that read all channels without a failure.
    last_completed: Option<Timestamp>,
    leader: &'a Leader,
    /// Cancelled by any event that ends the run.
    stop: &'a CancellationToken,
    progress: &'a dyn SyncListener,
    tally: &'a Tally,
    fetcher: &'a Fetcher<'a>,
    ingest: &'a Ingest,
    listing: Listing<'a>,
    /// Parents of threads that could not be read completely.
    unfinished: Mutex<HashSet<ChannelId>>,
}

impl Run<'_> {
    /// Reads all requested channels. A failure of a single channel is recorded and does not stop the others.
    async fn all(&self) -> Result<(), SyncError> {
        let identity = self.fetcher.request(|| self.of.source.identify()).await?;
        if !identity.reads_content {
            return Err(GuildError::ContentOff.into());
        }
        let structure = self.fetcher.request(|| self.of.source.structure(self.scope)).await?;
        self.listing.store_structure(&structure).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let (listed, ()) = tokio::try_join!(self.listing.list(&structure, queue), self.walk_all(waiting))?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        let unfinished = self.unfinished().clone();
        self.listing.store_listed(listed, &unfinished).await?;
        // The tenant's other runs fetch files: two runs at once would fetch the same ones.
        if self.job.background {
            return Ok(());
        }
        let Run { of, leader, stop, fetcher, ingest, .. } = *self;
        FileRun { of, tenant: self.scope.tenant, leader, stop, fetcher, ingest }.fetch_files().await
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
}

#[cfg(test)]
mod tests;
