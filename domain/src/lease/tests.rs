use std::time::Duration;

use super::{Fence, Holder, Lease};
use crate::timestamp::Timestamp;

const TIME: Duration = Duration::from_secs(15);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1000).unwrap()
}

fn lease(expires_at: i64) -> Lease {
    Lease { holder: Holder::new("one").unwrap(), fence: Fence::next(None), expires_at: at(expires_at) }
}

fn is_free(current: Option<&Lease>, seconds: i64) -> bool {
    Lease::is_free(current, at(seconds), |_| false)
}

#[test]
fn a_lease_is_free_once_its_time_is_over_and_not_before() {
    assert!(is_free(None, 0));
    let first = lease(15);
    assert!(!is_free(Some(&first), 14) && is_free(Some(&first), 15));
    let longer = first.prolonged(at(10), TIME);
    assert_eq!((longer.fence, longer.expires_at), (first.fence, at(25)));
    assert!(!is_free(Some(&longer), 24));
}

#[test]
fn a_lease_that_was_given_back_or_whose_holder_is_gone_is_free_at_once() {
    let first = lease(15);
    assert!(is_free(Some(&first.released(at(1))), 1));
    assert!(Lease::is_free(Some(&first), at(1), |holder| holder.as_str() == "one"));
}

#[test]
fn fences_grow_and_names_have_bounds() {
    assert!(Fence::next(Fence::new(5)) > Fence::new(5).unwrap());
    assert_eq!(Fence::next(None).get(), 1);
    let last = Fence::new(i64::MAX.cast_unsigned());
    assert_eq!((Fence::new(1 << 63), Some(Fence::next(last))), (None, last));
    for bad in ["", "two words", "é", &"a".repeat(256)] {
        assert!(Holder::new(bad).is_err(), "{bad}");
    }
    assert!(Holder::new(&"a".repeat(255)).is_ok());
}
