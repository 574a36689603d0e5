//! Who talks to the platform with a token: one process at a time, by a lease in the store.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use domain::lease::{Fence, Lease};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::store::{Store, UnitOfWork};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::process::{Process, describe};
use crate::retry::retry;

/// How long a lease lasts. After the end of a process that gave nothing back, another one waits no longer than this.
const TIME: Duration = Duration::from_secs(15);
/// How often it is prolonged: several times, so that one try may fail.
const RENEWAL: Duration = Duration::from_secs(3);

/// The name of the lease that nobody holds: its fence is the last that was given, whatever for.
const LAST: &str = "last";

/// A process that would work for a token.
#[derive(Clone)]
pub struct Candidate {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    process: Process,
    name: String,
}

impl Candidate {
    /// A process that would work with the token of `account`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, process: Process, account: &str) -> Self {
        Self { store, clock, process, name: format!("bot/{account}") }
    }

    /// Takes the lease if nobody else works for the token; else gives the lease that somebody has.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn elect(&self) -> Result<Result<Leader, Lease>, StoreError> {
        // Most looks find somebody at work, and take no turn of those who write.
        let held = self.store.read().await?.leases().find(&self.name).await?;
        if let Some(held) = held.filter(|held| !self.is_free(Some(held))) {
            return Ok(Err(held));
        }
        let once = async || {
            let mut unit = self.store.begin().await?;
            let held = unit.leases().find(&self.name).await?;
            if let Some(held) = held.clone().filter(|held| !self.is_free(Some(held))) {
                return Ok(Err(held));
            }
            let last = unit.leases().find(LAST).await?.map(|last| last.fence);
            let (fence, now) = (Fence::next(last), self.clock.now());
            let lease = Lease { holder: self.process.holder().clone(), fence, expires_at: now.plus(TIME) };
            let expected = held.as_ref().map(|held| held.fence);
            let taken = unit.leases().replace(LAST, last, &lease.released(now)).await?
                && unit.leases().replace(&self.name, expected, &lease).await?;
            if !taken {
                return Err(StoreError::Aborted(Box::new(TakenMeanwhile)));
            }
            unit.commit().await?;
            Ok(Ok((lease, held)))
        };
        match retry(StoreError::is_retryable, once).await? {
            Ok((lease, held)) => {
                let before = held.map(|held| describe(&held.holder));
                info!(fence = lease.fence.get(), before, "elected leader");
                let lost = CancellationToken::new();
                Ok(Ok(Leader { of: self.clone(), fence: lease.fence, lease: watch::Sender::new(lease), lost }))
            }
            Err(held) => Ok(Err(held)),
        }
    }

    fn is_free(&self, held: Option<&Lease>) -> bool {
        // What this process took without hearing of it is its own.
        let gone = |holder: &_| holder == self.process.holder() || self.process.knows_gone(holder);
        Lease::is_free(held, self.clock.now(), gone)
    }
}

/// Another process was faster.
#[derive(Debug, thiserror::Error)]
#[error("another process has taken the lease meanwhile")]
struct TakenMeanwhile;

/// The process that works for a token. Whoever drops it without [`Leader::resign`] leaves the others waiting for the
/// end of the lease.
pub struct Leader {
    of: Candidate,
    fence: Fence,
    lease: watch::Sender<Lease>,
    lost: CancellationToken,
}

impl Leader {
    /// What shuts those out who led before.
    #[must_use]
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// Is cancelled once another process has taken the lease.
    #[must_use]
    pub const fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Prolongs the lease again and again, until another process has it.
    pub async fn keep(&self) -> Infallible {
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
            if let Err(error) = retry(StoreError::is_retryable, prolong).await {
                warn!(error = &error as &dyn std::error::Error, "lease not renewed");
            }
        }
    }

    /// Waits while the lease is over and not prolonged: another process may have it by now. Ends at once where that is
    /// known.
    pub async fn allowed(&self) {
        let mut lease = self.lease.subscribe();
        let current = lease.wait_for(|lease| self.of.clock.now() < lease.expires_at);
        tokio::select! {
            biased;
            () = self.lost.cancelled() => {}
            // The sender lives as long as this.
            _ = current => {}
        }
    }

    /// A unit that happens only if this process still leads, and that prolongs its lease; `None` if another process does.
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

    /// Another process was found to have written under a larger fence.
    pub(super) fn lose(&self) {
        if !self.lost.is_cancelled() {
            warn!(fence = self.fence.get(), "deposed by another process");
            self.lost.cancel();
        }
    }

    /// Gives the lease back, so that nobody waits for its end.
    pub async fn resign(self) {
        let once = async || {
            let mut unit = self.of.store.begin().await?;
            let released = self.lease.borrow().released(self.of.clock.now());
            unit.leases().replace(&self.of.name, Some(self.fence), &released).await?;
            unit.commit().await
        };
        match retry(StoreError::is_retryable, once).await {
            Ok(()) => debug!("lease released"),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "lease not released"),
        }
    }
}

/// A unit of work of the process that leads.
pub struct LedUnit<'a> {
    unit: Box<dyn UnitOfWork>,
    prolonged: Lease,
    leader: &'a Leader,
}

impl LedUnit<'_> {
    /// Makes everything that was written last.
    ///
    /// # Errors
    /// As [`UnitOfWork::commit`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.unit.commit().await?;
        // Units that were begun later may be done earlier.
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
