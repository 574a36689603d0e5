use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_millis(0).unwrap()
}

fn tenant() -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("foxes").unwrap());
    Tenant::new(Platform::Discord, id, slug, TenantName::new("Foxes").unwrap(), now())
}

#[test]
fn an_excerpt_marks_matches_and_covers_spoilers() {
    let piece = |text: &str, is_match, is_hidden| Piece { text: text.to_owned(), is_match, is_hidden };
    let pieces =
        vec![piece("a <", false, false), piece("b", true, false), piece("c", false, true), piece("d", true, true)];
    let expected = "a &lt;<mark>b</mark><span class=\"spoiler\" tabindex=\"0\">c<mark>d</mark></span>";
    assert_eq!(excerpt(&Excerpt { pieces }).into_string(), expected);
}

#[test]
fn a_filter_takes_the_place_of_one_that_it_would_contradict() {
    let query: SearchQuery = "fox in:a has:link -in:b author:bot".parse().unwrap();
    let tenant = tenant();
    let address = Address { base: Base::of_api(&tenant), text: "", channel: "", sort: SearchSort::Oldest };
    let link = |filter: &str| address.plus(Some(&query), filter).into_string();
    assert!(
        link("in:c").contains("q=fox%20has%3Alink%20-in%3Ab%20author%3Abot%20in%3Ac&amp;sort=old"),
        "{}",
        link("in:c")
    );
    assert!(link("has:poll").contains("q=fox%20in%3Aa%20has%3Alink%20-in%3Ab%20author%3Abot%20has%3Apoll"));
    assert!(link("has:link").contains("q=fox%20in%3Aa%20-in%3Ab%20author%3Abot%20has%3Alink"));
    let long: SearchQuery = "a b c d e f g h i j k l m n o p".parse().unwrap();
    assert_eq!(address.plus(Some(&long), "has:link").into_string(), "");
}

#[test]
fn a_search_that_took_too_long_says_so() {
    let tenant = tenant();
    let page = |timed_out| SearchPage {
        tenant: tenant.clone(),
        channel: None,
        hits: Vec::new(),
        next: None,
        total: Total::AtLeast(0),
        as_of: now(),
        timed_out,
        sort: SearchSort::Newest,
        roles: app_core::browse::Roles::default(),
        files: app_core::browse::FileStates::default(),
    };
    let query: SearchQuery = "fox".parse().unwrap();
    let frame = Frame { base: Base::of_api(&tenant), channels: &[], now: None };
    let shown = |page| search(&frame, "fox", "", Some(&query), &SearchState::Found(Box::new(page))).into_string();
    let sentence = "The search took too long and was ended";
    assert!(shown(page(true)).contains(sentence) && !shown(page(true)).contains("No message matches"));
    assert!(!shown(page(false)).contains(sentence) && shown(page(false)).contains("No message matches"));
}
