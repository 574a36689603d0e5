use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::channel::ChannelId;
use crate::json::Json;
use crate::message::{Author, Origin, Reaction, Version};
use crate::timestamp::Timestamp;

const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(1));

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn author() -> Author {
    Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false }
}

fn stored() -> Message {
    let version = Version { edited_at: Some(at(20)), observed_at: at(30), origin: Origin::Page };
    Message {
        embeds: Some(Json::new(&json!([{"title": "a"}]))),
        reactions: vec![Reaction {
            emoji: Emoji { id: None, name: Some("🦀".to_owned()), animated: false },
            count: 3,
            people: Vec::new(),
        }],
        poll: Some(Json::new(&json!({"question": "?", "results": {"is_finalized": true}}))),
        extra: Some(Json::new(&json!({"application_id": "1", "position": 4}))),
        ..Message::new(CHANNEL, id(5), author(), "text".to_owned(), version)
    }
}

#[test]
fn a_partial_update_changes_only_the_fields_that_it_carries() {
    let patch = MessagePatch {
        embeds: Some(None),
        extra: [("position".to_owned(), None), ("new".to_owned(), Some(Json::new(&json!([1]))))].into(),
        ..MessagePatch::new(CHANNEL, id(5), at(40))
    };
    let changed = Message {
        embeds: None,
        extra: Some(Json::new(&json!({"application_id": "1", "new": [1]}))),
        version: Version { edited_at: Some(at(20)), observed_at: at(40), origin: Origin::Event },
        ..stored()
    };
    assert_eq!(patch.apply(&stored()), changed);
    assert_eq!(patch.into_message(), None, "it is not whole");
}

#[test]
fn a_whole_update_keeps_reactions_and_results_and_drops_other_extra_fields() {
    let patch = MessagePatch {
        is_whole: true,
        author: Some(author()),
        content: Some("new".to_owned()),
        edited_at: Some(None),
        poll: Some(Some(Json::new(&json!({"question": "!"})))),
        ..MessagePatch::new(CHANNEL, id(5), at(40))
    };
    let changed = patch.apply(&stored());
    assert_eq!((changed.content.as_str(), changed.extra, changed.reactions), ("new", None, stored().reactions));
    assert_eq!(changed.version.edited_at, None);
    let poll = json!({"question": "!", "results": {"is_finalized": true}});
    assert_eq!(changed.poll, Some(Json::new(&poll)));
    let made = patch.into_message().unwrap();
    let version = Version { edited_at: None, observed_at: at(40), origin: Origin::Event };
    let expected = Message {
        poll: Some(Json::new(&json!({"question": "!"}))),
        ..Message::new(CHANNEL, id(5), author(), "new".to_owned(), version)
    };
    assert_eq!(made, expected);
}

#[test]
fn the_name_of_an_event_is_short_and_plain() {
    assert_eq!(event_name("MESSAGE_CREATE"), "MESSAGE_CREATE");
    assert_eq!(event_name("A\n\"B"), "AB");
    assert_eq!(event_name(""), "UNNAMED");
    assert_eq!(event_name(&"X".repeat(50)), "X".repeat(40));
}
