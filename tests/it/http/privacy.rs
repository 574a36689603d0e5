//! Content that an anonymous client must not see: its responses equal those for content that does not exist.

use std::fs;

use serde_json::{Value, json};

use crate::program::{ADMIN_KEY, Answer, Installation, Server};

/// The first message of every channel here; each channel and each message has an offset from it.
const FIRST: u64 = 1_477_000_000_000_000_000;

/// An export of one text channel whose messages contain `text` and their position.
fn export(guild: u64, channel: u64, name: &str, exported_at: &str, texts: &[(u64, &str)]) -> Value {
    let person = json!({
        "id": "200000000000000001", "name": "rosafinch", "discriminator": "0000", "nickname": "rosafinch",
        "color": null, "isBot": false, "roles": [], "avatarUrl": "https://cdn.discordapp.com/embed/avatars/1.png",
    });
    let message = |(place, text): &(u64, &str)| {
        json!({
            "id": id(channel, *place), "type": "Default", "timestamp": "2026-03-01T12:00:00+00:00",
            "timestampEdited": null, "callEndedTimestamp": null, "isPinned": false, "content": text, "author": person,
            "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [], "inlineEmojis": [],
        })
    };
    let guild_id = (100_000_000_000_000_000 + guild).to_string();
    json!({
        "guild": {"id": guild_id, "name": format!("Guild {guild}"), "iconUrl": "i.png"},
        "channel": {"id": platform_id(channel), "type": "GuildTextChat", "categoryId": null, "category": null,
            "name": name, "topic": null},
        "dateRange": {"after": null, "before": null},
        "exportedAt": exported_at,
        "messages": texts.iter().map(message).collect::<Vec<_>>(),
        "messageCount": texts.len(),
    })
}

fn platform_id(channel: u64) -> String {
    (900_000_000_000_000_000 + channel).to_string()
}

fn id(channel: u64, place: u64) -> String {
    (FIRST + channel * 10_000 + place).to_string()
}

fn import(installation: &Installation, export: &Value, flags: &[&str]) {
    let path = installation.path("export.json");
    fs::write(&path, export.to_string()).unwrap();
    let (code, report) = installation.import(&[&path], flags);
    assert_eq!(code, 0, "{report}");
}

fn as_admin(server: &Server, path: &str) -> Answer {
    server.request("GET", path, &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"")
}

/// Returns the UUID of a channel.
fn uuid(server: &Server, tenant: &str, channel: &str) -> String {
    let found = as_admin(server, &format!("/api/v1/tenants/{tenant}/channels/{channel}")).json();
    found["id"].as_str().unwrap().to_owned()
}

/// Returns all parts of a response by which a client can tell two responses apart.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let changing = ["date", "x-request-id"];
    let headers = answer.headers().filter(|(name, _)| !changing.contains(&name.to_ascii_lowercase().as_str()));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    (answer.status, headers, answer.text())
}

#[test]
fn a_deleted_message_is_gone_for_every_reader() {
    let installation = Installation::new();
    let text = "a text that is about to be deleted";
    let before = export(1, 1, "general", "2026-08-30T12:00:00+00:00", &[(1, "a"), (2, text), (3, "c")]);
    let after = export(1, 1, "general", "2026-08-30T13:00:00+00:00", &[(1, "a"), (3, "c")]);
    import(&installation, &before, &[]);
    let server = installation.serve(&[]);
    let message = format!("/api/v1/tenants/guild-1/messages/{}", id(1, 2));
    assert_eq!(server.get(&message).json()["content"], text);
    import(&installation, &after, &["--complete"]);
    for path in [message.clone(), format!("{message}?channel=general"), format!("{message}?channel={}", platform_id(1))]
    {
        for answer in [server.get(&path), as_admin(&server, &path)] {
            let problem = answer.json();
            assert_eq!((answer.status, &problem["code"]), (410, &json!("gone")), "{path}");
            assert!(!answer.text().contains(text), "{path}");
        }
    }
    let page = server.get(&format!("/guild-1/general/{}", id(1, 2)));
    assert_eq!((page.status, page.header("content-type")), (410, Some("text/html; charset=utf-8")));
    assert!(!page.text().contains(text));
    let channel = "/api/v1/tenants/guild-1/channels/general";
    let around = format!("{channel}/messages?around={}", id(1, 2));
    for path in [channel, &format!("{channel}/messages"), &around, "/guild-1/general", "/guild-1"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.text().contains(text), "{path}");
    }
    assert_eq!(server.get(channel).json()["message_count"], 2);
    let ids = server.get(&around).json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect::<Vec<_>>();
    assert_eq!(ids, [id(1, 1), id(1, 3)]);
    assert_eq!(server.get(&format!("/api/v1/tenants/guild-1/messages/{}", id(1, 4))).status, 404, "never held");
}

#[test]
fn a_community_that_is_not_served_says_so_everywhere_but_to_the_key() {
    let installation = Installation::new();
    import(&installation, &export(1, 1, "general", "2026-08-30T12:00:00+00:00", &[(1, "a")]), &[]);
    import(&installation, &export(2, 2, "general", "2026-08-30T12:00:00+00:00", &[(1, "b")]), &[]);
    let server = installation.serve(&[]);
    let api = "/api/v1/tenants/guild-1";
    let message = id(1, 1);
    let reads = [
        api.to_owned(),
        format!("{api}/channels"),
        format!("{api}/channels/general"),
        format!("{api}/channels/general/messages"),
        format!("{api}/channels/general/threads"),
        format!("{api}/channels/no-such-channel"),
        format!("{api}/messages/{message}"),
        format!("{api}/messages/1"),
        format!("{api}/coverage"),
    ];
    let pages = ["/guild-1", "/guild-1/general", "/guild-1/no-such-channel", &format!("/guild-1/general/{message}")];
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    for (status, expected, code) in
        [("MAINTENANCE", 503, "unavailable"), ("CANCELLED", 410, "gone"), ("ACTIVE", 200, "")]
    {
        let patch = json!({"status": status}).to_string();
        let changed = server.request("PATCH", "/api/v1/admin/tenants/guild-1", &headers, patch.as_bytes());
        assert_eq!(changed.json()["status"], status);
        for path in reads.iter().map(String::as_str).chain(pages) {
            let answer = server.get(path);
            let unknown = path.contains("no-such") || path.ends_with("/1");
            let expected = if unknown && expected == 200 { 404 } else { expected };
            assert_eq!(answer.status, expected, "{status} {path}");
            let later = answer.header("retry-after").map(|seconds| seconds.parse::<u32>().unwrap() > 0);
            assert_eq!(later, (expected == 503).then_some(true), "{status} {path}");
            if expected >= 410 {
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{status} {path}");
                assert_eq!(answer.header("etag"), None, "{status} {path}");
            }
            let is_page = !path.starts_with("/api/");
            if expected >= 410 && is_page {
                assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{status} {path}");
            } else if expected >= 410 {
                assert_eq!(answer.json()["code"], code, "{status} {path}");
            }
            if !is_page && !unknown {
                assert_eq!(as_admin(&server, path).status, 200, "{status} {path}");
            }
        }
        assert_eq!(server.get("/").text().contains("Guild 1"), status == "ACTIVE", "{status}");
        assert_eq!(server.get("/api/v1/tenants/guild-2").status, 200, "the other one is served: {status}");
    }
}

#[test]
fn nothing_tells_a_private_channel_from_one_that_does_not_exist() {
    let installation = Installation::new();
    import(
        &installation,
        &export(1, 1, "general", "2026-08-30T12:00:00+00:00", &[(1, "a")]),
        &["--visibility", "public"],
    );
    import(
        &installation,
        &export(1, 2, "secret", "2026-08-30T12:00:00+00:00", &[(1, "b")]),
        &["--visibility", "private"],
    );
    let server = installation.serve(&[]);
    let api = "/api/v1/tenants/guild-1";
    let uuid = uuid(&server, "guild-1", "Private-secret");
    let (platform, message) = (platform_id(2), id(2, 1));
    let (no_uuid, no_platform, no_message) =
        ("00000000-0000-5000-8000-000000000000".to_owned(), platform_id(7), id(2, 7));
    let references =
        [("secret", "nowhere"), ("Private-secret", "Private-nowhere"), (&uuid, &no_uuid), (&platform, &no_platform)];
    let mut pairs = vec![
        (format!("{api}/messages/{message}"), format!("{api}/messages/{no_message}")),
        (format!("{api}/channels?cursor={uuid}"), format!("{api}/channels?cursor={no_uuid}")),
        (format!("/guild-1/general/{message}"), format!("/guild-1/general/{no_message}")),
        ("/guild-1/Secret".to_owned(), "/guild-1/Nowhere".to_owned()),
    ];
    for (real, none) in references {
        let both = |form: &dyn Fn(&str) -> String| (form(real), form(none));
        pairs.extend([
            both(&|channel| format!("{api}/channels/{channel}")),
            both(&|channel| format!("{api}/channels/{channel}/messages")),
            both(&|channel| format!("{api}/channels/{channel}/messages?around={message}")),
            both(&|channel| format!("{api}/channels/{channel}/threads")),
            both(&|channel| format!("{api}/channels?parent={channel}")),
            both(&|channel| format!("{api}/messages/{message}?channel={channel}")),
            both(&|channel| format!("/guild-1/{channel}")),
            both(&|channel| format!("/guild-1/{channel}/{message}")),
            both(&|channel| format!("/guild-1/{channel}?before={message}")),
        ]);
    }
    for (real, none) in &pairs {
        for headers in ["", "If-None-Match: *\r\n"] {
            for method in ["GET", "HEAD", "POST"] {
                let ask = |path: &str| seen(&server.request(method, path, headers, b""));
                assert_eq!(ask(real), ask(none), "{method} {real}");
            }
        }
        let status = server.get(real).status;
        assert_eq!(status, if real.contains("cursor=") { 400 } else { 404 }, "{real}");
    }
    for path in [api, &format!("{api}/channels"), &format!("{api}/coverage"), "/guild-1", "/guild-1/general", "/"] {
        let text = server.get(path).text();
        for word in ["secret", &uuid, &platform, &message] {
            assert!(!text.contains(word), "{path} tells {word}");
        }
    }
    // It is available to the admin key, and becomes public when an operator says so.
    assert_eq!(as_admin(&server, &format!("{api}/channels/{uuid}/messages")).json()["items"][0]["content"], "b");
    import(
        &installation,
        &export(1, 2, "secret", "2026-08-30T12:00:00+00:00", &[(1, "b")]),
        &["--visibility", "public"],
    );
    assert_eq!(server.get(&format!("{api}/channels/secret/messages")).json()["items"][0]["content"], "b");
}

#[test]
fn two_communities_never_see_each_other() {
    let installation = Installation::new();
    import(&installation, &export(1, 1, "general", "2026-08-30T12:00:00+00:00", &[(1, "of the first")]), &[]);
    import(&installation, &export(2, 2, "general", "2026-08-30T12:00:00+00:00", &[(1, "of the second")]), &[]);
    let server = installation.serve(&[]);
    let no_uuid = "00000000-0000-5000-8000-000000000000".to_owned();
    let mut authors = Vec::new();
    for (own, other) in [(1, 2), (2, 1)] {
        let api = format!("/api/v1/tenants/guild-{own}");
        let uuid = uuid(&server, &format!("guild-{other}"), "general");
        let (message, no_message) = (id(other, 1), id(7, 7));
        let mut pairs = vec![
            (format!("{api}/messages/{message}"), format!("{api}/messages/{no_message}")),
            (
                format!("{api}/messages/{message}?channel=general"),
                format!("{api}/messages/{no_message}?channel=general"),
            ),
            (format!("{api}/channels?cursor={uuid}"), format!("{api}/channels?cursor={no_uuid}")),
            (format!("/guild-{own}/general/{message}"), format!("/guild-{own}/general/{no_message}")),
        ];
        for (real, none) in [(&uuid, &no_uuid), (&platform_id(other), &platform_id(7))] {
            for (real, none) in [
                (format!("{api}/channels/{real}"), format!("{api}/channels/{none}")),
                (format!("{api}/channels/{real}/messages"), format!("{api}/channels/{none}/messages")),
                (format!("{api}/channels/{real}/threads"), format!("{api}/channels/{none}/threads")),
                (format!("{api}/channels?parent={real}"), format!("{api}/channels?parent={none}")),
                (
                    format!("{api}/messages/{message}?channel={real}"),
                    format!("{api}/messages/{message}?channel={none}"),
                ),
                (format!("/guild-{own}/{real}"), format!("/guild-{own}/{none}")),
            ] {
                pairs.push((real, none));
            }
        }
        for (real, none) in &pairs {
            assert_eq!(seen(&server.get(real)), seen(&server.get(none)), "{real}");
            // Even the admin key does not mix them.
            let (real, none) = (as_admin(&server, real), as_admin(&server, none));
            assert_eq!(seen(&real), seen(&none));
            assert!([400, 404].contains(&real.status), "{}", real.status);
        }
        let page = server.get(&format!("{api}/channels/general/messages")).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        authors.push(page["items"][0]["author"]["id"].clone());
        for path in [
            format!("{api}/channels"),
            format!("{api}/coverage"),
            format!("/guild-{own}"),
            format!("/guild-{own}/general"),
        ] {
            let text = server.get(&path).text();
            for word in [&uuid, &platform_id(other), &message, &format!("guild-{other}")] {
                assert!(!text.contains(word.as_str()), "{path} tells {word}");
            }
        }
    }
    assert_ne!(authors[0], authors[1], "the same person has another name in each");
}
