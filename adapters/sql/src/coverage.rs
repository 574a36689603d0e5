//! Coverage and segments.

use domain::channel::ChannelId;
use domain::coverage::{Interval, Segment, SegmentError, StoredCoverage};
use ports::error::StoreError;

use crate::columns::Columns;
use crate::parameters;
use crate::values;
use crate::values::Parameters;
use crate::values::Value;

/// Returns the coverage in a row that may have none.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_coverage(row: &mut impl Columns) -> Result<StoredCoverage, StoreError> {
    Ok(StoredCoverage {
        interval: row.optional_interval()?,
        start_reached: row.optional_flag("start_reached")?.unwrap_or(false),
        reason: row.optional_text("reason")?,
        checked_at: row.optional_time("checked_at")?,
    })
}

/// Returns a segment.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn segment(row: &mut impl Columns) -> Result<Segment, StoreError> {
    let (interval, newest_at) = (row.interval()?, row.time("observed_at")?);
    let made = row.with_text("parts", |parts| Segment::from_stored(interval, newest_at, Some(parts)))?;
    let made = made.unwrap_or_else(|| Segment::from_stored(interval, newest_at, None));
    made.map_err(|error| row.corrupt("parts", error))
}

/// Returns the error for segments that do not fit together.
#[must_use]
pub fn overlap(error: SegmentError) -> StoreError {
    StoreError::Corrupt { table: "coverage_segments", column: "low", source: error.into() }
}

/// Returns a channel with a number of it, from the column `count`.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn counted(row: &mut impl Columns, count: &'static str) -> Result<(ChannelId, u64), StoreError> {
    Ok((ChannelId(row.uuid("channel_id")?), row.number(count)?))
}

/// Returns the parameters of the statement that stores the coverage of a channel.
#[must_use]
pub fn parameters(channel: ChannelId, coverage: &StoredCoverage) -> Parameters<'_> {
    parameters! {
        "channel_id" => channel.0,
        "low" => coverage.interval.map(Interval::low),
        "high" => coverage.interval.map(Interval::high),
        "start_reached" => coverage.start_reached,
        "reason" => coverage.reason.as_deref(),
        "checked_at" => coverage.checked_at,
    }
}

/// Returns a row of `channel_id, oldest_at, {segment}`.
#[must_use]
pub fn segment_row(channel: ChannelId, segment: &Segment) -> [Value<'static>; 6] {
    let interval = segment.interval();
    values![channel.0, segment.oldest_at(), interval.low(), interval.high(), segment.newest_at(), segment.parts_text(),]
}
