//! Entries that could not be read or stored.

use domain::channel::ChannelId;
use domain::unreadable::{Unreadable, UnreadableId};
use ports::error::StoreError;

use crate::columns::Columns;
use crate::parameters;
use crate::values::Parameter;

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

/// Returns the parameters of the statement that stores an unreadable entry of a channel.
#[must_use]
pub fn parameters(channel: ChannelId, entry: &Unreadable) -> Vec<Parameter<'_>> {
    parameters! {
        "channel_id" => channel.0,
        "unreadable_id" => entry.id.0,
        "message_id" => entry.message_id,
        "low" => entry.place.low(),
        "high" => entry.place.high(),
        "reason" => &entry.reason,
        "raw" => entry.raw.as_ref(),
        "first_seen_at" => entry.first_seen_at,
        "last_seen_at" => entry.last_seen_at,
    }
}
