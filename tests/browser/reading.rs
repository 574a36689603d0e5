//! What the site's script adds for readers, and how the pages work without it.

use std::fs;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::chromium::{Chromium, Reader, Tab};
use super::program::{Installation, Server};

/// A PNG file of one pixel.
const PIXEL: &[u8] =
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// The id of the first message, at 2026-03-01 12:00 UTC.
const FIRST: u64 = (1_772_366_400_000 - 1_420_070_400_000) << 22;
const NOON: &str = "1 March 2026 at 12:00 UTC";

fn message(number: u64, text: &str) -> Value {
    // An hour apart.
    json!({
        "id": (FIRST + (number - 1) * (3_600_000 << 22)).to_string(), "type": "Default",
        "timestamp": "2026-03-01T12:00:00+00:00", "timestampEdited": null, "isPinned": false, "content": text,
        "attachments": [], "embeds": [], "reactions": [], "mentions": [],
        "author": {"id": "7", "name": "ann", "isBot": false},
    })
}

fn export(id: &str, name: &str, messages: &[Value]) -> Value {
    json!({
        "guild": {"id": "100", "name": "Reading"},
        "channel": {"id": id, "type": "GuildTextChat", "categoryId": "900", "category": "Rooms", "name": name},
        "dateRange": {"after": null, "before": null}, "exportedAt": "2026-03-09T00:00:00+00:00",
        "messages": messages, "messageCount": messages.len(),
    })
}

/// A server with two channels: the messages of the first one show each thing that a reader can do.
fn served() -> (Installation, Server) {
    let installation = Installation::new();
    let files = installation.path("general.json_Files");
    fs::create_dir_all(&files).unwrap();
    let mut pictures = message(2, "three pictures");
    for number in 1..=3 {
        let name = format!("{number}.png");
        fs::write(files.join(&name), BASE64.decode(PIXEL).unwrap()).unwrap();
        let path = format!("general.json_Files/{name}");
        let file = json!({"id": (500 + number).to_string(), "url": path, "fileName": name, "fileSizeBytes": 70});
        pictures["attachments"].as_array_mut().unwrap().push(file);
    }
    let mut reply = message(4, "a reply");
    reply["type"] = "Reply".into();
    reply["reference"] = json!({"messageId": FIRST.to_string(), "channelId": "200", "guildId": "100"});
    let general = [message(1, "the first"), pictures, message(3, "it is ||the otter||"), reply];
    for (id, name, messages) in [("200", "general", &general[..]), ("201", "random", &[message(9, "another")])] {
        let path = installation.path(&format!("{name}.json"));
        fs::write(&path, export(id, name, messages).to_string()).unwrap();
        let (code, report) = installation.import(&[&path], &[]);
        assert_eq!(code, 0, "{report}");
    }
    let server = installation.serve_without_index(&["--role", "web"]);
    (installation, server)
}

struct Open {
    _installation: Installation,
    server: Server,
    browser: Chromium,
    tab: Tab,
}

/// The page of the first channel, open in the browser of a reader.
async fn opened(reader: &Reader<'_>) -> Open {
    let (installation, server) = served();
    let browser = Chromium::start().await;
    let tab = browser.open_as(&address(&server, "general"), reader).await;
    Open { _installation: installation, server, browser, tab }
}

fn address(server: &Server, channel: &str) -> String {
    format!("http://{}/reading/{channel}", server.address())
}

const WITHOUT_SCRIPT: Reader<'_> = Reader { script: "", has_script: false, zone: "Asia/Tokyo", width: 390 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn the_theme_that_a_reader_chose_is_remembered() {
    let open = opened(&Reader::default()).await;
    let Open { server, tab, .. } = &open;
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = tab.run(ground).await;
    tab.click("button.theme").await;
    tab.screenshot("dark").await;
    let dark = tab.run(ground).await;
    assert_ne!(light, dark);
    tab.go(&address(server, "random")).await;
    assert_eq!(tab.run(ground).await, dark);
    assert_eq!(tab.run("document.querySelector('button.theme').ariaPressed").await, json!("true"));
    tab.click("button.theme").await;
    tab.go(&address(server, "general")).await;
    assert_eq!(tab.run(ground).await, light);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_folded_category_stays_folded_on_other_pages() {
    let open = opened(&Reader::default()).await;
    let Open { server, tab, .. } = &open;
    let is_open = "document.querySelector('nav.channels details[data-fold]').open";
    assert_eq!(tab.run(is_open).await, json!(true));
    tab.click(".tree .category").await;
    assert_eq!(tab.run(is_open).await, json!(false));
    tab.go(&address(server, "random")).await;
    assert_eq!(tab.run(is_open).await, json!(false));
    tab.click(".tree .category").await;
    tab.go(&address(server, "general")).await;
    assert_eq!(tab.run(is_open).await, json!(true));
}

/// The name of the picture in the viewer; null while it is closed.
const SHOWN: &str = "(() => { const viewer = document.querySelector('dialog.viewer[open]');
    return viewer && viewer.querySelector('img').src.split('/').pop() })()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn pictures_are_viewed_by_keys() {
    let open = opened(&Reader::default()).await;
    let Open { tab, .. } = &open;
    let link = "document.querySelectorAll('.gallery a')";
    tab.run(&format!("{link}[0].focus()")).await;
    tab.press("Enter", "\r").await;
    assert_eq!(tab.run(SHOWN).await, json!("1.png"));
    tab.screenshot("viewer").await;
    for (key, expected) in
        [("ArrowRight", "2.png"), ("ArrowRight", "3.png"), ("ArrowRight", "1.png"), ("ArrowLeft", "3.png")]
    {
        tab.press(key, "").await;
        assert_eq!(tab.run(SHOWN).await, json!(expected), "{key}");
    }
    tab.press("Escape", "").await;
    tab.until(&format!("!document.querySelector('dialog.viewer[open]') && document.activeElement === {link}[0]")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn pictures_are_viewed_by_touch() {
    let open = opened(&Reader { width: 390, ..Reader::default() }).await;
    let Open { tab, .. } = &open;
    tab.tap(".gallery a").await;
    tab.until(&format!("{SHOWN} === '1.png'")).await;
    // The title counts the times that the last finger was lifted.
    let count = "let swipes = 0;
        addEventListener('touchend', ({ touches }) => touches.length || (document.title = ++swipes), true)";
    tab.run(count).await;
    let (one, two) = (&[(200, 300)][..], &[(200, 300), (260, 300)][..]);
    // A short way is none, and two fingers enlarge the picture.
    for (number, (fingers, moved, expected)) in (1..).zip([
        (one, -120, "2.png"),
        (one, -120, "3.png"),
        (one, 120, "2.png"),
        (one, 20, "2.png"),
        (two, -120, "2.png"),
        (one, 120, "1.png"),
    ]) {
        tab.swipe(fingers, moved).await;
        tab.until(&format!("document.title === '{number}'")).await;
        assert_eq!(tab.run(SHOWN).await, json!(expected), "swipe {number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_spoiler_is_shown_and_hidden_by_a_key_a_click_and_a_tap() {
    let open = opened(&Reader::default()).await;
    let Open { tab, .. } = &open;
    let is_hidden = "getComputedStyle(document.querySelector('.spoiler')).color === 'rgba(0, 0, 0, 0)'";
    assert_eq!(tab.run(is_hidden).await, json!(true));
    tab.run("document.querySelector('.spoiler').focus()").await;
    for expected in [false, true] {
        tab.press("Enter", "\r").await;
        assert_eq!(tab.run(is_hidden).await, json!(expected));
    }
    for expected in [false, true] {
        tab.click(".spoiler").await;
        assert_eq!(tab.run(is_hidden).await, json!(expected));
    }
    for expected in [false, true] {
        tab.tap(".spoiler").await;
        tab.until(&format!("({is_hidden}) === {expected}")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn keys_move_between_messages_and_to_the_search() {
    let open = opened(&Reader::default()).await;
    let Open { tab, .. } = &open;
    let index = "[...document.querySelectorAll('article')].indexOf(document.activeElement)";
    for (key, expected) in [("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0)] {
        tab.press(key, key).await;
        assert_eq!(tab.run(index).await, json!(expected), "{key}");
        assert_eq!(tab.run("getComputedStyle(document.activeElement).outlineStyle").await, json!("solid"));
    }
    tab.press("/", "/").await;
    let box_of_search = "document.activeElement.matches('input[type=search]') && document.activeElement.value === ''";
    assert_eq!(tab.run(box_of_search).await, json!(true));
    tab.press("j", "j").await;
    assert_eq!(tab.run("document.activeElement.value").await, json!("j"), "a reader who writes is not moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn times_are_those_of_the_readers_zone() {
    let open = opened(&Reader { zone: "Asia/Tokyo", ..Reader::default() }).await;
    let Open { tab, .. } = &open;
    let times =
        "(() => { const time = document.querySelector('article time'); return [time.innerText, time.title] })()";
    assert_eq!(tab.run(times).await, json!(["1 March 2026 at 21:00", NOON]));
    let last = "[...document.querySelectorAll('article time')].pop().innerText";
    assert_eq!(tab.run(last).await, json!("2 March 2026 at 00:00"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_reply_leads_to_its_original_on_the_page() {
    let open = opened(&Reader::default()).await;
    let Open { tab, .. } = &open;
    tab.click(".reply a").await;
    let state = "[location.pathname, document.querySelector('article').matches(':target')]";
    assert_eq!(tab.run(state).await, json!(["/reading/general", true]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn without_script_the_menu_opens_and_closes() {
    let open = opened(&WITHOUT_SCRIPT).await;
    let Open { tab, .. } = &open;
    let link = "document.querySelector('.tree a').checkVisibility()";
    assert_eq!(tab.run(link).await, json!(false));
    tab.click(".menu > summary").await;
    assert_eq!(tab.run(link).await, json!(true));
    assert_eq!(tab.run("document.querySelector('.menu > summary').innerText").await, json!("Close\n×"));
    tab.screenshot("menu").await;
    tab.click(".menu > summary").await;
    assert_eq!(tab.run(link).await, json!(false));
    let hidden = "document.querySelector('button.theme').checkVisibility()";
    assert_eq!(tab.run(hidden).await, json!(false), "what needs a script is not shown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn without_script_spoilers_open_and_times_are_in_utc() {
    let open = opened(&WITHOUT_SCRIPT).await;
    let Open { tab, .. } = &open;
    let is_hidden = "getComputedStyle(document.querySelector('.spoiler')).color === 'rgba(0, 0, 0, 0)'";
    assert_eq!(tab.run(is_hidden).await, json!(true));
    tab.click(".spoiler").await;
    assert_eq!(tab.run(is_hidden).await, json!(false));
    assert_eq!(tab.run("document.querySelector('article time').innerText").await, json!(NOON));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn without_script_a_picture_and_a_reply_are_links() {
    let open = opened(&WITHOUT_SCRIPT).await;
    let Open { server, browser, tab, .. } = &open;
    let path = tab.run("document.querySelector('.gallery a').pathname").await;
    let picture = server.get(path.as_str().unwrap());
    assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/png")));
    let original = tab.run("document.querySelector('.reply a').href").await;
    let tab = browser.open_as(original.as_str().unwrap(), &WITHOUT_SCRIPT).await;
    let marked = "document.querySelector('article.target').innerText.includes('the first')";
    assert_eq!(tab.run(marked).await, json!(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn an_age_gate_opens_with_script_and_without() {
    let (installation, server) = served();
    drop(server);
    let database = rusqlite::Connection::open(installation.database()).unwrap();
    assert_eq!(database.execute("UPDATE channels SET nsfw = 1 WHERE slug = 'general'", []).unwrap(), 1);
    let server = installation.serve_without_index(&["--role", "web"]);
    let browser = Chromium::start().await;
    for has_script in [false, true] {
        let reader = Reader { has_script, ..Reader::default() };
        let tab = browser.open_as(&address(&server, "general"), &reader).await;
        let article = "document.querySelector('article').checkVisibility()";
        assert_eq!(tab.run(article).await, json!(false));
        tab.click(".gate > summary").await;
        assert_eq!(tab.run(article).await, json!(true));
    }
}
