//! Sync states.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::sync::SyncState;

use crate::error::StoreError;

/// The sync states of channels. They belong to one installation and are not copied.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SyncStateRepository: Send {
    /// Returns the stored states among those of `ids` (at most 200), ascending by channel id.
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<SyncState>, StoreError>;

    /// Moves each time of `states` forward: an earlier time than the stored one, or `None`, changes nothing. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn upsert_all(&mut self, states: &[SyncState]) -> Result<(), StoreError>;
}
