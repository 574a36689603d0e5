use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::coverage::Observation;

const HERE: ChannelId = ChannelId(Uuid::from_u128(1));
const THERE: ChannelId = ChannelId(Uuid::from_u128(2));

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn interval(low: u64, high: u64) -> Interval {
    Interval::new(id(low), id(high)).unwrap()
}

fn raw(text: &str) -> Json {
    Json::new(&json!({"content": text}))
}

fn shown(channel: ChannelId, place: Interval, raw: impl Into<Option<Json>>, seen: i64) -> Unreadable {
    Unreadable::shown(channel, place, "a message has no id", raw.into(), at(seen))
}

#[test]
fn the_same_thing_has_the_same_id_wherever_and_whenever_it_is_shown() {
    let one = shown(HERE, interval(5, 9), raw("a"), 1);
    assert_eq!(shown(HERE, interval(1, 9), raw("a"), 2).id, one.id);
    for other in [shown(HERE, interval(5, 9), raw("b"), 1), shown(THERE, interval(5, 9), raw("a"), 1)] {
        assert_ne!(other.id, one.id);
    }
    let nothing = shown(HERE, interval(5, 9), None, 1);
    assert_eq!(shown(HERE, interval(1, 9), None, 2).id, nothing.id);
    assert_ne!(shown(HERE, interval(5, 8), None, 1).id, nothing.id);
    let refused = |raw| Unreadable::refused(HERE, id(raw), "error 1406".to_owned(), at(1));
    assert_eq!(refused(7).place, interval(7, 7));
    assert_ne!(refused(7).id, refused(8).id);
}

#[test]
fn what_is_too_large_is_kept_without_itself_and_told_from_others() {
    // The text with its quotes and key fills the bound.
    let fits = "x".repeat(Unreadable::LARGEST - r#"{"content":""}"#.len());
    let one = shown(HERE, interval(5, 9), raw(&fits), 1);
    assert_eq!(one.raw, Some(raw(&fits)));
    let larger = shown(HERE, interval(5, 9), raw(&format!("{fits}x")), 1);
    assert_eq!(larger.raw, None);
    assert_ne!(larger.id, shown(HERE, interval(5, 9), raw(&format!("{fits}y")), 1).id);
}

#[test]
fn it_is_settled_once_later_looks_have_shown_its_whole_place() {
    let one = shown(HERE, interval(5, 9), raw("a"), 10);
    let proven = |parts: &[(u64, u64, i64)]| {
        let segment = |(low, high, millis)| Observation::new(interval(low, high), at(millis));
        Segments::new(parts.iter().copied().map(segment))
    };
    assert!(one.is_settled(&proven(&[(1, 7, 11), (8, 20, 12)])), "it need not be one look");
    assert!(!one.is_settled(&proven(&[(1, 7, 11), (9, 20, 12)])));
    assert!(!one.is_settled(&proven(&[(1, 20, 10)])), "that was before or at the same time");
}

#[test]
fn a_channel_takes_so_many_and_what_it_has_already() {
    let all: Vec<_> = (0..150).map(|number| shown(HERE, interval(5, 9), raw(&number.to_string()), 1)).collect();
    let first: Vec<_> = Unreadable::taken(&[], &all).collect();
    assert_eq!(first, all.iter().take(Unreadable::MOST).collect::<Vec<_>>());
    let held: Vec<_> = all[51..150].iter().map(|one| one.id).collect();
    let taken: Vec<_> = Unreadable::taken(&held, &all).map(|one| one.id).collect();
    assert_eq!((taken.len(), taken[0], taken[1]), (100, all[0].id, all[51].id), "one more than it has");
}
