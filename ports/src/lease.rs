//! Leases: exclusive rights, limited in time.

use async_trait::async_trait;
use domain::lease::{Fence, Lease};

use crate::error::StoreError;

/// The leases of an installation, by name: 1 to 64 visible ASCII characters.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait LeaseRepository: Send {
    /// Returns the lease as last stored, expired or not; `None` if it was never acquired.
    async fn find(&mut self, name: &str) -> Result<Option<Lease>, StoreError>;

    /// Stores `lease` in place of the one whose fence is `expected`; `None` stands for a lease that was never acquired.
    /// Returns `false`, and changes nothing, if the stored fence differs. Of several callers that expect the same
    /// fence, one gets `true`; the others get `false`, or [`StoreError::Aborted`] and `false` at the retry. Until the
    /// unit ends, no other unit stores this lease.
    async fn replace(&mut self, name: &str, expected: Option<Fence>, lease: &Lease) -> Result<bool, StoreError>;

    /// Removes a lease, also one that is held. A missing one is not an error.
    async fn delete(&mut self, name: &str) -> Result<(), StoreError>;
}
