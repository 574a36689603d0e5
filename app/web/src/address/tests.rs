use domain::channel::{Channel, ChannelKind};
use domain::slug::{ChannelSlug, TenantSlug};
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, TenantName};
use domain::timestamp::Timestamp;

use super::*;

fn tenant(domain: Option<&str>) -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("otters").unwrap());
    let name = TenantName::new("Otters").unwrap();
    let plain = Tenant::new(Platform::Discord, id, slug, name, Timestamp::from_millis(0).unwrap());
    Tenant { domain: domain.map(|domain| DomainName::new(domain).unwrap()), ..plain }
}

fn channel(slug: &str) -> Channel {
    let id = Id::new(1_062_073_319_232_110_600).unwrap();
    let plain = Channel::new(tenant(None).id, id, ChannelKind::TEXT, slug.to_owned());
    Channel { slug: ChannelSlug::new(slug).unwrap(), ..plain }
}

#[test]
fn the_addresses_of_a_domain_have_the_scheme_and_port_of_the_installation() {
    let tenant = tenant(Some("otters.example"));
    for (public, origin) in [
        (None, "https://otters.example"),
        (Some("https://archive.example.org"), "https://otters.example"),
        (Some("http://archive.example.org"), "http://otters.example"),
        (Some("http://localhost:25000"), "http://otters.example:25000"),
        (Some("http://[::1]"), "http://otters.example"),
        (Some("http://[::1]:80"), "http://otters.example:80"),
    ] {
        let public = PublicAddress::new(public.map(str::to_owned));
        let base = Base::of_site(&tenant, &public);
        assert_eq!(base.address("/a"), Some(format!("{origin}/a")));
        assert_eq!(base.reference(), format!("{origin}/"));
    }
}

#[test]
fn paths_are_below_the_slug_or_at_the_root_of_the_domain() {
    let (plain, own) = (tenant(None), tenant(Some("otters.example")));
    let public = PublicAddress::default();
    let paths = |base: Base<'_>| [base.home(), base.path("/search"), base.channel(&channel("über-uns"))];
    let below = ["/otters", "/otters/search", "/otters/%C3%BCber-uns"];
    assert_eq!(paths(Base::of_site(&plain, &public)), below);
    assert_eq!(paths(Base::of_site(&own, &public)), ["/", "/search", "/%C3%BCber-uns"]);
    // The API is the same on every host.
    assert_eq!(paths(Base::of_api(&own)), below);
    assert_eq!(Base::of_site(&plain, &public).address("/otters"), None);
}

#[test]
fn a_channel_with_a_word_of_the_site_is_addressed_by_its_id() {
    let (own, public) = (tenant(Some("otters.example")), PublicAddress::default());
    for word in ["api", "assets", "healthz", "metrics", "readyz", "search", "files"] {
        assert_eq!(Base::of_site(&own, &public).channel(&channel(word)), "/1062073319232110600", "{word}");
    }
}

#[test]
fn a_path_cannot_leave_its_host() {
    assert_eq!(path_of(&["\\evil.example", "a/b", "ü"]), "/%5Cevil.example/a%2Fb/%C3%BC");
}
