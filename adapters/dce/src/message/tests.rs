use std::borrow::Cow;

use domain::channel::ChannelId;
use domain::message::{Message, MessageKind};
use domain::pseudonym::{Identity, KnownPeople, PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use super::{Beside, Converted, Converter};

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    Pseudonymizer::new(&PseudonymKey::new([1; 32]), tenant)
}

fn message(fields: &Value) -> Message {
    message_among(&KnownPeople::default(), fields)
}

/// `fields` as a message of files whose people are `known`.
fn message_among(known: &KnownPeople, fields: &Value) -> Message {
    converted(known, fields).0
}

fn converted(known: &KnownPeople, fields: &Value) -> (Message, Beside) {
    let mut message = json!({
        "id": "1543572365714264084", "type": "Default", "timestamp": "2026-08-30T13:45:30.174+03:00", "content": "hi",
        "author": {"id": "80351110224678912", "name": "quill", "nickname": "Quill", "isBot": false, "roles": []},
    });
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new("1").unwrap());
    let channel = ChannelId::of(tenant, "2".parse().unwrap());
    let (people, observed_at) = (people(), Timestamp::from_millis(1).unwrap());
    let converter = Converter { channel, observed_at, people: &people, known };
    match converter.convert(message.to_string().as_bytes()).unwrap().0 {
        Converted::Message(message, beside) => (*message, beside),
        Converted::Large(unreadable) => panic!("{unreadable:?}"),
    }
}

#[test]
fn no_name_or_id_of_a_person_is_left() {
    let person = json!({"id": "80351110224678912", "name": "quill", "nickname": "Quill", "avatarUrl": "a", "roles": [{"name": "quill"}]});
    let message = message(&json!({
        "content": "@Quill <@80351110224678912>", "mentions": [person],
        "reactions": [{"emoji": {"id": "", "name": "x"}, "count": 1, "users": [person]}],
        "interaction": {"id": "5", "name": "roll", "user": person}, "unknown": [{"deep": person}],
    }));
    let held = format!("{message:?}").to_lowercase();
    assert!(!held.contains("quill") && !held.contains("80351110224678912"), "{held}");
    let pseudonym = people().person("80351110224678912");
    assert_eq!(message.content, format!("<@{pseudonym}> <@{pseudonym}>"));
    assert_eq!(message.reactions[0].people, [pseudonym]);
}

#[test]
fn an_embed_of_a_known_person_has_no_name() {
    let id = "733300000000000044";
    let mut known = KnownPeople::default();
    known.add(&Identity::Id(Cow::Borrowed(id)), ["quillzqx", "Quillzqx"]);
    let icon = format!("https://cdn.discordapp.com/avatars/{id}/feedfacefeedfacefeedfacefeedface.png");
    for embed in [
        json!({"author": {"name": "Quillzqx", "url": null, "iconUrl": icon}, "description": "**Sent by Quillzqx**"}),
        json!({"author": {"name": "Quillzqx", "iconUrl": icon}, "fields": [{"name": "User", "value": "Quillzqx", "isInline": true}]}),
        json!({"author": {"name": "Quillzqx", "url": format!("https://discord.com/users/{id}")}, "title": "Quillzqx left"}),
        json!({"author": {"name": "Quillzqx"}, "description": "Quillzqx left", "thumbnail": {"url": icon}}),
        json!({"footer": {"text": "Quillzqx", "iconUrl": icon}, "description": "Quillzqx left"}),
    ] {
        for fields in [json!({"embeds": [embed]}), json!({"forwardedMessage": {"content": "", "embeds": [embed]}})] {
            let made = format!("{:?}", message_among(&known, &fields));
            assert!(!made.contains("Quillzqx") && !made.contains(id), "{made} of {fields}");
        }
    }
}

#[test]
fn an_embed_with_a_saved_avatar_has_no_name() {
    let saved = "general.json_Files\\feedfacefeedfacefeedfacefeedface-1A2B3.png";
    for embed in [
        json!({"author": {"name": "Quillzqx", "iconUrl": saved, "iconCanonicalUrl": null}, "description": "Quillzqx left"}),
        json!({"footer": {"text": "Quillzqx", "iconUrl": saved}, "description": "Quillzqx left"}),
        json!({"author": {"name": "Quillzqx"}, "thumbnail": {"url": saved}, "description": "Quillzqx left"}),
    ] {
        let made = message(&json!({"embeds": [embed]})).embeds.unwrap();
        assert!(
            !made.as_str().contains("Quillzqx") && !made.as_str().contains("feedface"),
            "{} of {embed}",
            made.as_str()
        );
    }
}

#[test]
fn a_known_name_is_replaced_in_an_embed_that_shows_it_as_a_name() {
    let (id, ally) = ("733300000000000044", "733300000000000045");
    let mut known = KnownPeople::default();
    known.add(&Identity::Id(Cow::Borrowed(id)), ["quillzqx"]);
    known.add(&Identity::Id(Cow::Borrowed(ally)), ["allyzqx"]);
    let embed = json!({"description": format!("User ID: {id} | quillzqx\n**allyzqx** ({ally}) was banned\nallyzqx is a word here"),
        "fields": [{"name": "User", "value": format!("@quillzqx\nID: {id} • quillzqx")}, {"name": "Moderator", "value": "**quillzqx**"},
            {"name": "Log", "value": "quillzqx#1234 left, Member: allyzqx, allyzqx#77 and repo#1234"}]});
    let made = message_among(&known, &json!({"embeds": [embed]})).embeds.unwrap();
    let made: Value = serde_json::from_str(made.as_str()).unwrap();
    let (person, other) = (people().person(id), people().person(ally));
    let description = format!(
        "User ID: {person} | {}\n**{}** ({other}) was banned\nallyzqx is a word here",
        person.name(),
        other.name()
    );
    assert_eq!(made[0]["description"], description);
    let log = format!("{} left, Member: {}, allyzqx#77 and repo#1234", person.name(), other.name());
    let values = [format!("<@{person}>\nID: {person} • {}", person.name()), format!("**{}**", person.name()), log];
    assert_eq!([0, 1, 2].map(|field| made[0]["fields"][field]["value"].as_str().unwrap().to_owned()), values);
}

#[test]
fn what_the_exporter_says_in_a_system_message_is_dropped() {
    assert_eq!(message(&json!({"type": "GuildMemberJoin", "content": "Joined the server."})).content, "");
    assert_eq!(
        message(&json!({"type": "ChannelNameChange", "content": "Changed the channel name: new"})).content,
        "new"
    );
    assert_eq!(message(&json!({"type": "8", "content": "3"})).content, "3");
}

#[test]
fn every_spelling_of_a_type_gives_one_number() {
    for (name, number) in [("PollResult", 46), ("46", 46), ("Reply", 19), ("99", 99), ("SomethingNew", -1)] {
        assert_eq!(message(&json!({"type": name})).kind, MessageKind(number), "{name}");
    }
    let unknown = message(&json!({"type": "SomethingNew", "newKey": {"a": 1}}));
    assert_eq!(unknown.extra.unwrap().as_str(), r#"{"newKey":{"a":1},"type":"SomethingNew"}"#);
}

#[test]
fn embeds_take_discords_form() {
    let embed = json!({"title": "t", "url": null, "color": "#58B9FF", "description": "", "images": [],
        "author": {"name": "n", "iconUrl": "i"}, "fields": [{"name": "a", "value": "b", "isInline": true}]});
    let embeds = message(&json!({"embeds": [embed]})).embeds.unwrap();
    let form = r#"[{"author":{"icon_url":"i","name":"n"},"color":5814783,"fields":[{"inline":true,"name":"a","value":"b"}],"title":"t"}]"#;
    assert_eq!(embeds.as_str(), form);
}

#[test]
fn a_file_beside_the_export_is_kept_by_its_path_and_no_other() {
    for (url, kept) in [
        ("a_Files\\x-1.png", Some("a_Files/x-1.png")),
        ("../../etc/passwd", None),
        ("/etc/passwd", None),
        ("C:\\x.png", None),
        ("https://example.org/x.png", None),
    ] {
        let file = json!({"id": "5", "url": url, "fileName": "SPOILER_x.png", "fileSizeBytes": 7});
        let message = message(&json!({"attachments": [file]}));
        let file = &message.attachments[0];
        assert_eq!(
            (file.local_path.as_deref(), file.spoiler, file.content_type.as_deref()),
            (kept, true, Some("image/png"))
        );
    }
}

#[test]
fn what_is_no_object_is_kept_beside_the_embeds() {
    let message = message(&json!({"embeds": [5, "80351110224678912", {"title": "t"}], "stickers": ["x"]}));
    let embeds = message.embeds.unwrap().to_value();
    assert_eq!((embeds.as_array().unwrap().len(), &embeds[0]["title"]), (1, &json!("t")));
    assert_eq!(message.stickers, None);
    let extra = message.extra.unwrap().to_value();
    assert_eq!(extra["embeds"][0], 5);
    assert_eq!(extra["stickers"], json!(["x"]));
}

#[test]
fn emoji_and_stickers_beside_the_export_are_found_by_their_paths() {
    let emoji =
        |id: &str, url: &str| json!({"id": id, "name": "wool", "code": "wool", "isAnimated": false, "imageUrl": url});
    let sticker = |id: &str, url: &str| json!({"id": id, "name": "Knit", "format": "Png", "sourceUrl": url});
    let (_, beside) = converted(
        &KnownPeople::default(),
        &json!({
            "content": ":wool:", "inlineEmojis": [emoji("5", "x.json_Files\\wool-1B2C3.png"), emoji("6", "https://cdn.example/6.png")],
            "embeds": [{"description": ":wool:", "inlineEmojis": [emoji("7", "x.json_Files/7.png"), emoji("8", "../secret.png")]}],
            "reactions": [{"emoji": emoji("9", "x.json_Files/9.gif"), "count": 1}, {"emoji": emoji("", "x.json_Files/1f44d.svg"), "count": 1}],
            "stickers": [sticker("10", "x.json_Files/10.png"), sticker("11", "/etc/passwd"), sticker("no", "x.json_Files/no.png")],
            "forwardedMessage": {"content": "", "stickers": [sticker("12", "x.json_Files/12.json")]},
        }),
    );
    let found: std::collections::BTreeMap<String, String> =
        beside.pictures.into_iter().map(|(key, path)| (key.to_string(), path)).collect();
    let expected = [
        ("emoji/5", "wool-1B2C3.png"),
        ("emoji/7", "7.png"),
        ("emoji/9", "9.gif"),
        ("sticker/10", "10.png"),
        ("sticker/12", "12.json"),
    ];
    let expected = expected.map(|(key, name)| (key.to_owned(), format!("x.json_Files/{name}")));
    assert_eq!(found, expected.into_iter().collect());
}
