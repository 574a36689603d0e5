//! The archive as a whole. All cases share one, so no case can rely on being the first to record anything.

use domain::pseudonym::{KeyCheck, PseudonymKey};
use ports::store::Store;

use super::contract;
use super::fixture::retried;

contract![
    a_recorded_check_value_stays
    ; two handles: of_two_keys_that_come_at_once_one_is_recorded,
];

fn check(byte: u8) -> KeyCheck {
    PseudonymKey::new([byte; 32]).check()
}

async fn record(store: &dyn Store, byte: u8) -> KeyCheck {
    retried(store, async |unit| unit.archive().record_key_check(check(byte)).await).await.unwrap()
}

async fn a_recorded_check_value_stays(store: &dyn Store) {
    let stored = record(store, 1).await;
    assert_eq!(record(store, 2).await, stored);
    assert_eq!(record(store, 1).await, stored);
    assert_eq!(store.read().await.unwrap().archive().key_check().await.unwrap(), Some(stored));
}

async fn of_two_keys_that_come_at_once_one_is_recorded(one: &dyn Store, other: &dyn Store) {
    let (first, second) = tokio::join!(record(one, 3), record(other, 4));
    assert_eq!(first, second);
    assert_eq!(one.read().await.unwrap().archive().key_check().await.unwrap(), Some(first));
}
