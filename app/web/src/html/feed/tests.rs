use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::{Feed, Item, Part};
use crate::address::{Base, PublicAddress};
use crate::html::Frame;

/// Returns the names of the elements of a document, and its texts in their order.
fn read(document: &[u8]) -> (Vec<String>, Vec<String>) {
    let document = std::str::from_utf8(document).unwrap();
    let mut reader = Reader::from_str(document);
    let (mut names, mut texts) = (Vec::new(), Vec::<String>::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                names.push(tag.name().as_ref().to_owned());
                texts.push(String::new());
            }
            Event::Empty(tag) => names.push(tag.name().as_ref().to_owned()),
            Event::Text(text) => texts.last_mut().into_iter().for_each(|last| last.push_str(&text)),
            Event::GeneralRef(name) => {
                let meant = match &*name {
                    "lt" => '<',
                    "gt" => '>',
                    "amp" => '&',
                    "quot" => '"',
                    "apos" => '\'',
                    other => {
                        let number = other.strip_prefix('#').unwrap_or_else(|| panic!("{other}"));
                        char::from_u32(number.parse().unwrap()).unwrap()
                    }
                };
                texts.last_mut().unwrap().push(meant);
            }
            Event::End(_) | Event::Decl(_) => {}
            Event::Eof => return (names, texts),
            other => panic!("{other:?}"),
        }
    }
}

fn tenant(name: &str) -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("otters").unwrap());
    let at = Timestamp::from_millis(1_700_000_000_000).unwrap();
    Tenant::new(Platform::Discord, id, slug, TenantName::new(name).unwrap(), at)
}

fn item(text: &str) -> Item {
    let at = Timestamp::from_millis(1_700_000_000_000).unwrap();
    let text = || text.to_owned();
    Item {
        id: "tag:a,2023-11-14:1".into(),
        url: "https://a/b".into(),
        title: text(),
        text: text(),
        author: text(),
        published: at,
        updated: at,
    }
}

proptest! {
    #[test]
    fn no_name_and_no_text_leaves_its_element(text in "(?s)([<>&'\"\\]\\[!\\-]|<!--|]]>|<!\\[CDATA\\[|</entry>|&#x0;|.){0,40}") {
        let tenant = tenant(&format!("x{text}x"));
        let public = PublicAddress::new(Some("https://archive.example.org".to_owned()));
        let frame = Frame { base: Base::of_site(&tenant, &public), channels: &[], now: None };
        let feed = Feed::new(&frame, Part { channel: None, tag: None }, vec![item(&text)]);
        let (names, texts) = read(&feed.atom());
        let expected = [
            "feed", "id", "title", "updated", "link", "link", "entry", "id", "title", "published", "updated", "author",
            "name", "link", "content",
        ];
        prop_assert_eq!(names, expected);
        let is_kept = |c: &char| !c.is_control() && !matches!(c, '\u{FFFE}' | '\u{FFFF}');
        let plain = |text: &str| text.chars().filter(is_kept).collect::<String>();
        let found = texts.iter().filter(|found| plain(found) == plain(&text)).count();
        prop_assert!(found >= 3, "{texts:?}");
        let is_legal = |c: char| !c.is_control() || "\t\n\r".contains(c) || c >= '\u{7f}';
        let is_clean = texts.iter().flat_map(|text| text.chars()).all(is_legal);
        prop_assert!(is_clean, "{texts:?}");
        let json: serde_json::Value = serde_json::from_str(&feed.json().to_string()).unwrap();
        prop_assert_eq!(&json["items"][0]["content_text"], &text);
        prop_assert_eq!(&json["items"][0]["authors"][0]["name"], &text);
    }
}

#[test]
fn the_id_of_a_feed_is_a_tag_of_the_host_and_the_day_of_the_community() {
    let tenant = tenant("Otters");
    for (public_url, host) in [("https://Archive.example.org:8443", "archive.example.org"), ("http://a/b", "a")] {
        let public = PublicAddress::new(Some(public_url.to_owned()));
        let frame = Frame { base: Base::of_site(&tenant, &public), channels: &[], now: None };
        let feed = Feed::new(&frame, Part { channel: None, tag: None }, Vec::new());
        assert_eq!(feed.id, format!("tag:{host},2023-11-14:{}", tenant.id));
        assert_eq!(feed.updated, tenant.created_at);
    }
}
