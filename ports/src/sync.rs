//! What syncs remember.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::sync::SyncState;

use crate::error::StoreError;

/// What syncs remember of channels. It belongs to one installation and is not copied.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SyncStateRepository: Send {
    /// The states of those of `ids` of which something is remembered, ascending by channel id; at most 200 ids.
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<SyncState>, StoreError>;

    /// Moves each time of `states` forward: an earlier time than the stored one, or `None`, changes nothing. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if a channel is not stored.
    async fn upsert_all(&mut self, states: &[SyncState]) -> Result<(), StoreError>;
}
