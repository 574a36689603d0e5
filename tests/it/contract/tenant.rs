//! Tenants.

use domain::crawling::AiTraining;
use domain::domain_name::DomainName;
use domain::media::{ContentHash, FileFormat};
use domain::profile::{Contact, Description, Footer, Icon, IconKind, Link, Links, Profile};
use domain::slug::TenantSlug;
use domain::solved::SolvedTags;
use domain::tenant::{Branding, LogoUrl, PlatformId, Tenant, TenantId, TenantName, TenantStatus};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{FIRST, LAST, at, begin, one_channel, tenant};

contract![
    every_field_of_a_tenant_comes_back,
    a_tenant_at_every_end_comes_back,
    an_update_keeps_what_never_changes,
    a_tenant_and_a_slug_are_taken_once,
    a_domain_is_taken_once,
    what_is_not_stored_is_not_found,
    tenants_are_listed_by_slug_to_the_end,
    tenants_are_listed_by_domain_to_the_end,
    a_tenant_goes_when_its_channels_are_gone,
];

/// Returns a domain that no other case has.
fn domain(name: &str) -> DomainName {
    DomainName::new(&format!("{name}x{}.example", Uuid::new_v4().simple())).unwrap()
}

fn link(label: &str) -> Link {
    Link::new(label, "https://example.org/?a=b&c=%20#d").unwrap()
}

fn full() -> Tenant {
    let plain = tenant();
    Tenant {
        domain: Some(domain("")),
        name: TenantName::new("Ĳssel & Søn 🧵 <b>").unwrap(),
        status: TenantStatus::Maintenance,
        branding: Branding {
            logo_url: Some(LogoUrl::new("https://example.org/logo.svg?a=1&b=ü").unwrap()),
            primary_color: Some("#000000".parse().unwrap()),
            secondary_color: Some("#ffffff".parse().unwrap()),
            accent_color: Some("#0a0B0c".parse().unwrap()),
        },
        profile: Profile {
            description: Some(Description::new("Wir nähen 🧵\n\n\"x\" <b>").unwrap()),
            footer: Some(Footer::new("© Nähkreis").unwrap()),
            links: Links::new(vec![link("Fäden 🧶 & \"x\""), link("a")]).unwrap(),
            contact: Some(Contact::new("archive+team@mail.example.org").unwrap()),
            icon: Some(Icon { hash: ContentHash::new([0xa5; 32]), kind: IconKind::new(FileFormat::Webp).unwrap() }),
        },
        solved_tags: SolvedTags::new(["Solved", "Gelöst 🧵", "\"x\""]).unwrap(),
        ai_training: AiTraining::Allow,
        created_at: at(1_772_366_400_001),
        updated_at: at(253_402_207_199_999),
        deleting_since: Some(at(1_772_366_400_999)),
        ..plain
    }
}

fn longest_link() -> Link {
    let url = format!("https://example.org/{}", "a".repeat(2_048 - "https://example.org/".len()));
    Link::new(&"🧵".repeat(100), &url).unwrap()
}

async fn insert(store: &dyn Store, tenant: &Tenant) -> Result<(), StoreError> {
    let mut unit = begin(store).await;
    unit.tenants().insert(tenant).await?;
    unit.commit().await
}

async fn every_field_of_a_tenant_comes_back(store: &dyn Store) {
    for one in [tenant(), full()] {
        insert(store, &one).await.unwrap();
        let mut read = store.read().await.unwrap();
        assert_eq!(read.tenants().find(one.id).await.unwrap().as_ref(), Some(&one));
        assert_eq!(read.tenants().find_by_slug(&one.slug).await.unwrap(), Some(one));
    }
}

async fn an_update_keeps_what_never_changes(store: &dyn Store) {
    let before = tenant();
    insert(store, &before).await.unwrap();
    let wanted = Tenant { id: before.id, ..full() };
    for _ in 0..2 {
        let mut unit = begin(store).await;
        unit.tenants().update(&wanted).await.unwrap();
        unit.commit().await.unwrap();
    }
    let after = store.read().await.unwrap().tenants().find(before.id).await.unwrap().unwrap();
    let kept = Tenant { platform_id: before.platform_id.clone(), created_at: before.created_at, ..wanted };
    assert_eq!(after, kept);
    assert_eq!(store.read().await.unwrap().tenants().find_by_slug(&before.slug).await.unwrap(), None);
}

async fn a_tenant_and_a_slug_are_taken_once(store: &dyn Store) {
    let (one, other) = (tenant(), tenant());
    insert(store, &one).await.unwrap();
    insert(store, &other).await.unwrap();
    let again = Tenant { slug: tenant().slug, ..one.clone() };
    let refused = insert(store, &again).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { what: "tenant" }), "{refused:?}");
    let thief = Tenant { slug: one.slug.clone(), ..tenant() };
    let refused = insert(store, &thief).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { what: "tenant slug" }), "{refused:?}");
    let mut unit = begin(store).await;
    let thief = Tenant { slug: one.slug.clone(), ..other.clone() };
    let refused = unit.tenants().update(&thief).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { what: "tenant slug" }), "{refused:?}");
    drop(unit);
    assert_eq!(store.read().await.unwrap().tenants().find(other.id).await.unwrap(), Some(other));
}

async fn a_domain_is_taken_once(store: &dyn Store) {
    let one = Tenant { domain: Some(domain("")), ..tenant() };
    let (other, without) = (Tenant { domain: Some(domain("")), ..tenant() }, tenant());
    for tenant in [&one, &other, &without, &tenant()] {
        insert(store, tenant).await.unwrap();
    }
    let is_refused = |outcome: Result<(), StoreError>| {
        assert!(matches!(outcome, Err(StoreError::Duplicate { what: "tenant domain" })), "{outcome:?}");
    };
    is_refused(insert(store, &Tenant { domain: one.domain.clone(), ..tenant() }).await);
    for thief in [&other, &without] {
        let mut unit = begin(store).await;
        is_refused(unit.tenants().update(&Tenant { domain: one.domain.clone(), ..thief.clone() }).await);
    }
    // One that is given up can be taken in the same unit.
    let mut unit = begin(store).await;
    unit.tenants().update(&Tenant { domain: None, ..one.clone() }).await.unwrap();
    unit.tenants().update(&Tenant { domain: one.domain.clone(), ..without.clone() }).await.unwrap();
    unit.commit().await.unwrap();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.tenants().find(one.id).await.unwrap().unwrap().domain, None);
    assert_eq!(read.tenants().find(without.id).await.unwrap().unwrap().domain, one.domain);
}

async fn what_is_not_stored_is_not_found(store: &dyn Store) {
    let unknown = tenant();
    let mut unit = begin(store).await;
    assert_eq!(unit.tenants().find(unknown.id).await.unwrap(), None);
    assert_eq!(unit.tenants().find_by_slug(&unknown.slug).await.unwrap(), None);
    let refused = unit.tenants().update(&unknown).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { what: "tenant" }), "{refused:?}");
    unit.tenants().delete(unknown.id).await.unwrap();
}

async fn tenants_are_listed_by_slug_to_the_end(store: &dyn Store) {
    // Other cases share the list: these are adjacent, under a prefix of their own.
    let prefix = format!("zz{}", &Uuid::new_v4().simple().to_string()[..12]);
    let slug = |name: &str| TenantSlug::new(&format!("{prefix}-{name}")).unwrap();
    let named = |name: &str| Tenant { slug: slug(name), ..tenant() };
    let going = Tenant { deleting_since: Some(at(5)), ..named("c") };
    for one in [named("e"), named("a"), going, named("1"), named("b-a"), named("b")] {
        insert(store, &one).await.unwrap();
    }
    let expected: Vec<TenantSlug> = ["1", "a", "b", "b-a", "e"].map(slug).into();
    for limit in 1..=6 {
        let (mut found, mut after) = (Vec::new(), Some(TenantSlug::new(&prefix).unwrap()));
        loop {
            let page = store.read().await.unwrap().tenants().list(Page { after, limit }).await.unwrap();
            assert!(page.len() <= limit as usize);
            let ours: Vec<_> =
                page.into_iter().map(|one| one.slug).take_while(|one| one.as_str().starts_with(&prefix)).collect();
            let Some(last) = ours.last().cloned() else { break };
            after = Some(last);
            found.extend(ours);
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
}

async fn tenants_are_listed_by_domain_to_the_end(store: &dyn Store) {
    // Other cases share the list: these are adjacent, under a prefix of their own.
    let prefix = format!("zz{}", Uuid::new_v4().simple());
    let name = |name: &str| DomainName::new(&format!("{prefix}{name}.example")).unwrap();
    let named = |domain: &str| Tenant { domain: Some(name(domain)), ..tenant() };
    let going = Tenant { deleting_since: Some(at(5)), ..named("c") };
    for one in [named("e"), named("a"), going, named("1"), tenant(), named("b-a"), named("b")] {
        insert(store, &one).await.unwrap();
    }
    let expected: Vec<DomainName> = ["1", "a", "b-a", "b", "e"].map(name).into();
    for limit in 1..=6 {
        let (mut found, mut after) = (Vec::new(), Some(DomainName::new(&format!("{prefix}.a")).unwrap()));
        loop {
            let page = store.read().await.unwrap().tenants().list_by_domain(Page { after, limit }).await.unwrap();
            assert!(page.len() <= limit as usize);
            let ours: Vec<_> = page
                .into_iter()
                .filter_map(|one| one.domain)
                .take_while(|one| one.as_str().starts_with(&prefix))
                .collect();
            let Some(last) = ours.last().cloned() else { break };
            after = Some(last);
            found.extend(ours);
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
}

async fn a_tenant_goes_when_its_channels_are_gone(store: &dyn Store) {
    let (tenant, channel) = one_channel(store).await;
    let mut unit = begin(store).await;
    let refused = unit.tenants().delete(tenant.id).await.unwrap_err();
    assert!(matches!(refused, StoreError::Backend(_)), "{refused:?}");
    drop(unit);
    let mut unit = begin(store).await;
    unit.channels().delete(channel.id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().tenants().find(tenant.id).await.unwrap(), None);
    let again = Tenant { platform_id: PlatformId::new("another").unwrap(), ..tenant };
    insert(store, &again).await.unwrap();
}

async fn a_tenant_at_every_end_comes_back(store: &dyn Store) {
    let plain = tenant();
    let unique = plain.slug.as_str();
    let platform_id = PlatformId::new(&format!("{unique}{}", "🧶".repeat(255 - unique.len()))).unwrap();
    let logo = "https://example.org/";
    let label = "a".repeat(63);
    let unique_label = format!("{unique}{}", "b".repeat(61 - unique.len()));
    let widest = Tenant {
        domain: Some(DomainName::new(&format!("{unique_label}.{label}.{label}.{label}")).unwrap()),
        slug: TenantSlug::new(&format!("{unique}{}", "z".repeat(TenantSlug::MAX - unique.len()))).unwrap(),
        name: TenantName::new(&"🧵".repeat(255)).unwrap(),
        status: TenantStatus::Cancelled,
        branding: Branding {
            logo_url: Some(LogoUrl::new(&format!("{logo}{}", "a".repeat(2048 - logo.len()))).unwrap()),
            ..Branding::default()
        },
        profile: Profile {
            description: Some(Description::new(&"🧵".repeat(1_000)).unwrap()),
            footer: Some(Footer::new(&"🧵".repeat(500)).unwrap()),
            links: Links::new(vec![longest_link(); Links::MOST]).unwrap(),
            contact: Some(Contact::new(longest_link().url()).unwrap()),
            icon: Some(Icon { hash: ContentHash::new([0; 32]), kind: IconKind::new(FileFormat::Jpeg).unwrap() }),
        },
        ai_training: AiTraining::Deny,
        solved_tags: SolvedTags::new((0..20).map(|number| format!("{number:02}{}", "🧵".repeat(48)))).unwrap(),
        created_at: at(FIRST),
        updated_at: at(LAST),
        deleting_since: Some(at(-1)),
        id: TenantId::of(plain.platform, &platform_id),
        platform_id,
        ..plain.clone()
    };
    insert(store, &widest).await.unwrap();
    assert_eq!(store.read().await.unwrap().tenants().find(widest.id).await.unwrap(), Some(widest));
}
