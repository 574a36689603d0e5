//! The change log.

use domain::change::{Change, ChangeKind, LogExtent, NumberedChange};
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::{Columns, ValueError};

/// Returns the extent of the log.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn extent(row: &mut impl Columns) -> Result<LogExtent, StoreError> {
    Ok(LogExtent {
        epoch: row.uuid("epoch")?,
        first: row.number("first_change_id")?,
        last: row.number("last_change_id")?,
    })
}

/// Returns the error for a log whose extent is not stored.
#[must_use]
pub fn no_extent() -> StoreError {
    StoreError::Corrupt { table: "change_log_extent", column: "extent_id", source: ValueError::Null.into() }
}

/// Returns a change.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn change(row: &mut impl Columns) -> Result<NumberedChange, StoreError> {
    let (number, tenant_id) = (row.number("change_id")?, TenantId(row.uuid("tenant_id")?));
    let channel = row.optional_uuid("channel_id")?.map(ChannelId);
    let kind: u8 = row.number("kind")?;
    let interval = row.optional_interval()?;
    let kind = ChangeKind::from_stored(kind, channel, interval)
        .ok_or_else(|| row.corrupt("kind", ValueError::Number(kind.into())))?;
    Ok(NumberedChange { number, change: Change { tenant_id, kind } })
}
