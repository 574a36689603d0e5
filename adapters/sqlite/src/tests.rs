use std::path::PathBuf;

use domain::change::ChangePosition;
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::guild::{GuildEmoji, GuildItems, Role, Sticker, StoredItem};
use domain::job::{Job, JobId, JobKind};
use domain::json::Json;
use domain::lease::{Fence, Holder, Lease};
use domain::media::{FileKey, FileState};
use domain::message::{Attachment, AttachmentId, Author, Emoji, Message, MessageId, Origin, Reaction, Version};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::error::StoreError;
use ports::media::File;
use ports::page::{MessageRange, Page};
use ports::store::Store;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;

/// Every statement that the adapter runs, by file.
const SOURCES: [(&str, &str); 15] = [
    ("tenant", include_str!("tenant.rs")),
    ("archive", include_str!("archive.rs")),
    ("channel", include_str!("channel.rs")),
    ("channel/thread", include_str!("channel/thread.rs")),
    ("message/mark", include_str!("message/mark.rs")),
    ("message/read", include_str!("message/read.rs")),
    ("message/write", include_str!("message/write.rs")),
    ("coverage", include_str!("coverage.rs")),
    ("change", include_str!("change.rs")),
    ("job", include_str!("job.rs")),
    ("lease", include_str!("lease.rs")),
    ("guild", include_str!("guild.rs")),
    ("unreadable", include_str!("unreadable.rs")),
    ("media", include_str!("media.rs")),
    ("sync", include_str!("sync.rs")),
];

fn statements() -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for (file, source) in SOURCES {
        for part in source.split("\nconst ").skip(1) {
            let Some((head, rest)) = part.split_once(": &str = r\"") else { continue };
            let (sql, _) = rest.split_once('"').unwrap();
            found.push((format!("{file} {head}"), sql));
        }
    }
    found
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

/// A lease of its own.
const LEASE: &str = "bot/a";

/// A role, an emoji and a sticker.
fn items() -> GuildItems {
    fn held<T>(item: T) -> Vec<StoredItem<T>> {
        vec![StoredItem { item, observed_at: at(1), deleted_at: None }]
    }
    let id = "3";
    GuildItems {
        observed_at: Some(at(1)),
        roles: held(Role { id: id.parse().unwrap(), name: "a".to_owned(), color: None, position: 1 }),
        emojis: held(GuildEmoji { id: id.parse().unwrap(), name: "a".to_owned(), animated: false }),
        stickers: held(Sticker {
            id: id.parse().unwrap(),
            name: "a".to_owned(),
            format: "png".to_owned(),
            description: None,
        }),
    }
}

/// An archive with one row in every table, and a connection beside the store.
struct Archive {
    _folder: TempDir,
    path: PathBuf,
    store: SqliteStore,
    tenant: Tenant,
    channel: Channel,
    job: Job,
}

impl Archive {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verta.db");
        let store = SqliteStore::open(&path, 1).unwrap();
        let (guild, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("here").unwrap());
        let tenant = Tenant::new(Platform::Discord, guild, slug, TenantName::new("Here").unwrap(), at(1));
        let channel = Channel::new(tenant.id, "7".parse().unwrap(), ChannelKind::TEXT, "general".to_owned());
        let job = Job::new(JobId(Uuid::from_u128(1)), tenant.id, JobKind::Full, at(1));
        let id = "5".parse().unwrap();
        let pseudonym = Pseudonym::new([7; 16]);
        let author = Author { pseudonym, bot: false, webhook: false };
        let version = Version { edited_at: None, observed_at: at(1), origin: Origin::Page };
        let message = Message {
            attachments: vec![Attachment {
                id: AttachmentId::new(1).unwrap(),
                filename: "a".to_owned(),
                content_type: None,
                size_bytes: 1,
                width: None,
                height: None,
                description: None,
                spoiler: false,
                url: None,
                local_path: None,
                extra: None,
            }],
            reactions: vec![Reaction {
                emoji: Emoji { id: None, name: Some("a".to_owned()), animated: false },
                count: 1,
                people: vec![pseudonym],
            }],
            ..Message::new(channel.id, id, author, "a".to_owned(), version)
        };
        let page = MessagePage::new(Interval::new(id, id), at(1), vec![message]).unwrap();
        let mut unit = store.begin().await.unwrap();
        unit.tenants().insert(&tenant).await.unwrap();
        unit.channels().upsert(&channel).await.unwrap();
        unit.messages().replace_interval(channel.id, &page).await.unwrap();
        unit.jobs().upsert(&job).await.unwrap();
        let holder = Holder::new("one").unwrap();
        let lease = Lease { holder, fence: Fence::new(1).unwrap(), expires_at: at(1) };
        assert!(unit.leases().replace(LEASE, None, &lease).await.unwrap());
        unit.guilds().upsert_all(tenant.id, &items()).await.unwrap();
        let odd = Json::new(&serde_json::json!({"content": "a"}));
        let odd = Unreadable::shown(channel.id, Interval::only(id), "no id", Some(odd), at(1));
        unit.unreadable().upsert_all(channel.id, &[odd]).await.unwrap();
        let key = FileKey { channel: channel.id, message: id, attachment: AttachmentId::new(1).unwrap() };
        let file = File { key, state: FileState::seen(at(1)) };
        unit.media().insert_all(tenant.id, &[file]).await.unwrap();
        unit.commit().await.unwrap();
        Self { _folder: folder, path, store, tenant, channel, job }
    }

    /// Puts a value into a column of every row, which our adapters never do.
    fn spoil(&self, table: &str, column: &str, value: &str) {
        let connection = Connection::open(&self.path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
        let rows = connection.execute(&format!("UPDATE {table} SET {column} = {value}"), []).unwrap();
        assert!(rows == 1 || table == "change_log", "{table}");
    }

    /// Reads the row of `table`.
    async fn read(&self, table: &str) -> Result<(), StoreError> {
        let mut at = self.store.read().await.unwrap();
        match table {
            "tenants" => at.tenants().find(self.tenant.id).await.map(drop),
            "channels" => at.channels().find(self.channel.id).await.map(drop),
            "coverage" => at.coverage().find(self.channel.id).await.map(drop),
            "coverage_segments" => at.coverage().segments(self.channel.id).await.map(drop),
            "change_log" => {
                let end = at.changes().position().await?;
                let start = end.as_text().split_once('.').map(|(epoch, _)| format!("{epoch}.0")).unwrap();
                at.changes().follow(&ChangePosition::from_text(start), 9).await.map(drop)
            }
            "change_log_extent" => at.changes().position().await.map(drop),
            "jobs" => at.jobs().find(self.job.id).await.map(drop),
            "leases" => at.leases().find(LEASE).await.map(drop),
            "unreadable_messages" => at.unreadable().list(self.channel.id, Interval::ALL).await.map(drop),
            "media" => at.media().list(self.channel.id, MessageId::MIN, MessageId::MAX).await.map(drop),
            "guilds" | "roles" | "emojis" | "stickers" => at.guilds().list(self.tenant.id).await.map(drop),
            _ => at.messages().list(self.channel.id, MessageRange::Newest, true, 9).await.map(drop),
        }
    }
}

#[tokio::test]
async fn a_row_that_the_domain_refuses_is_named() {
    let cases = [
        ("tenants", "slug", "'Not A Slug'"),
        ("tenants", "status", "'GONE'"),
        ("tenants", "accent_color", "'red'"),
        ("tenants", "created_at", "999999999999999999"),
        ("channels", "tags", "'[{]'"),
        ("channels", "visibility", "'some'"),
        ("channels", "platform_id", "0"),
        ("channels", "extra", "'no json'"),
        ("channels", "nsfw", "2"),
        ("messages", "author", "'unknown'"),
        ("messages", "origin", "9"),
        ("messages", "observed_at", "-999999999999999999"),
        ("messages", "mentions", "'{}'"),
        ("messages", "embeds", "'['"),
        ("messages", "ref_message_id", "-1"),
        ("messages", "pinned", "-1"),
        ("messages", "author_bot", "99"),
        ("attachments", "attachment_id", "0"),
        ("attachments", "width", "-1"),
        ("attachments", "extra", "'{'"),
        ("reactions", "people", "'[\"unknown\"]'"),
        ("reactions", "count", "-1"),
        ("reactions", "animated", "2"),
        ("attachments", "spoiler", "2"),
        ("coverage", "low", "0"),
        ("coverage", "low", "6"),
        ("coverage", "low", "NULL"),
        ("coverage", "start_reached", "2"),
        ("coverage_segments", "low", "99"),
        ("change_log", "high", "0"),
        ("change_log", "kind", "10"),
        ("change_log", "tenant_id", "'none'"),
        ("change_log_extent", "epoch", "'none'"),
        ("change_log_extent", "last_change_id", "-1"),
        ("jobs", "state", "'lost'"),
        ("jobs", "kind", "'rest'"),
        ("jobs", "channels", "'[1]'"),
        ("jobs", "cancel_requested", "2"),
        ("jobs", "seconds_left", "-1"),
        ("leases", "holder", "'two words'"),
        ("leases", "fence", "-1"),
        ("guilds", "observed_at", "999999999999999999"),
        ("roles", "role_id", "0"),
        ("roles", "color", "16777216"),
        ("roles", "position", "99999999999"),
        ("emojis", "animated", "2"),
        ("emojis", "observed_at", "999999999999999999"),
        ("stickers", "sticker_id", "-1"),
        ("stickers", "deleted_at", "999999999999999999"),
        ("unreadable_messages", "unreadable_id", "'none'"),
        ("unreadable_messages", "message_id", "0"),
        ("unreadable_messages", "low", "6"),
        ("unreadable_messages", "raw", "'{'"),
        ("unreadable_messages", "last_seen_at", "999999999999999999"),
        ("media", "attachment_id", "0"),
        ("media", "state", "9"),
        ("media", "due_at", "999999999999999999"),
    ];
    let tables = [
        "tenants",
        "channels",
        "messages",
        "attachments",
        "reactions",
        "coverage",
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
    ];
    assert!(tables.iter().all(|table| cases.iter().any(|(named, ..)| named == table)));
    for (table, column, value) in cases {
        let archive = Archive::new().await;
        archive.read(table).await.unwrap();
        archive.spoil(table, column, value);
        match archive.read(table).await {
            Err(StoreError::Corrupt { table: named, column: found, .. }) => {
                assert_eq!((named, found), (table, column), "{value}");
            }
            other => panic!("{table}.{column} = {value}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_statement_goes_by_a_key() {
    let archive = Archive::new().await;
    let connection = Connection::open(&archive.path).unwrap();
    let all = statements();
    assert!(all.len() > 40, "{} statements", all.len());
    let mut sorted = Vec::new();
    for (name, sql) in all {
        // The prefix of a batch, which continues with its rows.
        if sql.trim_start().starts_with("INSERT") && !sql.contains("VALUES") {
            continue;
        }
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            assert!(!step.starts_with("SCAN"), "{name}: {step}");
            if step.contains("TEMP B-TREE") {
                sorted.push(name.clone());
            }
        }
    }
    // A page's files and reactions are few, and are in the order of the message and not of their ids; so are jobs that
    // are queued or running.
    assert_eq!(sorted, ["message/read LIST_ATTACHMENTS", "message/read LIST_REACTIONS", "job LIST_UNFINISHED"]);
}

/// The first step of a statement's plan.
fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    statement.query_row(rusqlite::params_from_iter(nulls), |row| row.get(3)).unwrap()
}

#[tokio::test]
async fn every_list_is_one_range_of_an_index_that_has_its_filter() {
    let archive = Archive::new().await;
    let connection = Connection::open(&archive.path).unwrap();
    let all = statements();
    let public = "parent_id=? AND thread=? AND visibility=?";
    let shown = "tenant_id=? AND thread=? AND visibility=?";
    let expected = [
        (
            "channel LIST_AT",
            "channels USING INDEX channels_by_position (tenant_id=? AND thread=? AND position=? AND platform_id>?)"
                .to_owned(),
        ),
        (
            "channel LIST",
            "channels USING INDEX channels_by_position (tenant_id=? AND thread=? AND position>?)".to_owned(),
        ),
        (
            "channel LIST_PUBLIC_AT",
            format!("channels USING INDEX channels_visible_by_position ({shown} AND position=? AND platform_id>?)"),
        ),
        ("channel LIST_PUBLIC", format!("channels USING INDEX channels_visible_by_position ({shown} AND position>?)")),
        ("channel LIST_ALL", "channels USING INDEX channels_by_tenant (tenant_id=? AND channel_id>?)".to_owned()),
        ("channel/thread LIST_NEWEST", "channels USING INDEX channels_by_activity (parent_id=?)".to_owned()),
        (
            "channel/thread LIST_AT",
            "channels USING INDEX channels_by_activity (parent_id=? AND active_at=? AND platform_id<?)".to_owned(),
        ),
        (
            "channel/thread LIST_BEFORE",
            "channels USING INDEX channels_by_activity (parent_id=? AND active_at<?)".to_owned(),
        ),
        (
            "channel/thread LIST_LATEST",
            "channels USING INDEX channels_by_platform_id (parent_id=? AND platform_id<?)".to_owned(),
        ),
        (
            "channel/thread LIST_OLDEST",
            "channels USING INDEX channels_by_platform_id (parent_id=? AND platform_id>?)".to_owned(),
        ),
        ("channel/thread LIST_PUBLIC_NEWEST", format!("channels USING INDEX channels_visible_by_activity ({public})")),
        (
            "channel/thread LIST_PUBLIC_AT",
            format!("channels USING INDEX channels_visible_by_activity ({public} AND active_at=? AND platform_id<?)"),
        ),
        (
            "channel/thread LIST_PUBLIC_BEFORE",
            format!("channels USING INDEX channels_visible_by_activity ({public} AND active_at<?)"),
        ),
        (
            "channel/thread LIST_PUBLIC_LATEST",
            format!("channels USING INDEX channels_visible_by_platform_id ({public} AND platform_id<?)"),
        ),
        (
            "channel/thread LIST_PUBLIC_OLDEST",
            format!("channels USING INDEX channels_visible_by_platform_id ({public} AND platform_id>?)"),
        ),
        ("coverage LIST", "channels USING INDEX channels_by_tenant (tenant_id=? AND channel_id>?)".to_owned()),
        ("change LIST", "change_log USING INTEGER PRIMARY KEY (rowid>?)".to_owned()),
        ("job LIST", "jobs USING INDEX jobs_by_tenant (tenant_id=? AND created_at<?)".to_owned()),
        ("media LIST_DUE", "media USING INDEX media_due (tenant_id=? AND due_at<?)".to_owned()),
        ("media LIST_AFTER", "media USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("message/mark LIST_MARKS", "messages USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("message/read LIST_BEFORE", "messages USING PRIMARY KEY (channel_id=? AND message_id<?)".to_owned()),
        ("message/read LIST_AFTER", "messages USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("message/read LIST_STORED", "messages USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("message/read EXAMINE_BEFORE", "messages USING PRIMARY KEY (channel_id=? AND message_id<?)".to_owned()),
        ("message/read EXAMINE_AFTER", "messages USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("tenant LIST", "tenants USING INDEX tenants_listed (deleting_since=? AND slug>?)".to_owned()),
        (
            "tenant FIND_PUBLIC",
            "channels USING COVERING INDEX channels_by_visibility (tenant_id=? AND thread=? AND visibility=?)"
                .to_owned(),
        ),
    ];
    for (name, range) in expected {
        let (_, sql) = all.iter().find(|(found, _)| found == name).unwrap();
        assert_eq!(plan(&connection, sql), format!("SEARCH {range}"), "{name}");
    }
}

#[test]
fn readers_share_the_memory_that_they_keep_pages_in() {
    let folder = TempDir::new().unwrap();
    for readers in [1, 10, 100] {
        let store = SqliteStore::open(&folder.path().join("verta.db"), readers).unwrap();
        let idle = store.readers.idle.lock().unwrap();
        let size =
            |reader: &Connection| -> i64 { reader.pragma_query_value(None, "cache_size", |row| row.get(0)).unwrap() };
        let kib: i64 = idle.iter().map(size).sum();
        assert!((-32_768..0).contains(&kib), "{readers} keep {} KiB", -kib);
    }
}

/// Work that waits for the only reader must leave a thread to the unit that has it.
#[test]
fn work_that_waits_for_a_connection_leaves_threads_to_the_one_that_has_it() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.max_blocking_threads(super::RUNS + 2).enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("verta.db"), 1).unwrap();
        let mut has_it = store.read().await.unwrap();
        let waiting: Vec<_> = (0..600)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let inner = store.clone();
                    let work = async move {
                        let mut waits = inner.read().await.unwrap();
                        waits.tenants().list(Page { after: None, limit: 1 }).await.unwrap();
                    };
                    store.run(Box::pin(work)).await;
                })
            })
            .collect();
        while store.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let answer = tokio::time::timeout(
            std::time::Duration::from_mins(1),
            has_it.tenants().list(Page { after: None, limit: 1 }),
        )
        .await;
        answer.expect("a thread is left").unwrap();
        drop(has_it);
        for one in waiting {
            one.await.unwrap();
        }
    });
}
