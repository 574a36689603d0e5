//! Reads the stored state of channels, and records the sync state of channels.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId};
use domain::coverage::{Coverage, Segments};
use domain::message::Message;
use domain::sync::SyncState;
use ports::error::StoreError;
use ports::page::MessageRange;

use super::{BATCH, Ingest, IngestError};

impl Ingest {
    /// Returns the stored channel, or `None` if it is not stored.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn find(&self, channel: ChannelId) -> Result<Option<Channel>, IngestError> {
        self.retried(async || Ok(self.store.read().await?.channels().find(channel).await?)).await
    }

    /// Returns the newest stored message of a channel that is not deleted.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn newest_message(&self, channel: ChannelId) -> Result<Option<Message>, IngestError> {
        let load = async || {
            let mut at = self.store.read().await?;
            Ok(at.messages().list(channel, MessageRange::Newest, true, 1).await?.messages.pop())
        };
        self.retried(load).await
    }

    /// Returns the coverage of a channel, or `None` if nothing is recorded.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn coverage(&self, channel: ChannelId) -> Result<Option<Coverage>, IngestError> {
        self.retried(async || Ok(self.store.read().await?.coverage().find(channel).await?)).await
    }

    /// Returns the intervals of a channel that are proven to be stored whole.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn segments(&self, channel: ChannelId) -> Result<Segments, IngestError> {
        self.retried(async || Ok(self.store.read().await?.coverage().segments(channel).await?)).await
    }

    /// Returns the recorded sync states of channels, by channel.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn sync_states(&self, channels: &[ChannelId]) -> Result<HashMap<ChannelId, SyncState>, IngestError> {
        let mut found = HashMap::new();
        for channels in channels.chunks(BATCH) {
            let load = async || Ok(self.store.read().await?.sync_states().find_all(channels).await?);
            found.extend(self.retried(load).await?.into_iter().map(|state| (state.channel_id, state)));
        }
        Ok(found)
    }

    /// Records sync states, at most [`BATCH`]; nothing if a channel of them is no longer stored, since it needs none.
    ///
    /// # Errors
    /// [`IngestError::Store`].
    pub async fn record_sync_states(&self, states: &[SyncState]) -> Result<(), IngestError> {
        let once = || async {
            let mut unit = self.store.begin().await?;
            match unit.sync_states().upsert_all(states).await {
                Err(StoreError::Missing { .. }) => Ok(()),
                stored => {
                    stored?;
                    Ok(unit.commit().await?)
                }
            }
        };
        self.retried(once).await
    }
}
