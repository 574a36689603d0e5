//! Imports the files beside an export: their bytes are stored after the messages that name them.

use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use domain::channel::ChannelId;
use domain::media::{File, FileKey, FileState};
use domain::message::{AttachmentId, Message, MessageId};
use domain::page::MessagePage;
use domain::tenant::TenantId;
use futures::{StreamExt, TryStreamExt, stream};
use ports::error::StoreError;
use ports::media::{FetchError, MediaError, MediaStore};
use ports::source::ExportFile;
use ports::store::UnitOfWork;
use tracing::warn;

use super::plan::Planned;
use super::{ImportError, ImportListener, Importer, retried};
use crate::ingest::record_results;
use crate::stored::{forget_tenant, store_bytes};

/// The number of files that are stored at the same time.
pub(super) const AT_ONCE: usize = 8;
/// The number of files whose states are stored in one unit: an interrupted import repeats at most this many. Their
/// messages are loaded at once, which must be at most 200.
pub(super) const STEP: usize = 50;
/// The number of messages that are loaded at once, which must be at most 200.
const KEYS: usize = 200;

/// The store for the files beside exports.
pub(super) struct Files {
    pub(super) media: Arc<dyn MediaStore>,
    /// The largest size to store; 0 stores none.
    pub(super) size_bytes: u64,
}

impl Files {
    pub(super) const fn new(media: Arc<dyn MediaStore>, size_bytes: u64) -> Self {
        Self { media, size_bytes }
    }
}

/// The counts of the files beside an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// The number of files whose bytes were stored, or would be.
    pub stored: u64,
    /// The size of those files.
    pub stored_bytes: u64,
    /// The number of files whose bytes were stored before.
    pub unchanged: u64,
    /// The number of files that are not beside the export.
    pub missing: u64,
    /// The number of files that are larger than the limit.
    pub too_large: u64,
    /// The number of unreadable files.
    pub failed: u64,
}

impl AddAssign for FileCounts {
    fn add_assign(&mut self, other: Self) {
        self.stored += other.stored;
        self.stored_bytes += other.stored_bytes;
        self.unchanged += other.unchanged;
        self.missing += other.missing;
        self.too_large += other.too_large;
        self.failed += other.failed;
    }
}

/// Counts the files of all exports, and reports the progress.
pub(super) struct Tally<'a> {
    progress: &'a dyn ImportListener,
    files: AtomicU64,
    bytes: AtomicU64,
    /// The files that a dry run has counted as stored: another export can contain them, too.
    counted: Mutex<HashSet<FileKey>>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(progress: &'a dyn ImportListener) -> Self {
        Self { progress, files: AtomicU64::new(0), bytes: AtomicU64::new(0), counted: Mutex::default() }
    }

    fn add(&self, bytes: u64) {
        let files = self.files.fetch_add(1, Relaxed) + 1;
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        self.progress.files(files, bytes);
    }

    /// Returns whether a dry run counts the file for the first time.
    fn is_first(&self, key: FileKey) -> bool {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner).insert(key)
    }
}

/// The files of the messages that are not deleted.
pub(super) type Standing = HashMap<MessageId, Vec<AttachmentId>>;

/// Returns the files of these messages, as they are stored or would be. Files of a deleted message are not shown.
fn files_of<'a>(messages: impl Iterator<Item = &'a Message>) -> Standing {
    let ids = |message: &Message| message.attachments.iter().map(|file| file.id).collect();
    messages.map(|message| (message.id, ids(message))).collect()
}

/// Returns the files of the messages of a page that a dry run has written and not committed.
pub(super) async fn standing(
    unit: &mut dyn UnitOfWork,
    channel: ChannelId,
    page: &MessagePage,
) -> Result<Standing, StoreError> {
    let with_files = page.messages().iter().filter(|message| !message.attachments.is_empty());
    let keys: Vec<_> = with_files.map(|message| (channel, message.id)).collect();
    let mut standing = Standing::new();
    for keys in keys.chunks(KEYS) {
        let stored = unit.messages().find_all(keys).await?;
        let stored = stored.iter().filter(|stored| !stored.is_deleted());
        standing.extend(files_of(stored.map(|stored| &stored.message)));
    }
    Ok(standing)
}

/// Returns the files of the messages of a page of a community that is not stored yet.
pub(super) fn standing_of_new(page: &MessagePage) -> Standing {
    files_of(page.messages().iter())
}

/// A file that a message names beside its export.
struct Named {
    key: FileKey,
    path: String,
    known: Option<FileState>,
}

/// The result for one file.
enum Ended {
    Stored {
        state: FileState,
        size_bytes: u64,
    },
    /// A dry run has read this many bytes.
    Readable(u64),
    Unchanged,
    Missing,
    TooLarge,
    Failed(&'static str),
}

impl Importer {
    /// Stores the files of a page's messages, after the messages. `beside` has the paths that were scrubbed; `dry` has
    /// the files that a dry run would store for the page. Returns the counts of the files, and the reason if they
    /// cannot be stored at all.
    pub(super) async fn files(
        &self,
        planned: &Planned,
        page: &MessagePage,
        beside: &HashMap<(MessageId, AttachmentId), String>,
        dry: Option<&Standing>,
        tally: &Tally<'_>,
    ) -> Result<(FileCounts, Option<String>), ImportError> {
        let mut counts = FileCounts::default();
        let Some(files) = &self.files else { return Ok((counts, None)) };
        let channel = planned.channel.id;
        let mut paths: Vec<(FileKey, String)> = Vec::new();
        for message in page.messages() {
            let named = message.attachments.iter().filter_map(|file| {
                let stored = file.local_path.as_ref()?;
                Some((file.id, beside.get(&(message.id, file.id)).unwrap_or(stored).clone()))
            });
            paths.extend(named.map(|(attachment, path)| (FileKey { channel, message: message.id, attachment }, path)));
        }
        for paths in paths.chunks(STEP) {
            let named = retried(|| self.named(channel, paths, dry)).await?;
            let one = async |named: Named| {
                let ended = self.file_beside(files, planned, &named, dry.is_some()).await;
                (named, ended)
            };
            let mut underway = stream::iter(named.into_iter().map(one)).buffer_unordered(AT_ONCE);
            let (mut done, mut broken) = (Vec::new(), None);
            while let Some((Named { key, known, .. }, ended)) = underway.next().await {
                match ended {
                    Ok(Ended::Stored { state, size_bytes }) => {
                        counts.stored += 1;
                        counts.stored_bytes += size_bytes;
                        tally.add(size_bytes);
                        done.push(File { key, state });
                    }
                    Ok(Ended::Readable(size_bytes)) if tally.is_first(key) => {
                        counts.stored += 1;
                        counts.stored_bytes += size_bytes;
                    }
                    Ok(Ended::Readable(_) | Ended::Unchanged) => counts.unchanged += 1,
                    Ok(Ended::TooLarge) => {
                        counts.too_large += 1;
                        done.push(File { key, state: FileState::Failed });
                    }
                    Ok(Ended::Missing) => {
                        counts.missing += 1;
                        // A stored file whose bytes are lost may still be fetched from the platform.
                        if let Some(FileState::Stored { .. }) = known {
                            done.push(File { key, state: FileState::seen(self.clock.now()) });
                        }
                    }
                    Ok(Ended::Failed(reason)) => {
                        counts.failed += 1;
                        warn!(channel.id = %channel, message.id = %key.message, reason, "file not stored");
                    }
                    Err(failed) => broken = Some(format!("files cannot be stored in the media folder: {failed}")),
                }
            }
            if dry.is_none() {
                self.store_files(files, planned, &done).await?;
            }
            if broken.is_some() {
                return Ok((counts, broken));
            }
        }
        Ok((counts, None))
    }

    /// Returns those of the files that their stored messages still have, with the known state of each.
    async fn named(
        &self,
        channel: ChannelId,
        paths: &[(FileKey, String)],
        dry: Option<&Standing>,
    ) -> Result<Vec<Named>, ImportError> {
        let mut messages: Vec<_> = paths.iter().map(|(key, _)| (channel, key.message)).collect();
        messages.dedup();
        let mut at = self.store.read().await?;
        let stored;
        let standing = if let Some(standing) = dry {
            standing
        } else {
            let found = at.messages().find_all(&messages).await?;
            let found = found.iter().filter(|found| !found.is_deleted());
            stored = files_of(found.map(|found| &found.message));
            &stored
        };
        let known = at.media().find_all(&messages).await?;
        let known: HashMap<FileKey, FileState> = known.into_iter().map(|file| (file.key, file.state)).collect();
        let stands = |key: &FileKey| standing.get(&key.message).is_some_and(|files| files.contains(&key.attachment));
        let named = paths.iter().filter(|(key, _)| stands(key));
        Ok(named.map(|(key, path)| Named { key: *key, path: path.clone(), known: known.get(key).copied() }).collect())
    }

    /// Stores one file, unless its bytes are stored already with their content; a dry run reads it only.
    async fn file_beside(
        &self,
        files: &Files,
        planned: &Planned,
        named: &Named,
        dry_run: bool,
    ) -> std::io::Result<Ended> {
        let tenant = planned.channel.tenant_id;
        if let Some(FileState::Stored { hash, size_bytes, content: Some(_) }) = named.known
            && files.media.open(tenant, hash, 0, 0).await?.is_some_and(|kept| kept.size_bytes == size_bytes)
        {
            return Ok(Ended::Unchanged);
        }
        let file: &ExportFile = &planned.file;
        let outcome = match self.source.open_beside(file, &named.path, files.size_bytes).await {
            Ok(_) if files.size_bytes == 0 => Err(FetchError::TooLarge.into()),
            Ok(bytes) if dry_run => {
                let size_bytes = bytes.try_fold(0, async |size, piece| Ok(size + piece.len() as u64)).await;
                size_bytes.map(Ended::Readable).map_err(MediaError::from)
            }
            Ok(bytes) => store_bytes(&*files.media, tenant, bytes)
                .await
                .map(|(state, size_bytes)| Ended::Stored { state, size_bytes }),
            Err(error) => Err(error.into()),
        };
        match outcome {
            Ok(ended) => Ok(ended),
            Err(MediaError::Fetch(FetchError::Gone)) => Ok(Ended::Missing),
            Err(MediaError::Fetch(FetchError::TooLarge)) => Ok(Ended::TooLarge),
            Err(MediaError::Fetch(FetchError::Failed(reason))) => Ok(Ended::Failed(reason)),
            Err(MediaError::Io(error)) => Err(error),
        }
    }

    async fn store_files(&self, files: &Files, planned: &Planned, done: &[File]) -> Result<(), ImportError> {
        if done.is_empty() {
            return Ok(());
        }
        let stored = retried(|| self.store_files_once(planned, done)).await;
        self.forget_if_deleted(files, planned.channel.tenant_id, &stored).await?;
        stored
    }

    /// Deletes all bytes of a tenant whose files could not be recorded because it is deleted.
    pub(super) async fn forget_if_deleted(
        &self,
        files: &Files,
        tenant: TenantId,
        stored: &Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let Err(ImportError::Store(StoreError::Missing { .. })) = stored else { return Ok(()) };
        let found = self.store.read().await?.tenants().find(tenant).await?;
        if found.is_none_or(|tenant| tenant.deleting_since.is_some()) {
            forget_tenant(&*files.media, tenant).await;
        }
        Ok(())
    }

    async fn store_files_once(&self, planned: &Planned, done: &[File]) -> Result<(), ImportError> {
        let mut unit = self.store.begin().await?;
        record_results(&mut *unit, planned.channel.tenant_id, done).await?;
        Ok(unit.commit().await?)
    }
}
