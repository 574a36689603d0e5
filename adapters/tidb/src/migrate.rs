//! The schema: numbered files, applied once each under a lock.
//!
//! The server commits every DDL statement by itself, so each of them is idempotent, and a process that ends between any
//! two leaves the rest to the next one.

use std::time::Duration;

use adapter_sql::columns::Columns;
use adapter_sql::migration::{Migration, MigrationStatus};
use domain::timestamp::Timestamp;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row, params};
use ports::error::StoreError;
use tokio::time::timeout;

use crate::error::{Failure, UNKNOWN_TABLE, code, is_lost_connection, is_not_allowed};
use crate::open::{OpenError, address};
use crate::row::NamedRow;
use crate::url::DatabaseUrl;

/// The time limit of one statement: an index over a large table takes long.
const STATEMENT_LIMIT: Duration = Duration::from_hours(1);
/// The time limit of everything else.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The time limit of one attempt to acquire the lock.
const LOCK_SECONDS: u64 = 10;
/// The number of attempts to acquire the lock: together an hour.
const LOCK_TRIES: u64 = 360;

/// Every migration.
pub const MIGRATIONS: &[Migration] = adapter_sql::migrations!("tidb");

const CREATE_LEDGER: &str = r"
    CREATE TABLE IF NOT EXISTS migrations (
        version    INT UNSIGNED NOT NULL,
        name       VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        checksum   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
        applied_at DATETIME(3) NOT NULL,
        PRIMARY KEY (version) /*T![clustered_index] CLUSTERED */
    ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
";

const LIST: &str = r"
    SELECT version, name, checksum, applied_at
    FROM migrations
    ORDER BY version
";

const RECORD: &str = r"
    INSERT INTO migrations (version, name, checksum, applied_at)
    VALUES (:version, :name, :checksum, UTC_TIMESTAMP(3))
";

const COUNT_COLUMNS: &str = r"
    SELECT COUNT(*)
    FROM information_schema.statistics
    WHERE table_schema = DATABASE()
        AND table_name = :table
        AND index_name = :index
";

/// One lock for each database of the server; a name has at most 64 characters.
const LOCK: &str = r"SELECT GET_LOCK(CONCAT('verta ', LEFT(SHA2(DATABASE(), 256), 32)), :seconds)";
const UNLOCK: &str = r"SELECT RELEASE_LOCK(CONCAT('verta ', LEFT(SHA2(DATABASE(), 256), 32)))";

/// Applies the missing migrations. A database that has all of them is only read, which needs no other privilege.
pub(crate) async fn run(connection: &mut Conn, url: &DatabaseUrl) -> Result<(), OpenError> {
    if missing(connection, url).await?.is_empty() {
        return Ok(());
    }
    lock(connection, url).await?;
    let done = apply_missing(connection, url).await;
    // The end of the connection releases the lock as well.
    let released = timeout(ANSWER_LIMIT, connection.query_drop(UNLOCK)).await;
    if !matches!(released, Ok(Ok(()))) {
        tracing::debug!("migration lock not released");
    }
    done
}

/// Returns the state of the migrations, ascending; changes nothing.
pub(crate) async fn status(connection: &mut Conn, url: &DatabaseUrl) -> Result<Vec<MigrationStatus>, OpenError> {
    let applied = applied(connection, url).await?;
    let at = |version| applied.iter().find(|step| step.version == version).map(|step| step.applied_at);
    let status = |migration: &Migration| MigrationStatus {
        version: migration.version,
        name: migration.name.to_owned(),
        applied_at: at(migration.version),
    };
    Ok(MIGRATIONS.iter().map(status).collect())
}

async fn apply_missing(connection: &mut Conn, url: &DatabaseUrl) -> Result<(), OpenError> {
    // Another process may have applied them before the lock was free.
    for migration in missing(connection, url).await? {
        let refused = |error: Error| refused_step(url, migration, &error);
        for statement in std::iter::once(CREATE_LEDGER).chain(migration.statements()) {
            if let Some((table, index)) = added_index(statement)
                && has_index(connection, url, table, index).await?
            {
                continue;
            }
            let done = timeout(STATEMENT_LIMIT, connection.query_drop(statement)).await;
            done.map_err(|_| silent(url, "apply a migration"))?.map_err(refused)?;
        }
        let row = params! {
            "version" => migration.version, "name" => migration.name, "checksum" => migration.checksum(),
        };
        let done = timeout(ANSWER_LIMIT, connection.exec_drop(RECORD, row)).await;
        done.map_err(|_| silent(url, "note a migration"))?.map_err(refused)?;
        tracing::info!(migration = migration.name, "migration applied");
    }
    Ok(())
}

/// Returns the table and the name of the index that a statement adds if it is missing. If the index exists, `TiDB` 8.4
/// treats such a statement as one that adds another index, without a name.
fn added_index(statement: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    match words[..] {
        ["ALTER", "TABLE", table, "ADD", "INDEX", "IF", "NOT", "EXISTS", index, ..] => Some((table, index)),
        _ => None,
    }
}

async fn has_index(connection: &mut Conn, url: &DatabaseUrl, table: &str, index: &str) -> Result<bool, OpenError> {
    let names = params! { "table" => table, "index" => index };
    let found = timeout(ANSWER_LIMIT, connection.exec_first::<u64, _, _>(COUNT_COLUMNS, names)).await;
    let found = found.map_err(|_| silent(url, "find an index"))?;
    Ok(found.map_err(|error| refused(url, "find an index".to_owned(), &error))?.is_some_and(|columns| columns > 0))
}

/// Returns the migrations that the database lacks.
async fn missing(connection: &mut Conn, url: &DatabaseUrl) -> Result<Vec<&'static Migration>, OpenError> {
    let applied = applied(connection, url).await?;
    let is_missing = |migration: &&Migration| applied.iter().all(|step| step.version != migration.version);
    Ok(MIGRATIONS.iter().filter(is_missing).collect())
}

/// An applied migration in the database.
struct Applied {
    version: u32,
    applied_at: Timestamp,
}

/// Returns the applied migrations, after checking that they match this program's.
async fn applied(connection: &mut Conn, url: &DatabaseUrl) -> Result<Vec<Applied>, OpenError> {
    let rows = timeout(ANSWER_LIMIT, connection.exec::<Row, _, _>(LIST, ())).await;
    let rows = match rows.map_err(|_| silent(url, "list the migrations"))? {
        Ok(rows) => rows,
        Err(error) if code(&error) == Some(UNKNOWN_TABLE) => Vec::new(),
        // Without any privilege the server does not even report that there is no such table.
        Err(error) if is_not_allowed(&error) => {
            return Err(OpenError::NoAccess { user: url.user.clone(), database: url.database.clone() });
        }
        Err(error) => return Err(refused(url, "list the migrations".to_owned(), &error)),
    };
    rows.into_iter().map(|row| step(row).map_err(|error| unreadable(url, &error))?).collect()
}

/// Returns a row of the ledger, if it is valid.
fn step(row: Row) -> Result<Result<Applied, OpenError>, StoreError> {
    let mut row = NamedRow::new("migrations", row);
    let version = row.number("version")?;
    let name = row.text("name")?;
    let checksum = row.text("checksum")?;
    let applied_at = row.time("applied_at")?;
    Ok(match MIGRATIONS.iter().find(|migration| migration.version == version) {
        None => Err(OpenError::NewerSchema { found: name }),
        Some(known) if known.checksum() != checksum => Err(OpenError::EditedMigration { migration: name }),
        Some(_) => Ok(Applied { version, applied_at }),
    })
}

async fn lock(connection: &mut Conn, url: &DatabaseUrl) -> Result<(), OpenError> {
    for _ in 0..LOCK_TRIES {
        let seconds = params! { "seconds" => LOCK_SECONDS };
        let answer = timeout(ANSWER_LIMIT, connection.exec_first::<Option<u8>, _, _>(LOCK, seconds)).await;
        let answer = answer.map_err(|_| silent(url, "lock the migrations"))?;
        if let Some(Some(1)) = answer.map_err(|error| refused(url, "lock the migrations".to_owned(), &error))? {
            return Ok(());
        }
        tracing::warn!("waiting for a migration by another process");
    }
    Err(OpenError::Busy { database: url.database.clone(), minutes: LOCK_SECONDS * LOCK_TRIES / 60 })
}

fn refused_step(url: &DatabaseUrl, migration: &Migration, error: &Error) -> OpenError {
    if !is_not_allowed(error) {
        return refused(url, format!("apply the migration {}", migration.name), error);
    }
    OpenError::MayNotMigrate {
        migration: migration.name,
        user: url.user.clone(),
        database: url.database.clone(),
        reason: Failure::new(error).to_string(),
    }
}

fn refused(url: &DatabaseUrl, what: String, error: &Error) -> OpenError {
    if is_lost_connection(error) {
        return OpenError::Unreachable { address: address(url), reason: Failure::new(error).to_string() };
    }
    OpenError::Refused { address: address(url), what, reason: Failure::new(error).to_string() }
}

fn unreadable(url: &DatabaseUrl, error: &StoreError) -> OpenError {
    OpenError::Refused { address: address(url), what: "list the migrations".to_owned(), reason: error.to_string() }
}

fn silent(url: &DatabaseUrl, what: &str) -> OpenError {
    let reason = format!("no response in time to the request to {what}");
    OpenError::Unreachable { address: address(url), reason }
}
