//! The migration that recounts the messages of channels that counted messages hidden from readers.

use adapter_sqlite::SqliteStore;
use adapter_tidb::MIGRATIONS;
use domain::channel::{Channel, ChannelStats};
use domain::message::{Message, MessageKind};
use domain::page::MessagePage;
use domain::timestamp::Timestamp;
use mysql_async::prelude::Queryable;
use ports::store::Store;

use crate::contract::fixture::{at, id, message, one_channel, put, stored};
use crate::server::{Database, connect};
use crate::statements::migrations;

const NAME: &str = "0016_shown_counts";
const NEWEST: u64 = (1 << 41) + 5;

/// The wrong stats that every channel starts with; `active_at` is the store's expression for a time.
const SPOIL: &str = "UPDATE channels SET message_count = 77, last_activity_at = NULL, active_at = ";

/// Stores channels in the same community or in others: with hidden messages of every kind, with only hidden ones, with
/// a newest message whose id gives no time, and without hidden ones. Each comes with the stats that it must have after
/// the migration.
async fn fill(store: &dyn Store) -> Vec<(Channel, ChannelStats)> {
    let hidden = |here: &Channel, raw: u64| Message { kind: MessageKind(24), ..message(here, raw, "alarm", 1) };
    let odd_time = at(1_600_000_000_123);
    let mut filled = Vec::new();
    for number in 0..40 {
        let (_, here) = one_channel(store).await;
        let messages = match number % 4 {
            0 => vec![message(&here, 9, "a", 1), message(&here, NEWEST, "a", 1), hidden(&here, 1 << 42)],
            1 => vec![hidden(&here, 9), Message { kind: MessageKind(-1), ..message(&here, NEWEST, "a", 1) }],
            2 => vec![hidden(&here, 9), Message { sent_at: Some(odd_time), ..message(&here, 50, "a", 1) }],
            _ => vec![message(&here, 9, "a", 1)],
        };
        let times: Vec<Timestamp> =
            messages.iter().filter(|one| one.kind.is_shown()).map(Message::created_at).collect();
        put(store, &here, &MessagePage::new(None, at(1), messages).unwrap()).await;
        // A deleted message counts neither before nor after.
        put(store, &here, &MessagePage::deleted(here.id, [id(9)], at(2))).await;
        let shown = stored(store, &here).await.stats;
        let expected = times.last().filter(|_| number % 4 != 3);
        assert_eq!(shown.last_activity_at, expected.copied());
        filled.push((here, shown));
    }
    filled
}

async fn check(store: &dyn Store, filled: &[(Channel, ChannelStats)]) {
    for (number, (channel, shown)) in filled.iter().enumerate() {
        let stats = stored(store, channel).await.stats;
        // Without a hidden message the stats were right before and remain.
        let expected =
            if number % 4 == 3 { ChannelStats { message_count: 77, last_activity_at: None, ..*shown } } else { *shown };
        assert_eq!(stats, expected, "{number}");
    }
}

#[tokio::test]
async fn sqlite_counts_again_and_a_second_time_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verta.db");
    let store = SqliteStore::open(&path, 1).unwrap();
    let filled = fill(&store).await;
    let database = rusqlite::Connection::open(&path).unwrap();
    let active_at = || -> Vec<i64> {
        let mut statement = database.prepare("SELECT active_at FROM channels ORDER BY channel_id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let before = active_at();
    let (_, sql) = migrations("sqlite").into_iter().find(|(file, _)| file.starts_with(NAME)).unwrap();
    database.execute_batch(&format!("{SPOIL} active_at")).unwrap();
    for _ in 0..2 {
        database.execute_batch(&sql).unwrap();
        check(&store, &filled).await;
        assert_eq!(active_at(), before);
    }
    database.execute_batch(&format!("{SPOIL} 5")).unwrap();
    database.execute_batch(&sql).unwrap();
    let wrong = active_at().into_iter().zip(before).filter(|(now, before)| now != before).count();
    assert_eq!(wrong, 10, "those without a hidden message");
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_counts_again_and_a_second_time_changes_nothing() {
    let database = Database::new().await;
    let store = database.store().await;
    let filled = fill(&store).await;
    let mut connection = connect(database.url()).await;
    let active_at = "SELECT CAST(active_at AS CHAR) FROM channels ORDER BY channel_id";
    let before: Vec<String> = connection.query(active_at).await.unwrap();
    let migration = MIGRATIONS.iter().find(|migration| migration.name == NAME).unwrap();
    connection.query_drop(format!("{SPOIL} '2015-01-01 00:00:00.005'")).await.unwrap();
    for _ in 0..2 {
        for statement in migration.statements() {
            connection.query_drop(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        check(&store, &filled).await;
        let now: Vec<String> = connection.query(active_at).await.unwrap();
        let wrong = now.iter().zip(&before).filter(|(now, before)| now != before).count();
        assert_eq!(wrong, 10, "those without a hidden message");
    }
    store.close().await;
}

/// When the list of types changes, channels and their days must be counted again.
#[test]
fn the_newest_migrations_that_count_know_the_types_that_readers_are_shown() {
    for (dialect, name) in [("sqlite", "shown_counts"), ("tidb", "shown_counts"), ("sqlite", "days"), ("tidb", "days")]
    {
        let all = migrations(dialect);
        let (file, sql) = all.iter().rfind(|(file, _)| file.contains(name)).unwrap();
        let lists: Vec<Vec<i32>> = sql
            .split("kind IN (")
            .skip(1)
            .map(|rest| {
                let (list, _) = rest.split_once(')').unwrap();
                list.split(',').map(|number| number.trim().parse().unwrap()).collect()
            })
            .collect();
        assert_eq!(lists.len(), if dialect == "tidb" { 16 } else { 1 }, "{file}");
        let shown = MessageKind::SHOWN.map(|kind| kind.0);
        assert!(lists.iter().all(|list| *list == shown), "{file}: add a migration that counts again");
    }
}
