use std::collections::{HashMap, HashSet};

use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::json::Json;
use domain::message::{Author, Message, MessageId, MessageKind, Origin, Reference, Version};
use domain::pseudonym::Pseudonym;
use domain::snowflake::Id;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{Scene, sentence};
use crate::html::Links;
use crate::html::markup::Names;

/// Every documented type of a system message.
const DOCUMENTED: [i32; 34] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 21, 22, 24, 25, 26, 27, 28, 29, 31, 32, 36, 37, 38, 39,
    44, 46, 55,
];

fn person(byte: u8) -> Author {
    Author { pseudonym: Pseudonym::new([byte; 16]), bot: false, webhook: false }
}

fn message(kind: i32, content: &str) -> Message {
    let version = Version { edited_at: None, observed_at: Timestamp::from_millis(0).unwrap(), origin: Origin::Page };
    let id = MessageId::new(1_235_168_840_908_800_000).unwrap();
    let message = Message::new(ChannelId(Uuid::nil()), id, person(1), content.to_owned(), version);
    Message { kind: MessageKind(kind), ..message }
}

fn links() -> Links {
    let seen = message(0, "we **talk** here");
    let thread =
        Channel::new(TenantId(Uuid::nil()), Id::new(70).unwrap(), ChannelKind::PUBLIC_THREAD, "Lamp <repair>".into());
    Links {
        messages: HashMap::from([(MessageId::new(5).unwrap(), Some(seen)), (MessageId::new(6).unwrap(), None)]),
        names: Names {
            channels: HashMap::from([(thread.platform_id, (thread, "/abc/lamp-repair".to_owned()))]),
            ..Names::default()
        },
        ..Links::default()
    }
}

fn html(message: &Message, is_thread: bool) -> String {
    sentence(message, &Scene { community: "Lantern", path: "/abc/general", is_thread, links: &links() }).into_string()
}

/// The sentence without its elements.
fn said(message: &Message) -> String {
    let page = html(message, true);
    let parts = page.split('<').filter_map(|part| part.split_once('>').map(|(_, text)| text));
    parts.collect::<String>()
}

fn about(kind: i32, message_id: Option<u64>, channel_id: Option<u64>) -> Message {
    let reference = Reference {
        kind: 0,
        message_id: message_id.and_then(Id::new),
        channel_id: channel_id.and_then(Id::new),
        guild_id: None,
    };
    Message { reference: Some(reference), ..message(kind, "") }
}

#[test]
fn every_type_that_discord_documents_has_a_sentence_of_its_own() {
    let sentences: HashSet<String> = DOCUMENTED.into_iter().map(|kind| said(&message(kind, ""))).collect();
    assert_eq!(sentences.len(), DOCUMENTED.len(), "{sentences:?}");
    assert!(sentences.iter().all(|sentence| !sentence.contains("Message of type")), "{sentences:?}");
    assert_eq!(said(&message(300, "of tomorrow")), "Message of type 300of tomorrow");
}

#[test]
fn people_are_named() {
    let with = |kind: i32, byte: u8| said(&Message { mentions: vec![person(byte)], ..message(kind, "") });
    let name = person(2).pseudonym.name();
    assert_eq!(with(1, 2), format!("added @{name} to the thread"));
    assert_eq!(with(2, 2), format!("removed @{name} from the thread"));
    assert_eq!(with(2, 1), "left the thread");
    assert_eq!(said(&message(1, "")), "added a member to the thread");
}

#[test]
fn a_pin_links_to_its_message_if_that_is_stored() {
    let page = html(&about(6, Some(5), None), false);
    assert!(
        page.contains("pinned <a href=\"/abc/general/5\">a message</a>") && page.contains("we talk here"),
        "{page}"
    );
    assert_eq!(said(&about(6, Some(6), None)), "pinned a message that was deleted to this thread");
    assert_eq!(said(&about(6, Some(7), None)), "pinned a message that is not stored to this thread");
    assert!(!html(&about(6, Some(7), None), false).contains("<a "));
}

#[test]
fn boosts_say_how_many_and_which_level() {
    assert_eq!(said(&message(8, "")), "boosted the community");
    assert_eq!(said(&message(8, "1")), "boosted the community");
    assert_eq!(said(&message(8, "3")), "boosted the community 3 times");
    assert_eq!(said(&message(9, "")), "boosted the community; Lantern has reached level 1");
    assert_eq!(said(&message(11, "2")), "boosted the community 2 times; Lantern has reached level 3");
}

#[test]
fn what_a_sentence_is_about_is_said() {
    assert_eq!(said(&message(4, "new <name>")), "changed the name of the thread: new &lt;name&gt;");
    assert_eq!(
        said(&message(12, "Other Works #news")),
        "followed Other Works #news; its most important updates show up here"
    );
    assert_eq!(said(&message(27, "Evening stage")), "started Evening stage");
    assert_eq!(said(&message(28, "Evening stage")), "ended Evening stage");
    assert_eq!(said(&message(31, "Wicks")), "changed the stage's topic: Wicks");
    assert_eq!(
        said(&message(36, "2026-03-01T12:00:00.000000+00:00")),
        "enabled security actions until 1 March 2026 at 12:00 UTC"
    );
    let subscribed =
        json!({"role_subscription_data": {"tier_name": "Gold", "total_months_subscribed": 3, "is_renewal": true}});
    let subscribed = Message { extra: Some(Json::new(&subscribed)), ..message(25, "") };
    assert_eq!(said(&subscribed), "renewed a subscription of Gold, for 3 months in total");
    let call = json!({"callEndedTimestamp": "2024-05-01T10:12:00+00:00"});
    assert_eq!(
        said(&Message { extra: Some(Json::new(&call)), ..message(3, "") }),
        "started a call that lasted 12 minutes"
    );
}

#[test]
fn a_started_thread_is_linked_where_it_may_be_read() {
    let page = html(&about(18, None, Some(70)), false);
    assert!(
        page.contains("started a thread: <a href=\"/abc/lamp-repair\"><bdi>Lamp &lt;repair&gt;</bdi></a>"),
        "{page}"
    );
    let hidden = Message { content: "Lamps".to_owned(), ..about(18, None, Some(71)) };
    assert!(!html(&hidden, false).contains("<a ") && said(&hidden) == "started a thread: Lamps");
}
