//! The execution plan of each statement: by a key or an index, and never by sorting a page.

use domain::channel::{Channel, ChannelKind};
use domain::media::FileState;
use domain::message::{Emoji, Message, MessageId, Reaction};
use domain::page::MessagePage;
use domain::tenant::Tenant;
use domain::unreadable::Unreadable;
use domain::visibility::Visibility;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use ports::store::Store;

use super::database;
use crate::contract::fixture::{at, attachment, channel, guild_items, interval, message, put, tenant, thread};
use crate::contract::media::file;
use crate::statements::{Statement, statements};

/// The number of messages in the channel that is read.
const MESSAGES: u64 = 4_000;
/// The number of its threads.
const THREADS: u64 = 400;

/// A community with a channel large enough for statistics to matter.
struct Filled {
    tenant: Tenant,
    channel: Channel,
}

async fn fill(store: &dyn Store) -> Filled {
    let tenant = tenant();
    let here = Channel { visibility: Visibility::Public, ..channel(&tenant, 10, ChannelKind::TEXT) };
    let mut unit = store.begin().await.unwrap();
    unit.tenants().insert(&tenant).await.unwrap();
    unit.channels().upsert(&here).await.unwrap();
    for number in 1..=THREADS {
        unit.channels().upsert(&thread(&here, 1_000 + number)).await.unwrap();
    }
    unit.guilds().upsert_all(tenant.id, &guild_items(200)).await.unwrap();
    let odd = |number: i64| Unreadable::refused(here.id, MessageId::MIN, number.to_string(), at(number));
    unit.unreadable().upsert_all(here.id, &[odd(1)]).await.unwrap();
    let files: Vec<_> = (1..=MESSAGES).map(|raw| file(here.id, raw, raw, FileState::seen(at(1)))).collect();
    unit.media().insert_all(tenant.id, &files).await.unwrap();
    unit.commit().await.unwrap();
    for first in (1..=MESSAGES).step_by(500) {
        let messages = (first..first + 500).map(|raw| Message {
            attachments: vec![attachment(raw)],
            reactions: vec![Reaction {
                emoji: Emoji { id: None, name: Some("🧵".to_owned()), animated: false },
                count: 1,
                people: vec![],
            }],
            ..message(&here, raw, "text", 1)
        });
        let seen = i64::try_from(first).unwrap();
        let page = MessagePage::new(interval(first, first + 499), at(seen), messages.collect());
        put(store, &here, &page.unwrap()).await;
    }
    Filled { tenant, channel: here }
}

/// Returns a statement with literal values in place of its parameters.
fn with_values(statement: &Statement, filled: &Filled) -> String {
    let (channel, tenant) = (filled.channel.id, filled.tenant.id);
    let ids = |from: u64| (from..from + 50).map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    let list = match statement.file.as_str() {
        "channel" | "coverage" | "day" | "sync" => format!("('{channel}', '{tenant}')"),
        "guild" => format!("({})", ids(20)),
        "picture" => "('emoji/1', 'emoji/2')".to_owned(),
        _ => format!("({})", ids(2_000)),
    };
    let keys = format!(
        "WHERE (channel_id = '{channel}' AND message_id = 2000) OR (channel_id = '{channel}' AND message_id = 2001)"
    );
    let mut sql = statement.sql.replace("WHERE (…)", &keys).replace("(…)", &list);
    for (name, value) in [
        (":channel_id", format!("'{channel}'")),
        (":tenant_id", format!("'{tenant}'")),
        (":parent_id", format!("'{channel}'")),
        (":job_id", format!("'{tenant}'")),
        (":message_id", "2000".to_owned()),
        (":unreadable_id", format!("'{channel}'")),
        (":platform_id", "1200".to_owned()),
        (":active_at", "'2015-01-01 00:00:00.000'".to_owned()),
        (":archived", "NULL".to_owned()),
        (":with_private", "0".to_owned()),
        (":with_restricted", "0".to_owned()),
        (":shown", "0, 19".to_owned()),
        (":silent", "4, 15".to_owned()),
        (":position", "0".to_owned()),
        (":slug", format!("'{}'", filled.tenant.slug)),
        (":domain", "'a.example'".to_owned()),
        (":after", "''".to_owned()),
        ("change_id > ?", "change_id > 5".to_owned()),
        ("change_id <= ?", "change_id <= 9".to_owned()),
        (":bound", "2000".to_owned()),
        (":last_activity_at", "NULL".to_owned()),
        (":newest_message_id", "NULL".to_owned()),
        (":lowest_message_id", "1".to_owned()),
        (":highest_message_id", "9".to_owned()),
        (":message_count", "1".to_owned()),
        (":fence", "1".to_owned()),
        (":start_reached", "1".to_owned()),
        (":reason", "NULL".to_owned()),
        (":checked_at", "NULL".to_owned()),
        (":segment_low", "2001".to_owned()),
        (":new_low", "1990".to_owned()),
        (":new_high", "2050".to_owned()),
        (":observed_at", "'2026-01-01 00:00:00.000'".to_owned()),
        (":oldest_at", "'2026-01-01 00:00:00.000'".to_owned()),
        (":parts", "NULL".to_owned()),
        (":last", "2051".to_owned()),
        (":count", "8".to_owned()),
        (":low", "2000".to_owned()),
        (":high", "2050".to_owned()),
        (":created_at", "'2026-01-01 00:00:00.000'".to_owned()),
        (":lease_name", "'bot/a'".to_owned()),
        (":due_at", "'2026-01-01 00:00:00.000'".to_owned()),
        (":first", "1".to_owned()),
        (":last", "900".to_owned()),
        (":before", "'2026-01-01 00:00:00.000'".to_owned()),
        (":count", "1".to_owned()),
        (":next", "5".to_owned()),
        (":account", "'a'".to_owned()),
        (":shard_index", "0".to_owned()),
        (":shard_count", "1".to_owned()),
        (":now", "'2026-01-01 00:00:00.000'".to_owned()),
        (":hash", "'a'".to_owned()),
        (":is_deletion", "1".to_owned()),
        (":key", "'2026-01-01 00:00:00.000'".to_owned()),
        (":day", "20150101".to_owned()),
        (":reader", "'a'".to_owned()),
        (":page", "200".to_owned()),
        (":remainder", "1".to_owned()),
        (":limit", "51".to_owned()),
    ] {
        sql = sql.replace(name, &value);
    }
    // The remaining placeholders are the channel's id, and those of a deletion or an observation.
    let moment = "= '2026-01-01 00:00:00.000'";
    sql.replacen("deleted_at = ?", &format!("deleted_at {moment}"), 1)
        .replacen("observed_at = ?", &format!("observed_at {moment}"), 1)
        .replacen("origin = ?", "origin = 1", 1)
        .replacen("deletion_kind = ?", "deletion_kind = 1", 1)
        .replace(
            '?',
            &format!(
                "'{}'",
                if ["guild", "picture"].contains(&statement.file.as_str()) { tenant.0 } else { channel.0 }
            ),
        )
}

/// Returns the steps of a plan: each operation and its object.
async fn plan(connection: &mut Conn, sql: &str) -> Vec<(String, String)> {
    let rows: Vec<Row> =
        connection.query(format!("EXPLAIN {sql}")).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.iter()
        .map(|row| {
            let text = |column: &str| row.get::<String, _>(column).unwrap();
            (text("id"), format!("{} {}", text("access object"), text("operator info")))
        })
        .collect()
}

/// Statements that change the rows they find.
const WRITES: [&str; 5] = ["MARK_DELETED", "UPDATE_CHANNEL", "RAISE_FENCE", "SET_RANGE", "NOTE"];

/// Statements that read, or that change the rows they find.
fn finding(statement: &Statement) -> bool {
    let first = statement.sql.split_whitespace().next();
    let of_archive = !["lib", "migrate", "open", "pool"].contains(&statement.file.as_str());
    // The values of an update do not matter to its plan, and these two have many.
    let plain =
        !["channel UPDATE", "tenant UPDATE"].contains(&format!("{} {}", statement.file, statement.name).as_str());
    of_archive && plain && matches!(first, Some("SELECT" | "DELETE" | "(")) || WRITES.contains(&statement.name.as_str())
}

async fn every_plan_is_good(connection: &mut Conn, filled: &Filled) {
    let all: Vec<Statement> = statements().into_iter().filter(finding).collect();
    assert!(all.len() > 35, "{} statements", all.len());
    let mut bad = Vec::new();
    for statement in &all {
        let name = format!("{} {}", statement.file, statement.name);
        let steps = plan(connection, &with_values(statement, filled)).await;
        // Unfinished jobs, the copies of one message and the months of a channel are few.
        let few = ["job LIST_UNFINISHED", "message FIND_CHANNELS", "day MONTHS"].contains(&name.as_str());
        let has = |kinds: &[&str]| steps.iter().any(|(step, _)| kinds.iter().any(|kind| step.contains(kind)));
        let keyed = has(&["RangeScan", "Point_Get"]) && !has(&["TableFullScan", "IndexFullScan"]);
        if !keyed || !few && has(&["Sort", "TopN"]) {
            bad.push(format!("{name}: {steps:#?}"));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn every_statement_goes_by_a_key_with_and_without_statistics() {
    let (database, mut connection) = database().await;
    let store = database.store().await;
    let filled = fill(&store).await;
    every_plan_is_good(&mut connection, &filled).await;
    for table in [
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
        "gateway_sessions",
        "message_versions",
        "removals",
        "unused_files",
        "channel_days",
    ] {
        connection.query_drop(format!("ANALYZE TABLE {table}")).await.unwrap();
    }
    every_plan_is_good(&mut connection, &filled).await;
    store.close().await;
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn the_pages_of_a_channel_are_one_range_in_the_order_of_the_key() {
    let (database, mut connection) = database().await;
    let store = database.store().await;
    let filled = fill(&store).await;
    let expected = [
        ("message/read", "LIST_BEFORE", "table:messages", "desc"),
        ("message/read", "LIST_AFTER", "table:messages", "keep order:true"),
        ("message/read", "EXAMINE_BEFORE", "table:messages", "desc"),
        ("message/read", "EXAMINE_AFTER", "table:messages", "keep order:true"),
        ("message/read", "LIST_PARTS", "table:attachments", "range:["),
        ("message/read", "LIST_PARTS", "table:reactions", "range:["),
        ("message/read", "LIST_PARTS", "table:media", "range:["),
        ("channel", "LIST_AT", "index:channels_by_position", "keep order:true"),
        ("channel", "LIST", "index:channels_by_position", "keep order:true"),
        ("channel", "LIST_PUBLIC_AT", "index:channels_visible_by_position", "keep order:true"),
        ("channel", "LIST_PUBLIC", "index:channels_visible_by_position", "keep order:true"),
        ("channel/thread", "LIST_NEWEST", "index:channels_by_activity", "desc"),
        ("channel/thread", "LIST_TIED", "index:channels_by_activity", "desc"),
        ("channel/thread", "LIST_BEFORE", "index:channels_by_activity", "desc"),
        ("channel/thread", "LIST_LATEST", "index:channels_by_platform_id", "desc"),
        ("channel/thread", "LIST_OLDEST", "index:channels_by_platform_id", "keep order:true"),
        ("channel/thread", "LIST_PUBLIC_NEWEST", "index:channels_visible_by_activity", "desc"),
        ("channel/thread", "LIST_PUBLIC_TIED", "index:channels_visible_by_activity", "desc"),
        ("channel/thread", "LIST_PUBLIC_BEFORE", "index:channels_visible_by_activity", "desc"),
        ("channel/thread", "LIST_PUBLIC_LATEST", "index:channels_visible_by_platform_id", "desc"),
        ("channel/thread", "LIST_PUBLIC_OLDEST", "index:channels_visible_by_platform_id", "keep order:true"),
        ("tenant", "LIST", "index:tenants_listed", "keep order:true"),
        ("tenant", "FIND_PUBLIC", "index:channels_by_visibility", "range:["),
        ("channel", "FIND_BY_SLUG", "index:channels_slug", ""),
        ("message", "FIND_CHANNELS", "index:messages_by_id", "range:["),
        ("message", "FIND_CHANNELS", "table:channels", ""),
        ("coverage", "LIST", "index:channels_by_tenant", ""),
        ("coverage", "OLDEST", "table:messages", "keep order:true"),
        ("tenant", "FIND_BY_SLUG", "index:tenants_slug", ""),
        ("change", "LIST", "table:change_log", "range:("),
        ("job", "LIST", "index:jobs_by_tenant", "desc"),
        ("lease", "FIND", "table:leases", ""),
        ("lease", "DELETE", "table:leases", ""),
        ("media", "LIST_DUE", "index:media_due", "keep order:true"),
        ("unused", "LIST", "index:unused_files_removed", "keep order:true"),
        ("unused", "LIST_REMOVED", "index:unused_files_removed", "keep order:true"),
        ("media", "LIST_STORED", "index:media_by_hash", "keep order:true"),
        ("removal", "LIST_DUE", "index:removals_due", "keep order:true"),
        ("version", "TRIM", "index:message_versions_replaced", "keep order:true"),
        ("media", "LIST", "table:media", "keep order:true"),
        ("media", "LIST_AFTER", "table:media", "keep order:true"),
        ("picture", "LIST", "table:pictures", "keep order:true"),
        ("picture", "LIST_DUE", "index:pictures_due", "keep order:true"),
        ("picture", "LIST_STORED", "index:pictures_by_hash", "keep order:true"),
        ("picture", "FIND_ALL", "table:pictures", ""),
        ("guild", "LIST_ROLES", "table:roles", "keep order:true"),
        ("guild", "LIST_EMOJIS", "table:emojis", "keep order:true"),
        ("guild", "LIST_STICKERS", "table:stickers", "keep order:true"),
        ("guild", "FIND_ROLES", "table:roles", ""),
        ("unreadable", "LIST", "table:unreadable_messages", "keep order:true"),
        ("coverage", "COUNT_UNREADABLE", "table:unreadable_messages", "range:["),
    ];
    let all = statements();
    for (file, name, place, how) in expected {
        let statement = all.iter().find(|one| one.file == file && one.name == name).unwrap();
        let steps = plan(&mut connection, &with_values(statement, &filled)).await;
        let found = steps.iter().any(|(step, to)| {
            (step.contains("RangeScan") || step.contains("Point_Get")) && to.contains(place) && to.contains(how)
        });
        assert!(found, "{file} {name}: {steps:#?}");
    }
    store.close().await;
}
