//! The losers of races, and the time at which they get the error.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use ports::store::Store;

use super::database;
use crate::contract::fixture::{held_ids, one_channel, page, retried};
use crate::server::connect;

fn code(outcome: mysql_async::Result<()>) -> u16 {
    match outcome {
        Err(Error::Server(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

async fn optimistic(connection: &mut Conn) {
    connection.query_drop("BEGIN OPTIMISTIC").await.unwrap();
    connection
        .query_drop("UPDATE change_log_extent SET last_change_id = last_change_id + 1 WHERE extent_id = 1")
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn an_optimistic_transaction_that_lost_learns_it_at_its_commit() {
    let (database, mut one) = database().await;
    let mut other = connect(database.url()).await;
    optimistic(&mut one).await;
    optimistic(&mut other).await;
    one.query_drop("COMMIT").await.unwrap();
    assert_eq!(code(other.query_drop("COMMIT").await), 9007);
    let counted: Option<u64> =
        one.query_first("SELECT last_change_id FROM change_log_extent WHERE extent_id = 1").await.unwrap();
    assert_eq!(counted, Some(1));
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn units_on_one_channel_all_happen_whatever_mode_the_server_is_set_to() {
    let (database, mut connection) = database().await;
    let mode: Option<String> = connection.query_first("SELECT @@tidb_txn_mode").await.unwrap();
    assert_eq!(mode.as_deref(), Some("pessimistic"), "the default that the adapter counts on");
    let store = database.store().await;
    let (_, here) = one_channel(&store).await;
    let writers = (0..4_u64).map(|writer| {
        let (store, here) = (&store, &here);
        async move {
            for number in 0..10 {
                let page = page(here, None, 1, [1 + writer * 10 + number], "text");
                let work = async |unit: &mut dyn ports::store::UnitOfWork| {
                    unit.messages().replace_interval(here.id, &page).await
                };
                retried(store, work).await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
    assert_eq!(held_ids(&store, &here).await, (1..=40).collect::<Vec<_>>());
    let stored = store.read().await.unwrap().channels().find(here.id).await.unwrap().unwrap();
    assert_eq!(stored.stats.message_count, 40, "no count was lost");
    let changes: Vec<u64> =
        connection.query("SELECT change_id FROM change_log WHERE kind = 2 ORDER BY change_id").await.unwrap();
    let first = changes[0];
    assert!(
        changes.iter().copied().eq(first..first + 40),
        "every change has a number of its own in the partition of the channel, without a gap: {changes:?}"
    );
    store.close().await;
}
