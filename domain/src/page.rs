//! Pages: messages as a source showed them, and their effect on the stored part of a channel.
//!
//! [`WritePlan`] decides every effect of a page, as a pure function of the page and of the stored rows that it concerns.
//! A store reads those rows under the lock of the channel, and executes the plan; it decides nothing itself.

#[cfg(any(test, feature = "model"))]
pub mod model;
mod plan;
mod restore;
mod stats;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::channel::ChannelId;
use crate::coverage::{Interval, Observation};
use crate::message::{Deletion, Message, MessageId};
use crate::timestamp::Timestamp;

pub use self::plan::{
    Effect, MOST_NAMED, Replaced, StoredState, StoredVersion, Touch, Write, WritePlan, message_changes, removals,
};
pub use self::restore::{RestorePlan, RestoreState};
pub use self::stats::{Activity, ActivityPlan, DayPlan, Newest, Recount, StatsPlan, StoredStats};

/// The meaning of a message's absence from a page's interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The message did not exist when the source was observed.
    Evidence,
    /// None: the source may have left the message out.
    NoEvidence,
    /// None: the source reported the messages of the page as deleted.
    Explicit,
    /// None: the content of deleted messages is due to be removed.
    Due,
}

/// Messages of one channel as a source showed them at one moment, in ascending order. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    interval: Option<Interval>,
    observed_at: Timestamp,
    messages: Arc<[Message]>,
    absence: Absence,
    spared: Arc<[MessageId]>,
}

/// Why messages do not form a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Two of them are in the wrong order, or have the same id.
    #[error("message {0} does not come after the one before it")]
    Order(MessageId),
    /// One lies outside the page's interval.
    #[error("message {0} lies outside the page's interval")]
    Outside(MessageId),
}

impl MessagePage {
    /// Returns a page that a source showed at `observed_at`. With an `interval` it is whole: a message absent from it
    /// is deleted. Without one, absence proves nothing.
    ///
    /// # Errors
    /// [`PageError`] if ids do not ascend or leave the interval.
    pub fn new(interval: Option<Interval>, observed_at: Timestamp, messages: Vec<Message>) -> Result<Self, PageError> {
        if let Some(pair) = messages.windows(2).find(|pair| pair[0].id >= pair[1].id) {
            return Err(PageError::Order(pair[1].id));
        }
        let outside = |message: &&Message| interval.is_some_and(|interval| !interval.contains(message.id));
        if let Some(message) = messages.iter().find(outside) {
            return Err(PageError::Outside(message.id));
        }
        let (absence, spared) = (Absence::Evidence, Arc::default());
        Ok(Self { interval, observed_at, messages: messages.into(), absence, spared })
    }

    /// Returns the explicit deletion of messages of a channel, which the platform reported at `observed_at`: by an
    /// event, or by a 404 for a very message. The page shows their [tombstones](Message::tombstone), which stand for
    /// those that are not stored: so a source that shows one later does not bring it back.
    #[must_use]
    pub fn deleted(channel: ChannelId, ids: impl IntoIterator<Item = MessageId>, observed_at: Timestamp) -> Self {
        let ids: BTreeSet<MessageId> = ids.into_iter().collect();
        let messages = ids.into_iter().map(|id| Message::tombstone(channel, id, observed_at)).collect();
        Self { interval: None, observed_at, messages, absence: Absence::Explicit, spared: Arc::default() }
    }

    /// Returns the removal of the content of messages of a channel: of those that are deleted, and whose content [is
    /// due](Deletion::content_due) at `now`.
    #[must_use]
    pub fn due(channel: ChannelId, ids: impl IntoIterator<Item = MessageId>, now: Timestamp) -> Self {
        Self { absence: Absence::Due, ..Self::deleted(channel, ids, now) }
    }

    /// Returns the same messages from a source that may have left others out: stored messages that are absent from its
    /// interval are counted and stay, and the interval is not recorded.
    #[must_use]
    pub fn without_evidence(self) -> Self {
        Self { absence: Absence::NoEvidence, ..self }
    }

    /// Returns the same page, which deletes none of `ids`, in ascending order, although it lacks them.
    #[must_use]
    pub fn sparing(self, ids: Arc<[MessageId]>) -> Self {
        Self { spared: ids, ..self }
    }

    /// Returns the part of the channel that it shows.
    #[must_use]
    pub const fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// Returns the part of the channel that it proves to be whole, for the channel's coverage.
    #[must_use]
    pub fn observation(&self) -> Option<Observation> {
        let interval = self.interval.filter(|_| self.absence == Absence::Evidence)?;
        Some(Observation::new(interval, self.observed_at))
    }

    /// Returns when the source was observed.
    #[must_use]
    pub const fn observed_at(&self) -> Timestamp {
        self.observed_at
    }

    /// Returns its messages, ascending.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Returns two consecutive pages that together equal this one: half of its messages each, with the ids up to the
    /// last of the older half and those after it. A page with at most one message is split in the middle of its
    /// interval; `None` if that is impossible.
    #[must_use]
    pub fn halves(&self) -> Option<(Self, Self)> {
        let (intervals, count) = match self.messages.len() {
            0 | 1 => {
                let (older, newer) = self.interval?.halves()?;
                let in_older = self.messages.iter().filter(|message| older.contains(message.id)).count();
                (Some((older, newer)), in_older)
            }
            many => {
                let count = many / 2;
                let last = self.messages[count - 1].id;
                (self.interval.and_then(|interval| interval.split_after(last)), count)
            }
        };
        let (older, newer) = self.messages.split_at(count);
        let part = |interval, messages: &[Message]| Self {
            interval,
            messages: messages.into(),
            spared: Arc::clone(&self.spared),
            ..*self
        };
        Some((part(intervals.map(|(older, _)| older), older), part(intervals.map(|(_, newer)| newer), newer)))
    }

    /// Returns the deletion of an absent message, where absence is evidence.
    const fn deletion(&self) -> Deletion {
        match self.absence {
            Absence::Explicit => Deletion::explicit(self.observed_at),
            Absence::Evidence | Absence::NoEvidence | Absence::Due => Deletion::inferred(self.observed_at),
        }
    }

    /// Returns the ids that it concerns: its interval, or its first to its last message; `None` if it is empty.
    #[must_use]
    pub fn span(&self) -> Option<Interval> {
        self.interval.or_else(|| Interval::new(self.messages.first()?.id, self.messages.last()?.id))
    }
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
    /// Messages of the page that stay as they were, because the stored version is later, or they are explicitly deleted.
    pub superseded: Vec<MessageId>,
    /// Whether unreadable entries were recorded among the ids of the page before.
    pub has_unreadable: bool,
}

impl PageOutcome {
    /// Returns whether the page changed nothing.
    #[must_use]
    pub const fn is_unchanged(&self) -> bool {
        self.added == 0 && self.updated == 0 && self.deleted == 0
    }
}

#[cfg(test)]
mod tests;
