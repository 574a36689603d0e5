//! The log of requests.

use serde_json::json;

use crate::program::{ADMIN_KEY, Installation};

#[test]
fn a_refused_key_and_each_change_of_the_admin_leave_a_line() {
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let wrong = "Authorization: Bearer wrong-key-of-this-test\r\n";
    for path in ["/api/v1/admin/tenants", "/api/v1/tenants/abc", "/metrics"] {
        assert_eq!(server.request("GET", path, wrong, b"").status, 401, "{path}");
    }
    assert_eq!(server.request("GET", "/healthz", wrong, b"").status, 200);
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let send = |method: &str, path: &str, body: &str| server.request(method, path, &headers, body.as_bytes());
    let body = json!({"name": "Logged", "platform_id": "100000000000000042"}).to_string();
    let made = send("POST", "/api/v1/admin/tenants", &body);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(send("PATCH", "/api/v1/admin/tenants/logged", r#"{"name": "Other"}"#).status, 200);
    assert_eq!(send("PATCH", "/api/v1/admin/tenants/logged", r#"{"name": ""}"#).status, 422);
    assert_eq!(send("DELETE", "/api/v1/admin/tenants/logged", "").status, 202);
    let lines = server.stop();
    let count = |words: &[&str]| lines.iter().filter(|line| words.iter().all(|words| line.contains(words))).count();
    assert_eq!(count(&["INFO", "admin key rejected", "127.0.0.1"]), 3, "{lines:#?}");
    for change in ["tenant created", "tenant updated", "tenant deletion requested"] {
        assert_eq!(count(&["INFO", change, &id]), 1, "{change}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("wrong-key") || line.contains(ADMIN_KEY)));
}

#[test]
fn a_proxy_that_is_not_trusted_is_logged_once() {
    for (trusted, expected) in [("", 1), ("127.0.0.0/8", 0)] {
        let installation = Installation::new();
        let server = installation.serve_cached(&["--trusted-proxies", trusted]);
        for _ in 0..3 {
            server.get("/healthz");
            server.request("GET", "/", "X-Forwarded-For: 192.0.2.7\r\n", b"");
        }
        let lines = server.stop();
        let warnings = lines.iter().filter(|line| line.contains("WARN") && line.contains("TRUSTED_PROXIES"));
        assert_eq!(warnings.count(), expected, "{lines:#?}");
    }
}
