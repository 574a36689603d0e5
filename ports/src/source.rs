//! Files that other tools wrote.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::channel::{Channel, ChannelKind, ChannelSnowflake};
use domain::guild::Role;
use domain::json::Json;
use domain::message::{AttachmentId, Message, MessageId};
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
    /// It is no file that can be an export: a folder's link in a circle, a FIFO, a device.
    #[error("{0}")]
    NotRegular(&'static str),
    /// It is something else than an export, or breaks the form of one before its first message.
    #[error("{reason}")]
    Format {
        /// What it is or breaks, in one sentence.
        reason: String,
        /// Where, in bytes from its start (of the text, where it is compressed).
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
    /// What it takes where it lies, compressed or not.
    pub stored_bytes: u64,
}

/// What lies under the paths that somebody named.
#[derive(Debug, Default)]
pub struct Found {
    /// What may be exports, in the order in which they should be imported: by path, the parts of one export in the
    /// order of their numbers.
    pub files: Vec<ExportFile>,
    /// What cannot be.
    pub failed: Vec<(ExportFile, SourceError)>,
}

/// Whose export it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportGuild {
    /// The guild's id, or `0` for direct messages.
    pub platform_id: PlatformId,
    /// Its name, never empty.
    pub name: String,
}

/// What a file says of the parent of its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportParent {
    /// Its id.
    pub platform_id: ChannelSnowflake,
    /// Its name; empty if the file does not say.
    pub name: String,
    /// What it must be, going by what the file holds: a category, a forum, or a text or announcement channel.
    pub kind: ChannelKind,
}

/// Where a file ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportEnd {
    /// Where it should.
    Whole,
    /// Too early, or with something unreadable.
    Broken {
        /// What is wrong, in one sentence.
        reason: String,
        /// Where, in bytes from the start (of the text, where it is compressed).
        byte: u64,
    },
}

/// Which part of an export a file is. An export that has one file is its own first part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPart {
    /// What the parts of one export share, and no other file: their folder and the name without the number.
    pub of: String,
    /// From 1.
    pub number: u32,
}

/// What is known of an export after one look through all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSummary {
    /// Whose it is.
    pub guild: ExportGuild,
    /// Its channel, with `parent_id` unset and the fields that the file does not have at their defaults.
    pub channel: ExportChannel,
    /// When it was made; the last message's time where the file does not say.
    pub exported_at: Timestamp,
    /// Whether it says which range of the channel was asked for. A file that does not proves nothing about what it lacks.
    pub has_range: bool,
    /// Only messages after this one were asked for; `None` for all from the channel's start.
    pub after: Option<MessageId>,
    /// Which part of an export it is.
    pub part: ExportPart,
    /// How many messages can be read from it.
    pub messages: u64,
    /// The smallest and the largest id of them.
    pub ids: Option<(MessageId, MessageId)>,
    /// Whether their ids go up from one to the next, go down, or neither.
    pub order: MessageOrder,
    /// The roles of the people in it, ascending by id, each as the last message shows it.
    pub roles: Vec<Role>,
    /// Where it ends.
    pub end: ExportEnd,
    /// Messages that cannot be read although the file goes on behind them: what is wrong, and where.
    pub unreadable: Vec<(String, u64)>,
    /// Its size, uncompressed.
    pub size_bytes: u64,
}

impl ExportSummary {
    /// Whether all of it can be read, to its end.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.end == ExportEnd::Whole && self.unreadable.is_empty()
    }
}

/// How the ids of a file follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOrder {
    /// Each larger than the one before.
    Ascending,
    /// Each smaller than the one before.
    Descending,
    /// Neither, or some of them twice.
    Mixed,
}

/// What a file says of its channel, as it says it: [`ExportChannel::to_channel`] scrubs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportChannel {
    /// Its id.
    pub platform_id: ChannelSnowflake,
    /// Its type.
    pub kind: ChannelKind,
    /// Its name; of direct messages a name that says nothing of the people.
    pub name: String,
    /// What it is about.
    pub topic: Option<String>,
    /// The category or channel above it.
    pub parent: Option<ExportParent>,
    /// What the file says beyond these fields.
    pub extra: Option<Json>,
}

/// Reads files that other tools wrote. Reading blocks, so an adapter does it off the runtime's threads.
#[async_trait]
pub trait ExportSource: Send + Sync {
    /// Finds what may be exports under `paths`: files, ZIP files, trees of them. What is named and does not exist is
    /// among the failed.
    async fn find(&self, paths: &[PathBuf]) -> Found;

    /// Looks through a whole file without keeping any of it but the names of its people, which `known` learns, and their
    /// roles. Memory does not grow with its size otherwise. `heard` is told now and then how many of the file's
    /// [`stored_bytes`](ExportFile::stored_bytes) are behind it.
    ///
    /// # Errors
    /// [`SourceError`] if nothing of it can be used. A file that ends too early is no error.
    async fn summarize(
        &self,
        file: &ExportFile,
        known: &Arc<Mutex<KnownPeople>>,
        heard: &mut (dyn FnMut(u64) + Send),
    ) -> Result<ExportSummary, SourceError>;

    /// Reads the messages of a file that was summarized, in its order, scrubbed by `people`. In every text that the
    /// exporter may have rendered, the name of a `known` person behind an `@` becomes a mention.
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

    /// The bytes of the file that a message of `file` names by a path beside it, at most `most` of them: from the export's
    /// folder, or from the ZIP file that contains the export. The path is found ignoring case, and percent-encoded or not.
    ///
    /// # Errors
    /// [`FetchError`], before the first byte or after any. [`FetchError::Gone`] if there is no such regular file, or if
    /// the path leads elsewhere than into a folder of copies.
    async fn open_beside(&self, file: &ExportFile, path: &str, most: u64) -> Result<FileBytes, FetchError>;
}

/// Messages of a file as they are read.
#[async_trait]
pub trait ExportReader: Send {
    /// The next messages, in the order of the file, and how many bytes of it were read for them; `None` at its end.
    ///
    /// # Errors
    /// [`SourceError`] if the file cannot be read on.
    async fn next(&mut self) -> Result<Option<ExportBatch>, SourceError>;
}

/// Messages that were read together.
#[derive(Debug)]
pub struct ExportBatch {
    /// The messages, at most 500, and fewer where they are large; an id that stands twice in one batch keeps its last.
    pub messages: Vec<Message>,
    /// The paths of files beside the export whose [`local_path`](domain::message::Attachment::local_path) was scrubbed, as
    /// the export has them. They find the files and must not be stored or logged.
    pub beside: HashMap<(MessageId, AttachmentId), String>,
    /// Messages that are too large for a page, to be set aside; [`ExportSummary::unreadable`] tells of them, too.
    pub unreadable: Vec<Unreadable>,
    /// Bytes from the start of the (uncompressed) file to the end of the last of them.
    pub byte: u64,
}

impl ExportChannel {
    /// The channel of `tenant` that this describes, scrubbed by `people`: private and without parent, until somebody
    /// says otherwise.
    #[must_use]
    pub fn to_channel(&self, tenant: TenantId, people: &Pseudonymizer) -> Channel {
        let name = people.text(&self.name).into_owned();
        Channel {
            topic: self.topic.as_ref().map(|topic| people.text(topic).into_owned()),
            extra: self.extra.as_ref().map(|extra| Json::new(&people.json(extra.to_value()))),
            ..Channel::new(tenant, self.platform_id, self.kind, name)
        }
    }
}
