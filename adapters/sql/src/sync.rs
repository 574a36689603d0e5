//! The sync states of channels.

use domain::channel::ChannelId;
use domain::sync::SyncState;
use ports::error::StoreError;

use crate::columns::Columns;
use crate::parameters;
use crate::values::Parameter;

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

/// Returns the parameters of the statement that stores a sync state.
#[must_use]
pub fn parameters(state: &SyncState) -> Vec<Parameter<'static>> {
    parameters! {
        "channel_id" => state.channel_id.0,
        "rechecked_at" => state.rechecked_at,
        "listed_at" => state.listed_at,
        "listed_whole_at" => state.listed_whole_at,
        "requested_at" => state.requested_at,
    }
}
