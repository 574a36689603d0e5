//! What is held of each channel. Intervals are recorded by
//! [`replace_interval`](crate::message::MessageRepository::replace_interval), with the page that proves them, or by
//! [`CoverageRepository::record`], where only all pages of a source together show it.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::{Coverage, Observation, Segments};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::Page;

/// The coverage of channels.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait CoverageRepository: Send {
    /// The coverage of a channel that is stored; one that nobody has looked at yet has an empty one.
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError>;

    /// The coverage of every channel and thread of a tenant that can hold messages, ascending by channel id: not of
    /// categories, forums, media channels and directories.
    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError>;

    /// Every part of the channel that a source showed whole. A store has one row for each segment.
    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError>;

    /// Adds observations to the segments of a channel, in ascending order of their intervals, of which no two overlap. The
    /// messages that they showed are stored. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError>;

    /// Notes that a source looked at `checked_at` (an earlier look than the noted one, or than the latest page that was
    /// whole, changes nothing), whether the channel was seen empty from its start on (once seen it stays so; where there
    /// are intervals, they alone say it), and why the rest is not held; `None` clears an older reason. [`Coverage::DELETED`] is final: once noted, it stays,
    /// here and in [`CoverageRepository::restore`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn note(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError>;

    /// Replaces what is held of `coverage.channel_id` by what another archive says, its count of messages left out;
    /// tells whether that changed anything. Where a later look than that archive's stands, nothing changes. The messages
    /// come first: where the start is reached, the oldest of them is the low end of the interval.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn restore(&mut self, coverage: &Coverage, segments: &Segments) -> Result<bool, StoreError>;
}
