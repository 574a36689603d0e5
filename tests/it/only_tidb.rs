//! Behaviour that only `TiDB` can show. Every case fails on any other server.

mod conflicts;
mod json;
mod plans;
mod schema;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use crate::server::{Database, connect};

/// A database of its own with the schema, and a plain connection to it.
async fn database() -> (Database, Conn) {
    let database = Database::new().await;
    let mut connection = connect(database.url()).await;
    let version: String = connection.query_first("SELECT VERSION()").await.unwrap().unwrap();
    assert!(version.contains("TiDB"), "this case needs TiDB, and {version} is none: leave it out by --skip only_tidb");
    database.store().await.close().await;
    (database, connection)
}
