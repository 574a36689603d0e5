//! The schema as the server stored it, and the effect of a change on open units.

use std::collections::BTreeSet;

use mysql_async::prelude::Queryable;
use mysql_async::{Error, Row};
use ports::error::StoreError;
use ports::store::Store;

use super::database;
use crate::contract::fixture::{held_ids, one_channel, page, put, retried};
use crate::server::connect;
use crate::statements::{migrations, statements};

/// The foreign keys that the migrations declare: their table, and their name.
fn declared() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (_, sql) in migrations("tidb") {
        for table in sql.split("CREATE TABLE IF NOT EXISTS ").skip(1) {
            let (name, body) = table.split_once(' ').unwrap();
            for constraint in body.split("CONSTRAINT ").skip(1).filter(|part| part.contains(" FOREIGN KEY ")) {
                let (key, rest) = constraint.split_once(' ').unwrap();
                if rest.starts_with("FOREIGN KEY") {
                    found.insert((name.to_owned(), key.to_owned()));
                }
            }
        }
    }
    found
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn every_foreign_key_is_there_and_refuses_an_orphan() {
    let (database, mut connection) = database().await;
    let sql = "SELECT table_name, constraint_name FROM information_schema.referential_constraints
               WHERE constraint_schema = DATABASE()";
    let found: Vec<(String, String)> = connection.query(sql).await.unwrap();
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), declared());
    assert!(declared().len() >= 8);
    let tables: BTreeSet<String> = declared().into_iter().map(|(table, _)| table).collect();
    for table in tables {
        // A row of only zeros and unrelated ids has no parent.
        let columns: Vec<Row> = connection.query(format!("SHOW COLUMNS FROM {table}")).await.unwrap();
        let values: Vec<String> = columns
            .iter()
            .map(|column| {
                let kind: String = column.get("Type").unwrap();
                match kind.split(['(', ' ']).next().unwrap() {
                    "varchar" | "varbinary" | "mediumtext" => "'none'".to_owned(),
                    "json" => "NULL".to_owned(),
                    "datetime" => "'2026-01-01 00:00:00.000'".to_owned(),
                    _ => "7".to_owned(),
                }
            })
            .collect();
        let refused = connection.query_drop(format!("INSERT INTO {table} VALUES ({})", values.join(", "))).await;
        match refused {
            Err(Error::Server(error)) => assert_eq!(error.code, 1452, "{table}: {error}"),
            other => panic!("{table}: {other:?}"),
        }
    }
    drop(database);
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn every_statement_is_understood_where_only_the_migrations_were() {
    let (_database, mut connection) = database().await;
    let all = statements();
    let tail = |name: &str, file: &str| {
        let found = all.iter().find(|one| one.file == file && one.name == format!("{name}_TAIL"));
        found.map_or("", |tail| tail.sql.as_str())
    };
    let mut understood = 0;
    for statement in all.iter().filter(|statement| !statement.name.ends_with("_TAIL")) {
        let mut sql =
            statement.sql.replace("WHERE (…)", "WHERE (channel_id = ? AND message_id = ?)").replace("(…)", "(?, ?)");
        if sql.trim_end().ends_with("VALUES") {
            let (_, columns) = sql.split_once('(').unwrap();
            let row = vec!["?"; columns.split(',').count()].join(", ");
            sql = format!("{sql} ({row}) {}", tail(&statement.name, &statement.file));
        }
        let prepared = connection.prep(&sql).await;
        assert!(prepared.is_ok(), "{} {}: {:?}\n{sql}", statement.file, statement.name, prepared.err());
        understood += 1;
    }
    assert!(understood > 50, "{understood}");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_table_that_changes_under_an_open_unit_loses_nothing() {
    let (database, _connection) = database().await;
    let store = database.store().await;
    let (_, here) = one_channel(&store).await;
    for (raw, change) in [(1, "ADD COLUMN later INT"), (2, "ADD INDEX by_kind (kind)"), (3, "DROP COLUMN later")] {
        let first = page(&here, None, 1, [raw], "before");
        let mut unit = store.begin().await.unwrap();
        unit.messages().replace_interval(here.id, &first).await.unwrap();
        let change = format!("ALTER TABLE messages {change}");
        let mut other = connect(database.url()).await;
        let altering = tokio::spawn(async move {
            other.query_drop(change).await.unwrap();
            other.disconnect().await.unwrap();
        });
        // Either the change waits for the unit, or the unit is aborted for it.
        match unit.commit().await {
            Ok(()) => {}
            Err(StoreError::Aborted(_)) => {
                let again = async |unit: &mut dyn ports::store::UnitOfWork| {
                    unit.messages().replace_interval(here.id, &first).await
                };
                retried(&store, again).await.unwrap();
            }
            Err(error) => panic!("{error:?}"),
        }
        altering.await.unwrap();
        assert_eq!(held_ids(&store, &here).await, (1..=raw).collect::<Vec<_>>());
        // Statements prepared before are prepared again.
        let outcome = put(&store, &here, &page(&here, None, 2, [raw], "after")).await;
        assert_eq!(outcome.updated, 1);
    }
    store.close().await;
}
