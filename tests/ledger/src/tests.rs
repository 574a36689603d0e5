use domain::message::{Author, Message, MessageId, Origin, Version};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{held, of_shown, path, shown};

fn people() -> Pseudonymizer {
    Pseudonymizer::new(&PseudonymKey::new([9; 32]), TenantId(Uuid::from_u128(1)))
}

fn said(content: &str) -> Value {
    json!({"id": "1100000000000000001", "type": 0, "content": content, "author": {"id": "42", "username": "rosafinch"},
           "edited_timestamp": null, "pinned": false, "flags": 0, "mention_everyone": false})
}

#[test]
fn a_plain_message_has_one_line_from_both_sides() {
    let author = Author { pseudonym: people().person("42"), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: Timestamp::from_millis(1).unwrap(), origin: Origin::Page };
    let channel = domain::channel::ChannelId(Uuid::from_u128(2));
    let id = MessageId::new(1_100_000_000_000_000_001).unwrap();
    let content = format!("hi <@{}> <@&7> <@x>", people().person("43"));
    let held = held::line(&Message::new(channel, id, author, content, version));
    assert_eq!(held, shown::line(&said("hi <@!43> <@&7> <@x>"), &people()));
}

#[test]
fn every_difference_in_what_is_shown_is_one_of_the_sum() {
    let of = |message: &Value| of_shown([message], &people());
    let base = said("hi");
    let before = of(&base);
    assert_eq!((before.messages, before.sha256.len()), (1, 64));
    for (field, value) in [
        ("content", json!("ho")),
        ("type", json!(19)),
        ("author", json!({"id": "43"})),
        ("edited_timestamp", json!("2026-01-01T00:00:00.5+00:00")),
        ("pinned", json!(true)),
        ("flags", json!(1)),
        ("mentions", json!([{"id": "44"}])),
        ("attachments", json!([{"id": "5", "filename": "a"}])),
        ("reactions", json!([{"emoji": {"id": null, "name": "x"}, "count": 1}])),
        ("embeds", json!([{"type": "rich"}])),
        ("poll", json!({"question": {"text": "?"}})),
        ("position", json!(3)),
        ("message_reference", json!({"type": 0, "message_id": "7"})),
    ] {
        let mut other = base.clone();
        other[field] = value;
        assert_ne!(of(&other), before, "{field}");
    }
    assert_ne!(of_shown([&base, &base], &people()), before);
}

#[test]
fn an_address_is_its_path() {
    assert_eq!(path("http://127.0.0.1:7/attachments/1/2/a.png?ex=1&is=2&hm=3"), "/attachments/1/2/a.png");
    assert_eq!(path("https://example.org/a"), "https://example.org/a");
}
