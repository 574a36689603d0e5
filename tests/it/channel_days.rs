//! The migration that counts the messages of each day of an archive of an earlier version.

use adapter_sqlite::SqliteStore;
use adapter_tidb::MIGRATIONS;
use domain::day::Day;
use domain::message::{Author, Message, MessageId, MessageKind};
use domain::page::MessagePage;
use mysql_async::prelude::Queryable;
use ports::store::Store;

use crate::contract::fixture::{HARD_TEXT, at, id, message, one_channel, put};
use crate::server::{Database, connect};
use crate::statements::migrations;

const NAME: &str = "0025_channel_days";

const DAYS: &str = "SELECT channel_id, day, messages, by_people, text_bytes FROM channel_days WHERE messages > 0 \
                    ORDER BY channel_id, day";

type Row = (String, u32, i64, i64, i64);

/// Stores messages at the edges of days, by people and others, deleted and restricted ones, in many channels.
async fn fill(store: &dyn Store) {
    for number in 0..40 {
        let (_, here) = one_channel(store).await;
        let day: Day = format!("20{:02}-02-28", 16 + number % 10).parse().unwrap();
        let (low, high) = (day.interval().low().get(), day.interval().high().get());
        let bot = |message: Message| Message { author: Author { bot: true, ..message.author }, ..message };
        let messages = vec![
            message(&here, 9, "of no time", 1),
            message(&here, low - 1, "the day before", 1),
            message(&here, low, HARD_TEXT, 1),
            bot(message(&here, low + 1, "a bot", 1)),
            Message { kind: MessageKind(24), ..message(&here, low + 2, "restricted", 1) },
            message(&here, low + 3, "deleted", 1),
            message(&here, high, "the last", 1),
            message(&here, high + 1, "the day after", 1),
            message(&here, MessageId::MAX.get(), "the end of time", 1),
        ];
        put(store, &here, &MessagePage::new(None, at(1), messages).unwrap()).await;
        put(store, &here, &MessagePage::deleted(here.id, [id(low + 3)], at(2))).await;
    }
}

#[tokio::test]
async fn sqlite_counts_the_days_and_a_second_time_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("verta.db");
    let store = SqliteStore::open(&path, 1).unwrap();
    fill(&store).await;
    let database = rusqlite::Connection::open(&path).unwrap();
    let days = || -> Vec<Row> {
        let mut statement = database.prepare(DAYS).unwrap();
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    let before = days();
    assert_eq!(before.len(), 40 * 5);
    let (_, sql) = migrations("sqlite").into_iter().find(|(file, _)| file.starts_with(NAME)).unwrap();
    database.execute_batch("DELETE FROM channel_days").unwrap();
    for _ in 0..2 {
        database.execute_batch(&sql).unwrap();
        assert_eq!(days(), before);
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_server_counts_the_days_and_a_second_time_changes_nothing() {
    let database = Database::new().await;
    let store = database.store().await;
    fill(&store).await;
    let mut connection = connect(database.url()).await;
    let before: Vec<Row> = connection.query(DAYS).await.unwrap();
    assert_eq!(before.len(), 40 * 5);
    let migration = MIGRATIONS.iter().find(|migration| migration.name == NAME).unwrap();
    connection.query_drop("DELETE FROM channel_days").await.unwrap();
    for _ in 0..2 {
        for statement in migration.statements() {
            connection.query_drop(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        assert_eq!(connection.query::<Row, _>(DAYS).await.unwrap(), before);
    }
    store.close().await;
}
