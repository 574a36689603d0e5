//! The files of the database: who may read them, and the traces that a deletion leaves in them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use memchr::memmem;
use serde_json::{Value, json};

use crate::import::fixture::write;
use crate::program::{ADMIN_KEY, Installation};

/// Words that occur in every column that stores a community's text.
const WORDS: [&str; 9] = [
    "quokkacontent",
    "quokkachannel",
    "quokkatopic",
    "quokkafile",
    "quokkaguild",
    "quokkaembed",
    "quokkaemoji",
    "quokkacategory",
    "quokkaedited",
];

/// An export of `messages` messages with `word` in all of its texts.
fn export(guild: u64, word: &str, messages: u64) -> Value {
    let first = guild * 1_000_000;
    let message = |number: u64| {
        json!({
            "id": (first + number).to_string(), "type": "Default", "timestamp": "2026-01-01T00:00:00+00:00",
            "timestampEdited": null, "isPinned": false, "mentions": [],
            "content": format!("{word}content {number} {}", "and more ".repeat(usize::try_from(number % 40).unwrap())),
            "attachments": [{"id": (first + number).to_string(), "url": format!("https://a.example/{word}file-{number}.png"),
                "fileName": format!("{word}file-{number}.png"), "fileSizeBytes": 5}],
            "embeds": [{"title": format!("{word}embed {number}"), "url": null, "timestamp": null, "description": "d"}],
            "reactions": [{"emoji": {"id": "", "name": format!("{word}emoji"), "isAnimated": false}, "count": 2}],
            "author": {"id": "7", "name": "n", "discriminator": "0000", "nickname": "n", "isBot": false, "roles": []}
        })
    };
    json!({
        "guild": {"id": guild.to_string(), "name": format!("{word}guild"), "iconUrl": ""},
        "channel": {"id": (guild + 1).to_string(), "type": "GuildTextChat", "categoryId": (guild + 2).to_string(),
            "category": format!("{word}category"), "name": format!("{word}channel"), "topic": format!("{word}topic")},
        "dateRange": {"after": null, "before": null}, "exportedAt": "2026-03-01T12:00:00+01:00",
        "messages": (0..messages).map(message).collect::<Vec<_>>(), "messageCount": messages
    })
}

/// Returns those of `words` that occur in a file of the database.
fn found(installation: &Installation, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files(installation) {
        let bytes = fs::read(&file).unwrap();
        for word in words {
            let count = memmem::find_iter(&bytes, word).count();
            if count > 0 {
                found.push(format!("{}: {count} times {word}", file.display()));
            }
        }
    }
    found
}

/// The database file and the files next to it.
fn files(installation: &Installation) -> Vec<PathBuf> {
    let files = fs::read_dir(installation.path("data")).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file()).collect()
}

fn imported() -> Installation {
    let installation = Installation::new();
    // The remaining community is stored before, between and after the deleted one.
    let stays = write(&installation, "stays.json", &export(500, "wombat", 900));
    let goes = write(&installation, "goes.json", &export(600, "quokka", 2_500));
    assert_eq!(installation.import(&[&stays], &[]).0, 0);
    assert_eq!(installation.import(&[&goes], &[]).0, 0);
    let mut newer = export(600, "quokka", 2_500);
    newer["exportedAt"] = json!("2026-03-02T12:00:00+01:00");
    for message in newer["messages"].as_array_mut().unwrap().iter_mut().step_by(3) {
        message["content"] = json!("quokkaedited");
        message["timestampEdited"] = json!("2026-03-01T18:00:00+00:00");
    }
    let newer = write(&installation, "newer.json", &newer);
    assert_eq!(installation.import(&[&newer], &[]).0, 0);
    let mut stays = export(500, "wombat", 900);
    stays["channel"]["id"] = json!("503");
    let stays = write(&installation, "stays-too.json", &stays);
    assert_eq!(installation.import(&[&stays], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let failed = "INSERT INTO jobs (job_id, tenant_id, kind, state, created_at, channels_done, channels_total, messages,
        requests, waits, error) SELECT '00000000-0000-4000-8000-000000000001', tenant_id, 'full', 'failed', 5, 0, 0, 0, 0,
        0, 'quokkachannel: gone' FROM tenants WHERE name = 'quokkaguild'";
    assert_eq!(database.execute(failed, []).unwrap(), 1);
    let before = found(&installation, &WORDS);
    assert!(WORDS.iter().all(|word| before.iter().any(|line| line.ends_with(word))), "{before:?}");
    installation
}

fn assert_gone(installation: &Installation) {
    assert_eq!(found(installation, &["quokka"]), [""; 0]);
    assert!(!found(installation, &["wombatcontent"]).is_empty(), "the other community stays");
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let messages: u64 = database.query_row("SELECT COUNT(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(messages, 1_800);
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[test]
fn nothing_of_a_deleted_community_is_found_in_the_files_while_the_server_runs() {
    let installation = imported();
    let server = installation.serve(&[]);
    // A reader that holds a snapshot open for a while, as others do.
    assert_eq!(server.get("/quokkaguild/quokkachannel").status, 200);
    let admin = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    assert_eq!(server.request("DELETE", "/api/v1/admin/tenants/quokkaguild", &admin, b"").status, 202);
    server.wait_for("tenant deleted");
    assert!(installation.path("data/verta.db-wal").exists(), "the server has the database open");
    assert_gone(&installation);
}

#[test]
fn nothing_of_a_deleted_community_is_found_in_the_files_after_the_command() {
    let installation = imported();
    assert!(installation.run(&["tenant", "delete", "quokkaguild"]).status.success());
    assert_gone(&installation);
}

#[test]
fn the_owner_alone_may_read_the_database() {
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let parts = ["", "-wal", "-shm"].map(|suffix| installation.path(&format!("data/verta.db{suffix}")));
    assert_eq!(parts.clone().map(mode), [0o600; 3]);
    assert_eq!(mode(installation.path("data")), 0o700);
    // As an earlier release created them.
    for path in &parts {
        fs::set_permissions(path, fs::Permissions::from_mode(0o664)).unwrap();
    }
    fs::set_permissions(installation.path("data"), fs::Permissions::from_mode(0o755)).unwrap();
    let other = installation.serve(&[]);
    assert_eq!(parts.map(mode), [0o600; 3]);
    assert_eq!(mode(installation.path("data")), 0o755, "a folder that was there can hold more than the archive");
    drop((server, other));
}
