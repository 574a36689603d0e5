//! Behaviour common to every address: tags, rate limits, sizes, methods and parameters.

use serde_json::json;

use super::{GENERAL, served};
use crate::program::{ADMIN_KEY, Installation, Server};

/// Every address that can be read without the key.
const READS: [&str; 16] = [
    "/healthz",
    "/readyz",
    "/api/v1/openapi.yaml",
    "/api/v1/tenants/thimble-firmware",
    "/api/v1/tenants/thimble-firmware/channels",
    GENERAL,
    "/api/v1/tenants/thimble-firmware/channels/general/messages",
    "/api/v1/tenants/thimble-firmware/channels/build-log/threads",
    "/api/v1/tenants/thimble-firmware/coverage",
    "/",
    "/thimble-firmware",
    "/thimble-firmware/general",
    "/thimble-firmware/build-log",
    "/assets/site.css",
    "/assets/thimble-firmware/theme.css",
    "/robots.txt",
];

#[test]
fn a_tag_is_found_in_a_list_and_a_star_is_every_tag() {
    let installation = Installation::new();
    let server = served(&installation);
    for path in READS {
        let first = server.get(path);
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path} has no tag"));
        let strong = tag.strip_prefix("W/").unwrap();
        let other = r#"W/"000000000000000000000000""#;
        for (line, status) in [
            (format!("If-None-Match: {tag}"), 304),
            (format!("If-None-Match: {strong}"), 304),
            (format!("If-None-Match: {other}, {tag}"), 304),
            (format!("If-None-Match: {other},{tag},\"a\""), 304),
            (format!("If-None-Match: {other}\r\nIf-None-Match: {tag}"), 304),
            ("If-None-Match: *".to_owned(), 304),
            (format!("If-None-Match: {other}"), 200),
            (format!("If-None-Match: {}", strong.trim_matches('"')), 200),
            ("If-None-Match: ".to_owned(), 200),
        ] {
            for method in ["GET", "HEAD"] {
                let answer = server.request(method, path, &format!("{line}\r\n"), b"");
                assert_eq!(answer.status, status, "{method} {path} {line}");
                assert_eq!(answer.header("etag"), Some(tag), "{method} {path} {line}");
                assert_eq!(answer.header("cache-control"), first.header("cache-control"), "{method} {path} {line}");
                if status == 304 {
                    assert_eq!((answer.body.len(), answer.header("content-type")), (0, None), "{method} {path} {line}");
                }
            }
        }
    }
    for (path, status) in [("/api/v1/nothing", 404), ("/not-here", 404), ("/api/v1/admin/tenants", 401)] {
        assert_eq!(server.request("GET", path, "If-None-Match: *\r\n", b"").status, status, "{path}");
    }
}

#[test]
fn head_is_answered_as_get_is_but_for_the_body() {
    let installation = Installation::new();
    let server = served(&installation);
    let key = format!("Authorization: Bearer {ADMIN_KEY}\r\n");
    let admin = ["/api/v1/admin/tenants", "/api/v1/admin/tenants/thimble-firmware"];
    // Without a colour the tenant's theme is empty, and HEAD reports no length.
    let colour = br##"{"branding": {"accent_color": "#00ff00"}}"##;
    let changed = server.request("PATCH", admin[1], &format!("{key}Content-Type: application/json\r\n"), colour);
    assert_eq!(changed.status, 200);
    let refused = ["/api/v1/nothing", "/not-here", "/thimble-firmware?colour=red", "/metrics"];
    let asked = READS.into_iter().chain(refused).map(|path| (path, ""));
    for (path, headers) in asked.chain(admin.map(|path| (path, key.as_str()))) {
        let get = server.request("GET", path, headers, b"");
        let head = server.request("HEAD", path, headers, b"");
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        let headers = |answer: &crate::program::Answer| -> Vec<(String, String)> {
            let changing = ["date", "x-request-id"];
            let kept = answer.headers().filter(|(name, _)| !changing.contains(name));
            kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        assert_eq!(headers(&head), headers(&get), "{path}");
        assert!(!get.body.is_empty(), "{path}");
    }
}

/// Sends a request as `forwarded`; returns whether the rate limit rejected it.
fn limited(server: &Server, forwarded: &str) -> bool {
    let line = if forwarded.is_empty() { String::new() } else { format!("X-Forwarded-For: {forwarded}\r\n") };
    let answer = server.request("GET", "/api/v1/openapi.yaml", &line, b"");
    assert!([200, 429].contains(&answer.status), "{}", answer.status);
    if answer.status == 429 {
        assert!((1..=60).contains(&answer.header("retry-after").unwrap().parse::<u32>().unwrap()));
        assert_eq!(answer.json()["code"], "rate_limited");
    }
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(server.request("GET", probe, &line, b"").status, 200, "a probe is not limited");
    }
    answer.status == 429
}

#[test]
fn a_client_that_is_no_proxy_cannot_say_who_it_is() {
    let installation = Installation::new();
    for proxies in ["", "10.0.0.0/8"] {
        let server = installation.serve(&["--rate-limit", "1", "--trusted-proxies", proxies]);
        assert!(!limited(&server, "203.0.113.1"), "{proxies}");
        for forwarded in ["203.0.113.1", "203.0.113.2", "10.0.0.1", "203.0.113.3, 10.0.0.1", "2001:db8::1", ""] {
            assert!(limited(&server, forwarded), "{proxies} {forwarded}");
        }
    }
}

#[test]
fn what_a_trusted_proxy_says_counts_and_what_stands_before_it_does_not() {
    let installation = Installation::new();
    let server = installation.serve(&["--rate-limit", "1", "--trusted-proxies", "127.0.0.1,10.0.0.0/8"]);
    for (forwarded, expected) in [
        ("203.0.113.1", false),
        ("203.0.113.1", true),
        ("203.0.113.2", false),
        // Entries written by the client itself are further left.
        ("203.0.113.3, 203.0.113.2", true),
        ("203.0.113.3, 203.0.113.2, 10.1.2.3", true),
        ("203.0.113.3", false),
        ("2001:db8:0:1::1", false),
        // One customer owns a whole network of these addresses.
        ("2001:db8:0:1::2", true),
        ("2001:db8:0:2::1", false),
        ("", false),
        ("no address", true),
    ] {
        assert_eq!(limited(&server, forwarded), expected, "{forwarded}");
    }
}

#[test]
fn a_body_of_unknown_length_ends_where_it_is_too_large() {
    const MAX_BODY: usize = 1 << 20;
    let installation = Installation::new();
    let server = installation.serve(&[]);
    let head = format!(
        "POST /api/v1/admin/tenants HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\
         Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n\r\n"
    );
    let body = |length: usize, end: &str| {
        let object = br#"{"name": "Chunked", "platform_id": "1"}"#;
        let blanks = vec![b' '; length - object.len()];
        let mut bytes = head.clone().into_bytes();
        for chunk in [&object[..], &blanks] {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(end.as_bytes());
        bytes
    };
    // The request is rejected at the first excess byte, before the client sends its end.
    let too_large = server.raw(body(MAX_BODY + 1, "").strip_suffix(b"\r\n").unwrap()).unwrap();
    assert_eq!((too_large.status, &too_large.json()["code"]), (413, &json!("payload_too_large")));
    assert_eq!(server.raw(&body(MAX_BODY, "0\r\n\r\n")).unwrap().status, 201);
    // An announced size is rejected before any of the body arrives.
    let announced = head.replace("Transfer-Encoding: chunked", &format!("Content-Length: {}", MAX_BODY + 1));
    assert_eq!(server.raw(announced.as_bytes()).unwrap().status, 413);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_parameter_that_the_api_does_not_take_is_refused_by_name() {
    let installation = Installation::new();
    let server = served(&installation);
    let many = server.get(&format!("{GENERAL}/messages?a=1&limit=2&b=2&limit=3&%zz=1"));
    assert_eq!(many.status, 400);
    assert_eq!(
        many.json()["errors"],
        json!([
            {"field": "a", "reason": "unknown query parameter"},
            {"field": "b", "reason": "unknown query parameter"},
            {"field": "limit", "reason": "given more than once"},
            {"field": "", "reason": "is not UTF-8 in percent-encoding"},
        ])
    );
}
