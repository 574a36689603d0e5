//! Changes.

use domain::change::{Change, ChangeId};
use domain::coverage::Interval;
use ports::page::Page;
use ports::store::Store;

use super::contract;
use super::fixture::{begin, id, interval, one_channel, page, put};

contract![
    a_change_is_appended_by_every_page_that_changes_something,
    changes_are_listed_to_the_end,
    a_unit_that_is_dropped_changed_nothing,
    nothing_comes_after_the_largest_change,
    the_changes_of_a_channel_go_with_it,
];

/// Every change behind `after`, `limit` at a time; ids ascend.
async fn all(store: &dyn Store, mut after: Option<ChangeId>, limit: u32) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    loop {
        let page = store.read().await.unwrap().changes().list(Page { after, limit }).await.unwrap();
        assert!(page.len() <= limit as usize);
        let Some(last) = page.last() else { return all };
        after = Some(last.id);
        all.extend(page);
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}

async fn a_change_is_appended_by_every_page_that_changes_something(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let first = page(&here, interval(1, 9), 1, [3, 5], "a");
    put(store, &here, &first).await;
    put(store, &here, &first).await;
    put(store, &here, &page(&here, None, 2, [5], "a")).await;
    put(store, &here, &page(&here, None, 3, [5, 8], "b")).await;
    put(store, &here, &page(&here, interval(2, 4), 4, [], "")).await;
    let ours = all(store, None, 101).await.into_iter().filter(|change| change.channel_id == here.id);
    let intervals: Vec<Interval> = ours.map(|change| change.interval).collect();
    assert_eq!(intervals, [(1, 9), (5, 8), (2, 4)].map(|(low, high)| Interval::new(id(low), id(high)).unwrap()));
}

async fn changes_are_listed_to_the_end(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    for raw in 1..=7 {
        put(store, &here, &page(&here, None, 1, [raw], "a")).await;
    }
    let ours = async |after, limit| -> Vec<u64> {
        let changes = all(store, after, limit).await.into_iter().filter(|change| change.channel_id == here.id);
        changes.map(|change| change.interval.low().get()).collect()
    };
    for limit in [1, 2, 3, 7, 101] {
        assert_eq!(ours(None, limit).await, [1, 2, 3, 4, 5, 6, 7], "{limit} at a time");
    }
    let fourth = all(store, None, 101).await.into_iter().filter(|change| change.channel_id == here.id).nth(3).unwrap();
    assert_eq!(ours(Some(fourth.id), 2).await, [5, 6, 7]);
}

async fn a_unit_that_is_dropped_changed_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [1], "a")).await.unwrap();
    drop(unit);
    assert!(all(store, None, 101).await.iter().all(|change| change.channel_id != here.id));
}

async fn nothing_comes_after_the_largest_change(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    for after in [i64::MAX.cast_unsigned(), i64::MAX.cast_unsigned() + 1, u64::MAX] {
        assert_eq!(all(store, Some(ChangeId(after)), 9).await, [], "after {after}");
    }
}

async fn the_changes_of_a_channel_go_with_it(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    let ours = async || all(store, None, 101).await.iter().filter(|change| change.channel_id == here.id).count();
    assert_eq!(ours().await, 1);
    let mut unit = begin(store).await;
    unit.channels().delete(here.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(ours().await, 0);
}
