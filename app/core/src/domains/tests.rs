use domain::channel::ChannelId;
use domain::tenant::{Platform, PlatformId, Tenant, TenantId, TenantName};
use domain::timestamp::Timestamp;
use ports::mock::{FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;

fn tenant(number: usize, domain: &str) -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new(&format!("slug-{number}")).unwrap());
    let name = TenantName::new("Otters").unwrap();
    let plain = Tenant::new(Platform::Discord, id, slug, name, Timestamp::from_millis(0).unwrap());
    Tenant { domain: Some(DomainName::new(domain).unwrap()), ..plain }
}

/// A read that finds these domains, of the tenants `slug-0` and so on.
fn with(domains: &'static [&'static str]) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    let tenants: Vec<Tenant> = domains.iter().enumerate().map(|(number, domain)| tenant(number, domain)).collect();
    unit.tenants.expect_list_by_domain().return_once(|_| Ok(tenants));
    unit
}

/// Opens the list over reads that find these domains, one after the other, and fail then.
fn over(reads: &[&'static [&'static str]]) -> (Arc<Domains>, Arc<dyn Store>) {
    (Arc::default(), Arc::new(FakeStore::new(reads.iter().map(|domains| with(domains)))))
}

fn slug_of(sites: &Sites, domain: &str) -> Option<String> {
    sites.of_domain(&DomainName::new(domain).unwrap()).map(|site| site.slug.to_string())
}

async fn tell(domains: &Domains, kind: ChangeKind) {
    let change = Change { tenant_id: TenantId(Uuid::nil()), kind };
    domains.receive(&[change], &ChangePosition::from_text("1".to_owned())).await;
}

#[tokio::test]
async fn the_list_is_read_again_only_after_a_change_to_a_tenant() {
    let (domains, store) = over(&[&["a.example", "b.example"], &["b.example"]]);
    for _ in 0..2 {
        let sites = domains.sites(&store).await;
        assert_eq!(slug_of(&sites, "b.example").as_deref(), Some("slug-1"));
        assert_eq!(sites.of_slug(&TenantSlug::new("slug-0").unwrap()).unwrap().domain.as_str(), "a.example");
        tell(&domains, ChangeKind::Channel { channel: ChannelId(Uuid::nil()) }).await;
    }
    tell(&domains, ChangeKind::Tenant).await;
    let sites = domains.sites(&store).await;
    assert_eq!((slug_of(&sites, "a.example"), slug_of(&sites, "b.example").as_deref()), (None, Some("slug-0")));
}

#[tokio::test]
async fn a_store_that_fails_leaves_the_last_known_list() {
    let (domains, store) = over(&[&["a.example"]]);
    assert!(!domains.sites(&store).await.is_empty());
    tell(&domains, ChangeKind::TenantGone).await;
    let sites = domains.sites(&store).await;
    assert_eq!(slug_of(&sites, "a.example").as_deref(), Some("slug-0"));
}

#[tokio::test]
async fn a_list_from_before_a_change_is_not_used_after_it() {
    let domains = Arc::<Domains>::default();
    // The change is passed on while the list is being read.
    let mut unit = FakeUnitOfWork::default();
    let changed = Arc::clone(&domains);
    unit.tenants.expect_list_by_domain().return_once(move |_| {
        changed.forget();
        Ok(vec![tenant(0, "old.example")])
    });
    let store: Arc<dyn Store> = Arc::new(FakeStore::new([unit, with(&["new.example"])]));
    assert!(!domains.are_current(&domains.sites(&store).await));
    let sites = domains.sites(&store).await;
    assert!(domains.are_current(&sites));
    assert_eq!((slug_of(&sites, "old.example"), slug_of(&sites, "new.example").as_deref()), (None, Some("slug-0")));
}
