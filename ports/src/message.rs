//! Messages, with their attachments and reactions.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::message::{Message, MessageId, Version};
use domain::page::MessagePage;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::MessageRange;

/// A message as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// When the look was made that found it deleted; its content is kept and never shown to the public.
    pub deleted_at: Option<Timestamp>,
}

impl StoredMessage {
    /// Whether this copy takes the place of `held`, the same message in another archive: never an older version that of
    /// a newer one, and nothing brings back what is deleted.
    #[must_use]
    pub fn replaces(&self, held: &Self) -> bool {
        let revives = held.deleted_at.is_some() && self.deleted_at.is_none();
        self != held && !revives && self.message.version >= held.message.version
    }
}

/// What tells whether two archives hold a message alike, without reading any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageMark {
    /// Which message.
    pub id: MessageId,
    /// Its version.
    pub version: Version,
    /// Its [`Message::digest`].
    pub digest: u64,
    /// When the look was made that found it deleted.
    pub deleted_at: Option<Timestamp>,
}

/// What a page changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageOutcome {
    /// New messages, those that were deleted before anybody here saw them included.
    pub added: u64,
    /// Messages that a newer version replaced.
    pub updated: u64,
    /// Messages that stayed as they were.
    pub unchanged: u64,
    /// Messages that were there and are now deleted.
    pub deleted: u64,
}

impl PageOutcome {
    /// Whether the store is as it was.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.added == 0 && self.updated == 0 && self.deleted == 0
    }
}

/// Rows that [`MessageRepository::list`] and [`MessageRepository::exists`] examine beyond those that they return: a
/// page costs no more, however many messages before it are deleted or not shown.
pub const EXAMINED: u32 = 1000;

/// A part of a channel, and how far it was examined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageList {
    /// The messages, ascending by id.
    pub messages: Vec<Message>,
    /// The last id that was examined, if the list stopped after [`EXAMINED`] rows: what lies beyond it is unknown. `None`
    /// if the list is full, or if the range has no more messages.
    pub examined_to: Option<MessageId>,
}

/// The messages of channels. Every list ascends by id, leaves out deleted messages and, where `with_restricted` is
/// false, those whose type [is not shown](domain::message::MessageKind::is_shown).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send {
    /// The message, deleted or not, or `None` if it was never stored.
    async fn find(&mut self, channel: ChannelId, id: MessageId) -> Result<Option<StoredMessage>, StoreError>;

    /// The message in every channel of a tenant that holds one with this id, ascending by channel id, deleted or not.
    /// A thread's opener can stand in two; more than 8 are cut.
    async fn find_in_tenant(&mut self, tenant: TenantId, id: MessageId) -> Result<Vec<StoredMessage>, StoreError>;

    /// Returns those messages that are stored under `keys`, deleted or not, ascending by channel id, then id; at most 200
    /// keys. The number of statements does not depend on theirs.
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError>;

    /// A page of a channel: the `limit` (1..=101) messages of `range` that lie next to its bound. Ranges of the clustered
    /// key, whatever the size of the channel; fewer than `limit`, or none, if it stops after [`EXAMINED`] rows.
    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError>;

    /// Whether [`MessageRepository::list`] would have anything, or a cursor to go on from: `true` if [`EXAMINED`] rows do
    /// not tell.
    async fn exists(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<bool, StoreError>;

    /// Stores a page of a channel (at most 1000 messages) by the rules of [`domain::page::PagePlan`]: newer versions
    /// over older, rows inside its interval that it lacks become deleted, a tombstone stays. Keeps the channel's
    /// stats, records the page's interval in the channel's coverage, and appends a change if there was one. Two
    /// writers of one channel go one after the other. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError>;

    /// Messages of a channel as they are held, deleted and restricted ones included, ascending by id: the oldest `limit`
    /// (1..=1000) behind `after`.
    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// The marks of the messages that [`MessageRepository::list_stored`] gives: what it takes to see that another
    /// archive holds the same, at a fraction of the cost.
    async fn list_marks(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageMark>, StoreError>;

    /// Stores messages of a channel (at most 1000, ascending, no id twice) as another archive holds them, where they
    /// [replace](StoredMessage::replaces) what is held; tells how many did. Keeps the channel's stats, leaves its
    /// coverage alone and appends a change if there was one. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn restore(&mut self, channel: ChannelId, messages: &[StoredMessage]) -> Result<u64, StoreError>;

    /// Removes the first `limit` (1..=1000) messages of a channel for good, with their attachments and reactions;
    /// tells how many there were. The channel's stats are left alone: it is about to go.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
