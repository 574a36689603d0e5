//! Entries that could not be read or stored.

use domain::channel::ChannelId;
use domain::unreadable::{Unreadable, UnreadableId};
use ports::error::StoreError;

use crate::columns::Columns;

/// Returns an unreadable entry.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn unreadable(row: &mut impl Columns) -> Result<Unreadable, StoreError> {
    Ok(Unreadable {
        channel_id: ChannelId(row.uuid("channel_id")?),
        id: UnreadableId(row.uuid("unreadable_id")?),
        message_id: row.optional_id("message_id")?,
        place: row.interval()?,
        reason: row.text("reason")?,
        raw: row.json("raw")?,
        first_seen_at: row.time("first_seen_at")?,
        last_seen_at: row.time("last_seen_at")?,
    })
}
