//! The effect of a page on the part of a channel that it shows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::ChangeKind;
use crate::channel::ChannelId;
use crate::coverage::{Interval, Observation, Segments};
use crate::message::{Deletion, DeletionKind, Message, MessageId, MessageKind, Origin, Version};
use crate::timestamp::Timestamp;

/// The meaning of a message's absence from a page's interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The message did not exist when the source was observed.
    Evidence,
    /// None: the source may have left the message out.
    NoEvidence,
    /// The source reported this very message as deleted.
    Explicit,
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

    /// Returns the explicit deletion of a message, which the platform reported at `observed_at`: an event, or a 404 for
    /// that very message. It leaves no trace of a message that is not stored, because a tombstone is the row of a
    /// message, and the report lacks the type and the author that such a row needs: a source that shows the message
    /// later adds it. Observations that prove absence do not have this limit: their segments mark such a message
    /// deleted when it is added.
    #[must_use]
    pub fn deleted(id: MessageId, observed_at: Timestamp) -> Self {
        let (messages, absence, spared) = (Arc::default(), Absence::Explicit, Arc::default());
        Self { interval: Some(Interval::only(id)), observed_at, messages, absence, spared }
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
            Absence::Evidence | Absence::NoEvidence => Deletion::inferred(self.observed_at),
        }
    }

    /// Returns the ids that it concerns: its interval, or its first to its last message; `None` if it is empty.
    #[must_use]
    pub fn span(&self) -> Option<Interval> {
        self.interval.or_else(|| Interval::new(self.messages.first()?.id, self.messages.last()?.id))
    }
}

/// The fields of a stored row that decide the effect of a page on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredVersion {
    /// The id of the message.
    pub id: MessageId,
    /// Its type.
    pub kind: MessageKind,
    /// Its version.
    pub version: Version,
    /// Its [`Message::digest`].
    pub digest: u64,
    /// Its deletion, if it is deleted.
    pub deletion: Option<Deletion>,
}

/// A message to write, with its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write<'a> {
    /// The message.
    pub message: &'a Message,
    /// Its digest, computed once.
    pub digest: u64,
    /// The deletion to store, if any.
    pub deletion: Option<Deletion>,
}

/// The changes to a stored message other than to its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// When its content was last observed.
    pub observed_at: Timestamp,
    /// The kind of source of that observation.
    pub origin: Origin,
    /// Its deletion, if it is deleted.
    pub deletion: Option<Deletion>,
}

/// The change to a message that a reader can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It appeared, or appeared again.
    Created,
    /// A newer version replaced it.
    Updated,
    /// It was marked deleted.
    Deleted,
}

impl Effect {
    /// Returns the effect of replacing a message, by whether readers saw it before and see it afterwards.
    #[must_use]
    pub const fn of(seen_before: bool, seen_after: bool) -> Self {
        match (seen_before, seen_after) {
            (_, false) => Self::Deleted,
            (true, true) => Self::Updated,
            (false, true) => Self::Created,
        }
    }
}

/// The maximum number of changed messages of a unit that the change log lists one by one; more become one entry.
pub const MOST_NAMED: usize = 20;

/// Returns the entries of the change log for changed messages of a channel, which ascend by id.
#[must_use]
pub fn changes_of(channel: ChannelId, changed: &[(MessageId, Effect)]) -> Vec<ChangeKind> {
    let (Some((low, _)), Some((high, _))) = (changed.first(), changed.last()) else { return Vec::new() };
    if let Some(interval) = Interval::new(*low, *high).filter(|_| changed.len() > MOST_NAMED) {
        return vec![ChangeKind::Page { channel, interval }];
    }
    let named = changed.iter().map(|(message, effect)| match effect {
        Effect::Created => ChangeKind::Created { channel, message: *message },
        Effect::Updated => ChangeKind::Updated { channel, message: *message },
        Effect::Deleted => ChangeKind::Deleted { channel, message: *message },
    });
    named.collect()
}

/// The effect of a page on a store; every list ascends by id.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PagePlan<'a> {
    /// New rows.
    pub insert: Vec<Write<'a>>,
    /// Rows that a newer version replaces.
    pub update: Vec<Write<'a>>,
    /// Rows whose content stays, by the change to their other fields.
    pub touch: Vec<(Touch, Vec<MessageId>)>,
    /// Rows to mark deleted by [`PagePlan::deletion`].
    pub delete: Vec<MessageId>,
    /// The deletion of the rows of `delete`; `None` if there are none.
    pub deletion: Option<Deletion>,
    /// Rows that were not observed after the page and that are absent from its interval: those that it deletes, or
    /// would delete if absence were evidence.
    pub absent: Vec<MessageId>,
    /// The number of rows that are not deleted and are absent from the page's interval.
    pub lacking: u64,
    /// The number of rows that a newer version replaced, or that were found to exist.
    pub updated: u64,
    /// The number of rows that do not change for any reader.
    pub unchanged: u64,
    /// The change to the number of messages shown to readers: not deleted, and of a type [that is
    /// shown](MessageKind::is_shown).
    pub growth: i64,
    /// Whether a message that is shown to readers was added, changed or removed, so that the channel's newest message
    /// may change.
    pub moves_stats: bool,
    /// The changes that a reader can see.
    pub changed: Vec<(MessageId, Effect)>,
}

impl<'a> PagePlan<'a> {
    /// Compares `page` with the stored rows of the ids in its span, and with the proof of other observations.
    ///
    /// - An explicit deletion is final. An inferred one yields to an observation that is not older.
    /// - Of two versions the newer wins; equal content changes nothing.
    /// - A stored message absent from its interval becomes deleted, unless it was observed at that time or later.
    /// - Where a later observation proves absence, the page adds as deleted the messages absent from that observation.
    #[must_use]
    pub fn new(page: &'a MessagePage, stored: &[StoredVersion], proven: &Segments) -> Self {
        let mut plan = Self::default();
        let mut held: BTreeMap<MessageId, &StoredVersion> = stored.iter().map(|row| (row.id, row)).collect();
        for message in page.messages.iter() {
            match held.remove(&message.id) {
                Some(row) => plan.meet(page, message, row, proven),
                None => plan.add(page, message, proven),
            }
        }
        if let Some(interval) = page.interval {
            for row in held.into_values().filter(|row| interval.contains(row.id)) {
                plan.miss(page, row, proven);
            }
        }
        if !plan.delete.is_empty() {
            plan.deletion = Some(page.deletion());
        }
        plan.changed.sort_unstable_by_key(|(id, _)| *id);
        plan
    }

    /// Handles a message of the page that is not stored.
    fn add(&mut self, page: &MessagePage, message: &'a Message, proven: &Segments) {
        let absent_at = proven.absent_at(message.id).filter(|at| *at > page.observed_at);
        let deletion = absent_at.map(Deletion::inferred);
        self.count(false, deletion.is_none() && message.kind.is_shown());
        self.changed.push((message.id, if deletion.is_none() { Effect::Created } else { Effect::Deleted }));
        self.insert.push(Write { message, digest: message.digest(), deletion });
    }

    /// Handles a message of the page that is stored.
    fn meet(&mut self, page: &MessagePage, message: &'a Message, row: &StoredVersion, proven: &Segments) {
        let deletion = row.deletion.filter(|deletion| {
            // A later observation that covers the id of a deleted message lacked it, too.
            let lacked = proven.absent_at(row.id).map_or(*deletion, |at| deletion.merge(Deletion::inferred(at)));
            lacked.outlasts(page.observed_at)
        });
        if deletion.is_some_and(|deletion| deletion.kind == DeletionKind::Explicit) {
            self.unchanged += 1;
            return;
        }
        let confirmed_at = proven.confirmed_at(row.id).filter(|_| row.deletion.is_none());
        // An edit proves by itself that it is the later version; otherwise the time of the observation decides.
        let newer = message.version.edited_at > row.version.edited_at
            || message.version > row.version && confirmed_at.is_none_or(|at| at <= page.observed_at);
        let digest = if newer { message.digest() } else { row.digest };
        let revived = row.deletion.is_some() && deletion.is_none();
        let was_shown = row.deletion.is_none() && row.kind.is_shown();
        let kind = if digest == row.digest { row.kind } else { message.kind };
        if revived || digest != row.digest {
            self.count(was_shown, deletion.is_none() && kind.is_shown());
        }
        if digest == row.digest {
            let recorded = page.observation().is_some() || confirmed_at.is_some_and(|at| at >= page.observed_at);
            if revived || newer && !recorded {
                let Version { observed_at, origin, .. } = if newer { message.version } else { row.version };
                self.touch(row.id, Touch { observed_at, origin, deletion });
            }
        } else {
            self.update.push(Write { message, digest, deletion });
        }
        if revived || digest != row.digest && deletion.is_none() {
            self.changed.push((row.id, if revived { Effect::Created } else { Effect::Updated }));
            self.updated += 1;
        } else {
            self.unchanged += 1;
        }
    }

    /// Handles a stored message that the page lacks.
    fn miss(&mut self, page: &MessagePage, row: &StoredVersion, proven: &Segments) {
        if let Some(deletion) = row.deletion {
            if page.absence == Absence::Explicit && deletion.kind == DeletionKind::Inferred {
                let Version { observed_at, origin, .. } = row.version;
                self.touch(row.id, Touch { observed_at, origin, deletion: Some(deletion.merge(page.deletion())) });
            }
            return;
        }
        self.lacking += 1;
        let observed_at =
            proven.absent_at(row.id).map_or(row.version.observed_at, |at| at.max(row.version.observed_at));
        let spared = page.spared.binary_search(&row.id).is_ok();
        if page.absence != Absence::Explicit && (spared || observed_at >= page.observed_at) {
            return;
        }
        self.absent.push(row.id);
        if page.absence != Absence::NoEvidence {
            self.delete.push(row.id);
            self.changed.push((row.id, Effect::Deleted));
            self.count(row.kind.is_shown(), false);
        }
    }

    /// Counts a message by whether it was shown to readers before, and is from now on.
    fn count(&mut self, before: bool, after: bool) {
        self.growth += i64::from(after) - i64::from(before);
        self.moves_stats |= before || after;
    }

    fn touch(&mut self, id: MessageId, touch: Touch) {
        match self.touch.iter_mut().find(|(other, _)| *other == touch) {
            Some((_, ids)) => ids.push(id),
            None => self.touch.push((touch, vec![id])),
        }
    }
}

#[cfg(test)]
mod tests;
