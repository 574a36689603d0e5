//! The first connection, and the errors if it fails.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::{Conn, DriverError, Error, IoError};
use tokio::time::{Instant, sleep, timeout};

use crate::error::{
    ACCESS_DENIED, DATABASE_ACCESS_DENIED, Failure, SECURE_TRANSPORT_REQUIRED, UNKNOWN_DATABASE, code, is_not_serving,
};
use crate::pool::options;
use crate::url::DatabaseUrl;

/// The time limit of one attempt.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The backoff between the first two attempts; doubled after each.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The maximum backoff between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why a store was not opened. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not respond.
    #[error(
        "no database server responds at {address} ({reason}): check the host and the port in DATABASE_URL, \
         and that the server runs and can be reached from here"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// The error of the last attempt.
        reason: String,
    },
    /// The server speaks another protocol.
    #[error("{address} is not a MySQL-protocol server ({reason}): check the port in DATABASE_URL")]
    Protocol {
        /// Host and port.
        address: String,
        /// The fault of the response.
        reason: String,
    },
    /// Wrong user or password.
    #[error(
        "the server at {address} rejects the user {user:?} with this password: check both in DATABASE_URL, \
         where special characters are written as %XX, and that the user exists for connections from here"
    )]
    Denied {
        /// Host and port.
        address: String,
        /// The user.
        user: String,
    },
    /// The database does not exist.
    #[error(
        "the server at {address} has no database {database:?}: correct DATABASE_URL, or create it with \
         CREATE DATABASE `{database}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    )]
    NoDatabase {
        /// Host and port.
        address: String,
        /// The database.
        database: String,
    },
    /// The user has no privilege at all there.
    #[error(
        "the user {user:?} may not use the database {database:?}: \
         GRANT SELECT, INSERT, UPDATE, DELETE ON `{database}`.* TO it"
    )]
    NoAccess {
        /// The user.
        user: String,
        /// The database.
        database: String,
    },
    /// The file of certificate authorities cannot be read.
    #[error("cannot read the certificates in {}, which ssl-ca of DATABASE_URL names: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The connection cannot be encrypted as requested.
    #[error("no encrypted connection to {address} as ssl-mode of DATABASE_URL requires: {reason}")]
    Tls {
        /// Host and port.
        address: String,
        /// The reason.
        reason: String,
    },
    /// The server rejects unencrypted connections.
    #[error("the server at {address} accepts encrypted connections only: add ssl-mode=VERIFY_IDENTITY to DATABASE_URL")]
    PlainText {
        /// Host and port.
        address: String,
    },
    /// The schema is missing and the user may not create it.
    #[error(
        "the database lacks the migration {migration}, and the user {user:?} may not apply it ({reason}): run \
         `verta migrate` with a user that has SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX and \
         REFERENCES on `{database}`.*"
    )]
    MayNotMigrate {
        /// The first missing migration.
        migration: &'static str,
        /// The user.
        user: String,
        /// The database.
        database: String,
        /// The server's message.
        reason: String,
    },
    /// A later release created the schema.
    #[error(
        "the database has the migration {found}, which this release does not know: \
         run the release that made it, or a later one"
    )]
    NewerSchema {
        /// The unknown migration.
        found: String,
    },
    /// An applied migration differs from this program's.
    #[error(
        "the database was made with another version of the migration {migration}: \
         run the release that made it, and do not edit migrations"
    )]
    EditedMigration {
        /// The migration.
        migration: String,
    },
    /// Another process has been migrating for too long.
    #[error(
        "another process has been migrating {database:?} for more than {minutes} minutes: check that it is making progress"
    )]
    Busy {
        /// The database.
        database: String,
        /// The time waited.
        minutes: u64,
    },
    /// Anything else.
    #[error("the server at {address} rejected the request to {what}: {reason}")]
    Refused {
        /// Host and port.
        address: String,
        /// The rejected request.
        what: String,
        /// The server's message.
        reason: String,
    },
}

/// Connects and does `work`, which can be repeated; both again for as long as `patience` if the server does not respond
/// yet, or no longer.
#[expect(clippy::disallowed_methods, reason = "one file, once, before anything else runs")]
pub(crate) async fn connected<T>(
    url: &DatabaseUrl,
    patience: Duration,
    work: impl AsyncFn(&mut Conn) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    if let Some(path) = &url.ca {
        let unreadable = |error: std::io::Error| OpenError::CaFile { path: path.clone(), reason: error.to_string() };
        tokio::fs::read(path).await.map_err(unreadable)?;
    }
    let deadline = Instant::now() + patience;
    let mut wait = FIRST_WAIT;
    loop {
        let problem = match connect(url).await {
            Ok(mut connection) => {
                let done = work(&mut connection).await;
                disconnect(connection).await;
                match done {
                    Err(problem @ OpenError::Unreachable { .. }) => problem,
                    done => return done,
                }
            }
            Err(problem @ OpenError::Unreachable { .. }) => problem,
            Err(problem) => return Err(problem),
        };
        if Instant::now() + wait > deadline {
            return Err(problem);
        }
        let (error, pause_ms) = (&problem as &dyn std::error::Error, wait.as_millis());
        tracing::warn!(db.url = %url, error, pause_ms, "server unreachable");
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn connect(url: &DatabaseUrl) -> Result<Conn, OpenError> {
    match timeout(CONNECT_LIMIT, Conn::new(options(url))).await {
        Ok(connected) => connected.map_err(|error| problem(url, &error)),
        Err(_) => Err(OpenError::Unreachable { address: address(url), reason: "no response in time".to_owned() }),
    }
}

/// Closes the connection in an orderly way; a failure is harmless.
async fn disconnect(connection: Conn) {
    if !matches!(timeout(CONNECT_LIMIT, connection.disconnect()).await, Ok(Ok(()))) {
        tracing::debug!("first connection not closed");
    }
}

/// Returns the host and port.
pub(crate) fn address(url: &DatabaseUrl) -> String {
    format!("{}:{}", url.host, url.port)
}

/// Returns the meaning of a failure to connect.
fn problem(url: &DatabaseUrl, error: &Error) -> OpenError {
    let address = address(url);
    let reason = Failure::new(error).to_string();
    let (user, database) = (url.user.clone(), url.database.clone());
    match (error, code(error)) {
        (_, Some(ACCESS_DENIED)) => OpenError::Denied { address, user },
        (_, Some(UNKNOWN_DATABASE)) => OpenError::NoDatabase { address, database },
        (_, Some(DATABASE_ACCESS_DENIED)) => OpenError::NoAccess { user, database },
        (_, Some(SECURE_TRANSPORT_REQUIRED)) => OpenError::PlainText { address },
        (_, Some(_)) if is_not_serving(error) => OpenError::Unreachable { address, reason },
        (_, Some(_)) => OpenError::Refused { address, what: "connect".to_owned(), reason },
        (Error::Driver(DriverError::NoClientSslFlagFromServer), _) => {
            OpenError::Tls { address, reason: "the server has no certificate".to_owned() }
        }
        (Error::Io(IoError::Tls(_)), _) => OpenError::Tls { address, reason },
        // Errors of the TLS handshake have this kind.
        (Error::Io(IoError::Io(io)), _) if url.tls_is_on() && io.kind() == std::io::ErrorKind::InvalidData => {
            OpenError::Tls { address, reason }
        }
        (Error::Io(_), _) => OpenError::Unreachable { address, reason },
        (Error::Driver(_) | Error::Other(_) | Error::Url(_) | Error::Server(_), _) => {
            OpenError::Protocol { address, reason }
        }
    }
}
