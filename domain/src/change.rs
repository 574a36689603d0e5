//! That a part of a channel changed: what search, caches and event streams follow.

use crate::channel::ChannelId;
use crate::coverage::Interval;

/// The place of a change in the order that a store gives to all of them; grows, with gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangeId(pub u64);

/// Something between the two ends of `interval` was added, replaced or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order.
    pub id: ChangeId,
    /// Where.
    pub channel_id: ChannelId,
    /// Which messages.
    pub interval: Interval,
}
