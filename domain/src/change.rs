//! The change log: every change to what a reader may see, in the order of the commits. Search, caches and event streams
//! follow it.
//!
//! A log has one or more partitions, so that units which write to different channels need not wait for each other's
//! numbers. A store numbers the changes of a partition without a gap, in the order in which their units committed, and
//! the changes of a channel are all in one partition. So a reader that finds every number after its own position has
//! missed nothing; a missing number, another epoch, or a position outside the log means that it must read everything
//! again ([`Followed::Resync`]).

use std::collections::HashSet;
use std::num::NonZeroU8;

use uuid::Uuid;

use crate::channel::ChannelId;
use crate::coverage::Interval;
use crate::message::MessageId;
use crate::pseudonym::Pseudonym;
use crate::tenant::TenantId;
use crate::timestamp::Timestamp;

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
    /// Readers could read the channel, and no longer can: it was hidden, or removed. Its threads closed with it.
    ChannelClosed {
        /// The channel.
        channel: ChannelId,
    },
    /// The tenant appeared, or one of its fields changed; a deletion begins so.
    Tenant,
    /// The content of an author was erased: what is derived from it must be removed at once and for good.
    AuthorErased {
        /// The author.
        author: Pseudonym,
    },
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

impl Change {
    /// Returns its partition in a log that has `partitions` of them: that of its channel, or else of its tenant.
    #[must_use]
    pub fn partition(&self, partitions: NonZeroU8) -> u8 {
        let subject = self.kind.channel().map_or(self.tenant_id.0, |channel| channel.0);
        let [.., last] = subject.into_bytes();
        last % partitions
    }
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
            Self::AuthorErased { .. } => 10,
            Self::TenantGone => 11,
            Self::ChannelClosed { .. } => 12,
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
            | Self::ChannelClosed { channel }
            | Self::Files { channel, .. } => Some(channel),
            Self::Tenant | Self::TenantGone | Self::GuildItems | Self::AuthorErased { .. } => None,
        }
    }

    /// Returns the id under which a store has its subject: that of its channel, or the pseudonym of its author.
    #[must_use]
    pub const fn subject(self) -> Option<Uuid> {
        match (self, self.channel()) {
            (_, Some(channel)) => Some(channel.0),
            (Self::AuthorErased { author }, None) => Some(Uuid::from_bytes(*author.as_bytes())),
            (_, None) => None,
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
            Self::Channel { .. }
            | Self::ChannelGone { .. }
            | Self::ChannelClosed { .. }
            | Self::Tenant
            | Self::TenantGone
            | Self::GuildItems
            | Self::AuthorErased { .. } => None,
        }
    }

    /// Returns the kind that a store has under a number, a [subject](Self::subject) and an interval; `None` if they do
    /// not fit together.
    #[must_use]
    pub fn from_stored(number: u8, subject: Option<Uuid>, interval: Option<Interval>) -> Option<Self> {
        let channel = subject.map(ChannelId);
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
            (10, Some(author), None) => Self::AuthorErased { author: Pseudonym::new(author.0.into_bytes()) },
            (11, None, None) => Self::TenantGone,
            (12, Some(channel), None) => Self::ChannelClosed { channel },
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

    /// Returns its text in ASCII: an epoch, and at most 18 characters for each partition.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// Returns whether every change before `other` is also before this position; false for positions of different logs.
    #[must_use]
    pub fn reaches(&self, other: &Self) -> bool {
        let (mut own, mut others) = (self.0.split('.'), other.0.split('.'));
        own.next() == others.next() && own.clone().count() == others.clone().count() && {
            let number = |part: &str| part.parse::<u64>().ok();
            own.zip(others)
                .all(|(own, other)| matches!((number(own), number(other)), (Some(own), Some(other)) if own >= other))
        }
    }
}

/// The stored position of a reader of the log that works at intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// The position after the last change that it has dealt with.
    pub position: ChangePosition,
    /// When it may work again.
    pub due_at: Timestamp,
}

/// The response to a reader of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The changes after the reader's position, complete; empty at the end of the log.
    Changes {
        /// The changes, those of each partition in order.
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

/// The position of the number of a partition in the numbers of its changes.
const PARTITION_BITS: u32 = 56;

/// The extent of a partition of the log. Its number is in the highest bits of the numbers of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// The smallest number that was not trimmed, or the next one if all were.
    pub first: u64,
    /// The largest assigned number; `first - 1` if there is none left.
    pub last: u64,
}

impl Partition {
    /// Returns the number before the first change of a partition.
    #[must_use]
    pub const fn base(partition: u8) -> u64 {
        (partition as u64) << PARTITION_BITS
    }

    /// Returns the number of the partition.
    #[must_use]
    pub const fn number(&self) -> u8 {
        (self.last >> PARTITION_BITS) as u8
    }

    /// Returns whether a reader that has read up to the change `number` can resume.
    fn covers(&self, number: u64) -> bool {
        number.checked_add(1).is_some_and(|next| next >= self.first) && number <= self.last
    }

    /// Returns the last number that may be trimmed if the newest `kept` changes stay and one step removes at most
    /// `limit`; `None` if there is nothing to trim.
    #[must_use]
    pub fn trimmable(&self, kept: u64, limit: u32) -> Option<u64> {
        let removable = self.last.saturating_add(1).saturating_sub(self.first).saturating_sub(kept).min(limit.into());
        removable.checked_sub(1).map(|more| self.first + more)
    }
}

/// A change with its number, as a store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedChange {
    /// Its number.
    pub number: u64,
    /// The change.
    pub change: Change,
}

/// The changes of a partition that a reader receives next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// The number of the last change that it has read.
    pub after: u64,
    /// The number of the last change that it receives; `after` if there is none.
    pub to: u64,
}

/// The extent of the log in a store that has a counter for each partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogExtent {
    /// Identifies the numbering; another numbering has another epoch.
    pub epoch: Uuid,
    /// The partitions, ascending.
    pub partitions: Vec<Partition>,
}

impl LogExtent {
    /// Returns the position after the changes with these numbers, one of each partition.
    fn position(&self, numbers: impl IntoIterator<Item = u64>) -> ChangePosition {
        let inside = numbers.into_iter().map(|number| (number & (Partition::base(1) - 1)).to_string());
        let parts: Vec<_> = std::iter::once(self.epoch.simple().to_string()).chain(inside).collect();
        ChangePosition(parts.join("."))
    }

    /// Returns the position at the end of the log.
    #[must_use]
    pub fn end(&self) -> ChangePosition {
        self.position(self.partitions.iter().map(|partition| partition.last))
    }

    /// Returns the changes that a reader at `position` receives next, at most `limit` (not 0) of all partitions; `None`
    /// if it must read everything again. No partition waits until the reader is at the end of another one.
    #[must_use]
    pub fn unread(&self, position: &ChangePosition, limit: u32) -> Option<Vec<Unread>> {
        let mut parts = position.0.split('.');
        if Uuid::try_parse(parts.next()?).ok()? != self.epoch {
            return None;
        }
        let mut unread = Vec::with_capacity(self.partitions.len());
        for partition in &self.partitions {
            let number: u64 = parts.next()?.parse().ok()?;
            let after =
                Partition::base(partition.number()).checked_add(number).filter(|after| partition.covers(*after))?;
            unread.push(Unread { after, to: partition.last });
        }
        if parts.next().is_some() {
            return None;
        }
        let mut by_length: Vec<_> = unread.iter_mut().collect();
        by_length.sort_by_key(|unread| unread.to - unread.after);
        let (mut left, mut partitions) = (u64::from(limit), by_length.len() as u64);
        for unread in by_length {
            unread.to = unread.to.min(unread.after + left / partitions);
            left -= unread.to - unread.after;
            partitions -= 1;
        }
        Some(unread)
    }

    /// Returns the response to a reader, from the changes that it receives and that the store `found`, ascending.
    #[must_use]
    pub fn answer(&self, unread: Option<&[Unread]>, found: Vec<NumberedChange>) -> Followed {
        let resync = Followed::Resync { position: self.end() };
        let Some(unread) = unread else { return resync };
        if !unread.iter().flat_map(|unread| unread.after + 1..=unread.to).eq(found.iter().map(|found| found.number)) {
            return resync;
        }
        Followed::Changes {
            changes: found.into_iter().map(|found| found.change).collect(),
            position: self.position(unread.iter().map(|unread| unread.to)),
            behind: self.partitions.iter().zip(unread).map(|(partition, unread)| partition.last - unread.to).sum(),
        }
    }
}

#[cfg(test)]
mod tests;
