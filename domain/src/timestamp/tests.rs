use std::time::Duration;

use proptest::prelude::*;

use super::{FIRST_MS, LAST_MS, Timestamp};

#[test]
fn offsets_and_fractions_are_read() {
    for (text, read) in [
        ("2026-08-30T13:45:30.174+03:00", "2026-08-30T10:45:30.174Z"),
        ("2026-08-30T13:52:56.7865669+03:00", "2026-08-30T10:52:56.786Z"),
        ("2017-07-11T17:27:07.299000+00:00", "2017-07-11T17:27:07.299Z"),
        ("2017-07-11T17:27:07Z", "2017-07-11T17:27:07.000Z"),
        ("0001-01-01T00:00:00+00:00", "0001-01-01T00:00:00.000Z"),
    ] {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), read);
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01", "0000-01-01T00:00:00Z", "12345"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn every_moment_is_read_back(millis in FIRST_MS..=LAST_MS) {
        let time = Timestamp::from_millis(millis).unwrap();
        prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
    }
}

#[test]
fn moments_before_and_after_stay_inside_the_range() {
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    let hour = Duration::from_hours(1);
    assert_eq!((at(5).plus(hour), at(5).minus(hour)), (at(3_600_005), at(5 - 3_600_000)));
    assert_eq!(at(LAST_MS - 1).plus(hour), at(LAST_MS));
    assert_eq!(at(FIRST_MS + 1).minus(Duration::MAX), at(FIRST_MS));
}
