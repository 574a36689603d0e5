//! Files of messages: where their bytes come from, where they are kept, and what is known of each.

use async_trait::async_trait;
use bytes::Bytes;
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::media::{ContentHash, FileKey, FileState};
use domain::message::{AttachmentId, MessageId};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::stream::BoxStream;

use crate::error::StoreError;
use crate::guild::GuildError;

/// Files whose addresses are made fresh at once.
pub const REFRESHED: usize = 50;

/// Why a file did not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The platform has it no more.
    #[error("the file is gone")]
    Gone,
    /// It has more bytes than were asked for.
    #[error("the file is too large")]
    TooLarge,
    /// Anything else, which may pass: the address has expired, the connection broke, the server has an error.
    #[error("{0}")]
    Failed(&'static str),
}

/// The bytes of a file, in pieces; it ends with the first error.
pub type FileBytes = BoxStream<'static, Result<Bytes, FetchError>>;

/// A file of the platform, as it was seen with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// What the platform calls the channel of its message.
    pub channel: ChannelSnowflake,
    /// Its message.
    pub message: MessageId,
    /// What the platform calls the file.
    pub attachment: AttachmentId,
    /// Where it was; the address may have expired.
    pub address: String,
}

/// The current address of a file, as the platform gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refreshed {
    /// An address that works now.
    Address(String),
    /// The platform no longer has the message: a 404 for that very message.
    MessageDeleted,
    /// There is no address: the file is not one of the platform's, or its message no longer shows it.
    Unknown,
}

/// Where the platform keeps the files of messages.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FileSource: Send + Sync {
    /// Addresses of `files` that work now, in their order; at most [`REFRESHED`] files. A source may request a message to
    /// learn the addresses of its files, and reports then if the message is deleted.
    ///
    /// # Errors
    /// [`GuildError`] as for every other call.
    async fn refresh(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError>;

    /// The bytes at an address that works, at most `most` of them. Asks the platform alone, and shows it no token.
    ///
    /// # Errors
    /// [`FetchError`], before the first byte or after any.
    async fn fetch(&self, address: &str, most: u64) -> Result<FileBytes, FetchError>;
}

/// Why bytes were not kept or not given.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// They did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The place where they are kept failed: it is full, or may not be written.
    #[error("files cannot be kept")]
    Io(#[from] std::io::Error),
}

/// Bytes that are kept.
pub struct KeptFile {
    /// How many there are.
    pub size_bytes: u64,
    /// Those that were asked for, in pieces.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Keeps the bytes of files, each under its hash, so that the same bytes are kept once for a tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Keeps what `bytes` gives; tells its hash and how many bytes it is. It appears whole or not at all, and what is
    /// there already stays.
    ///
    /// # Errors
    /// [`MediaError`]; nothing is kept then.
    async fn put(&self, tenant: TenantId, bytes: FileBytes) -> Result<(ContentHash, u64), MediaError>;

    /// The bytes of a file from `first` on, at most `most` of them; `None` if it is not kept.
    ///
    /// # Errors
    /// [`std::io::Error`] if it cannot be read.
    async fn open(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        first: u64,
        most: u64,
    ) -> std::io::Result<Option<KeptFile>>;

    /// Removes everything that is kept for a tenant; nothing there is fine.
    ///
    /// # Errors
    /// [`std::io::Error`] if something stays.
    async fn delete_all(&self, tenant: TenantId) -> std::io::Result<()>;

    /// Takes everything that is kept for a tenant out of its place at once, in one step that takes no time: from then on
    /// nothing of it is kept, and what is put later is not affected by [`MediaStore::delete_retired`].
    ///
    /// # Errors
    /// [`std::io::Error`]; everything is kept then.
    async fn retire(&self, tenant: TenantId) -> std::io::Result<()>;

    /// Removes the bytes of everything that was retired of a tenant; nothing there is fine.
    ///
    /// # Errors
    /// [`std::io::Error`] if something stays.
    async fn delete_retired(&self, tenant: TenantId) -> std::io::Result<()>;
}

/// A file and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Which one.
    pub key: FileKey,
    /// What became of it.
    pub state: FileState,
}

/// What became of the files of messages. It outlives the versions of a message: a row belongs to the channel, and goes
/// with it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MediaRepository: Send {
    /// Notes files of `tenant` as seen; what is known of one already stays.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError>;

    /// Stores what became of files of `tenant`, replacing what was known.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError>;

    /// Files of a tenant that are due at `now`: the longest due first, ties by key; at most `limit` (1..=1000).
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError>;

    /// What is known of the files of the messages from `low` to `high` of a channel, ascending by key.
    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError>;

    /// What is known of the files of the messages with these `keys`, ascending by key; at most 200 keys, in one statement
    /// on a server.
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError>;

    /// What is known of files of a channel, ascending by key: of the messages behind `after`, at most `limit`
    /// (1..=1000), of which the last message's may be cut.
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError>;

    /// Removes what is known of the first `limit` (1..=1000) files of a channel; tells how many there were.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
