//! Attachments: the source of their bytes, the place where they are stored, and their download state.

use async_trait::async_trait;
use bytes::Bytes;
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::media::{ContentHash, File, ThumbnailWidth};
use domain::message::{AttachmentId, MessageId};
use domain::picture::{PictureKey, PictureName};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use crate::error::StoreError;
use crate::guild::GuildError;

/// Why a file could not be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The platform no longer has it.
    #[error("the file is gone")]
    Gone,
    /// It has more bytes than the caller allowed.
    #[error("the file is too large")]
    TooLarge,
    /// Any other error, possibly transient: the address has expired, the connection broke, the server failed.
    #[error("{0}")]
    Failed(&'static str),
}

/// The bytes of a file, in pieces; the stream ends after the first error.
pub type FileBytes = BoxStream<'static, Result<Bytes, FetchError>>;

/// A file of the platform, as observed with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// The platform id of its message's channel.
    pub channel: ChannelSnowflake,
    /// Its message.
    pub message: MessageId,
    /// The platform id of the file.
    pub attachment: AttachmentId,
    /// Its last known address, which may have expired.
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

/// The platform's source of attachments.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait FileSource: Send + Sync {
    /// Returns current addresses of `files`, in their order. A source may request a
    /// message to learn the addresses of its files, and reports then if the message is deleted.
    ///
    /// # Errors
    /// [`GuildError`] as for every other call.
    async fn refresh(&self, files: &[SeenFile]) -> Result<Vec<Refreshed>, GuildError>;

    /// Returns the bytes at a current address, at most `most` of them. Requests go only to the platform, and carry no
    /// token.
    ///
    /// # Errors
    /// [`FetchError`], before the first byte or after any.
    async fn fetch(&self, address: &str, most: u64) -> Result<FileBytes, FetchError>;

    /// Returns the bytes of a picture, at most `most` of them. Like [`FileSource::fetch`], without a token.
    ///
    /// # Errors
    /// [`FetchError`], before the first byte or after any.
    async fn fetch_picture(&self, key: PictureKey, name: &PictureName, most: u64) -> Result<FileBytes, FetchError>;
}

/// Why bytes could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// They could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The media store failed: it is full or not writable.
    #[error("files cannot be stored")]
    Io(#[from] std::io::Error),
}

/// A stored file.
pub struct KeptFile {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The requested bytes, in pieces.
    pub bytes: BoxStream<'static, std::io::Result<Bytes>>,
}

impl KeptFile {
    /// Returns the requested bytes in one piece, all of which are in memory then.
    ///
    /// # Errors
    /// [`std::io::Error`] if a piece cannot be read.
    pub async fn whole(self) -> std::io::Result<Bytes> {
        let whole = self.bytes.try_fold(Vec::new(), async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        whole.await.map(Bytes::from)
    }
}

/// Stores the bytes of files by content hash, so that equal bytes are stored once per tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MediaStore: Send + Sync {
    /// Stores `bytes`; returns their hash and number. A file appears whole or not at all, and an existing one stays.
    ///
    /// # Errors
    /// [`MediaError`]; nothing is stored then.
    async fn put(&self, tenant: TenantId, bytes: FileBytes) -> Result<(ContentHash, u64), MediaError>;

    /// Returns the bytes of a file from `first` on, at most `most` of them; `None` if it is not stored.
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

    /// Stores the thumbnail of a stored file, or empty bytes for one that has none. It appears whole or not at all, and
    /// replaces an existing one; it is deleted, retired and removed with its file.
    ///
    /// # Errors
    /// [`std::io::Error`]; the one before is stored then.
    async fn put_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
        bytes: Bytes,
    ) -> std::io::Result<()>;

    /// Returns the thumbnail of a file as it was stored; `None` if it is not stored.
    ///
    /// # Errors
    /// [`std::io::Error`] if it cannot be read.
    async fn open_thumbnail(
        &self,
        tenant: TenantId,
        hash: ContentHash,
        width: ThumbnailWidth,
    ) -> std::io::Result<Option<Bytes>>;

    /// Removes a stored file with its thumbnails. A missing one is not an error.
    ///
    /// # Errors
    /// [`std::io::Error`] if it is left.
    async fn delete_one(&self, tenant: TenantId, hash: ContentHash) -> std::io::Result<()>;

    /// Removes all stored files of a tenant. Missing files are not an error.
    ///
    /// # Errors
    /// [`std::io::Error`] if something is left.
    async fn delete_all(&self, tenant: TenantId) -> std::io::Result<()>;

    /// Retires all stored files of a tenant at once, in one step of constant time: from then on none of them is stored,
    /// and later calls of `put` are not affected by [`MediaStore::delete_retired`].
    ///
    /// # Errors
    /// [`std::io::Error`]; everything stays stored then.
    async fn retire(&self, tenant: TenantId) -> std::io::Result<()>;

    /// Removes the bytes of all retired files of a tenant. Missing files are not an error.
    ///
    /// # Errors
    /// [`std::io::Error`] if something is left.
    async fn delete_retired(&self, tenant: TenantId) -> std::io::Result<()>;
}

/// The download state of attachments. It outlives the versions of a message: a row belongs to the channel, and is
/// deleted with it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MediaRepository: Send {
    /// Records files of `tenant` as seen; rows that exist stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError>;

    /// Stores the state of files of `tenant`, replacing existing rows.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError>;

    /// Returns the files of a tenant that are due at `now`: the longest due first, ties by key; at most `limit`
    /// (1..=1000).
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError>;

    /// Returns the state of the files of the messages from `low` to `high` of a channel, ascending by key.
    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError>;

    /// Returns the state of the files of the messages with these `keys`, ascending by key; at most 200 keys, in one
    /// statement on a server.
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError>;

    /// Returns the state of files of a channel, ascending by key: of the messages after `after`, at most `limit`
    /// (1..=1000). The files of the last message may be incomplete.
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError>;

    /// Returns files of `tenant` whose stored bytes have this hash, ascending by key; at most `limit` (1..=1000).
    async fn list_stored(&mut self, tenant: TenantId, hash: ContentHash, limit: u32) -> Result<Vec<File>, StoreError>;

    /// Removes the first `limit` (1..=1000) file rows of a channel; returns their number.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
