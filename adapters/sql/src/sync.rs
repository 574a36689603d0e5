//! The sync states of channels.

use domain::channel::ChannelId;
use domain::sync::SyncState;
use ports::error::StoreError;

use crate::columns::Columns;

/// Returns the sync state of a channel.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn sync_state(row: &mut impl Columns) -> Result<SyncState, StoreError> {
    Ok(SyncState {
        channel_id: ChannelId(row.uuid("channel_id")?),
        rechecked_at: row.optional_time("rechecked_at")?,
        listed_at: row.optional_time("listed_at")?,
        listed_whole_at: row.optional_time("listed_whole_at")?,
        requested_at: row.optional_time("requested_at")?,
    })
}
