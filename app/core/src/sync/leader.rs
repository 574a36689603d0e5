//! Leader election by a lease in the store: one process at a time talks to the platform for a token, or does a work that
//! is needed once for a tenant.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use domain::lease::{Fence, Lease};
use domain::tenant::TenantId;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::store::{Store, UnitOfWork};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::SyncError;
use crate::process::{Process, describe};
use crate::retry::{LOST_RACE, retry};

/// The duration of a lease. After a leader has ended without releasing its lease, the next one waits no longer than
/// this.
const TIME: Duration = Duration::from_secs(15);
/// How often the lease is renewed: several times per duration, so that one attempt may fail.
const RENEWAL: Duration = Duration::from_secs(3);

/// The name of a lease without a holder: its fence is the last one that was issued for any lease.
const LAST: &str = "last";

/// Returns the name of the lease of the process that reports the build of a tenant's index.
pub(crate) fn build_lease(tenant: TenantId) -> String {
    format!("index/{tenant}")
}

/// Returns the name of the lease of the process that stores the snapshot of a tenant's index.
pub(crate) fn snapshot_lease(tenant: TenantId) -> String {
    format!("snapshot/{tenant}")
}

/// A process that takes part in a leader election.
#[derive(Clone)]
pub struct Candidate {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    process: Process,
    name: String,
    /// The tenant with which the lease is removed.
    tenant: Option<TenantId>,
}

impl Candidate {
    /// Returns a candidate for the token of `account`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, process: Process, account: &str) -> Self {
        Self { store, clock, process, name: format!("bot/{account}"), tenant: None }
    }

    /// Returns a candidate for a lease of a tenant, such as [`build_lease`]. It is not acquired without the tenant, whose
    /// removal removes it.
    pub(crate) fn for_tenant(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        process: Process,
        tenant: TenantId,
        name: String,
    ) -> Self {
        Self { store, clock, process, name, tenant: Some(tenant) }
    }

    /// Returns a candidate for a work of the whole installation, of which the lease has the name.
    pub(crate) fn for_task(store: Arc<dyn Store>, clock: Arc<dyn Clock>, process: Process, name: &str) -> Self {
        Self { store, clock, process, name: name.to_owned(), tenant: None }
    }

    /// Acquires the lease if no other process holds it; else returns the lease of the current leader.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails, [`StoreError::Missing`] if the lease is one of a tenant that is removed.
    pub async fn elect(&self) -> Result<Result<Leader, Lease>, StoreError> {
        // Most attempts find a leader; the read transaction does not delay writers.
        let current = self.store.read().await?.leases().find(&self.name).await?;
        if let Some(current) = current.filter(|lease| !self.is_free(Some(lease))) {
            return Ok(Err(current));
        }
        let once = async || {
            let mut unit = self.store.begin().await?;
            // Locked until the unit ends, so that the tenant is not removed before the lease is stored.
            if let Some(tenant) = self.tenant
                && unit.tenants().find(tenant).await?.is_none()
            {
                return Err(StoreError::Missing { what: "tenant" });
            }
            let before = unit.leases().find(&self.name).await?;
            if let Some(current) = before.clone().filter(|lease| !self.is_free(Some(lease))) {
                return Ok(Err(current));
            }
            let last = unit.leases().find(LAST).await?.map(|last| last.fence);
            let (fence, now) = (Fence::next(last), self.clock.now());
            let lease = Lease { holder: self.process.holder().clone(), fence, expires_at: now.plus(TIME) };
            let expected = before.as_ref().map(|before| before.fence);
            let taken = unit.leases().replace(LAST, last, &lease.released(now)).await?
                && unit.leases().replace(&self.name, expected, &lease).await?;
            if !taken {
                return Err(StoreError::Aborted(Box::new(TakenMeanwhile)));
            }
            unit.commit().await?;
            Ok(Ok((lease, before)))
        };
        match retry(&LOST_RACE, StoreError::is_retryable, once).await? {
            Ok((lease, before)) => {
                let before = before.map(|before| describe(&before.holder));
                info!(lease = self.name, fence = lease.fence.get(), before, "elected leader");
                let lost = CancellationToken::new();
                Ok(Ok(Leader { of: self.clone(), fence: lease.fence, lease: watch::Sender::new(lease), lost }))
            }
            Err(current) => Ok(Err(current)),
        }
    }

    fn is_free(&self, lease: Option<&Lease>) -> bool {
        // A lease that this process acquired without seeing the response is its own.
        let gone = |holder: &_| holder == self.process.holder() || self.process.knows_gone(holder);
        Lease::is_free(lease, self.clock.now(), gone)
    }
}

/// Another process was faster to acquire the lease.
#[derive(Debug, thiserror::Error)]
#[error("another process has acquired the lease meanwhile")]
struct TakenMeanwhile;

/// The process that leads for a token. If it is dropped without [`Leader::resign`], the other candidates wait for the
/// lease to expire.
pub struct Leader {
    of: Candidate,
    fence: Fence,
    lease: watch::Sender<Lease>,
    lost: CancellationToken,
}

impl Leader {
    /// Returns the fence that shuts out earlier leaders.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Returns a token that is cancelled once another process has acquired the lease.
    #[must_use]
    pub const fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Renews the lease periodically, until another process has acquired it.
    pub async fn renew_lease(&self) -> Infallible {
        let mut due = interval(RENEWAL);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            if self.lost.is_cancelled() {
                std::future::pending::<()>().await;
            }
            let prolong = async || match self.begin().await? {
                Some(unit) => unit.commit().await,
                None => Ok(()),
            };
            if let Err(error) = retry(&LOST_RACE, StoreError::is_retryable, prolong).await {
                warn!(error = &error as &dyn std::error::Error, "lease not renewed");
            }
        }
    }

    /// Waits while the lease is expired and not renewed: another process may have acquired it by now. Returns at once
    /// if it is known to have.
    pub async fn allowed(&self) {
        let mut lease = self.lease.subscribe();
        let current = lease.wait_for(|lease| self.of.clock.now() < lease.expires_at);
        tokio::select! {
            biased;
            () = self.lost.cancelled() => {}
            // The sender lives as long as `self`.
            _ = current => {}
        }
    }

    /// Begins a unit that commits only if this process still leads, and that renews its lease; `None` if another
    /// process leads.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn begin(&self) -> Result<Option<LedUnit<'_>>, StoreError> {
        let mut unit = self.of.store.begin().await?;
        let prolonged = self.lease.borrow().prolonged(self.of.clock.now(), TIME);
        if !unit.leases().replace(&self.of.name, Some(self.fence), &prolonged).await? {
            self.lose();
            return Ok(None);
        }
        Ok(Some(LedUnit { unit, prolonged, leader: self }))
    }

    /// As [`Leader::begin`], with an error instead of `None`.
    pub(super) async fn begin_unit(&self) -> Result<LedUnit<'_>, SyncError> {
        self.begin().await?.ok_or(SyncError::Deposed)
    }

    /// Records that another process has written under a larger fence: this one is deposed.
    pub(crate) fn lose(&self) {
        if !self.lost.is_cancelled() {
            warn!(fence = self.fence.get(), "deposed by another process");
            self.lost.cancel();
        }
    }

    /// Releases the lease, so that no other candidate waits for it to expire.
    pub async fn resign(self) {
        let once = async || {
            let mut unit = self.of.store.begin().await?;
            let released = self.lease.borrow().released(self.of.clock.now());
            unit.leases().replace(&self.of.name, Some(self.fence), &released).await?;
            unit.commit().await
        };
        match retry(&LOST_RACE, StoreError::is_retryable, once).await {
            Ok(()) => debug!("lease released"),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "lease not released"),
        }
    }
}

/// A unit of work of the leader.
pub struct LedUnit<'a> {
    unit: Box<dyn UnitOfWork>,
    prolonged: Lease,
    leader: &'a Leader,
}

impl LedUnit<'_> {
    /// Commits all writes of the unit.
    ///
    /// # Errors
    /// As [`UnitOfWork::commit`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.unit.commit().await?;
        // Units that were begun later may be committed earlier.
        self.leader.lease.send_if_modified(|lease| {
            let longer = self.prolonged.expires_at > lease.expires_at;
            lease.expires_at = lease.expires_at.max(self.prolonged.expires_at);
            longer
        });
        Ok(())
    }
}

impl Deref for LedUnit<'_> {
    type Target = dyn UnitOfWork;

    fn deref(&self) -> &Self::Target {
        &*self.unit
    }
}

impl DerefMut for LedUnit<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.unit
    }
}
