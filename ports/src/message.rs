//! Messages, with their attachments and reactions.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Segments;
use domain::message::{Deletion, Message, MessageId, Version};
use domain::page::{MessagePage, PagePlan};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::MessageRange;

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// Its deletion, if it is deleted; the content stays stored and is never shown to the public.
    pub deletion: Option<Deletion>,
}

impl StoredMessage {
    /// Returns whether it is deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    /// Returns whether it is shown to readers: it is not deleted, and of a type [that is
    /// shown](domain::message::MessageKind::is_shown).
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.is_deleted() && self.message.kind.is_shown()
    }

    /// Returns the message to store in an archive that has stored `held`, or no such message, when another archive has
    /// this copy. The observations of the other archive prove `theirs`, those of this one `ours`: a message that is
    /// stored and not deleted was also shown by the observation that proves its id, and one that is deleted or not
    /// stored was absent there.
    ///
    /// - An explicit deletion of either archive is final.
    /// - Otherwise it is deleted if the latest observation of both archives lacks it.
    /// - The version with the later edit is stored, or else the one that was observed later.
    ///
    /// `None` if the stored message stays as it is.
    #[must_use]
    pub fn merged(&self, held: Option<&Self>, theirs: &Segments, ours: &Segments) -> Option<Self> {
        let Some(held) = held else {
            let absent_at = ours.absent_at(self.message.id).filter(|at| *at > self.seen_at(theirs));
            let deletion = self.deletion.or(absent_at.map(Deletion::inferred));
            return Some(Self { message: self.message.clone(), deletion });
        };
        let seen_at = self.seen_at(theirs).max(held.seen_at(ours));
        let known = [self.deletion, held.deletion].into_iter().flatten().reduce(Deletion::merge);
        // A later observation can confirm a deletion; the deletion's own time does not show that.
        let lacked = [self.lacked(theirs), held.lacked(ours)].into_iter().flatten().reduce(Deletion::merge);
        let outlasting = |deletion: Option<Deletion>| deletion.filter(|deletion| deletion.outlasts(seen_at));
        let lacked = if self.deletion == held.deletion { outlasting(lacked).and(known) } else { outlasting(lacked) };
        let deletion = outlasting(known).or(lacked);
        let is_newer = self.version_seen(theirs) >= held.version_seen(ours);
        let mut merged = Self { message: if is_newer { &self.message } else { &held.message }.clone(), deletion };
        // A decision by this archive's proof alone is recorded with the message, because a copy can replace the proof.
        let overruled = self.message.version > held.message.version
            || self.deletion.is_some_and(|deletion| deletion.outlasts(held.message.version.observed_at));
        if !is_newer && held.deletion.is_none() && deletion.is_none() && overruled {
            merged.message.version.observed_at = held.seen_at(ours);
        }
        (merged != *held).then_some(merged)
    }

    /// Returns when an observation last showed it, according to its row and the proof of its archive.
    fn seen_at(&self, proven: &Segments) -> Timestamp {
        let observed_at = self.message.version.observed_at;
        let confirmed_at = proven.confirmed_at(self.message.id).filter(|_| !self.is_deleted());
        confirmed_at.map_or(observed_at, |at| at.max(observed_at))
    }

    /// Returns its version, with the time of the last observation that showed it.
    fn version_seen(&self, proven: &Segments) -> Version {
        Version { observed_at: self.seen_at(proven), ..self.message.version }
    }

    /// Returns its deletion as of the last observation that lacked it.
    fn lacked(&self, proven: &Segments) -> Option<Deletion> {
        let later = proven.absent_at(self.message.id).map(Deletion::inferred);
        self.deletion.map(|deletion| later.map_or(deletion, |later| deletion.merge(later)))
    }
}

/// The fields by which two archives compare a message without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageMark {
    /// The id of the message.
    pub id: MessageId,
    /// Its version.
    pub version: Version,
    /// Its [`Message::digest`].
    pub digest: u64,
    /// Whether it is deleted.
    pub deletion: Option<Deletion>,
}

/// The changes that a page made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageOutcome {
    /// New messages, including those deleted before they were stored.
    pub added: u64,
    /// Messages that a newer version replaced, and deleted ones that were found to exist.
    pub updated: u64,
    /// Messages that stayed as they were.
    pub unchanged: u64,
    /// Stored messages that became deleted.
    pub deleted: u64,
    /// Messages that the page lacks inside its interval and that were not observed after it: those that became deleted
    /// or, where absence is not evidence, those that would have.
    pub absent: Vec<MessageId>,
    /// The number of messages, not deleted, that the page lacks inside its interval, including those that were observed
    /// later or are spared.
    pub lacking: u64,
}

impl From<&PagePlan<'_>> for PageOutcome {
    fn from(plan: &PagePlan<'_>) -> Self {
        Self {
            added: plan.insert.len() as u64,
            updated: plan.updated,
            unchanged: plan.unchanged,
            deleted: plan.delete.len() as u64,
            absent: plan.absent.clone(),
            lacking: plan.lacking,
        }
    }
}

impl PageOutcome {
    /// Returns whether the page changed nothing.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.added == 0 && self.updated == 0 && self.deleted == 0
    }
}

/// The number of rows that [`MessageRepository::list`] and [`MessageRepository::exists`] examine beyond those that they
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

    /// Returns a page of a channel: the `limit` (1..=101) messages of `range` nearest to its bound. It reads ranges of
    /// the clustered key, whatever the size of the channel. There are fewer than `limit`, or none, if it stops after
    /// [`EXAMINED`] rows, and fewer if it stops after the message that reaches [`LISTED_BYTES`].
    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError>;

    /// Returns whether [`MessageRepository::list`] would return messages, or a cursor to resume from: `true` if
    /// [`EXAMINED`] rows do not decide it.
    async fn exists(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<bool, StoreError>;

    /// Stores a page of a channel (at most 1000 messages) by the rules of [`domain::page::PagePlan`].
    ///
    /// Newer versions replace older ones. Rows inside its interval that it lacks become deleted where absence is
    /// evidence. An inferred deletion yields to a later page that shows the message; an explicit one never does.
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
