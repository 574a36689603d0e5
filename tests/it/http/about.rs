//! How a community presents itself, the page about its archive, and age-gated channels.

use serde_json::json;

use super::pages::SITE;
use crate::program::{ADMIN_KEY, Installation, Server, examples};

const ADMIN: &str = "/api/v1/admin/tenants/thimble-firmware";

fn served(installation: &Installation) -> Server {
    installation.serve_cached(&["--public-url", SITE, "--import", examples().to_str().unwrap()])
}

fn send(server: &Server, method: &str, path: &str, kind: &str, body: &[u8]) -> crate::program::Answer {
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: {kind}\r\n");
    server.request(method, path, &headers, body)
}

#[test]
fn a_profile_is_on_the_pages_of_its_community() {
    let installation = Installation::new();
    let server = served(&installation);
    let page = |path: &str| server.get(path).text();
    assert!(page("/thimble-firmware/about").contains("has not named a contact"));
    let profile = json!({
        "description": "Thimbles <b>&\n\nmore", "footer": "Made by <i>us</i>", "contact": "archive@thimble.example",
        "links": [{"label": "Our \"forum\"", "url": "https://forum.thimble.example/?a=1&b=2"}],
    });
    let patch = json!({"profile": profile}).to_string();
    let patched = send(&server, "PATCH", ADMIN, "application/json", patch.as_bytes()).json();
    let mut expected = profile;
    expected["icon_url"] = json!(null);
    assert_eq!(patched["profile"], expected);
    assert_eq!(server.get("/api/v1/tenants/thimble-firmware").json()["profile"], expected);
    for path in ["/thimble-firmware", "/thimble-firmware/general", "/thimble-firmware/about"] {
        let text = page(path);
        assert!(text.contains("Made by &lt;i&gt;us&lt;/i&gt;"), "{path}");
        assert!(text.contains("href=\"https://forum.thimble.example/?a=1&amp;b=2\""), "{path}");
        assert!(text.contains("<a href=\"/thimble-firmware/about\">About this archive</a>"), "{path}");
    }
    assert!(page("/thimble-firmware").contains("Thimbles &lt;b&gt;&amp;"));
    let about = page("/thimble-firmware/about");
    assert!(about.contains("href=\"mailto:archive@thimble.example\"") && about.contains("Amber Otter"), "{about}");
    assert!(about.contains("<link rel=\"canonical\" href=\"https://archive.example.org/thimble-firmware/about\""));
    let twin = page("/thimble-firmware/about.md");
    assert!(twin.starts_with("# About this archive\n") && twin.contains("mailto:archive@thimble.example"), "{twin}");
    let shown = installation.run(&["tenant", "show", "thimble-firmware"]).stdout;
    let shown = String::from_utf8(shown).unwrap();
    for line in ["  footer: Made by <i>us</i>", "  contact: archive@thimble.example", "  link: Our \"forum\" = https"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let cleared = send(&server, "PATCH", ADMIN, "application/json", br#"{"profile": null}"#).json();
    assert_eq!(cleared["profile"]["links"], json!([]));
    assert!(!page("/thimble-firmware").contains("Made by"));
}

#[test]
fn an_icon_is_a_picture_by_its_bytes_and_is_served_from_the_site() {
    let installation = Installation::new();
    let server = served(&installation);
    let (address, icon) = (format!("{ADMIN}/icon"), "/assets/thimble-firmware/icon");
    assert_eq!(server.get(icon).status, 404);
    assert!(server.get("/thimble-firmware").text().contains("href=\"/favicon.svg\""));
    for wrong in [&b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"[..], b"<!doctype html>", b""] {
        let refused = send(&server, "PUT", &address, "image/png", wrong);
        assert_eq!((refused.status, refused.json()["code"].as_str()), (415, Some("unsupported_media_type")));
    }
    let png = b"\x89PNG\r\n\x1a\nand more";
    let stored = send(&server, "PUT", &address, "text/html", png);
    assert_eq!((stored.status, stored.json()["profile"]["icon_url"].as_str()), (200, Some(icon)));
    let shown = server.get(icon);
    assert_eq!((shown.status, shown.header("content-type"), &shown.body[..]), (200, Some("image/png"), &png[..]));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    let page = server.get("/thimble-firmware");
    assert!(page.text().contains(&format!("<link rel=\"icon\" href=\"{icon}\">")), "{}", page.text());
    assert!(page.header("content-security-policy").unwrap().contains("img-src 'self';"));
    // Another one replaces it, from a file.
    let file = installation.path("icon.gif");
    std::fs::write(&file, b"GIF89a and more").unwrap();
    let updated = installation.run(&["tenant", "update", "thimble-firmware", "--icon", file.to_str().unwrap()]);
    assert!(String::from_utf8(updated.stdout).unwrap().contains("  icon: image/gif, "));
    let removed = send(&server, "DELETE", &address, "", b"");
    assert_eq!((removed.status, &removed.json()["profile"]["icon_url"]), (200, &json!(null)));
    assert_eq!(server.get(icon).status, 404);
    let large = [&b"GIF89a"[..], &vec![0; 1 << 20]].concat();
    std::fs::write(&file, large).unwrap();
    let refused = installation.run(&["tenant", "update", "thimble-firmware", "--icon", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("at most 1 MiB"));
}

#[test]
fn the_content_of_an_age_gated_channel_is_behind_a_notice() {
    let installation = Installation::new();
    drop(served(&installation));
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    assert_eq!(database.execute("UPDATE channels SET nsfw = 1 WHERE slug = 'general'", []).unwrap(), 1);
    let server = installation.serve(&["--public-url", SITE]);
    let text = server.get("/thimble-firmware/general").text();
    let gate = text.find("<details class=\"gate\"><summary>").unwrap();
    assert!(text.find("is age-gated in Discord").unwrap() < gate);
    assert!(text.find("<article class=\"message").unwrap() > gate);
    assert!(!server.get("/thimble-firmware/firmware-dev").text().contains("class=\"gate\""));
}

#[test]
fn the_page_about_an_archive_counts_what_is_public() {
    let installation = Installation::new();
    let private = json!({
        "guild": {"id": "1100000000000000001", "name": "Otters"},
        "channel": {"id": "1100000000000000003", "type": "GuildTextChat", "name": "staff"},
        "exportedAt": "2026-10-01T00:00:00+00:00", "messages": [], "messageCount": 0
    });
    let file = installation.path("staff.json");
    std::fs::write(&file, private.to_string()).unwrap();
    assert_eq!(installation.import(&[&file], &["--visibility", "private"]).0, 0);
    let export = super::days::export(200, "GuildTextChat", "chat", &[(0, 3), (1, 2)]);
    let mut export = export;
    export["guild"] = json!({"id": "1100000000000000001", "name": "Otters"});
    std::fs::write(&file, export.to_string()).unwrap();
    assert_eq!(installation.import(&[&file], &[]).0, 0);
    let server = installation.serve(&[]);
    // Its numbers are remembered for all, so it shows the holder of the admin key no others.
    for headers in [format!("Authorization: Bearer {ADMIN_KEY}\r\n"), String::new()] {
        let text = server.request("GET", "/otters/about", &headers, b"").text();
        assert!(text.contains("has 1 channel, 0 threads and 5 messages"), "{text}");
        assert!(!text.contains("staff"), "{text}");
    }
}
