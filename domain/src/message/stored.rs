//! A message as stored, and how two archives merge their copies of it.

use super::{Deletion, DeletionKind, Message, MessageId, Version};
use crate::coverage::Segments;
use crate::timestamp::Timestamp;

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// The message.
    pub message: Message,
    /// Its deletion, if it is deleted. Its content is never shown to the public; it is [removed](Deletion::content_due) at
    /// once, or after a while.
    pub deletion: Option<Deletion>,
}

impl StoredMessage {
    /// Returns whether it is deleted.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deletion.is_some()
    }

    /// Returns whether it is deleted explicitly.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.deletion.is_some_and(|deletion| deletion.kind == DeletionKind::Explicit)
    }

    /// Returns whether it is shown to readers: it is not deleted, and of a type [that is
    /// shown](crate::message::MessageKind::is_shown).
    #[must_use]
    pub fn is_shown(&self) -> bool {
        !self.is_deleted() && self.message.kind.is_shown()
    }

    /// Returns the message to store in an archive that has stored `held`, or no such message, when another archive has
    /// this copy. The observations of the other archive prove `theirs`, those of this one `ours`: a message that is
    /// stored and not deleted was also shown by the observation that proves its id, and one that is deleted or not
    /// stored was absent there.
    ///
    /// - An explicit deletion of either archive is final, and its copy of the message, without content, is stored.
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
        let is_newer = match (self.is_final(), held.is_final()) {
            (true, false) => true,
            (false, true) => false,
            _ => self.version_seen(theirs) >= held.version_seen(ours),
        };
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
