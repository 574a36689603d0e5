//! Export files of other tools.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::export::ExportChannel;
use domain::guild::Role;
use domain::message::{AttachmentId, Message, MessageId};
use domain::picture::PictureKey;
use domain::pseudonym::{KnownPeople, Pseudonymizer};
use domain::tenant::{PlatformId, TenantId};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;

use crate::media::{FetchError, FileBytes};

/// Why a file could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or read.
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    /// It cannot be an export: a circular link to a folder, a FIFO, a device.
    #[error("{0}")]
    NotRegular(&'static str),
    /// It is not an export, or is malformed before its first message.
    #[error("{reason}")]
    Format {
        /// The fault, in one sentence.
        reason: String,
        /// Its position, in bytes from the start of the text, which is uncompressed.
        byte: u64,
    },
}

/// One export: a file, or an entry of a ZIP file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExportFile {
    /// The file.
    pub path: PathBuf,
    /// The name inside a ZIP file.
    pub entry: Option<String>,
    /// Its size on disk, compressed or not.
    pub stored_bytes: u64,
}

/// The files found under the paths that a caller gave.
#[derive(Debug, Default)]
pub struct Found {
    /// Possible exports, in the order in which they should be imported: by path, the parts of one export by their
    /// numbers.
    pub files: Vec<ExportFile>,
    /// Files that cannot be exports.
    pub failed: Vec<(ExportFile, SourceError)>,
}

/// The guild of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportGuild {
    /// The guild's id, or `0` for direct messages.
    pub platform_id: PlatformId,
    /// Its name, never empty.
    pub name: String,
}

/// The state of a file's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportEnd {
    /// Complete.
    Whole,
    /// Truncated, or with something unreadable.
    Broken {
        /// The fault, in one sentence.
        reason: String,
        /// Its position, in bytes from the start of the text, which is uncompressed.
        byte: u64,
    },
}

/// The part of an export that a file is. The only file of an export is its first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPart {
    /// The name that the parts of one export share, and no other file has: their folder and the file name without the
    /// number.
    pub of: String,
    /// The number of the part, from 1.
    pub number: u32,
}

/// The summary of an export after one pass through all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSummary {
    /// Its guild.
    pub guild: ExportGuild,
    /// Its channel, with `parent_id` unset and the fields that the file does not have at their defaults.
    pub channel: ExportChannel,
    /// When it was made; the last message's time if the file does not have it.
    pub exported_at: Timestamp,
    /// Whether it states the requested range of the channel. Otherwise an absent message proves nothing.
    pub has_range: bool,
    /// The message after which the requested range starts; `None` for the channel's start.
    pub after: Option<MessageId>,
    /// The part of an export that it is.
    pub part: ExportPart,
    /// The number of messages that can be read from it.
    pub messages: u64,
    /// The smallest and the largest id of them.
    pub ids: Option<(MessageId, MessageId)>,
    /// The order of their ids.
    pub order: MessageOrder,
    /// The roles of the people in it, ascending by id, each as the last message shows it.
    pub roles: Vec<Role>,
    /// The state of its end.
    pub end: ExportEnd,
    /// Messages that cannot be read although the file continues after them: the fault, and its position.
    pub unreadable: Vec<(String, u64)>,
    /// Its size, uncompressed.
    pub size_bytes: u64,
}

impl ExportSummary {
    /// Returns whether all of it can be read, to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.end == ExportEnd::Whole && self.unreadable.is_empty()
    }
}

/// The order of the ids of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOrder {
    /// Each larger than the one before.
    Ascending,
    /// Each smaller than the one before.
    Descending,
    /// Neither, or with duplicates.
    Mixed,
}

/// Reads the export files of other tools. Reading blocks, so an adapter does it off the runtime's threads.
#[async_trait]
pub trait ExportSource: Send + Sync {
    /// Finds possible exports under `paths`: files, ZIP files, and folders of them, recursively. A given path that does
    /// not exist is among the failed ones.
    async fn find(&self, paths: &[PathBuf]) -> Found;

    /// Reads a whole file and returns its summary. Retains only the names of its people, which `known` learns, and
    /// their roles; otherwise memory does not grow with its size. `on_progress` is called now and then with the number of the
    /// file's [`stored_bytes`](ExportFile::stored_bytes) read so far.
    ///
    /// # Errors
    /// [`SourceError`] if nothing of it can be used. A truncated file is not an error.
    async fn summarize(
        &self,
        file: &ExportFile,
        known: &Arc<Mutex<KnownPeople>>,
        on_progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<ExportSummary, SourceError>;

    /// Reads the messages of a summarized file, in its order, scrubbed by `people`. In every text that the exporter may
    /// have rendered, the name of a `known` person after an `@` becomes a mention.
    ///
    /// # Errors
    /// [`SourceError`] if the file cannot be opened.
    async fn read(
        &self,
        file: &ExportFile,
        tenant: TenantId,
        summary: &ExportSummary,
        people: Arc<Pseudonymizer>,
        known: Arc<KnownPeople>,
    ) -> Result<Box<dyn ExportReader>, SourceError>;

    /// Returns the bytes of a file beside the export, which a message of `file` names by `path`, at most `most` of
    /// them: from the export's folder, or from the ZIP file that contains the export. The path is matched ignoring
    /// case, and percent-encoded or not.
    ///
    /// # Errors
    /// [`FetchError`], before the first byte or after any. [`FetchError::Gone`] if there is no such regular file, or if
    /// the path leads outside the folders of copies.
    async fn open_beside(&self, file: &ExportFile, path: &str, most: u64) -> Result<FileBytes, FetchError>;
}

/// The messages of a file, as they are read.
#[async_trait]
pub trait ExportReader: Send {
    /// Returns the next messages, in the order of the file, and the position reached in it; `None` at its end.
    ///
    /// # Errors
    /// [`SourceError`] if reading fails.
    async fn next(&mut self) -> Result<Option<ExportBatch>, SourceError>;
}

/// A batch of messages that were read together.
#[derive(Debug)]
pub struct ExportBatch {
    /// The messages, at most 500, and fewer if they are large; of messages with the same id in one batch, the last
    /// stays.
    pub messages: Vec<Message>,
    /// The paths of files beside the export whose [`local_path`](domain::message::Attachment::local_path) was scrubbed,
    /// as the export has them. They locate the files and must not be stored or logged.
    pub beside: HashMap<(MessageId, AttachmentId), String>,
    /// The paths of the custom emoji and stickers beside the export that the messages may show. They must not be stored or
    /// logged, either.
    pub pictures: BTreeMap<PictureKey, String>,
    /// Messages that are too large for a page, to be set aside; [`ExportSummary::unreadable`] lists them, too.
    pub unreadable: Vec<Unreadable>,
    /// The position after the last of them, in bytes from the start of the uncompressed file.
    pub byte: u64,
}
