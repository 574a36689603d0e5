//! The days of channels.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::day::{Day, DayCounts, DayStats};
use domain::message::MessageId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// The counters of all days of a channel together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelTotals {
    /// The channel.
    pub channel: ChannelId,
    /// The counters.
    pub counts: DayCounts,
    /// When readers last saw a change to its messages.
    pub changed_at: Timestamp,
}

/// The counters of the days of channels: of their messages that are shown to readers. They are maintained by the methods
/// that store messages, in the same unit. A day whose messages were all deleted stays, with zeros.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait DayRepository: Send {
    /// Returns a day of a channel, or `None` if it never had a message.
    async fn find(&mut self, channel: ChannelId, day: Day) -> Result<Option<DayStats>, StoreError>;

    /// Returns the days of a channel from `first` to `last`, ascending.
    async fn list(&mut self, channel: ChannelId, first: Day, last: Day) -> Result<Vec<DayStats>, StoreError>;

    /// Returns the months of a channel that have messages, ascending: the first day of each that has some, and the number
    /// of the month's messages.
    async fn months(&mut self, channel: ChannelId) -> Result<Vec<(Day, u64)>, StoreError>;

    /// Returns the nearest days with messages before and after a day.
    async fn neighbours(&mut self, channel: ChannelId, day: Day) -> Result<(Option<Day>, Option<Day>), StoreError>;

    /// Returns the first messages of the pages that begin in an interval of a channel, ascending: each page has
    /// [`PAGE`](domain::day::PAGE) messages that are shown to readers, and `before` such messages come before the
    /// interval. It examines every message of the interval.
    async fn page_starts(
        &mut self,
        channel: ChannelId,
        interval: Interval,
        before: u64,
    ) -> Result<Vec<MessageId>, StoreError>;

    /// Returns the totals of channels, at most 200, in any order; without channels that never had a message.
    async fn totals(&mut self, channels: &[ChannelId]) -> Result<Vec<ChannelTotals>, StoreError>;
}
