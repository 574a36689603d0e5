//! Snapshots of search indexes. A process without the files of an index starts from the newest snapshot and follows the
//! change log from there, in place of reading the whole archive.

use async_trait::async_trait;
use bytes::Bytes;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::stream::BoxStream;

use crate::search::{IndexPosition, SearchError};

/// The bytes of a snapshot, in pieces; the stream ends after the first error.
pub type SnapshotBytes = BoxStream<'static, std::io::Result<Bytes>>;

/// A stored snapshot.
pub struct Snapshot {
    /// When it was stored, by the clock of the store.
    pub stored_at: Timestamp,
    /// Its bytes, which are read only as they are taken.
    pub bytes: SnapshotBytes,
}

/// The indexes of which snapshots are made, and which are made of them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait IndexSnapshots: Send + Sync {
    /// Returns the index of a tenant as of its last commit. It can change meanwhile. An error of the stream is one of the
    /// disk.
    ///
    /// # Errors
    /// [`SearchError::Missing`] if the tenant has no usable index, and [`SearchError::Backend`].
    async fn save(&self, tenant: TenantId) -> Result<SnapshotBytes, SearchError>;

    /// Makes a snapshot the index of a tenant that has none; returns its position.
    ///
    /// # Errors
    /// [`SearchError::Missing`] if another version of the program made the snapshot, [`SearchError::Damaged`] if it is
    /// not whole, [`SearchError::Locked`], [`SearchError::Full`], and [`SearchError::Backend`], also if the tenant has an
    /// index. The tenant has no index then, or the one that it had.
    async fn restore(&self, tenant: TenantId, bytes: SnapshotBytes) -> Result<IndexPosition, SearchError>;
}

/// Stores one snapshot for each tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SnapshotStore: Send + Sync {
    /// Stores a snapshot in place of the one before, which stays until the new one is whole; returns its size in bytes.
    ///
    /// # Errors
    /// [`std::io::Error`] of the store, or of `bytes`; the one before stays then.
    async fn replace(&self, tenant: TenantId, bytes: SnapshotBytes) -> std::io::Result<u64>;

    /// Returns the snapshot of a tenant; `None` if there is none.
    ///
    /// # Errors
    /// [`std::io::Error`] if it cannot be read.
    async fn find(&self, tenant: TenantId) -> std::io::Result<Option<Snapshot>>;

    /// Deletes the snapshot of a tenant. A missing one is not an error.
    ///
    /// # Errors
    /// [`std::io::Error`] if it cannot be deleted.
    async fn delete(&self, tenant: TenantId) -> std::io::Result<()>;

    /// Deletes the snapshots of all tenants that were stored before `time`, by the clock of the store; returns their
    /// number.
    ///
    /// # Errors
    /// [`std::io::Error`] if one cannot be deleted.
    async fn delete_before(&self, time: Timestamp) -> std::io::Result<u64>;
}
