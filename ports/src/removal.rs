//! Content that is due to be removed.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::removal::Removal;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// The content that is to be removed at a time: of messages whose deletion is only inferred, which
/// [`replace_interval`](crate::message::MessageRepository::replace_interval) and
/// [`restore`](crate::message::MessageRepository::restore) enter, and of deleted channels.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RemovalRepository: Send {
    /// Enters removals; one of the same message or channel is replaced. At most 100.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn upsert_all(&mut self, removals: &[Removal]) -> Result<(), StoreError>;

    /// Returns the removals that are due at `now`: the longest due first, ties by channel, then message; at most `limit`
    /// (1..=1000).
    async fn list_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Removal>, StoreError>;

    /// Removes entries that have the same time as stored; missing ones are not an error. At most 100.
    async fn delete_all(&mut self, removals: &[Removal]) -> Result<(), StoreError>;

    /// Removes the first `limit` (1..=1000) entries of a channel; returns their number.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
