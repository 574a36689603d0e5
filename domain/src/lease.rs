//! The right of one process to do something alone, for as long as it keeps saying that it is there.
//!
//! A clock decides who may take a lease, and clocks differ and processes stall; so the clock is never what keeps two of
//! them apart. That is the fence, whose number is larger for each new holder of any lease: whatever is written under a
//! lease is refused to everyone whose fence is smaller than one that has written there.

use std::fmt;
use std::time::Duration;

use crate::timestamp::Timestamp;

/// What tells one time of holding a lease from every other: larger than the fence of everybody who held it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(u64);

impl Fence {
    /// The fence with this number, at most 2^63-1, so that every store can order it.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number > i64::MAX.cast_unsigned() { None } else { Some(Self(number)) }
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after `last`, the largest that was ever given; the first one without one.
    #[must_use]
    pub const fn next(last: Option<Self>) -> Self {
        match last {
            Some(Self(last)) if last < i64::MAX.cast_unsigned() => Self(last + 1),
            Some(last) => last,
            None => Self(1),
        }
    }
}

/// Which process holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder(String);

/// A text that names no holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a holder has 1 to 255 visible ASCII characters")]
pub struct HolderError;

impl Holder {
    /// The holder with this name, which no other process has.
    ///
    /// # Errors
    /// [`HolderError`] if it is empty, longer than 255 characters, or has blanks, controls or anything but ASCII.
    pub fn new(name: &str) -> Result<Self, HolderError> {
        let plain = name.bytes().all(|byte| byte.is_ascii_graphic());
        if plain && (1..=255).contains(&name.len()) { Ok(Self(name.to_owned())) } else { Err(HolderError) }
    }

    /// Its name.
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
    /// Who has it, or had it last.
    pub holder: Holder,
    /// Which time of holding it is.
    pub fence: Fence,
    /// Until when, unless it is prolonged.
    pub expires_at: Timestamp,
}

impl Lease {
    /// Whether nobody has `current`: nobody ever had it, its time is over `now`, or `is_gone` knows that its holder is no
    /// more.
    #[must_use]
    pub fn is_free(current: Option<&Self>, now: Timestamp, is_gone: impl FnOnce(&Holder) -> bool) -> bool {
        current.is_none_or(|lease| lease.expires_at <= now || is_gone(&lease.holder))
    }

    /// The same, for `time` from `now` on.
    #[must_use]
    pub fn prolonged(&self, now: Timestamp, time: Duration) -> Self {
        Self { expires_at: now.plus(time), ..self.clone() }
    }

    /// The same, free for everybody from `now` on.
    #[must_use]
    pub fn released(&self, now: Timestamp) -> Self {
        Self { expires_at: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
