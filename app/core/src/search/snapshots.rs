//! Snapshots of indexes: a process whose directory is empty starts from one.

use std::sync::Arc;
use std::time::Duration;

use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::{Source, StoreError};
use ports::search::{SearchError, SearchIndex};
use ports::snapshot::{IndexSnapshots, SnapshotStore};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::sync::Candidate;

/// The age from which a snapshot is replaced.
const AGE: Duration = Duration::from_hours(24);

/// Why a snapshot was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotError {
    /// The lease failed.
    #[error(transparent)]
    Lease(#[from] StoreError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] SearchError),
    /// The store of the snapshots failed.
    #[error("the snapshot was not stored")]
    Stored(#[source] std::io::Error),
    /// Another process makes it.
    #[error("another process has taken the lease of the snapshot")]
    Deposed,
}

/// The indexes of this process and the store of their snapshots. A clone shares them.
#[derive(Clone)]
pub struct Snapshots {
    index: Arc<dyn IndexSnapshots>,
    store: Arc<dyn SnapshotStore>,
}

impl Snapshots {
    /// Returns the snapshots of `index` in `store`.
    #[must_use]
    pub fn new(index: Arc<dyn IndexSnapshots>, store: Arc<dyn SnapshotStore>) -> Self {
        Self { index, store }
    }

    /// Makes the stored snapshot the index of a tenant that has none; returns whether there was a usable one. An error
    /// is logged: the index is built from the archive then.
    pub(super) async fn restore(&self, tenant: TenantId) -> bool {
        let start = Instant::now();
        let restored = async {
            let Some(snapshot) = self.store.find(tenant).await? else { return Ok::<_, Source>(None) };
            Ok(Some((snapshot.stored_at, self.index.restore(tenant, snapshot.bytes).await?)))
        };
        match restored.await {
            Ok(Some((stored_at, position))) => {
                info!(
                    tenant.id = %tenant,
                    stored_at = %stored_at,
                    as_of = %position.as_of,
                    duration_ms = start.elapsed().as_millis(),
                    "search index restored from a snapshot"
                );
                true
            }
            Ok(None) => false,
            Err(error) => {
                warn!(tenant.id = %tenant, error = &*error as &dyn std::error::Error, "snapshot not used");
                false
            }
        }
    }

    /// Replaces the snapshot of a tenant that is missing or older than a day at `now`, if no other process does; returns
    /// whether it did. Words of deleted documents are purged from `index` before. `candidate` is one for the lease of the
    /// snapshot.
    pub(super) async fn save(
        &self,
        tenant: TenantId,
        index: &dyn SearchIndex,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<bool, SnapshotError> {
        if !self.is_due(tenant, now).await? {
            return Ok(false);
        }
        let Ok(leader) = candidate.elect().await? else { return Ok(false) };
        let start = Instant::now();
        let saved = async {
            // Another process may have made it before it released the lease.
            if !self.is_due(tenant, now).await? {
                return Ok(None);
            }
            // Without the words of deleted documents.
            index.purge(tenant).await?;
            let bytes = self.index.save(tenant).await?;
            self.store.replace(tenant, bytes).await.map(Some).map_err(SnapshotError::Stored)
        };
        let saved = tokio::select! {
            saved = saved => saved,
            never = leader.renew_lease() => match never {},
            () = leader.lost().cancelled() => Err(SnapshotError::Deposed),
        };
        leader.resign().await;
        let Some(bytes) = saved? else { return Ok(false) };
        info!(tenant.id = %tenant, bytes, duration_ms = start.elapsed().as_millis(), "snapshot of a search index stored");
        Ok(true)
    }

    async fn is_due(&self, tenant: TenantId, now: Timestamp) -> Result<bool, SnapshotError> {
        let stored = self.store.find(tenant).await.map_err(SnapshotError::Stored)?;
        Ok(stored.is_none_or(|snapshot| snapshot.stored_at.plus(AGE) <= now))
    }

    /// Deletes the snapshot of a tenant, because it has words that must not stay. Returns whether there is none left.
    pub(super) async fn delete(&self, tenant: TenantId) -> bool {
        let deleted = self.store.delete(tenant).await;
        if let Err(error) = &deleted {
            warn!(tenant.id = %tenant, error = error as &dyn std::error::Error, "snapshot not deleted");
        }
        deleted.is_ok()
    }
}
