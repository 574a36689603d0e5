//! After an import of each generation of the exporter, no byte of the archive, its log, the API or a page is an id, a
//! name, a nickname or an avatar of a person.

use std::fs;

use serde_json::{Value, json};

use crate::program::Installation;

/// Strings in every person's data here: parts of every name, and of every avatar's hash.
const NAMES: [&str; 3] = ["zqxname", "zqx nick", "5afe0bad"];
/// The people of every file.
const IDS: [&str; 4] = ["310000000000000011", "310000000000000012", "310000000000000013", "310000000000000014"];

/// The generations, by the fields that they added.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Release(u32);

impl Release {
    /// The value from this release on, else nothing.
    fn since(self, release: u32, value: Value) -> Option<Value> {
        (self.0 >= release).then_some(value)
    }
}

fn avatar(index: usize) -> String {
    format!("https://cdn.discordapp.com/avatars/{}/5afe0bad0000000000000000000000{index:02}.png?size=512", IDS[index])
}

fn person(release: Release, index: usize, with_roles: bool) -> Value {
    let modern = release.0 >= 240;
    let mut person = json!({
        "id": IDS[index], "name": format!("zqxname{index}"), "isBot": index == 3,
        "discriminator": if modern && index < 3 { "0000".to_owned() } else { format!("100{index}") },
        "avatarUrl": avatar(index),
    });
    if release.0 >= 225 {
        person["nickname"] = format!("Zqx Nick {index}").into();
    }
    if release.0 >= 227 {
        person["color"] = "#3498DB".into();
    }
    if release.0 >= 240 && with_roles {
        person["roles"] = json!([{"id": "400000000000000001", "name": "Keepers", "color": null, "position": 1}]);
    }
    person
}

/// The rendered form of a mention of a person.
fn rendered(release: Release, index: usize) -> String {
    if release.0 >= 226 { format!("@Zqx Nick {index}") } else { format!("@zqxname{index}") }
}

fn embed(release: Release) -> Value {
    let [first, second] = [0, 1].map(|index| rendered(release, index));
    let icon = |index: usize| match release.0 {
        ..246 => json!({"iconUrl": avatar(index)}),
        _ => json!({
            "iconUrl": format!("https://images-ext-1.discordapp.net/external/key/https/cdn.discordapp.com/avatars/{}/5afe0bad0000000000000000000000{index:02}.png", IDS[index]),
            "iconCanonicalUrl": avatar(index),
        }),
    };
    let merged = |mut value: Value, more: Value| {
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        value
    };
    json!({
        "title": format!("Welcome {first}"), "url": format!("https://discord.com/users/{}", IDS[0]),
        "timestamp": null, "description": format!("{second} has been warned by {first}: <@{}>", IDS[2]), "color": "#58B9FF",
        "author": merged(json!({"name": "zqxname1", "url": null}), icon(1)),
        "thumbnail": {"url": avatar(2), "width": 1, "height": 1},
        "footer": merged(json!({"text": format!("id {}", IDS[0])}), icon(0)),
        "fields": [{"name": format!("User {second}"), "value": format!("({first}) and `{second}`"), "isInline": true}],
        "images": [],
    })
}

fn message(release: Release, number: u64, kind: &str, content: &str) -> Value {
    let sender = usize::try_from(number % 4).unwrap();
    let mut message = json!({
        "id": (1_235_168_840_908_800_000 + number).to_string(), "type": kind,
        "timestamp": "2024-05-01T10:00:00+00:00", "timestampEdited": null, "isPinned": false, "content": content,
        "author": person(release, sender, true), "attachments": [], "embeds": [], "reactions": [],
    });
    let emoji = json!({"id": "", "name": "👍", "code": "thumbsup", "isAnimated": false, "imageUrl": "u"});
    let reference = json!({"type": "Default", "messageId": "1235168840908800000", "channelId": "330000000000000001",
        "guildId": "320000000000000001"});
    let forwarded = json!({"timestamp": "0001-01-01T00:00:00+00:00", "timestampEdited": null,
        "content": format!("said {}", rendered(release, 3)), "attachments": [], "embeds": [embed(release)], "stickers": []});
    for (key, value) in [
        ("callEndedTimestamp", release.since(223, Value::Null)),
        ("mentions", release.since(225, json!([person(release, 1, true)]))),
        ("reference", release.since(226, reference)),
        ("stickers", release.since(233, json!([]))),
        ("interaction", release.since(238, json!({"id": "9", "name": "roll", "user": person(release, 2, true)}))),
        ("reactions", release.since(240, json!([{"emoji": emoji, "count": 1, "users": [person(release, 2, false)]}]))),
        ("inlineEmojis", release.since(244, json!([]))),
        ("forwardedMessage", release.since(247, forwarded)),
    ] {
        if let Some(value) = value {
            message[key] = value;
        }
    }
    message
}

fn export(release: Release) -> Value {
    let names: Vec<_> = (0..4).map(|index| rendered(release, index)).collect();
    let added = if release.0 >= 238 { "Added Zqx Nick 1 to the group." } else { "Added a recipient." };
    let removed = if release.0 >= 238 { "Removed Zqx Nick 2 from the group." } else { "Removed a recipient." };
    let mut messages = vec![
        message(release, 0, "Default", &format!("hi {} and {}, {}s lamp: {}", names[1], names[2], names[3], names[0])),
        message(release, 1, "Default", &format!("**{}** `{}` ({})\n> {}", names[0], names[1], names[2], names[3])),
        message(release, 2, "RecipientAdd", added),
        message(release, 3, "RecipientRemove", removed),
        message(release, 4, "GuildMemberJoin", "Joined the server."),
        message(release, 5, "46", "Zqx Nick 1's poll has closed."),
        message(release, 6, "ChannelPinnedMessage", "Pinned a message."),
        message(release, 7, "Reply", &format!("{} <@{}> <@!{}>", names[0], IDS[1], IDS[2])),
    ];
    for message in &mut messages {
        message["embeds"] = json!([embed(release)]);
    }
    let mut export = json!({
        "guild": {"id": "320000000000000001", "name": "Lantern Works", "iconUrl": "https://cdn.discordapp.com/embed/avatars/0.png"},
        "channel": {"id": "330000000000000001", "type": "GuildTextChat", "category": "Rooms", "name": "general", "topic": null},
        "dateRange": {"after": null, "before": null}, "messages": messages, "messageCount": 8,
    });
    if release.0 >= 240 {
        export["exportedAt"] = "2025-11-01T00:00:00+00:00".into();
    }
    export
}

fn is_clean(release: u32) {
    let installation = Installation::new();
    let path = installation.path("exports/general.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, serde_json::to_vec_pretty(&export(Release(release))).unwrap()).unwrap();
    let import = installation.command(&["import", "exports/general.json"]).env("LOG", "trace").output().unwrap();
    let mut texts = vec![
        ("what the import prints".to_owned(), String::from_utf8_lossy(&import.stdout).into_owned()),
        ("log of the import".to_owned(), String::from_utf8_lossy(&import.stderr).into_owned()),
    ];
    assert_eq!(import.status.code(), Some(0), "{}", texts[1].1);
    let server = installation.serve(&[]);
    let channel = "/api/v1/tenants/lantern-works/channels/general";
    for path in [channel, &format!("{channel}/messages"), "/lantern-works", "/lantern-works/general"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        texts.push((path.to_owned(), answer.text()));
    }
    let page = &texts[3].1;
    assert!(page.contains(&format!("\"id\":\"{}\"", 1_235_168_840_908_800_007_u64)), "{page}");
    for entry in fs::read_dir(installation.path("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
        }
    }
    for (place, text) in texts {
        let text = text.to_lowercase();
        for word in NAMES.iter().chain(&IDS) {
            if let Some(at) = text.find(word) {
                let around: String = text[..at].chars().rev().take(80).collect::<Vec<_>>().into_iter().rev().collect();
                panic!("release {release}, {place}: {around}<<{}", &text[at..].chars().take(60).collect::<String>());
            }
        }
    }
}

#[test]
fn of_2_18() {
    is_clean(218);
}

#[test]
fn of_2_24() {
    is_clean(224);
}

#[test]
fn of_2_31() {
    is_clean(231);
}

#[test]
fn of_2_42() {
    is_clean(242);
}

#[test]
fn of_2_48() {
    is_clean(248);
}
