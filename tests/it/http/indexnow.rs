//! The key of submissions to search engines, and a submission to a simulated endpoint.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::pages::SITE;
use super::sitemaps::Crawler;
use crate::program::{Answer, Installation, Server};

const KEY: &str = "0123456789-abcdef";

fn serve(installation: &Installation, endpoint: &str) -> Server {
    installation.serve_with(&["--public-url", SITE, "--log", "debug"], |command| {
        command.env("INDEXNOW_KEY", KEY).env("INDEXNOW_URL", endpoint);
    })
}

fn import(installation: &Installation, days: &[(u64, u64)]) {
    let path = installation.path("chat.json");
    std::fs::write(&path, super::days::export(200, "GuildTextChat", "chat", days).to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
}

/// Accepts one submission; returns its JSON.
fn accept(listener: &TcpListener) -> Value {
    let (mut stream, _) = listener.accept().unwrap();
    let (mut request, mut chunk) = (Vec::new(), [0; 8_192]);
    while !request.ends_with(b"]}") {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0);
        request.extend_from_slice(&chunk[..read]);
    }
    stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").unwrap();
    let body = request.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    serde_json::from_slice(&request[body..]).unwrap()
}

#[test]
fn the_key_is_on_every_host_and_no_other_text_is() {
    let installation = Installation::new();
    import(&installation, &[(0, 3)]);
    assert_eq!(installation.run(&["tenant", "update", "pages", "--domain", "pages.example"]).status.code(), Some(0));
    let get = |server: &Server, host: &str, path: &str| -> Answer { Crawler { server, host, origin: SITE }.get(path) };
    let server = serve(&installation, "http://127.0.0.1:9/indexnow");
    for host in ["archive.example.org", "pages.example"] {
        let page = get(&server, host, &format!("/{KEY}.txt"));
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/plain; charset=utf-8")), "{host}");
        assert_eq!(page.text(), KEY, "{host}");
        assert_eq!(get(&server, host, "/0123456789-abcdee.txt").status, 404, "{host}");
        assert!(get(&server, host, "/robots.txt").text().contains("User-agent"), "{host}");
    }
    let without = installation.serve(&["--public-url", SITE]);
    assert_eq!(get(&without, "archive.example.org", &format!("/{KEY}.txt")).status, 404);
}

#[test]
fn pages_that_changed_since_the_last_process_are_submitted() {
    let installation = Installation::new();
    import(&installation, &[(0, 3)]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/indexnow", listener.local_addr().unwrap());
    let first = serve(&installation, &endpoint);
    first.wait_for("changed pages will be submitted from now on");
    drop(first);
    import(&installation, &[(0, 3), (1, 3), (2, 2)]);
    let server = serve(&installation, &endpoint);
    let address = |path: &str| format!("{SITE}{path}");
    let expected = json!({
        "host": "archive.example.org",
        "key": KEY,
        "keyLocation": address(&format!("/{KEY}.txt")),
        "urlList": [address("/pages/chat"), address("/pages/chat/2023-11-15")],
    });
    assert_eq!(accept(&listener), expected);
    server.wait_for("changed pages submitted");
    let key = format!("Authorization: Bearer {}\r\n", crate::program::ADMIN_KEY);
    let metrics = server.request("GET", "/metrics", &key, b"").text();
    for line in [
        r#"verta_indexnow_requests_total{operation="submit",outcome="ok"} 1"#,
        r#"verta_indexnow_request_addresses_total{operation="submit"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn a_process_without_a_public_address_says_that_it_submits_nothing() {
    let installation = Installation::new();
    import(&installation, &[(0, 3)]);
    let server = installation.serve_with(&[], |command| {
        command.env("INDEXNOW_KEY", KEY);
    });
    server.wait_for("no page has a public address to submit");
}
