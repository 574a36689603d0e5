use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Coverage, CoverageState, Interval, Segment, Segments};
use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn interval(low: u64, high: u64) -> Interval {
    Interval::new(id(low), id(high)).unwrap()
}

fn segment(low: u64, high: u64, observed_at: i64) -> Segment {
    Segment { interval: interval(low, high), observed_at: Timestamp::from_millis(observed_at).unwrap() }
}

#[test]
fn an_interval_is_never_empty() {
    assert_eq!(Interval::new(id(2), id(1)), None);
    assert!(interval(1, 1).contains(id(1)));
}

#[test]
fn a_channel_is_held_without_a_gap_only_where_its_parts_touch() {
    let (old, below) = (interval(20, 30), [interval(5, 9), interval(1, 3)]);
    assert_eq!(old.with_newer(interval(31, 40)), interval(20, 40));
    assert_eq!(old.with_newer(interval(1, 18)), old);
    assert_eq!(old.with_newer(interval(32, 40)), interval(32, 40));
    assert_eq!(old.with_newer(interval(10, 25)).down(below), interval(5, 30));
    assert_eq!(old.down([]), old);
}

#[test]
fn a_newer_look_replaces_its_part_of_an_older_one() {
    let segments = Segments::new([segment(1, 100, 5), segment(40, 60, 9), segment(50, 70, 7)]);
    assert_eq!(segments.as_slice(), [segment(1, 39, 5), segment(40, 60, 9), segment(61, 70, 7), segment(71, 100, 5)]);
}

#[test]
fn a_part_is_proven_since_a_moment_where_later_looks_leave_no_id_out() {
    let segments = Segments::new([segment(1, 9, 5), segment(10, 20, 6), segment(22, 30, 9)]);
    let since = |millis| Timestamp::from_millis(millis).unwrap();
    assert!(segments.prove_since(interval(3, 20), since(4)));
    assert!(!segments.prove_since(interval(3, 20), since(5)), "a look at that very moment is no later one");
    assert!(segments.prove_since(interval(10, 20), since(5)));
    assert!(!segments.prove_since(interval(15, 25), since(1)), "nobody looked for 21");
    assert!(!segments.prove_since(interval(28, 31), since(1)));
    assert!(!Segments::default().prove_since(interval(1, 1), since(1)));
}

#[test]
fn what_could_not_be_stored_is_neither_held_nor_proven() {
    let segments = Segments::new([segment(1, 9, 5), segment(20, 30, 6)]);
    assert_eq!(segments.without(id(5)).as_slice(), [segment(1, 4, 5), segment(6, 9, 5), segment(20, 30, 6)]);
    assert_eq!(segments.without(id(30)).as_slice(), [segment(1, 9, 5), segment(20, 29, 6)]);
    assert_eq!(segments.without(id(15)), segments);
    let held = |interval, start_reached| Coverage {
        channel_id: ChannelId(uuid::Uuid::nil()),
        interval,
        start_reached,
        message_count: 3,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
    };
    let whole = held(Some(interval(3, 30)), true);
    assert_eq!(whole.clone().without(id(12)), held(Some(interval(13, 30)), false));
    assert_eq!(whole.clone().without(id(30)), held(Some(interval(1, 29)), true));
    assert_eq!(whole.clone().without(id(31)), whole);
    assert_eq!(held(Some(interval(7, 7)), false).without(id(7)), held(None, false));
    assert_eq!(held(Some(interval(1, 1)), true).without(id(1)), held(None, false));
}

#[test]
fn a_state_says_how_much_is_held() {
    let nothing = Coverage {
        channel_id: ChannelId(uuid::Uuid::nil()),
        interval: None,
        start_reached: false,
        message_count: 0,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
    };
    let held = Coverage { interval: Some(interval(5, 9)), message_count: 2, ..nothing.clone() };
    let truncated = Some("truncated".to_owned());
    assert_eq!(nothing.state(), CoverageState::Unknown);
    assert_eq!(Coverage { reason: truncated.clone(), ..nothing.clone() }.state(), CoverageState::Unreadable);
    assert_eq!(Coverage { start_reached: true, ..nothing }.state(), CoverageState::Complete, "an empty channel");
    assert_eq!(held.state(), CoverageState::Partial);
    assert_eq!(Coverage { start_reached: true, reason: truncated, ..held.clone() }.state(), CoverageState::Partial);
    assert_eq!(Coverage { start_reached: true, ..held }.state(), CoverageState::Complete);
}

fn any_interval() -> impl Strategy<Value = Interval> {
    (1_u64..60, 1_u64..60).prop_map(|(a, b)| interval(a.min(b), a.max(b)))
}

fn any_segments() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec((any_interval(), 0_i64..5), 0..12).prop_map(|parts| {
        parts.into_iter().map(|(interval, at)| segment(interval.low.get(), interval.high.get(), at)).collect()
    })
}

proptest! {
    #[test]
    fn merging_holds_what_either_held_and_no_more(a in any_interval(), b in any_interval()) {
        match a.merge(b) {
            Some(merged) => for raw in 1..60 {
                prop_assert_eq!(merged.contains(id(raw)), a.contains(id(raw)) || b.contains(id(raw)));
            },
            None => prop_assert!(a.high.get() + 1 < b.low.get() || b.high.get() + 1 < a.low.get()),
        }
        prop_assert_eq!(a.merge(b), b.merge(a));
    }

    #[test]
    fn extending_adds_the_id_and_what_lies_between(a in any_interval(), raw in 1_u64..60) {
        let extended = a.extend(id(raw));
        prop_assert!(extended.contains(id(raw)));
        prop_assert!(extended.contains(a.low) && extended.contains(a.high));
        prop_assert_eq!(extended == a, a.contains(id(raw)));
    }

    #[test]
    fn every_id_was_last_looked_for_by_the_latest_segment_over_it(parts in any_segments()) {
        let mut latest = BTreeMap::new();
        for part in &parts {
            for raw in part.interval.low.get()..=part.interval.high.get() {
                let seen = latest.entry(raw).or_insert(part.observed_at);
                *seen = part.observed_at.max(*seen);
            }
        }
        let segments = Segments::new(parts);
        for raw in 1..60 {
            prop_assert_eq!(segments.observed_at(id(raw)), latest.get(&raw).copied());
        }
        for pair in segments.as_slice().windows(2) {
            prop_assert!(pair[0].interval.high < pair[1].interval.low);
            prop_assert!(pair[0].observed_at != pair[1].observed_at || !pair[0].interval.touches(pair[1].interval));
        }
    }

    #[test]
    fn the_newest_run_goes_down_to_the_first_gap(parts in any_segments()) {
        let (mut segments, mut run) = (Segments::default(), None::<Interval>);
        for part in parts {
            segments.insert(part);
            let newer = run.map_or(part.interval, |run| run.with_newer(part.interval));
            let below = segments.as_slice().iter().rev().map(|held| held.interval);
            run = Some(newer.down(below.filter(|held| held.low < newer.low)));
        }
        let gap = |id: u64| segments.observed_at(MessageId::new(id).unwrap()).is_none();
        let high = segments.as_slice().last().map(|last| last.interval.high.get());
        let low = high.map(|high| (1..high).rev().find(|id| gap(*id)).map_or(1, |gap| gap + 1));
        prop_assert_eq!(run, low.zip(high).map(|(low, high)| interval(low, high)));
    }

    #[test]
    fn the_order_in_which_segments_come_does_not_matter(parts in any_segments()) {
        let forwards = Segments::new(parts.clone());
        prop_assert_eq!(Segments::new(parts.into_iter().rev()), forwards);
    }
}
