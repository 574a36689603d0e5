//! The meaning of the server's error codes for a caller.
//!
//! TiDB's are listed at <https://docs.pingcap.com/tidb/stable/error-codes>, `MySQL`'s at
//! <https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html>, `MariaDB`'s at
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>.

use std::fmt;

use mysql_async::{DriverError, Error, ServerError};
use ports::error::StoreError;

/// A value of a unique key is taken.
pub(crate) const DUPLICATE_KEY: u16 = 1062;
/// A row refers to one that is not stored.
pub(crate) const NO_REFERENCED_ROW: u16 = 1452;
/// The user lacks the privilege for the database.
pub(crate) const DATABASE_ACCESS_DENIED: u16 = 1044;
/// Wrong user or password.
pub(crate) const ACCESS_DENIED: u16 = 1045;
/// The database does not exist.
pub(crate) const UNKNOWN_DATABASE: u16 = 1049;
/// The user lacks the privilege for the table.
pub(crate) const TABLE_ACCESS_DENIED: u16 = 1142;
/// The table does not exist.
pub(crate) const UNKNOWN_TABLE: u16 = 1146;
/// The user lacks a privilege that the statement needs.
pub(crate) const SPECIFIC_ACCESS_DENIED: u16 = 1227;
/// The server accepts encrypted connections only.
pub(crate) const SECURE_TRANSPORT_REQUIRED: u16 = 3159;
/// `TiDB`: the user lacks a privilege.
pub(crate) const PRIVILEGE_CHECK_FAILED: u16 = 8121;

/// `TiDB` uses this code for errors without a code of their own; only the text distinguishes them.
const UNKNOWN: u16 = 1105;
const SCHEMA_CHANGED_TEXT: &str = "Information schema is changed";

/// Another transaction won; this one is rolled back or will be when the unit is dropped. Also certain as the response
/// to a commit.
const LOST_RACE: [u16; 13] = [
    1020, // ER_CHECKREAD: MariaDB, the row changed since the snapshot
    1205, // ER_LOCK_WAIT_TIMEOUT
    1213, // ER_LOCK_DEADLOCK
    1412, // ER_TABLE_DEF_CHANGED
    1615, // ER_NEED_REPREPARE
    8002, // TiDB, a write conflict of SELECT FOR UPDATE: the transaction was rolled back
    8005, // TiDB, a write conflict
    8022, // TiDB, the commit failed and was rolled back
    8027, // TiDB, the schema is out of date
    8028, // TiDB, the schema changed under the transaction
    8113, // TiDB, the schema changed under the statement
    8147, // TiDB, a unique key that was checked late
    9007, // TiKV, a write conflict
];

/// A part of the cluster failed. A statement commits nothing, so the unit can be retried; as the response to a commit
/// it leaves the outcome open.
const CLUSTER_BUSY: [u16; 14] = [
    2006, // CR_SERVER_GONE_ERROR, from what stands before the server
    2013, // CR_SERVER_LOST, likewise
    8055, // TiDB, the snapshot is older than what garbage collection left
    8120, // TiDB, no timestamp for the start of the transaction
    8229, // TiDB, the transaction lived too long
    9001, // PD, timeout
    9002, // TiKV, timeout
    9003, // TiKV, busy
    9004, // TiKV, timeout while it resolved locks
    9005, // TiKV, region unavailable
    9006, // TiKV, the snapshot is older than what garbage collection left
    9008, // TiKV, too many requests
    9012, // TiFlash, timeout
    9013, // TiFlash, busy
];

/// The transaction or its memory exceeds a limit. Half of it may fit.
const TOO_LARGE: [u16; 5] = [
    8001, // TiDB, the memory of a statement
    8004, // TiDB, the transaction is too large
    8175, // TiDB, the memory of a statement
    8176, // TiDB, the memory of the server
    9500, // TiKV, the transaction is too large
];

/// A value that its column rejects. The values stored beside it may succeed without it.
const REFUSED_VALUE: [u16; 9] = [
    1048, // ER_BAD_NULL_ERROR
    1264, // ER_WARN_DATA_OUT_OF_RANGE
    1265, // WARN_DATA_TRUNCATED
    1366, // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: bytes that are no text
    1406, // ER_DATA_TOO_LONG
    3140, // ER_INVALID_JSON_TEXT
    3819, // ER_CHECK_CONSTRAINT_VIOLATED
    4025, // MariaDB, ER_CONSTRAINT_FAILED
    8025, // TiDB, the entry of a row is too large
];

/// The quota of the resource group is used up for now.
const THROTTLED: [u16; 3] = [
    8252, // TiDB, the resource group has used its units up
    8253, // TiDB, the query was stopped as a runaway
    8254, // TiDB, queries like it are stopped for now
];

/// The statement was cancelled or exceeded its time limit.
const TIMED_OUT: [u16; 3] = [
    1317, // ER_QUERY_INTERRUPTED
    1969, // MariaDB, ER_STATEMENT_TIMEOUT
    3024, // ER_QUERY_TIMEOUT
];

/// The server is temporarily out of service. Transient.
const NOT_SERVING: [u16; 6] = [
    1040, // ER_CON_COUNT_ERROR
    1053, // ER_SERVER_SHUTDOWN
    1180, // ER_ERROR_DURING_COMMIT
    1203, // ER_TOO_MANY_USER_CONNECTIONS
    1927, // MariaDB, ER_CONNECTION_KILLED
    8501, // TiDB, the outcome of the commit is not known
];

/// Codes whose text quotes values, which are personal data and must not be logged.
const QUOTES_VALUES: [u16; 9] = [DUPLICATE_KEY, 1064, 1265, 1292, 1366, 1406, 3140, 3819, 4025];

/// The error of a call that exceeded its time limit.
#[derive(Debug, thiserror::Error)]
#[error("no response within {ms} ms")]
pub(crate) struct NoAnswer {
    /// The time limit.
    pub(crate) ms: u128,
}

/// The message of the driver or the server, without any value.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(error: &Error) -> Self {
        match error {
            Error::Server(ServerError { code, state, .. }) if QUOTES_VALUES.contains(code) => {
                Self(format!("error {code} ({state})"))
            }
            Error::Server(ServerError { code, state, message }) => Self(format!("error {code} ({state}): {message}")),
            Error::Io(error) => Self(error.to_string()),
            Error::Driver(error) => Self(error.to_string()),
            Error::Other(error) => Self(error.to_string()),
            Error::Url(error) => Self(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Returns the server's code, if the server rejected the request.
pub(crate) fn code(error: &Error) -> Option<u16> {
    if let Error::Server(server) = error { Some(server.code) } else { None }
}

/// Returns whether the server is temporarily out of service.
pub(crate) fn is_not_serving(error: &Error) -> bool {
    let passing: [&[u16]; 4] = [&NOT_SERVING, &CLUSTER_BUSY, &THROTTLED, &TIMED_OUT];
    code(error).is_some_and(|code| passing.iter().any(|codes| codes.contains(&code)))
}

/// Returns whether the user lacks a privilege.
pub(crate) fn is_not_allowed(error: &Error) -> bool {
    matches!(
        code(error),
        Some(DATABASE_ACCESS_DENIED | TABLE_ACCESS_DENIED | SPECIFIC_ACCESS_DENIED | PRIVILEGE_CHECK_FAILED)
    )
}

/// Returns whether the connection is lost, so that another one may succeed.
pub(crate) fn is_lost_connection(error: &Error) -> bool {
    match error {
        Error::Io(_) => true,
        Error::Driver(error) => matches!(
            error,
            DriverError::ConnectionClosed | DriverError::PacketOutOfOrder | DriverError::UnexpectedPacket { .. }
        ),
        Error::Server(_) | Error::Other(_) | Error::Url(_) => false,
    }
}

/// Returns the meaning of the response to a statement. Nothing of a unit has happened before its commit, so an error
/// that can be retried is [`StoreError::Aborted`].
pub(crate) fn store_error(error: &Error) -> StoreError {
    let source = Box::new(Failure::new(error));
    match code(error) {
        Some(code) if CLUSTER_BUSY.contains(&code) => StoreError::Aborted(source),
        None if is_lost_connection(error) => StoreError::Aborted(source),
        _ => certain_error(error, source),
    }
}

/// Returns the meaning of the response to `COMMIT`: [`StoreError::Aborted`] only if nothing can have happened.
pub(crate) fn commit_error(error: &Error) -> StoreError {
    let source = Box::new(Failure::new(error));
    match code(error) {
        // If `TiDB` is configured to check keys late.
        Some(DUPLICATE_KEY) => StoreError::Duplicate { what: "name" },
        Some(code) if CLUSTER_BUSY.contains(&code) => StoreError::Unavailable(source),
        None if is_lost_connection(error) => StoreError::Unavailable(source),
        _ => certain_error(error, source),
    }
}

/// Returns the meaning of a failure to get a connection, or to begin a transaction on it. A server that is down stays
/// down for a while, so that is reported at once; one that responds may succeed at the retry.
pub(crate) fn begin_error(error: &Error) -> StoreError {
    if is_lost_connection(error) {
        return StoreError::Unavailable(Box::new(Failure::new(error)));
    }
    store_error(error)
}

fn certain_error(error: &Error, source: Box<Failure>) -> StoreError {
    let Error::Server(ServerError { code, message, .. }) = error else { return StoreError::Backend(source) };
    if LOST_RACE.contains(code) || (*code == UNKNOWN && message.contains(SCHEMA_CHANGED_TEXT)) {
        StoreError::Aborted(source)
    } else if TOO_LARGE.contains(code) {
        StoreError::TooLarge(source)
    } else if REFUSED_VALUE.contains(code) {
        StoreError::Refused(source)
    } else if NOT_SERVING.contains(code) {
        StoreError::Unavailable(source)
    } else if THROTTLED.contains(code) {
        StoreError::Throttled(source)
    } else if TIMED_OUT.contains(code) {
        StoreError::TimedOut(source)
    } else {
        StoreError::Backend(source)
    }
}

/// Returns the error for a key that was taken after the same unit had found it free.
pub(crate) fn lost_race(error: &Error) -> StoreError {
    StoreError::Aborted(Box::new(Failure::new(error)))
}

/// Returns the error for a store that did not respond within `limit`.
pub(crate) fn no_answer(limit: std::time::Duration) -> StoreError {
    StoreError::Unavailable(Box::new(NoAnswer { ms: limit.as_millis() }))
}

#[cfg(test)]
mod tests;
