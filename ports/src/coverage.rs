//! The stored coverage of each channel. Intervals are recorded by
//! [`replace_interval`](crate::message::MessageRepository::replace_interval), with the page that proves them, or by
//! [`CoverageRepository::record`], if only all pages of a source together prove them.

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
    /// Returns the coverage of a stored channel; it is empty for a channel that was never observed.
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError>;

    /// Returns the coverage of every channel and thread of a tenant that can hold messages, ascending by channel id:
    /// categories, forums, media channels and directories are left out.
    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError>;

    /// Returns every part of the channel that a source showed whole. A store has one row for each segment.
    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError>;

    /// Adds observations to the segments of a channel, in ascending order of their intervals, of which no two overlap.
    /// The messages that they showed must be stored already. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError>;

    /// Records an observation at `checked_at`, whether it showed the channel empty from its start on, and the reason
    /// why the rest is not stored.
    ///
    /// A time earlier than the recorded one, or than the latest whole page, changes nothing. Once recorded, an empty
    /// channel stays so; where there are intervals, they alone decide. `None` clears an earlier reason.
    /// [`Coverage::DELETED`] is final: once recorded, it stays, here and in [`CoverageRepository::restore`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn record_check(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError>;

    /// Replaces the stored coverage of `coverage.channel_id` by that of another archive, except the count of messages.
    /// Returns whether anything changed. A later observation than that archive's stays. The messages must be stored
    /// first: where the start is reached, the oldest of them is the low end of the interval.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn restore(&mut self, coverage: &Coverage, segments: &Segments) -> Result<bool, StoreError>;
}
