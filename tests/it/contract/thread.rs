//! Lists of threads.

use domain::channel::{Channel, ChannelSnowflake};
use domain::visibility::Visibility;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::page::Page;
use ports::store::Store;

use super::contract;
use super::fixture::{begin, id, interval, one_channel, page, put, stored, thread, upsert};

contract![
    threads_are_listed_to_the_end_in_every_order,
    a_thread_moves_up_when_something_is_written,
    a_list_of_threads_is_of_one_parent,
    threads_at_both_ends_of_the_ids_are_listed,
];

/// Half a minute, in the bits of an id.
const LATER: u64 = 30_000 << 22;

async fn list(store: &dyn Store, parent: &Channel, filter: ThreadFilter, limit: u32) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let mut read = store.read().await.unwrap();
        let page = read.channels().list_threads(parent.id, filter, Page { after, limit }).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return found };
        after = Some(ThreadCursor {
            active_at: last.stats.last_activity_at.unwrap_or_else(|| last.created_at()),
            platform_id: last.platform_id,
        });
        found.extend(page.iter().map(|thread| thread.platform_id.get() % 1000));
    }
}

async fn threads_are_listed_to_the_end_in_every_order(store: &dyn Store) {
    let (_, parent) = one_channel(store).await;
    // Three were created in one millisecond, two later ones in another; the low bits of each differ.
    let made = |moment: u64, number: u64| moment * LATER / 1000 * 1000 + number;
    let threads = [(1, 1), (1, 2), (1, 3), (2, 4), (2, 5), (3, 6), (3, 7), (4, 8)]
        .map(|(moment, number)| thread(&parent, made(moment, number)));
    let threads = threads.map(|thread| {
        let number = thread.platform_id.get() % 1000;
        let visibility = if number == 7 { Visibility::Private } else { thread.visibility };
        Channel { archived: number % 2 == 0, visibility, ..thread }
    });
    upsert(store, &threads.iter().collect::<Vec<_>>()).await;
    // The first two were last active at the same time, after all others; the fifth was active and is empty again.
    for (thread, message) in [(&threads[0], 9 * LATER), (&threads[1], 9 * LATER + 1), (&threads[4], 9 * LATER)] {
        put(store, thread, &page(thread, None, 1, [message], "a")).await;
    }
    put(store, &threads[4], &page(&threads[4], interval(1, 10 * LATER), 2, [], "")).await;
    let cases: [(ThreadOrder, [&[u64]; 2]); 3] = [
        (ThreadOrder::Activity, [&[2, 1, 8, 6, 5, 4, 3], &[2, 1, 8, 7, 6, 5, 4, 3]]),
        (ThreadOrder::Created, [&[8, 6, 5, 4, 3, 2, 1], &[8, 7, 6, 5, 4, 3, 2, 1]]),
        (ThreadOrder::Oldest, [&[1, 2, 3, 4, 5, 6, 8], &[1, 2, 3, 4, 5, 6, 7, 8]]),
    ];
    for (order, expected) in cases {
        for (with_private, expected) in [false, true].into_iter().zip(expected) {
            let filter = ThreadFilter { order, with_private };
            for limit in 1..=9 {
                assert_eq!(list(store, &parent, filter, limit).await, expected, "{filter:?}, {limit} at a time");
            }
        }
    }
}

async fn a_thread_moves_up_when_something_is_written(store: &dyn Store) {
    let (_, parent) = one_channel(store).await;
    let threads = [thread(&parent, LATER), thread(&parent, 2 * LATER + 1)];
    upsert(store, &[&threads[0], &threads[1]]).await;
    let filter = ThreadFilter { order: ThreadOrder::Activity, with_private: false };
    let order = async || -> Vec<Channel> {
        let mut read = store.read().await.unwrap();
        read.channels().list_threads(parent.id, filter, Page { after: None, limit: 9 }).await.unwrap()
    };
    assert_eq!(order().await, [threads[1].clone(), threads[0].clone()]);
    put(store, &threads[0], &page(&threads[0], None, 1, [3 * LATER], "a")).await;
    let first = stored(store, &threads[0]).await;
    assert_eq!(first.stats.last_activity_at, Some(id(3 * LATER).created_at()));
    assert_eq!(order().await, [first, threads[1].clone()]);
    // Replacing the thread preserves its stored activity.
    upsert(store, &[&threads[0]]).await;
    assert_eq!(order().await[0].id, threads[0].id);
    put(store, &threads[0], &page(&threads[0], interval(1, 4 * LATER), 2, [], "")).await;
    assert_eq!(order().await[0].id, threads[1].id);
}

async fn a_list_of_threads_is_of_one_parent(store: &dyn Store) {
    let ((_, here), (_, there)) = (one_channel(store).await, one_channel(store).await);
    upsert(store, &[&thread(&here, 50), &thread(&there, 51)]).await;
    let filter = ThreadFilter { order: ThreadOrder::Created, with_private: true };
    assert_eq!(list(store, &here, filter, 9).await, [50]);
    let mut unit = begin(store).await;
    unit.channels().delete(thread(&here, 50).id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(list(store, &here, filter, 9).await, [0; 0]);
}

async fn threads_at_both_ends_of_the_ids_are_listed(store: &dyn Store) {
    let (_, parent) = one_channel(store).await;
    let (smallest, largest) = (thread(&parent, 1), thread(&parent, ChannelSnowflake::MAX.get()));
    upsert(store, &[&smallest, &largest]).await;
    let (low, high) = (1, ChannelSnowflake::MAX.get() % 1000);
    for (order, expected) in
        [(ThreadOrder::Activity, [high, low]), (ThreadOrder::Created, [high, low]), (ThreadOrder::Oldest, [low, high])]
    {
        let filter = ThreadFilter { order, with_private: false };
        for limit in 1..=3 {
            assert_eq!(list(store, &parent, filter, limit).await, expected, "{order:?}, {limit} at a time");
        }
    }
}
