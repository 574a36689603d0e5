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

/// A message as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// Whether it is deleted; its content is kept and never shown to the public.
    pub deletion: Option<Deletion>,
}

impl StoredMessage {
    /// Whether it is deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    /// Whether readers are shown it: it is not deleted, and of a type [that is
    /// shown](domain::message::MessageKind::is_shown).
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.is_deleted() && self.message.kind.is_shown()
    }

    /// What an archive that holds `held` of a message, or nothing, is to store when another one has this copy of it. The
    /// observations of the other archive prove `theirs`, those of this one `ours`: a message that is stored and not deleted
    /// was shown by the observation that proves its id, too, and one that is deleted or not stored was lacking there.
    ///
    /// - An explicit deletion of either archive is final.
    /// - Otherwise it is deleted if the latest observation of both archives lacks it.
    /// - The version with the later edit is stored, or else the one that was observed later.
    ///
    /// `None` if that is what it holds.
    #[must_use]
    pub fn merged(&self, held: Option<&Self>, theirs: &Segments, ours: &Segments) -> Option<Self> {
        let Some(held) = held else {
            let absent_at = ours.absent_at(self.message.id).filter(|at| *at > self.seen_at(theirs));
            let deletion = self.deletion.or(absent_at.map(Deletion::inferred));
            return Some(Self { message: self.message.clone(), deletion });
        };
        let seen_at = self.seen_at(theirs).max(held.seen_at(ours));
        let known = [self.deletion, held.deletion].into_iter().flatten().reduce(Deletion::merge);
        // A deletion can be confirmed by a later observation, of which its own time tells nothing.
        let lacked = [self.lacked(theirs), held.lacked(ours)].into_iter().flatten().reduce(Deletion::merge);
        let outlasting = |deletion: Option<Deletion>| deletion.filter(|deletion| deletion.outlasts(seen_at));
        let lacked = if self.deletion == held.deletion { outlasting(lacked).and(known) } else { outlasting(lacked) };
        let deletion = outlasting(known).or(lacked);
        let is_newer = self.version_seen(theirs) >= held.version_seen(ours);
        let mut merged = Self { message: if is_newer { &self.message } else { &held.message }.clone(), deletion };
        // What only this archive's proof decides is recorded with the message, because a copy can replace the proof.
        let overruled = self.message.version > held.message.version
            || self.deletion.is_some_and(|deletion| deletion.outlasts(held.message.version.observed_at));
        if !is_newer && held.deletion.is_none() && deletion.is_none() && overruled {
            merged.message.version.observed_at = held.seen_at(ours);
        }
        (merged != *held).then_some(merged)
    }

    /// When an observation last showed it, as far as its row and the proof of its archive tell.
    fn seen_at(&self, proven: &Segments) -> Timestamp {
        let observed_at = self.message.version.observed_at;
        let confirmed_at = proven.confirmed_at(self.message.id).filter(|_| !self.is_deleted());
        confirmed_at.map_or(observed_at, |at| at.max(observed_at))
    }

    /// Its version, with the time of the last observation that showed it.
    fn version_seen(&self, proven: &Segments) -> Version {
        Version { observed_at: self.seen_at(proven), ..self.message.version }
    }

    /// Its deletion as of the last observation that lacked it.
    fn lacked(&self, proven: &Segments) -> Option<Deletion> {
        let later = proven.absent_at(self.message.id).map(Deletion::inferred);
        self.deletion.map(|deletion| later.map_or(deletion, |later| deletion.merge(later)))
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
    /// Whether it is deleted.
    pub deletion: Option<Deletion>,
}

/// What a page changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageOutcome {
    /// New messages, those that were deleted before they were stored included.
    pub added: u64,
    /// Messages that a newer version replaced, and those that were found to exist after all.
    pub updated: u64,
    /// Messages that stayed as they were.
    pub unchanged: u64,
    /// Messages that were there and are now deleted.
    pub deleted: u64,
    /// Messages that the page lacks inside its interval and that were not observed after it: those that are now deleted
    /// or, where what it lacks is no evidence, those that would be.
    pub absent: Vec<MessageId>,
    /// How many messages that were not deleted the page lacks inside its interval, those that were observed later or are
    /// spared included.
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
    /// Whether the store is as it was.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.added == 0 && self.updated == 0 && self.deleted == 0
    }
}

/// Rows that [`MessageRepository::list`] and [`MessageRepository::exists`] examine beyond those that they return: a
/// page costs no more, however many messages before it are deleted or not shown.
pub const EXAMINED: u32 = 1000;

/// Bytes of messages after which [`MessageRepository::list`] stops: what a page loads is bounded, however large each of
/// its messages is.
pub const LISTED_BYTES: usize = 4 << 20;

/// The bytes of what a message says, which is about what it takes in memory.
#[must_use]
pub fn size_bytes(message: &Message) -> usize {
    let Message { content, embeds, stickers, components, snapshots, poll, extra, .. } = message;
    let parts = [embeds, stickers, components, snapshots, poll, extra].into_iter().flatten();
    content.len() + parts.map(|json| json.as_str().len()).sum::<usize>()
}

/// A part of a channel, and how far it was examined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageList {
    /// The messages, ascending by id.
    pub messages: Vec<Message>,
    /// The last id that was examined, if the list stopped after [`EXAMINED`] rows or [`LISTED_BYTES`]: what lies beyond it
    /// is unknown. `None` if the list is full, or if the range has no more messages.
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
    /// key, whatever the size of the channel; fewer than `limit`, or none, if it stops after [`EXAMINED`] rows, and fewer
    /// if it stops with the message with which it has [`LISTED_BYTES`].
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
    /// over older, rows inside its interval that it lacks become deleted where that is evidence, an inferred deletion
    /// yields to a later page that shows the message, an explicit one never. Keeps the channel's stats, records what the
    /// page proves in the channel's coverage, and appends a change if there was one. Two writers of one channel go one
    /// after the other. Doing it twice equals doing it once.
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

    /// Stores messages of a channel (at most 1000, ascending, no id twice) as another archive holds them,
    /// [merged](StoredMessage::merged) with what is stored and proven here; `proven` is what that archive's observations
    /// prove. Returns how many rows that changed. Keeps the channel's stats, leaves its coverage alone and appends a change
    /// if there was one. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError>;

    /// Removes the first `limit` (1..=1000) messages of a channel for good, with their attachments and reactions;
    /// tells how many there were. The channel's stats are left alone: it is about to go.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
