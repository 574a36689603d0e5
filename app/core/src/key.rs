//! The archive's key: all content of one archive is written with one key.

use domain::pseudonym::{KeyCheck, PseudonymKey};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;

use crate::retry::{BRIEF_OUTAGE, retry};

/// The facts about its key that an archive stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveKey {
    /// The stored check value; archives have one since the first write by a release that stores it.
    pub check: Option<KeyCheck>,
    /// Whether the archive has a community.
    pub has_data: bool,
}

impl ArchiveKey {
    /// Reads the facts of `store`.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let once = || async {
            let mut at = store.read().await?;
            let check = at.archive().key_check().await?;
            let has_data = !at.tenants().list(Page { after: None, limit: 1 }).await?.is_empty();
            Ok(Self { check, has_data })
        };
        // A brief outage of the server must not end a command before its work begins.
        retry(&BRIEF_OUTAGE, StoreError::is_transient, once).await
    }

    /// Returns whether nothing was written with any key, so that a new key does no harm.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.check.is_none() && !self.has_data
    }

    /// Returns whether the archive may be written with a key of this check value, according to the stored facts.
    #[must_use]
    pub fn accepts(&self, check: KeyCheck) -> bool {
        self.check.is_none_or(|stored| stored == check)
    }
}

/// Records the check value of `key` if the archive has none yet. Returns whether the archive is written with this key;
/// of several processes that start at once with different keys, one gets `true`.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn claim(store: &dyn Store, key: &PseudonymKey) -> Result<bool, StoreError> {
    record(store, key.check()).await.map(|stored| stored == key.check())
}

/// Records `check` if the archive has no check value yet; returns the stored one.
pub(crate) async fn record(store: &dyn Store, check: KeyCheck) -> Result<KeyCheck, StoreError> {
    let once = || async {
        if let Some(stored) = store.read().await?.archive().key_check().await? {
            return Ok(stored);
        }
        let mut unit = store.begin().await?;
        let stored = unit.archive().record_key_check(check).await?;
        unit.commit().await?;
        Ok(stored)
    };
    // If the response to a commit was lost, the next attempt finds the value recorded.
    retry(&BRIEF_OUTAGE, StoreError::is_transient, once).await
}
