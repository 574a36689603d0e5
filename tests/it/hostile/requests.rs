//! Probing requests.

use std::path::Path;

use super::without_own_scripts;
use crate::program::{ADMIN_KEY, Installation};

const VALUES: [&str; 22] = [
    "",
    "0",
    "-1",
    "1.5",
    "1e3",
    "99999999999999999999999",
    "18446744073709551616",
    "NaN",
    "abc",
    "%00",
    "%",
    "%zz",
    "%ff%fe",
    "'%20OR%201=1--",
    "%3Cscript%3E",
    "../../etc/passwd",
    "%2e%2e%2f",
    "null",
    "true",
    "[]",
    "%F0%9F%98%80",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

#[test]
fn hostile_requests_never_end_in_a_500() {
    let installation = Installation::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let server = installation.serve_cached(&["--import", examples.to_str().unwrap()]);
    let channels = server.get("/api/v1/tenants/thimble-firmware/channels").json();
    assert!(channels["items"].as_array().unwrap().len() > 2);
    let messages = "/api/v1/tenants/thimble-firmware/channels/general/messages";
    let mut count = 0;
    let mut check = |path: &str, expected: &[u16]| {
        let answer = server.get(path);
        assert!(expected.contains(&answer.status), "{path} answers {}", answer.status);
        let kind = answer.header("content-type").unwrap_or_default();
        if answer.status >= 400 {
            let wanted = if path.starts_with("/api/") { "application/problem+json" } else { "text/html" };
            assert!(kind.starts_with(wanted), "{path} answers {kind}");
            assert!(!without_own_scripts(answer.text()).contains("<script"), "{path}");
        }
        count += 1;
    };
    for value in VALUES {
        for name in ["limit", "before", "after", "around", "at", "cursor", "unknown", "limit=5&limit"] {
            let good = match name {
                "after" => value == "0",
                "at" => matches!(value, "0" | "-1"),
                _ => false,
            };
            check(&format!("{messages}?{name}={value}"), if good { &[200, 400] } else { &[400] });
        }
        check(&format!("/api/v1/tenants/{value}"), &[400, 404]);
        check(&format!("/api/v1/tenants/thimble-firmware/channels/{value}"), &[200, 400, 404]);
        check(&format!("/api/v1/tenants/thimble-firmware/messages/{value}"), &[400, 404]);
        check(&format!("/api/v1/tenants/thimble-firmware/channels?type={value}"), &[200, 400]);
        check(&format!("/api/v1/tenants/thimble-firmware/channels?cursor={value}"), &[400]);
        check(&format!("/thimble-firmware/{value}"), &[200, 301, 400, 404]);
        check(&format!("/thimble-firmware/general?before={value}"), &[400]);
        check(&format!("/thimble-firmware/general/{value}"), &[200, 301, 400, 404]);
    }
    assert!(count > 200, "{count}");
}

#[test]
fn broken_http_is_refused_and_the_server_lives() {
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let long = "a".repeat(100_000);
    let requests: [(&str, String, &[u16]); 12] = [
        ("no HTTP", "\0\u{1}\u{2}garbage\r\n\r\n".to_owned(), &[400]),
        ("a long path", format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), &[414, 431]),
        ("a long query", format!("GET /?{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &long[..9_000]), &[414]),
        ("a long header", format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), &[431]),
        ("many headers", format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(5_000)), &[431]),
        ("an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), &[405]),
        ("a bad version", "GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(), &[400, 505]),
        ("a bad length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n".to_owned(), &[400]),
        ("two lengths", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_owned(), &[400]),
        ("a bad chunk", "POST /api/v1/admin/tenants HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n".to_owned(), &[400, 401, 403, 404]),
        ("a slash too many", "GET //etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), &[400, 404]),
        ("dots", "GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_owned(), &[400, 404]),
    ];
    for (name, request, expected) in requests {
        let answer = server.raw(request.as_bytes());
        let status = answer.map(|answer| answer.status);
        assert!(status.is_none_or(|status| expected.contains(&status)), "{name}: {status:?}");
        assert_eq!(server.get("/healthz").status, 200, "after {name}");
    }
}

#[test]
fn hostile_bodies_are_refused_with_the_field_that_is_wrong() {
    let installation = Installation::new();
    let server = installation.serve_cached(&[]);
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let deep = "[".repeat(200_000);
    let long = format!("{{\"name\":\"{}\",\"platform_id\":\"1\"}}", "x".repeat(900_000));
    for (body, expected) in [
        ("", vec![400, 422]),
        ("{", vec![400]),
        ("null", vec![400, 422]),
        ("[]", vec![400, 422]),
        ("{}", vec![422]),
        ("\u{0}", vec![400]),
        (&deep, vec![400]),
        (&long, vec![422]),
        (r#"{"name":"","platform_id":"1"}"#, vec![422]),
        (r#"{"name":"   ","platform_id":"1"}"#, vec![422]),
        (r#"{"name":5,"platform_id":"1"}"#, vec![400, 422]),
        (r#"{"name":"abc","platform_id":""}"#, vec![422]),
        (r#"{"name":"abc","platform_id":"1","slug":"API"}"#, vec![422]),
        (r#"{"name":"abc","platform_id":"1","slug":"<script>"}"#, vec![422]),
        (r#"{"name":"abc","platform_id":"1","platform":"irc"}"#, vec![422]),
        (r#"{"name":"abc","platform_id":"1","unknown":true}"#, vec![400, 422]),
    ] {
        let answer = server.request("POST", "/api/v1/admin/tenants", &headers, body.as_bytes());
        let shown: String = body.chars().take(80).collect();
        assert!(expected.contains(&answer.status), "{shown}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{shown}");
    }
    let too_large = vec![b' '; (1 << 20) + 1];
    assert_eq!(server.request("POST", "/api/v1/admin/tenants", &headers, &too_large).status, 413);
    assert_eq!(server.get("/api/v1/tenants/abc").status, 404, "nothing was made");
}
