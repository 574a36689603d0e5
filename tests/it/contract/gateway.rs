//! Sessions of the gateway.

use ports::event::{GatewaySession, ShardId};
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, begin, retried};

contract![
    a_session_comes_back_as_it_was_stored_last,
    a_session_of_another_number_of_shards_is_not_found,
    a_unit_that_is_dropped_leaves_the_session_as_it_was,
];

/// Returns an account that is unique to a case.
fn account() -> String {
    Uuid::new_v4().simple().to_string()
}

fn session(id: &str, sequence: u64) -> GatewaySession {
    GatewaySession { id: id.to_owned(), resume_url: "wss://gateway-us-east1-b.example/?v=10&é=1".to_owned(), sequence }
}

async fn upsert(store: &dyn Store, account: &str, shard: ShardId, session: &GatewaySession) {
    retried(store, async |unit| unit.gateway_sessions().upsert(account, shard, session, at(5)).await).await.unwrap();
}

async fn find(store: &dyn Store, account: &str, shard: ShardId) -> Option<GatewaySession> {
    store.read().await.unwrap().gateway_sessions().find(account, shard).await.unwrap()
}

async fn a_session_comes_back_as_it_was_stored_last(store: &dyn Store) {
    let (account, other) = (account(), account());
    let [first, second] = [0, 1].map(|index| ShardId { index, count: 2 });
    assert_eq!(find(store, &account, first).await, None);
    for stored in [session("one", 0), session("one", u64::MAX), session("one", u64::MAX), session("two", 3)] {
        upsert(store, &account, first, &stored).await;
        assert_eq!(find(store, &account, first).await, Some(stored));
    }
    upsert(store, &account, second, &session("three", 4)).await;
    upsert(store, &other, first, &session("four", 5)).await;
    assert_eq!(find(store, &account, first).await, Some(session("two", 3)), "the others have sessions of their own");
    assert_eq!(find(store, &account, second).await, Some(session("three", 4)));
}

async fn a_session_of_another_number_of_shards_is_not_found(store: &dyn Store) {
    let account = account();
    upsert(store, &account, ShardId { index: 0, count: 1 }, &session("one", 7)).await;
    assert_eq!(find(store, &account, ShardId { index: 0, count: 2 }).await, None);
    upsert(store, &account, ShardId { index: 0, count: 2 }, &session("two", 1)).await;
    assert_eq!(find(store, &account, ShardId { index: 0, count: 1 }).await, None, "the one before is replaced");
    assert_eq!(find(store, &account, ShardId { index: 0, count: 2 }).await, Some(session("two", 1)));
}

async fn a_unit_that_is_dropped_leaves_the_session_as_it_was(store: &dyn Store) {
    let (account, shard) = (account(), ShardId { index: 0, count: 1 });
    upsert(store, &account, shard, &session("one", 7)).await;
    let mut unit = begin(store).await;
    unit.gateway_sessions().upsert(&account, shard, &session("one", 8), at(6)).await.unwrap();
    assert_eq!(unit.gateway_sessions().find(&account, shard).await.unwrap(), Some(session("one", 8)));
    drop(unit);
    assert_eq!(find(store, &account, shard).await, Some(session("one", 7)));
}
