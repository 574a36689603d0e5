use adapter_sql::lists::expand;
use ports::page::Page;
use ports::store::Store;
use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;

/// Every statement that the adapter runs, by file.
const SOURCES: [(&str, &str); 16] = [
    ("tenant", include_str!("tenant.rs")),
    ("archive", include_str!("archive.rs")),
    ("channel", include_str!("channel.rs")),
    ("channel/thread", include_str!("channel/thread.rs")),
    ("message", include_str!("message.rs")),
    ("message/read", include_str!("message/read.rs")),
    ("message/write", include_str!("message/write.rs")),
    ("coverage", include_str!("coverage.rs")),
    ("change", include_str!("change.rs")),
    ("job", include_str!("job.rs")),
    ("lease", include_str!("lease.rs")),
    ("guild", include_str!("guild.rs")),
    ("unreadable", include_str!("unreadable.rs")),
    ("media", include_str!("media.rs")),
    ("picture", include_str!("picture.rs")),
    ("sync", include_str!("sync.rs")),
];

/// Returns a statement with its lists.
fn expanded(sql: &str) -> String {
    let (bytes, length) = expand::<8192>(sql);
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

/// Returns each statement with its lists of columns.
fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (file, source) in SOURCES {
        for part in source.split("const ").skip(1) {
            let Some((head, rest)) = part.split_once(": &") else { continue };
            let Some(rest) = rest.trim_start_matches("'static ").strip_prefix("str = ") else { continue };
            let Some(rest) = rest.trim_start_matches("sql! {").strip_prefix("r\"") else { continue };
            let (sql, _) = rest.split_once('"').unwrap();
            found.push((format!("{file} {head}"), expanded(sql)));
        }
    }
    found
}

/// Returns a connection to an empty archive.
fn archive() -> (TempDir, Connection) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("verta.db");
    drop(SqliteStore::open(&path, 1).unwrap());
    (folder, Connection::open(&path).unwrap())
}

#[test]
fn every_statement_goes_by_a_key() {
    let (_folder, connection) = archive();
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

#[test]
fn every_list_is_one_range_of_an_index_that_has_its_filter() {
    let (_folder, connection) = archive();
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
            "channel/thread LIST_TIED",
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
            "channel/thread LIST_PUBLIC_TIED",
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
        ("change LIST", "change_log USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)".to_owned()),
        ("job LIST", "jobs USING INDEX jobs_by_tenant (tenant_id=? AND created_at<?)".to_owned()),
        ("media LIST_DUE", "media USING INDEX media_due (tenant_id=? AND due_at<?)".to_owned()),
        ("media LIST_AFTER", "media USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
        ("picture LIST_DUE", "pictures USING INDEX pictures_due (tenant_id=? AND due_at<?)".to_owned()),
        ("picture LIST", "pictures USING PRIMARY KEY (tenant_id=? AND picture_key>?)".to_owned()),
        ("picture LIST_STORED", "pictures USING INDEX pictures_by_hash (tenant_id=? AND hash=?)".to_owned()),
        ("message LIST_MARKS", "messages USING PRIMARY KEY (channel_id=? AND message_id>?)".to_owned()),
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
