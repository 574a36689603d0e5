//! Malicious files.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::without_own_scripts;
use crate::program::{Installation, Server};

/// The peak memory that the program may have after all of it.
const PEAK_MIB: u64 = 250;

/// A small export with every kind of object in it; `channel` keeps the files apart.
fn export(channel: u64) -> Value {
    let user = json!({
        "id": "200000000000000001", "name": "hostile-name", "discriminator": "0000", "nickname": "hostile-nick",
        "color": null, "isBot": false, "roles": [], "avatarUrl": "https://cdn.discordapp.com/embed/avatars/1.png",
    });
    let emoji = json!({"id": "", "name": "👍", "code": "thumbsup", "isAnimated": false, "imageUrl": "x.svg"});
    let message = |id: u64| {
        json!({
            "id": id.to_string(), "type": "Default", "timestamp": "2026-03-01T12:00:00+00:00", "timestampEdited": null,
            "callEndedTimestamp": null, "isPinned": false, "content": "hello", "author": user,
            "attachments": [{"id": (id + 1).to_string(), "url": "https://example.org/a.png", "fileName": "a.png",
                "fileSizeBytes": 7}],
            "embeds": [{"title": "t", "url": null, "timestamp": null, "description": "d", "color": "#58B9FF",
                "author": {"name": "n", "url": "https://example.org"}, "footer": {"text": "f"}, "images": [],
                "fields": [{"name": "n", "value": "v", "isInline": true}], "inlineEmojis": []}],
            "stickers": [{"id": "300000000000000001", "name": "s", "format": "Png", "sourceUrl": "s.png"}],
            "reactions": [{"emoji": emoji, "count": 1, "users": [user]}],
            "mentions": [user], "reference": {"type": "Default", "messageId": "1", "channelId": "2", "guildId": "3"},
            "inlineEmojis": [emoji],
        })
    };
    let first = 1_477_000_000_000_000_000 + channel * 10_000;
    json!({
        "guild": {"id": "100000000000000001", "name": "Hostile", "iconUrl": "i.png"},
        "channel": {"id": (900_000_000_000_000_000 + channel).to_string(), "type": "GuildTextChat",
            "categoryId": "900000000000000000", "category": "c", "name": "general", "topic": "t"},
        "dateRange": {"after": null, "before": null},
        "exportedAt": "2026-08-30T13:52:56+03:00",
        "messages": [message(first), message(first + 10), message(first + 20)],
        "messageCount": 3,
    })
}

/// Every field of an export, as a JSON pointer.
const FIELDS: [&str; 40] = [
    "/guild",
    "/guild/id",
    "/guild/name",
    "/channel",
    "/channel/id",
    "/channel/type",
    "/channel/categoryId",
    "/channel/category",
    "/channel/name",
    "/channel/topic",
    "/dateRange",
    "/dateRange/after",
    "/exportedAt",
    "/messages",
    "/messages/1",
    "/messages/1/id",
    "/messages/1/type",
    "/messages/1/timestamp",
    "/messages/1/timestampEdited",
    "/messages/1/isPinned",
    "/messages/1/content",
    "/messages/1/author",
    "/messages/1/author/id",
    "/messages/1/author/isBot",
    "/messages/1/author/roles",
    "/messages/1/attachments",
    "/messages/1/attachments/0",
    "/messages/1/attachments/0/id",
    "/messages/1/attachments/0/fileName",
    "/messages/1/attachments/0/fileSizeBytes",
    "/messages/1/embeds",
    "/messages/1/embeds/0",
    "/messages/1/embeds/0/color",
    "/messages/1/embeds/0/fields",
    "/messages/1/stickers",
    "/messages/1/reactions",
    "/messages/1/reactions/0/emoji",
    "/messages/1/reactions/0/count",
    "/messages/1/mentions",
    "/messages/1/reference",
];

const IDS: [&str; 7] = [
    "/guild/id",
    "/channel/id",
    "/channel/categoryId",
    "/messages/1/id",
    "/messages/1/author/id",
    "/messages/1/attachments/0/id",
    "/messages/1/reference/messageId",
];

/// Writes every malicious file into `folder`; returns their number.
fn write_all(folder: &Path) -> usize {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut channel = 0;
    let mut next = || {
        channel += 1;
        export(channel)
    };
    let whole = serde_json::to_vec(&next()).unwrap();
    for (index, field) in FIELDS.iter().enumerate() {
        for (wrong, value) in
            [Value::Null, json!(true), json!(-1), json!(1e300), json!("text"), json!([[]]), json!({"a": {}})]
                .into_iter()
                .enumerate()
        {
            let mut file = next();
            *file.pointer_mut(field).unwrap() = value;
            files.push((format!("type-{index}-{wrong}.json"), serde_json::to_vec(&file).unwrap()));
        }
    }
    for (index, field) in IDS.iter().enumerate() {
        for (wrong, id) in
            ["0", "-1", "18446744073709551616", "9223372036854775808", "abc", "", "1e3", "９"].iter().enumerate()
        {
            let mut file = next();
            *file.pointer_mut(field).unwrap() = json!(id);
            files.push((format!("id-{index}-{wrong}.json"), serde_json::to_vec(&file).unwrap()));
        }
    }
    for (index, cut) in (0..24).map(|part| part * whole.len() / 24).enumerate() {
        let mut file = serde_json::to_vec(&next()).unwrap();
        file.truncate(cut);
        files.push((format!("cut-{index}.json"), file));
    }
    let texts: [(&str, Vec<u8>); 14] = [
        ("null", b"null".to_vec()),
        ("array", b"[]".to_vec()),
        ("object", b"{}".to_vec()),
        ("number", b"42".to_vec()),
        ("blank", b" \n\t ".to_vec()),
        ("zeros", vec![0; 10_000]),
        ("utf16", "{\"guild\":{}}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("arrays", b"[".repeat(200_000)),
        ("objects", b"{\"a\":".repeat(200_000)),
        ("html", b"<!DOCTYPE html><script>alert(1)</script>".to_vec()),
        ("garbage-behind", [whole.as_slice(), b"garbage"].concat()),
        ("twice", [whole.as_slice(), whole.as_slice()].concat()),
        ("huge-number", replace(&next(), "\"fileSizeBytes\":7", "\"fileSizeBytes\":1e999")),
        ("surrogate", replace(&next(), "\"hello\"", "\"\\ud800\"")),
    ];
    files.extend(texts.into_iter().map(|(name, bytes)| (format!("text-{name}.json"), bytes)));
    let mut bad_utf8 = replace(&next(), "\"hello\"", "\"h?llo\"");
    let mark = bad_utf8.iter().position(|byte| *byte == b'?').unwrap();
    bad_utf8[mark] = 0xff;
    files.push(("bad-utf8.json".to_owned(), bad_utf8));
    files.push(("control.json".to_owned(), replace(&next(), "\"hello\"", "\"h\u{1}llo\"")));
    let deep = format!("\"deep\":{}{},\"content\":\"hello\"", "[".repeat(5_000), "]".repeat(5_000));
    files.push(("deep-field.json".to_owned(), replace(&next(), "\"content\":\"hello\"", &deep)));
    let long = "x".repeat(10 << 20);
    for (name, field) in [
        ("guild", "/guild/name"),
        ("channel", "/channel/name"),
        ("topic", "/channel/topic"),
        ("author", "/messages/1/author/name"),
        ("content", "/messages/1/content"),
        ("file", "/messages/1/attachments/0/fileName"),
        ("emoji", "/messages/1/reactions/0/emoji/name"),
        ("sticker", "/messages/1/stickers/0/name"),
    ] {
        let mut file = next();
        *file.pointer_mut(field).unwrap() = json!(long);
        files.push((format!("long-{name}.json"), serde_json::to_vec(&file).unwrap()));
    }
    let mut script = next();
    inject(&mut script, "");
    files.push(("script.json".to_owned(), serde_json::to_vec(&script).unwrap()));
    files.push(("no-gzip.json.gz".to_owned(), whole.clone()));
    let mut packed = gzip(&serde_json::to_vec(&next()).unwrap());
    files.push(("whole.json.gz".to_owned(), packed.clone()));
    packed.truncate(packed.len() / 2);
    files.push(("cut.json.gz".to_owned(), packed));
    files.push(("bomb.json.gz".to_owned(), gzip(&vec![b'0'; 200 << 20])));
    files.push(("no-zip.zip".to_owned(), whole));
    let count = files.len();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    count + write_zip(&folder.join("tricks.zip"), &mut next)
}

fn write_zip(path: &Path, next: &mut dyn FnMut() -> Value) -> usize {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    let names = ["../../escaped.json", "/absolute.json", "a\\..\\..\\back.json", "C:\\drive.json", "a/./b/../c.json"];
    for name in names {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&serde_json::to_vec(&next()).unwrap()).unwrap();
    }
    zip.start_file("bomb.json", SimpleFileOptions::default()).unwrap();
    for _ in 0..200 {
        zip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    zip.add_symlink("link.json", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
    names.len() + 2
}

fn replace(file: &Value, from: &str, to: &str) -> Vec<u8> {
    let text = serde_json::to_string(file).unwrap();
    assert!(text.contains(from));
    text.replacen(from, to, 1).into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Puts markup into every text of the file that is not an id, type or time.
fn inject(value: &mut Value, key: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| inject(item, key)),
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| inject(value, key)),
        Value::String(text) => {
            let fixed = ["id", "type", "timestamp", "exportedAt", "color", "format", "categoryId", "messageId"];
            if !fixed.contains(&key) && !key.ends_with("Id") {
                text.push_str("\"'><script>alert(1)</script><img src=x onerror=alert(1)>");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn hostile_files_end_in_a_clear_error_or_a_stored_value() {
    let installation = Installation::new();
    let folder = installation.path("hostile");
    fs::create_dir(&folder).unwrap();
    let count = write_all(&folder);
    assert!(count > 200, "{count}");
    let fifo = folder.join("fifo.json");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    std::os::unix::fs::symlink(&folder, folder.join("circle")).unwrap();
    std::os::unix::fs::symlink("nowhere.json", folder.join("dangling.json")).unwrap();

    let (code, result) = installation.import(&[&folder], &[]);

    assert_eq!(code, 1, "some of it cannot be read");
    let files = result["files"].as_array().unwrap();
    for file in files {
        let (path, status) = (file["path"].as_str().unwrap(), file["status"].as_str().unwrap());
        let said = file["error"].as_str().unwrap_or_default();
        match status {
            "ok" | "unchanged" => assert!(file["error"].is_null(), "{file}"),
            "partial" | "failed" => assert!(said.len() > 10 && said.len() < 1_000, "{file}"),
            _ => panic!("{file}"),
        }
        assert!(!said.contains("hostile-n"), "{path}: {said}");
    }
    let status_of = |name: &str| {
        let found = files.iter().find(|file| file["path"].as_str().unwrap().ends_with(name));
        found.unwrap_or_else(|| panic!("nothing is said of {name}"))["status"].as_str().unwrap()
    };
    for name in ["fifo.json", "dangling.json", "text-null.json", "no-zip.zip", "no-gzip.json.gz", "bomb.json.gz"] {
        assert_eq!(status_of(name), "failed", "{name}");
    }
    for name in ["script.json", "whole.json.gz", "long-author.json", "escaped.json"] {
        assert_eq!(status_of(name), "ok", "{name}");
    }
    assert!(!installation.path("escaped.json").exists() && !folder.join("../../escaped.json").exists());

    let server = installation.serve(&[]);
    crawl(&server);
    assert!(server.peak_mib() < PEAK_MIB, "{} MiB", server.peak_mib());
}

#[test]
fn hostile_files_do_not_make_memory_grow() {
    let installation = Installation::new();
    let folder = installation.path("hostile");
    fs::create_dir(&folder).unwrap();
    write_all(&folder);
    let server = installation.serve(&["--import", folder.to_str().unwrap()]);
    assert!(server.peak_mib() < PEAK_MIB, "{} MiB", server.peak_mib());
}

/// Reads every page reachable by links, and every list of the API.
fn crawl(server: &Server) {
    let mut seen = std::collections::BTreeSet::from(["/".to_owned()]);
    let mut waiting = vec!["/".to_owned()];
    while let Some(path) = waiting.pop() {
        let answer = server.get(&path);
        assert!(answer.status < 400, "{path} answers {}", answer.status);
        if !answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
            continue;
        }
        let page = without_own_scripts(answer.text());
        assert!(!page.contains("<script") && !page.contains("<img src=x"), "{path} lets markup through");
        for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = link.split('#').next().unwrap().replace("&amp;", "&");
            if link.starts_with('/') && !link.starts_with("//") && seen.len() < 3_000 && seen.insert(link.clone()) {
                waiting.push(link);
            }
        }
    }
    assert!(seen.len() > 50, "only {} pages", seen.len());
    let channels = server.get("/api/v1/tenants/hostile/channels?limit=100").json();
    assert!(channels["items"].as_array().unwrap().len() > 50);
    for channel in channels["items"].as_array().unwrap() {
        let id = channel["id"].as_str().unwrap();
        let answer = server.get(&format!("/api/v1/tenants/hostile/channels/{id}/messages"));
        assert_eq!(answer.status, 200);
        assert!(answer.json()["items"].is_array());
    }
}
