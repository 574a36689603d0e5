use domain::channel::ChannelId;
use domain::event::MessagePatch;
use domain::message::{Message, Origin};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::convert::Converter;
use crate::payload::Fields;
use crate::scrub::Scrub;

const AT: i64 = 1_795_132_800_000;

fn converted<T>(of: impl Fn(Converter<'_>) -> Result<T, Fields>) -> T {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("7").unwrap());
    let people = Pseudonymizer::new(&PseudonymKey::new([7; 32]), tenant);
    let converter = Converter {
        channel: ChannelId::of(tenant, Id::new(5).unwrap()),
        observed_at: Timestamp::from_millis(AT).unwrap(),
        origin: Origin::Event,
        scrub: Scrub { people: &people },
    };
    of(converter).unwrap()
}

fn fields(value: &Value) -> Fields {
    Fields::of(value.clone()).unwrap()
}

fn message(wire: &Value) -> Message {
    converted(|converter| converter.message(fields(wire)))
}

fn patch(wire: &Value) -> MessagePatch {
    converted(|converter| converter.patch(fields(wire)))
}

fn whole() -> Value {
    json!({
        "id": "1234567890123456789", "channel_id": "5", "guild_id": "7", "type": 0, "content": "hello <@184405311681986560>",
        "author": {"id": "184405311681986560", "username": "rosafinch", "global_name": null, "avatar": "a1"},
        "member": {"nick": "rosa", "roles": []}, "channel_type": 0,
        "timestamp": "2026-03-01T12:00:00.123456+00:00", "edited_timestamp": "2026-03-01T12:05:00+00:00", "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "pinned": true, "flags": 4,
        "embeds": [{"type": "rich", "title": "t"}], "components": [], "application_id": "99", "position": 3,
    })
}

#[test]
fn a_whole_update_is_the_message_that_a_page_shows() {
    let patch = patch(&whole());
    assert!(patch.is_whole);
    assert_eq!(patch.clone().into_message(), Some(message(&whole())));
    let mut older = message(&whole());
    older.content = "older".to_owned();
    older.embeds = None;
    assert_eq!(patch.apply(&older), message(&whole()));
}

#[test]
fn an_update_of_some_fields_changes_these() {
    let unfurled = json!({"id": "1234567890123456789", "channel_id": "5", "guild_id": "7", "embeds": []});
    let patch = patch(&unfurled);
    assert!(!patch.is_whole);
    let expected = Message { embeds: None, ..message(&whole()) };
    assert_eq!(patch.apply(&message(&whole())), expected);
}

#[test]
fn a_field_that_has_its_usual_value_again_is_removed() {
    let mut wire = whole();
    wire["mention_everyone"] = json!(true);
    let stored = message(&wire);
    assert_ne!(stored, message(&whole()));
    let usual = json!({"id": "1234567890123456789", "mention_everyone": false});
    assert_eq!(patch(&usual).apply(&stored), message(&whole()));
}
