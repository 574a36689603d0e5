//! Two handles of one database, as two processes have them.

use ports::page::MessageRange;
use ports::store::Store;

use super::contract;
use super::fixture::{held_ids, interval, one_channel, page, put, retried, stored};

contract![; two handles:
    what_one_handle_commits_the_other_reads,
    a_snapshot_of_one_handle_outlives_a_commit_of_the_other,
    one_handle_reads_while_the_other_writes,
    writers_of_two_handles_lose_nothing,
    both_handles_say_the_same_of_the_store,
];

async fn what_one_handle_commits_the_other_reads(one: &dyn Store, other: &dyn Store) {
    let (tenant, here) = one_channel(one).await;
    assert_eq!(other.read().await.unwrap().tenants().find(tenant.id).await.unwrap(), Some(tenant));
    put(other, &here, &page(&here, interval(1, 9), 1, [5, 6], "a")).await;
    put(one, &here, &page(&here, interval(1, 9), 2, [5], "a")).await;
    for store in [one, other] {
        assert_eq!(held_ids(store, &here).await, [5]);
        assert_eq!(stored(store, &here).await.stats.message_count, 1);
    }
}

async fn a_snapshot_of_one_handle_outlives_a_commit_of_the_other(one: &dyn Store, other: &dyn Store) {
    let (_, here) = one_channel(one).await;
    let mut before = one.read().await.unwrap();
    assert_eq!(before.channels().find(here.id).await.unwrap().as_ref(), Some(&here));
    put(other, &here, &page(&here, None, 1, [5], "a")).await;
    assert_eq!(before.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages, []);
    assert_eq!(before.channels().find(here.id).await.unwrap().as_ref(), Some(&here));
    drop(before);
    assert_eq!(held_ids(one, &here).await, [5]);
}

async fn one_handle_reads_while_the_other_writes(one: &dyn Store, other: &dyn Store) {
    let (_, here) = one_channel(one).await;
    let mut unit = other.begin().await.unwrap();
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [5], "a")).await.unwrap();
    assert_eq!(held_ids(one, &here).await, [0; 0]);
    unit.commit().await.unwrap();
    assert_eq!(held_ids(one, &here).await, [5]);
}

async fn writers_of_two_handles_lose_nothing(one: &dyn Store, other: &dyn Store) {
    let (_, here) = one_channel(one).await;
    let writer = async |store: &dyn Store, first: u64| {
        for number in 0..10 {
            let page = page(&here, None, 1, [first + 2 * number], "a");
            retried(store, async |unit| unit.messages().replace_interval(here.id, &page).await).await.unwrap();
        }
    };
    tokio::join!(writer(one, 1), writer(other, 2));
    for store in [one, other] {
        assert_eq!(held_ids(store, &here).await, (1..=20).collect::<Vec<_>>());
        assert_eq!(stored(store, &here).await.stats.message_count, 20);
    }
}

async fn both_handles_say_the_same_of_the_store(one: &dyn Store, other: &dyn Store) {
    assert_eq!(one.status().await.unwrap(), other.status().await.unwrap());
}
