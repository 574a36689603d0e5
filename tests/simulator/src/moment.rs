//! Times: milliseconds and microseconds since the Unix epoch, snowflakes and ISO 8601.

use jiff::Timestamp;

/// The epoch of Discord's ids: 2015-01-01.
pub(crate) const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;
/// The time at which the generated guild was created: 2019-03-01.
pub(crate) const GUILD_BORN_MS: u64 = 1_551_398_400_000;
/// The end of generated history: 2026-10-01. Live changes are later.
pub const HISTORY_END_MS: u64 = 1_790_812_800_000;
/// The initial time of a manual clock: 2026-11-20.
pub(crate) const MANUAL_START_MS: u64 = 1_795_132_800_000;

/// Returns the first id of a millisecond plus `low`, of which 22 bits count.
#[must_use]
pub const fn snowflake(ms: u64, low: u64) -> u64 {
    ((ms - DISCORD_EPOCH_MS) << 22) | (low & 0x3F_FFFF)
}

/// Returns the millisecond of an id.
#[must_use]
pub const fn ms_of(id: u64) -> u64 {
    (id >> 22) + DISCORD_EPOCH_MS
}

/// Formats a time as Discord does: `2017-07-11T17:27:07.299000+00:00`, without the fraction if it is zero.
#[must_use]
pub fn iso(micros: u64) -> String {
    let stamp = i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let time = stamp.unwrap_or(Timestamp::MAX);
    let form = if micros.is_multiple_of(1_000_000) { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S.%6f+00:00" };
    time.strftime(form).to_string()
}

/// Parses an ISO 8601 text as microseconds; `None` if it is invalid.
#[must_use]
pub fn parse_iso(text: &str) -> Option<u64> {
    let stamp: Timestamp = text.parse().ok()?;
    u64::try_from(stamp.as_microsecond()).ok()
}

#[cfg(test)]
mod tests;
