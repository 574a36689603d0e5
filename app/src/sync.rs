//! Copying a guild from its platform: what it has now, and everything that was written in it.

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
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use self::files::{FileLimits, Files};
use self::leader::LedUnit;
pub use self::leader::{Candidate, Leader};
pub use self::request::{SyncJobs, SyncJobsError, SyncMode};
use self::tally::Tally;
use self::threads::Listed;
pub use self::worker::{Schedule, Worker};
use crate::retry::retry;

/// Channels that are read at the same time. The source keeps to the platform's limits; so many make sure that one that
/// is slow holds nobody up.
const WALKS: usize = 64;
/// The same of a background pass: few, and each waits [`PACE`] between two pages, so that the platform's limits of a
/// channel are never used up by it.
const BACKGROUND_WALKS: usize = 2;
/// What a background pass waits after each page.
const PACE: Duration = Duration::from_secs(2);
/// Channels that wait to be read, so that a listing of any length takes no more room.
const WAITING: usize = 256;
/// How often a call is made that fails in a way that passes.
const TRIES: u32 = 5;
/// For how long a store that does not answer is asked again: a server that is started anew is back by then.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// How many of a tenant's latest jobs are searched for its last run of everything.
const LATEST: u32 = 100;
/// Between two of these tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How long a run that is to end may go on with the pages that it is at.
const LEAVING: Duration = Duration::from_secs(5);
/// How often the job is stored while it runs.
const SAVE: Duration = Duration::from_secs(2);

/// Pages that are read and stored at the same time, by all runs of one process: they are what takes memory. Who waits
/// for a place gets it in turn, so that a small community waits no longer for a page than a large one.
const PAGES: usize = 64;

/// Why a sync did not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no such tenant, or it is being deleted.
    #[error("there is no community {0}")]
    NotFound(TenantId),
    /// The tenant has an id that is none of a guild.
    #[error("{0} is no id of a guild")]
    NoGuild(PlatformId),
    /// Another process has taken the work over, and goes on with it.
    #[error("another process works with the token now")]
    Deposed,
    /// The platform.
    #[error(transparent)]
    Guild(#[from] GuildError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hears how far a sync is.
pub trait Progress: Send + Sync {
    /// A channel or thread is read from now on.
    fn begin(&self, channel: &GuildChannel);
    /// It is read no more.
    fn end(&self, channel: &GuildChannel);
    /// So much is done.
    fn at(&self, progress: domain::job::Progress);
}

/// What ends a run before its time.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// Somebody wishes it: the job is cancelled.
    pub cancel: CancellationToken,
    /// The process ends, or may do the work no longer: the job is left for the next one.
    pub leave: CancellationToken,
}

/// Copies guilds.
pub struct Syncer {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    key: PseudonymKey,
    clock: Arc<dyn Clock>,
    pages: Semaphore,
    files: Option<Files>,
}

impl Syncer {
    /// Copies from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn GuildSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock, pages: Semaphore::new(PAGES), files: None }
    }

    /// Fetches the files of messages, too. Without it they are noted, and wait for one who does.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Does `job`, or goes on with it where another process left it, and gives it as it ended: done, failed, or
    /// cancelled; queued where it was left for another process. Killed anywhere, the next run loses a page of work at
    /// most, because each page is stored with the proof of what it shows. The caller keeps the lease of `leader`
    /// meanwhile.
    ///
    /// # Errors
    /// [`SyncError::Deposed`] if another process has taken the work over, now or meanwhile; any other if it could not even
    /// begin, or its end could not be stored.
    pub async fn run(
        &self,
        job: &Job,
        leader: &Leader,
        stops: &Stops,
        progress: &dyn Progress,
    ) -> Result<Job, SyncError> {
        let stop = stops.leave.child_token();
        let (scope, job) = patiently(&stop, || self.begin(job, leader)).await?;
        let Some(scope) = scope else { return Ok(job) };
        let last_completed = patiently(&stop, || self.last_completed(&job)).await?;
        let (tally, unfinished) = (Tally::new(job.progress), Mutex::default());
        let run = Run { of: self, scope, job: &job, last_completed, leader, stops, stop, progress, tally, unfinished };
        // All at the same time: while the one waits for its turn in the store, the other may have it.
        let outcome = tokio::select! {
            outcome = run.all() => outcome,
            // As good as killed: what was on its way is asked for again by the next run.
            () = run.overdue() => Ok(()),
            never = run.keep() => match never {},
            never = run.heed(leader.lost()) => match never {},
        };
        if leader.lost().is_cancelled() {
            return Err(SyncError::Deposed);
        }
        let end = run.ended(outcome);
        run.in_store(|| run.save(&end)).await?;
        let (state, messages) = (end.state.as_str(), end.progress.messages);
        info!(tenant.id = %end.tenant_id, job.id = %end.id, state, messages, "sync ended");
        Ok(end)
    }

    /// What to read, and the job, which runs from now on; nothing to read where it has ended or cannot begin.
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

    /// When the last run before `job` began that read everything and failed nowhere, as far as the latest jobs tell.
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

/// Does `work` in the store: again where it lost a race, and again for a while where nobody answers, unless `stop` is
/// cancelled. All that is written by syncs is the same when it is written twice.
async fn patiently<T, F: Future<Output = Result<T, SyncError>>>(
    stop: &CancellationToken,
    work: impl Fn() -> F,
) -> Result<T, SyncError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match retry(SyncError::is_retryable, &work).await {
            Err(SyncError::Store(error)) if error.passes() && Instant::now() < deadline && !stop.is_cancelled() => {
                warn!(error = &error as &dyn std::error::Error, "store unavailable; retrying");
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// One sync under way.
struct Run<'a> {
    of: &'a Syncer,
    scope: GuildScope,
    job: &'a Job,
    /// When the last run began that read everything.
    last_completed: Option<Timestamp>,
    leader: &'a Leader,
    stops: &'a Stops,
    /// Is cancelled by whatever ends the run.
    stop: CancellationToken,
    progress: &'a dyn Progress,
    tally: Tally,
    /// Parents of threads that could not be read whole.
    unfinished: Mutex<HashSet<ChannelId>>,
}

impl Run<'_> {
    /// Stores how far the job is, again and again, and hears whether somebody wishes its end.
    async fn keep(&self) -> Infallible {
        let mut due = interval(SAVE);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let now = Job { progress: self.tally.progress(), ..self.job.clone() };
            match retry(SyncError::is_retryable, || self.save(&now)).await {
                Ok(true) => self.stops.cancel.cancel(),
                Ok(false) | Err(SyncError::Deposed) => {}
                Err(error) => warn!(job.id = %now.id, error = &error as &dyn std::error::Error, "job not persisted"),
            }
        }
    }

    /// Stops the run when somebody wishes so, or when another process has `lost` it for this one.
    async fn heed(&self, lost: &CancellationToken) -> Infallible {
        tokio::select! {
            () = self.stops.cancel.cancelled() => {}
            () = lost.cancelled() => {}
        }
        self.stop.cancel();
        std::future::pending().await
    }

    /// Waits until a run that was to end should long have done so: a page can wait for minutes for its turn.
    async fn overdue(&self) {
        self.stop.cancelled().await;
        sleep(LEAVING).await;
    }

    /// Stores the job as it is now, but for a wish that came meanwhile; tells whether somebody wishes its end. A job that
    /// somebody has ended stays so.
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

    /// The job as it ended.
    fn ended(&self, outcome: Result<(), SyncError>) -> Job {
        let mut job = Job { progress: self.tally.progress(), ..self.job.clone() };
        let now = self.of.clock.now();
        match outcome {
            // What went wrong while it was to end will do so again, if it is more than that.
            _ if self.stops.cancel.is_cancelled() => job.cancel(now),
            _ if self.stop.is_cancelled() => job.leave(),
            Err(error) => job.end(Err(error.to_string()), now),
            Ok(()) => job.end(self.tally.failures().map_or(Ok(()), Err), now),
        }
        job
    }

    /// A unit that happens only while this process works for the token.
    async fn begin(&self) -> Result<LedUnit<'_>, SyncError> {
        self.leader.begin().await?.ok_or(SyncError::Deposed)
    }

    /// Reads everything that was asked for. What fails for one channel alone is noted and stops no other.
    async fn all(&self) -> Result<(), SyncError> {
        let identity = self.ask(|| self.of.source.identify()).await?;
        if !identity.reads_content {
            return Err(GuildError::ContentOff.into());
        }
        let structure = self.ask(|| self.of.source.structure(&self.scope)).await?;
        self.store_structure(&structure).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let (listed, ()) = tokio::try_join!(self.list(&structure, queue), self.walk_all(waiting))?;
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.store_listed(listed).await?;
        // The tenant's other runs fetch files: two at once would fetch the same ones.
        if self.job.background { Ok(()) } else { self.fetch_files().await }
    }

    /// When the run began, or the first attempt at it: what happened since then, it may have missed.
    fn began(&self) -> Timestamp {
        self.job.started_at.unwrap_or(self.job.created_at)
    }

    /// Reads what comes out of the queue, many channels at the same time.
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

    /// Whether a channel, or a thread of it, is among those that were asked for.
    fn is_wanted(&self, channel: &GuildChannel, structure: &GuildStructure) -> bool {
        let wanted: &[ChannelSnowflake] = &self.job.scope.channels;
        let parent = structure.channels.iter().find(|other| Some(other.channel.id) == channel.channel.parent_id);
        wanted.is_empty()
            || wanted.contains(&channel.channel.platform_id)
            || parent.is_some_and(|parent| wanted.contains(&parent.channel.platform_id))
    }

    /// Lets every channel and thread that was asked for into the queue; returns how the threads of each parent were
    /// listed.
    async fn list(
        &self,
        structure: &GuildStructure,
        queue: mpsc::Sender<GuildChannel>,
    ) -> Result<Vec<Listed>, SyncError> {
        let mut seen = HashSet::new();
        let mut channels: Vec<_> = structure.channels.iter().filter(|at| self.is_wanted(at, structure)).collect();
        // Where people talk now comes first.
        channels.sort_by_key(|channel| std::cmp::Reverse(channel.last_message_id));
        for channel in &channels {
            self.enqueue(&queue, &mut seen, (*channel).clone()).await;
        }
        self.list_named(structure, &queue, &mut seen).await?;
        self.list_threads(structure, &queue, &mut seen).await
    }

    /// Channels that were asked for by name and are none of the structure: threads, archived ones above all, and what
    /// those that do not exist: one that is stored is marked deleted then.
    async fn list_named(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        for named in self.job.scope.channels.iter().filter(|id| structure.channel(**id).is_none()) {
            match self.ask(|| self.of.source.find_channel(&self.scope, structure, *named)).await {
                Ok(found) => {
                    self.store_channels(&[&found]).await?;
                    self.enqueue(queue, seen, found).await;
                }
                Err(error) => {
                    let id = ChannelId::of(self.scope.tenant, *named);
                    let look = async || Ok(self.of.store.read().await?.channels().find(id).await?);
                    match (self.in_store(look).await?, error) {
                        (Some(stored), error) => self.settle_absent(&stored, error).await?,
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
            // Nobody listens any more only where the run has failed, which is told there.
            queue.send(channel).await.ok();
        }
    }

    /// Does `work` in the store.
    async fn in_store<T, F: Future<Output = Result<T, SyncError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, SyncError> {
        patiently(&self.stop, work).await
    }

    /// Calls the platform as long as nobody else may, again after the time that it names where that helps.
    async fn ask<T, F: Future<Output = Result<T, GuildError>>>(&self, call: impl Fn() -> F) -> Result<T, GuildError> {
        for _ in 1..TRIES {
            self.leader.allowed().await;
            self.tally.request();
            match call().await {
                Err(error) => {
                    let Some(wait) = error.retry_after() else { return Err(error) };
                    warn!(job.id = %self.job.id, error = &error as &dyn std::error::Error, "platform unavailable; retrying later");
                    self.tally.waited();
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.stop.cancelled() => return Err(error),
                    }
                }
                answer => return answer,
            }
        }
        self.leader.allowed().await;
        self.tally.request();
        call().await
    }
}
