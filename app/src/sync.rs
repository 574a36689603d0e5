//! Copying a guild from its platform: what it has now, and everything that was written in it.

mod structure;
mod tally;
mod threads;
mod walk;

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::channel::ChannelSnowflake;
use domain::job::{Job, JobId, JobKind};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{PlatformId, Tenant, TenantId};
use futures::{StreamExt, TryStreamExt, stream};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::guild::{GuildChannel, GuildError, GuildScope, GuildSource, GuildStructure};
use ports::store::Store;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use self::tally::Tally;
use crate::retry::retry;

/// Channels that are read at the same time. The source keeps to the platform's limits; so many make sure that one that
/// is slow holds nobody up.
const WALKS: usize = 64;
/// Channels that wait to be read, so that a listing of any length takes no more room.
const WAITING: usize = 256;
/// How often a call is made that fails in a way that passes.
const TRIES: u32 = 5;
/// For how long a store that does not answer is asked again: a server that is started anew is back by then.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two of these tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How often the job is stored while it runs.
const SAVE: Duration = Duration::from_secs(2);

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// Everything again, not only what is new or was never read.
    pub full: bool,
    /// Only these channels and their threads, by the platform's ids; all if there are none.
    pub channels: Vec<ChannelSnowflake>,
}

impl SyncOptions {
    const fn kind(&self) -> JobKind {
        match (self.channels.is_empty(), self.full) {
            (false, _) => JobKind::Channels,
            (true, true) => JobKind::Full,
            (true, false) => JobKind::Incremental,
        }
    }
}

/// Why a sync did not begin or had to end.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no such tenant, or it is being deleted.
    #[error("there is no community {0}")]
    NotFound(TenantId),
    /// The tenant has an id that is none of a guild.
    #[error("{0} is no id of a guild")]
    NoGuild(PlatformId),
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

/// Copies guilds.
pub struct Syncer {
    store: Arc<dyn Store>,
    source: Arc<dyn GuildSource>,
    key: PseudonymKey,
    clock: Arc<dyn Clock>,
}

impl Syncer {
    /// Copies from `source` into `store`, with pseudonyms by `key`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, source: Arc<dyn GuildSource>, key: PseudonymKey, clock: Arc<dyn Clock>) -> Self {
        Self { store, source, key, clock }
    }

    /// Reads the guild of `tenant`, and gives the job as it ended: done, failed, or cancelled by `stop`. A job of the
    /// same kind that a process left behind is gone on with. Killed anywhere, the next run loses a page of work at most,
    /// because each page is stored with the proof of what it shows.
    ///
    /// # Errors
    /// [`SyncError`] if it could not even begin, or its end could not be stored.
    pub async fn run(
        &self,
        tenant: TenantId,
        options: &SyncOptions,
        stop: &CancellationToken,
        progress: &dyn Progress,
    ) -> Result<Job, SyncError> {
        let (tenant, mut job) = retry(SyncError::is_retryable, || self.begin(tenant, options)).await?;
        let run = self.prepare(&tenant, options, stop, progress)?;
        // Both go on at the same time: while the one waits for its turn in the store, the other may have it.
        let outcome = tokio::select! {
            outcome = run.all() => outcome,
            never = self.keep(&job, &run.tally) => match never {},
        };
        job.progress = run.tally.progress();
        let now = self.clock.now();
        match outcome {
            Err(error) => job.end(Err(error.to_string()), now),
            Ok(()) if stop.is_cancelled() => job.cancel(now),
            Ok(()) => job.end(run.tally.failures().map_or(Ok(()), Err), now),
        }
        run.in_store(|| self.save(&job)).await?;
        let (state, messages) = (job.state.as_str(), job.progress.messages);
        info!(tenant.id = %job.tenant_id, job.id = %job.id, state, messages, "a sync ended");
        Ok(job)
    }

    /// Stores how far the job is, again and again.
    async fn keep(&self, job: &Job, tally: &Tally) -> Infallible {
        let mut due = interval(SAVE);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            if let Err(error) = self.save(&Job { progress: tally.progress(), ..job.clone() }).await {
                warn!(job.id = %job.id, error = &error as &dyn std::error::Error, "a job was not stored");
            }
        }
    }

    /// The tenant, and its job, which runs from now on.
    async fn begin(&self, tenant: TenantId, options: &SyncOptions) -> Result<(Tenant, Job), SyncError> {
        let (now, kind) = (self.clock.now(), options.kind());
        let mut unit = self.store.begin().await?;
        let found = unit.tenants().find(tenant).await?.filter(|tenant| tenant.deleting_since.is_none());
        let tenant = found.ok_or(SyncError::NotFound(tenant))?;
        let left = unit.jobs().list_unfinished(100).await?;
        let left = left.into_iter().find(|job| job.tenant_id == tenant.id && job.kind == kind);
        let mut job = left.unwrap_or_else(|| Job::new(JobId(Uuid::new_v4()), tenant.id, kind, now));
        job.start(now);
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok((tenant, job))
    }

    fn prepare<'a>(
        &'a self,
        tenant: &Tenant,
        options: &'a SyncOptions,
        stop: &'a CancellationToken,
        progress: &'a dyn Progress,
    ) -> Result<Run<'a>, SyncError> {
        let guild = tenant.platform_id.as_str().parse();
        let guild = guild.map_err(|_| SyncError::NoGuild(tenant.platform_id.clone()))?;
        let people = Arc::new(Pseudonymizer::new(&self.key, tenant.id));
        let scope = GuildScope { tenant: tenant.id, guild, people };
        Ok(Run { of: self, scope, options, stop, progress, tally: Tally::default() })
    }

    async fn save(&self, job: &Job) -> Result<(), StoreError> {
        let mut unit = self.store.begin().await?;
        unit.jobs().upsert(job).await?;
        unit.commit().await
    }
}

impl SyncError {
    const fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

/// One sync under way.
struct Run<'a> {
    of: &'a Syncer,
    scope: GuildScope,
    options: &'a SyncOptions,
    stop: &'a CancellationToken,
    progress: &'a dyn Progress,
    tally: Tally,
}

impl Run<'_> {
    /// Reads everything that was asked for. What fails for one channel alone is noted and stops no other.
    async fn all(&self) -> Result<(), SyncError> {
        let identity = self.ask(|| self.of.source.identify()).await?;
        if !identity.reads_content {
            return Err(GuildError::ContentOff.into());
        }
        let structure = self.ask(|| self.of.source.structure(&self.scope)).await?;
        self.store_structure(&structure).await?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let waiting = stream::unfold(waiting, async |mut waiting| Some((waiting.recv().await?, waiting)));
        let walks = waiting.map(Ok).try_for_each_concurrent(WALKS, |channel| async move { self.walk(channel).await });
        tokio::try_join!(self.list(&structure, queue), walks)?;
        Ok(())
    }

    /// Whether a channel, or a thread of it, is among those that were asked for.
    fn is_wanted(&self, channel: &GuildChannel, structure: &GuildStructure) -> bool {
        let wanted: &[ChannelSnowflake] = &self.options.channels;
        let parent = structure.channels.iter().find(|other| Some(other.channel.id) == channel.channel.parent_id);
        wanted.is_empty()
            || wanted.contains(&channel.channel.platform_id)
            || parent.is_some_and(|parent| wanted.contains(&parent.channel.platform_id))
    }

    /// Lets every channel and thread that was asked for into the queue.
    async fn list(&self, structure: &GuildStructure, queue: mpsc::Sender<GuildChannel>) -> Result<(), SyncError> {
        let mut seen = HashSet::new();
        let mut channels: Vec<_> = structure.channels.iter().filter(|at| self.is_wanted(at, structure)).collect();
        // Where people talk now comes first.
        channels.sort_by_key(|channel| std::cmp::Reverse(channel.last_message_id));
        for channel in &channels {
            self.enqueue(&queue, &mut seen, (*channel).clone()).await;
        }
        self.list_threads(structure, &queue, &mut seen).await
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

    /// Does `work` in the store: again where it lost a race, and again for a while where nobody answers. All that is
    /// written here is the same when it is written twice.
    async fn in_store<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match retry(StoreError::is_retryable, &work).await {
                Err(StoreError::Unavailable(error)) if Instant::now() < deadline && !self.stop.is_cancelled() => {
                    warn!(error = &*error as &dyn std::error::Error, "the store does not answer; asking it again");
                    sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Calls the platform, again after the time that it names where that helps.
    async fn ask<T, F: Future<Output = Result<T, GuildError>>>(&self, call: impl Fn() -> F) -> Result<T, GuildError> {
        for _ in 1..TRIES {
            self.tally.request();
            match call().await {
                Err(error) => {
                    let Some(wait) = error.retry_after() else { return Err(error) };
                    self.tally.waited();
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.stop.cancelled() => return Err(error),
                    }
                }
                answer => return answer,
            }
        }
        self.tally.request();
        call().await
    }
}
