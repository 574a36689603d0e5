//! The archive as a whole.

use ports::error::StoreError;

use crate::columns::ValueError;

/// Returns the error for an archive without the check value that was stored a moment before.
#[must_use]
pub fn no_key_check() -> StoreError {
    StoreError::Corrupt { table: "archive", column: "key_check", source: ValueError::Null.into() }
}
