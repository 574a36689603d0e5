use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Coverage, CoverageState, Interval, Observation, Part, Segment, SegmentError, Segments};
use crate::channel::ChannelId;
use crate::message::MessageId;
use crate::timestamp::Timestamp;

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn interval(low: u64, high: u64) -> Interval {
    Interval::new(id(low), id(high)).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn segment(low: u64, high: u64, observed_at: i64) -> Observation {
    Observation::new(interval(low, high), at(observed_at))
}

/// An observation that does not prove absence.
fn claim(low: u64, high: u64, observed_at: i64) -> Observation {
    Observation { proves_absence: false, ..segment(low, high, observed_at) }
}

fn part(low: u64, high: u64, observed_at: i64) -> Part {
    segment(low, high, observed_at).into()
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
    assert_eq!(segments.parts(), [part(1, 39, 5), part(40, 60, 9), part(61, 70, 7), part(71, 100, 5)]);
    let all: Vec<Interval> = segments.segments().map(|segment| segment.interval()).collect();
    assert_eq!(all, [interval(1, 100)], "touching parts are one segment");
}

#[test]
fn a_part_is_proven_since_a_moment_where_later_looks_leave_no_id_out() {
    let segments = Segments::new([segment(1, 9, 5), segment(10, 20, 6), segment(22, 30, 9)]);
    let since = |millis| Timestamp::from_millis(millis).unwrap();
    assert!(segments.prove_since(interval(3, 20), since(4)));
    assert!(!segments.prove_since(interval(3, 20), since(5)), "a look at that very moment is no later one");
    assert!(segments.prove_since(interval(10, 20), since(5)));
    assert!(!segments.prove_since(interval(15, 25), since(1)), "21 was not read");
    assert!(!segments.prove_since(interval(28, 31), since(1)));
    assert!(!Segments::default().prove_since(interval(1, 1), since(1)));
}

#[test]
fn what_could_not_be_stored_is_neither_held_nor_proven() {
    let segments = Segments::new([segment(1, 9, 5), segment(20, 30, 6)]);
    assert_eq!(segments.without(id(5)).parts(), [part(1, 4, 5), part(6, 9, 5), part(20, 30, 6)]);
    assert_eq!(segments.without(id(30)).parts(), [part(1, 9, 5), part(20, 29, 6)]);
    assert_eq!(segments.without(id(15)), segments);
    let held = |interval, start_reached| Coverage {
        channel_id: ChannelId(uuid::Uuid::nil()),
        interval,
        start_reached,
        message_count: 3,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
        read_whole_at: None,
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
        read_whole_at: None,
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

fn any_segments() -> impl Strategy<Value = Vec<Observation>> {
    prop::collection::vec((any_interval(), 0_i64..5, prop::bool::weighted(0.7)), 0..12).prop_map(|parts| {
        let seen = |(interval, time, proves_absence)| Observation { interval, observed_at: at(time), proves_absence };
        parts.into_iter().map(seen).collect()
    })
}

/// For each id the latest observation, and the latest one that proves absence.
#[derive(Default)]
struct Model {
    covered: BTreeMap<u64, Timestamp>,
    absent: BTreeMap<u64, Timestamp>,
}

impl Model {
    fn of(parts: &[Observation]) -> Self {
        let mut model = Self::default();
        for part in parts {
            for raw in part.interval.low.get()..=part.interval.high.get() {
                let latest = |times: &mut BTreeMap<u64, Timestamp>| {
                    let seen = times.entry(raw).or_insert(part.observed_at);
                    *seen = part.observed_at.max(*seen);
                };
                latest(&mut model.covered);
                if part.proves_absence {
                    latest(&mut model.absent);
                }
            }
        }
        model
    }

    fn check(&self, segments: &Segments) {
        for raw in 1..60 {
            assert_eq!(segments.absent_at(id(raw)), self.absent.get(&raw).copied(), "{raw}");
            assert_eq!(segments.confirmed_at(id(raw)), self.absent.get(&raw).copied(), "{raw}");
            let covered = segments.segments().any(|segment| segment.interval().contains(id(raw)));
            assert_eq!(covered, self.covered.contains_key(&raw), "{raw}");
        }
    }
}

#[test]
fn an_observation_without_proof_covers_what_is_not_covered_and_replaces_nothing() {
    let segments = Segments::new([segment(10, 20, 5), claim(1, 30, 9)]);
    assert_eq!(segments.segments().count(), 1);
    let absent = [1, 9, 10, 20, 21, 30].map(|raw| segments.absent_at(id(raw)));
    assert_eq!(absent, [None, None, Some(at(5)), Some(at(5)), None, None]);
    assert_eq!(Segments::new([claim(1, 30, 9), segment(10, 20, 5)]), segments);
    assert!(!segments.prove_since(interval(5, 15), at(1)));
}

#[test]
fn a_channel_that_is_read_from_end_to_end_is_one_segment_of_few_parts() {
    let mut segments = Segments::default();
    for page in (0..5_000).rev() {
        segments.insert(segment(page * 100 + 1, page * 100 + 100, 1_000_000 - i64::try_from(page).unwrap()));
    }
    let rows: Vec<Segment> = segments.segments().collect();
    assert_eq!((rows.len(), rows[0].interval()), (1, interval(1, 500_000)));
    assert_eq!((rows[0].oldest_at(), rows[0].newest_at()), (at(995_001), at(1_000_000)));
    assert!(segments.parts().len() <= Segments::MOST_PARTS, "{}", segments.parts().len());
    // A later run starts over from the top, and the parts that it has read can still be distinguished.
    for page in (2_500..5_000).rev() {
        segments.insert(segment(page * 100 + 1, page * 100 + 100, 9_000_000 - i64::try_from(page).unwrap()));
    }
    assert_eq!(segments.read_since(at(8_000_000)), [interval(250_001, 500_000)]);
    assert_eq!(segments.segments().count(), 1);
}

#[test]
fn sorted_rows_are_taken_in_linear_time_and_overlaps_are_refused() {
    let row = |low, high, time| Segment::from_stored(interval(low, high), at(time), None).unwrap();
    let apart: Vec<Segment> = (0..200_000).map(|n| row(n * 10 + 1, n * 10 + 5, 7)).collect();
    assert_eq!(Segments::from_stored(&apart).unwrap().segments().count(), 200_000);
    // As in archives that stored one segment per page.
    let touching: Vec<Segment> =
        (0..200_000).map(|n: u32| row(u64::from(n) * 10 + 1, u64::from(n) * 10 + 10, 7 + i64::from(n))).collect();
    let one = Segments::from_stored(&touching).unwrap();
    assert_eq!((one.segments().count(), one.parts().len() <= Segments::MOST_PARTS), (1, true));
    assert_eq!(Segments::from_stored(&[row(1, 9, 1), row(9, 12, 1)]), Err(SegmentError::Overlap));
    assert_eq!(Segments::from_stored(&[row(10, 12, 1), row(1, 9, 1)]), Err(SegmentError::Overlap));
    let same = Segments::from_stored(&[row(1, 9, 1), row(10, 12, 1)]).unwrap();
    assert_eq!(same.parts(), [part(1, 12, 1)]);
}

#[test]
fn parts_that_are_no_parts_of_their_segment_are_refused() {
    let stored = |text| Segment::from_stored(interval(5, 20), at(9), Some(text));
    assert_eq!(stored("7 1 2 1,20 9 9 0").unwrap().parts_text().unwrap(), "7 1 2 1,20 9 9 0");
    for text in [
        "",
        "20",
        "20 1 2",
        "20 1 2 3",
        "20 2 1 1",
        "20 1 2 1 1",
        "19 1 2 1",
        "21 1 2 1",
        "4 1 2 1,20 1 2 1",
        "20 1 2 1,20 1 2 1",
        "9 1 2 1,8 1 2 1,20 1 2 1",
        "20 1 2 1,",
        "20 x 2 1",
        "0 1 2 1",
    ] {
        assert_eq!(stored(text), Err(SegmentError::Parts), "{text:?}");
    }
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
    fn every_id_was_last_observed_by_the_latest_segment_over_it(parts in any_segments()) {
        let segments = Segments::new(parts.iter().copied());
        Model::of(&parts).check(&segments);
        for pair in segments.parts().windows(2) {
            prop_assert!(pair[0].interval.high < pair[1].interval.low);
        }
        let rows: Vec<Segment> = segments.segments().collect();
        for pair in rows.windows(2) {
            prop_assert!(!pair[0].interval().touches(pair[1].interval()));
        }
        let stored = rows.iter().map(|row| {
            Segment::from_stored(row.interval(), row.newest_at(), row.parts_text().as_deref()).unwrap()
        });
        prop_assert_eq!(Segments::from_stored(&stored.collect::<Vec<_>>()).unwrap(), segments);
    }

    #[test]
    fn a_part_is_proven_since_a_time_where_every_id_of_it_is(parts in any_segments(), a in any_interval(), time in 0_i64..5) {
        let model = Model::of(&parts);
        let since = |raw: u64| model.absent.get(&raw).is_some_and(|seen| *seen > at(time));
        let segments = Segments::new(parts.iter().copied());
        prop_assert_eq!(segments.prove_since(a, at(time)), (a.low.get()..=a.high.get()).all(since));
        let read = segments.read_since(at(time));
        for raw in 1..60 {
            let expected = model.absent.get(&raw).is_some_and(|seen| *seen >= at(time));
            prop_assert_eq!(read.iter().any(|interval| interval.contains(id(raw))), expected);
        }
    }

    /// For any number of parts: then times become ranges, which contain the exact ones.
    #[test]
    fn the_times_of_many_observations_lie_in_their_ranges(
        parts in prop::collection::vec((1_u64..400, 1_u64..20, 0_i64..1_000), 0..400),
    ) {
        let seen: Vec<_> = parts.into_iter().map(|(low, length, time)| segment(low, low + length, time)).collect();
        let mut segments = Segments::default();
        let mut exact = BTreeMap::new();
        for seen in seen {
            segments.insert(seen);
            for raw in seen.interval.low.get()..=seen.interval.high.get() {
                let time = exact.entry(raw).or_insert(seen.observed_at);
                *time = seen.observed_at.max(*time);
            }
        }
        for raw in 1..450 {
            let range = segments.confirmed_at(id(raw)).zip(segments.absent_at(id(raw)));
            match (exact.get(&raw), range) {
                (Some(exact), Some((oldest, newest))) => prop_assert!(oldest <= *exact && *exact <= newest),
                (exact, range) => prop_assert!(exact.is_none() && range.is_none()),
            }
        }
        for segment in segments.segments() {
            let parts = segment.parts_text().map_or(1, |text| text.split(',').count());
            prop_assert!(parts <= Segments::MOST_PARTS);
        }
    }

    #[test]
    fn the_newest_run_goes_down_to_the_first_gap(parts in any_segments()) {
        let (mut segments, mut run) = (Segments::default(), None::<Interval>);
        for part in parts {
            segments.insert(part);
            let newer = run.map_or(part.interval, |run| run.with_newer(part.interval));
            let below = segments.parts().iter().rev().map(|held| held.interval);
            run = Some(newer.down(below.filter(|held| held.low < newer.low)));
        }
        let gap = |raw: u64| !segments.parts().iter().any(|held| held.interval.contains(id(raw)));
        let high = segments.parts().last().map(|last| last.interval.high.get());
        let low = high.map(|high| (1..high).rev().find(|id| gap(*id)).map_or(1, |gap| gap + 1));
        prop_assert_eq!(run, low.zip(high).map(|(low, high)| interval(low, high)));
    }

    #[test]
    fn the_order_in_which_segments_come_does_not_matter(parts in any_segments()) {
        let forwards = Segments::new(parts.clone());
        prop_assert_eq!(Segments::new(parts.into_iter().rev()), forwards);
    }
}
