use std::time::Duration;

use super::{Fence, Holder, Lease};
use crate::timestamp::Timestamp;

const TIME: Duration = Duration::from_secs(15);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1000).unwrap()
}

fn holder(name: &str) -> Holder {
    Holder::new(name).unwrap()
}

fn take(current: Option<&Lease>, name: &str, seconds: i64) -> Option<Lease> {
    Lease::take(current, &holder(name), at(seconds), TIME, |_| false)
}

#[test]
fn a_lease_is_free_once_its_time_is_over_and_not_before() {
    let first = take(None, "one", 0).unwrap();
    assert_eq!((first.holder.as_str(), first.expires_at), ("one", at(15)));
    assert_eq!(take(Some(&first), "two", 14), None);
    assert_eq!(take(Some(&first), "two", 15).unwrap().holder.as_str(), "two");
    let longer = first.prolonged(at(10), TIME);
    assert_eq!((longer.fence, longer.expires_at), (first.fence, at(25)));
    assert_eq!(take(Some(&longer), "two", 24), None);
}

#[test]
fn a_lease_that_was_given_back_or_whose_holder_is_gone_is_free_at_once() {
    let first = take(None, "one", 0).unwrap();
    assert!(take(Some(&first.released(at(1))), "two", 1).is_some());
    let gone = |name: &Holder| name.as_str() == "one";
    assert!(Lease::take(Some(&first), &holder("two"), at(1), TIME, gone).is_some());
}

#[test]
fn each_time_of_holding_has_a_larger_fence_even_if_clocks_go_back() {
    let first = take(None, "one", 0).unwrap();
    let second = take(Some(&first.released(at(0))), "two", 0).unwrap();
    assert!(second.fence > first.fence);
    let third = take(Some(&second.released(at(-900))), "one", -800).unwrap();
    assert!(third.fence > second.fence);
    // Another lease that is taken later writes over what this one wrote.
    assert!(take(None, "three", 60).unwrap().fence > third.fence);
}

#[test]
fn fences_and_names_have_bounds() {
    assert_eq!(Fence::new(5).map(Fence::get), Some(5));
    assert_eq!(Fence::new(1 << 63), None);
    for bad in ["", "two words", "é", &"a".repeat(256)] {
        assert!(Holder::new(bad).is_err(), "{bad}");
    }
    assert!(Holder::new(&"a".repeat(255)).is_ok());
}
