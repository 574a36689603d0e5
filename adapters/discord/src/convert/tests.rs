use domain::channel::ChannelId;
use domain::message::{Emoji, Message, MessageId, MessageKind, Origin, Reference};
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Converter;
use crate::payload::Fields;
use crate::scrub::Scrub;

const USER: &str = "184405311681986560";
const BOT: &str = "184405311681986777";

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("7").unwrap());
    Pseudonymizer::new(&PseudonymKey::new([7; 32]), tenant)
}

fn converted(wire: Value) -> Result<Message, Fields> {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("7").unwrap());
    let people = people();
    let converter = Converter {
        channel: ChannelId::of(tenant, Id::new(5).unwrap()),
        observed_at: Timestamp::from_millis(1_795_132_800_000).unwrap(),
        origin: Origin::Page,
        scrub: Scrub { people: &people },
    };
    converter.message(Fields::of(wire).unwrap())
}

fn message(wire: Value) -> Message {
    converted(wire).unwrap()
}

/// A message as Discord sends it, with `more` fields over the usual ones.
fn with(more: Value) -> Message {
    let mut wire = json!({
        "id": "1234567890123456789", "channel_id": "5", "type": 0, "content": "hello",
        "author": {"id": USER, "username": "rosafinch", "global_name": "Some Body", "discriminator": "0", "avatar": "a1"},
        "timestamp": "2026-03-01T12:00:00.123456+00:00", "edited_timestamp": null, "tts": false, "pinned": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "components": [], "flags": 0,
    });
    let Value::Object(more) = more else { panic!("fields") };
    wire.as_object_mut().unwrap().extend(more);
    message(wire)
}

fn extra(message: &Message) -> Value {
    message.extra.as_ref().map_or(Value::Null, domain::json::Json::to_value)
}

#[test]
fn a_plain_message_has_nothing_beyond_its_fields() {
    let plain = with(json!({}));
    assert_eq!(plain.id, "1234567890123456789".parse().unwrap());
    assert_eq!((plain.kind, plain.content.as_str()), (MessageKind::DEFAULT, "hello"));
    assert_eq!(plain.author.pseudonym, people().person(USER));
    assert!(!plain.author.bot && !plain.author.webhook);
    assert_eq!((plain.version.edited_at, plain.version.origin), (None, Origin::Page));
    assert_eq!((plain.extra.clone(), plain.embeds.clone(), plain.components.clone()), (None, None, None));
}

#[test]
fn nothing_of_a_person_is_left_anywhere() {
    let user = json!({"id": USER, "username": "rosafinch", "global_name": "Some Body", "avatar": "a1", "flags": 0});
    let hostile = with(json!({
        "content": format!("<@{USER}> <@!{USER}> hi"),
        "mentions": [user, user],
        "member": {"nick": "Some Body", "roles": []},
        "interaction_metadata": {"id": "9", "type": 2, "user": user, "authorizing_integration_owners": {"1": USER}},
        "interaction": {"id": "9", "type": 2, "name": "ask", "user": user, "member": {"nick": "Some Body", "avatar": null}},
        "referenced_message": {"id": "8", "content": "rosafinch", "author": user},
        "attachments": [{"id": "3", "filename": "a.png", "clip_participants": [user], "size": 1}],
        "message_snapshots": [{"message": {"content": format!("<@{USER}>"), "mentions": [user]}}],
        "thread": {"id": "1234567890123456789", "owner_id": USER, "name": "a thread"},
        "tomorrow": {"user": user, "user_id": USER, "other": [{"author": user}]},
    }));
    let text = format!("{hostile:?}");
    for trace in [USER, "rosafinch", "Some Body", "a1\""] {
        assert!(!text.contains(trace), "{trace}: {text}");
    }
    assert_eq!(hostile.mentions.len(), 1);
    assert_eq!(hostile.content, format!("<@{0}> <@{0}> hi", people().person(USER)));
}

#[test]
fn unknown_message_type_300_component_99_and_flags_are_kept_whole() {
    let component = json!({"type": 99, "id": 7, "content": "of tomorrow", "none": null});
    let odd = with(json!({
        "type": 300, "flags": 1_u64 << 40, "components": [component], "field_of_tomorrow": {"value": 7, "none": null},
    }));
    assert_eq!((odd.kind, odd.flags), (MessageKind(300), 1 << 40));
    assert_eq!(odd.components.as_ref().unwrap().to_value(), json!([component]));
    assert_eq!(extra(&odd), json!({"field_of_tomorrow": {"value": 7, "none": null}}));
}

#[test]
fn reply_null_vs_absent_differ() {
    let to = json!({"type": 0, "message_id": "8", "channel_id": "5", "guild_id": "4"});
    let gone = with(json!({"type": 19, "message_reference": to, "referenced_message": null}));
    assert_eq!(extra(&gone), json!({"referenced_message": null}));
    let unknown = with(json!({"type": 19, "message_reference": to}));
    assert_eq!(unknown.extra, None);
    let there = with(json!({"type": 19, "message_reference": to, "referenced_message": {"id": "8"}}));
    assert_eq!(there.extra, None, "it stands in its own place");
    let reference = Reference { kind: 0, message_id: Id::new(8), channel_id: Id::new(5), guild_id: Id::new(4) };
    assert_eq!(there.reference, Some(reference));
}

#[test]
fn a_broken_message_loses_nothing_but_what_it_does_not_have() {
    let broken = message(json!({
        "id": 1_234_567_890_123_456_789_u64, "type": "later", "content": {"a": 1}, "embeds": "text", "flags": -1,
        "mentions": 7, "attachments": [5, {"filename": 3, "size": -2, "width": null}], "reactions": [1, {"count": 2}],
        "edited_timestamp": "yesterday", "poll": [], "message_reference": "x",
    }));
    assert_eq!(broken.id.get(), 1_234_567_890_123_456_789);
    assert_eq!((broken.kind, broken.content.as_str(), broken.flags), (MessageKind::UNNUMBERED, "", 0));
    assert_eq!(broken.author.pseudonym, people().person(""));
    let file = &broken.attachments[0];
    assert_eq!((file.filename.as_str(), file.size_bytes, file.width), ("file", 0, None));
    assert_eq!(
        extra(&broken),
        json!({
            "type": "later", "content": {"a": 1}, "embeds": "text", "flags": -1, "mentions": 7, "attachments": [5],
            "reactions": [1, {"count": 2}], "edited_timestamp": "yesterday", "poll": [], "message_reference": "x",
        })
    );
    for id in [json!(null), json!("0"), json!("x"), json!(-5), json!({})] {
        assert!(converted(json!({"id": id, "content": "a"})).is_err());
    }
}

#[test]
fn webhooks_and_answers_to_commands_are_told_apart() {
    let author = json!({"id": BOT, "username": "Relay", "bot": true, "discriminator": "0000"});
    let webhook = with(json!({"author": author, "webhook_id": BOT}));
    assert!(webhook.author.webhook && webhook.author.bot);
    assert_eq!(webhook.extra, None);
    let command = with(json!({"author": author, "webhook_id": BOT, "application_id": BOT, "type": 20}));
    assert!(!command.author.webhook && command.author.bot);
    assert_eq!(extra(&command), json!({"application_id": people().person(BOT).to_string()}));
    let later = with(json!({"author": author, "webhook_id": BOT, "type": 19, "interaction_metadata": {"id": "1"}}));
    assert!(!later.author.webhook);
    let foreign = with(json!({"author": author, "webhook_id": "99"}));
    assert_eq!(extra(&foreign), json!({"webhook_id": people().person("99").to_string()}));
}

#[test]
fn each_name_of_a_webhook_is_an_author_of_its_own() {
    let said = |name: &str| {
        let author = json!({"id": BOT, "username": name, "bot": true, "discriminator": "0000", "avatar": "a1"});
        with(json!({"author": author, "webhook_id": BOT})).author
    };
    let [knight, dragon, again] = ["Ser Aldwin", "Old Ember", "Ser Aldwin"].map(said);
    assert_eq!(knight, again);
    assert_ne!(knight.pseudonym, dragon.pseudonym);
    assert_eq!(knight.pseudonym, people().webhook(BOT, "Ser Aldwin"));
    assert!(knight.webhook && knight.bot);
}

#[test]
fn a_file_that_a_program_named_after_a_person_is_named_after_the_pseudonym() {
    let url =
        |name: &str| format!("https://cdn.discordapp.com/attachments/100000000000000005/100000000000000003/{name}");
    let named = with(json!({"attachments": [
        {"id": "3", "filename": format!("rank-{USER}.png"), "size": 1, "url": url(&format!("rank-{USER}.png?ex=1&is=2&hm=3"))},
        {"id": "4", "filename": format!("{USER}.png"), "size": 1, "url": url(&format!("{USER}.png")), "title": format!("rank-{USER}")},
    ]}));
    let person = people().person(USER);
    assert_eq!(named.attachments[0].filename, format!("rank-{person}.png"));
    assert_eq!(named.attachments[0].url, Some(url(&format!("rank-{person}.png"))));
    assert_eq!(named.attachments[1].url, Some(url(&format!("{person}.png"))));
    assert!(!format!("{named:?}").contains(USER));
}

#[test]
fn the_name_of_a_person_whom_a_bots_embed_shows_is_a_generated_one() {
    let avatar = format!("https://cdn.discordapp.com/avatars/{USER}/5afe0bad5afe0bad5afe0bad5afe0bad.png");
    let welcome = with(json!({
        "author": {"id": BOT, "username": "Greeter", "bot": true}, "content": format!("<@{USER}> is {USER}"),
        "mentions": [{"id": USER, "username": "rosafinch", "global_name": "Some Body", "avatar": "a1"}],
        "embeds": [{"author": {"name": "realname", "icon_url": avatar}, "title": "Welcome, Some Body!",
            "description": "rosafinch is here", "footer": {"text": format!("ID: {USER}")}}],
    }));
    let person = people().person(USER);
    assert_eq!(welcome.content, format!("<@{person}> is {person}"));
    assert_eq!(
        welcome.embeds.unwrap().to_value(),
        json!([{"author": {"name": person.name().to_string()}, "title": format!("Welcome, {}!", person.name()),
            "description": format!("{} is here", person.name()), "footer": {"text": format!("ID: {person}")}}])
    );
}

#[test]
fn reactions_have_one_key_each_and_bursts_stay_in_the_extra_fields() {
    let reacted = with(json!({"reactions": [
        {"emoji": {"id": null, "name": "👍"}, "count": 3, "count_details": {"normal": 3, "burst": 0}, "me": true,
         "me_burst": false, "burst_me": false, "burst_colors": []},
        {"emoji": {"id": "77", "name": null}, "count": 5, "count_details": {"normal": 3, "burst": 2},
         "burst_colors": ["#ff8800"]},
        {"emoji": {"id": "77", "name": "old"}, "count": 1},
        {"emoji": {"id": "78", "name": "new", "animated": true}, "count": -1},
    ]}));
    let shown: Vec<_> = reacted.reactions.iter().map(|one| (one.emoji.key(), one.count)).collect();
    assert_eq!(shown, [("👍".to_owned(), 3), ("77".to_owned(), 5), ("78".to_owned(), 0)]);
    assert_eq!(reacted.reactions[2].emoji, Emoji { id: Id::new(78), name: Some("new".to_owned()), animated: true });
    assert_eq!(
        extra(&reacted),
        json!({"reactions": [
            {"key": "77", "count_details": {"normal": 3, "burst": 2}, "burst_colors": ["#ff8800"]},
            {"key": "78", "count": -1},
        ]})
    );
}

#[test]
fn files_keep_what_they_say_but_for_the_signature_of_their_address() {
    let url = "https://cdn.discordapp.com/attachments/5/3/SPOILER_a.png";
    let sent = with(json!({"attachments": [
        {"id": "3", "filename": "SPOILER_a.png", "size": 12, "content_type": "image/png", "width": 3, "height": 4,
         "url": format!("{url}?ex=1&is=2&hm=3&"), "proxy_url": "https://media.example/x", "description": "an otter",
         "placeholder": "xyz", "flags": 4},
        {"id": "3", "filename": "b.png", "size": 1, "flags": 8, "url": "javascript:alert(1)"},
    ]}));
    let [first, second] = &sent.attachments[..] else { panic!("two files") };
    assert_eq!((first.url.as_deref(), first.spoiler, first.size_bytes), (Some(url), true, 12));
    assert_eq!((first.width, first.height, first.description.as_deref()), (Some(3), Some(4), Some("an otter")));
    assert_eq!(first.extra.as_ref().unwrap().to_value(), json!({"placeholder": "xyz", "flags": 4}));
    assert_ne!(first.id, second.id, "an id that comes twice is made up");
    assert_eq!((second.spoiler, &second.url), (true, &None));
}

#[test]
fn stickers_forwards_and_polls_have_the_form_that_pages_show() {
    let shown = with(json!({
        "sticker_items": [{"id": "4", "name": "wave", "format_type": 3}, {"id": "5", "name": "x", "format_type": 9}],
        "message_reference": {"type": 1, "message_id": "8", "channel_id": "5"},
        "message_snapshots": [{"message": {"content": "far away", "attachments":
            [{"url": "https://cdn.example/a?ex=1&is=2&hm=3"}]}}],
        "poll": {"question": {"text": "?"}, "results": {"answer_counts": [{"id": 1, "count": 2, "me_voted": true}]}},
    }));
    assert_eq!(
        shown.stickers.unwrap().to_value(),
        json!([{"id": "4", "name": "wave", "format": "lottie"}, {"id": "5", "name": "x", "format": "9"}])
    );
    assert_eq!(
        shown.snapshots.unwrap().to_value(),
        json!([{"message": {"content": "far away", "attachments": [{"url": "https://cdn.example/a"}]}}])
    );
    let results = json!({"answer_counts": [{"id": 1, "count": 2}]});
    assert_eq!(shown.poll.unwrap().to_value(), json!({"question": {"text": "?"}, "results": results}));
    assert_eq!(shown.reference.unwrap().kind, Reference::FORWARD);
}

#[test]
fn looking_twice_gives_the_same_digest() {
    let look = |signature: &str, nonce: Value| {
        with(json!({
            "attachments": [{"id": "3", "filename": "a", "url": format!("https://cdn.example/a?{signature}")}],
            "embeds": [{"type": "image", "thumbnail": {"url": format!("https://cdn.example/b?{signature}")}}],
            "nonce": nonce, "thread": {"message_count": signature.len()},
        }))
        .digest()
    };
    assert_eq!(look("ex=1&is=2&hm=3&", json!("55")), look("ex=66&is=77&hm=88&", json!(null)));
}

#[test]
fn text_of_any_script_comes_through_byte_by_byte() {
    let text = "\u{0}\u{202e}שלום 👩‍👩‍👧‍👦 e\u{301} \u{fffd} \\ \" 漢字 https://example.org/a?ex=1&is=2&hm=3";
    assert_eq!(with(json!({"content": text})).content, text);
    let long = "🦦".repeat(4000);
    assert_eq!(with(json!({"content": long})).content, long);
    assert_eq!(MessageId::MAX.get(), i64::MAX.cast_unsigned());
}

/// Any JSON, with Discord's own keys among its keys, and a person wherever one is valid.
fn anything() -> impl Strategy<Value = Value> {
    let person = json!({"id": USER, "username": "rosafinch", "global_name": "Some Body", "avatar": "a1b2c3d4"});
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z<@!>/?&=]{0,8}".prop_map(Value::from),
        Just(person),
        Just(json!({"user_id": USER})),
        Just(json!({"application": {"id": USER, "name": "rosafinch"}})),
        Just(Value::from(format!("<@{USER}>"))),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key =
            prop_oneof!["[a-z_]{1,6}", Just("users".to_owned()), Just("emoji".to_owned()), Just("type".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Fields that can contain people.
const OPEN: [&str; 16] = [
    "type",
    "content",
    "author",
    "edited_timestamp",
    "mentions",
    "mention_roles",
    "embeds",
    "components",
    "message_snapshots",
    "poll",
    "pinned",
    "flags",
    "webhook_id",
    "referenced_message",
    "interaction_metadata",
    "tomorrow",
];

/// Fields of objects, whose ids are not those of people.
const TYPED: [&str; 4] = ["attachments", "reactions", "sticker_items", "message_reference"];

fn wire(values: std::collections::HashMap<&str, Value>) -> Value {
    let mut wire = json!({"id": "1234567890123456789"});
    for (key, value) in values {
        wire[key] = value;
    }
    wire
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any fields of a message are converted, deterministically, and without a person's name in the result.
    #[test]
    fn any_fields_make_a_message_without_a_name(
        values in prop::collection::hash_map(prop::sample::select(&OPEN[..]), anything(), 0..12),
    ) {
        let wire = wire(values);
        let made = message(wire.clone());
        let text = format!("{made:?}");
        for trace in [USER, "rosafinch", "Some Body", "a1b2c3d4"] {
            prop_assert!(!text.contains(trace), "{}: {} of {}", trace, text, wire);
        }
        prop_assert_eq!(made.digest(), message(wire).digest());
    }

    #[test]
    fn any_things_make_a_message(
        values in prop::collection::hash_map(prop::sample::select(&TYPED[..]), anything(), 0..4),
    ) {
        let wire = wire(values);
        prop_assert_eq!(message(wire.clone()), message(wire));
    }
}
