//! First starts, which create the schema, on a server that fails at any of their statements.

use std::time::Duration;

use adapter_tidb::url::DatabaseUrl;
use adapter_tidb::{OpenError, OpenOptions, TidbStore};
use futures::poll;
use mysql_async::prelude::Queryable;
use ports::store::Store;
use tokio::time::Instant;

use super::{through, upstream};
use crate::proxy::{Fault, Proxy};
use crate::server::{Database, connect};

/// The time limit of a statement that changes the schema; no other may take longer.
const LONGEST: Duration = Duration::from_hours(1);

async fn start(url: &DatabaseUrl, patience: Duration) -> Result<(), OpenError> {
    TidbStore::open(url, OpenOptions { pool_size: 1, patience }).await.map(drop)
}

/// Returns the definition of every table, as the server would create it again.
async fn schema(database: &Database) -> Vec<(String, String)> {
    let mut connection = connect(database.url()).await;
    let tables: Vec<String> = connection.query("SHOW TABLES").await.unwrap();
    let mut schema = Vec::new();
    for table in tables {
        schema.extend(connection.query_first(format!("SHOW CREATE TABLE {table}")).await.unwrap());
    }
    let steps: Vec<(u32, String)> = connection.query("SELECT version, name FROM migrations").await.unwrap();
    schema.extend(steps.into_iter().map(|(version, name)| (version.to_string(), name)));
    connection.disconnect().await.unwrap();
    schema
}

async fn undisturbed() -> Vec<(String, String)> {
    let database = Database::new().await;
    start(database.url(), Duration::ZERO).await.unwrap();
    schema(&database).await
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_first_start_that_ends_at_any_statement_is_gone_on_with_by_the_next() {
    let expected = undisturbed().await;
    let mut ended = 0;
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Error(8028)] {
        let database = Database::new().await;
        let proxy = Proxy::start(upstream(&database).await).await;
        let url = through(&proxy, &database);
        // Each start gets a little further than the previous one, until one completes.
        for skip in 0.. {
            proxy.after(skip, "", fault);
            let done = start(&url, Duration::ZERO).await;
            if proxy.heal() {
                done.unwrap();
                break;
            }
            // A lock that cannot be released is dropped with its connection.
            assert!(done.is_err() || proxy.last_met().contains("RELEASE_LOCK"), "{fault:?} at {}", proxy.last_met());
            ended += 1;
        }
        start(&url, Duration::ZERO).await.unwrap();
        assert_eq!(schema(&database).await, expected, "{fault:?}");
    }
    assert!(ended > 20, "{ended} starts were ended");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_first_start_that_hangs_at_any_statement_ends_in_time_and_says_so() {
    let expected = undisturbed().await;
    let database = Database::new().await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let url = through(&proxy, &database);
    let mut hung = 0;
    for skip in 0.. {
        let met = proxy.met();
        proxy.after(skip, "", Fault::Stall);
        let begun = Instant::now();
        let mut starting = Box::pin(start(&url, Duration::ZERO));
        let done = tokio::select! {
            done = &mut starting => done,
            () = proxy.has_met(met + 1) => {
                // From here on only time passes.
                tokio::time::pause();
                starting.await
            }
        };
        let took = begun.elapsed();
        if proxy.heal() {
            done.unwrap();
            break;
        }
        tokio::time::resume();
        let why = format!("{} after {took:?}", proxy.last_met());
        assert!(took < LONGEST + Duration::from_mins(1), "{why}");
        if !proxy.last_met().contains("RELEASE_LOCK") {
            assert!(matches!(done, Err(OpenError::Unreachable { .. })), "{why}: {done:?}");
            hung += 1;
        }
        proxy.resume();
        // The stalled statement reaches the server now; its lock is dropped with its connection.
        proxy.cut().await;
    }
    assert!(hung > 5, "{hung} starts hung");
    assert_eq!(schema(&database).await, expected);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_start_waits_for_a_server_that_comes_late() {
    let database = Database::new().await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let url = through(&proxy, &database);
    for refusal in [None, Some(1040), Some(1053)] {
        match refusal {
            None => proxy.close().await,
            code => proxy.refuse(code),
        }
        let mut opening =
            Box::pin(TidbStore::open(&url, OpenOptions { pool_size: 1, patience: Duration::from_mins(1) }));
        assert!(poll!(&mut opening).is_pending());
        let refused = start(&url, Duration::ZERO).await.unwrap_err();
        assert!(matches!(refused, OpenError::Unreachable { .. }), "{refusal:?}: {refused}");
        match refusal {
            None => proxy.open().await,
            Some(_) => drop(proxy.heal()),
        }
        opening.await.unwrap().status().await.unwrap();
    }
}
