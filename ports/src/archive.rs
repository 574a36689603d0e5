//! The archive as a whole.

use async_trait::async_trait;
use domain::pseudonym::KeyCheck;

use crate::error::StoreError;

/// The metadata of the archive as a whole.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ArchiveRepository: Send {
    /// Returns the check value of the key that the archive is written with, or `None` if none was recorded yet.
    async fn key_check(&mut self) -> Result<Option<KeyCheck>, StoreError>;

    /// Records `check` if the archive has no check value yet, and returns the one that it has now: of several writers
    /// that record different values at once, all get the value of the first. Repeating it changes nothing.
    async fn record_key_check(&mut self, check: KeyCheck) -> Result<KeyCheck, StoreError>;
}
