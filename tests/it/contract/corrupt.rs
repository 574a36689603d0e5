//! Rows that no release wrote: each is reported with its table and its column, never with a panic or a default, and all
//! other rows stay readable.

use std::path::Path;

use adapter_sqlite::SqliteStore;
use async_trait::async_trait;
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::job::{Job, JobId, JobKind};
use domain::json::Json;
use domain::lease::{Fence, Holder, Lease};
use domain::media::FileState;
use domain::message::{Emoji, Message, MessageId, Reaction};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::tenant::Tenant;
use domain::unreadable::Unreadable;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use ports::error::StoreError;
use ports::page::MessageRange;
use ports::store::Store;
use uuid::Uuid;

use super::fixture::{at, attachment, begin, channel, guild_items, id, interval, log_start, message, page, tenant};
use super::media::file;
use super::picture::picture;
use crate::server::{Database, connect};

/// A connection beside the store, which may store any value that the types of the server admit.
#[async_trait]
trait Raw: Send {
    /// Returns the only text that a query selects.
    async fn text(&mut self, sql: String) -> String;

    async fn run(&mut self, sql: String);
}

#[async_trait]
impl Raw for rusqlite::Connection {
    async fn text(&mut self, sql: String) -> String {
        self.query_row(&sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    async fn run(&mut self, sql: String) {
        self.execute_batch(&sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

#[async_trait]
impl Raw for Conn {
    async fn text(&mut self, sql: String) -> String {
        let text = self.query_first(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        text.unwrap_or_else(|| panic!("{sql}: no row"))
    }

    async fn run(&mut self, sql: String) {
        self.query_drop(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn sqlite(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    connection
}

async fn server(database: &Database) -> Conn {
    let mut connection = connect(database.url()).await;
    connection.query_drop("SET foreign_key_checks = 0, sql_mode = ''").await.unwrap();
    // Only MariaDB has this variable, and only MariaDB checks constraints by default.
    connection.query_drop("SET check_constraint_checks = 0").await.ok();
    connection
}

/// A community with one row in every table, and a second message.
struct Rows {
    tenant: Tenant,
    channel: Channel,
    job: Job,
    lease: String,
}

/// The message whose row is spoiled, and another one.
const SPOILED: u64 = 5;
const OTHER: u64 = 6;

impl Rows {
    async fn store(store: &dyn Store) -> Self {
        let tenant = tenant();
        let channel = channel(&tenant, 7, ChannelKind::TEXT);
        let job = Job::new(JobId(Uuid::new_v4()), tenant.id, JobKind::Full, at(1));
        let rows = Self { lease: format!("bot/{}", tenant.id), tenant, channel, job };
        let (channel, tenant) = (rows.channel.id, rows.tenant.id);
        let messages = vec![rows.message(SPOILED), rows.message(OTHER)];
        let page = MessagePage::new(interval(SPOILED, OTHER), at(1), messages).unwrap();
        let mut unit = begin(store).await;
        unit.tenants().insert(&rows.tenant).await.unwrap();
        unit.channels().upsert(&rows.channel).await.unwrap();
        unit.messages().replace_interval(channel, &page).await.unwrap();
        unit.jobs().upsert(&rows.job).await.unwrap();
        let lease = Lease { holder: Holder::new("one").unwrap(), fence: Fence::new(1).unwrap(), expires_at: at(1) };
        assert!(unit.leases().replace(&rows.lease, None, &lease).await.unwrap());
        unit.guilds().upsert_all(tenant, &guild_items(1)).await.unwrap();
        let raw = Json::new(&serde_json::json!({"content": "a"}));
        let odd = Unreadable::shown(channel, Interval::only(id(SPOILED)), "no id", Some(raw), at(1));
        unit.unreadable().upsert_all(channel, &[odd]).await.unwrap();
        unit.pictures().insert_all(tenant, &[picture("emoji/1", "1.webp", FileState::seen(at(1)))]).await.unwrap();
        unit.media().insert_all(tenant, &[file(channel, SPOILED, 1, FileState::seen(at(1)))]).await.unwrap();
        unit.commit().await.unwrap();
        rows
    }

    fn message(&self, raw: u64) -> Message {
        Message {
            attachments: vec![attachment(1)],
            reactions: vec![Reaction {
                emoji: Emoji { id: None, name: Some("a".to_owned()), animated: false },
                count: 1,
                people: vec![Pseudonym::new([7; 16])],
            }],
            ..message(&self.channel, raw, "a", 1)
        }
    }

    /// The condition for the row of `table` that is spoiled, by columns that are not.
    fn row(&self, table: &str) -> String {
        let (tenant, channel) = (self.tenant.id, self.channel.id);
        match table {
            "messages" | "attachments" | "reactions" => {
                format!("channel_id = '{channel}' AND message_id = {SPOILED}")
            }
            "tenants" | "jobs" | "guilds" | "roles" | "emojis" | "stickers" | "pictures" => {
                format!("tenant_id = '{tenant}'")
            }
            "leases" => format!("lease_name = '{}'", self.lease),
            "change_log" => format!("channel_id = '{channel}' AND low = {SPOILED}"),
            "change_log_extent" => "extent_id = 1".to_owned(),
            _ => format!("channel_id = '{channel}'"),
        }
    }

    /// Reads the row of `table`.
    async fn read(&self, store: &dyn Store, table: &str) -> Result<(), StoreError> {
        let (tenant, channel) = (self.tenant.id, self.channel.id);
        let mut read = store.read().await.unwrap();
        match table {
            "tenants" => read.tenants().find(tenant).await.map(drop),
            "channels" => read.channels().find(channel).await.map(drop),
            "coverage" => read.coverage().find(channel).await.map(drop),
            "coverage_segments" => read.coverage().segments(channel).await.map(drop),
            "change_log_extent" => read.changes().position().await.map(drop),
            "jobs" => read.jobs().find(self.job.id).await.map(drop),
            "leases" => read.leases().find(&self.lease).await.map(drop),
            "unreadable_messages" => read.unreadable().list(channel, Interval::ALL).await.map(drop),
            "pictures" => read.pictures().list(tenant, None, 10).await.map(drop),
            "media" => read.media().list(channel, MessageId::MIN, MessageId::MAX).await.map(drop),
            "guilds" | "roles" | "emojis" | "stickers" => read.guilds().list(tenant).await.map(drop),
            "change_log" => {
                drop(read);
                let start = log_start(store).await;
                store.read().await.unwrap().changes().follow(&start, 99).await.map(drop)
            }
            "messages" | "attachments" | "reactions" => {
                read.messages().list(channel, MessageRange::Newest, true, 9).await.map(drop)
            }
            other => panic!("{other}"),
        }
    }

    /// Compares a page with the rows of the channel, and drops the unit.
    async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let page = page(&self.channel, interval(1, 9), 2, [SPOILED, OTHER], "b");
        begin(store).await.messages().replace_interval(self.channel.id, &page).await.map(drop)
    }
}

/// A table, a column, and a value for it in SQLite and on a server; `-` where the column's type admits no such value.
type Case = (&'static str, &'static str, &'static str, &'static str);

const CASES: [Case; 62] = [
    ("tenants", "slug", "'Not A Slug'", "'Not A Slug'"),
    ("tenants", "status", "'GONE'", "'GONE'"),
    ("tenants", "accent_color", "'red'", "'red'"),
    ("tenants", "retention_deleted_days", "36501", "36501"),
    ("tenants", "retention_edited_days", "-1", "-"),
    ("tenants", "created_at", "999999999999999999", NO_DATE),
    ("channels", "tags", "'[{]'", "'[1]'"),
    ("channels", "visibility", "'some'", "'some'"),
    ("channels", "platform_id", "0", "0"),
    ("channels", "extra", "'no json'", "-"),
    ("channels", "nsfw", "2", "2"),
    ("messages", "author", "'unknown'", "'unknown'"),
    ("messages", "origin", "9", "9"),
    ("messages", "observed_at", "-999999999999999999", NO_DATE),
    ("messages", "mentions", "'{}'", "'{}'"),
    ("messages", "embeds", "'['", "-"),
    ("messages", "ref_message_id", "-1", TOO_LARGE),
    ("messages", "pinned", "-1", "-1"),
    ("messages", "author_bot", "99", "99"),
    ("attachments", "attachment_id", "0", "0"),
    ("attachments", "width", "-1", "-"),
    ("attachments", "extra", "'{'", "-"),
    ("attachments", "spoiler", "2", "2"),
    ("reactions", "people", "'[\"unknown\"]'", "'[\"unknown\"]'"),
    ("reactions", "count", "-1", "-"),
    ("reactions", "animated", "2", "2"),
    ("coverage", "low", "0", "0"),
    ("coverage", "low", "7", "7"),
    ("coverage", "low", "NULL", "NULL"),
    ("coverage", "start_reached", "2", "2"),
    ("coverage_segments", "low", "99", "99"),
    ("change_log", "high", "0", "0"),
    ("change_log", "kind", "10", "10"),
    ("change_log", "tenant_id", "'none'", "'none'"),
    ("change_log_extent", "epoch", "'none'", "'none'"),
    ("change_log_extent", "last_change_id", "-1", TOO_LARGE),
    ("jobs", "state", "'lost'", "'lost'"),
    ("jobs", "kind", "'rest'", "'rest'"),
    ("jobs", "channels", "'[1]'", "'[1]'"),
    ("jobs", "cancel_requested", "2", "2"),
    ("jobs", "seconds_left", "-1", TOO_LARGE),
    ("leases", "holder", "'two words'", "'two words'"),
    ("leases", "fence", "-1", TOO_LARGE),
    ("guilds", "observed_at", "999999999999999999", NO_DATE),
    ("roles", "role_id", "0", "0"),
    ("roles", "color", "16777216", "16777216"),
    ("roles", "position", "99999999999", "-"),
    ("emojis", "animated", "2", "2"),
    ("emojis", "observed_at", "999999999999999999", NO_DATE),
    ("stickers", "sticker_id", "-1", TOO_LARGE),
    ("stickers", "deleted_at", "999999999999999999", NO_DATE),
    ("unreadable_messages", "unreadable_id", "'none'", "'none'"),
    ("unreadable_messages", "message_id", "0", "0"),
    ("unreadable_messages", "low", "6", "6"),
    ("unreadable_messages", "raw", "'{'", "'{'"),
    ("unreadable_messages", "last_seen_at", "999999999999999999", NO_DATE),
    ("media", "attachment_id", "0", "0"),
    ("media", "state", "9", "9"),
    ("media", "format", "'exe'", "'exe'"),
    ("media", "due_at", "999999999999999999", NO_DATE),
    ("pictures", "name", "'../a.png'", "'../a.png'"),
    ("pictures", "state", "9", "9"),
];

/// Returns whether a value decides the effect of a page, so that no page may be stored over a corrupt one.
fn decides(table: &str, column: &str) -> bool {
    match table {
        "channels" => column == "platform_id",
        "messages" => ["observed_at", "origin"].contains(&column),
        "coverage" => true,
        _ => false,
    }
}

/// A date that a server stores outside its strict mode, and that is none.
const NO_DATE: &str = "'0000-00-00 00:00:00.000'";
/// A number that a server stores and the domain does not.
const TOO_LARGE: &str = "18446744073709551615";

const TABLES: [&str; 18] = [
    "tenants",
    "channels",
    "messages",
    "attachments",
    "reactions",
    "coverage",
    "coverage_segments",
    "change_log",
    "change_log_extent",
    "jobs",
    "leases",
    "guilds",
    "roles",
    "emojis",
    "stickers",
    "unreadable_messages",
    "media",
    "pictures",
];

/// Spoils one value after the other, each restored before the next.
async fn each_is_named(store: &dyn Store, raw: &mut dyn Raw, value: fn(&Case) -> &'static str) {
    assert!(TABLES.iter().all(|table| CASES.iter().any(|(named, ..)| named == table)));
    let (spoiled, intact) = (Rows::store(store).await, Rows::store(store).await);
    for case @ (table, column, ..) in &CASES {
        let value = value(case);
        if value == "-" {
            continue;
        }
        let name = format!("{table}.{column} = {value}");
        let row = spoiled.row(table);
        spoiled.read(store, table).await.unwrap_or_else(|error| panic!("before {name}: {error:?}"));
        let before = raw.text(format!("SELECT quote({column}) FROM {table} WHERE {row}")).await;
        raw.run(format!("UPDATE {table} SET {column} = {value} WHERE {row}")).await;
        match spoiled.read(store, table).await {
            Err(StoreError::Corrupt { table: in_table, column: in_column, .. }) => {
                assert_eq!((in_table, in_column), (*table, *column), "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
        match spoiled.write(store).await {
            // The page replaces the value, or has nothing to do with it. MariaDB checks the constraints of the row that
            // the page updates.
            Ok(()) | Err(StoreError::Refused(_)) => assert!(!decides(table, column), "{name}"),
            Err(StoreError::Corrupt { table: in_table, column: in_column, .. }) => {
                assert_eq!((in_table, in_column), (*table, *column), "{name}");
            }
            Err(error) => panic!("{name}: {error:?}"),
        }
        if ["messages", "attachments", "reactions"].contains(table) {
            let other = store.read().await.unwrap().messages().find(spoiled.channel.id, id(OTHER)).await;
            assert!(matches!(other, Ok(Some(_))), "{name}: {other:?}");
        }
        // The log is one list for all tenants: its followers stop at a change that they cannot read.
        for other in TABLES.iter().filter(|other| !other.starts_with("change_log")) {
            intact.read(store, other).await.unwrap_or_else(|error| panic!("{other} under {name}: {error:?}"));
        }
        raw.run(format!("UPDATE {table} SET {column} = {before} WHERE {row}")).await;
    }
    for table in TABLES {
        spoiled.read(store, table).await.unwrap();
    }
}

mod sqlite {
    use super::{SqliteStore, each_is_named, sqlite};

    #[tokio::test]
    async fn a_row_that_the_domain_rejects_is_named_and_others_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verta.db");
        let store = SqliteStore::open(&path, 1).unwrap();
        each_is_named(&store, &mut sqlite(&path), |(_, _, value, _)| value).await;
    }
}

mod tidb {
    use super::{Database, each_is_named, server};

    #[tokio::test]
    #[ignore = "needs a MySQL-protocol server"]
    async fn a_row_that_the_domain_rejects_is_named_and_others_are_served() {
        let database = Database::new().await;
        let store = database.store().await;
        each_is_named(&store, &mut server(&database).await, |(_, _, _, value)| value).await;
        store.close().await;
    }
}
