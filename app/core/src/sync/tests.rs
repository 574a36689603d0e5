//! Parts that the unit tests of a sync share.

use std::sync::Arc;

use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};

use uuid::Uuid;

use super::{Candidate, Leader, build_lease};
use crate::process::Process;

/// The time in all cases.
pub(super) fn now() -> Timestamp {
    Timestamp::from_millis(1_000).unwrap()
}

/// A unit of a process that leads.
pub(super) fn led() -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.leases.expect_replace().returning(|_, _, _| Ok(true));
    unit
}

/// A leader whose store returns `units` after the election.
pub(super) async fn leader_with(units: impl IntoIterator<Item = FakeUnitOfWork>) -> Leader {
    let (mut free, mut election) = (FakeUnitOfWork::default(), led());
    free.leases.expect_find().returning(|_| Ok(None));
    election.leases.expect_find().returning(|_| Ok(None));
    let store = Arc::new(FakeStore::new([free, election].into_iter().chain(units)));
    let candidate = Candidate::new(store, Arc::new(FakeClock(now())), Process::current(), "1");
    candidate.elect().await.unwrap().unwrap_or_else(|_| unreachable!("the lease is free"))
}

/// A leader whose store is not used after the election.
pub(super) async fn leader() -> Leader {
    leader_with([]).await
}

#[tokio::test]
async fn a_lease_of_a_removed_tenant_is_not_acquired() {
    let (mut free, mut election) = (FakeUnitOfWork::default(), FakeUnitOfWork::default());
    free.leases.expect_find().returning(|_| Ok(None));
    election.tenants.expect_find().returning(|_| Ok(None));
    let store = Arc::new(FakeStore::new([free, election]));
    let (tenant, clock) = (TenantId(Uuid::from_u128(2)), Arc::new(FakeClock(now())));
    let candidate = Candidate::for_tenant(store.clone(), clock, Process::current(), tenant, build_lease(tenant));
    assert!(matches!(candidate.elect().await, Err(StoreError::Missing { what: "tenant" })));
    assert_eq!(store.committed(), 0);
}
