//! The REST API and the site over a socket.

mod about;
mod addresses;
mod crowd;
mod days;
mod domains;
mod feeds;
mod indexnow;
mod log;
mod pages;
mod privacy;
mod requests;
mod sitemaps;
mod structured;
mod tags;
mod twins;

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{ADMIN_KEY, Installation, Server};

fn served(installation: &Installation) -> Server {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    installation.serve_cached(&["--import", examples.to_str().unwrap()])
}

const GENERAL: &str = "/api/v1/tenants/thimble-firmware/channels/general";

#[test]
fn pages_forwards_and_backwards_hold_every_message_once() {
    let installation = Installation::new();
    let server = served(&installation);
    let ids = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut forwards = Vec::new();
    let mut after = Value::from("0");
    while let Some(id) = after.as_str() {
        let page = server.get(&format!("{GENERAL}/messages?after={id}&limit=10")).json();
        forwards.extend(ids(&page));
        after = page["newer"].clone();
    }
    let mut backwards = Vec::new();
    let mut page = server.get(&format!("{GENERAL}/messages?limit=10")).json();
    loop {
        backwards.splice(0..0, ids(&page));
        let Some(id) = page["older"].as_str() else { break };
        page = server.get(&format!("{GENERAL}/messages?before={id}&limit=10")).json();
    }
    assert_eq!(forwards.len(), 63);
    assert_eq!(backwards, forwards);
}

#[test]
fn an_answer_has_a_tag_and_is_not_sent_again() {
    let installation = Installation::new();
    let server = served(&installation);
    let first = server.get(GENERAL);
    let tag = first.header("etag").unwrap();
    let again = server.request("GET", GENERAL, &format!("If-None-Match: {tag}\r\n"), b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    assert!(first.header("x-request-id").is_some());
    let head = server.request("HEAD", GENERAL, "", b"");
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, Some(tag)));
}

#[test]
fn a_private_channel_answers_as_one_that_does_not_exist() {
    let installation = Installation::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    installation.import(&[&examples], &["--visibility", "private"]);
    let server = installation.serve(&[]);
    let unknown = server.get("/api/v1/tenants/thimble-firmware/channels/no-such-channel");
    let private = server.get(GENERAL);
    assert_eq!((private.status, &private.body), (404, &unknown.body));
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let seen = server.request("GET", &GENERAL.replace("general", "Private-general"), &key, b"");
    assert_eq!((seen.status, seen.header("cache-control")), (200, Some("no-store")));
    assert_eq!(server.get("/api/v1/tenants/thimble-firmware/channels").json()["items"], json!([]));
}

#[test]
fn a_tenant_is_made_changed_and_deleted() {
    let installation = Installation::new();
    let server = served(&installation);
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let send = |method: &str, path: &str, body: Value| {
        server.request(method, path, &headers, if body.is_null() { String::new() } else { body.to_string() }.as_bytes())
    };
    let made = send("POST", "/api/v1/admin/tenants", json!({"name": "Second", "platform_id": "42"}));
    assert_eq!((made.status, made.json()["slug"].as_str()), (201, Some("second")));
    let twice = send("POST", "/api/v1/admin/tenants", json!({"name": "Second", "platform_id": "42"}));
    assert_eq!(twice.status, 409);
    assert_eq!(send("PATCH", "/api/v1/admin/tenants/second", json!({})).status, 400);
    let patch = json!({"status": "MAINTENANCE", "branding": {"accent_color": "#00ff00"}});
    let changed = send("PATCH", "/api/v1/admin/tenants/second", patch).json();
    assert_eq!(changed["branding"]["accent_color"], "#00ff00");
    assert_eq!(server.get("/api/v1/tenants/second").status, 503);
    let deleted = send("DELETE", "/api/v1/admin/tenants/thimble-firmware", Value::Null);
    assert_eq!((deleted.status, deleted.json()["kind"].as_str()), (202, Some("delete")));
    for path in ["/api/v1/tenants/thimble-firmware", GENERAL, "/thimble-firmware", "/thimble-firmware/general"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert_eq!(server.request("GET", "/api/v1/admin/tenants", "", b"").status, 401);
    assert_eq!(server.get("/metrics").status, 401);
}

#[test]
fn earlier_texts_are_shown_to_moderators_alone() {
    let installation = Installation::new();
    let file = installation.path("otters.json");
    let import = |content: &str, edited_at: Value, exported_at: &str| {
        let export = json!({
            "guild": {"id": "1100000000000000001", "name": "Otters"},
            "channel": {"id": "1100000000000000002", "type": "GuildTextChat", "name": "general"},
            "exportedAt": exported_at,
            "messages": [{
                "id": "1200000000000000000", "type": "Default", "timestamp": "2024-01-24T00:00:00+00:00",
                "timestampEdited": edited_at, "content": content, "author": {"id": "900000000000000001", "name": "writer"},
                "attachments": [], "embeds": [], "reactions": [], "mentions": []
            }],
            "messageCount": 1
        });
        std::fs::write(&file, export.to_string()).unwrap();
        assert_eq!(installation.import(&[&file], &[]).0, 0);
    };
    import("the wrong word", Value::Null, "2026-10-01T00:00:00+00:00");
    let retain = ["tenant", "update", "otters", "--retain-edited", "forever", "--retain-deleted", "30"];
    let updated = installation.run(&retain);
    let shown = String::from_utf8(updated.stdout).unwrap();
    assert!(shown.contains("of deleted messages 30 days, of edited ones for ever"), "{shown}");
    import("the right word", json!("2026-10-01T12:00:00+00:00"), "2026-10-02T00:00:00+00:00");

    let server = installation.serve(&[]);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let as_admin = |path: &str| server.request("GET", path, &key, b"");
    let tenant = as_admin("/api/v1/admin/tenants/otters").json();
    assert_eq!(tenant["retention"], json!({"deleted_days": 30, "edited_days": null}));
    assert_eq!(server.get("/api/v1/tenants/otters").json().get("retention"), None);
    let path = "/api/v1/admin/tenants/otters/channels/general/messages/1200000000000000000/versions";
    let expected = json!({"items": [{
        "content": "the wrong word", "embeds": [], "edited_at": null, "observed_at": "2026-10-01T00:00:00.000Z",
        "deleted_at": null
    }], "next": null});
    let versions = as_admin(path);
    assert_eq!((versions.status, versions.header("cache-control"), versions.json()), (200, Some("no-store"), expected));
    assert_eq!(server.get(path).status, 401);
    for unknown in [path.replace("general", "other"), path.replace("120", "121"), path.replace("otters", "others")] {
        assert_eq!(as_admin(&unknown).status, 404, "{unknown}");
    }
    server.wait_for("search index built");
    for path in [
        "/otters/general",
        "/otters/general/1200000000000000000",
        "/otters/search?q=word",
        "/api/v1/tenants/otters/channels/general/messages",
        "/api/v1/tenants/otters/messages/1200000000000000000",
        "/api/v1/tenants/otters/search?q=word",
        "/api/v1/tenants/otters/search?q=wrong",
    ] {
        for answer in [server.get(path), as_admin(path)] {
            assert!(answer.status == 200 && !answer.text().contains("the wrong"), "{path}: {}", answer.text());
        }
    }
    assert!(server.get("/api/v1/tenants/otters/search?q=word").text().contains("the right word"));
}

#[test]
fn the_server_ends_when_it_is_asked_to() {
    let installation = Installation::new();
    let server = served(&installation);
    assert_eq!(server.get("/healthz").json()["status"], "ok");
    assert_eq!(server.get("/readyz").json()["store"], "sqlite");
    let asked = std::process::Command::new("kill").arg("-TERM").arg(server.pid().to_string()).status().unwrap();
    assert!(asked.success());
    assert_eq!(server.wait(), 0);
}

#[test]
fn what_an_address_does_not_take_is_refused_by_name() {
    let installation = Installation::new();
    let server = served(&installation);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let tenant = "/api/v1/tenants/thimble-firmware";
    for path in [
        tenant,
        GENERAL,
        &format!("{tenant}/channels"),
        &format!("{GENERAL}/messages"),
        &format!("{GENERAL}/threads"),
        &format!("{tenant}/coverage"),
        "/api/v1/openapi.yaml",
        "/api/v1/admin/tenants",
        "/api/v1/admin/tenants/thimble-firmware",
        "/healthz",
        "/readyz",
        "/metrics",
    ] {
        let answer = server.request("GET", &format!("{path}?colour=red"), &key, b"");
        assert_eq!(answer.status, 400, "{path}");
        let errors = &answer.json()["errors"];
        assert_eq!(*errors, json!([{"field": "colour", "reason": "unknown query parameter"}]), "{path}");
    }
}

#[test]
fn a_wrong_key_is_refused_and_other_schemes_are_anonymous() {
    let installation = Installation::new();
    let server = served(&installation);
    let status =
        |path: &str, value: &str| server.request("GET", path, &format!("Authorization: {value}\r\n"), b"").status;
    assert_eq!(status(GENERAL, "Bearer wrong"), 401);
    assert_eq!(status(GENERAL, "Basic eDp5"), 200);
    assert_eq!(status("/api/v1/admin/tenants", "Basic eDp5"), 401);
    assert_eq!(status("/api/v1/admin/tenants", &format!("bearer {ADMIN_KEY}")), 200);
}

#[test]
fn other_sites_may_read_the_errors_of_public_reads_and_nothing_of_the_admin() {
    let installation = Installation::new();
    let server = served(&installation);
    for path in ["/api/v1/nothing", "/api/v1/tenants/%zz", "/api/v1/tenants/not-here", &format!("{GENERAL}?a=b")] {
        let answer = server.get(path);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
    for headers in [String::new(), format!("Authorization: Bearer {ADMIN_KEY}\r\n")] {
        let answer = server.request("GET", "/api/v1/admin/tenants", &headers, b"");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn an_address_with_a_slash_behind_it_has_moved_or_is_nothing() {
    let installation = Installation::new();
    let server = served(&installation);
    let page = server.get("/thimble-firmware/?after=0");
    assert_eq!((page.status, page.header("location")), (301, Some("/thimble-firmware?after=0")));
    let moved = server.get("/\\evil.example/");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/%5Cevil.example")));
    let moved = server.get("/%5cevil.example/a%2fb/?q=1");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/%5Cevil.example/a%2Fb?q=1")));
    for path in ["/api/v1/tenants/thimble-firmware/", "/healthz/", "//example.org/", "//", "/thimble-firmware//"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location")), (404, None), "{path}");
    }
}

#[test]
fn pages_of_other_sites_may_read_what_tells_them_how_to_go_on() {
    let installation = Installation::new();
    let server = served(&installation);
    let answer = server.get("/api/v1/tenants/thimble-firmware");
    assert_eq!(answer.header("access-control-expose-headers"), Some("ETag, Retry-After, X-Request-Id"));
}
