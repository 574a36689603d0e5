//! robots.txt and sitemaps: exactly the pages that search engines should list.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use super::pages::{SITE, canonical, is_listed};
use crate::program::{ADMIN_KEY, Answer, Installation, Server, examples};

/// A site as a crawler without script sees it.
pub(super) struct Crawler<'a> {
    pub(super) server: &'a Server,
    /// The host of its requests.
    pub(super) host: &'a str,
    /// The scheme and host of its canonical addresses.
    pub(super) origin: &'a str,
}

/// The result of a crawl.
#[derive(Default)]
pub(super) struct Crawled {
    /// The paths of all links.
    pub(super) seen: BTreeSet<String>,
    /// The pages that search engines should list.
    pub(super) indexable: BTreeSet<String>,
    /// The messages that the pages show.
    pub(super) messages: BTreeSet<String>,
}

impl Crawler<'_> {
    pub(super) fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.host);
        self.server.raw(head.as_bytes()).unwrap()
    }

    /// Returns the addresses of a sitemap or of an index, without the site, each with the time of its last change.
    pub(super) fn listed(&self, path: &str) -> BTreeMap<String, Option<String>> {
        let page = self.get(path);
        assert_eq!((page.status, page.header("content-type")), (200, Some("application/xml")), "{path}");
        let text = page.text();
        let entry = |rest: &str| {
            let (address, rest) = rest.split_once("</loc>").unwrap();
            let time = rest.split_once("<lastmod>").filter(|(before, _)| before.is_empty());
            let time = time.map(|(_, rest)| rest.split_once('<').unwrap().0.to_owned());
            (address.strip_prefix(self.origin).unwrap().to_owned(), time)
        };
        text.split("<loc>").skip(1).map(entry).collect()
    }

    /// Returns the pages of all sitemaps of an index.
    pub(super) fn in_sitemaps(&self, index: &str) -> BTreeSet<String> {
        self.listed(index).keys().flat_map(|sitemap| self.listed(sitemap).into_keys()).collect()
    }

    /// Follows all links from `/` on, except searches. Each canonical page has the message that its page is about.
    pub(super) fn crawl(&self) -> Crawled {
        let mut crawled = Crawled { seen: BTreeSet::from(["/".to_owned()]), ..Crawled::default() };
        let (mut queue, mut canonicals) = (VecDeque::from(["/".to_owned()]), Vec::new());
        while let Some(path) = queue.pop_front() {
            let page = self.get(&path);
            assert!([200, 301].contains(&page.status), "{path} is {}", page.status);
            let is_page = page.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            if page.status == 301 || !is_page {
                continue;
            }
            let text = page.text();
            let ids = text
                .split(r#"<article class=""#)
                .skip(1)
                .map(|rest| rest.split_once(r#"id="m"#).unwrap().1.split_once('"').unwrap().0.to_owned());
            let ids: BTreeSet<String> = ids.collect();
            if let Some(home) = canonical(&page) {
                let home = home.strip_prefix(self.origin).unwrap().to_owned();
                if home == path && is_listed(&page) {
                    crawled.indexable.insert(path.clone());
                }
                // The message that the address names is on the page that is named canonical.
                if let Some(id) = path.rsplit('/').next().filter(|id| ids.contains(*id)) {
                    canonicals.push((home, id.to_owned()));
                }
            }
            crawled.messages.extend(ids);
            for link in links(&text) {
                let is_search = link.split('?').next().unwrap().ends_with("/search");
                if !is_search && crawled.seen.insert(link.clone()) {
                    queue.push_back(link);
                }
            }
        }
        for (home, id) in canonicals {
            assert!(self.get(&home).text().contains(&format!(r#"id="m{id}""#)), "{home} lacks {id}");
        }
        crawled
    }
}

/// Returns the addresses of a sitemap of the installation, or of an index.
fn listed(server: &Server, path: &str) -> BTreeMap<String, Option<String>> {
    Crawler { server, host: "archive.example.org", origin: SITE }.listed(path)
}

/// Returns the paths of the site that a page links to.
fn links(text: &str) -> Vec<String> {
    let hrefs = text.split(r#" href=""#).skip(1).map(|rest| rest.split_once('"').unwrap().0);
    hrefs
        .filter(|path| path.starts_with('/'))
        .map(|path| path.split('#').next().unwrap().replace("&amp;", "&"))
        .collect()
}

/// Returns the ids of the public messages of a community, as the API has them.
pub(super) fn messages(server: &Server, tenant: &str) -> BTreeSet<String> {
    let channels = format!("/api/v1/tenants/{tenant}/channels");
    let mut places: Vec<String> = Vec::new();
    for channel in server.get(&format!("{channels}?limit=100")).json()["items"].as_array().unwrap() {
        let id = channel["id"].as_str().unwrap();
        places.push(id.to_owned());
        let threads = server.get(&format!("{channels}/{id}/threads?limit=100")).json();
        places.extend(
            threads["items"].as_array().unwrap().iter().map(|thread| thread["id"].as_str().unwrap().to_owned()),
        );
    }
    let mut messages = BTreeSet::new();
    for place in places {
        let mut after = Some("0".to_owned());
        while let Some(id) = after {
            let page = server.get(&format!("{channels}/{place}/messages?after={id}&limit=100")).json();
            messages
                .extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            after = page["newer"].as_str().map(str::to_owned);
        }
    }
    messages
}

/// Asserts that two sets of messages are the same.
pub(super) fn assert_same(reached: &BTreeSet<String>, public: &BTreeSet<String>) {
    assert_eq!(public.difference(reached).collect::<Vec<_>>(), Vec::<&String>::new(), "not reached");
    assert_eq!(reached.difference(public).collect::<Vec<_>>(), Vec::<&String>::new(), "not public");
}

#[test]
fn a_crawl_reaches_every_message_and_the_sitemaps_list_exactly_the_indexable_pages() {
    let installation = Installation::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    assert_eq!(installation.import(&[&examples], &[]).0, 0);
    let server = installation.serve(&["--public-url", SITE, "--rate-limit", "0"]);
    let crawler = Crawler { server: &server, host: "archive.example.org", origin: SITE };
    let mut found = crawler.crawl();
    let public = messages(&server, "thimble-firmware");
    assert!(public.len() > 100);
    assert_same(&found.messages, &public);
    found.indexable.remove("/");
    assert_eq!(crawler.in_sitemaps("/thimble-firmware/sitemap.xml"), found.indexable);
}

#[test]
fn robots_txt_names_the_sitemap_of_each_community() {
    let installation = Installation::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let server = installation.serve(&["--public-url", SITE, "--import", examples.to_str().unwrap()]);
    let text = server.get("/robots.txt").text();
    assert!(text.contains(&format!("\nSitemap: {SITE}/thimble-firmware/sitemap.xml\n")), "{text}");
    assert!(text.contains("User-agent: GPTBot\n") && text.contains("Disallow: /\n"), "{text}");
    let (training, others) = text.split_once("\n\n").unwrap();
    assert!(training.ends_with("\nDisallow: /") && others.starts_with("User-agent: *\nDisallow: /api/\n"), "{text}");
    for wrong in ["sitemap-2024-13.xml", "sitemap-1999-01.xml", "sitemap-2024-01-2.xml", "sitemap-x", "sitemap-.xml"] {
        assert_eq!(server.get(&format!("/thimble-firmware/{wrong}")).status, 404, "{wrong}");
    }
}

#[test]
fn a_community_decides_whether_models_are_trained_with_it() {
    let installation = Installation::new();
    let server = installation.serve_cached(&["--public-url", SITE, "--import", examples().to_str().unwrap()]);
    let admin = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let training = || server.get("/robots.txt").text().split_once("\n\n").unwrap().0.to_owned();
    let set = |policy: &str| {
        let body = format!("{{\"ai_training\": \"{policy}\"}}");
        let path = "/api/v1/admin/tenants/thimble-firmware";
        let changed = server.request("PATCH", path, &admin, body.as_bytes());
        assert_eq!((changed.status, changed.json()["ai_training"].as_str()), (200, Some(policy)));
    };
    assert!(training().ends_with("\nDisallow: /"));
    assert_eq!(server.get("/api/v1/tenants/thimble-firmware").json().get("ai_training"), None);
    set("allow");
    let allowed = "\nDisallow: /\nAllow: /thimble-firmware$\nAllow: /thimble-firmware.md$\nAllow: /thimble-firmware/\n\
                   Disallow: /thimble-firmware/search";
    assert!(training().ends_with(allowed), "{}", training());
    let shown = installation.run(&["tenant", "show", "thimble-firmware"]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("collect its text to train models"));
    let updated = installation.run(&["tenant", "update", "thimble-firmware", "--ai-training", "deny", "--json"]);
    assert!(String::from_utf8(updated.stdout).unwrap().contains("\"ai_training\":\"deny\""));
    // That was another process, whose changes are seen within a second; those of the server are seen at once.
    set("allow");
    set("deny");
    assert!(training().ends_with("\nDisallow: /"));
}

#[test]
fn a_month_of_60_000_pages_is_split() {
    let installation = Installation::new();
    let path = installation.path("chat.json");
    let export = super::days::export(200, "GuildTextChat", "chat", &[(0, 3), (1, 3), (40, 3)]);
    std::fs::write(&path, export.to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    // 200 messages are a page.
    for (day, pages) in [(20_231_114, 45_000), (20_231_115, 15_000)] {
        let changed = database.execute("UPDATE channel_days SET messages = ?1 WHERE day = ?2", [pages * 200, day]);
        assert_eq!(changed.unwrap(), 1);
    }
    let server = installation.serve(&["--public-url", SITE, "--rate-limit", "0"]);
    let index = listed(&server, "/pages/sitemap.xml");
    let of_november = |path: &&String| path.contains("2023-11");
    let parts: Vec<&String> = index.keys().filter(of_november).collect();
    assert_eq!(parts, ["/pages/sitemap-2023-11-2.xml", "/pages/sitemap-2023-11.xml"]);
    assert!(parts.iter().all(|part| index[*part].is_none()), "which of them changed is not known");
    let (first, second) = (listed(&server, parts[1]), listed(&server, parts[0]));
    assert_eq!((first.len(), second.len()), (50_000, 10_000));
    let page = |day: &str, number: u64| match number {
        1 => format!("/pages/chat/{day}"),
        number => format!("/pages/chat/{day}/{number}"),
    };
    let expected = (1..=45_000).map(|number| page("2023-11-14", number));
    let expected: BTreeSet<String> = expected.chain((1..=15_000).map(|number| page("2023-11-15", number))).collect();
    assert_eq!(first.keys().chain(second.keys()).cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(server.get("/pages/sitemap-2023-11-3.xml").status, 404);
    assert!(listed(&server, "/pages/sitemap-2023-12.xml").contains_key("/pages/chat/2023-12-24"));
}

#[test]
fn a_channel_can_be_named_like_a_sitemap_or_feed() {
    let installation = Installation::new();
    for (number, name) in [(200, "sitemap-2023-11"), (201, "sitemap-ideas"), (202, "feed-xml"), (203, "events")] {
        let path = installation.path(&format!("{name}.json"));
        std::fs::write(&path, super::days::export(number, "GuildTextChat", name, &[(0, 3)]).to_string()).unwrap();
        assert_eq!(installation.import(&[&path], &[]).0, 0);
    }
    let server = installation.serve(&["--public-url", SITE]);
    for name in ["sitemap-2023-11", "sitemap-ideas", "feed-xml", "events"] {
        let page = server.get(&format!("/pages/{name}"));
        assert_eq!((page.status, canonical(&page)), (200, Some(format!("{SITE}/pages/{name}"))), "{name}");
    }
    assert!(listed(&server, "/pages/sitemap-2023-11.xml").contains_key("/pages/sitemap-2023-11/2023-11-14"));
    assert_eq!(server.get("/pages/sitemap-ideas/feed.json").status, 200);
    assert_eq!(server.get("/pages/sitemap-ideas/feed.txt").status, 404);
}

#[test]
fn the_last_robots_txt_is_served_while_the_store_fails() {
    let installation = Installation::new();
    let server = installation.serve(&["--public-url", SITE, "--import", examples().to_str().unwrap()]);
    let before = server.get("/robots.txt");
    assert!(before.text().contains(&format!("\nSitemap: {SITE}/thimble-firmware/sitemap.xml\n")), "{}", before.text());
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let rename = |from: &str, to: &str| {
        database.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    rename("tenants", "lost");
    assert_eq!(server.get("/thimble-firmware").status, 500);
    let last = server.get("/robots.txt");
    assert_eq!((last.status, last.text(), last.header("cache-control")), (200, before.text(), Some("no-store")));
    rename("lost", "tenants");
    assert_eq!(server.get("/thimble-firmware").status, 200);
    // A server that never could read the list has the rules alone.
    let other = installation.serve_with(&["--public-url", SITE], |_| {});
    rename("tenants", "lost");
    let text = other.get("/robots.txt").text();
    assert!(text.contains("User-agent: *\nDisallow: /api/\n") && !text.contains("Sitemap:"), "{text}");
}

#[test]
fn the_time_of_a_page_moves_only_with_its_page() {
    let installation = Installation::new();
    let mut export = super::days::export(200, "GuildTextChat", "chat", &[(0, 3), (1, 4), (40, 3)]);
    let path = installation.path("chat.json");
    let mut day = 0;
    let mut import = |export: &mut serde_json::Value, flags: &[&str]| {
        day += 1;
        export["exportedAt"] = format!("2024-06-{day:02}T00:00:00+00:00").into();
        std::fs::write(&path, export.to_string()).unwrap();
        assert_eq!(installation.import(&[&path], flags).0, 0);
    };
    import(&mut export, &[]);
    let server = installation.serve(&["--public-url", SITE]);
    let all = || -> BTreeMap<String, Option<String>> {
        let index = listed(&server, "/pages/sitemap.xml");
        index.keys().flat_map(|sitemap| listed(&server, sitemap)).chain(index.clone()).collect()
    };
    let mut before = all();
    assert_eq!(before["/pages/chat/2023-11-15"].as_deref(), Some("2024-06-01T00:00:00.000Z"));
    let mut moved = |export: &mut serde_json::Value, flags: &[&str]| -> Vec<String> {
        import(export, flags);
        let after = all();
        assert!(after.keys().eq(before.keys()), "the same pages are listed");
        let moved = after.iter().filter(|(path, at)| before[*path] != **at).map(|(path, _)| path.clone()).collect();
        before = after;
        moved
    };
    let none: [&str; 0] = [];
    assert_eq!(moved(&mut export, &[]), none, "the same again");
    export["messages"][4]["content"] = "another text, which is long enough for its day to be listed as before".into();
    export["messages"][4]["timestampEdited"] = "2024-06-02T12:00:00+00:00".into();
    assert_eq!(moved(&mut export, &[]), ["/pages/chat/2023-11-15", "/pages/sitemap-2023-11.xml"], "an edit");
    export["messages"][0]["reactions"] =
        serde_json::json!([{"emoji": {"id": "", "name": "🧵", "code": "thread", "isAnimated": false}, "count": 2}]);
    assert_eq!(moved(&mut export, &[]), ["/pages/chat/2023-11-14", "/pages/sitemap-2023-11.xml"], "a reaction");
    export["messages"][8]["content"] = "a text of another day, which is long enough for that one to be listed".into();
    assert_eq!(moved(&mut export, &[]), ["/pages/chat/2023-12-24", "/pages/sitemap-2023-12.xml"], "another day");
    export["messages"].as_array_mut().unwrap().remove(6);
    export["messageCount"] = 9.into();
    assert_eq!(moved(&mut export, &[]), none, "absence alone proves nothing");
    let deleted = moved(&mut export, &["--complete"]);
    assert_eq!(deleted, ["/pages/chat/2023-11-15", "/pages/sitemap-2023-11.xml"], "a deletion");
    assert_eq!(moved(&mut export, &["--complete"]), none, "the same deletion again");
}
