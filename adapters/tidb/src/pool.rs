//! How connections are created, kept open and handed out.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts};
use ports::error::StoreError;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Failure, begin_error, is_lost_connection, no_answer};
use crate::url::{DatabaseUrl, TlsMode};

/// The time limit for a connection with a transaction begun on it: a request to a silent store still gets a response in
/// 10 s.
pub(crate) const BEGIN_LIMIT: Duration = Duration::from_secs(4);
/// The time limit for a statement of a snapshot, which a request waits for.
pub(crate) const READ_LIMIT: Duration = Duration::from_secs(5);
/// The time limit for a statement or the commit of a unit: longer than [`SETUP`] lets it wait for a lock.
pub(crate) const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// The time limit for the whole readiness check of the store.
pub(crate) const STATUS_LIMIT: Duration = Duration::from_millis(800);
/// The time limit for the rollback of a dropped unit.
pub(crate) const ROLLBACK_LIMIT: Duration = Duration::from_secs(5);

/// The first statement of every session. The zone makes `DATETIME` and `UTC_TIMESTAMP` equal, the mode rejects values
/// that do not fit instead of cutting them, and waiting for a lock ends after 10 s.
const SETUP: &str = "SET time_zone = '+00:00', foreign_key_checks = 1, innodb_lock_wait_timeout = 10, \
     sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
     NO_ENGINE_SUBSTITUTION' /*T! , tidb_txn_mode = 'pessimistic' */";

/// The isolation level of the transactions of a pool, set once per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// A snapshot: all statements see the state at the beginning.
    Snapshot,
    /// A unit of work: every statement sees all commits before it. With a snapshot, `TiDB` would show the state at the
    /// beginning, so after waiting for the lock of a channel a unit would still compare its page with rows from before
    /// the other writer.
    Committed,
}

impl Isolation {
    const fn sql(self) -> &'static str {
        match self {
            Self::Snapshot => "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            Self::Committed => "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        }
    }
}

/// Idle connections are closed before load balancers cut them, which begins at about 5 minutes.
const IDLE_LIMIT: Duration = Duration::from_mins(4);
/// Every connection is closed at this age, so that they spread over servers that were added.
const AGE_LIMIT: Duration = Duration::from_mins(30);
/// The random part of the age, so that not all are closed at once.
const AGE_JITTER: Duration = Duration::from_mins(5);
/// The number of prepared statements that a connection caches: every batch has one for each of its sizes.
const STATEMENT_CACHE: usize = 256;
/// The largest packet in either direction; `MariaDB`'s own default, and a quarter of `TiDB`'s.
const LARGEST_PACKET: usize = 16 * 1024 * 1024;
/// The name that a server's certificate is checked for if any name is valid. The driver ignores a wrong name if the
/// error contains the first part of this one
/// (<https://github.com/blackbeam/mysql_async/blob/v0.37.1/src/io/tls/rustls_io.rs>). rustls no longer writes that
/// phrase itself, but it writes the expected name. Names are checked last, after the certificate's issuer and expiry
/// (<https://github.com/rustls/rustls/blob/v/0.23.46/rustls/src/webpki/server_verifier.rs>). If either changes its
/// wording, a wrong name is rejected.
const NO_NAME: &str = "NotValidForName.invalid";
/// The default of `TiDB` and `MariaDB`; set here, so that the driver does not query it on every connection.
const SERVER_IDLE_LIMIT_SECONDS: usize = 28_800;

/// Returns a pool of at most `size` connections to `url`; it connects on demand.
pub(crate) fn pool(url: &DatabaseUrl, size: usize, isolation: Isolation) -> Pool {
    let constraints = PoolConstraints::new(size.max(1), size.max(1)).expect("both ends are the same");
    let pool = PoolOpts::default()
        .with_constraints(constraints)
        // A reset would cost a round trip and forget every prepared statement. It is not needed: no statement
        // changes the session, and a unit whose transaction is open when it is dropped rolls it back.
        .with_reset_connection(false)
        .with_abs_conn_ttl(Some(AGE_LIMIT))
        .with_abs_conn_ttl_jitter(Some(AGE_JITTER));
    let options = OptsBuilder::from_opts(options(url)).setup(vec![SETUP, isolation.sql()]);
    Pool::new(options.pool_opts(pool))
}

/// Returns the options of a single connection to `url`.
pub(crate) fn options(url: &DatabaseUrl) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(url.host.clone())
        .tcp_port(url.port)
        .user(Some(url.user.clone()))
        .pass(Some(url.password.clone()))
        .db_name(Some(url.database.clone()))
        .ssl_opts(tls(url.tls, url.ca.clone()))
        .setup(vec![SETUP])
        // Otherwise the driver would replace a loopback address by the path of a socket that the server names.
        .prefer_socket(false)
        // The row count of an UPDATE is that of the rows found, changed or not.
        .client_found_rows(true)
        .stmt_cache_size(STATEMENT_CACHE)
        .conn_ttl(IDLE_LIMIT)
        .max_allowed_packet(Some(LARGEST_PACKET))
        .wait_timeout(Some(SERVER_IDLE_LIMIT_SECONDS))
        .into()
}

fn tls(mode: TlsMode, ca: Option<PathBuf>) -> Option<SslOpts> {
    let checked = |ca: Option<PathBuf>| match ca {
        Some(path) => SslOpts::default().with_root_certs(vec![path.into()]).with_disable_built_in_roots(true),
        None => SslOpts::default(),
    };
    match mode {
        TlsMode::Disabled => None,
        TlsMode::Required => {
            let any_server = SslOpts::default().with_danger_accept_invalid_certs(true);
            Some(any_server.with_danger_skip_domain_validation(true))
        }
        TlsMode::VerifyCa => {
            let any_name = checked(ca).with_danger_skip_domain_validation(true);
            Some(any_name.with_danger_tls_hostname_override(Some(NO_NAME)))
        }
        TlsMode::VerifyIdentity => Some(checked(ca)),
    }
}

/// Returns a connection with a transaction begun on it. A connection that was lost while idle is replaced by another.
/// At worst all idle connections were lost, or the one that another unit releases meanwhile.
pub(crate) async fn begin(pool: &Pool, sql: &str) -> Result<Conn, StoreError> {
    let deadline = Instant::now() + BEGIN_LIMIT;
    let mut lost = pool.metrics().connections_in_pool.load(Ordering::Relaxed).max(1);
    loop {
        let begin = async {
            let mut connection = pool.get_conn().await?;
            connection.query_drop(sql).await?;
            Ok(connection)
        };
        match timeout_at(deadline, begin).await.map_err(|_| no_answer(BEGIN_LIMIT))? {
            Ok(connection) => return Ok(connection),
            Err(error) if is_lost_connection(&error) && lost > 0 => {
                tracing::debug!(error = %Failure::new(&error), "connection lost before use");
                lost -= 1;
            }
            Err(error) => return Err(begin_error(&error)),
        }
    }
}

/// Returns the result of `work`, or [`StoreError::Unavailable`] after `limit`; the work is then abandoned with its
/// connection.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = mysql_async::Result<T>>,
    meaning: fn(&mysql_async::Error) -> StoreError,
) -> Result<T, StoreError> {
    timeout(limit, work).await.map_err(|_| no_answer(limit))?.map_err(|error| meaning(&error))
}
