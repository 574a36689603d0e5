//! Two servers, each a process with a cache of its own, on one archive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::program::{ADMIN_KEY, Installation, Server, examples};
use crate::server::Database;

/// The pages that show the name of the community.
const PAGES: [&str; 4] = [
    "/api/v1/tenants/thimble-firmware",
    "/thimble-firmware",
    "/thimble-firmware/general",
    "/thimble-firmware/general/2026-05-04",
];

/// Renames the community through a server.
fn rename(server: &Server, round: u64) {
    let headers = format!("Authorization: Bearer {ADMIN_KEY}\r\nContent-Type: application/json\r\n");
    let body = format!(r#"{{"name": "Round {round}."}}"#);
    let changed = server.request("PATCH", "/api/v1/admin/tenants/thimble-firmware", &headers, body.as_bytes());
    assert_eq!(changed.status, 200, "{}", changed.text());
}

/// Returns the round of which a server shows the name.
fn shown(server: &Server, path: &str) -> Option<u64> {
    let answer = server.get(path);
    assert_eq!(answer.status, 200, "{path}");
    let text = answer.text();
    text.split_once("Round ")?.1.split_once('.')?.0.parse().ok()
}

/// Waits at most a second for a server to show a round that has just begun in another one.
fn wait_for(server: &Server, round: u64) {
    let changed = Instant::now();
    while shown(server, PAGES[0]) != Some(round) {
        assert!(changed.elapsed() < Duration::from_secs(1), "round {round}");
    }
}

/// The process that makes a change shows it at once, and the other one within a second.
fn no_page_is_stale(installation: &Installation) {
    let rounds: u64 = std::env::var("CACHE_ROUNDS").map_or(60, |rounds| rounds.parse().unwrap());
    assert_eq!(installation.import(&[&examples()], &[]).0, 0);
    let (writer, reader) = (installation.serve_cached(&[]), installation.serve_cached(&[]));
    rename(&writer, 0);
    wait_for(&reader, 0);
    // The changes of the last second.
    let mut changes = VecDeque::new();
    let (mut oldest, mut behind) = (0, 0);
    for round in 1..=rounds {
        rename(&writer, round);
        changes.push_back((round, Instant::now()));
        let path = PAGES[usize::try_from(round).unwrap() % PAGES.len()];
        assert_eq!(shown(&writer, path), Some(round), "{path} in the process that made the change");
        let asked = Instant::now();
        while let Some((old, _)) = changes.pop_front_if(|(_, at)| asked - *at >= Duration::from_secs(1)) {
            oldest = old;
        }
        let other = shown(&reader, path).expect("no page shows the name of before");
        assert!((oldest..=round).contains(&other), "{path} of round {other}, and {oldest} is a second old");
        behind += u64::from(other < round);
    }
    wait_for(&reader, rounds);
    println!("{rounds} rounds, in {behind} of which the other process was behind");
}

#[test]
fn no_page_of_two_processes_on_a_file_is_stale() {
    no_page_is_stale(&Installation::new());
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn no_page_of_two_processes_on_a_server_is_stale() {
    let database = Database::new().await;
    let address = database.address();
    tokio::task::spawn_blocking(move || no_page_is_stale(&Installation::at(&address))).await.unwrap();
}
