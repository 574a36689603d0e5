//! Lists: hidden items do not occur in them, do not make them expensive, and cannot be inferred from them.

use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::faults::{address_through, upstream};
use crate::import::fixture::{export, message, of_channel, write};
use crate::program::{ADMIN_KEY, Answer, Installation, Server};
use crate::proxy::Proxy;
use crate::server::Database;

fn admin(server: &Server, path: &str) -> Answer {
    server.request("GET", path, &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"")
}

/// Copies the community `merged`, with its channel if it is to have one.
fn add_tenants(database: &Connection, slugs: impl Iterator<Item = String>, status: &str, with_channel: bool) {
    let unit = database.unchecked_transaction().unwrap();
    for slug in slugs {
        let id = uuid::Uuid::new_v4().to_string();
        let tenant =
            "INSERT INTO tenants SELECT ?1, platform, ?2, ?2, ?2, ?3, logo_url, primary_color, secondary_color,
            accent_color, created_at, updated_at, deleting_since, retention_deleted_days, retention_edited_days, solved_tags,
            NULL, ai_training, NULL, NULL, NULL, NULL, NULL, NULL
            FROM tenants WHERE slug = 'merged'";
        assert_eq!(unit.execute(tenant, [&id, &slug, status]).unwrap(), 1);
        if with_channel {
            let channel =
                "INSERT INTO channels SELECT ?1, ?2, platform_id, NULL, kind, thread, name, slug, topic, position,
                nsfw, visibility, archived, locked, tags, applied_tags, extra, 0, 0, last_activity_at, active_at, fence,
                observed_at, NULL
                FROM channels WHERE name = 'general'
                AND tenant_id = (SELECT tenant_id FROM tenants WHERE slug = 'merged')";
            assert_eq!(unit.execute(channel, [&uuid::Uuid::new_v4().to_string(), &id]).unwrap(), 1);
        }
    }
    unit.commit().unwrap();
}

/// Returns the communities on all pages of `/`, and the number of pages.
fn home(server: &Server) -> (Vec<String>, usize) {
    let (mut found, mut path, mut pages) = (Vec::new(), "/".to_owned(), 0);
    loop {
        let page = server.get(&path).text();
        pages += 1;
        let links = page.split("<h2><a href=\"/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        found.extend(links);
        let Some((_, rest)) = page.split_once("rel=\"next\" href=\"") else { return (found, pages) };
        rest.split('"').next().unwrap().clone_into(&mut path);
        assert!(pages < 50);
    }
}

fn merged() -> Installation {
    let installation = Installation::new();
    let file = write(&installation, "merged.json", &export(1, &[message(1_000, "one")]));
    assert_eq!(installation.import(&[&file], &[]).0, 0);
    installation
}

#[test]
fn the_start_page_leads_to_every_community_whatever_stands_between() {
    let installation = merged();
    let database = Connection::open(installation.database()).unwrap();
    add_tenants(&database, (0..51).map(|number| format!("aaa-{number:02}")), "CANCELLED", true);
    add_tenants(&database, ["zed".to_owned()].into_iter(), "ACTIVE", true);
    let server = installation.serve(&[]);
    assert_eq!(home(&server), (vec!["merged".to_owned(), "zed".to_owned()], 1));
    add_tenants(&database, (0..1_100).map(|number| format!("bbb-{number:04}")), "MAINTENANCE", true);
    add_tenants(&database, (0..1_100).map(|number| format!("ccc-{number:04}")), "ACTIVE", false);
    add_tenants(&database, (0..60).map(|number| format!("ddd-{number:02}")), "ACTIVE", true);
    let (found, pages) = home(&server);
    let expected = (0..60).map(|number| format!("ddd-{number:02}")).chain(["merged".to_owned(), "zed".to_owned()]);
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert!((3..=5).contains(&pages), "{pages} pages");
    // The admin sees all of them.
    let (mut all, mut cursor) = (0, String::new());
    loop {
        let page = admin(&server, &format!("/api/v1/admin/tenants?limit=100{cursor}")).json();
        all += page["items"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(all, 51 + 1_100 + 1_100 + 60 + 2);
}

#[test]
fn a_community_without_a_public_channel_is_not_on_the_start_page() {
    let installation = merged();
    let mut direct = of_channel(90, "DirectTextChat", "rosafinch", None);
    direct["guild"] = json!({"id": "0", "name": "Direct Messages", "iconUrl": ""});
    let direct = write(&installation, "direct.json", &direct);
    assert_eq!(installation.import(&[&direct], &[]).0, 0);
    let mut private = of_channel(70, "GuildTextChat", "secret", None);
    private["guild"] = json!({"id": "6", "name": "Secret Society", "iconUrl": ""});
    let private = write(&installation, "private.json", &private);
    assert_eq!(installation.import(&[&private], &["--visibility", "private"]).0, 0);
    let server = installation.serve(&[]);
    assert_eq!(home(&server).0, ["merged"]);
    let listed = admin(&server, "/api/v1/admin/tenants").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    assert_eq!(installation.import(&[&private], &["--visibility", "public"]).0, 0);
    assert_eq!(home(&server).0, ["merged", "secret-society"]);
}

/// Adds `count` channels with ids from `first` on, all at one position behind `general`, below `parent`.
fn add_channels(database: &Connection, first: u64, count: u64, visibility: &str, parent: Option<u64>) {
    let unit = database.unchecked_transaction().unwrap();
    for id in first..first + count {
        let sql = "INSERT INTO channels SELECT ?1, tenant_id, ?2,
            (SELECT channel_id FROM channels WHERE platform_id = ?5), 0, 0, 'channel', ?3, NULL, 9, 0, ?4, 0, 0, NULL,
            NULL, NULL, 0, 0, NULL, 1420070400000, 0, NULL, NULL FROM channels WHERE name = 'general' AND thread = 0";
        let values = rusqlite::params![uuid::Uuid::new_v4().to_string(), id, format!("c-{id}"), visibility, parent];
        assert_eq!(unit.execute(sql, values).unwrap(), 1);
    }
    unit.commit().unwrap();
}

#[test]
fn every_channel_is_reached_however_many_there_are() {
    let installation = merged();
    let database = Connection::open(installation.database()).unwrap();
    add_channels(&database, 100_000, 1_200, "private", None);
    add_channels(&database, 200_000, 1_300, "public", None);
    // The parent is in the tree; its children are beyond it.
    add_channels(&database, 300_000, 3, "public", Some(200_000));
    add_threads(&database, 400_000, 2, "public", false);
    let server = installation.serve(&[]);
    let public: Vec<_> = ["talk".to_owned(), "general".to_owned()]
        .into_iter()
        .chain((200_000..201_300).map(|id| format!("c-{id}")))
        .chain((300_000..300_003).map(|id| format!("c-{id}")))
        .collect();
    for limit in [7, 100] {
        let (found, pages) = channels(|path| server.get(path), limit, "");
        assert!(found == public, "{limit} at a time: {} of {}", found.len(), public.len());
        assert_eq!(pages, public.len().div_ceil(limit));
    }
    let (found, _) = channels(|path| admin(&server, path), 100, "");
    assert_eq!(found.len(), public.len() + 1_200);
    let (found, _) = channels(|path| server.get(path), 2, "&parent=c-200000");
    assert_eq!(found, ["c-300000", "c-300001", "c-300002"]);
    let (found, _) = channels(|path| server.get(path), 1, "&parent=general");
    assert_eq!(found, ["t-400000", "t-400001"]);
    // The site shows as many as a tree has, categories included, and leads to the others.
    let page = server.get("/merged").text();
    assert_eq!(page.matches("class=\"name\" href=\"/merged/").count(), 999);
    let (_, rest) = page.split_once("rel=\"next\" href=\"").expect("more channels");
    let next = server.get(rest.split('"').next().unwrap()).text();
    assert_eq!(next.matches("class=\"name\" href=\"/merged/").count(), public.len() - 1_000);
    assert!(next.contains("noindex") && !next.contains("rel=\"next\""));
    assert_eq!(server.get("/merged/c-201299").status, 200);
    for cursor in ["x", &uuid::Uuid::new_v4().to_string()] {
        assert_eq!(server.get(&format!("/merged?cursor={cursor}")).status, 400);
    }
}

/// Adds `count` threads of `general` with ids from `first` on.
fn add_threads(database: &Connection, first: u64, count: u64, visibility: &str, archived: bool) {
    let unit = database.unchecked_transaction().unwrap();
    for id in first..first + count {
        let sql = "INSERT INTO channels SELECT ?1, tenant_id, ?2, channel_id, 11, 1, 'thread', ?3, NULL, 0, 0, ?4, ?5, 0, NULL,
            NULL, NULL, 0, 0, NULL, 1420070400000, 0, NULL, NULL FROM channels WHERE name = 'general' AND thread = 0";
        let values = rusqlite::params![uuid::Uuid::new_v4().to_string(), id, format!("t-{id}"), visibility, archived];
        assert_eq!(unit.execute(sql, values).unwrap(), 1);
    }
    unit.execute("UPDATE channels SET thread_count = 9 WHERE name = 'general' AND thread = 0", []).unwrap();
    unit.commit().unwrap();
}

/// Returns the slugs on all pages of a list of threads, and the number of pages.
fn threads(ask: impl Fn(&str) -> Answer, limit: usize, query: &str) -> (Vec<String>, usize) {
    listed(ask, "/channels/general/threads", limit, query)
}

/// Returns the slugs on all pages of a list of channels, and the number of pages.
fn channels(ask: impl Fn(&str) -> Answer, limit: usize, query: &str) -> (Vec<String>, usize) {
    listed(ask, "/channels", limit, query)
}

fn listed(ask: impl Fn(&str) -> Answer, list: &str, limit: usize, query: &str) -> (Vec<String>, usize) {
    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = ask(&format!("/api/v1/tenants/merged{list}?limit={limit}{query}{cursor}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        pages += 1;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        found.extend(items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return (found, pages) };
        cursor = format!("&cursor={next}");
        assert!(pages < 500);
    }
}

#[test]
fn a_page_of_threads_examines_a_bounded_number_whatever_the_filter() {
    let installation = merged();
    let database = Connection::open(installation.database()).unwrap();
    // From the oldest to the newest: two open threads, many archived ones, many private ones.
    add_threads(&database, 100_000, 2, "public", false);
    add_threads(&database, 200_000, 2_500, "public", true);
    add_threads(&database, 300_000, 2_500, "private", false);
    let server = installation.serve(&[]);
    for sort in ["&sort=activity", "&sort=created"] {
        let (found, pages) = threads(|path| server.get(path), 2, &format!("{sort}&archived=false"));
        assert_eq!(found, ["t-100001", "t-100000"], "{sort}");
        // A thousand rows a page, none of them private.
        assert!((3..=4).contains(&pages), "{sort}: {pages} pages");
        let first = server.get(&format!("/api/v1/tenants/merged/channels/general/threads?limit=2{sort}")).json();
        assert_eq!(first["items"][0]["slug"], "t-202499", "{sort}: private threads do not shift the others");
        let next = first["next"].as_str().unwrap();
        let id: u64 = next.rsplit('-').next().unwrap().parse().unwrap();
        assert!(id < 300_000, "a cursor does not tell of a private thread: {next}");
        let (found, pages) = threads(|path| admin(&server, path), 100, &format!("{sort}&archived=true"));
        assert_eq!((found.len(), found[0].as_str()), (2_500, "t-202499"), "{sort}");
        // The leading threads that are not archived take some of the pages.
        assert!((26..=30).contains(&pages), "{sort}: {pages} pages");
    }
}

#[test]
fn types_that_are_not_on_the_list_are_for_the_admin_alone() {
    let installation = Installation::new();
    let hidden = ["24", "36", "37", "38", "39", "70", "SomethingNew"];
    let mut messages = vec![message(1_000, "first")];
    messages.extend((1_001..).zip(hidden).map(|(id, kind)| {
        let mut message = message(id, &format!("alarm of type {kind}"));
        message["type"] = json!(kind);
        message["embeds"] = json!([{"title": "alarm in an embed", "url": null, "timestamp": null, "description": "d"}]);
        message
    }));
    messages.push(message(2_000, "last"));
    let file = write(&installation, "alarms.json", &export(1, &messages));
    assert_eq!(installation.import(&[&file], &[]).0, 0);
    let server = installation.serve(&[]);
    let list = "/api/v1/tenants/merged/channels/general/messages";
    let ids = |answer: Answer| -> Vec<String> {
        let page: Value = answer.json();
        page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    for query in ["", "?limit=2", "?after=0", "?around=1003", "?before=3000&limit=2", "?after=999"] {
        let answer = server.get(&format!("{list}{query}"));
        assert!(!answer.text().contains("alarm"), "{query}");
        assert_eq!(ids(answer), ["1000", "2000"], "{query}");
    }
    let page = server.get(&format!("{list}?limit=1")).json();
    assert_eq!((&page["older"], &page["newer"]), (&json!("2000"), &json!(null)));
    for path in ["/merged/general", "/merged/general?before=2000", "/merged/general?after=1000"] {
        assert!(!server.get(path).text().contains("alarm"), "{path}");
    }
    for id in 1_001..1_008 {
        assert_eq!(server.get(&format!("/api/v1/tenants/merged/messages/{id}")).status, 404, "{id}");
        assert_eq!(server.get(&format!("/merged/general/{id}")).status, 404, "{id}");
        assert_eq!(admin(&server, &format!("/api/v1/tenants/merged/messages/{id}")).status, 200, "{id}");
    }
    assert_eq!(ids(admin(&server, list)).len(), 9);
}

fn slugs(server: &Server) -> Vec<String> {
    let listed = server.get("/api/v1/tenants/merged/channels").json();
    let items = listed["items"].as_array().unwrap().iter();
    items.filter(|item| item["type"] != 4).map(|item| item["slug"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_slug_of_a_public_channel_does_not_tell_of_a_private_one() {
    let named = |installation: &Installation, id: u64| -> PathBuf {
        write(installation, &format!("{id}.json"), &of_channel(id, "GuildTextChat", "layoffs", None))
    };
    for private_first in [true, false] {
        let installation = Installation::new();
        let (private, public) = (named(&installation, 50), named(&installation, 60));
        let steps = [(&private, "private"), (&public, "public")];
        let steps: Vec<_> = if private_first { steps.to_vec() } else { steps.into_iter().rev().collect() };
        for (file, visibility) in steps {
            assert_eq!(installation.import(&[file], &["--visibility", visibility]).0, 0);
        }
        let server = installation.serve(&[]);
        assert_eq!(slugs(&server), ["layoffs"], "{private_first}");
        assert_eq!(server.get("/merged/layoffs").status, 200);
        assert_eq!(server.get("/merged/Private-layoffs").status, 404);
        let seen = admin(&server, "/api/v1/tenants/merged/channels/50").json();
        assert_eq!(seen["slug"], "Private-layoffs");
        assert_eq!(admin(&server, "/api/v1/tenants/merged/channels/Private-layoffs").status, 200);
        // Once readers may see it, it gets a slug of its own name, and the other one keeps its slug.
        assert_eq!(installation.import(&[&private], &["--visibility", "public"]).0, 0);
        let mut all = slugs(&server);
        all.sort();
        assert_eq!(all, ["layoffs", "layoffs-2"]);
        assert_eq!(admin(&server, "/api/v1/tenants/merged/channels/60").json()["slug"], "layoffs");
        // The slug then stays the same.
        assert_eq!(installation.import(&[&private], &["--visibility", "private"]).0, 0);
        assert_eq!(admin(&server, "/api/v1/tenants/merged/channels/50").json()["slug"], "layoffs-2");
    }
}

#[test]
fn the_slug_of_a_thread_of_a_private_channel_tells_nothing() {
    let installation = Installation::new();
    let above = of_channel(50, "GuildTextChat", "staff", None);
    let above = write(&installation, "above.json", &above);
    let thread = of_channel(51, "GuildPublicThread", "layoffs", Some((50, "staff")));
    let thread = write(&installation, "thread.json", &thread);
    let public = write(&installation, "public.json", &of_channel(60, "GuildTextChat", "layoffs", None));
    assert_eq!(installation.import(&[&above, &thread], &["--visibility", "private"]).0, 0);
    assert_eq!(installation.import(&[&public], &["--visibility", "public"]).0, 0);
    let server = installation.serve(&[]);
    assert_eq!(slugs(&server), ["layoffs"]);
}

/// An export of a post whose first message has a file.
fn post(number: u64) -> Value {
    let id = 5_000 + number * 10;
    let mut opener = message(id, &format!("opener {number}"));
    opener["attachments"] = json!([{"id": (id + 1).to_string(), "url": "https://a.example/a.png", "fileName": "a.png",
        "fileSizeBytes": 5}]);
    let mut export = export(1, &[opener, message(id + 2, "answer")]);
    export["channel"] = json!({"id": id.to_string(), "type": "GuildPublicThread", "name": format!("post {number}"),
        "topic": null, "categoryId": "40", "category": "help"});
    export
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a MySQL-protocol server"]
async fn a_page_of_a_forum_costs_the_same_number_of_statements_whatever_the_posts() {
    let database = Database::new().await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let (direct, behind) = (database.address(), address_through(&proxy, &database));
    let counted = tokio::task::spawn_blocking(move || {
        let importer = Installation::at(&direct);
        let import = |numbers: std::ops::Range<u64>| {
            let files: Vec<_> =
                numbers.map(|number| write(&importer, &format!("{number}.json"), &post(number))).collect();
            let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
            assert_eq!(importer.import(&files, &[]).0, 0);
        };
        let server_at = Installation::at(&behind);
        let server = server_at.serve_without_index(&["--role", "web"]);
        let count = || {
            ["/merged/help", "/api/v1/tenants/merged/channels/help/threads?limit=100"].map(|path| {
                // A connection prepares a statement at its first use, so the minimum over many requests counts.
                let least = (0..20).map(|_| {
                    let before = proxy.statements();
                    assert!(server.get(path).text().contains("opener 1"), "{path}");
                    proxy.statements() - before
                });
                least.min().unwrap()
            })
        };
        import(0..3);
        let few = count();
        import(3..45);
        (few, count())
    });
    let (few, many) = counted.await.unwrap();
    // The statements that a connection prepares add a difference of one or two; 42 more posts add none.
    for (few, many) in few.into_iter().zip(many) {
        assert!(many <= few + 2, "{few} and {many} statements");
    }
    drop(database);
}
