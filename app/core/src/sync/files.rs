//! Fetches the files of messages, after the messages themselves.

use std::collections::{BTreeMap, HashMap};
use std::future::pending;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use domain::channel::ChannelId;
use domain::job::Progress;
use domain::media::{File, FileKey, FileState};
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::{StreamExt, stream};
use ports::error::StoreError;
use ports::guild::GuildError;
use ports::media::{FetchError, FileSource, MediaError, MediaStore, Refreshed, SeenFile};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, debug_span, error, field, info, warn};

use super::fetcher::Fetcher;
use super::leader::Leader;
use super::tally::Tally;
use super::{SyncError, Syncer, in_store};
use crate::ingest::{Ingest, IngestError, record_results};
use crate::stored::{forget_tenant, store_bytes};

/// The number of files that one run fetches at the same time.
pub(super) const FETCHES: usize = 8;
/// The minimum time that a batch of files is given.
const BATCH: Duration = Duration::from_mins(2);

/// The source of files, and the store for them.
pub struct Files {
    pub(super) source: Arc<dyn FileSource>,
    pub(super) media: Arc<dyn MediaStore>,
    limits: FileLimits,
}

/// The bounds on the files of one run.
#[derive(Debug, Clone, Copy)]
pub struct FileLimits {
    /// The largest size to fetch; a larger file is not fetched.
    pub size_bytes: u64,
    /// The time after which the run leaves the rest to the next one; `None` for no bound.
    pub time: Option<Duration>,
}

impl Files {
    /// Fetches from `source` into `media`, within `limits`.
    #[must_use]
    pub fn new(source: Arc<dyn FileSource>, media: Arc<dyn MediaStore>, limits: FileLimits) -> Self {
        Self { source, media, limits }
    }
}

/// A file to fetch, and its attachment as stored.
struct Wanted {
    file: File,
    seen: SeenFile,
}

/// The totals of one run.
#[derive(Default)]
struct Sum {
    stored: u64,
    gone: u64,
    later: u64,
    failed: u64,
}

impl Sum {
    fn add(&mut self, state: FileState) {
        match state {
            FileState::Stored { .. } => self.stored += 1,
            FileState::Gone => self.gone += 1,
            FileState::Waiting { .. } => self.later += 1,
            FileState::Failed => self.failed += 1,
        }
    }
}

/// The results of a batch of files.
#[derive(Default)]
struct Batch {
    /// The processed files, with their new states.
    files: Vec<File>,
    /// The deletions of messages that no longer exist on the platform.
    deletions: BTreeMap<(ChannelId, MessageId), MessagePage>,
}

/// The number of files that are fetched between two units of work.
pub(super) const AT_ONCE: u32 = 50;

/// Returns the state of a file or picture that was `before`, after a request for its bytes; `None` if the media store
/// failed, as it would for the others. `failed` is told why it is to be requested again.
pub(super) fn state_of(
    fetched: Result<(FileState, u64), MediaError>,
    before: FileState,
    now: Timestamp,
    failed: impl FnOnce(&'static str),
) -> Option<FileState> {
    match fetched {
        Ok((stored, _)) => Some(stored),
        Err(MediaError::Fetch(FetchError::Gone)) => Some(FileState::Gone),
        Err(MediaError::Fetch(FetchError::TooLarge)) => Some(FileState::Failed),
        Err(MediaError::Fetch(FetchError::Failed(reason))) => {
            failed(reason);
            Some(before.after_failure(now))
        }
        Err(MediaError::Io(failed)) => {
            error!(error = &failed as &dyn std::error::Error, "media store failed");
            None
        }
    }
}

/// The media store has failed: the other files would fail likewise.
struct NoRoom;

/// Fetches the files of one tenant.
pub(super) struct FileRun<'a> {
    pub(super) of: &'a Syncer,
    pub(super) tenant: TenantId,
    pub(super) leader: &'a Leader,
    pub(super) stop: &'a CancellationToken,
    pub(super) fetcher: &'a Fetcher<'a>,
    pub(super) ingest: &'a Ingest,
}

impl Syncer {
    /// Fetches the due files of a tenant while `leader` leads, until `stop`. Files that a run of a job fetches already
    /// are left to it.
    ///
    /// # Errors
    /// [`SyncError`].
    pub(crate) async fn fetch_files(
        &self,
        tenant: TenantId,
        leader: &Leader,
        stop: &CancellationToken,
    ) -> Result<(), SyncError> {
        let tally = Tally::new(Progress::default());
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let ingest = Ingest::new(store, clock, tenant, leader.fence(), stop.clone());
        let fetcher = Fetcher::new(leader, &tally, stop);
        FileRun { of: self, tenant, leader, stop, fetcher: &fetcher, ingest: &ingest }.fetch_files().await
    }

    /// Returns the turn of a tenant: its files are fetched by one run at a time.
    fn turn_of(&self, tenant: TenantId) -> Arc<Mutex<()>> {
        let mut turns = self.file_turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(tenant).or_default())
    }
}

impl FileRun<'_> {
    /// Fetches the due files of the tenant, then its due pictures, until the time is over or all files of a batch fail. A
    /// failed file does not stop the others, and never the run.
    pub(super) async fn fetch_files(&self) -> Result<(), SyncError> {
        let Some(files) = &self.of.files else { return Ok(()) };
        let tenant = self.tenant;
        let turn = self.of.turn_of(tenant);
        let _turn = turn.lock().await;
        // A file that fails from here on is due after this moment, so that each is attempted once in a run.
        let now = self.of.clock.now();
        let begun = Instant::now();
        let mut sum = Sum::default();
        let outcome: Result<(), SyncError> = loop {
            let due = async || Ok(self.of.store.read().await?.media().list_due(tenant, now, AT_ONCE).await?);
            let due = self.in_store(due).await?;
            if due.is_empty() || self.stop.is_cancelled() {
                break Ok(());
            }
            let (done, wanted) = self.in_store(|| self.sort_out(files, &due)).await?;
            let mut batch = Batch { files: done, ..Batch::default() };
            // Each batch gets a minimum of time even after the limit, so that every run makes progress.
            let end = files.limits.time.map(|time| (begun + time).max(Instant::now() + BATCH));
            let fetched = self.fetch(files, wanted, end, &mut batch).await;
            let Batch { files: mut done, deletions } = batch;
            self.store_deletions(deletions).await?;
            match self.in_store(|| self.record_files(&done)).await {
                Err(SyncError::Store(StoreError::Missing { .. })) => self.store_rest(files, &mut done).await?,
                stored => stored?,
            }
            for file in &done {
                sum.add(file.state);
            }
            let late = files.limits.time.is_some_and(|time| begun.elapsed() >= time);
            let all_fail = done.iter().all(|file| matches!(file.state, FileState::Waiting { .. }));
            match fetched {
                Ok(Ok(())) if late || all_fail => {
                    info!(tenant.id = %self.tenant, late, "files left to the next run");
                    break Ok(());
                }
                Ok(Ok(())) => {}
                Ok(Err(NoRoom)) => break Ok(()),
                Err(error) if error.is_fatal() => break Err(error.into()),
                Err(error) => {
                    warn!(tenant.id = %self.tenant, error = &error as &dyn std::error::Error, "files left to the next run");
                    break Ok(());
                }
            }
        };
        let Sum { stored, gone, later, failed } = sum;
        if stored + gone + later + failed > 0 {
            info!(tenant.id = %tenant, stored, gone, later, failed, "files fetched");
        }
        outcome?;
        self.fetch_pictures(files, files.limits.time.map(|time| begun + time)).await
    }

    /// Splits `due` into files that are not to be fetched, with their final states, and files to fetch. Not to be
    /// fetched: a file that is too large, or whose message is deleted or has a newer version without it.
    async fn sort_out(&self, files: &Files, due: &[File]) -> Result<(Vec<File>, Vec<Wanted>), SyncError> {
        let mut messages: HashMap<ChannelId, Vec<MessageId>> = HashMap::new();
        for file in due {
            messages.entry(file.key.channel).or_default().push(file.key.message);
        }
        let mut seen = HashMap::new();
        let mut at = self.of.store.read().await?;
        let channels: Vec<_> = messages.keys().copied().collect();
        for channel in at.channels().find_all(&channels).await? {
            let (platform_id, channel) = (channel.platform_id, channel.id);
            let ids = messages.remove(&channel).unwrap_or_default();
            let keys: Vec<_> = ids.into_iter().map(|id| (channel, id)).collect();
            let stored = at.messages().find_all(&keys).await?.into_iter();
            for message in stored.filter(|stored| !stored.is_deleted()).map(|stored| stored.message) {
                let small = message.attachments.into_iter().filter(|file| file.size_bytes <= files.limits.size_bytes);
                seen.extend(small.filter_map(|file| {
                    let (message, attachment, address) = (message.id, file.id, file.url?);
                    let key = FileKey { channel, message, attachment };
                    Some((key, SeenFile { channel: platform_id, message, attachment, address }))
                }));
            }
        }
        let (mut done, mut wanted) = (Vec::new(), Vec::new());
        for file in due {
            match seen.remove(&file.key) {
                Some(seen) => wanted.push(Wanted { file: *file, seen }),
                None => done.push(File { state: FileState::Failed, ..*file }),
            }
        }
        Ok((done, wanted))
    }

    /// Fetches files under fresh addresses, and adds to `batch` the result of each that was completed before `end`.
    async fn fetch(
        &self,
        files: &Files,
        wanted: Vec<Wanted>,
        end: Option<Instant>,
        batch: &mut Batch,
    ) -> Result<Result<(), NoRoom>, GuildError> {
        if wanted.is_empty() {
            return Ok(Ok(()));
        }
        let seen: Vec<SeenFile> = wanted.iter().map(|wanted| wanted.seen.clone()).collect();
        let requested_at = self.of.clock.now();
        let fresh = self.fetcher.request(|| files.source.refresh(&seen)).await?;
        let mut addressed = Vec::new();
        for (wanted, fresh) in wanted.into_iter().zip(fresh) {
            let key = wanted.file.key;
            match fresh {
                Refreshed::Address(address) => addressed.push((wanted, Some(address))),
                Refreshed::Unknown => addressed.push((wanted, None)),
                Refreshed::MessageDeleted => {
                    let deletion = || MessagePage::deleted(key.channel, [key.message], requested_at);
                    batch.deletions.entry((key.channel, key.message)).or_insert_with(deletion);
                    batch.files.push(File { key, state: FileState::Gone });
                }
            }
        }
        let one = async |(wanted, address): (Wanted, Option<String>)| {
            let File { key, state } = wanted.file;
            let fetched = self.fetch_one(files, address.as_deref()).await;
            let state = state_of(fetched, state, self.of.clock.now(), |reason| {
                debug!(channel.id = %key.channel, message.id = %key.message, reason, "file not fetched");
            });
            Ok(File { key, state: state.ok_or(NoRoom)? })
        };
        let late = async { if let Some(end) = end { sleep_until(end).await } else { pending().await } };
        tokio::pin!(late);
        let mut underway = stream::iter(addressed.into_iter().map(one)).buffer_unordered(FETCHES);
        loop {
            let next = tokio::select! {
                biased;
                next = underway.next() => next,
                // The next run fetches the files in flight.
                () = self.stop.cancelled() => None,
                () = &mut late => None,
            };
            match next {
                Some(Ok(file)) => batch.files.push(file),
                Some(Err(no_room)) => return Ok(Err(no_room)),
                None => return Ok(Ok(())),
            }
        }
    }

    /// Marks messages deleted, each by a page that proves its deletion. One whose channel is no longer in the store is
    /// skipped.
    async fn store_deletions(&self, deletions: BTreeMap<(ChannelId, MessageId), MessagePage>) -> Result<(), SyncError> {
        for ((channel, _), deletion) in deletions {
            match self.ingest.store_page(channel, Arc::new(deletion), &[]).await {
                Ok(_) | Err(IngestError::Store(StoreError::Missing { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn fetch_one(&self, files: &Files, address: Option<&str>) -> Result<(FileState, u64), MediaError> {
        let address = address.ok_or(FetchError::Failed("its address is unknown"))?;
        self.leader.allowed().await;
        let span = debug_span!("media.fetch", bytes = field::Empty, outcome = field::Empty);
        let fetch = async {
            let bytes = files.source.fetch(address, files.limits.size_bytes).await?;
            store_bytes(&*files.media, self.tenant, bytes).await
        };
        let fetched = fetch.instrument(span.clone()).await;
        match &fetched {
            Ok((_, size_bytes)) => span.record("bytes", size_bytes),
            Err(error) => span.record("outcome", outcome(error)),
        };
        fetched
    }

    /// Stores the states of files after a channel of one of them was deleted: those of the other channels. If the whole
    /// tenant is deleted, deletes all of its bytes.
    async fn store_rest(&self, files: &Files, done: &mut Vec<File>) -> Result<(), SyncError> {
        let tenant = self.tenant;
        let channels: Vec<_> = done.iter().map(|file| file.key.channel).collect();
        let load = async || {
            let mut at = self.of.store.read().await?;
            let found = at.tenants().find(tenant).await?;
            Ok((found, at.channels().find_all(&channels).await?))
        };
        let (found, stored) = self.in_store(load).await?;
        if found.is_none() {
            forget_tenant(&*files.media, tenant).await;
            return Err(StoreError::Missing { what: "tenant" }.into());
        }
        done.retain(|file| stored.iter().any(|channel| channel.id == file.key.channel));
        self.in_store(|| self.record_files(done)).await
    }

    /// Runs `work` in the store, with retries.
    pub(super) async fn in_store<T, F: Future<Output = Result<T, SyncError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<T, SyncError> {
        in_store(self.stop, work).await
    }

    /// Records the states of processed files, under the lease.
    async fn record_files(&self, done: &[File]) -> Result<(), SyncError> {
        if done.is_empty() {
            return Ok(());
        }
        let mut unit = self.leader.begin_unit().await?;
        record_results(&mut *unit, self.tenant, done).await?;
        Ok(unit.commit().await?)
    }
}

/// Returns the outcome of a failed file for metrics: one of few words.
const fn outcome(error: &MediaError) -> &'static str {
    match error {
        MediaError::Fetch(FetchError::Gone) => "gone",
        MediaError::Fetch(FetchError::TooLarge) => "too_large",
        MediaError::Fetch(FetchError::Failed(_)) => "failed",
        MediaError::Io(_) => "not_stored",
    }
}
