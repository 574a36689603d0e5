use proptest::prelude::*;

use super::Id;
use crate::timestamp::Timestamp;

type AnyId = Id<()>;

#[test]
fn the_time_is_in_the_upper_bits() {
    let id: AnyId = "175928847299117063".parse().unwrap();
    assert_eq!(id.created_at().to_string(), "2016-04-30T11:18:25.796Z");
}

#[test]
fn what_is_no_id_is_refused_and_named() {
    for text in [
        "",
        "0",
        "-1",
        "+1",
        " 1",
        "1.0",
        "1e3",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "abc",
        "１",
    ] {
        let error = text.parse::<AnyId>().unwrap_err();
        assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
    }
    let long = "9".repeat(10_000);
    assert!(long.parse::<AnyId>().unwrap_err().to_string().len() < 200);
}

#[test]
fn a_time_outside_the_range_of_ids_gives_an_end_of_it() {
    assert_eq!(AnyId::first_at(Timestamp::from_millis(0).unwrap()), AnyId::MIN);
    assert_eq!(AnyId::first_at("9999-12-30T00:00:00Z".parse().unwrap()), AnyId::MAX);
}

proptest! {
    #[test]
    fn every_number_but_zero_is_read_back(raw in 1..=AnyId::MAX.get()) {
        let id = AnyId::new(raw).unwrap();
        prop_assert_eq!(id.to_string().parse::<AnyId>().unwrap(), id);
        prop_assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{raw}\""));
    }

    #[test]
    fn the_first_id_of_a_time_is_the_smallest_made_then(raw in (1_u64 << 22)..=AnyId::MAX.get()) {
        let id = AnyId::new(raw).unwrap();
        let first = AnyId::first_at(id.created_at());
        prop_assert!(first <= id);
        prop_assert_eq!(first.created_at(), id.created_at());
        prop_assert!(first.previous().unwrap().created_at() < id.created_at());
    }

    #[test]
    fn ids_are_ordered_as_their_times(a in 1..=AnyId::MAX.get(), b in 1..=AnyId::MAX.get()) {
        let (a, b) = (AnyId::new(a).unwrap(), AnyId::new(b).unwrap());
        if a <= b {
            prop_assert!(a.created_at() <= b.created_at());
        }
    }
}
