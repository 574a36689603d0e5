//! An open page in a browser: changes to its channel appear on it without a reload.
#![expect(clippy::unwrap_used, reason = "what fails here fails a test")]

mod chromium;
#[path = "../it/program.rs"]
#[expect(dead_code, reason = "it is the program of all end-to-end tests")]
mod program;
mod reading;
mod tabs;

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use self::chromium::{Chromium, Tab};
use self::program::{ADMIN_KEY, Installation, Server};

/// The id of the first message.
const FIRST: u64 = 1_477_000_000_000_000_000;

/// An export of a channel, or of a post in a forum, as of an hour, whose messages have a number and a text.
fn export(channel: &Value, hour: u32, messages: &[(u64, &str)]) -> Value {
    let message = |(number, text): &(u64, &str)| {
        json!({
            "id": (FIRST + number * 100_000_000_000).to_string(), "type": "Default",
            "timestamp": "2026-03-01T12:00:00+00:00",
            "timestampEdited": text.contains("edited").then(|| format!("2026-03-02T{hour:02}:00:00+00:00")),
            "isPinned": false, "content": text, "attachments": [], "embeds": [],
            "reactions": if text.contains("liked") { json!([{"emoji": {"id": "", "name": "🦀"}, "count": 3}]) } else { json!([]) },
            "mentions": [], "author": {"id": "7", "name": "ann", "isBot": false},
        })
    };
    json!({
        "guild": {"id": "100", "name": "Open Pages"}, "channel": channel,
        "dateRange": {"after": null, "before": null}, "exportedAt": format!("2026-03-02T{hour:02}:00:00+00:00"),
        "messages": messages.iter().map(message).collect::<Vec<_>>(), "messageCount": messages.len(),
    })
}

fn general() -> Value {
    json!({"id": "200", "type": "GuildTextChat", "categoryId": null, "name": "general"})
}

fn import(installation: &Installation, export: &Value) {
    let path = installation.path("export.json");
    fs::write(&path, export.to_string()).unwrap();
    let (code, report) = installation.import(&[&path], &["--complete"]);
    assert_eq!(code, 0, "{report}");
}

/// A page with these messages, open in a browser.
async fn opened(messages: &[(u64, &str)]) -> (Installation, Server, Chromium, Tab) {
    let (installation, server) = served(messages);
    let browser = Chromium::start().await;
    let tab = open(&browser, &server, "").await;
    (installation, server, browser, tab)
}

/// A server with these messages.
fn served(messages: &[(u64, &str)]) -> (Installation, Server) {
    let installation = Installation::new();
    import(&installation, &export(&general(), 1, messages));
    let server = installation.serve_without_index(&["--role", "web"]);
    (installation, server)
}

/// Opens the page in a tab.
async fn open(browser: &Chromium, server: &Server, script: &str) -> Tab {
    let tab = browser.open_after(&format!("http://{}/open-pages/general", server.address()), script).await;
    tab.until("document.querySelector('article') && document.querySelector('.news')").await;
    tab
}

/// Returns the value of a metric.
fn metric(server: &Server, name: &str) -> u64 {
    let answer = server.request("GET", "/metrics", &format!("Authorization: Bearer {ADMIN_KEY}\r\n"), b"").text();
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
    line.parse().unwrap()
}

/// Waits until readers of the server have so many streams; a minute at most.
fn wait_for_streams(server: &Server, count: u64) {
    let begun = Instant::now();
    while metric(server, "verta_streams_open") != count {
        assert!(begun.elapsed() < Duration::from_mins(1), "not {count} streams");
    }
}

const TEXT: &str = "document.getElementById('list').innerText";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_message_appears_changes_and_vanishes_on_an_open_page() {
    let (installation, server, _browser, tab) = opened(&[(1, "the first"), (2, "the second")]).await;
    wait_for_streams(&server, 1);
    tab.run("document.querySelector('article').kept = true").await;
    let as_of = |hour, third: Option<&'static str>| {
        let third = third.map(|text| (3, text));
        let all = [Some((1, "the first")), Some((2, "the second")), third, Some((4, "the fourth"))];
        export(&general(), hour, &all.into_iter().flatten().collect::<Vec<_>>())
    };
    import(&installation, &as_of(2, Some("a third, new one")));
    tab.until(&format!("{TEXT}.includes('a third, new one') && {TEXT}.includes('the fourth')")).await;
    tab.screenshot("appeared").await;
    import(&installation, &as_of(3, Some("the third, edited and liked")));
    tab.until(&format!("{TEXT}.includes('the third, edited and liked') && {TEXT}.includes('🦀 3')")).await;
    assert_eq!(tab.run(&format!("{TEXT}.includes('a third, new one')")).await, json!(false));
    tab.screenshot("changed").await;
    import(&installation, &as_of(4, None));
    tab.until(&format!("!{TEXT}.includes('the third')")).await;
    tab.screenshot("vanished").await;
    // The page was never loaded again, and no message that stayed was replaced.
    assert_eq!(tab.run("document.querySelector('article').kept").await, json!(true));
    assert_eq!(tab.run("document.querySelectorAll('article').length").await, json!(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_reader_who_has_scrolled_up_stays_there_and_is_told() {
    let text = "a line\n".repeat(12);
    let before: Vec<(u64, &str)> = (1..=20).map(|number| (number, text.as_str())).collect();
    let (installation, server, _browser, tab) = opened(&before).await;
    wait_for_streams(&server, 1);
    tab.run("scrollTo(0, 900)").await;
    let after: Vec<_> = before.iter().copied().chain((21..=23).map(|number| (number, "new"))).collect();
    import(&installation, &export(&general(), 2, &after));
    tab.until("document.querySelector('.news').innerText === '3 new messages'").await;
    assert_eq!(
        tab.run("[scrollY, document.querySelector('.news').getAttribute('role')]").await,
        json!([900, "status"])
    );
    tab.screenshot("scrolled").await;
    tab.run("document.querySelector('.news button').click()").await;
    tab.until("scrollY > 900 && document.querySelector('.news').innerText === ''").await;
    // At the end, the page follows.
    tab.run("scrollTo(0, document.body.scrollHeight)").await;
    let more: Vec<_> = after.iter().copied().chain([(24, "followed")]).collect();
    import(&installation, &export(&general(), 3, &more));
    tab.until(&format!("{TEXT}.includes('followed')")).await;
    assert_eq!(tab.run("document.querySelector('.news').innerText").await, json!(""));
    let end = "document.getElementById('list').getBoundingClientRect().bottom <= innerHeight + 1";
    tab.until(end).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn tabs_share_a_stream_and_a_closed_channel_leaves_all_of_them() {
    let (installation, server, browser, first) = opened(&[(1, "the first")]).await;
    let second = open(&browser, &server, "").await;
    wait_for_streams(&server, 1);
    import(&installation, &export(&general(), 2, &[(1, "the first"), (2, "for both")]));
    for tab in [&first, &second] {
        tab.until(&format!("{TEXT}.includes('for both')")).await;
    }
    assert_eq!(metric(&server, "verta_streams_open"), 1);
    let path = installation.path("export.json");
    let (code, _) = installation.import(&[&path], &["--visibility", "private"]);
    assert_eq!(code, 0);
    for tab in [&first, &second] {
        tab.until("document.querySelector('h1').innerText.startsWith('404')").await;
        assert_eq!(tab.run("document.body.innerText.includes('for both')").await, json!(false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_post_and_its_count_appear_on_an_open_page_of_a_forum() {
    let post = |id: &str, name: &str| json!({"id": id, "type": "GuildPublicThread", "categoryId": "300", "category": "help", "name": name});
    let forum = json!({"id": "300", "type": "GuildForum", "categoryId": null, "name": "help"});
    let installation = Installation::new();
    import(&installation, &export(&forum, 1, &[]));
    import(&installation, &export(&post("301", "first post"), 1, &[(1, "a question")]));
    let server = installation.serve_without_index(&["--role", "web"]);
    let browser = Chromium::start().await;
    let tab = browser.open(&format!("http://{}/open-pages/help", server.address())).await;
    let text = "document.querySelector('ul.cards').innerText";
    tab.until(&format!("document.querySelector('.news') && {text}.includes('0 replies')")).await;
    wait_for_streams(&server, 1);
    import(&installation, &export(&post("301", "first post"), 2, &[(1, "a question"), (2, "an answer")]));
    tab.until(&format!("{text}.includes('1 reply')")).await;
    import(&installation, &export(&post("302", "second post"), 2, &[(3, "another question")]));
    tab.until(&format!("{text}.includes('second post')")).await;
    tab.screenshot("forum").await;
}
