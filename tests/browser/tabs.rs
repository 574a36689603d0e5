//! A tab without a stream: because there is none, it is hidden, or another tab has it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::chromium::{Chromium, Tab};
use super::program::Server;
use super::{TEXT, export, general, import, open, opened, served, wait_for_streams};

/// The streams that an address may have.
const PER_ADDRESS: usize = 8;

/// Makes long waits end when the test says so, and hides the page when it says so.
const SCRIPT: &str = "
    window.waits = new Map();
    const [set, clear] = [setTimeout, clearTimeout];
    window.setTimeout = (work, ms) => {
        if (ms < 15_000) return set(work, ms);
        const id = set(() => {}, 1 << 30);
        waits.set(id, { work, ms });
        return id;
    };
    window.clearTimeout = (id) => (waits.delete(id), clear(id));
    window.pass = () => {
        const due = [...waits.values()];
        waits.clear();
        for (const { work } of due) work();
        return due.map(({ ms }) => ms);
    };
    let hidden = false;
    Object.defineProperty(document, 'hidden', { get: () => hidden });
    window.hide = (is) => {
        hidden = is;
        document.dispatchEvent(new Event('visibilitychange'));
    };
";

/// Opens a stream of changes.
fn stream(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.write_all(b"GET /api/v1/tenants/open-pages/events HTTP/1.1\r\nHost: verta.test\r\n\r\n").unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    stream
}

/// Lets the long waits of a page pass, once there is one; returns their seconds.
async fn pass(tab: &Tab) -> Vec<i64> {
    tab.run("new Promise((done) => { const look = () => waits.size ? done() : setTimeout(look, 5); look(); })").await;
    let passed = tab.run("pass().map((ms) => Math.floor(ms / 1_000))").await;
    passed.as_array().unwrap().iter().map(|seconds| seconds.as_i64().unwrap()).collect()
}

/// Returns an expression that is true of a page with a wait of so many seconds.
fn waits_for(seconds: u64) -> String {
    format!("[...waits.values()].some(({{ ms }}) => Math.floor(ms / 1_000) === {seconds})")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_page_that_gets_no_stream_is_loaded_at_intervals_until_it_gets_one() {
    let (installation, server) = served(&[(1, "the first")]);
    let others: Vec<TcpStream> = (0..PER_ADDRESS).map(|_| stream(&server)).collect();
    let browser = Chromium::start().await;
    let tab = open(&browser, &server, SCRIPT).await;
    for number in 2..=4 {
        let text = format!("number {number}");
        let all: Vec<(u64, &str)> = vec![(1, "the first"), (number, &text)];
        import(&installation, &export(&general(), u32::try_from(number).unwrap(), &all));
        assert!(pass(&tab).await.contains(&15));
        tab.until(&format!("{TEXT}.includes('{text}')")).await;
    }
    drop(others);
    wait_for_streams(&server, 0);
    assert!(pass(&tab).await.contains(&15));
    wait_for_streams(&server, 1);
    import(&installation, &export(&general(), 5, &[(1, "the first"), (5, "by the stream")]));
    tab.until(&format!("{TEXT}.includes('by the stream')")).await;
    assert_eq!(tab.run(&waits_for(15)).await, json!(false), "nothing is polled any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_tab_that_is_hidden_for_a_minute_has_no_stream_until_it_is_shown() {
    let (installation, server) = served(&[(1, "the first")]);
    let browser = Chromium::start().await;
    let tab = open(&browser, &server, SCRIPT).await;
    wait_for_streams(&server, 1);
    tab.run("hide(true)").await;
    tab.run("hide(false)").await;
    assert_eq!(tab.run(&waits_for(60)).await, json!(false), "a short look elsewhere changes nothing");
    tab.run("hide(true)").await;
    assert!(pass(&tab).await.contains(&60));
    wait_for_streams(&server, 0);
    import(&installation, &export(&general(), 2, &[(1, "the first"), (2, "meanwhile")]));
    assert_eq!(tab.run(&format!("{TEXT}.includes('meanwhile')")).await, json!(false));
    tab.run("hide(false)").await;
    tab.until(&format!("{TEXT}.includes('meanwhile')")).await;
    wait_for_streams(&server, 1);
    import(&installation, &export(&general(), 3, &[(1, "the first"), (2, "meanwhile"), (3, "live again")]));
    tab.until(&format!("{TEXT}.includes('live again')")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium"]
async fn a_tab_takes_over_the_stream_of_one_that_closes_or_is_hidden() {
    let (installation, server, browser, first) = opened(&[(1, "the first")]).await;
    wait_for_streams(&server, 1);
    let second = open(&browser, &server, SCRIPT).await;
    let third = open(&browser, &server, "").await;
    first.close().await;
    import(&installation, &export(&general(), 2, &[(1, "the first"), (2, "without the first tab")]));
    for tab in [&second, &third] {
        tab.until(&format!("{TEXT}.includes('without the first tab')")).await;
    }
    second.run("hide(true)").await;
    assert!(pass(&second).await.contains(&60));
    let more = [(1, "the first"), (2, "without the first tab"), (3, "without the second")];
    import(&installation, &export(&general(), 3, &more));
    third.until(&format!("{TEXT}.includes('without the second')")).await;
    let locks = "navigator.locks.query().then(({ held, pending }) => [held.length, pending.length])";
    assert_eq!(third.run(locks).await, json!([1, 0]), "the hidden tab neither has the stream nor waits for it");
    wait_for_streams(&server, 1);
}
