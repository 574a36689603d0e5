//! Discord's ids: never zero, with the time of creation above the lowest 22 bits.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::timestamp::Timestamp;

/// Milliseconds from the Unix epoch to Discord's, the first second of 2015
/// (<https://docs.discord.com/developers/reference#snowflakes>).
pub const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// Bits below the time: worker, process and increment.
const TIME_SHIFT: u32 = 22;

/// The largest number of an id. Discord reaches it in 2084; beyond it a store without unsigned integers, such as
/// SQLite, would put ids in the wrong order.
const LARGEST: u64 = i64::MAX.cast_unsigned();

/// The snowflake of a `T`: 1 to 2⁶³−1, ordered by number and so by time.
///
/// Ids of different kinds are different types: passing one for the other does not compile.
pub struct Id<T> {
    raw: NonZeroU64,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The smallest possible id.
    pub const MIN: Self = Self { raw: NonZeroU64::MIN, kind: PhantomData };
    /// The largest possible id.
    pub const MAX: Self = match Self::new(LARGEST) {
        Some(largest) => largest,
        None => Self::MIN,
    };

    /// Returns the id with this number, or `None` for zero and for numbers larger than [`Id::MAX`].
    #[must_use]
    pub const fn new(raw: u64) -> Option<Self> {
        match NonZeroU64::new(raw) {
            Some(raw) if raw.get() <= LARGEST => Some(Self { raw, kind: PhantomData }),
            _ => None,
        }
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.raw.get()
    }

    /// Returns when the id was created: the part above its lowest 22 bits, in milliseconds since 2015.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        let since_epoch = i64::try_from(self.get() >> TIME_SHIFT).expect("41 bits fit in 63");
        Timestamp::from_millis(since_epoch + DISCORD_EPOCH_MS).expect("41 bits of milliseconds end in the year 2084")
    }

    /// Returns the smallest id that can have been created at `time` or later; [`Id::MIN`] for any time before 2015,
    /// [`Id::MAX`] for one after 2084.
    #[must_use]
    pub fn first_at(time: Timestamp) -> Self {
        let since_epoch = u64::try_from(time.as_millis() - DISCORD_EPOCH_MS).unwrap_or(0);
        if since_epoch > LARGEST >> TIME_SHIFT {
            return Self::MAX;
        }
        Self::new(since_epoch << TIME_SHIFT).unwrap_or(Self::MIN)
    }

    /// Returns the next larger id, or `None` after the largest.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.get().checked_add(1).and_then(Self::new)
    }

    /// Returns the next smaller id, or `None` before the smallest.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        Self::new(self.get() - 1)
    }

    /// Returns the same number as the id of another kind: a thread has the id of the message that it was started from.
    #[must_use]
    pub const fn cast<U>(self) -> Id<U> {
        Id { raw: self.raw, kind: PhantomData }
    }
}

/// A text that is not a snowflake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is not an id: expected a decimal number from 1 to 9223372036854775807")]
pub struct ParseSnowflakeError {
    /// The text, cut to 32 characters.
    shown: String,
}

impl<T> FromStr for Id<T> {
    type Err = ParseSnowflakeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| text.parse().ok().and_then(Self::new))
            .flatten()
            .ok_or_else(|| ParseSnowflakeError { shown: text.chars().take(32).collect() })
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.raw, f)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.raw, f)
    }
}

impl<T> Serialize for Id<T> {
    /// Writes a decimal string: the number does not fit in the 53 bits of a JSON reader's float.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    /// Reads the decimal string.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
