//! Content that is due to be removed.

use std::time::Duration;

use domain::channel::{Channel, ChannelKind};
use domain::message::{Deletion, MessageId, StoredMessage};
use domain::page::MessagePage;
use domain::removal::Removal;
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{at, channel, id, interval, message, one_channel, page, put, retried};

contract![
    removals_are_due_in_the_order_of_their_times,
    a_removal_that_is_entered_again_has_the_new_time,
    only_an_entry_of_the_same_time_is_deleted,
    removals_need_their_channel_and_go_with_it,
    an_inferred_deletion_is_entered_for_a_month_later,
    content_that_is_due_is_removed_and_the_message_can_come_back,
];

/// Times before those of all other cases, which share the database: the list is that of all channels.
const LONG_AGO: i64 = -60_000_000_000_000;

fn removal(channel: &Channel, message: Option<u64>, due_at: i64) -> Removal {
    Removal { channel: channel.id, message: message.map(id), due_at: at(LONG_AGO + due_at) }
}

async fn enter(store: &dyn Store, removals: &[Removal]) -> Result<(), StoreError> {
    retried(store, async |unit| unit.removals().upsert_all(removals).await).await
}

/// Returns the removals of a channel that are due.
async fn due(store: &dyn Store, channel: &Channel, now: i64) -> Vec<Removal> {
    let due = store.read().await.unwrap().removals().list_due(at(now), 1_000).await.unwrap();
    due.into_iter().filter(|removal| removal.channel == channel.id).collect()
}

async fn removals_are_due_in_the_order_of_their_times(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let all =
        [removal(&here, Some(7), 1), removal(&here, None, 2), removal(&here, Some(3), 2), removal(&here, Some(4), 9)];
    let mut shuffled = all;
    shuffled.reverse();
    enter(store, &shuffled).await.unwrap();
    assert_eq!(due(store, &here, LONG_AGO).await, []);
    assert_eq!(due(store, &here, LONG_AGO + 2).await, all[..3]);
    assert_eq!(due(store, &here, LONG_AGO + 9).await, all);
    let first = store.read().await.unwrap().removals().list_due(at(LONG_AGO + 9), 1).await.unwrap();
    assert_eq!(first.len(), 1);
}

async fn a_removal_that_is_entered_again_has_the_new_time(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    for due_at in [5, 5, 3, 8] {
        enter(store, &[removal(&here, Some(7), due_at)]).await.unwrap();
        assert_eq!(due(store, &here, LONG_AGO + 9).await, [removal(&here, Some(7), due_at)]);
    }
}

async fn only_an_entry_of_the_same_time_is_deleted(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let stored = [removal(&here, None, 1), removal(&here, Some(7), 2), removal(&here, Some(8), 3)];
    enter(store, &stored).await.unwrap();
    let gone = [stored[0], Removal { due_at: at(0), ..stored[1] }, stored[2], removal(&here, Some(9), 1)];
    retried(store, async |unit| unit.removals().delete_all(&gone).await).await.unwrap();
    assert_eq!(due(store, &here, LONG_AGO + 9).await, stored[1..2], "the other was entered again since");
}

async fn removals_need_their_channel_and_go_with_it(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let nowhere = channel(&tenant, 99, ChannelKind::TEXT);
    let refused = enter(store, &[removal(&nowhere, None, 1)]).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
    let all = [removal(&here, None, 1), removal(&here, Some(7), 1), removal(&here, Some(8), 1)];
    enter(store, &all).await.unwrap();
    let removed = retried(store, async |unit| unit.removals().delete_first(here.id, 2).await).await.unwrap();
    assert_eq!((removed, due(store, &here, LONG_AGO + 9).await), (2, all[2..].to_vec()));
    retried(store, async |unit| unit.channels().delete(here.id).await).await.unwrap();
    assert_eq!(due(store, &here, LONG_AGO + 9).await, []);
}

const MONTH: Duration = Duration::from_hours(30 * 24);

async fn an_inferred_deletion_is_entered_for_a_month_later(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let now = LONG_AGO - i64::try_from(MONTH.as_millis()).unwrap();
    let entered = |raw, deleted_at| Removal {
        channel: here.id,
        message: Some(id(raw)),
        due_at: at(now + deleted_at).plus(MONTH),
    };
    put(store, &here, &page(&here, interval(1, 9), now, [3, 4, 5], "a")).await;
    put(store, &here, &page(&here, interval(1, 9), now + 5, [3], "a")).await;
    assert_eq!(due(store, &here, LONG_AGO + 9).await, [entered(4, 5), entered(5, 5)]);
    // An older observation adds a message as deleted; a copy of another archive brings one.
    put(store, &here, &page(&here, None, now + 1, [6], "a")).await;
    let copy = StoredMessage { message: message(&here, 7, "a", now), deletion: Some(Deletion::inferred(at(now + 6))) };
    let proven = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
    let restore = async |unit: &mut dyn ports::store::UnitOfWork| {
        unit.messages().restore(here.id, std::slice::from_ref(&copy), &proven).await
    };
    assert_eq!(retried(store, restore).await.unwrap(), 1);
    let all = [entered(4, 5), entered(5, 5), entered(6, 5), entered(7, 6)];
    assert_eq!(due(store, &here, LONG_AGO + 9).await, all);
    // An explicit one is effective at once.
    put(store, &here, &MessagePage::deleted(here.id, [id(3)], at(now + 9))).await;
    assert_eq!(due(store, &here, LONG_AGO + 9).await, all);
}

async fn content_that_is_due_is_removed_and_the_message_can_come_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [3, 4], "a")).await;
    put(store, &here, &page(&here, interval(1, 9), 5, [4], "a")).await;
    let find = async |raw: u64| store.read().await.unwrap().messages().find(here.id, id(raw)).await.unwrap().unwrap();
    let kept = find(4).await;
    put(store, &here, &MessagePage::due(here.id, [3, 4, 5].map(id), at(6).plus(MONTH))).await;
    let cleared =
        StoredMessage { message: message(&here, 3, "a", 1).cleared(), deletion: Some(Deletion::inferred(at(5))) };
    assert_eq!((find(3).await, find(4).await), (cleared, kept));
    assert_eq!(store.read().await.unwrap().messages().find(here.id, id(5)).await.unwrap(), None);
    let back = page(&here, interval(MessageId::MIN.get(), 9), 9, [3, 4], "a");
    put(store, &here, &back).await;
    assert_eq!((find(3).await.message.content, find(3).await.deletion), ("a".to_owned(), None));
}
