//! Communities with domains of their own, on one process with one without.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::pages::{SITE, canonical};
use super::sitemaps::{Crawler, assert_same, messages};
use crate::program::{ADMIN_KEY, Answer, Installation, Server, examples};

/// The domain of the community of the examples.
const THIMBLE: &str = "sewing.example";
/// The domain of the community `pages`.
const PAGES: &str = "pages.example";

/// An installation with the communities `thimble-firmware` and `pages`, which have domains, and `plain`, which has none.
fn installed() -> Installation {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    import(&installation, ("100000000000000001", "Pages"), &[(200, "chat"), (201, "thimble-firmware")]);
    import(&installation, ("100000000000000002", "Plain"), &[(300, "chat"), (301, "news")]);
    for (tenant, domain) in [("thimble-firmware", THIMBLE), ("pages", PAGES)] {
        let updated = installation.run(&["tenant", "update", tenant, "--domain", domain]);
        assert!(String::from_utf8(updated.stdout).unwrap().contains(&format!("domain: {domain}")));
    }
    installation
}

fn import(installation: &Installation, (guild, name): (&str, &str), channels: &[(u64, &str)]) {
    for (number, channel) in channels {
        let mut export = super::days::export(*number, "GuildTextChat", channel, &[(0, 3), (1, 205)]);
        export["guild"] = json!({"id": guild, "name": name});
        let path = installation.path("export.json");
        fs::write(&path, export.to_string()).unwrap();
        assert_eq!(installation.import(&[&path], &[]).0, 0);
    }
}

/// Requests a path of a host.
fn get(server: &Server, host: &str, path: &str) -> Answer {
    Crawler { server, host, origin: SITE }.get(path)
}

fn location(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.header("location"))
}

/// Follows the redirects of a page; returns the host and the path of the one that is there.
fn followed(server: &Server, host: &str, path: &str) -> (String, String) {
    let (mut host, mut path) = (host.to_owned(), path.to_owned());
    for _ in 0..5 {
        let answer = get(server, &host, &path);
        if answer.status == 200 {
            return (host, path);
        }
        assert_eq!(answer.status, 301, "{host}{path}");
        let to = answer.header("location").unwrap().strip_prefix("https://").unwrap();
        let (on, rest) = to.split_at(to.find('/').unwrap());
        (host, path) = (on.to_owned(), rest.to_owned());
    }
    panic!("no end of redirects at {host}{path}");
}

fn patch(server: &Server, tenant: &str, body: &Value) -> Answer {
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let path = format!("/api/v1/admin/tenants/{tenant}");
    server.request("PATCH", &path, &headers, body.to_string().as_bytes())
}

#[test]
fn a_crawl_of_a_domain_reaches_exactly_the_messages_of_its_community() {
    let installation = installed();
    let server = installation.serve(&["--public-url", SITE]);
    for (tenant, domain) in [("thimble-firmware", THIMBLE), ("pages", PAGES)] {
        let origin = format!("https://{domain}");
        let crawler = Crawler { server: &server, host: domain, origin: &origin };
        let found = crawler.crawl();
        assert_same(&found.messages, &messages(&server, tenant));
        assert!(found.messages.len() > 100 && found.indexable.contains("/"), "{tenant}");
        assert_eq!(crawler.in_sitemaps("/sitemap.xml"), found.indexable, "{tenant}");
        for path in &found.seen {
            let is_of_server = path.starts_with("/assets/") || path.starts_with("/favicon");
            assert!(is_of_server || !path.starts_with(&format!("/{tenant}/")) || tenant == "pages", "{path}");
            let text = String::from_utf8_lossy(&crawler.get(path).body).into_owned();
            for other in [SITE, "https://sewing.example", "https://pages.example", "/plain", "/pages"] {
                let leaves = !origin.starts_with(other) && text.contains(&format!("=\"{other}"));
                assert!(!leaves, "{path} leads to {other}: {text}");
            }
        }
    }
}

#[test]
fn a_page_on_another_host_has_moved_to_the_domain() {
    let installation = installed();
    let server = installation.serve(&["--public-url", SITE]);
    let general = server.get("/api/v1/tenants/thimble-firmware/channels/general/messages?limit=1").json();
    let permalink = general["items"][0]["permalink"].as_str().unwrap();
    let channel = general["items"][0]["channel_id"].as_str().unwrap();
    assert!(permalink.starts_with("/thimble-firmware/general/"), "{permalink}");
    for host in ["archive.example.org", "evil.example", PAGES] {
        for rest in
            ["", "/general?before=5&utm=a%20b", "/general/2026-01-01/2", "/search?q=x", "/feed.xml", "/sitemap.xml"]
        {
            // The address is that of a channel of the other community, if it is requested there.
            let expected = if host == PAGES { None } else { Some(format!("https://{THIMBLE}{}", or_root(rest))) };
            let answer = get(&server, host, &format!("/thimble-firmware{rest}"));
            let moved = answer.header("location").filter(|to| to.starts_with("https://sewing"));
            assert_eq!(moved, expected.as_deref(), "{host} {rest}");
            assert_eq!(answer.status == 301, expected.is_some(), "{host} {rest}");
        }
    }
    let moved = server.get(permalink);
    assert_eq!(
        location(&moved),
        (301, Some(permalink.replace("/thimble-firmware", "https://sewing.example").as_str()))
    );
    assert_eq!(moved.header("cache-control"), Some("public, max-age=3600"));
    // What other sites embed or read is on every host.
    for host in ["archive.example.org", THIMBLE, PAGES] {
        for path in
            ["/api/v1/tenants/thimble-firmware", "/assets/thimble-firmware/card.png", "/assets/site.css", "/healthz"]
        {
            assert_eq!(get(&server, host, path).status, 200, "{host} {path}");
        }
        let shown = get(&server, host, &format!("/api/v1/tenants/thimble-firmware/channels/{channel}")).json();
        assert_eq!(shown["slug"], "general");
    }
    assert_eq!(server.get("/api/v1/tenants/thimble-firmware").json()["domain"], THIMBLE);
    assert_eq!(server.get("/api/v1/tenants/plain").json()["domain"], Value::Null);
}

fn or_root(rest: &str) -> &str {
    if rest.is_empty() { "/" } else { rest }
}

#[test]
fn a_file_is_served_on_every_host() {
    let installation = installed();
    let server = installation.serve(&["--public-url", SITE]);
    let channels = "/api/v1/tenants/thimble-firmware/channels/general/messages?limit=100";
    let stored = server.get(channels).json();
    let url = |message: &Value| message["attachments"][0]["url"].as_str().map(str::to_owned);
    let mut urls = stored["items"].as_array().unwrap().iter().filter_map(|message| Some((message, url(message)?)));
    let (message, url) = urls.find(|(_, url)| url.starts_with('/')).unwrap();
    let short = url.strip_prefix("/thimble-firmware").unwrap();
    for (host, path) in [("archive.example.org", url.as_str()), (THIMBLE, short)] {
        assert_eq!(get(&server, host, path).status, 200, "{host} {path}");
    }
    let moved = get(&server, THIMBLE, &url);
    assert_eq!(location(&moved), (301, Some(format!("https://{THIMBLE}{short}").as_str())));
    let page = get(&server, THIMBLE, &format!("/general/{}", message["id"].as_str().unwrap())).text();
    assert!(page.contains(&format!("=\"{short}\"")), "{page}");
}

#[test]
fn the_twins_of_pages_and_the_rules_for_crawlers_are_on_the_domain() {
    let installation = installed();
    let server = installation.serve(&["--public-url", SITE]);
    let home = get(&server, THIMBLE, "/.md");
    assert_eq!((home.status, home.header("link")), (200, Some(r#"<https://sewing.example/>; rel="canonical""#)));
    let text = home.text();
    assert!(
        text.contains("](<https://sewing.example/general.md>)")
            || text.contains("](https://sewing.example/general.md)"),
        "{text}"
    );
    assert!(get(&server, THIMBLE, "/").text().contains(r#"type="text/markdown" href="/.md""#));
    assert_eq!(get(&server, THIMBLE, "/general.md").status, 200);
    for host in ["archive.example.org", THIMBLE] {
        for (path, to) in [("/thimble-firmware.md", "/.md"), ("/thimble-firmware/general.md", "/general.md")] {
            let moved = get(&server, host, path);
            assert_eq!(location(&moved), (301, Some(format!("https://{THIMBLE}{to}").as_str())), "{host}{path}");
        }
    }
    let all = server.get("/.md").text();
    assert!(all.contains("https://sewing.example/.md") && all.contains(&format!("{SITE}/plain.md")), "{all}");
    assert!(get(&server, THIMBLE, "/robots.txt").text().contains("User-agent: GPTBot\n"));
    assert_eq!(patch(&server, "thimble-firmware", &json!({"ai_training": "allow"})).status, 200);
    let allowed = get(&server, THIMBLE, "/robots.txt").text();
    assert!(!allowed.contains("GPTBot") && allowed.starts_with("User-agent: *\n"), "{allowed}");
    assert!(get(&server, PAGES, "/robots.txt").text().contains("User-agent: GPTBot\n"));
    assert!(!server.get("/robots.txt").text().contains("Allow:"), "its pages are not on this host");
}

#[test]
fn a_community_without_a_domain_is_where_it_was() {
    let installation = installed();
    let server = installation.serve(&["--public-url", SITE]);
    let home = server.get("/").text();
    let leads = [r#"href="/plain""#, r#"href="https://sewing.example/""#, r#"href="https://pages.example/""#];
    assert!(leads.iter().all(|lead| home.contains(lead)), "{home}");
    for host in ["archive.example.org", "127.0.0.1", "unknown.example"] {
        let page = get(&server, host, "/plain/chat");
        assert_eq!((page.status, canonical(&page)), (200, Some(format!("{SITE}/plain/chat"))), "{host}");
    }
    for path in ["/plain", "/plain/chat"] {
        assert_eq!(get(&server, THIMBLE, path).status, 404, "{path}");
    }
    let robots = server.get("/robots.txt").text();
    assert!(robots.contains(&format!("Sitemap: {SITE}/plain/sitemap.xml\n")), "{robots}");
    assert_eq!(robots.matches("Sitemap:").count(), 1, "{robots}");
    let robots = get(&server, THIMBLE, "/robots.txt").text();
    assert!(robots.ends_with("\nSitemap: https://sewing.example/sitemap.xml\n"), "{robots}");
    assert!(robots.contains("User-agent: GPTBot\n") && robots.contains("\nDisallow: /search?\n"), "{robots}");
}

#[test]
fn what_a_domain_says_of_itself_has_its_address_without_a_public_url() {
    let installation = installed();
    let server = installation.serve(&[]);
    let page = get(&server, THIMBLE, "/general");
    assert_eq!(canonical(&page), Some("https://sewing.example/general".to_owned()));
    let text = page.text();
    for part in [
        r#"href="https://sewing.example/general/feed.xml""#,
        r#"action="/search""#,
        r#""item":"https://sewing.example/","name":"Thimble Firmware","position":1"#,
        r#"data-events="/api/v1/tenants/thimble-firmware/events""#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let card = r#"<meta property="og:image" content="https://sewing.example/assets/thimble-firmware/card.png">"#;
    assert!(get(&server, THIMBLE, "/").text().contains(card));
    let feed = get(&server, THIMBLE, "/feed.json").json();
    assert_eq!(feed["home_page_url"], "https://sewing.example/");
    assert_eq!(feed["feed_url"], "https://sewing.example/feed.json");
    let items = feed["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["url"].as_str().unwrap().starts_with("https://sewing.example/")), "{feed}");
    assert!(!items.is_empty());
    assert_eq!(server.get("/plain/feed.json").status, 404);
}

#[test]
fn the_slug_before_a_path_of_the_domain_is_a_channel_or_left_out() {
    let installation = installed();
    let server = installation.serve(&[]);
    for (path, to) in [
        ("/thimble-firmware", "/"),
        ("/thimble-firmware/general?after=0", "/general?after=0"),
        ("/thimble-firmware/feed.xml", "/feed.xml"),
        ("/thimble-firmware//evil.example", "//evil.example"),
    ] {
        let answer = get(&server, THIMBLE, path);
        let target = (path.matches("//").count() == 0).then(|| format!("https://{THIMBLE}{to}"));
        assert_eq!(answer.header("location"), target.as_deref(), "{path}");
    }
    // A channel of `pages` has the slug of the other community, which means nothing there.
    assert_eq!(get(&server, PAGES, "/thimble-firmware").status, 200);
    assert_eq!(get(&server, PAGES, "/thimble-firmware/general").status, 404);
    assert_eq!(location(&get(&server, THIMBLE, "/general/")), (301, Some("/general")));
    // A channel with the slug of its own community is shown.
    import(&installation, ("100000000000000001", "Pages"), &[(202, "pages")]);
    let page = get(&server, PAGES, "/pages");
    assert_eq!((page.status, canonical(&page)), (200, Some("https://pages.example/pages".to_owned())));
    assert_eq!(location(&get(&server, PAGES, "/pages/chat")), (301, Some("https://pages.example/chat")));
}

#[test]
fn a_channel_with_a_word_of_the_server_has_another_address() {
    let installation = installed();
    import(&installation, ("100000000000000001", "Pages"), &[(203, "api"), (204, "metrics")]);
    // One that was stored before the server used the word.
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let renamed = "UPDATE channels SET slug = 'metrics' WHERE slug = 'channel-metrics'";
    assert_eq!(database.execute(renamed, []).unwrap(), 1);
    drop(database);
    let server = installation.serve(&[]);
    let home = get(&server, PAGES, "/").text();
    assert!(home.contains(r#"href="/channel-api""#) && home.contains(r#"href="/204""#), "{home}");
    for (path, word) in [("/channel-api", "api"), ("/204", "metrics")] {
        let page = get(&server, PAGES, path);
        assert_eq!((page.status, canonical(&page)), (200, Some(format!("https://{PAGES}{path}"))), "{word}");
        // Its addresses from before lead there.
        let first = messages(&server, "pages").into_iter().next().unwrap();
        for rest in ["", "/2023-11-15", &format!("/{first}")] {
            let found = followed(&server, "archive.example.org", &format!("/pages/{word}{rest}"));
            assert_eq!(found, (PAGES.to_owned(), format!("{path}{rest}")), "{word}{rest}");
        }
    }
    assert_eq!(get(&server, PAGES, "/metrics").status, 401);
    assert_eq!(get(&server, PAGES, "/api").header("content-type"), Some("application/problem+json"));
}

#[test]
fn no_host_that_a_client_makes_up_is_shown_or_followed() {
    let installation = installed();
    let server = installation.serve_cached(&["--public-url", SITE]);
    let on_domain = get(&server, THIMBLE, "/general").text();
    for host in ["sewing.example:80", "sewing.example.", "SEWING.Example", "Sewing.example.:443"] {
        assert_eq!(get(&server, host, "/general").text(), on_domain, "{host}");
    }
    let long = format!("{}.example", "a.".repeat(150));
    let wrong =
        ["evil.example", "sewing.example..", "sewing.example/../x", "sewing.example:x", "a@sewing.example", &long];
    for host in wrong {
        for (path, status) in [("/", 200), ("/general", 404), ("/plain/chat", 200), ("/robots.txt", 200)] {
            let answer = get(&server, host, path);
            assert_eq!(answer.status, status, "{host} {path}");
            assert_eq!(answer.text(), get(&server, "archive.example.org", path).text(), "{host} {path}");
        }
        let moved = get(&server, host, "/thimble-firmware/general");
        assert_eq!(location(&moved), (301, Some("https://sewing.example/general")), "{host}");
    }
    let raw = |head: &str| server.raw(format!("{head}Connection: close\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(raw("GET / HTTP/1.1\r\nHost: sewing.example\r\nHost: evil.example\r\n").status, 400);
    // The authority of the address takes precedence.
    let absolute = raw("GET http://sewing.example/general HTTP/1.1\r\nHost: evil.example\r\n");
    assert_eq!(absolute.text(), on_domain);
    assert_eq!(raw("GET http://evil.example/general HTTP/1.1\r\nHost: sewing.example\r\n").status, 404);
    assert_eq!(raw("GET /general HTTP/1.0\r\n").status, 404);
}

#[test]
fn the_cache_does_not_mix_hosts_and_a_changed_domain_counts_at_once() {
    let installation = installed();
    let server = installation.serve_cached(&["--public-url", SITE]);
    let other = installation.serve_cached(&["--public-url", SITE]);
    let titles = |server: &Server| {
        ["archive.example.org", THIMBLE, PAGES].map(|host| {
            let text = get(server, host, "/").text();
            text.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0.to_owned()
        })
    };
    for _ in 0..3 {
        assert_eq!(titles(&server), ["Communities", "Thimble Firmware", "Pages"]);
        assert_eq!(get(&server, PAGES, "/chat").status, 200);
        assert_eq!(get(&server, THIMBLE, "/chat").status, 404);
        assert_eq!(get(&server, "archive.example.org", "/chat").status, 404);
        assert_eq!(get(&server, "archive.example.org", "/pages/chat").status, 301);
    }
    titles(&other);
    let taken = patch(&server, "pages", &json!({"domain": THIMBLE}));
    assert_eq!((taken.status, taken.json()["code"].as_str()), (409, Some("conflict")));
    // Another tenant gets the domain of the first one.
    assert_eq!(patch(&server, "thimble-firmware", &json!({"domain": null})).json()["domain"], Value::Null);
    assert_eq!(titles(&server), ["Communities", "Communities", "Pages"]);
    let page = get(&server, "archive.example.org", "/thimble-firmware/general");
    assert_eq!((page.status, canonical(&page)), (200, Some(format!("{SITE}/thimble-firmware/general"))));
    assert_eq!(patch(&server, "pages", &json!({"domain": "Sewing.Example"})).json()["domain"], THIMBLE);
    let expected = ["Communities", "Pages", "Communities"];
    assert_eq!(titles(&server), expected);
    assert_eq!(canonical(&get(&server, THIMBLE, "/chat")), Some("https://sewing.example/chat".to_owned()));
    let moved = get(&server, PAGES, "/pages/chat");
    assert_eq!(location(&moved), (301, Some("https://sewing.example/chat")));
    // In another process within a second.
    let changed = Instant::now();
    loop {
        let asked = changed.elapsed();
        if titles(&other) == expected {
            break;
        }
        assert!(asked < Duration::from_secs(1), "{:?} after {asked:?}", titles(&other));
    }
}
