use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use super::{USER_AGENT, date, jittered};

#[test]
fn the_time_of_an_answer_is_what_its_header_says() {
    let at = |text: &'static str| date(&HeaderMap::from_iter([(header::DATE, HeaderValue::from_static(text))]));
    let shown = at("Fri, 20 Nov 2026 01:00:00 GMT").map(|at| at.to_string());
    assert_eq!(shown.as_deref(), Some("2026-11-20T01:00:00.000Z"));
    assert_eq!(at("yesterday"), None);
    assert_eq!(date(&HeaderMap::new()), None);
}

#[test]
fn waits_differ_and_stay_near_what_they_should_be() {
    let waits: Vec<Duration> = (0..50).map(|_| jittered(Duration::from_secs(4))).collect();
    assert!(waits.iter().all(|wait| (Duration::from_secs(3)..=Duration::from_secs(5)).contains(wait)));
    assert!(waits.iter().any(|wait| *wait != waits[0]));
}

#[test]
fn the_client_names_itself_as_discord_asks() {
    let inside = USER_AGENT.strip_prefix("DiscordBot (").and_then(|rest| rest.split_once(')')).unwrap().0;
    let (url, version) = inside.split_once(", ").unwrap();
    assert!(url.starts_with("https://") && version == env!("CARGO_PKG_VERSION"));
}
