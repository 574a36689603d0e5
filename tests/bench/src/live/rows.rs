//! The baseline of storing: the same rows by the driver alone, each in a transaction of its own.

use std::path::Path;
use std::time::Instant;

use adapter_sqlite::SqliteStore;
use mysql_async::Row;
use mysql_async::prelude::Queryable;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::{Failure, tidb};

/// The number of rows.
const ROWS: u32 = 1_000;

/// Inserts the newest messages of a channel of `database` into an empty table like theirs, in `folder` if the database is
/// a file; returns the rows a second.
pub(super) async fn insert(database: &str, folder: &Path, channel: &str) -> Result<f64, Failure> {
    match database.strip_prefix("sqlite:") {
        Some(path) => {
            let (path, copy, channel) = (path.to_owned(), folder.join("rows.db"), channel.to_owned());
            tokio::task::spawn_blocking(move || in_file(Path::new(&path), &copy, &channel)).await?
        }
        None => on_server(database, channel).await,
    }
}

fn in_file(path: &Path, copy: &Path, channel: &str) -> Result<f64, Failure> {
    drop(SqliteStore::open(copy, 1)?);
    let from = Connection::open(path)?;
    let mut select = from.prepare("SELECT * FROM messages WHERE channel_id = ?1 ORDER BY message_id DESC LIMIT ?2")?;
    let columns = select.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
    let rows: Vec<Vec<Value>> = select.query_map((channel, ROWS), row)?.collect::<Result<_, _>>()?;
    let to = Connection::open(copy)?;
    to.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;")?;
    let mut insert = to.prepare(&format!("INSERT INTO messages VALUES ({})", placeholders(columns)))?;
    let start = Instant::now();
    for row in &rows {
        insert.execute(rusqlite::params_from_iter(row))?;
    }
    Ok(rate(rows.len(), start))
}

async fn on_server(database: &str, channel: &str) -> Result<f64, Failure> {
    let mut connection = tidb::connect(&database.parse()?).await?;
    // Without the foreign keys.
    connection.query_drop("CREATE TABLE bench_rows LIKE messages").await?;
    let select = format!("SELECT * FROM messages WHERE channel_id = ? ORDER BY message_id DESC LIMIT {ROWS}");
    let rows: Vec<Row> = connection.exec(select, (channel,)).await?;
    let columns = rows.first().map_or(0, Row::len);
    let insert = connection.prep(format!("INSERT INTO bench_rows VALUES ({})", placeholders(columns))).await?;
    let start = Instant::now();
    let count = rows.len();
    for row in rows {
        connection.exec_drop(&insert, row.unwrap()).await?;
    }
    let rate = rate(count, start);
    connection.query_drop("DROP TABLE bench_rows").await?;
    connection.disconnect().await?;
    Ok(rate)
}

fn placeholders(columns: usize) -> String {
    vec!["?"; columns].join(", ")
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(rows: usize, start: Instant) -> f64 {
    rows as f64 / start.elapsed().as_secs_f64()
}
