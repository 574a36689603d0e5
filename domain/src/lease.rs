//! Leases: the exclusive right of one process, for as long as it renews it.
//!
//! The clock decides who may acquire a lease. But clocks differ and processes stall, so exclusion does not rest on the
//! clock. It rests on the fence, whose number is larger for each new holder of any lease: a store rejects writes under
//! a lease if their fence is smaller than one that has written there.

use std::fmt;
use std::time::Duration;

use crate::timestamp::Timestamp;

/// The number of one tenure of a lease: larger than the fence of every earlier holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// Returns the fence with this number, at most 2^63-1, so that every store can order it.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number > i64::MAX.cast_unsigned() { None } else { Some(Self(number)) }
    }

    /// Returns its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the fence after `last`, the largest one assigned so far; the first one for `None`.
    #[must_use]
    pub const fn next(last: Option<Self>) -> Self {
        match last {
            Some(Self(last)) if last < i64::MAX.cast_unsigned() => Self(last + 1),
            Some(last) => last,
            None => Self(1),
        }
    }
}

/// The process that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder(String);

/// A text that is not a valid holder name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a holder has 1 to 255 visible ASCII characters")]
pub struct HolderError;

impl Holder {
    /// Returns the holder with this name, which is unique to its process.
    ///
    /// # Errors
    /// [`HolderError`] if it is empty, longer than 255 characters, or has blanks, controls or anything but ASCII.
    pub fn new(name: &str) -> Result<Self, HolderError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
        if plain && (1..=255).contains(&name.len()) { Ok(Self(name.to_owned())) } else { Err(HolderError) }
    }

    /// Returns its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A lease as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The current or last holder.
    pub holder: Holder,
    /// The fence of this tenure.
    pub fence: Fence,
    /// When it expires, unless it is renewed.
    pub expires_at: Timestamp,
}

impl Lease {
    /// Returns whether `current` is free: it was never acquired, it has expired at `now`, or `is_gone` reports that its
    /// holder no longer exists.
    #[must_use]
    pub fn is_free(current: Option<&Self>, now: Timestamp, is_gone: impl FnOnce(&Holder) -> bool) -> bool {
        current.is_none_or(|lease| lease.expires_at <= now || is_gone(&lease.holder))
    }

    /// Returns the lease renewed for `time` from `now` on.
    #[must_use]
    pub fn prolonged(&self, now: Timestamp, time: Duration) -> Self {
        Self { expires_at: now.plus(time), ..self.clone() }
    }

    /// Returns the lease released at `now`: free for every process from then on.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self { expires_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
