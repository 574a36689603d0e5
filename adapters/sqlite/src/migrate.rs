//! The schema: numbered files, applied in order under the write lock.

use std::path::Path;

use adapter_sql::migration::{Migration, MigrationStatus};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::error::{OpenError, store_error};

/// Every migration.
pub(crate) const MIGRATIONS: &[Migration] = adapter_sql::migrations!("sqlite");

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
            unit.execute(INSERT, params![migration.version, migration.name, migration.checksum()]).map_err(failed)?;
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
        if step.checksum != ours.checksum() {
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
