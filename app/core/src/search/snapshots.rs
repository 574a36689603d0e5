//! Snapshots of indexes: a process whose directory is empty starts from one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use futures::StreamExt as _;
use ports::clock::Clock;
use ports::error::{Source, StoreError};
use ports::search::{SearchError, SearchIndex};
use ports::snapshot::{IndexSnapshots, SnapshotStore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::sync::Candidate;

/// The age from which a snapshot is replaced.
const AGE: Duration = Duration::from_hours(24);
/// The age from which a snapshot is deleted: no process replaces it any more.
const STALE: Duration = Duration::from_hours(3 * 24);
/// How often such snapshots are looked for.
const SWEEP: Duration = Duration::from_hours(1);
/// The longest time in which a snapshot is stored or read.
const LONGEST: Duration = Duration::from_hours(1);
/// The longest time in which one is deleted. A caller follows the change log meanwhile.
const DELETION: Duration = Duration::from_secs(5);

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
    /// The store of the snapshots takes too long.
    #[error("the snapshot was not stored within an hour")]
    TimedOut,
}

/// The indexes of this process and the store of their snapshots. A clone shares them.
#[derive(Clone)]
pub struct Snapshots {
    index: Arc<dyn IndexSnapshots>,
    store: Arc<dyn SnapshotStore>,
    /// The tenants whose snapshot must be deleted and could not be.
    undeleted: Arc<Mutex<BTreeSet<TenantId>>>,
}

impl Snapshots {
    /// Returns the snapshots of `index` in `store`.
    #[must_use]
    pub fn new(index: Arc<dyn IndexSnapshots>, store: Arc<dyn SnapshotStore>) -> Self {
        Self { index, store, undeleted: Arc::default() }
    }

    /// Deletes snapshots that no process replaces any more, now and every hour, until `stop`.
    pub async fn sweep_until(&self, stop: CancellationToken, clock: &dyn Clock) {
        while !stop.is_cancelled() {
            self.sweep(clock.now()).await;
            tokio::select! {
                () = sleep(SWEEP) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Deletes the snapshots that are older than three days at `now`, of any tenant: the last process that replaced them
    /// is given up, or the tenant is removed. An error is logged.
    pub async fn sweep(&self, now: Timestamp) {
        match self.store.delete_before(now.minus(STALE)).await {
            Ok(0) => {}
            Ok(snapshots) => info!(snapshots, "old snapshots of search indexes deleted"),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "old snapshots of search indexes not deleted");
            }
        }
    }

    /// Makes the stored snapshot the index of a tenant that has none; returns whether there was a usable one. An error
    /// is logged: the index is built from the archive then.
    pub(super) async fn restore(&self, tenant: TenantId) -> bool {
        let start = Instant::now();
        let restored = async {
            let found = timeout(LONGEST, self.store.find(tenant)).await??;
            let Some(snapshot) = found else { return Ok::<_, Source>(None) };
            // A part of the bytes is no snapshot.
            let bytes = snapshot.bytes.take_until(Box::pin(sleep(LONGEST))).boxed();
            Ok(Some((snapshot.stored_at, self.index.restore(tenant, bytes).await?)))
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
            () = sleep(LONGEST) => Err(SnapshotError::TimedOut),
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

    /// Deletes the snapshot of a tenant, because it has words that must not stay. If it cannot, the tenant is one of
    /// [`Snapshots::undeleted`] until a later call can.
    pub(super) async fn delete(&self, tenant: TenantId) {
        let deleted = timeout(DELETION, self.store.delete(tenant)).await.unwrap_or_else(|elapsed| Err(elapsed.into()));
        match deleted {
            Ok(()) => {
                if self.waiting().remove(&tenant) {
                    info!(tenant.id = %tenant, "snapshot deleted at last");
                }
            }
            Err(error) => {
                if self.waiting().insert(tenant) {
                    warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "snapshot not deleted");
                }
            }
        }
    }

    /// Returns the tenants whose snapshot must be deleted and could not be.
    pub(super) fn undeleted(&self) -> Vec<TenantId> {
        self.waiting().iter().copied().collect()
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<TenantId>> {
        self.undeleted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
