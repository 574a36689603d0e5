//! The check value of a key, which an archive stores to recognise the key that it was written with.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;

use super::{PseudonymKey, from_hex, hmac};

/// The text that the key signs. No tenant id equals it, so the check value is the key of no tenant.
const TEXT: &[u8] = b"check value of an archive's key";

/// A check value that identifies a key without storing it: HMAC-SHA-256 of a constant under the key, cut to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyCheck([u8; 8]);

impl PseudonymKey {
    /// Returns the check value of this key.
    #[must_use]
    pub fn check(&self) -> KeyCheck {
        let hash = hmac(&self.0).chain_update(TEXT).finalize().into_bytes();
        KeyCheck(*hash.first_chunk().expect("an HMAC-SHA-256 has 32 bytes"))
    }
}

impl fmt::Display for KeyCheck {
    /// Writes 16 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// A text that is not a check value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 16 hexadecimal digits")]
pub struct ParseKeyCheckError;

impl FromStr for KeyCheck {
    type Err = ParseKeyCheckError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self).ok_or(ParseKeyCheckError)
    }
}
