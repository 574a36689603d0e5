//! The meaning of SQLite's result codes for a caller.

use std::error::Error;
use std::path::PathBuf;

use ports::error::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// Why a database could not be opened; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder cannot be created, or the file cannot be opened.
    #[error("cannot open {path}: check that the folder exists and may be written")]
    Folder {
        /// The database.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file is not a SQLite database.
    #[error("{path} is not a SQLite database: choose another path, or move the file away")]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Another process has kept it locked for longer than the busy timeout.
    #[error("{path} is locked by another process: wait for it to end")]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// An applied migration differs from this program's.
    #[error("migration {name} was applied in another form: this database was made by another build of Verta")]
    Edited {
        /// Its name.
        name: String,
    },
    /// The database has a migration that is unknown to this program.
    #[error("the database has migration {name}, which this program does not know: use a newer Verta")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// Anything else.
    #[error("the database cannot be prepared")]
    Sqlite(#[source] rusqlite::Error),
}

/// A failure of the whole database, with the action by which an operator can fix it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the disk of the database is full: free some space, and repeat the interrupted command")]
    Full(#[source] rusqlite::Error),
    #[error("the database is read-only: let this user write its file and folder (DATABASE_URL)")]
    ReadOnly(#[source] rusqlite::Error),
}

/// Converts a driver's error to a [`StoreError`]; the codes are SQLite's (<https://www.sqlite.org/rescode.html>).
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // The write lock, or a snapshot that is too old to become a writer: nothing was written.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Aborted(error.into()),
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => StoreError::Unavailable(error.into()),
        Some(ErrorCode::OutOfMemory) => StoreError::TooLarge(error.into()),
        Some(ErrorCode::TooBig | ErrorCode::TypeMismatch) => StoreError::Refused(error.into()),
        Some(ErrorCode::ConstraintViolation) if is_refused_value(&error) => StoreError::Refused(error.into()),
        Some(ErrorCode::DiskFull) => StoreError::Backend(Failure::Full(error).into()),
        Some(ErrorCode::ReadOnly) => StoreError::Backend(Failure::ReadOnly(error).into()),
        _ => StoreError::Backend(error.into()),
    }
}

/// Returns whether a row is rejected because of its own values, and not because of other rows.
fn is_refused_value(error: &rusqlite::Error) -> bool {
    let refused = [ffi::SQLITE_CONSTRAINT_CHECK, ffi::SQLITE_CONSTRAINT_NOTNULL, ffi::SQLITE_CONSTRAINT_DATATYPE];
    extended_code(error).is_some_and(|code| refused.contains(&code))
}

/// Returns whether another connection has the required lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Returns whether a row is rejected because a row that it refers to is missing.
pub(crate) fn is_missing(error: &rusqlite::Error) -> bool {
    extended_code(error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
}

/// Returns the error for a row that belongs to an `owner`, which may be missing.
pub(crate) fn owned_error(owner: &'static str, error: rusqlite::Error) -> StoreError {
    if is_missing(&error) { StoreError::Missing { what: owner } } else { store_error(error) }
}

/// Returns whether a row is rejected because its name or key is taken.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    let unique = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    extended_code(error).is_some_and(|code| unique.contains(&code))
}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests;
