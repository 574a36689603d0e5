//! What an operator's commands need of a media store: a list of its files, and checks.

use async_trait::async_trait;
use domain::media::ContentHash;
use domain::tenant::TenantId;

/// A file in the list of a media store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedFile {
    /// The hash of its bytes.
    pub hash: ContentHash,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// The upkeep of a media store. Names that the store does not know are neither listed nor removed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait MediaUpkeep: Send + Sync {
    /// Returns the tenants with files, ascending by id. One whose files are all retired can be among them.
    ///
    /// # Errors
    /// [`std::io::Error`] if the store cannot be read.
    async fn tenants(&self) -> std::io::Result<Vec<TenantId>>;

    /// Returns the files of a tenant after `after`, ascending by hash; at most `limit` (1..=1000). Retired files are
    /// not among them.
    ///
    /// # Errors
    /// [`std::io::Error`] if the store cannot be read.
    async fn list(&self, tenant: TenantId, after: Option<ContentHash>, limit: u32) -> std::io::Result<Vec<ListedFile>>;

    /// Stores a few bytes outside of every tenant, reads them and removes them.
    ///
    /// # Errors
    /// [`std::io::Error`] if one of these steps failed; of the kind [`std::io::ErrorKind::NotFound`] if the store is
    /// created with its first file, and there is none yet.
    async fn probe(&self) -> std::io::Result<()>;

    /// Removes the leftovers of killed processes, and what is stored of them for others to see; returns the number of
    /// leftovers.
    ///
    /// # Errors
    /// [`std::io::Error`] if a part of the store cannot be read or changed.
    async fn tidy(&self) -> std::io::Result<u64>;
}
