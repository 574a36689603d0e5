//! Exports of old releases and of other tools.

use std::fs;
use std::path::Path;

use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use serde_json::{Value, json};

use super::inputs;
use crate::program::{Installation, KEY, Server};

const GUILD: &str = "320000000000000001";
const MESSAGES: &str = "/api/v1/tenants/lantern-works/channels/general/messages";

fn people() -> Pseudonymizer {
    let tenant = TenantId::of(Platform::Discord, &PlatformId::new(GUILD).unwrap());
    Pseudonymizer::new(&PseudonymKey::new(KEY), tenant)
}

/// Imports files without errors, and serves them.
fn imported(paths: &[&Path]) -> (Installation, Server) {
    let installation = Installation::new();
    let (code, report) = installation.import(paths, &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    (installation, server)
}

fn items(server: &Server) -> Vec<Value> {
    server.get(MESSAGES).json()["items"].as_array().unwrap().clone()
}

fn contents(server: &Server) -> Vec<String> {
    items(server).iter().map(|item| item["content"].as_str().unwrap().to_owned()).collect()
}

/// Returns the places in the database, the API or the page where a word occurs; nothing if there are none.
fn places(installation: &Installation, server: &Server, word: &str) -> Vec<String> {
    let mut texts = vec![
        ("API".to_owned(), server.get(MESSAGES).text()),
        ("page".to_owned(), server.get("/lantern-works/general").text()),
    ];
    for entry in fs::read_dir(installation.path("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            texts.push((path.display().to_string(), String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
        }
    }
    // An email address that a person typed.
    let has = |text: &str| text.to_lowercase().replace("me@quillzqx.example", "").contains(word);
    texts.into_iter().filter(|(_, text)| has(text)).map(|(place, _)| place).collect()
}

/// An export of the channel `general` that contains these messages.
fn export(messages: &[Value]) -> Value {
    json!({
        "guild": {"id": GUILD, "name": "Lantern Works", "iconUrl": null},
        "channel": {"id": "330000000000000001", "type": "GuildTextChat", "categoryId": null, "category": null,
            "name": "general", "topic": null},
        "dateRange": {"after": null, "before": null}, "exportedAt": "2025-11-01T00:00:00+00:00",
        "messages": messages, "messageCount": messages.len(),
    })
}

fn message(id: &str, timestamp: &str, content: &str) -> Value {
    json!({"id": id, "type": "Default", "timestamp": timestamp, "timestampEdited": null, "isPinned": false,
        "content": content, "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [],
        "author": {"id": "310000000000000001", "name": "ada.q", "discriminator": "0000", "nickname": "Ada Quill",
            "isBot": false, "roles": []}})
}

#[test]
fn case_04_names_that_an_old_export_rendered_are_mentions() {
    let (installation, server) = imported(&[&inputs("04-old-export-mentions")]);
    let (quill, fenn) = (people().person("310000000000000001"), people().person("310000000000000002"));
    let expected = [
        format!("hello <@{fenn}>, are you there?"),
        format!("yes <@{quill}>!"),
        "write to me@Quillzqx.example or @unknown".to_owned(),
    ];
    assert_eq!(contents(&server), expected);
    assert_eq!(places(&installation, &server, "zqx"), [""; 0]);
}

#[test]
fn case_04_the_people_of_all_files_of_one_command_are_known() {
    let installation = Installation::new();
    let old = |name: &str, channel: &str, messages: &[Value]| {
        let mut export = export(messages);
        export["channel"]["id"] = channel.into();
        export["channel"]["name"] = name.into();
        let path = installation.path(&format!("exports/{name}.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, export.to_string()).unwrap();
    };
    let at = "2020-06-01T10:00:00+00:00";
    let mut here = message("716954193100800000", at, "@Fenn Zqxmoor @Fenn#1002 @Zqxnick @zqxreact @zqxmention");
    here["embeds"] = json!([{"title": "by @Zqxnick", "description": "for @Fenn Zqxmoor",
        "fields": [{"name": "@zqxreact", "value": "see @zqxmention", "isInline": false}], "footer": {"text": "@Zqxnick"}}]);
    here["forwardedMessage"] = json!({"timestamp": at, "timestampEdited": null, "content": "from @Zqxnick",
        "attachments": [], "embeds": [{"description": "@zqxreact"}], "stickers": []});
    here["poll"] = json!({"question": {"text": "@Zqxnick?"}, "answers": [{"text": "@zqxmention"}]});
    old("a-general", "330000000000000001", &[here]);
    let mut there = message("716954193100800001", at, "hi");
    there["author"] = json!({"id": "310000000000000002", "name": "Fenn", "discriminator": "1002",
        "nickname": "Fenn Zqxmoor", "isBot": false, "avatarUrl": "a"});
    let person = |id: &str, name: &str| json!({"id": id, "name": name, "nickname": "Zqxnick", "isBot": false});
    there["mentions"] = json!([person("310000000000000004", "zqxmention")]);
    there["reactions"] = json!([{"emoji": {"id": "", "name": "👍"}, "count": 1,
        "users": [person("310000000000000003", "zqxreact")]}]);
    old("b-there", "330000000000000002", &[there]);
    for (kind, text) in [
        ("RecipientAdd", "Added Fenn Zqxmoor to the group."),
        ("RecipientRemove", "Removed Zqxnick from the group."),
        ("46", "Fenn Zqxmoor's poll has closed."),
        ("Hologram", "Removed Zqxnick from the group."),
    ] {
        let mut said = message("716954193100800002", at, text);
        said["type"] = kind.into();
        old(&format!("c-{kind}").to_lowercase(), &(330_000_000_000_000_100 + kind.len()).to_string(), &[said]);
    }
    let (code, report) = installation.import(&[&installation.path("exports")], &[]);
    assert_eq!(code, 0, "{report}");
    fs::remove_dir_all(installation.path("exports")).unwrap();
    let server = installation.serve(&[]);
    assert_eq!(places(&installation, &server, "zqx"), [""; 0]);
    let page = server.get("/api/v1/tenants/lantern-works/channels/a-general/messages").json();
    let [fenn, third, fourth] = ["2", "3", "4"].map(|last| people().person(&format!("31000000000000000{last}")));
    // Of two people with one nickname, the one with the smaller id.
    let expected = format!("<@{fenn}> <@{fenn}> <@{third}> <@{third}> <@{fourth}>");
    assert_eq!(page["items"][0]["content"], expected);
}

#[test]
fn case_08_each_rendered_emoji_is_repaired_once_by_the_right_one() {
    let (_installation, server) = imported(&[&inputs("08-two-emojis-one-name")]);
    assert_eq!(contents(&server), ["first <:lamp:500000000000000001> then <:lamp:500000000000000002> done"]);
}

#[test]
fn case_12_ids_that_are_numbers_are_read() {
    let (installation, server) = imported(&[&inputs("12-numeric-ids")]);
    assert_eq!(items(&server).len(), 3);
    assert_eq!(contents(&server)[1], "a slash answer");
    assert_eq!(items(&server)[1]["author"]["id"], people().person("310000000000000009").to_string());
    assert!(server.get("/lantern-works/general").text().contains("a slash answer"));
    drop(installation);
    // Every id is a number.
    let mut numbers = message("0", "2024-05-01T10:00:00+00:00", "see :lamp: and @bo_fen");
    numbers["id"] = 1_235_168_840_908_800_000_u64.into();
    numbers["type"] = 19.into();
    numbers["author"]["id"] = 18_446_744_073_709_551_615_u64.into();
    numbers["author"]["roles"] = json!([{"id": 400_000_000_000_000_001_u64, "name": "Lamplighters", "color": null}]);
    numbers["mentions"] = json!([{"id": 310_000_000_000_000_002_u64, "name": "bo_fen"}]);
    numbers["attachments"] = json!([{"id": 360_000_000_000_000_001_u64, "url": "https://cdn.discordapp.com/a/1/2/a.png",
        "fileName": "a.png", "fileSizeBytes": 3}]);
    numbers["reactions"] =
        json!([{"emoji": {"id": 500_000_000_000_000_002_u64, "name": "wick", "isAnimated": false}, "count": 2}]);
    numbers["reference"] = json!({"messageId": 1_235_168_840_908_700_000_u64, "channelId": 330_000_000_000_000_001_u64,
        "guildId": 320_000_000_000_000_001_u64});
    numbers["stickers"] = json!([{"id": 370_000_000_000_000_001_u64, "name": "Wave", "format": "Png"}]);
    numbers["inlineEmojis"] = json!([{"id": 500_000_000_000_000_001_u64, "name": "lamp", "isAnimated": false}]);
    let mut export = export(&[numbers]);
    export["channel"]["categoryId"] = 340_000_000_000_000_001_u64.into();
    export["channel"]["category"] = "Rooms".into();
    let installation = Installation::new();
    let path = installation.path("numbers.json");
    fs::write(&path, export.to_string()).unwrap();
    let (code, report) = installation.import(&[&path], &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    let item = items(&server).remove(0);
    assert_eq!((&item["id"], &item["type"]), (&json!("1235168840908800000"), &json!(19)));
    assert_eq!(item["author"]["id"], people().person("18446744073709551615").to_string());
    let bo = people().person("310000000000000002");
    assert_eq!(item["content"], format!("see <:lamp:500000000000000001> and <@{bo}>"));
    assert_eq!(item["mentions"][0]["id"], bo.to_string());
    assert_eq!(item["attachments"][0]["id"], "360000000000000001");
    assert_eq!(item["reactions"][0]["emoji"]["id"], "500000000000000002");
    assert_eq!(item["reference"]["message_id"], "1235168840908700000");
    assert_eq!(item["stickers"][0]["id"], "370000000000000001");
    let channel = server.get("/api/v1/tenants/lantern-works/channels/general").json();
    assert!(channel["parent_id"].is_string(), "{channel}");
}

#[test]
fn case_13_authors_without_an_id_are_known_by_name() {
    let (installation, server) = imported(&[&inputs("13-authors-without-id")]);
    let (wick, moth) = (people().named("wickzqx"), people().named("mothzqx"));
    let authors: Vec<_> = items(&server).iter().map(|item| item["author"]["id"].clone()).collect();
    assert_eq!(authors, [wick, moth, wick].map(|author| json!(author.to_string())));
    assert_eq!(contents(&server)[2], format!("hey <@{moth}>"));
    assert_eq!(items(&server)[2]["mentions"][0]["id"], moth.to_string());
    assert_eq!(places(&installation, &server, "zqx"), [""; 0]);
}

#[test]
fn case_17_roles_of_the_file_have_their_name_and_colour() {
    let (installation, server) = imported(&[&inputs("17-role-names")]);
    let roles = items(&server)[0]["role_mentions"].clone();
    assert_eq!(
        roles,
        json!([
            {"id": "400000000000000001", "name": "Lamplighters", "color": "#ff8800"},
            {"id": GUILD, "name": "@everyone", "color": null},
        ])
    );
    let page = server.get("/lantern-works/general").text();
    assert!(page.contains("@Lamplighters") || page.contains("@<bdi>Lamplighters"), "{page}");
    assert!(page.contains("@<bdi>everyone</bdi>"), "{page}");
    // A newer file changes them, and an older one does not.
    let shown = |day: u32, name: &str| {
        let mut with_role = message("1235168840908800000", "2024-05-01T10:00:00+00:00", "x");
        with_role["author"]["roles"] =
            json!([{"id": "400000000000000001", "name": name, "color": "#000000", "position": 3}]);
        let mut export = export(&[with_role]);
        export["exportedAt"] = format!("2025-12-{day:02}T00:00:00+00:00").into();
        let path = installation.path("roles.json");
        fs::write(&path, export.to_string()).unwrap();
        assert_eq!(installation.import(&[&path], &[]).0, 0);
        items(&server)
    };
    // The message itself is replaced, so the role is checked in another message that mentions it.
    let role = |name: &str, color: Value| json!({"id": "400000000000000001", "name": name, "color": color});
    let mention = message("1235168840908800001", "2024-05-01T10:00:00+00:00", "<@&400000000000000001>");
    let path = installation.path("mention.json");
    fs::write(&path, export(&[mention]).to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
    let last = |items: Vec<Value>| {
        items.iter().find(|item| item["id"] == "1235168840908800001").unwrap()["role_mentions"][0].clone()
    };
    assert_eq!(last(shown(20, "Keepers")), role("Keepers", Value::Null));
    assert_eq!(last(shown(10, "Older")), role("Keepers", Value::Null));
}

#[test]
fn a_file_of_two_bytes_a_letter_is_read() {
    let text = export(&[message("1235168840908800000", "2024-05-01T10:00:00+00:00", "ä 👍 字")]).to_string();
    for (name, mark, big) in
        [("le", true, false), ("be", true, true), ("le-bare", false, false), ("be-bare", false, true)]
    {
        let installation = Installation::new();
        let path = installation.path(&format!("{name}.json"));
        let text = if mark { format!("\u{feff}{text}") } else { text.clone() };
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        fs::write(&path, text.encode_utf16().flat_map(unit).collect::<Vec<_>>()).unwrap();
        let (code, report) = installation.import(&[&path], &[]);
        assert_eq!(code, 0, "{name}: {report}");
        assert_eq!(contents(&installation.serve(&[])), ["ä 👍 字"], "{name}");
    }
}

#[test]
fn a_message_whose_id_is_no_snowflake_has_the_time_of_its_file() {
    let installation = Installation::new();
    let path = installation.path("other.json");
    let day = "2019-03-05T12:00:00.250+02:00";
    let messages = [
        message("17", day, "counted"),
        message("1235168840908800000", "2024-05-01T12:30:00+02:00", "half an hour off"),
        message("1600000000000000000", "2024-05-02T10:00:00Z", "of another epoch"),
    ];
    fs::write(&path, export(&messages).to_string()).unwrap();
    let (code, report) = installation.import(&[&path], &[]);
    assert_eq!(code, 0, "{report}");
    let server = installation.serve(&[]);
    let times: Vec<_> = items(&server).iter().map(|item| item["created_at"].as_str().unwrap().to_owned()).collect();
    assert_eq!(times, ["2019-03-05T10:00:00.250Z", "2024-05-01T10:00:00.000Z", "2024-05-02T10:00:00.000Z"]);
    assert!(server.get("/lantern-works/general").text().contains("2019-03-05T10:00:00.250Z"));
    let channel = server.get("/api/v1/tenants/lantern-works/channels/general").json();
    assert_eq!(channel["last_activity_at"], "2024-05-02T10:00:00.000Z");
}

#[test]
fn a_message_larger_than_64_kib_is_set_aside_and_told() {
    let installation = Installation::new();
    let path = installation.path("large.json");
    let at = "2024-05-01T10:00:00+00:00";
    let large = |length: usize| format!("zqx{}", "x".repeat(length - 3));
    let messages = [
        message("1235168840908800000", at, "before"),
        message("1235168840908800001", at, &large((64 << 10) + 1)),
        message("1235168840908800002", at, &large(64 << 10).replace("zqx", "yyy")),
        message("1235168840908800003", at, &large(3 << 20)),
    ];
    fs::write(&path, export(&messages).to_string()).unwrap();
    let (code, report) = installation.import(&[&path], &[]);
    let file = &report["files"][0];
    assert_eq!((code, &file["status"], &file["read"]), (1, &json!("partial"), &json!(2)), "{file}");
    let error = file["error"].as_str().unwrap();
    assert!(
        error.contains("1235168840908800001") && error.contains("64 KiB") && error.contains("unreadable"),
        "{error}"
    );
    let server = installation.serve(&[]);
    assert_eq!(contents(&server).len(), 2);
    assert!(!server.get(MESSAGES).text().contains("zqx"));
    assert!(!server.get("/lantern-works/general").text().contains("zqx"));
    let output = installation.run(&["coverage", "lantern-works", "--json"]);
    let coverage: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(coverage["items"][0]["unreadable_count"], 2, "{coverage}");
}
