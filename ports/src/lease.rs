//! Leases: who alone may do something at the moment.

use async_trait::async_trait;
use domain::lease::{Fence, Lease};

use crate::error::StoreError;

/// The leases of an installation, by name: 1 to 64 visible ASCII characters.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait LeaseRepository: Send {
    /// The lease as it was last stored, over or not; `None` if nobody ever had it.
    async fn find(&mut self, name: &str) -> Result<Option<Lease>, StoreError>;

    /// Stores `lease` in the place of the one whose fence is `expected`, `None` for a lease that nobody ever had. Tells
    /// whether that was still so; if not, nothing changes. Of many who expect the same, one gets `true`; the others get
    /// `false`, or [`StoreError::Aborted`] and `false` at the next try. Until the unit ends nobody else stores this lease.
    async fn replace(&mut self, name: &str, expected: Option<Fence>, lease: &Lease) -> Result<bool, StoreError>;
}
