//! An index whose process is killed while it indexes, merges and purges.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::naive::Numbers;
use crate::import::fixture::{export, message, write};
use crate::program::{Installation, Server};

/// The number of kills.
const TIMES: u64 = 50;
/// The number of messages, of which each round lacks some.
const MESSAGES: u64 = 600;
const BASE: &str = "/api/v1/tenants/merged/search";

fn is_present(number: u64, round: u64) -> bool {
    !(number + round).is_multiple_of(7)
}

/// The archive of a round: other messages than in the one before, some of them with another text.
fn archive(round: u64) -> Value {
    let written = |number: u64| {
        let mut message = message(1_000 + number, &format!("common number{number} round{}", (number + round) / 5));
        message["timestampEdited"] = json!(format!("2026-02-01T12:{round:02}:00+01:00"));
        message
    };
    let messages: Vec<Value> = (0..MESSAGES).filter(|number| is_present(*number, round)).map(written).collect();
    let mut export = export(1, &messages);
    export["exportedAt"] = json!(format!("2026-03-01T12:{round:02}:00+01:00"));
    export
}

/// Returns the ids of all matches of a query; `None` while the index does not answer.
fn found(server: &Server, query: &str) -> Option<BTreeSet<u64>> {
    let (mut ids, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = server.get(&format!("{BASE}?q={query}&limit=50{cursor}"));
        if page.status != 200 {
            assert_eq!((page.status, page.json()["code"].as_str()), (503, Some("search_building")), "{}", page.text());
            return None;
        }
        let page = page.json();
        for item in page["items"].as_array().unwrap() {
            let id = item["message"]["id"].as_str().unwrap().parse().unwrap();
            assert!(ids.insert(id), "{id} is on two pages");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(ids),
        }
    }
}

#[test]
fn an_index_that_is_killed_at_random_moments_finds_everything() {
    let installation = Installation::new();
    let mut numbers = Numbers(0x5eed);
    for round in 0..TIMES {
        let file = write(&installation, "export.json", &archive(round));
        let server = installation.serve(&[]);
        std::thread::scope(|scope| {
            let import = scope.spawn(|| installation.import(&[&file], &["--complete"]));
            for _ in 0..numbers.below(250) {
                let page = server.get("/merged/general");
                assert!([200, 404].contains(&page.status), "{}: {}", page.status, page.text());
            }
            drop(server);
            let (code, report) = import.join().unwrap();
            assert_eq!(code, 0, "{report}");
        });
    }
    let last = TIMES - 1;
    let expected = |of: &dyn Fn(u64) -> bool| -> BTreeSet<u64> {
        (0..MESSAGES).filter(|number| is_present(*number, last) && of(*number)).map(|number| 1_000 + number).collect()
    };
    let server = installation.serve(&[]);
    let all = expected(&|_| true);
    while found(&server, "common").as_ref() != Some(&all) {}
    for number in [0, 1, 77, MESSAGES - 1] {
        let only = expected(&|other| other == number);
        assert_eq!(found(&server, &format!("number{number}")), Some(only), "number{number}");
    }
    for edited in [last / 5, 40, 100] {
        let of = expected(&|number| (number + last) / 5 == edited);
        assert_eq!(found(&server, &format!("round{edited}")), Some(of), "round{edited}");
    }
}
