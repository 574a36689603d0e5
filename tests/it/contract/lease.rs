//! Leases and their fences.

use std::time::Duration;

use domain::channel::ChannelId;
use domain::lease::{Fence, Holder, Lease};
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, begin, one_channel, retried, stored};

contract![
    a_lease_is_stored_in_the_place_of_the_one_that_was_expected,
    a_unit_that_is_dropped_leaves_the_lease_as_it_was,
    a_removed_lease_is_one_that_was_never_acquired,
    of_many_who_take_a_lease_one_has_it,
    a_smaller_fence_is_shut_out_of_a_channel,
    a_fence_changes_nothing_else_of_its_channel
    ; two handles: a_process_that_lost_its_lease_is_shut_out,
];

fn lease(holder: &str, fence: u64, expires_at: i64) -> Lease {
    Lease { holder: Holder::new(holder).unwrap(), fence: fence_of(fence), expires_at: at(expires_at) }
}

fn fence_of(number: u64) -> Fence {
    Fence::new(number).unwrap()
}

/// Returns a name that is unique to a case.
fn name() -> String {
    Uuid::new_v4().to_string()
}

async fn replace(store: &dyn Store, name: &str, expected: Option<u64>, lease: &Lease) -> bool {
    let expected = expected.map(fence_of);
    retried(store, async |unit| unit.leases().replace(name, expected, lease).await).await.unwrap()
}

async fn find(store: &dyn Store, name: &str) -> Option<Lease> {
    store.read().await.unwrap().leases().find(name).await.unwrap()
}

async fn fence(store: &dyn Store, channel: ChannelId, number: u64) -> bool {
    retried(store, async |unit| unit.channels().fence(channel, fence_of(number)).await).await.unwrap()
}

async fn a_lease_is_stored_in_the_place_of_the_one_that_was_expected(store: &dyn Store) {
    let name = name();
    assert_eq!(find(store, &name).await, None);
    assert!(!replace(store, &name, Some(1), &lease("two", 2, 9)).await, "there is none");
    let largest = i64::MAX.cast_unsigned();
    let first = lease("one/!~", largest - 1, 5);
    assert!(replace(store, &name, None, &first).await);
    assert_eq!(find(store, &name).await, Some(first.clone()));
    for expected in [None, Some(1), Some(largest)] {
        assert!(!replace(store, &name, expected, &lease("two", 3, 9)).await, "{expected:?}");
    }
    assert_eq!(find(store, &name).await, Some(first.clone()));
    // Acquiring the same lease once more, and for longer, is stored as well.
    for kept in [first.clone(), first.prolonged(at(9), Duration::from_secs(1)), lease("two", largest, -7)] {
        assert!(replace(store, &name, Some(largest - 1), &kept).await);
        assert_eq!(find(store, &name).await, Some(kept));
    }
}

async fn a_unit_that_is_dropped_leaves_the_lease_as_it_was(store: &dyn Store) {
    let name = name();
    let mut unit = begin(store).await;
    assert!(unit.leases().replace(&name, None, &lease("one", 1, 5)).await.unwrap());
    assert_eq!(unit.leases().find(&name).await.unwrap(), Some(lease("one", 1, 5)), "it sees it itself");
    drop(unit);
    assert!(replace(store, &name, None, &lease("two", 1, 5)).await);
    assert_eq!(find(store, &name).await.unwrap().holder.as_str(), "two");
}

async fn a_removed_lease_is_one_that_was_never_acquired(store: &dyn Store) {
    let [gone, other] = [(); 2].map(|()| name());
    for name in [&gone, &other] {
        assert!(replace(store, name, None, &lease("one", 7, 5)).await);
    }
    let mut unit = begin(store).await;
    unit.leases().delete(&gone).await.unwrap();
    drop(unit);
    assert_eq!(find(store, &gone).await, Some(lease("one", 7, 5)), "the unit was dropped");
    for _ in 0..2 {
        retried(store, async |unit| unit.leases().delete(&gone).await).await.unwrap();
        assert_eq!(find(store, &gone).await, None);
    }
    assert_eq!(find(store, &other).await, Some(lease("one", 7, 5)));
    assert!(!replace(store, &gone, Some(7), &lease("one", 7, 9)).await, "its holder has lost it");
    assert!(replace(store, &gone, None, &lease("two", 8, 5)).await);
}

async fn of_many_who_take_a_lease_one_has_it(store: &dyn Store) {
    let name = name();
    for (expected, fence) in [(None, 1), (Some(1), 2), (Some(2), 3)] {
        let took = futures::future::join_all((0..4).map(async |number| {
            let theirs = lease(&format!("holder{number}"), fence, 5);
            replace(store, &name, expected, &theirs).await
        }))
        .await;
        assert_eq!(took.iter().filter(|took| **took).count(), 1, "{took:?}");
        let winner = took.iter().position(|took| *took).unwrap();
        assert_eq!(find(store, &name).await, Some(lease(&format!("holder{winner}"), fence, 5)));
    }
}

async fn a_smaller_fence_is_shut_out_of_a_channel(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let (_, other) = one_channel(store).await;
    assert!(fence(store, here.id, 5).await);
    assert!(fence(store, here.id, 5).await, "who is in may stay");
    assert!(!fence(store, here.id, 4).await);
    assert!(fence(store, here.id, i64::MAX.cast_unsigned()).await);
    assert!(!fence(store, here.id, 5).await);
    assert!(fence(store, other.id, 4).await, "each channel has its own");
    assert!(!fence(store, ChannelId(Uuid::new_v4()), 9).await, "there is no such channel");
}

async fn a_fence_changes_nothing_else_of_its_channel(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let before = stored(store, &here).await;
    assert!(fence(store, here.id, 5).await);
    assert_eq!(stored(store, &here).await, before);
    retried(store, async |unit| unit.channels().upsert(&before).await).await.unwrap();
    assert!(!fence(store, here.id, 4).await, "storing the channel again does not open it");
}

/// One process is working, stalls, and its lease expires; the other acquires the lease and continues.
async fn a_process_that_lost_its_lease_is_shut_out(one: &dyn Store, other: &dyn Store) {
    let (_, here) = one_channel(one).await;
    let name = name();
    assert!(replace(one, &name, None, &lease("one", 1, 5)).await);
    assert!(fence(one, here.id, 1).await);
    assert!(replace(other, &name, Some(1), &lease("two", 2, 9)).await);
    assert!(fence(one, here.id, 1).await, "no other holder was here yet");
    assert!(fence(other, here.id, 2).await);
    assert!(!fence(one, here.id, 1).await);
    assert!(!replace(one, &name, Some(1), &lease("one", 1, 99)).await, "nor can it prolong what it lost");
    assert_eq!(find(one, &name).await, Some(lease("two", 2, 9)));
}
