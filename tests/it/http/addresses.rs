//! Addresses and values that once got a wrong response.

use serde_json::json;

use super::served;
use crate::program::{ADMIN_KEY, Installation};

#[test]
fn a_slug_that_reads_as_an_id_names_its_community_for_every_reader() {
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let headers = format!("{key}Content-Type: application/json\r\n");
    let slug = "0123456789abcdef0123456789abcdef";
    let body = json!({"name": "x", "platform_id": "1", "slug": slug}).to_string();
    let made = server.request("POST", "/api/v1/admin/tenants", &headers, body.as_bytes());
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for reference in [slug, &id] {
        let path = format!("/api/v1/admin/tenants/{reference}");
        assert_eq!(server.request("GET", &path, &key, b"").json()["id"], *id);
        let path = format!("/api/v1/tenants/{reference}");
        assert_eq!(server.request("GET", &path, &key, b"").json()["id"], *id);
    }
    assert_eq!(server.get(&format!("/api/v1/tenants/{slug}")).json()["id"], *id);
}

#[test]
fn an_escaped_letter_changes_nothing_of_an_address() {
    let installation = Installation::new();
    let server = served(&installation);
    let plain = server.get("/api/v1/tenants/not-here");
    let escaped = server.get("/%61pi/v1/tenants/not-here");
    assert_eq!(escaped.header("content-type"), plain.header("content-type"));
    let admin = server.request("GET", "/api/v1/%61dmin/tenants", "", b"");
    assert_eq!(admin.header("access-control-allow-origin"), None);
    assert_eq!(server.request("OPTIONS", "/api/v1/%61dmin/tenants", "", b"").status, 405);
}

#[test]
fn a_request_that_does_not_name_its_host_once_is_refused() {
    let installation = Installation::new();
    let server = served(&installation);
    let status = |head: &str| server.raw(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap().status;
    for path in ["/", "/healthz", "/api/v1/tenants/thimble-firmware", "http://verta.test/"] {
        assert_eq!(status(&format!("GET {path} HTTP/1.1\r\n")), 400, "{path}");
        assert_eq!(status(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nhost: a\r\n")), 400, "{path}");
        assert_eq!(status(&format!("GET {path} HTTP/1.0\r\nHost: a\r\nHost: b\r\n")), 400, "{path}");
        assert_eq!(status(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n")), 200, "{path}");
        assert_eq!(status(&format!("GET {path} HTTP/1.0\r\n")), 200, "{path}");
    }
}

#[test]
fn a_refused_method_is_told_every_method_there_is() {
    let installation = Installation::new();
    let server = served(&installation);
    let path = "/api/v1/tenants/thimble-firmware";
    assert_eq!(server.request("OPTIONS", path, "", b"").status, 204);
    assert_eq!(server.request("PUT", path, "", b"").header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[test]
fn a_logo_is_measured_in_characters() {
    let installation = Installation::new();
    let server = served(&installation);
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let body = json!({"branding": {"logo_url": format!("https://a/{}", "ж".repeat(1100))}}).to_string();
    let path = "/api/v1/admin/tenants/thimble-firmware";
    assert_eq!(server.request("PATCH", path, &headers, body.as_bytes()).status, 200);
}
