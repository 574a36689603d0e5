//! Deleting a community: it disappears from every response at once, and from the disk even if the process is killed
//! midway.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::program::{ADMIN_KEY, Installation, Server};

/// Enough messages for a deletion to take many steps.
const MESSAGES: u64 = 60_000;

fn export(path: &Path) {
    let message = |number: u64| {
        json!({
            "id": (1_200_000_000_000_000_000 + number * 4_194_304).to_string(), "type": "Default",
            "timestamp": "2024-01-24T00:00:00+00:00", "content": format!("message {number}"),
            "author": {"id": "900000000000000001", "name": "writer"},
            "attachments": [], "embeds": [], "reactions": [], "mentions": []
        })
    };
    let file = json!({
        "guild": {"id": "1100000000000000001", "name": "Short Lived"},
        "channel": {"id": "1100000000000000002", "type": "GuildTextChat", "name": "long"},
        "exportedAt": "2026-10-01T00:00:00+00:00",
        "messages": (0..MESSAGES).map(message).collect::<Vec<_>>(), "messageCount": MESSAGES
    });
    fs::write(path, serde_json::to_vec(&file).unwrap()).unwrap();
}

fn held(installation: &Installation) -> u64 {
    let database = Connection::open(installation.database()).unwrap();
    database.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap()
}

fn as_admin(server: &Server, method: &str, path: &str) -> (u16, serde_json::Value) {
    let answer = server.request(method, path, &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"");
    (answer.status, answer.json())
}

#[test]
fn a_deleted_community_is_gone_at_once_and_a_killed_deletion_goes_on() {
    const ADDRESSES: [&str; 5] = [
        "/short-lived",
        "/short-lived/long",
        "/api/v1/tenants/short-lived",
        "/api/v1/tenants/short-lived/channels/long/messages",
        "/api/v1/tenants/short-lived/messages/1200000000000000000",
    ];
    let installation = Installation::new();
    let file = installation.path("long.json");
    export(&file);
    assert_eq!(installation.import(&[&file], &[]).0, 0);
    let database = Connection::open(installation.database()).unwrap();
    let known = "INSERT INTO media SELECT channel_id, 1, 1, tenant_id, 2, 0, NULL, NULL, NULL, NULL, NULL, NULL
        FROM channels LIMIT 1";
    assert_eq!(database.execute(known, []).unwrap(), 1);
    let id: String = database.query_row("SELECT tenant_id FROM tenants", [], |row| row.get(0)).unwrap();
    drop(database);
    let kept = installation.path(&format!("data/media/{id}"));
    fs::create_dir_all(kept.join("ab/cd")).unwrap();
    fs::write(kept.join("ab/cd/abcd"), "an otter").unwrap();
    let server = installation.serve(&[]);
    assert!(ADDRESSES.iter().all(|path| server.get(path).status == 200));
    let (status, job) = as_admin(&server, "DELETE", "/api/v1/admin/tenants/short-lived");
    assert_eq!((status, &job["kind"], &job["state"]), (202, &json!("delete"), &json!("queued")));
    let statuses: Vec<u16> = ADDRESSES.iter().map(|path| server.get(path).status).collect();
    assert_eq!(statuses, [404; 5]);
    while held(&installation) == MESSAGES {}
    drop(server);
    let left = held(&installation);
    assert!((1..MESSAGES).contains(&left), "the process was to be killed on the way, with {left} messages left");

    let server = installation.serve(&[]);
    assert_eq!(server.get(ADDRESSES[0]).status, 404);
    server.wait_for("tenant deleted");
    assert_eq!(held(&installation), 0);
    assert_eq!(as_admin(&server, "GET", "/api/v1/admin/tenants").1["items"], json!([]));
    let database = Connection::open(installation.database()).unwrap();
    let (state, messages): (String, u64) = database
        .query_row("SELECT state, messages FROM jobs WHERE kind = 'delete'", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let files: u64 = database.query_row("SELECT count(*) FROM media", [], |row| row.get(0)).unwrap();
    assert_eq!((files, kept.exists()), (0, false), "files go, too");
    assert_eq!((state.as_str(), messages), ("done", MESSAGES), "no step was lost or counted twice");
}
