//! A time in milliseconds since the Unix epoch, UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, UTC; from the year 1 to the end of 9999, the range of RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 0001-01-01T00:00:00Z.
const FIRST_MS: i64 = -62_135_596_800_000;
/// 9999-12-30T22:00:00Z, the last time that the time library supports in every zone.
const LAST_MS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The last possible time.
    pub const MAX: Self = Self(LAST_MS);

    /// Returns the time `millis` milliseconds after the Unix epoch, or `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Option<Self> {
        if millis < FIRST_MS || millis > LAST_MS { None } else { Some(Self(millis)) }
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the time `time` later, at most the last possible one.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis).min(LAST_MS))
    }

    /// Returns the time `time` earlier, at least the first possible one.
    #[must_use]
    pub fn minus(self, time: Duration) -> Self {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis).max(FIRST_MS))
    }

    /// Returns the date and the time of day, UTC.
    #[must_use]
    pub fn civil(self) -> jiff::civil::DateTime {
        let instant = jiff::Timestamp::from_millisecond(self.0).expect("the range is narrower than the library's");
        TimeZone::UTC.to_datetime(instant)
    }
}

/// A text that is not an RFC 3339 time, or one outside the years 1 to 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not an RFC 3339 time such as 2026-03-01T12:00:00.000Z")]
pub struct ParseTimestampError {
    /// The text, cut to 40 characters.
    shown: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    /// Parses RFC 3339 with any offset and any number of fractional digits; truncates to milliseconds.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(|instant| Self::from_millis(instant.as_nanosecond().div_euclid(1_000_000).try_into().ok()?))
            .ok_or_else(|| ParseTimestampError { shown: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC with milliseconds: `2026-03-01T12:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            at.millisecond()
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
