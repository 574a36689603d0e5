//! Which part of a channel is held without a gap, and when it was observed.

mod segments;

use serde::Serialize;

use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

pub use self::segments::{Observation, Part, Segment, SegmentError, Segments};

/// All ids from `low` to `high`, both included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    low: MessageId,
    high: MessageId,
}

impl Interval {
    /// From `low` to `high`; `None` if `low` is the larger.
    #[must_use]
    pub fn new(low: MessageId, high: MessageId) -> Option<Self> {
        (low <= high).then_some(Self { low, high })
    }

    /// From the start of a channel to `high`.
    #[must_use]
    pub const fn up_to(high: MessageId) -> Self {
        Self { low: MessageId::MIN, high }
    }

    /// This id alone.
    #[must_use]
    pub const fn only(id: MessageId) -> Self {
        Self { low: id, high: id }
    }

    /// Every id that there can be.
    pub const ALL: Self = Self { low: MessageId::MIN, high: MessageId::MAX };

    /// The smallest id inside.
    #[must_use]
    pub const fn low(self) -> MessageId {
        self.low
    }

    /// The largest id inside.
    #[must_use]
    pub const fn high(self) -> MessageId {
        self.high
    }

    /// Whether it begins where a channel does: nothing older can exist.
    #[must_use]
    pub fn reaches_start(self) -> bool {
        self.low == MessageId::MIN
    }

    /// Whether `id` lies inside.
    #[must_use]
    pub fn contains(self, id: MessageId) -> bool {
        self.low <= id && id <= self.high
    }

    /// Whether the two share an id.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Whether the two overlap or follow each other without an id between.
    #[must_use]
    pub fn touches(self, other: Self) -> bool {
        let follows = |a: Self, b: Self| a.high.next() == Some(b.low);
        self.overlaps(other) || follows(self, other) || follows(other, self)
    }

    /// The two as one, or `None` if there is a gap between.
    #[must_use]
    pub fn merge(self, other: Self) -> Option<Self> {
        self.touches(other).then(|| Self { low: self.low.min(other.low), high: self.high.max(other.high) })
    }

    /// This interval, made larger where needed so that `id` lies inside.
    #[must_use]
    pub fn extend(self, id: MessageId) -> Self {
        Self { low: self.low.min(id), high: self.high.max(id) }
    }

    /// The part from `oldest` on, at least the largest id: what an interval that reaches the start of a channel says of
    /// it once its oldest message is known.
    #[must_use]
    pub fn since(self, oldest: MessageId) -> Self {
        Self { low: oldest.clamp(self.low, self.high), ..self }
    }

    /// The part up to `last` and the part behind it; `None` if there is nothing in one of them.
    #[must_use]
    pub fn split_after(self, last: MessageId) -> Option<(Self, Self)> {
        let older = Self::new(self.low, last.min(self.high))?;
        Some((older, Self::new(last.next()?, self.high)?))
    }

    /// The older and the newer half of its ids; `None` if it has but one.
    #[must_use]
    pub fn halves(self) -> Option<(Self, Self)> {
        self.split_after(MessageId::new(self.low.get() + (self.high.get() - self.low.get()) / 2)?)
    }

    /// The newest ids held without a gap after `new` was shown whole, where they were `self` before. Where that reaches
    /// farther down than `self` did, [`Interval::down`] tells how far down it goes.
    #[must_use]
    pub fn with_newer(self, new: Self) -> Self {
        self.merge(new).unwrap_or(if new.low > self.high { new } else { self })
    }

    /// This interval and those of `below`, which descend, as far as each touches the one before.
    #[must_use]
    pub fn down(self, below: impl IntoIterator<Item = Self>) -> Self {
        let run = below.into_iter().try_fold(self, |run, next| run.merge(next).ok_or(run));
        run.unwrap_or_else(|run| run)
    }

    /// The parts of `self` that lie below and above `other`.
    pub fn outside(self, other: Self) -> impl Iterator<Item = Self> {
        let below = other.low.previous().and_then(|high| Self::new(self.low, high.min(self.high)));
        let above = other.high.next().and_then(|low| Self::new(low.max(self.low), self.high));
        below.into_iter().chain(above)
    }
}

/// How much of a channel is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageState {
    /// Everything from the channel's start to the last look.
    Complete,
    /// Less than that.
    Partial,
    /// Nothing, for a reason that is known.
    Unreadable,
    /// Nothing, and nobody has looked yet.
    Unknown,
}

/// What is held of one channel, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Which channel.
    pub channel_id: ChannelId,
    /// The newest ids held without a gap; its low end is the oldest message that is held where the start is reached.
    pub interval: Option<Interval>,
    /// Whether nothing older than the interval can exist.
    pub start_reached: bool,
    /// Messages that readers are shown, as in [`ChannelStats`](crate::channel::ChannelStats).
    pub message_count: u64,
    /// What stood among the messages, could not be read or stored, and is kept aside.
    pub unreadable_count: u64,
    /// Why the rest is not held, where that is known: one short word such as `truncated`.
    pub reason: Option<String>,
    /// When a source last looked; `None` if none has.
    pub checked_at: Option<Timestamp>,
    /// The channel was read from end to end since this time, or at it; `None` where its interval does not reach the
    /// start. It is the time of the oldest observation that the interval rests on.
    pub read_whole_at: Option<Timestamp>,
}

impl Coverage {
    /// The reason where the platform has the channel no more.
    pub const DELETED: &'static str = "deleted";

    /// Whether the platform has the channel no more.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.reason.as_deref() == Some(Self::DELETED)
    }

    /// The interval as a store keeps it: from the first id there is where the start is reached, and not from the oldest
    /// message.
    #[must_use]
    pub fn kept_interval(&self) -> Option<Interval> {
        self.interval.map(|held| if self.start_reached { Interval::up_to(held.high) } else { held })
    }

    /// What is held where the message `id` could not be stored: what is newer, or if there is nothing newer what is older.
    #[must_use]
    pub fn without(mut self, id: MessageId) -> Self {
        let Some(held) = self.kept_interval().filter(|held| held.contains(id)) else { return self };
        match held.split_after(id) {
            Some((_, newer)) => (self.interval, self.start_reached) = (Some(newer), false),
            None => self.interval = id.previous().and_then(|high| Interval::new(held.low, high)),
        }
        self.start_reached &= self.interval.is_some();
        self
    }

    /// Whether the two say the same of a channel, but for the number of its messages, which stores count themselves.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.kept_interval() == other.kept_interval()
            && self.start_reached == other.start_reached
            && self.reason == other.reason
            && self.checked_at == other.checked_at
    }

    /// What that amounts to.
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
