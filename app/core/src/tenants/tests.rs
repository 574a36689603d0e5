use std::sync::Arc;

use domain::domain_name::DomainName;
use domain::pseudonym::PseudonymKey;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};

use super::{Change, NewTenant, TenantPatch, Tenants, TenantsError};

fn clock() -> FakeClock {
    FakeClock(Timestamp::from_millis(7).unwrap())
}

fn new() -> NewTenant {
    let (platform_id, name) = (PlatformId::new("1").unwrap(), TenantName::new("Needles").unwrap());
    NewTenant { platform: Platform::Discord, platform_id, name, slug: None }
}

fn stored() -> Tenant {
    let new = new();
    let slug = TenantSlug::new("needles").unwrap();
    Tenant::new(new.platform, new.platform_id, slug, new.name, Timestamp::from_millis(1).unwrap())
}

fn lost_race() -> StoreError {
    StoreError::Aborted("another was faster".into())
}

/// A unit in which the id and every slug are free, and whose insert has this result.
fn free(insert: Result<(), StoreError>) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find().returning(|_| Ok(None));
    unit.tenants.expect_find_by_slug().returning(|_| Ok(None));
    unit.tenants.expect_insert().return_once(|_| insert);
    unit
}

fn tenants(units: impl IntoIterator<Item = FakeUnitOfWork>) -> (Tenants, Arc<FakeStore>) {
    let store = Arc::new(FakeStore::new(units));
    (Tenants::new(store.clone(), Arc::new(clock())), store)
}

#[tokio::test]
async fn a_tenant_is_made_with_a_slug_of_its_name() {
    let (tenants, store) = tenants([free(Ok(()))]);
    let made = tenants.create(&new()).await.unwrap();
    assert_eq!((made.slug.as_str(), made.created_at), ("needles", clock().0));
    assert_eq!(store.committed(), 1);
}

#[tokio::test]
async fn without_the_key_of_the_archive_no_tenant_is_created_changed_or_deleted() {
    let check = PseudonymKey::new([1; 32]).check();
    for (stored, is_rejected) in [(Some(check), true), (None, false)] {
        let mut unit = free(Ok(()));
        unit.archive.expect_key_check().returning(move || Ok(stored));
        let (tenants, store) = tenants([unit]);
        let made = tenants.without_key().create(&new()).await;
        assert_eq!(matches!(made, Err(TenantsError::KeyMissing)), is_rejected);
        assert_eq!(store.committed(), u32::from(!is_rejected));
    }
    let unit = || {
        let mut unit = FakeUnitOfWork::default();
        unit.archive.expect_key_check().returning(move || Ok(Some(check)));
        unit
    };
    let (tenants, store) = tenants([unit(), unit()]);
    let tenants = tenants.without_key();
    let changed = tenants.update("needles", &TenantPatch::default()).await;
    assert!(matches!(changed, Err(TenantsError::KeyMissing)));
    assert!(matches!(tenants.delete("needles").await, Err(TenantsError::KeyMissing)));
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_step_that_fails_commits_nothing() {
    for error in [StoreError::Backend("disk".into()), StoreError::Unavailable("gone".into())] {
        let (tenants, store) = tenants([free(Err(error))]);
        assert!(matches!(tenants.create(&new()).await, Err(TenantsError::Store(_))));
        assert_eq!(store.committed(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_is_run_again_from_its_first_statement() {
    let mut lost_at_commit = free(Ok(()));
    lost_at_commit.commit_error = Some(lost_race());
    let (tenants, store) = tenants([free(Err(lost_race())), lost_at_commit, free(Ok(()))]);
    tenants.create(&new()).await.unwrap();
    assert_eq!(store.committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn races_that_are_lost_for_ever_end() {
    let (tenants, store) = tenants((0..8).map(|_| free(Err(lost_race()))));
    assert!(matches!(tenants.create(&new()).await, Err(TenantsError::Store(StoreError::Aborted(_)))));
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find_by_slug().returning(|_| Ok(Some(stored())));
    let (tenants, store) = tenants([unit]);
    let patch = TenantPatch { name: Some(stored().name), slug: None, status: None, ..TenantPatch::default() };
    assert_eq!(tenants.update("needles", &patch).await.unwrap(), stored());
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_domain_that_is_taken_is_told() {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find_by_slug().returning(|_| Ok(Some(stored())));
    unit.tenants.expect_update().returning(|_| Err(StoreError::Duplicate { what: "tenant domain" }));
    let (tenants, store) = tenants([unit]);
    let domain = DomainName::new("needles.example").unwrap();
    let patch = TenantPatch { domain: Change::Set(domain.clone()), ..TenantPatch::default() };
    let refused = tenants.update("needles", &patch).await;
    assert!(matches!(&refused, Err(TenantsError::DomainTaken(taken)) if *taken == domain), "{refused:?}");
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_slug_that_is_taken_is_told() {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find_by_slug().returning(|_| Ok(Some(stored())));
    unit.tenants.expect_update().returning(|_| Err(StoreError::Duplicate { what: "tenant slug" }));
    let (tenants, store) = tenants([unit]);
    let slug = TenantSlug::new("threads").unwrap();
    let patch = TenantPatch { name: None, slug: Some(slug.clone()), status: None, ..TenantPatch::default() };
    let refused = tenants.update("needles", &patch).await;
    assert!(matches!(&refused, Err(TenantsError::SlugTaken(taken)) if *taken == slug), "{refused:?}");
    assert_eq!(store.committed(), 0);
}
