//! The change log: every change to what a reader may see, in the order of the commits. Search, caches and event streams
//! follow it.
//!
//! A store numbers the changes without a gap, in the order in which their units committed. So a reader that finds every
//! number after its own position has missed nothing; a missing number, another epoch, or a position outside the log
//! means that it must read everything again ([`Followed::Resync`]).

use std::collections::HashSet;

use uuid::Uuid;

use crate::channel::ChannelId;
use crate::coverage::Interval;
use crate::message::MessageId;
use crate::tenant::TenantId;

/// One entry of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// The tenant that it belongs to. The entry outlives the tenant.
    pub tenant_id: TenantId,
    /// The kind of change, with its subject.
    pub kind: ChangeKind,
}

/// A change to what a reader may see. A change to messages implies that the count and the last activity of their channel
/// may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Many messages of an interval changed.
    Page {
        /// Their channel.
        channel: ChannelId,
        /// From the first to the last of them.
        interval: Interval,
    },
    /// A message appeared, or a deleted one appeared again.
    Created {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// A newer version replaced a message.
    Updated {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// A message was marked deleted.
    Deleted {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// A channel or thread appeared, or its fields, visibility or coverage changed.
    Channel {
        /// The channel.
        channel: ChannelId,
    },
    /// A channel was removed with its messages. Its children have no parent from then on.
    ChannelGone {
        /// The channel.
        channel: ChannelId,
    },
    /// The tenant appeared, or one of its fields changed; a deletion begins so.
    Tenant,
    /// The tenant was removed.
    TenantGone,
    /// Roles, emoji or stickers changed.
    GuildItems,
    /// The states of files of messages changed.
    Files {
        /// Their channel.
        channel: ChannelId,
        /// From the first to the last message of them.
        interval: Interval,
    },
}

impl ChangeKind {
    /// Returns its number in a store.
    #[must_use]
    pub const fn as_number(self) -> u8 {
        match self {
            Self::Page { .. } => 1,
            Self::Created { .. } => 2,
            Self::Updated { .. } => 3,
            Self::Deleted { .. } => 4,
            Self::Channel { .. } => 5,
            Self::ChannelGone { .. } => 6,
            Self::Tenant => 7,
            Self::GuildItems => 8,
            Self::Files { .. } => 9,
            Self::TenantGone => 11,
        }
    }

    /// Returns its channel, if it has one.
    #[must_use]
    pub const fn channel(self) -> Option<ChannelId> {
        match self {
            Self::Page { channel, .. }
            | Self::Created { channel, .. }
            | Self::Updated { channel, .. }
            | Self::Deleted { channel, .. }
            | Self::Channel { channel }
            | Self::ChannelGone { channel }
            | Self::Files { channel, .. } => Some(channel),
            Self::Tenant | Self::TenantGone | Self::GuildItems => None,
        }
    }

    /// Returns the ids of the messages that it concerns, if it concerns messages.
    #[must_use]
    pub const fn interval(self) -> Option<Interval> {
        match self {
            Self::Page { interval, .. } | Self::Files { interval, .. } => Some(interval),
            Self::Created { message, .. } | Self::Updated { message, .. } | Self::Deleted { message, .. } => {
                Some(Interval::only(message))
            }
            Self::Channel { .. } | Self::ChannelGone { .. } | Self::Tenant | Self::TenantGone | Self::GuildItems => {
                None
            }
        }
    }

    /// Returns the kind that a store has under a number, a channel and an interval; `None` if they do not fit together.
    #[must_use]
    pub fn from_stored(number: u8, channel: Option<ChannelId>, interval: Option<Interval>) -> Option<Self> {
        let only = || interval.filter(|interval| interval.low() == interval.high()).map(Interval::low);
        let kind = match (number, channel, interval) {
            (1, Some(channel), Some(interval)) => Self::Page { channel, interval },
            (2, Some(channel), _) => Self::Created { channel, message: only()? },
            (3, Some(channel), _) => Self::Updated { channel, message: only()? },
            (4, Some(channel), _) => Self::Deleted { channel, message: only()? },
            (5, Some(channel), None) => Self::Channel { channel },
            (6, Some(channel), None) => Self::ChannelGone { channel },
            (7, None, None) => Self::Tenant,
            (8, None, None) => Self::GuildItems,
            (9, Some(channel), Some(interval)) => Self::Files { channel, interval },
            (11, None, None) => Self::TenantGone,
            _ => return None,
        };
        Some(kind)
    }
}

/// Returns the changes of a unit without duplicates: one commit makes all of them.
#[must_use]
pub fn distinct(changes: Vec<Change>) -> Vec<Change> {
    let mut seen = HashSet::new();
    changes.into_iter().filter(|change| seen.insert(*change)).collect()
}

/// A position in the log, after one change and before the next. Its text is meaningful only to the store that returned
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePosition(String);

impl ChangePosition {
    /// Parses a persisted position, such as one stored beside a search index.
    #[must_use]
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Returns its text: at most 60 ASCII characters.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }
}

/// The response to a reader of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The changes after the reader's position, complete; empty at the end of the log.
    Changes {
        /// The changes, in order.
        changes: Vec<Change>,
        /// The position after the last of them.
        position: ChangePosition,
        /// How many more changes the log has after them.
        behind: u64,
    },
    /// The log does not cover the reader's position: it was trimmed beyond it, or replaced.
    Resync {
        /// The end of the log. Data read in the same snapshot contains every change before it.
        position: ChangePosition,
    },
}

/// The extent of the log in a store that numbers all changes with one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogExtent {
    /// Identifies the numbering; another numbering has another epoch.
    pub epoch: Uuid,
    /// The smallest number that was not trimmed, or the next one if all were.
    pub first: u64,
    /// The largest assigned number; `first - 1` if there is none left.
    pub last: u64,
}

/// A change with its number, as a store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedChange {
    /// Its number.
    pub number: u64,
    /// The change.
    pub change: Change,
}

impl LogExtent {
    /// Returns the position after the change with this number.
    #[must_use]
    pub fn position(&self, number: u64) -> ChangePosition {
        ChangePosition(format!("{}.{number}", self.epoch.simple()))
    }

    /// Returns the position at the end of the log.
    #[must_use]
    pub fn end(&self) -> ChangePosition {
        self.position(self.last)
    }

    /// Returns the number after which a reader at `position` resumes; `None` if it must read everything again.
    #[must_use]
    pub fn number_at(&self, position: &ChangePosition) -> Option<u64> {
        let (epoch, number) = position.0.split_once('.')?;
        let number: u64 = number.parse().ok()?;
        let reachable = number.checked_add(1)? >= self.first && number <= self.last;
        (Uuid::try_parse(epoch).ok()? == self.epoch && reachable).then_some(number)
    }

    /// Returns the response to a reader at `position`, from the changes after it that the store selected, in order, at
    /// most `limit` of them.
    #[must_use]
    pub fn answer(&self, position: &ChangePosition, selected: Vec<NumberedChange>, limit: u32) -> Followed {
        let resync = Followed::Resync { position: self.end() };
        let Some(after) = self.number_at(position) else { return resync };
        let count = (self.last - after).min(limit.into());
        let dense = selected.iter().zip(after + 1..).all(|(change, number)| change.number == number);
        if !dense || selected.len() as u64 != count {
            return resync;
        }
        let last = after + count;
        let changes = selected.into_iter().map(|selected| selected.change).collect();
        Followed::Changes { changes, position: self.position(last), behind: self.last - last }
    }

    /// Returns the last number that may be trimmed if the newest `kept` changes stay and one step removes at most
    /// `limit`; `None` if there is nothing to trim.
    #[must_use]
    pub fn trimmable(&self, kept: u64, limit: u32) -> Option<u64> {
        let last = self.last.checked_sub(kept)?.min((self.first + u64::from(limit)).checked_sub(1)?);
        (last >= self.first).then_some(last)
    }
}

#[cfg(test)]
mod tests;
