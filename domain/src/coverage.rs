//! The part of a channel that is stored without a gap, and when it was observed.

mod plan;
mod segments;

use serde::Serialize;

use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

pub use self::plan::{CoveragePlan, NearSegments, StoredCoverage};
pub use self::segments::{Observation, Part, Segment, SegmentError, Segments};

/// All ids from `low` to `high`, inclusive; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    low: MessageId,
    high: MessageId,
}

impl Interval {
    /// Returns the interval from `low` to `high`; `None` if `low` is the larger.
    #[must_use]
    pub fn new(low: MessageId, high: MessageId) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }

    /// Returns the interval from the start of a channel to `high`.
    #[must_use]
    pub const fn up_to(high: MessageId) -> Self {
        Self { low: MessageId::MIN, high }
    }

    /// Returns the interval of this id alone.
    #[must_use]
    pub const fn only(id: MessageId) -> Self {
        Self { low: id, high: id }
    }

    /// Every possible id.
    pub const ALL: Self = Self { low: MessageId::MIN, high: MessageId::MAX };

    /// Returns the smallest id inside.
    #[must_use]
    pub const fn low(self) -> MessageId {
        self.low
    }

    /// Returns the largest id inside.
    #[must_use]
    pub const fn high(self) -> MessageId {
        self.high
    }

    /// Returns whether it begins at the start of a channel: nothing older can exist.
    #[must_use]
    pub fn reaches_start(self) -> bool {
        self.low == MessageId::MIN
    }

    /// Returns whether `id` lies inside.
    #[must_use]
    pub fn contains(self, id: MessageId) -> bool {
        self.low <= id && id <= self.high
    }

    /// Returns whether the two share an id.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Returns whether the two overlap or are adjacent.
    #[must_use]
    pub fn touches(self, other: Self) -> bool {
        let follows = |a: Self, b: Self| a.high.next() == Some(b.low);
        self.overlaps(other) || follows(self, other) || follows(other, self)
    }

    /// Returns the union of the two, or `None` if there is a gap between.
    #[must_use]
    pub fn merge(self, other: Self) -> Option<Self> {
        self.touches(other).then(|| Self { low: self.low.min(other.low), high: self.high.max(other.high) })
    }

    /// Returns this interval, extended if needed to contain `id`.
    #[must_use]
    pub fn extend(self, id: MessageId) -> Self {
        Self { low: self.low.min(id), high: self.high.max(id) }
    }

    /// Returns the part from `oldest` on, at least the largest id: for an interval that reaches the start of a channel,
    /// the reported extent once its oldest message is known.
    #[must_use]
    pub fn since(self, oldest: MessageId) -> Self {
        Self { low: oldest.clamp(self.low, self.high), ..self }
    }

    /// Returns the part up to `last` and the part after it; `None` if one of them is empty.
    #[must_use]
    pub fn split_after(self, last: MessageId) -> Option<(Self, Self)> {
        let older = Self::new(self.low, last.min(self.high))?;
        Some((older, Self::new(last.next()?, self.high)?))
    }

    /// Returns the older and the newer half of its ids; `None` if it has only one.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        self.split_after(MessageId::new(self.low.get() + (self.high.get() - self.low.get()) / 2)?)
    }

    /// Returns the newest ids stored without a gap after `new` was shown whole, where they were `self` before. If that
    /// reaches farther down than `self` did, [`Interval::down`] returns its full extent.
    #[must_use]
    pub fn with_newer(self, new: Self) -> Self {
        self.merge(new).unwrap_or(if new.low > self.high { new } else { self })
    }

    /// Returns the union of this interval and those of `below`, in descending order, as long as each touches the one
    /// before.
    #[must_use]
    pub fn down(self, below: impl IntoIterator<Item = Self>) -> Self {
        let run = below.into_iter().try_fold(self, |run, next| run.merge(next).ok_or(run));
        run.unwrap_or_else(|run| run)
    }

    /// Returns the parts of `self` that lie below and above `other`.
    pub fn outside(self, other: Self) -> impl Iterator<Item = Self> {
        let below = other.low.previous().and_then(|high| Self::new(self.low, high.min(self.high)));
        let above = other.high.next().and_then(|low| Self::new(low.max(self.low), self.high));
        below.into_iter().chain(above)
    }
}

/// The degree to which a channel is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageState {
    /// Everything from the channel's start to the last observation.
    Complete,
    /// Less than that.
    Partial,
    /// Nothing, for a known reason.
    Unreadable,
    /// Nothing; the channel was never observed.
    Unknown,
}

/// The coverage of one channel, in a form for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The channel.
    pub channel_id: ChannelId,
    /// The newest ids stored without a gap; where the start is reached, its low end is the oldest stored message.
    pub interval: Option<Interval>,
    /// Whether nothing older than the interval can exist.
    pub start_reached: bool,
    /// The number of messages shown to readers, as in [`ChannelStats`](crate::channel::ChannelStats).
    pub message_count: u64,
    /// The number of entries that could not be read or stored and are set aside.
    pub unreadable_count: u64,
    /// Why the rest is not stored, if known: one short word such as `truncated`.
    pub reason: Option<String>,
    /// When a source was last observed; `None` if never.
    pub checked_at: Option<Timestamp>,
    /// A time at or after which the channel was read from end to end; `None` if its interval does not reach the start.
    /// It is the time of the oldest observation that proves the interval.
    pub read_whole_at: Option<Timestamp>,
}

/// Facts about the coverage of a channel that are stored in other rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoverageFacts {
    /// The number of messages shown to readers.
    pub message_count: u64,
    /// The number of entries that are set aside.
    pub unreadable_count: u64,
    /// The oldest stored message; irrelevant where the start is not reached.
    pub oldest: Option<MessageId>,
    /// The time of the oldest observation among the segments in the interval; irrelevant where the start is not
    /// reached.
    pub observed_since: Option<Timestamp>,
}

impl Coverage {
    /// The reason for a channel that the platform no longer has.
    pub const DELETED: &'static str = "deleted";

    /// Returns the coverage of a channel as stored, with the facts that a store finds elsewhere. Where the start is
    /// reached, the interval begins at the oldest stored message.
    #[must_use]
    pub fn from_stored(channel_id: ChannelId, stored: StoredCoverage, facts: CoverageFacts) -> Self {
        let StoredCoverage { interval, start_reached, reason, checked_at } = stored;
        let oldest = facts.oldest.filter(|_| start_reached);
        Self {
            channel_id,
            interval: interval.map(|held| oldest.map_or(held, |oldest| held.since(oldest))),
            start_reached,
            message_count: facts.message_count,
            unreadable_count: facts.unreadable_count,
            reason,
            checked_at,
            read_whole_at: facts.observed_since.filter(|_| start_reached),
        }
    }

    /// Returns whether the platform no longer has the channel.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.reason.as_deref() == Some(Self::DELETED)
    }

    /// Returns the interval as stored: where the start is reached, it begins at the smallest possible id instead of the
    /// oldest message.
    #[must_use]
    pub fn stored_interval(&self) -> Option<Interval> {
        self.interval.map(|held| if self.start_reached { Interval::up_to(held.high) } else { held })
    }

    /// Returns the coverage left if message `id` could not be stored: the newer part, or if that is empty the older
    /// one.
    #[must_use]
    pub fn without(mut self, id: MessageId) -> Self {
        let Some(held) = self.stored_interval().filter(|held| held.contains(id)) else { return self };
        match held.split_after(id) {
            Some((_, newer)) => (self.interval, self.start_reached) = (Some(newer), false),
            None => self.interval = id.previous().and_then(|high| Interval::new(held.low, high)),
        }
        self.start_reached &= self.interval.is_some();
        self
    }

    /// Returns whether both state the same of a channel, except the number of its messages, which stores count
    /// themselves.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.stored_interval() == other.stored_interval()
            && self.start_reached == other.start_reached
            && self.reason == other.reason
            && self.checked_at == other.checked_at
    }

    /// Returns the degree of coverage.
    #[must_use]
    pub fn state(&self) -> CoverageState {
        let held = self.interval.is_some() || self.message_count > 0;
        match (&self.reason, self.start_reached) {
            (None, true) => CoverageState::Complete,
            (Some(_), _) if !held => CoverageState::Unreadable,
            _ if held => CoverageState::Partial,
            _ => CoverageState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests;
