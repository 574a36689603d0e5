use proptest::prelude::*;

use super::{ChannelSlug, TenantSlug};

#[test]
fn channel_names_become_slugs() {
    for (name, slug) in [
        ("general", "general"),
        ("General Chat", "general-chat"),
        ("help_and_support", "help-and-support"),
        ("  --off -- topic--  ", "off-topic"),
        ("🎉・welcome", "welcome"),
        ("🎉🎉", "channel"),
        ("", "channel"),
        ("Über Ñice Çompany", "über-ñice-çompany"),
        ("日本語-チャット", "日本語-チャット"),
        ("ⅷ ﬁne", "viii-fine"),
        ("c++ & rust", "c-rust"),
        ("2024", "2024"),
        ("1543572361285083187", "channel-1543572361285083187"),
        ("6f9619ff-8b86-d011-b42d-00c04fc964ff", "channel-6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc/passwd", "etc-passwd"),
    ] {
        assert_eq!(ChannelSlug::from_name(name).as_str(), slug, "{name}");
    }
}

#[test]
fn tenant_names_become_slugs() {
    for (name, slug) in [
        ("Auto Slug Test", "auto-slug-test"),
        ("Über Ñice Çompany", "uber-nice-company"),
        ("日本", "ri-ben"),
        ("ab", "community-ab"),
        ("", "community"),
        ("API", "community-api"),
        ("a--b__c", "a-b-c"),
    ] {
        assert_eq!(TenantSlug::from_name(name).as_str(), slug, "{name}");
    }
    assert_eq!(TenantSlug::from_name(&"long name ".repeat(20)).as_str().len(), 49);
}

#[test]
fn a_slug_that_breaks_the_rule_is_refused() {
    for text in ["", "ab", "a--b", "-abc", "abc-", "Abc", "a b c", "ünder", "api", "metrics", &"a".repeat(51)] {
        assert!(TenantSlug::new(text).is_err(), "{text}");
    }
    for text in ["", "a--b", "-a", "a-", "a b", "a/b", "1543572361285083187", &"a".repeat(101)] {
        assert!(ChannelSlug::new(text).is_err(), "{text}");
    }
}

#[test]
fn a_suffix_fits_in_the_longest_slug() {
    let slug = ChannelSlug::from_name(&"x".repeat(500));
    assert_eq!(slug.as_str().len(), 100);
    assert_eq!(slug.with_suffix(12).as_str().len(), 100);
    assert!(slug.with_suffix(12).as_str().ends_with("xx-12"));
    assert_eq!(ChannelSlug::from_name("help").with_suffix(2).as_str(), "help-2");
}

proptest! {
    #[test]
    fn every_name_makes_a_slug_that_passes_its_own_check(name in any::<String>(), number in 2_u32..) {
        let channel = ChannelSlug::from_name(&name);
        prop_assert_eq!(ChannelSlug::new(channel.as_str()).unwrap(), channel.clone());
        prop_assert!(ChannelSlug::new(channel.with_suffix(number).as_str()).is_ok());
        let tenant = TenantSlug::from_name(&name);
        prop_assert_eq!(TenantSlug::new(tenant.as_str()).unwrap(), tenant.clone());
        prop_assert!(TenantSlug::new(tenant.with_suffix(number).as_str()).is_ok());
    }
}

#[test]
fn no_name_makes_the_slug_of_a_hidden_channel() {
    let hidden = ChannelSlug::hidden("Layoffs");
    assert_eq!((hidden.as_str(), hidden.is_hidden()), ("Private-layoffs", true));
    assert!(hidden.with_suffix(2).is_hidden());
    for name in ["Private-layoffs", "private-layoffs", "PRIVATE layoffs", "\u{ff30}rivate-layoffs"] {
        assert!(!ChannelSlug::from_name(name).is_hidden(), "{name}");
    }
    for name in ["", "x", "1062073319232110600", &"long ".repeat(60), &"ж".repeat(300)] {
        let slug = ChannelSlug::hidden(name);
        assert_eq!(ChannelSlug::new(slug.as_str()), Ok(slug.clone()));
        assert_eq!(ChannelSlug::new(slug.with_suffix(12).as_str()), Ok(slug.with_suffix(12)));
    }
}

#[test]
fn a_channel_never_gets_a_word_of_the_site() {
    for name in [
        "search", "Feed", "sitemap", "files", "about", "#privacy", "p", "API", "assets", "metrics", "healthz", "readyz",
    ] {
        let slug = ChannelSlug::from_name(name);
        assert!(slug.as_str().starts_with("channel-") && !slug.is_reserved(), "{slug}");
    }
    assert!(ChannelSlug::new("search").unwrap().is_reserved());
    assert!(!ChannelSlug::from_name("searching").is_reserved());
}
