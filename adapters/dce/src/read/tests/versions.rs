//! Files in the form of each release of the exporter, from the first that wrote JSON on.

use domain::channel::ChannelKind;
use domain::message::{Message, MessageId, MessageKind, Reference};
use domain::snowflake::Id;
use ports::source::{ExportEnd, ExportSummary};
use serde_json::{Value, json};

use super::{person, read_bytes};

/// The first message's id, and the time in it.
const ID: &str = "1543572365714264084";
const AT: &str = "2026-08-30T10:45:30.174Z";

pub(super) fn read(document: &Value) -> (ExportSummary, Vec<Message>) {
    let (summary, messages) = read_bytes("export.json", &serde_json::to_vec_pretty(document).unwrap()).unwrap();
    assert_eq!((&summary.end, summary.unreadable.len()), (&ExportEnd::Whole, 0));
    (summary, messages)
}

/// A message in the form of 2.18, with these fields added or replaced.
pub(super) fn message(fields: &Value) -> Value {
    let mut message = json!({
        "id": ID, "type": "Default", "timestamp": "2026-08-30T10:45:30.174+00:00", "timestampEdited": null,
        "isPinned": false, "content": "hi",
        "author": {"id": "80351110224678912", "name": "quill", "discriminator": "1234", "isBot": false, "avatarUrl": "https://cdn.discordapp.com/avatars/80351110224678912/a.png"},
        "attachments": [], "embeds": [], "reactions": [],
    });
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    message
}

/// A document in the form of 2.18, with these fields of the channel added or replaced.
pub(super) fn document(channel: &Value, messages: &[Value]) -> Value {
    let mut document = json!({
        "guild": {"id": "100", "name": "Guild", "iconUrl": "https://cdn.discordapp.com/embed/avatars/0.png"},
        "channel": {"id": "200", "type": "GuildTextChat", "name": "general", "topic": "what is up"},
        "dateRange": {"after": null, "before": null},
        "messages": messages,
        "messageCount": messages.len(),
    });
    document["channel"].as_object_mut().unwrap().extend(channel.as_object().unwrap().clone());
    document
}

pub(super) fn one(fields: &Value) -> Message {
    read(&document(&json!({}), &[message(fields)])).1.remove(0)
}

pub(super) fn extra(message: &Message) -> Value {
    message.extra.as_ref().map_or(Value::Null, domain::json::Json::to_value)
}

fn embeds(embed: &Value) -> Value {
    one(&json!({"embeds": [embed]})).embeds.unwrap().to_value()[0].clone()
}

#[test]
fn of_2_18_everything_is_read_although_half_of_it_lacks() {
    let reaction = json!({"emoji": {"id": null, "name": "👍", "isAnimated": false, "imageUrl": "https://twemoji.maxcdn.com/2/72x72/1f44d.png"}, "count": 2});
    let file = json!({"id": "5", "url": "https://cdn.discordapp.com/attachments/1/5/SPOILER_a.png", "fileName": "SPOILER_a.png", "fileSizeBytes": 7});
    let (summary, messages) =
        read(&document(&json!({}), &[message(&json!({"reactions": [reaction], "attachments": [file]}))]));
    assert_eq!(summary.exported_at.to_string(), AT, "without exportedAt it is the last message's time");
    assert_eq!((summary.channel.kind, &summary.channel.parent), (ChannelKind::TEXT, &None));
    assert_eq!((summary.channel.name.as_str(), summary.channel.topic.as_deref()), ("general", Some("what is up")));
    let message = &messages[0];
    assert_eq!((message.content.as_str(), message.kind, message.pinned), ("hi", MessageKind::DEFAULT, false));
    assert_eq!(message.author.pseudonym, person("80351110224678912"));
    assert_eq!((message.reactions[0].emoji.id, message.reactions[0].emoji.name.as_deref()), (None, Some("👍")));
    assert_eq!((message.reactions[0].count, message.reactions[0].people.len()), (2, 0));
    assert!(message.attachments[0].spoiler && message.attachments[0].url.is_some());
    assert_eq!((message.reference, &message.extra), (None, &None));
}

#[test]
fn text_of_2_18_is_escaped_to_ascii() {
    let text = serde_json::to_string(&document(&json!({}), &[message(&json!({"content": "placeholder"}))])).unwrap();
    let escaped =
        text.replace("placeholder", "\\u041F\\u0440\\u0438\\u0432\\u0435\\u0442 \\u003C3 \\uD83D\\uDC4D\\u0027");
    let (_, messages) = read_bytes("export.json", escaped.as_bytes()).unwrap();
    assert_eq!(messages[0].content, "Привет <3 👍'");
}

#[test]
fn since_2_21_files_lie_beside_the_export() {
    let beside = json!({"id": "5", "url": "x.json_Files\\a-1B2C3.png", "fileName": "a.png", "fileSizeBytes": 7});
    let failed = json!({"id": "6", "url": "https://cdn.discordapp.com/attachments/1/6/b.png", "fileName": "b.png", "fileSizeBytes": 7});
    let message = one(&json!({"attachments": [beside, failed]}));
    let places: Vec<_> =
        message.attachments.iter().map(|file| (file.local_path.as_deref(), file.url.is_some())).collect();
    assert_eq!(places, [(Some("x.json_Files/a-1B2C3.png"), false), (None, true)]);
}

#[test]
fn since_2_23_a_call_has_its_end() {
    let call = one(
        &json!({"type": "Call", "callEndedTimestamp": "2026-08-30T10:55:30+00:00", "content": "Started a call that lasted 10 minutes."}),
    );
    assert_eq!((call.kind, call.content.as_str()), (MessageKind::CALL, ""));
    assert_eq!(extra(&call)["callEndedTimestamp"], "2026-08-30T10:55:30+00:00");
    assert_eq!(one(&json!({"callEndedTimestamp": null})).extra, None);
}

#[test]
fn since_2_24_an_embed_has_a_colour() {
    assert_eq!(embeds(&json!({"title": "t", "color": "#58B9FF"}))["color"], 0x58_b9_ff);
    assert_eq!(embeds(&json!({"title": "t"})), json!({"title": "t"}));
}

#[test]
fn since_2_25_there_are_mentions_whose_discriminator_is_a_number_at_first() {
    let person = json!({"id": "80351110224678912", "name": "quill", "discriminator": 1234, "isBot": true});
    let message = one(&json!({"content": "@quill look", "mentions": [person, person]}));
    let pseudonym = super::person("80351110224678912");
    assert_eq!(message.content, format!("<@{pseudonym}> look"));
    assert_eq!(
        message.mentions.iter().map(|one| (one.pseudonym, one.bot, one.webhook)).collect::<Vec<_>>(),
        [(pseudonym, true, false)]
    );
}

#[test]
fn since_2_26_an_answer_names_what_it_answers() {
    let reply = one(&json!({"type": "Reply", "reference": {"messageId": "5", "channelId": "200", "guildId": null}}));
    let to = reply.reference.unwrap();
    assert_eq!((reply.kind, to.kind, to.message_id), (MessageKind::REPLY, 0, MessageId::new(5)));
    assert_eq!((to.channel_id.map(Id::get), to.guild_id), (Some(200), None));
    // An earlier release had no name for the type.
    assert_eq!(one(&json!({"type": "19"})).kind, MessageKind::REPLY);
}

#[test]
fn since_2_27_a_category_has_an_id_and_before_its_name_is_kept() {
    let (named, _) = read(&document(&json!({"category": "Talk"}), &[]));
    assert_eq!(named.channel.parent, None);
    assert_eq!(named.channel.extra.unwrap().as_str(), r#"{"category":"Talk"}"#);
    let (known, _) = read(&document(&json!({"categoryId": "300", "category": "Talk"}), &[]));
    let parent = known.channel.parent.unwrap();
    assert_eq!((parent.platform_id.get(), parent.name.as_str(), parent.kind), (300, "Talk", ChannelKind::CATEGORY));
    for none in [json!({"categoryId": "0", "category": "Text"}), json!({"categoryId": null, "category": null})] {
        let (without, _) = read(&document(&none, &[]));
        assert_eq!((without.channel.parent, without.channel.extra), (None, None));
    }
}

#[test]
fn since_2_30_the_id_of_a_unicode_emoji_is_empty_instead_of_null() {
    let emojis = [
        json!({"id": "", "name": "👍"}),
        json!({"id": null, "name": "🎉"}),
        json!({"id": "5", "name": "party", "isAnimated": true}),
    ];
    let reactions: Vec<Value> = emojis.iter().map(|emoji| json!({"emoji": emoji, "count": 1})).collect();
    let message = one(&json!({"reactions": reactions}));
    let read: Vec<_> = message.reactions.iter().map(|one| (one.emoji.id.map(Id::get), one.emoji.animated)).collect();
    assert_eq!(read, [(None, false), (None, false), (Some(5), true)]);
}

#[test]
fn since_2_33_there_are_stickers() {
    let sticker = |url: &str| json!({"id": "749054660769218631", "name": "Wave", "format": "Lottie", "sourceUrl": url});
    let online = one(&json!({"stickers": [sticker("https://cdn.discordapp.com/stickers/749054660769218631.json")]}));
    let form = r#"[{"format":"lottie","id":"749054660769218631","name":"Wave"}]"#;
    assert_eq!((online.stickers.unwrap().as_str(), &online.extra), (form, &None));
    let beside = one(&json!({"stickers": [sticker("x.json_Files/749054660769218631-1B2C3.json")]}));
    assert_eq!(beside.stickers.as_ref().unwrap().as_str(), form);
    assert_eq!(extra(&beside)["stickers"][0]["sourceUrl"], "x.json_Files/749054660769218631-1B2C3.json");
}

#[test]
fn since_2_35_an_embed_has_pictures() {
    let embed = embeds(
        &json!({"title": "", "images": [{"url": "https://pbs.twimg.com/1.jpg", "width": 4, "height": 3}, {"url": "https://pbs.twimg.com/2.jpg", "width": null, "height": null}]}),
    );
    let form = json!({"images": [{"height": 3, "url": "https://pbs.twimg.com/1.jpg", "width": 4}, {"url": "https://pbs.twimg.com/2.jpg"}]});
    assert_eq!(embed, form);
}

#[test]
fn before_2_38_some_system_messages_kept_their_text_and_since_then_it_is_english() {
    for (kind, content, kept) in [
        ("RecipientAdd", "Added a recipient.", ""),
        ("RecipientAdd", "Added Quill to the group.", ""),
        ("RecipientRemove", "Left the group.", ""),
        ("Call", "Started a call that lasted 0 minutes.", ""),
        ("ChannelNameChange", "Changed the channel name.", ""),
        ("ChannelNameChange", "Changed the channel name: new name", "new name"),
        ("ChannelIconChange", "Changed the channel icon.", ""),
        ("ChannelPinnedMessage", "Pinned a message.", ""),
        ("GuildMemberJoin", "Joined the server.", ""),
        ("18", "the thread's name", "the thread's name"),
        ("ThreadCreated", "Started a thread.", ""),
        ("8", "3", "3"),
        ("12", "Other Guild #news", "Other Guild #news"),
        ("Default", "Pinned a message.", "Pinned a message."),
    ] {
        assert_eq!(one(&json!({"type": kind, "content": content})).content, kept, "{kind}: {content}");
    }
}

#[test]
fn since_2_38_there_are_codes_of_emojis_and_interactions() {
    let emoji = json!({"id": "", "name": "👍", "code": "thumbsup", "isAnimated": false, "imageUrl": "x.json_Files/1f44d-1B2C3.svg"});
    let user = json!({"id": "80351110224678913", "name": "ember", "discriminator": "0001", "nickname": "Ember", "isBot": false});
    let message = one(
        &json!({"reactions": [{"emoji": emoji, "count": 1}], "interaction": {"id": "9", "name": "roll", "user": user}}),
    );
    assert_eq!(message.reactions[0].emoji.name.as_deref(), Some("👍"));
    let pseudonym = person("80351110224678913").to_string();
    assert_eq!(
        extra(&message),
        json!({"interaction": {"id": "9", "name": "roll", "user": {"bot": false, "id": pseudonym}}})
    );
}

#[test]
fn since_2_38_text_can_be_raw() {
    let person = json!({"id": "80351110224678913", "name": "ember", "discriminator": "0001", "isBot": false});
    let message = one(
        &json!({"content": "<@!80351110224678913> <@80351110224678914> <#5> <@&6> <:party:1234567890123456> <t:1:R> @ember", "mentions": [person]}),
    );
    let (known, unknown) = (super::person("80351110224678913"), super::person("80351110224678914"));
    assert_eq!(
        message.content,
        format!("<@{known}> <@{unknown}> <#5> <@&6> <:party:1234567890123456> <t:1:R> <@{known}>")
    );
}

#[test]
fn since_2_40_a_rendered_mention_shows_the_display_name() {
    let person = json!({"id": "80351110224678913", "name": "ember_9", "discriminator": "0000", "nickname": "Em ber (she)", "isBot": false});
    let message = one(&json!({"content": "hi @Em ber (she), @ember_9 and @Em", "mentions": [person]}));
    let pseudonym = super::person("80351110224678913");
    assert_eq!(message.content, format!("hi <@{pseudonym}>, <@{pseudonym}> and @Em"));
}

#[test]
fn since_2_40_1_there_are_threads_roles_and_the_time_of_the_export() {
    let roles = |roles: Value| json!({"author": {"id": "9", "name": "n", "discriminator": "0000", "nickname": "n", "color": null, "isBot": true, "roles": roles, "avatarUrl": "a"}});
    let hook = one(&roles(json!([])));
    let bot = one(&roles(json!([{"id": "1", "name": "quill's role", "color": null, "position": 1}])));
    assert_eq!((hook.author.bot, hook.author.webhook, bot.author.bot, bot.author.webhook), (true, true, true, false));
    for (kind, first, number, above) in [
        ("GuildPublicThread", ID, 11, ChannelKind::TEXT),
        ("GuildPublicThread", "200", 11, ChannelKind::FORUM),
        ("GuildPrivateThread", ID, 12, ChannelKind::TEXT),
        ("GuildNewsThread", ID, 10, ChannelKind::ANNOUNCEMENT),
        ("11", ID, 11, ChannelKind::TEXT),
    ] {
        let channel = json!({"type": kind, "categoryId": "300", "category": "general"});
        let mut thread = document(&channel, &[message(&json!({"id": first}))]);
        thread["exportedAt"] = "2026-09-01T00:00:00.1234567+02:00".into();
        let (summary, _) = read(&thread);
        assert_eq!(summary.exported_at.to_string(), "2026-08-31T22:00:00.123Z");
        assert_eq!(summary.channel.kind, ChannelKind(number));
        assert_eq!(summary.channel.parent.unwrap().kind, above, "{kind}");
    }
}

#[test]
fn since_2_40_4_a_reaction_names_its_people() {
    let user = |id: &str| json!({"id": id, "name": "n", "discriminator": "0000", "nickname": "n", "isBot": false, "avatarUrl": "a"});
    let emoji = json!({"id": "5", "name": "party", "code": "party", "isAnimated": true, "imageUrl": "u"});
    let message = one(&json!({"reactions": [{"emoji": emoji, "count": 3, "users": [user("1"), user("2")]}]}));
    assert_eq!((message.reactions[0].count, &message.reactions[0].people), (3, &vec![person("1"), person("2")]));
    assert_eq!(message.extra, None);
}

#[test]
fn since_2_41_times_have_the_offset_of_the_exporting_machine() {
    let edited = |at: &str| one(&json!({"timestampEdited": at})).version.edited_at.unwrap().to_string();
    assert_eq!(edited("2026-08-30T13:46:00.174+03:00"), "2026-08-30T10:46:00.174Z");
    assert_eq!(edited("2026-08-30T05:16:00.174-05:30"), "2026-08-30T10:46:00.174Z");
    assert_eq!(edited("2026-08-30T10:46:00.174Z"), "2026-08-30T10:46:00.174Z");
    let mut ranged = document(&json!({}), &[]);
    ranged["dateRange"] = json!({"after": "2026-08-30T13:45:30.174+03:00", "before": "2026-09-30T00:00:00+03:00"});
    let after = read(&ranged).0.after.unwrap();
    assert_eq!(after.next().unwrap().created_at().to_string(), "2026-08-30T10:45:30.175Z");
}

#[test]
fn since_2_42_3_an_embed_has_a_video_and_since_2_46_1_the_sources_address() {
    let video = embeds(&json!({"video": {"url": "https://youtube.com/embed/1", "width": 4, "height": 3}}));
    assert_eq!(video, json!({"video": {"height": 3, "url": "https://youtube.com/embed/1", "width": 4}}));
    let embed = embeds(&json!({
        "author": {"name": "n", "url": null, "iconUrl": "https://images-ext-1.discordapp.net/i", "iconCanonicalUrl": "https://example.org/i.png"},
        "image": {"url": "x.json_Files/a-0123456789abcdef.png", "canonicalUrl": "https://example.org/a.png", "width": 1, "height": 1},
        "thumbnail": {"url": "https://example.org/b.png", "canonicalUrl": "https://example.org/b.png", "width": 1, "height": 1},
        "footer": {"text": "f"}, "images": [], "inlineEmojis": [],
    }));
    assert_eq!(
        embed,
        json!({
            "author": {"icon_url": "https://example.org/i.png", "name": "n", "proxy_icon_url": "https://images-ext-1.discordapp.net/i"},
            "footer": {"text": "f"},
            "image": {"height": 1, "proxy_url": "x.json_Files/a-0123456789abcdef.png", "url": "https://example.org/a.png", "width": 1},
            "thumbnail": {"height": 1, "url": "https://example.org/b.png", "width": 1},
        })
    );
}

#[test]
fn since_2_44_rendered_emojis_find_their_ids_again() {
    let emoji = |id: &str, name: &str, moves: bool| json!({"id": id, "name": name, "code": name, "isAnimated": moves, "imageUrl": "u"});
    let emojis = json!([
        emoji("1234567890123456", "party", false),
        emoji("1234567890123457", "wave", true),
        emoji("", "👍", false)
    ]);
    let rendered = one(&json!({"content": ":party: :wave::party: 👍 :other:", "inlineEmojis": emojis}));
    assert_eq!(
        rendered.content,
        "<:party:1234567890123456> <a:wave:1234567890123457><:party:1234567890123456> 👍 :other:"
    );
    assert_eq!(extra(&rendered)["inlineEmojis"].as_array().unwrap().len(), 3);
    let raw = one(&json!({"content": "<:party:1234567890123456> and `:party:`", "inlineEmojis": emojis}));
    assert_eq!(raw.content, "<:party:1234567890123456> and `:party:`");
    let embed = embeds(&json!({"description": "so :party:", "inlineEmojis": emojis}));
    assert_eq!(embed["description"], "so <:party:1234567890123456>");
    let hostile = json!([emoji("1234567890123456", "a> <@5", false), emoji("x", "party", false)]);
    assert_eq!(one(&json!({"content": ":a> <@5: :party:", "inlineEmojis": hostile})).content, ":a> <@5: :party:");
}

#[test]
fn since_2_47_a_forward_has_its_message_and_a_reference_its_type() {
    let forwarded = json!({
        "timestamp": "0001-01-01T00:00:00+00:00", "timestampEdited": null, "content": "see <@80351110224678913>",
        "attachments": [{"id": "5", "url": "x.json_Files/a-0123456789abcdef.png", "fileName": "a.png", "fileSizeBytes": 7}],
        "embeds": [{"title": "t", "color": "#000001", "description": ""}],
        "stickers": [{"id": "6", "name": "Wave", "format": "Png", "sourceUrl": "x.json_Files/6-0123456789abcdef.png"}],
    });
    let message = one(
        &json!({"content": "", "forwardedMessage": forwarded, "reference": {"type": "Forward", "messageId": "5", "channelId": "6", "guildId": "7"}}),
    );
    assert_eq!(message.reference.unwrap().kind, Reference::FORWARD);
    let pseudonym = person("80351110224678913");
    assert_eq!(
        message.snapshots.as_ref().unwrap().to_value(),
        json!([{
            "timestamp": null, "edited_timestamp": null, "content": format!("see <@{pseudonym}>"),
            "attachments": [{"id": "5", "url": "x.json_Files/a-0123456789abcdef.png", "filename": "a.png", "size": 7}],
            "embeds": [{"title": "t", "color": 1}],
            "stickers": [{"id": "6", "name": "Wave", "format": "png", "sourceUrl": "x.json_Files/6-0123456789abcdef.png"}],
        }])
    );
    let odd = one(&json!({"reference": {"type": "2", "messageId": "5", "channelId": null, "guildId": null}}));
    assert_eq!((odd.reference.unwrap().kind, &extra(&odd)["reference"]["type"]), (2, &json!("2")));
    let new = one(&json!({"reference": {"type": "Later", "messageId": "5"}}));
    assert_eq!((new.reference.unwrap().kind, &extra(&new)["reference"]["type"]), (-1, &json!("Later")));
}

#[test]
fn of_2_48_a_poll_result_is_known_under_each_of_its_names() {
    for name in ["PollResult", "pollresult", "46"] {
        let result = one(
            &json!({"type": name, "content": "", "reference": {"type": "Default", "messageId": "5", "channelId": "200", "guildId": "100"}}),
        );
        assert_eq!((result.kind, result.extra), (MessageKind::POLL_RESULT, None));
    }
}
