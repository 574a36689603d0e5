//! Rows a second through the unit of work, compared with the same rows by raw multi-row upserts.

use std::sync::Arc;
use std::time::Instant;

use adapter_tidb::TidbStore;
use adapter_tidb::url::DatabaseUrl;
use domain::channel::{Channel, ChannelId};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, TxOpts, Value};

use super::{Server, connect, open, pages, store_pages, tenant};
use crate::{Failure, generate};

/// The tables that the baseline writes: those with rows for each message.
const TABLES: [&str; 3] = ["messages", "attachments", "reactions"];

/// The measurements.
pub struct Plan {
    /// The number of messages in a measurement, about; a sixteenth of it if they are stored one by one.
    pub messages: u64,
    /// The numbers of messages in a unit.
    pub batches: Vec<u64>,
    /// The numbers of concurrent writers, each with a channel of its own.
    pub writers: Vec<u64>,
    /// The number of pairs for each batch and number of writers.
    pub pairs: u64,
}

/// Runs the pairs and prints them.
///
/// # Errors
/// If the server rejects a statement.
pub async fn run(server: &Server, plan: &Plan) -> Result<(), Failure> {
    println!("ingest on {}; rows are messages, attachments and reactions", server.version().await?);
    let names = ["verta_bench_ours", "verta_bench_raw"];
    for name in names {
        server.remove(name).await?;
    }
    let [ours, raw] = [server.database(names[0]).await?, server.database(names[1]).await?];
    let store = Arc::new(open(&ours, 10).await?);
    let other = open(&raw, 1).await?;
    let combinations = plan.batches.iter().flat_map(|batch| plan.writers.iter().map(|writers| (*batch, *writers)));
    let pairs = combinations.flat_map(|combination| (0..plan.pairs).map(move |_| combination));
    for (number, (batch, writers)) in (0..).zip(pairs) {
        let all = if batch == 1 { plan.messages / 16 } else { plan.messages };
        let each = (all / writers).next_multiple_of(batch);
        let (_, channels) = tenant(&*store, number, writers).await?;
        tenant(&other, number, writers).await?;
        let seconds = ingest(&store, &channels, each, batch).await?;
        let (rows, raw_seconds) = copy(&ours, &raw, &channels, each, batch).await?;
        #[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
        let (rate, raw_rate) = (rows as f64 / seconds, rows as f64 / raw_seconds);
        println!(
            "  {batch:4} a unit, {writers} writers: {rate:6.0} rows/s, raw {raw_rate:6.0} rows/s, ratio {:.2}",
            rate / raw_rate
        );
    }
    other.close().await;
    Arc::into_inner(store).ok_or("a writer is still there")?.close().await;
    for name in names {
        server.remove(name).await?;
    }
    Ok(())
}

/// Stores `each` messages in every channel concurrently; returns the seconds.
async fn ingest(store: &Arc<TidbStore>, channels: &[Channel], each: u64, batch: u64) -> Result<f64, Failure> {
    let work: Vec<_> = channels
        .iter()
        .map(|channel| Ok((channel.clone(), pages(channel, each, batch)?)))
        .collect::<Result<_, Failure>>()?;
    let start = Instant::now();
    let writers: Vec<_> = work
        .into_iter()
        .map(|(channel, pages)| {
            let store = Arc::clone(store);
            tokio::spawn(async move { store_pages(&*store, &channel, &pages).await })
        })
        .collect();
    for writer in writers {
        writer.await??;
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The rows of one table that one transaction writes, and its statement.
struct Insert {
    sql: String,
    values: Vec<Value>,
    rows: u64,
}

/// Reads every row from one database and writes it to the other, with transactions of the same size and as many
/// concurrent writers; returns the rows, and the seconds of the writing.
async fn copy(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    channels: &[Channel],
    each: u64,
    batch: u64,
) -> Result<(u64, f64), Failure> {
    let mut source = connect(from).await?;
    let (mut writers, mut count) = (Vec::new(), 0);
    for channel in channels {
        let mut transactions = Vec::new();
        for first in (0..each).step_by(usize::try_from(batch)?) {
            let inserts = read(&mut source, channel.id, first, (first + batch).min(each) - 1).await?;
            count += inserts.iter().map(|insert| insert.rows).sum::<u64>();
            transactions.push(inserts);
        }
        writers.push((connect(to).await?, transactions));
    }
    let start = Instant::now();
    let writers: Vec<_> = writers.into_iter().map(|(to, transactions)| tokio::spawn(write(to, transactions))).collect();
    for writer in writers {
        writer.await??;
    }
    Ok((count, start.elapsed().as_secs_f64()))
}

async fn read(source: &mut Conn, channel: ChannelId, first: u64, last: u64) -> Result<Vec<Insert>, Failure> {
    let (low, high) = (generate::message_id(first).get(), generate::message_id(last).get());
    let mut inserts = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT * FROM {table} WHERE channel_id = ? AND message_id BETWEEN ? AND ?");
        let rows: Vec<Row> = source.exec(sql, (channel.to_string(), low, high)).await?;
        let Some(row) = rows.first() else { continue };
        let columns: Vec<_> = row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        let group = format!("({})", vec!["?"; columns.len()].join(", "));
        let updates: Vec<_> = columns.iter().map(|column| format!("{column} = VALUES({column})")).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES {} ON DUPLICATE KEY UPDATE {}",
            columns.join(", "),
            vec![group; rows.len()].join(", "),
            updates.join(", ")
        );
        let count = rows.len() as u64;
        inserts.push(Insert { sql, values: rows.into_iter().flat_map(Row::unwrap).collect(), rows: count });
    }
    Ok(inserts)
}

async fn write(mut to: Conn, transactions: Vec<Vec<Insert>>) -> Result<(), Failure> {
    for inserts in transactions {
        let mut transaction = to.start_transaction(TxOpts::new()).await?;
        for insert in inserts {
            transaction.exec_drop(insert.sql, insert.values).await?;
        }
        transaction.commit().await?;
    }
    Ok(to.disconnect().await?)
}
