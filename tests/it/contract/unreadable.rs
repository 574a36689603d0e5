//! The items of channels that could not be read.

use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::json::Json;
use domain::unreadable::{Unreadable, UnreadableId};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use serde_json::json;

use super::contract;
use super::fixture::{FIRST, HARD_TEXT, LAST, at, begin, channel, id, interval, one_channel, retried, upsert};

contract! {
    every_field_of_what_could_not_be_read_comes_back,
    what_is_seen_again_is_one_row_as_it_was_last_seen,
    what_has_its_place_elsewhere_is_not_listed,
    a_channel_keeps_so_many_and_counts_them,
    what_is_deleted_is_gone_and_nothing_else_is,
    json_of_any_depth_and_kind_is_taken,
    what_could_not_be_read_of_a_channel_that_is_not_stored_is_refused,
    what_could_not_be_read_goes_with_its_channel,
    a_unit_that_is_dropped_keeps_nothing;
    two handles:
    two_writers_together_keep_no_more_than_one,
}

fn odd(of: &Channel, place: (u64, u64), text: &str, seen: i64) -> Unreadable {
    let raw = Json::new(&json!({"content": text}));
    let place = interval(place.0, place.1).unwrap();
    Unreadable::shown(of.id, place, "a message has no id", Some(raw), at(seen))
}

/// Returns different ones, in the order of their ids.
fn many(of: &Channel, count: usize) -> Vec<Unreadable> {
    let mut all: Vec<_> = (0..count).map(|number| odd(of, (5, 9), &number.to_string(), 1)).collect();
    all.sort_by_key(|one| one.id);
    all
}

async fn keep(store: &dyn Store, of: &Channel, all: &[Unreadable]) -> u64 {
    let mut unit = begin(store).await;
    let kept = unit.unreadable().upsert_all(of.id, all).await.unwrap();
    unit.commit().await.unwrap();
    kept
}

async fn list(store: &dyn Store, of: &Channel) -> Vec<Unreadable> {
    store.read().await.unwrap().unreadable().list(of.id, Interval::ALL).await.unwrap()
}

async fn every_field_of_what_could_not_be_read_comes_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    assert_eq!(list(store, &here).await, []);
    let largest = Json::new(&json!("🧶".repeat((Unreadable::LARGEST - 2) / 4)));
    let mut all = vec![
        Unreadable { reason: HARD_TEXT.to_owned(), first_seen_at: at(FIRST), ..odd(&here, (5, 9), HARD_TEXT, LAST) },
        Unreadable::shown(here.id, Interval::ALL, "", None, at(1_772_366_400_999)),
        Unreadable::shown(here.id, interval(1, 1).unwrap(), "large", Some(largest), at(-1)),
        Unreadable::refused(here.id, id(i64::MAX.cast_unsigned()), "error 1406".to_owned(), at(1)),
    ];
    assert!(all[2].raw.is_some());
    assert_eq!(keep(store, &here, &all).await, 4);
    all.sort_by_key(|one| one.id);
    assert_eq!(list(store, &here).await, all);
}

async fn what_is_seen_again_is_one_row_as_it_was_last_seen(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let seen = |place, reason: &str, millis| Unreadable { reason: reason.to_owned(), ..odd(&here, place, "a", millis) };
    let later = seen((6, 9), "later", 20);
    for _ in 0..2 {
        keep(store, &here, &[seen((1, 9), "earlier", 10)]).await;
        keep(store, &here, std::slice::from_ref(&later)).await;
        assert_eq!(list(store, &here).await, [Unreadable { first_seen_at: at(10), ..later.clone() }]);
    }
    keep(store, &here, &[seen((1, 2), "first", 5)]).await;
    assert_eq!(list(store, &here).await, [Unreadable { first_seen_at: at(5), ..later }], "an older look says less");
}

async fn what_has_its_place_elsewhere_is_not_listed(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let there = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&there]).await;
    let one = odd(&here, (5, 9), "a", 1);
    keep(store, &here, std::slice::from_ref(&one)).await;
    keep(store, &there, &[odd(&there, (5, 9), "a", 1)]).await;
    let mut read = store.read().await.unwrap();
    for (low, high, found) in [(1, 4, 0), (1, 5, 1), (6, 8, 1), (1, 50, 1), (9, 10, 1), (10, 50, 0)] {
        let listed = read.unreadable().list(here.id, interval(low, high).unwrap()).await.unwrap();
        assert_eq!(listed, vec![one.clone(); found], "{low} to {high}");
    }
}

async fn a_channel_keeps_so_many_and_counts_them(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let there = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&there]).await;
    let all = many(&here, Unreadable::MOST + 5);
    assert_eq!(keep(store, &here, &all[3..10]).await, 7);
    assert_eq!(keep(store, &here, &all).await, Unreadable::MOST as u64);
    let held = list(store, &here).await;
    assert_eq!(held.len(), Unreadable::MOST);
    assert_eq!(keep(store, &here, &held).await, Unreadable::MOST as u64, "what it has it takes again");
    let mut read = store.read().await.unwrap();
    let counted = read.coverage().find(here.id).await.unwrap().unwrap().unreadable_count;
    assert_eq!(counted, Unreadable::MOST as u64);
    let page = read.coverage().list(tenant.id, Page { after: None, limit: 10 }).await.unwrap();
    let mut counts: Vec<_> = page.iter().map(|coverage| (coverage.channel_id, coverage.unreadable_count)).collect();
    counts.sort_by_key(|(_, count)| *count);
    assert_eq!(counts, [(there.id, 0), (here.id, Unreadable::MOST as u64)]);
}

async fn what_is_deleted_is_gone_and_nothing_else_is(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let there = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&there]).await;
    let all = many(&here, 4);
    keep(store, &here, &all).await;
    keep(store, &there, &many(&there, 4)).await;
    let ids: Vec<UnreadableId> = all[1..3].iter().map(|one| one.id).collect();
    for _ in 0..2 {
        let mut unit = begin(store).await;
        unit.unreadable().delete_all(here.id, &ids).await.unwrap();
        unit.unreadable().delete_all(there.id, &ids).await.unwrap();
        unit.commit().await.unwrap();
        assert_eq!(list(store, &here).await, [all[0].clone(), all[3].clone()]);
        assert_eq!(list(store, &there).await.len(), 4, "ids are of one channel");
    }
}

async fn json_of_any_depth_and_kind_is_taken(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let deep = (0..120).fold(json!("x"), |inner, _| json!([inner]));
    let long_key = "k".repeat(70_000);
    let values = [deep, json!({long_key: 1}), json!({"": "\u{0}\u{1f}\\\"/\u{10ffff}"}), json!(null), json!(1.5e300)];
    let all: Vec<_> = values
        .iter()
        .map(|value| Unreadable::shown(here.id, Interval::ALL, "it is not an object", Some(Json::new(value)), at(1)))
        .collect();
    keep(store, &here, &all).await;
    let held = list(store, &here).await;
    assert_eq!(held.len(), all.len());
    assert!(all.iter().all(|one| held.contains(one)));
}

async fn what_could_not_be_read_of_a_channel_that_is_not_stored_is_refused(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let missing = channel(&tenant, 999, ChannelKind::TEXT);
    let refused = begin(store).await.unreadable().upsert_all(missing.id, &many(&missing, 1)).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
}

async fn what_could_not_be_read_goes_with_its_channel(store: &dyn Store) {
    let ((_, here), (_, there)) = (one_channel(store).await, one_channel(store).await);
    keep(store, &here, &many(&here, 3)).await;
    keep(store, &there, &many(&there, 3)).await;
    let mut unit = begin(store).await;
    unit.channels().delete(here.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(list(store, &here).await, []);
    assert_eq!(list(store, &there).await.len(), 3);
}

async fn a_unit_that_is_dropped_keeps_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    unit.unreadable().upsert_all(here.id, &many(&here, 2)).await.unwrap();
    drop(unit);
    assert_eq!(list(store, &here).await, []);
}

async fn two_writers_together_keep_no_more_than_one(one: &dyn Store, other: &dyn Store) {
    let (_, here) = one_channel(one).await;
    let all = many(&here, Unreadable::MOST * 2);
    let (first, second) = all.split_at(Unreadable::MOST);
    let write = async |store: &dyn Store, part: &[Unreadable]| {
        for chunk in part.chunks(20) {
            retried(store, async |unit| unit.unreadable().upsert_all(here.id, chunk).await).await.unwrap();
        }
    };
    futures::join!(write(one, first), write(other, second));
    assert_eq!(list(one, &here).await.len(), Unreadable::MOST);
}
