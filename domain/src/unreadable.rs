//! Entries between the messages of a channel that could not be read or stored, set aside unchanged.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::channel::ChannelId;
use crate::coverage::{Interval, Segments};
use crate::json::Json;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// The id of an unreadable entry: UUID v5 of its channel and its content, so that repeated observations share one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UnreadableId(pub Uuid);

impl fmt::Display for UnreadableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry between the messages of a channel that could not be parsed, or that the store rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id, unique in its channel.
    pub id: UnreadableId,
    /// Its channel.
    pub channel_id: ChannelId,
    /// Its message id, if that could be read.
    pub message_id: Option<MessageId>,
    /// The ids that it can have: those between the neighbouring messages.
    pub place: Interval,
    /// The fault: a sentence without a full stop.
    pub reason: String,
    /// The raw entry, scrubbed; `None` if it is not JSON or larger than [`Unreadable::LARGEST`].
    pub raw: Option<Json>,
    /// When a source first showed it.
    pub first_seen_at: Timestamp,
    /// When a source last showed it.
    pub last_seen_at: Timestamp,
}

impl Unreadable {
    /// The size in bytes of the largest entry that is stored whole: far more than any message that can be written, and
    /// far less than the limit of a row.
    pub const LARGEST: usize = 128 * 1024;
    /// The maximum number of entries per channel, so that a faulty source cannot fill the disk.
    pub const MOST: usize = 100;

    /// Returns the entry for raw data that a source showed at `seen_at`, at a `place` where a message was expected.
    #[must_use]
    pub fn shown(channel_id: ChannelId, place: Interval, reason: &str, raw: Option<Json>, seen_at: Timestamp) -> Self {
        let name = match &raw {
            Some(raw) => format!("json/{raw}"),
            None => format!("place/{}/{reason}", place.high()),
        };
        Self {
            id: UnreadableId(Uuid::new_v5(&channel_id.0, name.as_bytes())),
            channel_id,
            message_id: None,
            place,
            reason: reason.to_owned(),
            raw: raw.filter(|raw| raw.as_str().len() <= Self::LARGEST),
            first_seen_at: seen_at,
            last_seen_at: seen_at,
        }
    }

    /// Returns the entry for a message that a source showed at `seen_at` and the store rejected.
    #[must_use]
    pub fn refused(channel_id: ChannelId, message_id: MessageId, reason: String, seen_at: Timestamp) -> Self {
        Self {
            id: UnreadableId(Uuid::new_v5(&channel_id.0, format!("message/{message_id}").as_bytes())),
            channel_id,
            message_id: Some(message_id),
            place: Interval::only(message_id),
            reason,
            raw: None,
            first_seen_at: seen_at,
            last_seen_at: seen_at,
        }
    }

    /// Returns whether later observations have shown every id that it can have without showing it.
    #[must_use]
    pub fn is_settled(&self, proven: &Segments) -> bool {
        proven.prove_since(self.place, self.last_seen_at)
    }

    /// Returns the entries of `new` to store in a channel that has `held`: those with stored ids, and as many others as
    /// there is room for.
    pub fn taken<'a>(held: &[UnreadableId], new: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        let mut room = Self::MOST.saturating_sub(held.len());
        new.iter().filter(move |one| {
            let known = held.contains(&one.id);
            let taken = known || room > 0;
            if taken && !known {
                room -= 1;
            }
            taken
        })
    }
}

#[cfg(test)]
mod tests;
