//! What a page does to the part of a channel that it shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::coverage::{Interval, Segments};
use crate::message::{Message, MessageId, Version};
use crate::timestamp::Timestamp;

/// Messages of one channel as a source showed them at one moment, in ascending order. A clone shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePage {
    interval: Option<Interval>,
    observed_at: Timestamp,
    messages: Arc<[Message]>,
}

/// Messages that make no page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Two of them stand in the wrong order, or have the same id.
    #[error("message {0} does not come after the one before it")]
    Order(MessageId),
    /// One lies outside of what the page says to show.
    #[error("message {0} lies outside the page's interval")]
    Outside(MessageId),
}

impl MessagePage {
    /// A page that a source showed at `observed_at`. With an `interval` it is whole: what it lacks there is gone.
    /// Without, it proves nothing about what it lacks.
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
        Ok(Self { interval, observed_at, messages: messages.into() })
    }

    /// The part of the channel that it shows whole.
    #[must_use]
    pub const fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// When the source looked.
    #[must_use]
    pub const fn observed_at(&self) -> Timestamp {
        self.observed_at
    }

    /// Its messages, ascending.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Two pages that follow each other and together say what this one does: half of its messages each, with the ids up
    /// to the last of the older half and those behind it. One that has a single message, or none, is split in the middle
    /// of its interval; `None` if that cannot be.
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
        let part = |interval, messages: &[Message]| Self { interval, messages: messages.into(), ..*self };
        Some((part(intervals.map(|(older, _)| older), older), part(intervals.map(|(_, newer)| newer), newer)))
    }

    /// The ids that it speaks of: its interval, or its first to its last message; `None` if it says nothing.
    #[must_use]
    pub fn span(&self) -> Option<Interval> {
        self.interval.or_else(|| Interval::new(self.messages.first()?.id, self.messages.last()?.id))
    }
}

/// What a store needs to know of a row to decide what a page does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredVersion {
    /// Which message.
    pub id: MessageId,
    /// Its version.
    pub version: Version,
    /// Its [`Message::digest`].
    pub digest: u64,
    /// Whether it was deleted.
    pub deleted: bool,
}

/// A message to write, with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// The message.
    pub message: &'a Message,
    /// Its digest, computed once.
    pub digest: u64,
}

/// What a page does to a store; every list ascends by id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PagePlan<'a> {
    /// New rows.
    pub insert: Vec<Write<'a>>,
    /// New rows that were deleted before anybody here saw them: a later look had not shown them.
    pub insert_deleted: Vec<Write<'a>>,
    /// Rows that a newer version replaces.
    pub update: Vec<Write<'a>>,
    /// Rows that the page lacks although it is whole there.
    pub delete: Vec<MessageId>,
    /// How many rows stay as they are.
    pub unchanged: u64,
}

impl<'a> PagePlan<'a> {
    /// Compares `page` with the rows that a store holds of the ids in its span, and with what later looks proved.
    ///
    /// - A tombstone wins over any page, and over nothing else that it says.
    /// - Of two versions the newer wins; equal content changes nothing.
    /// - Inside its interval, what the page lacks is deleted, unless a newer version is held.
    /// - Where a later look stands, the page adds only what that look found gone, as deleted.
    #[must_use]
    pub fn new(page: &'a MessagePage, stored: &[StoredVersion], proven: &Segments) -> Self {
        let mut plan = Self::default();
        let mut held: BTreeMap<MessageId, &StoredVersion> = stored.iter().map(|row| (row.id, row)).collect();
        for message in page.messages.iter() {
            let seen_later = proven.observed_at(message.id).is_some_and(|at| at > page.observed_at);
            let Some(row) = held.remove(&message.id) else {
                let write = Write { message, digest: message.digest() };
                let list = if seen_later { &mut plan.insert_deleted } else { &mut plan.insert };
                list.push(write);
                continue;
            };
            let newer = !seen_later && !row.deleted && message.version > row.version;
            let digest = if newer { message.digest() } else { row.digest };
            if digest == row.digest {
                plan.unchanged += 1;
            } else {
                plan.update.push(Write { message, digest });
            }
        }
        if let Some(interval) = page.interval {
            let gone = |row: &&StoredVersion| {
                let seen_later = proven.observed_at(row.id).is_some_and(|at| at > page.observed_at);
                interval.contains(row.id) && !row.deleted && !seen_later && row.version.observed_at <= page.observed_at
            };
            plan.delete = held.into_values().filter(gone).map(|row| row.id).collect();
        }
        plan
    }
}

#[cfg(test)]
mod tests;
