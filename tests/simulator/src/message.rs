//! A message as the simulator stores it, before it is rendered for a client.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::people::People;

pub(crate) mod compose;
mod content;
mod mix;
mod parts;
pub(crate) mod render;
mod system;

/// Message flags: <https://docs.discord.com/developers/resources/message#message-object-message-flags>.
pub(crate) mod flag {
    pub(crate) const CROSSPOSTED: u64 = 1;
    pub(crate) const IS_CROSSPOST: u64 = 1 << 1;
    pub(crate) const HAS_THREAD: u64 = 1 << 5;
    pub(crate) const VOICE: u64 = 1 << 13;
    pub(crate) const HAS_SNAPSHOT: u64 = 1 << 14;
    pub(crate) const COMPONENTS_V2: u64 = 1 << 15;
    /// A bit without a documented meaning.
    pub(crate) const UNDEFINED: u64 = 1 << 40;
}

/// A message without the parts that depend on other objects: reactions, pins, its thread, the message it replies to,
/// signed addresses.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: u64,
    pub(crate) body: Map<String, Value>,
    pub(crate) reply: Reply,
    pub(crate) reactions: Vec<Reaction>,
    /// The voters of each poll answer.
    pub(crate) votes: Vec<(u64, Users)>,
}

/// The value of `referenced_message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The field is absent.
    Absent,
    /// The field is null.
    Gone,
    /// The message in its current state, null if it is deleted.
    To { channel_id: u64, id: u64 },
}

/// The reactions with one emoji.
#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) emoji: Value,
    pub(crate) normal: Users,
    pub(crate) burst: Users,
}

/// A set of users, in ascending order of id.
#[derive(Debug, Clone)]
pub(crate) enum Users {
    /// `len` users from number `first` on.
    Block { first: u64, len: u64 },
    /// These ids.
    Ids(BTreeSet<u64>),
}

impl Users {
    /// Returns the number of users.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Block { len, .. } => *len,
            Self::Ids(ids) => ids.len() as u64,
        }
    }

    /// Returns at most `limit` ids above `after`, ascending.
    pub(crate) fn page(&self, people: &People, after: u64, limit: usize) -> Vec<u64> {
        match self {
            Self::Block { first, len } => {
                let start = people.first_above(after).max(*first);
                (start..first + len).take(limit).map(|number| people.id(number)).collect()
            }
            Self::Ids(ids) => ids.range(after.saturating_add(1)..).take(limit).copied().collect(),
        }
    }

    /// Returns the set as a mutable list of ids.
    pub(crate) fn ids(&mut self, people: &People) -> &mut BTreeSet<u64> {
        if let Self::Block { .. } = self {
            *self = Self::Ids(self.page(people, 0, usize::MAX).into_iter().collect());
        }
        let Self::Ids(ids) = self else { unreachable!("made so above") };
        ids
    }
}

impl Reaction {
    /// Returns whether `key` identifies this emoji: by its id, or by the name of a Unicode one.
    pub(crate) fn is(&self, key: &str) -> bool {
        self.emoji["id"].as_str().or(self.emoji["name"].as_str()) == Some(key)
    }
}
