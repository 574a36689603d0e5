//! The Markdown twins of pages: the same messages, under the same rules.

use std::collections::BTreeSet;

use serde_json::json;

use super::pages::{SITE, canonical};
use crate::program::{ADMIN_KEY, Answer, Installation, Server, examples};

/// Returns the path of the twin that a page names.
fn twin(page: &Answer) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once(r#"<link rel="alternate" type="text/markdown" href=""#)?;
    Some(rest.split_once('"').unwrap().0.to_owned())
}

/// Returns the ids of the messages of a page.
fn of_page(page: &Answer) -> BTreeSet<String> {
    let text = page.text();
    let ids = text.split(r#"id="m"#).skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned());
    ids.collect()
}

/// Returns the ids of the messages of a twin, which are the last parts of the links in its headings.
fn of_twin(twin: &Answer) -> BTreeSet<String> {
    let text = twin.text();
    let headings = text.lines().filter_map(|line| line.strip_prefix("## [")?.split_once(") · "));
    headings.map(|(link, _)| link.rsplit_once('/').unwrap().1.to_owned()).collect()
}

/// Returns the paths of the links of a twin to other twins.
fn links(twin: &Answer) -> Vec<String> {
    let text = twin.text();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')?.0.strip_prefix(SITE));
    let is_twin = |path: &&str| path.split('?').next().is_some_and(|path| path.strip_suffix(".md").is_some());
    targets.filter(is_twin).map(str::to_owned).collect()
}

fn check(server: &Server, path: &str) -> Option<Answer> {
    let page = server.get(path);
    assert_eq!(page.status, 200, "{path}");
    let twin = server.get(&twin(&page)?);
    assert_eq!((twin.status, twin.header("content-type")), (200, Some("text/markdown; charset=utf-8")), "{path}");
    assert_eq!(twin.header("x-robots-tag"), Some("noindex"), "{path}");
    let link = format!("<{}>; rel=\"canonical\"", canonical(&page).unwrap());
    assert_eq!(twin.header("link"), Some(link.as_str()), "{path}");
    assert_eq!(of_twin(&twin), of_page(&page), "{path}");
    Some(twin)
}

#[test]
fn twins_lead_to_each_other_and_have_the_messages_of_their_pages() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let server = installation.serve_cached(&["--public-url", SITE, "--rate-limit", "0"]);
    let (mut queue, mut seen) = (vec!["/.md".to_owned()], BTreeSet::from(["/.md".to_owned()]));
    let mut messages = BTreeSet::new();
    while let Some(path) = queue.pop() {
        let twin = server.get(&path);
        assert_eq!((twin.status, twin.header("x-robots-tag")), (200, Some("noindex")), "{path}");
        messages.extend(of_twin(&twin));
        if !path.contains('?') {
            let page = path.strip_suffix(".md").unwrap();
            check(&server, if page.is_empty() { "/" } else { page }).expect("the page names its twin");
        }
        queue.extend(links(&twin).into_iter().filter(|path| seen.insert(path.clone())));
    }
    assert!(messages.len() > 100 && seen.len() > 20, "{} messages in {} twins", messages.len(), seen.len());
    let first = messages.first().unwrap();
    let permalink = server.get(&format!("/thimble-firmware/general/{first}"));
    let permalink = permalink.header("location").map_or(format!("/thimble-firmware/general/{first}"), str::to_owned);
    assert!(of_twin(&check(&server, &permalink).unwrap()).contains(first));
}

#[test]
fn a_twin_follows_the_rules_of_its_page() {
    let installation = Installation::new();
    let mut export = super::days::export(200, "GuildTextChat", "chat", &[(0, 3), (1, 203)]);
    export["messages"][1]["content"] =
        "# Not a heading\n<script>alert(1)</script> ![x](https://evil.example/x.png)".into();
    let path = installation.path("chat.json");
    std::fs::write(&path, export.to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
    let server = installation.serve_cached(&["--public-url", SITE]);
    let day = server.get("/pages/chat/2023-11-14.md");
    let text = day.text();
    assert!(
        text.starts_with("# chat, 14 November 2023\n\n- Page: <https://archive.example.org/pages/chat/2023-11-14>\n")
    );
    assert!(
        text.contains("\n\n**Not a heading**\n\n\\<script\\>alert(1)\\</script\\> \\![x](https://evil.example/x.png)"),
        "{text}"
    );
    assert!(
        text.contains("\n- Next: [15 November 2023](https://archive.example.org/pages/chat/2023-11-15.md)\n"),
        "{text}"
    );
    assert!(server.get("/pages/chat/2023-11-15.md").text().contains("/pages/chat/2023-11-15/2.md)\n"));
    assert_eq!(of_twin(&server.get("/pages/chat/2023-11-15/2.md")).len(), 3);
    let tag = format!("If-None-Match: {}\r\n", day.header("etag").unwrap());
    assert_eq!(server.request("GET", "/pages/chat/2023-11-14.md", &tag, b"").status, 304);
    for (path, location) in [
        ("/pages/200.md", "/pages/chat.md"),
        ("/pages/200/2023-11-14.md", "/pages/chat/2023-11-14.md"),
        ("/pages/chat/2023-11-15/1.md", "/pages/chat/2023-11-15.md"),
    ] {
        let moved = server.get(path);
        assert_eq!((moved.status, moved.header("location")), (301, Some(location)), "{path}");
    }
    for missing in
        ["nowhere.md", "chat/2023-11-13.md", "chat/1.md", "chat/2023-11-15/3.md", "chat/p/1.md", "search.md", ".md"]
    {
        assert_eq!(server.get(&format!("/pages/{missing}")).status, 404, "{missing}");
    }
    let part = server.get(&format!("/pages/chat.md?before={}", super::pages::id(1)));
    assert_eq!((part.status, part.header("link"), part.header("x-robots-tag")), (200, None, Some("noindex")));
    let admin = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    for (status, expected) in [("MAINTENANCE", 503), ("CANCELLED", 410)] {
        let body = json!({"status": status}).to_string();
        assert_eq!(server.request("PATCH", "/api/v1/admin/tenants/pages", &admin, body.as_bytes()).status, 200);
        for path in ["/pages.md", "/pages/chat.md", "/pages/chat/2023-11-14.md"] {
            assert_eq!(server.get(path).status, expected, "{path}");
        }
    }
}

#[test]
fn a_private_channel_has_no_twin() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &["--visibility", "private"]).0, 0);
    let server = installation.serve(&[]);
    let unknown = server.get("/thimble-firmware/no-such-channel.md");
    let private = server.get("/thimble-firmware/general.md");
    assert_eq!((private.status, private.text()), (404, unknown.text()));
    let front = server.get("/thimble-firmware.md").text();
    assert_eq!(front, "# Thimble Firmware\n\n- Page: [/thimble-firmware](/thimble-firmware)\n");
}
