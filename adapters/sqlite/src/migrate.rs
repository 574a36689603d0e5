//! The schema: numbered files, applied in order under the write lock.

use std::path::Path;

use domain::timestamp::Timestamp;
use ports::error::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::error::{OpenError, store_error};

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) version: u32,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),+ $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
        }),+]
    };
}

/// Every migration, ascending; a released one is never edited.
pub(crate) const MIGRATIONS: &[Migration] = migrations![
    1 "0001_tenants",
    2 "0002_channels",
    3 "0003_messages",
    4 "0004_coverage",
    5 "0005_changes",
    6 "0006_jobs",
    7 "0007_leases",
    8 "0008_guild",
    9 "0009_unreadable",
    10 "0010_media",
    11 "0011_deletion_kinds",
    12 "0012_sync_state",
    13 "0013_key_check",
    14 "0014_listing_indexes",
    15 "0015_message_times",
    16 "0016_shown_counts",
    17 "0017_change_log",
    18 "0018_channel_positions",
    19 "0019_channel_versions",
];

/// The state of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied; `None` if it is pending.
    pub applied_at: Option<Timestamp>,
}

const CREATE: &str = r"
    CREATE TABLE IF NOT EXISTS migrations (
        version    INTEGER NOT NULL PRIMARY KEY,
        name       TEXT    NOT NULL,
        checksum   TEXT    NOT NULL,
        applied_at INTEGER NOT NULL
    ) STRICT
";

const TABLE_EXISTS: &str = r"
    SELECT name
    FROM sqlite_master
    WHERE type = 'table' AND name = 'migrations'
";

const LIST: &str = r"
    SELECT version, name, checksum, applied_at
    FROM migrations
    ORDER BY version
";

const INSERT: &str = r"
    INSERT INTO migrations (version, name, checksum, applied_at)
    VALUES (?1, ?2, ?3, CAST(unixepoch('subsec') * 1000 AS INTEGER))
";

/// An applied migration in the database.
struct Applied {
    version: u32,
    name: String,
    checksum: String,
    millis: i64,
}

/// Applies the missing ones of `migrations`; `path` is for messages. Concurrent processes are serialized, and a killed
/// one leaves whole steps behind, because a step and its row commit together.
pub(crate) fn apply(connection: &mut Connection, migrations: &[Migration], path: &Path) -> Result<(), OpenError> {
    let failed = |error| open_error(error, path);
    // Each step takes the lock by itself; steps that another process has applied meanwhile are seen then.
    connection.execute_batch(CREATE).map_err(failed)?;
    for migration in migrations {
        let unit = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let applied = list(&unit).map_err(failed)?;
        check(&applied, migrations)?;
        if applied.iter().all(|applied| applied.version != migration.version) {
            unit.execute_batch(migration.sql).map_err(failed)?;
            unit.execute(INSERT, params![migration.version, migration.name, checksum(migration.sql)])
                .map_err(failed)?;
        }
        unit.commit().map_err(failed)?;
    }
    Ok(())
}

/// Rejects a database whose steps differ from this program's.
fn check(applied: &[Applied], migrations: &[Migration]) -> Result<(), OpenError> {
    for step in applied {
        let ours = migrations.iter().find(|migration| migration.version == step.version);
        let ours = ours.ok_or_else(|| OpenError::Unknown { name: step.name.clone() })?;
        if step.checksum != checksum(ours.sql) {
            return Err(OpenError::Edited { name: step.name.clone() });
        }
    }
    Ok(())
}

/// Returns the state of `migrations`, ascending; changes nothing.
pub(crate) fn status(
    connection: &Connection,
    migrations: &[Migration],
    path: &Path,
) -> Result<Vec<MigrationStatus>, OpenError> {
    let failed = |error| open_error(error, path);
    let exists = connection.query_row(TABLE_EXISTS, [], |_| Ok(())).optional().map_err(failed)?.is_some();
    let applied = if exists { list(connection).map_err(failed)? } else { Vec::new() };
    check(&applied, migrations)?;
    let at = |version| applied.iter().find(|step| step.version == version);
    Ok(migrations
        .iter()
        .map(|migration| MigrationStatus {
            version: migration.version,
            name: migration.name.to_owned(),
            applied_at: at(migration.version).and_then(|step| Timestamp::from_millis(step.millis)),
        })
        .collect())
}

fn list(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Applied { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)?, millis: row.get(3)? })
    };
    connection.prepare(LIST)?.query_map([], row)?.collect()
}

fn checksum(sql: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(sql).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes every write");
        text
    })
}

pub(crate) fn open_error(error: rusqlite::Error, path: &Path) -> OpenError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotADatabase { path: path.to_owned() },
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            OpenError::Locked { path: path.to_owned() }
        }
        Some(
            rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly | rusqlite::ErrorCode::PermissionDenied,
        ) => OpenError::Folder { path: path.to_owned(), source: error.into() },
        _ => OpenError::Sqlite(error),
    }
}

const NEWEST: &str = r"
    SELECT MAX(version)
    FROM migrations
";

/// Returns the number of the newest step.
pub(crate) fn newest(connection: &Connection) -> Result<u32, StoreError> {
    let newest = || connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0));
    newest().map_err(store_error)
}

#[cfg(test)]
mod tests;
