//! Folds the changes of a channel's messages, in their order, into the messages to store.
//!
//! # Reactions and votes
//! A message is stored with the count of each reaction, as a page shows it. An event names a person instead. A count
//! cannot absorb such events exactly: whether a page that was requested a moment before includes a reaction is unknown,
//! the platform may repeat an event or lose it, and the people of a count are not stored. So the fold counts nothing. It
//! names the message, which is then requested once for any number of such events: the response has the true counts, and
//! replaces what is stored like any page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::event::{MessageChange, MessagePatch};
use domain::message::{Message, MessageId, Origin, StoredMessage};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;

/// The effect of changes on a channel.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folded {
    /// The messages to store, in their last state.
    pub(super) shown: BTreeMap<MessageId, Message>,
    /// The messages that were deleted, stored or not.
    pub(super) deleted: BTreeSet<MessageId>,
    /// The messages whose state the changes do not show.
    pub(super) unclear: BTreeSet<MessageId>,
    /// Events that could not be read.
    pub(super) unreadable: Vec<Unreadable>,
    /// When the last change was received.
    pub(super) observed_at: Option<Timestamp>,
}

/// Returns the messages whose stored state [`Folded::new`] needs.
pub(super) fn named<'a>(changes: impl IntoIterator<Item = &'a MessageChange>) -> BTreeSet<MessageId> {
    let named = changes.into_iter().filter_map(|change| match change {
        MessageChange::Created(message) => Some(message.id),
        MessageChange::Updated(patch) => Some(patch.id),
        _ => None,
    });
    named.collect()
}

impl Folded {
    /// Folds `changes`, each with the time at which it was received; `stored` are the stored messages among those
    /// [named].
    pub(super) fn new<'a>(
        changes: impl IntoIterator<Item = (Timestamp, &'a MessageChange)>,
        stored: &HashMap<MessageId, StoredMessage>,
    ) -> Self {
        let mut folded = Self::default();
        for (received_at, change) in changes {
            folded.observed_at = folded.observed_at.max(Some(received_at));
            folded.take(change, stored);
        }
        folded
    }

    fn take(&mut self, change: &MessageChange, stored: &HashMap<MessageId, StoredMessage>) {
        match change {
            MessageChange::Created(message) => self.create(message, stored.get(&message.id)),
            MessageChange::Updated(patch) => self.update(patch, stored.get(&patch.id)),
            MessageChange::Deleted(ids) => {
                for id in ids {
                    self.shown.remove(id);
                    self.unclear.remove(id);
                }
                self.unreadable.retain(|one| one.message_id.is_none_or(|id| !ids.contains(&id)));
                self.deleted.extend(ids);
            }
            MessageChange::ReactionAdded(reaction) | MessageChange::ReactionRemoved(reaction) => {
                self.doubt(reaction.message);
            }
            MessageChange::ReactionsCleared { message, .. } => self.doubt(*message),
            MessageChange::VoteAdded(vote) | MessageChange::VoteRemoved(vote) => self.doubt(vote.message),
            // The platform also reports the change of the message that was pinned or unpinned.
            MessageChange::PinsChanged => {}
            MessageChange::Unreadable(unreadable) => {
                if unreadable.message_id.is_some_and(|id| self.deleted.contains(&id)) {
                    return;
                }
                self.unreadable.push((**unreadable).clone());
                self.unclear.extend(unreadable.message_id);
            }
        }
    }

    /// A message as it was sent: whatever is known of it otherwise is newer.
    fn create(&mut self, message: &Message, stored: Option<&StoredMessage>) {
        let is_known = stored.is_some_and(|stored| {
            stored.is_final() || !stored.is_deleted() && stored.message.version.origin != Origin::Export
        });
        let is_newer_known = is_known || self.deleted.contains(&message.id) || self.shown.contains_key(&message.id);
        if !is_newer_known && !message.is_passing() {
            self.shown.insert(message.id, message.clone());
        }
    }

    /// A message that is not stored is stored as far as the event shows it, and requested for what it does not show.
    fn update(&mut self, patch: &MessagePatch, stored: Option<&StoredMessage>) {
        let id = patch.id;
        if self.deleted.contains(&id) || stored.is_some_and(StoredMessage::is_final) {
            return;
        }
        // A deleted message may have lost its content.
        let stored = stored.filter(|stored| !stored.is_deleted()).map(|stored| &stored.message);
        let Some(known) = self.shown.get(&id).or(stored) else {
            let whole = patch.clone().into_message();
            if whole.as_ref().is_some_and(Message::is_passing) {
                return;
            }
            self.shown.extend(whole.map(|message| (id, message)));
            return self.doubt(id);
        };
        let changed = patch.apply(known);
        if changed.version >= known.version {
            self.shown.insert(id, changed);
        }
    }

    fn doubt(&mut self, id: MessageId) {
        if !self.deleted.contains(&id) {
            self.unclear.insert(id);
        }
    }
}

#[cfg(test)]
mod tests;
