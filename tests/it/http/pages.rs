//! The metadata in a page's head, and the parameters that a page reads.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Answer, Installation, Server};

pub(super) const SITE: &str = "https://archive.example.org";

/// A server with `PUBLIC_URL`, with channels of one guild whose messages `1000…` are one minute apart.
fn served(installation: &Installation, channels: &[(&str, u64)]) -> Server {
    for (index, (name, count)) in channels.iter().enumerate() {
        let path = installation.path(&format!("{name}.json"));
        fs::write(&path, export(200 + index as u64, name, *count).to_string()).unwrap();
        assert_eq!(installation.import(&[&path], &[]).0, 0);
    }
    installation.serve_cached(&["--public-url", SITE])
}

/// Returns the id of a message by its number.
pub(crate) fn id(number: u64) -> u64 {
    (1_700_000_000_000 - 1_420_070_400_000 + number * 60_000) << 22
}

fn export(channel: u64, name: &str, count: u64) -> Value {
    let messages: Vec<Value> = (0..count)
        .map(|number| {
            json!({
                "id": id(number).to_string(), "type": "Default", "timestamp": "2023-11-14T22:13:20+00:00",
                "timestampEdited": null, "isPinned": false, "content": format!("message {number}"),
                "author": {"id": "300000000000000001", "name": "ann", "isBot": false},
                "attachments": [], "embeds": [], "reactions": [], "mentions": []
            })
        })
        .collect();
    json!({
        "guild": {"id": "100000000000000001", "name": "Pages"},
        "channel": {"id": channel.to_string(), "type": "GuildTextChat", "categoryId": null, "name": name},
        "dateRange": {"after": null, "before": null},
        "messages": messages, "messageCount": count
    })
}

pub(super) fn canonical(page: &Answer) -> Option<String> {
    let text = page.text();
    let (_, rest) = text.split_once(r#"<link rel="canonical" href=""#)?;
    Some(rest.split_once('"').unwrap().0.to_owned())
}

pub(super) fn is_listed(page: &Answer) -> bool {
    !page.text().contains(r#"<meta name="robots" content="noindex">"#)
}

#[test]
fn a_page_ignores_parameters_that_it_does_not_know() {
    let installation = Installation::new();
    let server = served(&installation, &[("long", 120)]);
    let permalink = format!("/pages/long/{}", id(3));
    for path in ["/", "/pages", "/pages/long", &permalink] {
        let plain = server.get(path);
        for query in ["utm_source=x&utm_medium=%ff", "fbclid=IwAR0", "fbclid", "a=1&a=2", "&&=&%", "limit=5"] {
            let shared = server.get(&format!("{path}?{query}"));
            assert_eq!((shared.status, shared.text()), (200, plain.text()), "{path}?{query}");
        }
    }
    let before = id(60);
    let page = server.get(&format!("/pages/long?before={before}"));
    let shared = server.get(&format!("/pages/long?utm_source=x&before={before}&fbclid=1"));
    assert_eq!(shared.text(), page.text());
    assert_eq!(server.get("/pages/?utm_source=x").header("location"), Some("/pages?utm_source=x"));
    for wrong in ["before=x", "before=", "before=1&before=2", "before=1&after=2", "after=%ff"] {
        let page = server.get(&format!("/pages/long?{wrong}"));
        assert_eq!((page.status, page.header("content-type")), (400, Some("text/html; charset=utf-8")), "{wrong}");
    }
    assert_eq!(server.get("/api/v1/tenants/pages/channels?utm_source=x").status, 400);
}

#[test]
fn a_page_is_listed_under_its_own_address_or_not_at_all() {
    let installation = Installation::new();
    let server = served(&installation, &[("long", 120), ("short", 50)]);
    for path in ["/pages", "/pages/long", "/pages/short"] {
        let page = server.get(path);
        assert_eq!((canonical(&page), is_listed(&page)), (Some(format!("{SITE}{path}")), true), "{path}");
    }
    let some = id(60);
    for query in [format!("before={some}"), format!("after={some}"), "after=0".into(), "sort=created".into()] {
        let page = server.get(&format!("/pages/long?{query}&utm_source=x"));
        assert_eq!((page.status, canonical(&page), is_listed(&page)), (200, None, false), "{query}");
    }
    let page = server.get("/?cursor=aaa");
    assert_eq!((canonical(&page), is_listed(&page)), (None, false));
}

#[test]
fn a_picture_that_no_page_can_show_is_a_link() {
    let installation = Installation::new();
    let folder = installation.path("exports");
    let names = ["lamp.png", "plan.svg", "scan.tiff"];
    let mut export = export(200, "long", 1);
    let file = |(index, name): (usize, &&str)| json!({"id": (index + 1).to_string(), "url": format!("long.json_Files/{name}"), "fileName": name, "fileSizeBytes": 4});
    export["messages"][0]["attachments"] = names.iter().enumerate().map(file).collect();
    fs::create_dir_all(folder.join("long.json_Files")).unwrap();
    fs::write(folder.join("long.json"), export.to_string()).unwrap();
    for name in names {
        let bytes: &[u8] = if name == "lamp.png" { b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" } else { name.as_bytes() };
        fs::write(folder.join("long.json_Files").join(name), bytes).unwrap();
    }
    assert_eq!(installation.import(&[&folder], &[]).0, 0);
    let server = installation.serve_cached(&[]);
    let page = server.get("/pages/long").text();
    assert_eq!(page.matches("<img").count(), 1, "{page}");
    let stored = server.get("/api/v1/tenants/pages/channels/long/messages").json();
    for (index, name) in names.iter().enumerate() {
        let path = stored["items"][0]["attachments"][index]["url"].as_str().unwrap();
        assert!(path.ends_with(name), "{path}");
        let answer = server.get(path);
        let is_shown = answer.header("content-disposition").unwrap().starts_with("inline");
        assert_eq!((answer.status, is_shown), (200, index == 0), "{path}");
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        assert_eq!(page.contains(&format!("src=\"{path}\"")), is_shown, "{page}");
    }
}

#[test]
fn an_error_page_speaks_in_sentences() {
    let installation = Installation::new();
    let server = served(&installation, &[("long", 1)]);
    for (path, said) in [("/nope", "There is no such community."), ("/pages/nope", "There is no such channel.")] {
        let page = server.get(path);
        assert_eq!((page.status, page.text().contains(&format!("<p>{said}</p>"))), (404, true), "{}", page.text());
    }
}

#[test]
fn an_age_gated_channel_is_marked_wherever_it_is_shown() {
    let installation = Installation::new();
    let examples = crate::program::examples();
    assert_eq!(installation.import(&[&examples], &[]).0, 0);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    let server = installation.serve(&["--public-url", SITE]);
    let channels = server.get("/api/v1/tenants/thimble-firmware/channels").json();
    let named = |wanted: &dyn Fn(&Value) -> bool| -> Value {
        let items = channels["items"].as_array().unwrap();
        items.iter().find(|channel| wanted(channel)).unwrap_or_else(|| panic!("{channels}")).clone()
    };
    let forum = named(&|channel| channel["type"] == 15);
    let (forum_id, forum_slug) = (forum["id"].as_str().unwrap(), forum["slug"].as_str().unwrap());
    let threads = format!("/api/v1/tenants/thimble-firmware/channels/{forum_slug}/threads");
    let post = server.get(&threads).json()["items"][0].clone();
    let post_path = format!("/thimble-firmware/{}", post["slug"].as_str().unwrap());
    let permalink = post["starter"]["permalink"].as_str().unwrap();
    let first = server.get("/api/v1/tenants/thimble-firmware/channels/general/messages").json()["items"][0].clone();
    let paths = [
        format!("/thimble-firmware/{forum_slug}"),
        format!("/thimble-firmware/{forum_slug}?sort=created"),
        post_path.clone(),
        permalink.to_owned(),
    ];
    let marks =
        ["<meta name=\"rating\" content=\"adult\">", "<meta name=\"robots\" content=\"noindex\">", "role=\"note\""];
    for path in &paths[..1] {
        let page = server.get(path).text();
        assert!(marks.iter().all(|mark| !page.contains(mark)) && !page.contains("18+"), "{path}");
    }
    assert_eq!(database.execute("UPDATE channels SET nsfw = 1 WHERE channel_id = ?1", [forum_id]).unwrap(), 1);
    for path in &paths {
        let page = server.get(path);
        assert_eq!(page.status, 200, "{path}");
        for mark in marks {
            assert!(page.text().contains(mark), "{path} lacks {mark}");
        }
        let text = page.text();
        let notice = text.find("role=\"note\"").unwrap();
        let content = text.find("<article").or_else(|| text.find("class=\"cards\"")).unwrap_or(text.len());
        assert!(notice < content, "{path}: the notice comes first");
    }
    let sign = "title=\"Age-gated\"";
    assert_eq!(server.get("/thimble-firmware").text().matches(sign).count(), 1);
    let posts = server.get(&format!("/thimble-firmware/{forum_slug}")).text();
    assert!(posts.matches(sign).count() >= 2, "the posts are marked like their forum");
    // Other channels change only their mark in the list.
    for path in ["/thimble-firmware/general", first["permalink"].as_str().unwrap()] {
        let page = server.get(path).text();
        assert_eq!(page.matches(sign).count(), 1, "{path}");
        assert!(marks.iter().all(|mark| !page.contains(mark)), "{path}");
    }
}
