//! The state that syncs store about channels.

use domain::channel::ChannelKind;
use domain::sync::SyncState;
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{at, begin, channel, one_channel};

contract![what_is_remembered_comes_back_and_only_moves_forward, what_is_remembered_goes_with_its_channel_and_needs_one,];

async fn upsert(store: &dyn Store, states: &[SyncState]) -> Result<(), StoreError> {
    let mut unit = begin(store).await;
    unit.sync_states().upsert_all(states).await?;
    unit.commit().await
}

async fn what_is_remembered_comes_back_and_only_moves_forward(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let others = [71, 72].map(|number| channel(&tenant, number, ChannelKind::TEXT));
    let mut unit = begin(store).await;
    for other in &others {
        unit.channels().upsert(other).await.unwrap();
    }
    unit.commit().await.unwrap();
    let (one, [two, three]) = (here.id, others.map(|channel| channel.id));
    let find = async || store.read().await.unwrap().sync_states().find_all(&[three, one, two, one]).await.unwrap();
    assert_eq!(find().await, []);
    let full = SyncState {
        rechecked_at: Some(at(5)),
        listed_at: Some(at(6)),
        listed_whole_at: Some(at(7)),
        requested_at: Some(at(8)),
        ..SyncState::new(one)
    };
    let mut expected = vec![full, SyncState::new(two)];
    expected.sort_unstable_by_key(|state| state.channel_id);
    upsert(store, &expected).await.unwrap();
    assert_eq!(find().await, expected);
    // Earlier times and missing ones change nothing; later ones do.
    upsert(store, &[SyncState::new(one)]).await.unwrap();
    let mixed = SyncState { rechecked_at: Some(at(4)), listed_at: Some(at(9)), ..SyncState::new(one) };
    upsert(store, &[mixed, SyncState { requested_at: Some(at(1)), ..SyncState::new(two) }]).await.unwrap();
    let found = find().await;
    let of = |id| *found.iter().find(|state| state.channel_id == id).unwrap();
    assert_eq!(of(one), SyncState { listed_at: Some(at(9)), ..full });
    assert_eq!(of(two), SyncState { requested_at: Some(at(1)), ..SyncState::new(two) });
}

async fn what_is_remembered_goes_with_its_channel_and_needs_one(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let here = channel(&tenant, 71, ChannelKind::TEXT);
    let state = SyncState { listed_at: Some(at(1)), ..SyncState::new(here.id) };
    let missing = upsert(store, &[state]).await;
    assert!(matches!(missing, Err(StoreError::Missing { what: "channel" })), "{missing:?}");
    let mut unit = begin(store).await;
    unit.channels().upsert(&here).await.unwrap();
    unit.sync_states().upsert_all(&[state]).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = begin(store).await;
    unit.channels().delete(here.id).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().sync_states().find_all(&[here.id]).await.unwrap(), []);
}
