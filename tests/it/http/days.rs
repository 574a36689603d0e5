//! The permanent pages of days and threads.

use std::fs;

use serde_json::{Value, json};

use super::pages::{SITE, canonical, is_listed};
use crate::program::{Answer, Installation, Server};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// 2023-11-14T00:00:00Z.
const FIRST_MS: u64 = 1_699_920_000_000;

/// Returns the id of a message by the day after 2023-11-14, and its number there, one second after the other.
fn of(day: u64, number: u64) -> u64 {
    (FIRST_MS - 1_420_070_400_000 + day * DAY_MS + number * 1_000) << 22
}

fn message(id: u64, text: &str) -> Value {
    let millis = i64::try_from((id >> 22) + 1_420_070_400_000).unwrap();
    let at = jiff::Timestamp::from_millisecond(millis).unwrap();
    json!({
        "id": id.to_string(), "type": "Default", "timestamp": at.to_string(),
        "timestampEdited": null, "isPinned": false, "content": text,
        "author": {"id": "300000000000000001", "name": "ann", "isBot": false},
        "attachments": [], "embeds": [], "reactions": [], "mentions": []
    })
}

/// Returns an export of a channel with these numbers of messages on days after 2023-11-14.
pub(super) fn export(channel: u64, kind: &str, name: &str, days: &[(u64, u64)]) -> Value {
    let messages: Vec<Value> = days
        .iter()
        .flat_map(|(day, count)| (0..*count).map(move |number| message(of(*day, number), &text(*day, number))))
        .collect();
    json!({
        "guild": {"id": "100000000000000001", "name": "Pages"},
        "channel": {"id": channel.to_string(), "type": kind, "categoryId": "250", "category": "above", "name": name},
        "dateRange": {"after": null, "before": null},
        "messageCount": messages.len(), "messages": messages
    })
}

fn text(day: u64, number: u64) -> String {
    format!("message {number} of day {day}, with some more words so that the day says enough to be listed")
}

fn import(installation: &Installation, name: &str, export: &Value) {
    let path = installation.path(&format!("{name}.json"));
    fs::write(&path, export.to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &[]).0, 0);
}

fn served(installation: &Installation) -> Server {
    import(installation, "chat", &export(200, "GuildTextChat", "chat", &[(0, 3), (1, 450), (30, 1), (60, 200)]));
    import(installation, "talk", &export(210, "GuildPublicThread", "talk", &[(0, 150), (1, 300), (2, 60)]));
    installation.serve(&["--public-url", SITE])
}

/// Returns the numbers of the messages that a page shows.
fn shown(page: &Answer) -> Vec<u64> {
    let text = page.text();
    let ids = text.split(r#"<article class=""#).skip(1).map(|rest| {
        let (_, rest) = rest.split_once(r#"id="m"#).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    });
    ids.collect()
}

/// Returns the addresses of the links of a page with this relation.
fn links(page: &Answer, relation: &str) -> Vec<String> {
    let mark = format!(r#"<a rel="{relation}" href=""#);
    page.text().split(&mark).skip(1).map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
}

#[test]
fn a_day_has_a_page_for_each_200_messages() {
    let installation = Installation::new();
    let server = served(&installation);
    let mut all = Vec::new();
    let mut path = Some("/pages/chat/2023-11-14".to_owned());
    let mut paths: Vec<String> = Vec::new();
    // Each page leads to the next one: to the end.
    while let Some(here) = path {
        let page = server.get(&here);
        assert_eq!((page.status, canonical(&page)), (200, Some(format!("{SITE}{here}"))), "{here}");
        all.extend(shown(&page));
        path = links(&page, "next").first().cloned();
        if let Some(last) = paths.last() {
            // The first page of a day leads back to the first page of the day before.
            let back = links(&page, "prev").remove(0);
            assert!(back == *last || last.starts_with(&back), "{here} leads back to {back}");
        }
        paths.push(here);
    }
    let expected = ["2023-11-14", "2023-11-15", "2023-11-15/2", "2023-11-15/3", "2023-12-14", "2024-01-13"]
        .map(|day| format!("/pages/chat/{day}"));
    assert_eq!(paths, expected);
    let ids: Vec<u64> = [(0, 3), (1, 450), (30, 1), (60, 200)]
        .iter()
        .flat_map(|(day, count)| (0..*count).map(|number| of(*day, number)))
        .collect();
    assert_eq!(all, ids);
    // Only the day with a single message is thin.
    let listed: Vec<bool> = paths.iter().map(|path| is_listed(&server.get(path))).collect();
    assert_eq!(listed, [true, true, true, true, false, true]);
    for (path, to) in [("2023-11-15/1", "2023-11-15"), ("2023-11-14/1", "2023-11-14")] {
        let page = server.get(&format!("/pages/chat/{path}"));
        let to = format!("/pages/chat/{to}");
        assert_eq!((page.status, page.header("location")), (301, Some(to.as_str())));
    }
    for path in ["2023-11-15/4", "2023-11-15/0", "2023-11-15/02", "2023-11-15/x", "2023-11-16", "2023-11-31", "p/2"] {
        assert_eq!(server.get(&format!("/pages/chat/{path}")).status, 404, "{path}");
    }
    assert_eq!(server.get("/pages/talk/2023-11-14").status, 404, "a thread has pages");
}

#[test]
fn the_page_of_a_channel_leads_to_every_day() {
    let installation = Installation::new();
    let server = served(&installation);
    let front = server.get("/pages/chat");
    assert_eq!((canonical(&front), is_listed(&front)), (Some(format!("{SITE}/pages/chat")), true));
    assert_eq!(shown(&front).last(), Some(&of(60, 199)));
    let text = front.text();
    let firsts = ["2023-11-14", "2023-12-14", "2024-01-13"];
    for (first, month) in firsts.iter().zip(["November", "December", "January"]) {
        assert!(text.contains(&format!(r#"<a href="/pages/chat/{first}""#)) && text.contains(month), "{first}");
    }
    // The page of a day leads to the other days of its month.
    let day = server.get("/pages/chat/2023-11-14").text();
    assert!(day.contains(r#"href="/pages/chat/2023-11-15""#), "{day}");
    let list = |query: &str| server.get(&format!("/api/v1/tenants/pages/channels/chat/days{query}")).json();
    let months = json!([
        {"month": "2023-11", "messages": 453}, {"month": "2023-12", "messages": 1}, {"month": "2024-01", "messages": 200}
    ]);
    assert_eq!(list(""), json!({"items": months, "next": null}));
    let days = json!([
        {"day": "2023-11-14", "messages": 3, "path": "/pages/chat/2023-11-14"},
        {"day": "2023-11-15", "messages": 450, "path": "/pages/chat/2023-11-15"}
    ]);
    assert_eq!(list("?month=2023-11"), json!({"items": days, "next": null}));
    assert_eq!(list("?month=2023-10"), json!({"items": [], "next": null}));
    assert_eq!(server.get("/api/v1/tenants/pages/channels/chat/days?month=2023-1").status, 400);
}

#[test]
fn a_thread_has_pages_of_200_messages() {
    let installation = Installation::new();
    let server = served(&installation);
    let expected: Vec<u64> = [(0, 150), (1, 300), (2, 60)]
        .iter()
        .flat_map(|(day, count)| (0..*count).map(|number| of(*day, number)))
        .collect();
    let paths = ["/pages/talk", "/pages/talk/p/2", "/pages/talk/p/3"];
    for (index, path) in paths.iter().enumerate() {
        let page = server.get(path);
        assert_eq!((canonical(&page), is_listed(&page)), (Some(format!("{SITE}{path}")), true), "{path}");
        assert_eq!(shown(&page), expected[index * 200..expected.len().min((index + 1) * 200)], "{path}");
        let (next, previous) = (links(&page, "next"), links(&page, "prev"));
        assert_eq!(next.first().map(String::as_str), paths.get(index + 1).copied());
        assert_eq!(previous.first().map(String::as_str), index.checked_sub(1).map(|index| paths[index]));
    }
    let first = server.get("/pages/talk/p/1");
    assert_eq!((first.status, first.header("location")), (301, Some("/pages/talk")));
    for path in ["/pages/talk/p/4", "/pages/talk/p/0", "/pages/talk/p/2x"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

#[test]
fn a_permalink_names_the_page_that_shows_its_message_for_ever() {
    let installation = Installation::new();
    let server = served(&installation);
    let chat = [(0, 0), (0, 2), (1, 0), (1, 199), (1, 200), (1, 399), (1, 400), (1, 449), (30, 0), (60, 0), (60, 199)];
    let talk = [(0, 0), (0, 149), (1, 0), (1, 49), (1, 50), (1, 249), (1, 250), (1, 299), (2, 0), (2, 59)];
    for (channel, numbers) in [("chat", &chat[..]), ("talk", &talk[..])] {
        for (day, number) in numbers {
            let own = format!("/pages/{channel}/{}", of(*day, *number));
            let page = server.get(&own);
            assert_eq!(page.status, 200);
            let text = page.text();
            let mark = format!(r#"id="m{}" tabindex="-1" autofocus"#, of(*day, *number));
            assert_eq!(text.matches("autofocus").count(), 1, "only the message is scrolled to");
            assert!(text.contains(&mark), "{text}");
            let home = canonical(&page).unwrap();
            let home = server.get(home.strip_prefix(SITE).unwrap());
            assert_eq!((home.status, canonical(&home)), (200, canonical(&page)), "{own}");
            assert!(shown(&home).contains(&of(*day, *number)), "{own}: {:?}", canonical(&page));
            assert_eq!(is_listed(&page), is_listed(&home), "{own}");
        }
    }
}

#[test]
fn a_view_of_other_pages_is_not_listed() {
    let installation = Installation::new();
    let server = served(&installation);
    let some = of(1, 60);
    for query in [format!("before={some}"), format!("after={some}"), "after=0".into(), "sort=created".into()] {
        for channel in ["chat", "talk"] {
            let page = server.get(&format!("/pages/{channel}?{query}"));
            assert_eq!((page.status, canonical(&page)), (200, None), "{query}");
            assert!(!is_listed(&page) || channel == "talk" && query.starts_with("sort"), "{query}");
        }
    }
}

#[test]
fn a_day_whose_messages_were_all_deleted_is_gone() {
    let installation = Installation::new();
    let server = served(&installation);
    assert_eq!(server.get("/pages/chat/2023-12-14").status, 200);
    let without = export(200, "GuildTextChat", "chat", &[(0, 3), (1, 450), (60, 200)]);
    let mut without = without;
    without["exportedAt"] = json!("2024-06-01T00:00:00+00:00");
    let path = installation.path("later.json");
    fs::write(&path, without.to_string()).unwrap();
    assert_eq!(installation.import(&[&path], &["--complete"]).0, 0);
    let gone = server.get("/pages/chat/2023-12-14");
    assert_eq!((gone.status, gone.text().contains("every message of this day was deleted")), (410, false));
    assert!(gone.text().contains("Every message of this day was deleted"), "{}", gone.text());
    assert!(!server.get("/pages/chat").text().contains("2023-12-14"));
    assert_eq!(links(&server.get("/pages/chat/2024-01-13"), "prev"), ["/pages/chat/2023-11-15"; 2]);
}
