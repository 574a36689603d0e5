//! Rows a second through the unit of work, compared with the same rows by prepared multi-row inserts.

use std::path::Path;
use std::time::Instant;

use adapter_sqlite::SqliteStore;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::slug::TenantSlug;
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use ports::store::Store;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::{Failure, generate};

/// The rows of one `INSERT` of the baseline; more do not make it faster.
const CHUNK: usize = 64;
/// The tables that the baseline writes: those with rows for each message.
const TABLES: [&str; 3] = ["messages", "attachments", "reactions"];

/// Creates a tenant with one channel, and returns the channel's id.
///
/// # Errors
/// If the store rejects a write.
pub async fn prepare(store: &dyn Store, name: &str, now: Timestamp) -> Result<ChannelId, Failure> {
    let guild = PlatformId::new("1100000000000000001")?;
    let tenant = Tenant::new(Platform::Discord, guild, TenantSlug::from_name("bench"), TenantName::new("Bench")?, now);
    let platform_id = Id::first_at(now).next().ok_or("no id left")?;
    let mut channel = Channel::new(tenant.id, platform_id, ChannelKind::TEXT, name.to_owned());
    channel.visibility = domain::visibility::Visibility::Public;
    let mut unit = store.begin().await?;
    if unit.tenants().find(tenant.id).await?.is_none() {
        unit.tenants().insert(&tenant).await?;
    }
    unit.channels().upsert(&channel).await?;
    unit.commit().await?;
    Ok(channel.id)
}

/// Stores messages `from..to`, one unit for each page of `batch`; the time of generating them is not counted.
///
/// # Errors
/// If the store rejects a write.
pub async fn fill(
    store: &dyn Store,
    channel: ChannelId,
    (from, to): (u64, u64),
    batch: u64,
    now: Timestamp,
) -> Result<f64, Failure> {
    let (mut seconds, mut first) = (0.0, from);
    while first < to {
        let last = (first + batch).min(to);
        let messages = (first..last).map(|number| generate::message(channel, number, now)).collect();
        let low = first.checked_sub(1).map_or(Some(MessageId::MIN), |before| generate::message_id(before).next());
        let interval = low.and_then(|low| Interval::new(low, generate::message_id(last - 1)));
        let page = MessagePage::new(interval, now, messages)?;
        let start = Instant::now();
        let mut unit = store.begin().await?;
        unit.messages().replace_interval(channel, &page).await?;
        unit.commit().await?;
        seconds += start.elapsed().as_secs_f64();
        first = last;
    }
    Ok(seconds)
}

/// Runs the pairs and prints them.
///
/// # Errors
/// If a store rejects a write.
pub async fn run(messages: u64, batch: u64, pairs: u32) -> Result<(), Failure> {
    println!("ingest: {messages} messages, {batch} a unit; rows are messages, attachments and reactions");
    for pair in 1..=pairs {
        let folder = tempfile::tempdir()?;
        let (ours, raw) = (folder.path().join("ours.db"), folder.path().join("raw.db"));
        let now = Timestamp::from_millis(1_790_000_000_000).ok_or("a bad time")?;
        let store = SqliteStore::open(&ours, 1)?;
        let channel = prepare(&store, "large", now).await?;
        let seconds = fill(&store, channel, (0, messages), batch, now).await?;
        drop(store);
        let store = SqliteStore::open(&raw, 1)?;
        prepare(&store, "large", now).await?;
        drop(store);
        let (rows, raw_seconds) = copy_raw(&ours, &raw, messages, batch)?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let (rate, raw_rate) = (rows as f64 / seconds, rows as f64 / raw_seconds);
        println!("  pair {pair}: {rate:.0} rows/s, raw {raw_rate:.0} rows/s, ratio {:.2}", rate / raw_rate);
    }
    Ok(())
}

/// Reads every row of one database and inserts it into the other with the same pragmas and transactions of the same
/// size.
fn copy_raw(from: &Path, to: &Path, messages: u64, batch: u64) -> Result<(u64, f64), Failure> {
    let source = Connection::open(from)?;
    let target = Connection::open(to)?;
    target.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")?;
    let (mut count, mut seconds) = (0, 0.0);
    let mut bounds = Vec::new();
    let mut first = 0;
    while first < messages {
        let last = (first + batch).min(messages);
        bounds.push((generate::message_id(first).get(), generate::message_id(last - 1).get()));
        first = last;
    }
    for (low, high) in bounds {
        let tables = TABLES.map(|table| rows(&source, table, low, high));
        let start = Instant::now();
        target.execute_batch("BEGIN IMMEDIATE")?;
        for (table, read) in TABLES.iter().zip(tables) {
            let (columns, rows) = read?;
            count += rows.len() as u64;
            for chunk in rows.chunks(CHUNK) {
                let group = format!("({})", vec!["?"; columns.len()].join(", "));
                let sql = format!(
                    "INSERT INTO {table} ({}) VALUES {}",
                    columns.join(", "),
                    vec![group.as_str(); chunk.len()].join(", ")
                );
                target.prepare_cached(&sql)?.execute(params_from_iter(chunk.iter().flatten()))?;
            }
        }
        target.execute_batch("COMMIT")?;
        seconds += start.elapsed().as_secs_f64();
    }
    Ok((count, seconds))
}

type Rows = (Vec<String>, Vec<Vec<Value>>);

fn rows(source: &Connection, table: &str, low: u64, high: u64) -> rusqlite::Result<Rows> {
    let sql = format!("SELECT * FROM {table} WHERE message_id BETWEEN ?1 AND ?2");
    let mut statement = source.prepare(&sql)?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let width = columns.len();
    let rows = statement
        .query_map([low.cast_signed(), high.cast_signed()], |row| (0..width).map(|index| row.get(index)).collect())?
        .collect::<rusqlite::Result<_>>()?;
    Ok((columns, rows))
}
