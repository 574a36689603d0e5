//! Feeds, held against the fields of RFC 4287 and JSON Feed 1.1.

use domain::timestamp::Timestamp;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use super::pages::SITE;
use crate::program::{Installation, Server, examples};

/// An element: its path, its text and its attributes.
struct Element {
    path: String,
    text: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

fn element(above: &[String], tag: &BytesStart<'_>) -> Element {
    let attributes = tag.attributes().map(|one| one.unwrap());
    let attributes = attributes.map(|one| (one.key.as_ref().to_owned(), one.value.into_owned()));
    let path = [above, &[tag.name().as_ref().to_owned()]].concat().join("/");
    Element { path, text: String::new(), attributes: attributes.collect() }
}

/// Returns the elements of a well-formed document.
fn parse(document: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(document);
    let (mut elements, mut open) = (Vec::<Element>::new(), Vec::<String>::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                elements.push(element(&open, &tag));
                open.push(tag.name().as_ref().to_owned());
            }
            Event::Empty(tag) => elements.push(element(&open, &tag)),
            Event::End(_) => drop(open.pop()),
            Event::Text(text) => elements.last_mut().into_iter().for_each(|last| last.text.push_str(&text)),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty());
    elements
}

/// Checks the fields of RFC 4287; returns the ids of the entries.
fn check_atom(server: &Server, path: &str) -> Vec<String> {
    let answer = server.get(path);
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/atom+xml; charset=utf-8")),
        "{path}"
    );
    let elements = parse(&answer.text());
    assert_eq!(elements[0].attribute("xmlns"), Some("http://www.w3.org/2005/Atom"));
    let count = |of: &[Element], path: &str| of.iter().filter(|element| element.path == path).count();
    for name in ["id", "title", "updated"] {
        assert_eq!(count(&elements, &format!("feed/{name}")), 1, "{path}: {name}");
    }
    let is_self = |element: &&Element| element.path == "feed/link" && element.attribute("rel") == Some("self");
    assert_eq!(elements.iter().find(is_self).unwrap().attribute("href"), Some(format!("{SITE}{path}").as_str()));
    let starts: Vec<usize> = (0..elements.len()).filter(|index| elements[*index].path == "feed/entry").collect();
    let mut ids = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let entry = &elements[*start..starts.get(index + 1).copied().unwrap_or(elements.len())];
        for name in ["id", "title", "updated", "published", "author", "author/name", "content"] {
            assert_eq!(count(entry, &format!("feed/entry/{name}")), 1, "{path}: {name}");
        }
        for element in entry {
            match element.path.as_str() {
                "feed/entry/id" => ids.push(element.text.clone()),
                "feed/entry/updated" | "feed/entry/published" => assert!(element.text.parse::<Timestamp>().is_ok()),
                "feed/entry/link" => {
                    let address = element.attribute("href").unwrap().strip_prefix(SITE).unwrap();
                    assert_eq!(server.get(address).status, 200, "{address}");
                }
                _ => {}
            }
        }
    }
    assert!(ids.iter().all(|id| id.starts_with("tag:archive.example.org,")), "{ids:?}");
    ids
}

/// Checks the fields of JSON Feed 1.1; returns the feed.
fn check_json(server: &Server, path: &str) -> Value {
    let answer = server.get(path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/feed+json")), "{path}");
    let feed = answer.json();
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(feed["feed_url"], format!("{SITE}{path}"));
    assert!(!feed["title"].as_str().unwrap().is_empty());
    for item in feed["items"].as_array().unwrap() {
        for key in ["id", "url", "title", "content_text", "date_published", "date_modified"] {
            assert!(item[key].is_string(), "{path}: {key}");
        }
        let author = item["authors"][0].as_object().unwrap();
        assert_eq!(author.keys().collect::<Vec<_>>(), ["name"], "no address of a person");
    }
    feed
}

#[test]
fn every_feed_has_its_fields_and_both_formats_have_the_same_items() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let tags = json!([{"id": "77", "name": "Solved", "emoji": null}]).to_string();
    database.execute("UPDATE channels SET tags = ?1 WHERE kind = 15", [tags]).unwrap();
    database.execute("UPDATE channels SET applied_tags = '[\"77\"]' WHERE name = 'First board, a diary'", []).unwrap();
    let server = installation.serve(&["--public-url", SITE]);
    let counts = [
        ("/thimble-firmware", 4),
        ("/thimble-firmware/general", 50),
        ("/thimble-firmware/build-log", 4),
        ("/thimble-firmware/build-log/tag/77", 1),
        ("/thimble-firmware/first-board-a-diary", 10),
    ];
    for (base, count) in counts {
        let ids = check_atom(&server, &format!("{base}/feed.xml"));
        let feed = check_json(&server, &format!("{base}/feed.json"));
        let items = feed["items"].as_array().unwrap();
        assert_eq!(ids, items.iter().map(|item| item["id"].as_str().unwrap()).collect::<Vec<_>>(), "{base}");
        assert!(ids.len() <= count && ids.len() + 5 > count, "{base}: {}", ids.len());
        let dates: Vec<&str> = items.iter().map(|item| item["date_published"].as_str().unwrap()).collect();
        assert!(dates.is_sorted_by(|a, b| a >= b), "{base}: the newest first");
    }
    for missing in ["build-log/tag/78", "build-log/tag/x", "general/tag/77", "nowhere"] {
        assert_eq!(server.get(&format!("/thimble-firmware/{missing}/feed.xml")).status, 404, "{missing}");
    }
    for path in ["/thimble-firmware", "/thimble-firmware/build-log", "/thimble-firmware/first-board-a-diary"] {
        let page = server.get(path).text();
        let links: Vec<&str> = page.split("<link rel=\"alternate\" type=\"application/").skip(1).collect();
        assert!(links.len() >= 2, "{path}");
        for link in links {
            let address = link.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(server.get(address.strip_prefix(SITE).unwrap()).status, 200, "{address}");
        }
    }
}

#[test]
fn a_deleted_message_and_a_hidden_channel_are_in_no_feed() {
    let installation = Installation::new();
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let server = installation.serve(&["--public-url", SITE]);
    let feed = check_json(&server, "/thimble-firmware/general/feed.json");
    let first = feed["items"][0]["id"].as_str().unwrap().to_owned();
    let message: i64 = first.rsplit('/').next().unwrap().parse().unwrap();
    drop(server);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let delete = "UPDATE messages SET deleted_at = 1, deletion_kind = 1 WHERE message_id = ?1";
    assert_eq!(database.execute(delete, [message]).unwrap(), 1);
    database.execute("UPDATE channels SET visibility = 'private' WHERE kind = 15", []).unwrap();
    let server = installation.serve(&["--public-url", SITE]);
    let feed = server.get("/thimble-firmware/general/feed.json").text();
    assert!(!feed.contains(&first), "{feed}");
    assert_eq!(server.get("/thimble-firmware/build-log/feed.xml").status, 404);
    // Without a post, it has messages.
    let all = check_json(&server, "/thimble-firmware/feed.json")["items"].to_string();
    assert!(!all.contains(&first) && !all.contains("/build-log/") && all.contains("/general/"), "{all}");
}

#[test]
fn a_community_without_posts_has_the_messages_of_its_channels_in_its_feed() {
    let installation = Installation::new();
    for (number, name, days) in [(200, "chat", [(0, 40), (2, 30)]), (201, "news", [(1, 3), (3, 2)])] {
        let path = installation.path(&format!("{name}.json"));
        std::fs::write(&path, super::days::export(number, "GuildTextChat", name, &days).to_string()).unwrap();
        assert_eq!(installation.import(&[&path], &[]).0, 0);
    }
    let items = |server: &Server| check_json(server, "/pages/feed.json")["items"].as_array().unwrap().clone();
    let server = installation.serve(&["--public-url", SITE]);
    let all = items(&server);
    assert_eq!(check_atom(&server, "/pages/feed.xml").len(), 50);
    let of = |item: &Value| item["url"].as_str().unwrap().split('/').nth(4).unwrap().to_owned();
    let expected = [("news", 2), ("chat", 30), ("news", 3), ("chat", 15)];
    let expected: Vec<&str> = expected.into_iter().flat_map(|(name, count)| std::iter::repeat_n(name, count)).collect();
    assert_eq!(all.iter().map(of).collect::<Vec<_>>(), expected);
    drop(server);
    // What is for adults only is not sent to readers of feeds.
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    assert_eq!(database.execute("UPDATE channels SET nsfw = 1 WHERE name = 'chat'", []).unwrap(), 1);
    let server = installation.serve(&["--public-url", SITE]);
    assert!(items(&server).iter().all(|item| of(item) == "news"));
    for path in ["/pages/chat/feed.xml", "/pages/chat/feed.json"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    assert!(!server.get("/pages/chat").text().contains("application/atom+xml"));
    assert!(server.get("/pages/news").text().contains("application/atom+xml"));
}
