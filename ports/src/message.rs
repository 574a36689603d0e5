//! Messages, with their attachments and reactions.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Segments;
use domain::media::File;
use domain::message::{Message, MessageId, MessageMark, StoredMessage};
use domain::page::{MessagePage, PageOutcome};
use domain::tenant::TenantId;

use crate::error::StoreError;
use crate::page::MessageRange;

/// The number of rows that [`MessageRepository::list`] and [`MessageRepository::nearest`] examine beyond those that they
/// return: it bounds the cost of a page, however many messages before it are deleted or not shown.
pub const EXAMINED: u32 = 1000;

/// The size in bytes after which [`MessageRepository::list`] stops: it bounds what a page loads, however large each
/// message is.
pub const LISTED_BYTES: usize = 4 << 20;

/// Returns the size in bytes of a message's content, which is about its size in memory.
#[must_use]
pub fn size_bytes(message: &Message) -> usize {
    let Message { content, embeds, stickers, components, snapshots, poll, extra, .. } = message;
    let parts = [embeds, stickers, components, snapshots, poll, extra].into_iter().flatten();
    content.len() + parts.map(|json| json.as_str().len()).sum::<usize>()
}

/// A part of a channel, and the position up to which it was examined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageList {
    /// The messages, ascending by id.
    pub messages: Vec<Message>,
    /// The states of their files, in any order, and maybe those of other files of the same range; without one of a file
    /// that is not to be fetched.
    pub files: Vec<File>,
    /// The last id examined, if the list stopped after [`EXAMINED`] rows or [`LISTED_BYTES`]: the rest of the range is
    /// unknown. `None` if the list is full, or if the range has no more messages.
    pub examined_to: Option<MessageId>,
}

/// The messages of channels. Every list ascends by id, leaves out deleted messages and, where `with_restricted` is
/// false, those whose type [is not shown](domain::message::MessageKind::is_shown).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MessageRepository: Send {
    /// Returns the message, deleted or not, or `None` if it was never stored.
    async fn find(&mut self, channel: ChannelId, id: MessageId) -> Result<Option<StoredMessage>, StoreError>;

    /// Returns the stored messages with this id in all channels of a tenant, ascending by channel id, deleted or not. A
    /// thread's opener can be in two channels; at most 8 are returned.
    async fn find_in_tenant(&mut self, tenant: TenantId, id: MessageId) -> Result<Vec<StoredMessage>, StoreError>;

    /// Returns the stored messages with these `keys`, deleted or not, ascending by channel id, then id; at most 200
    /// keys. The number of statements does not depend on the number of keys.
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError>;

    /// Returns a page of a channel: the `limit` (1..=201) messages of `range` nearest to its bound. It reads ranges of
    /// the clustered key, whatever the size of the channel. There are fewer than `limit`, or none, if it stops after
    /// [`EXAMINED`] rows, and fewer if it stops after the message that reaches [`LISTED_BYTES`].
    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError>;

    /// Returns the id of the message of `range` that is nearest to its bound, as [`MessageRepository::list`] would return
    /// it, or `None` without one. If [`EXAMINED`] rows do not decide it, returns the last id that was examined.
    async fn nearest(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<Option<MessageId>, StoreError>;

    /// Stores a page of a channel (at most 1000 messages) by the rules of [`domain::page::WritePlan`].
    ///
    /// Newer versions replace older ones. Rows inside its interval that it lacks become deleted where absence is
    /// evidence. An inferred deletion yields to a later page that shows the message; an explicit one never does, and
    /// removes the content with the states of the files, whose bytes are entered as
    /// [unused](crate::unused::UnusedFileRepository). The content of an inferred one is entered as a
    /// [removal](crate::removal::RemovalRepository). Texts that an edit or removal replaces are stored as the
    /// [retention](domain::retention::Retention) of the tenant says.
    /// Updates the channel's stats, records the interval that the page proves in the channel's coverage, and appends a
    /// change if there was one. Two writers of one channel are serialized. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError>;

    /// Returns stored messages of a channel, deleted and restricted ones included, ascending by id: the oldest `limit`
    /// (1..=1000) after `after`.
    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError>;

    /// Returns the marks of the messages that [`MessageRepository::list_stored`] returns: enough to compare them with
    /// another archive, at a fraction of the cost.
    async fn list_marks(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageMark>, StoreError>;

    /// Stores messages of a channel (at most 1000, ascending, without duplicates) from another archive,
    /// [merged](StoredMessage::merged) with those stored and proven here; `proven` is the proof of that archive's
    /// observations. Returns the number of rows that changed. Updates the channel's stats, leaves its coverage alone
    /// and appends a change if there was one. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError>;

    /// Removes the rows of the first `limit` (1..=1000) messages of a channel, with their attachments and reactions;
    /// returns their number. The channel's stats are not updated, since the channel is about to be removed.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
