//! What stood among the messages of a channel and could not be read or stored, kept aside as it came.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::channel::ChannelId;
use crate::coverage::{Interval, Segments};
use crate::json::Json;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

/// The id of something unreadable: UUID v5 of its channel and of what it says, so that the same thing seen again is
/// one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct UnreadableId(pub Uuid);

impl fmt::Display for UnreadableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something among the messages of a channel that could not be read, or that the store refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What tells it from everything else of its channel.
    pub id: UnreadableId,
    /// Where it stood.
    pub channel_id: ChannelId,
    /// Its own id, where that could be read.
    pub message_id: Option<MessageId>,
    /// The ids that it can have: those between the messages around it.
    pub place: Interval,
    /// What is wrong with it: a sentence without an end.
    pub reason: String,
    /// The thing itself, scrubbed; `None` where it is no JSON or larger than [`Unreadable::LARGEST`].
    pub raw: Option<Json>,
    /// When a source first showed it.
    pub first_seen_at: Timestamp,
    /// When a source last showed it.
    pub last_seen_at: Timestamp,
}

impl Unreadable {
    /// Bytes of the largest that is kept whole: far more than a message that can be written, and far less than a row
    /// takes.
    pub const LARGEST: usize = 128 * 1024;
    /// How many of a channel are kept at most, so that a source that has gone mad fills no disk.
    pub const MOST: usize = 100;

    /// What a source showed at `seen_at` at a `place` where a message was due.
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

    /// A message that a source showed at `seen_at` and the store refused.
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

    /// Whether later looks have shown every id that it can have, and it was not among what they showed.
    #[must_use]
    pub fn is_settled(&self, proven: &Segments) -> bool {
        proven.prove_since(self.place, self.last_seen_at)
    }

    /// Those of `new` that a channel takes which keeps `held`: what it has already, and as many others as there is room
    /// for.
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
