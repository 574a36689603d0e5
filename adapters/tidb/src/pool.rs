//! How connections are made, kept and given out.

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, SslOpts, Transaction, TxOpts};
use ports::error::StoreError;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::{Failure, begin_error, is_lost_connection, no_answer};
use crate::url::{DatabaseUrl, TlsMode};

/// For a connection with a transaction begun on it: a request that meets a silent store still answers in 10 s.
pub(crate) const BEGIN_LIMIT: Duration = Duration::from_secs(4);
/// For a statement of a snapshot, which a request waits for.
pub(crate) const READ_LIMIT: Duration = Duration::from_secs(5);
/// For a statement or the commit of a unit: longer than [`SETUP`] lets it wait for a lock.
pub(crate) const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// For all that the readiness of the store is told by.
pub(crate) const STATUS_LIMIT: Duration = Duration::from_millis(800);
/// For the rollback of a unit that was dropped.
pub(crate) const ROLLBACK_LIMIT: Duration = Duration::from_secs(5);

/// What every session begins with. The zone makes `DATETIME` and `UTC_TIMESTAMP` one, the mode refuses what does not
/// fit instead of cutting it, and a lock that is not given in 10 s is given up.
const SETUP: &str = "SET time_zone = '+00:00', foreign_key_checks = 1, innodb_lock_wait_timeout = 10, \
     sql_mode = 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
     NO_ENGINE_SUBSTITUTION' /*T! , tidb_txn_mode = 'pessimistic' */";

/// Idle connections are closed before load balancers cut them, which begins at about 5 minutes.
const IDLE_LIMIT: Duration = Duration::from_mins(4);
/// Every connection is closed at this age, so that they spread over servers that were added.
const AGE_LIMIT: Duration = Duration::from_mins(30);
/// Random part of the age, so that not all are closed at once.
const AGE_JITTER: Duration = Duration::from_mins(5);
/// Prepared statements that a connection keeps: every batch has one for each of its sizes.
const STATEMENT_CACHE: usize = 128;
/// The largest packet in either direction; `MariaDB`'s own default, and a quarter of `TiDB`'s.
const LARGEST_PACKET: usize = 16 * 1024 * 1024;
/// The name that a server's certificate is asked for where any name will do. The driver forgives a wrong one if the error
/// has the first part of this in it
/// (<https://github.com/blackbeam/mysql_async/blob/v0.37.1/src/io/tls/rustls_io.rs>), which rustls does not write of
/// itself any more, but it does write the name that it asked for. Names come last: whoever signed the certificate, and
/// until when, has been looked at before
/// (<https://github.com/rustls/rustls/blob/v/0.23.46/rustls/src/webpki/server_verifier.rs>). Should either change its
/// words, a wrong name is refused.
const NO_NAME: &str = "NotValidForName.invalid";
/// What `TiDB` and `MariaDB` have by default; given, so that nobody asks for it on every connection.
const SERVER_IDLE_LIMIT_SECONDS: usize = 28_800;

/// A pool of at most `size` connections to `url`; it connects when it is asked for one.
pub(crate) fn pool(url: &DatabaseUrl, size: usize) -> Pool {
    let constraints = PoolConstraints::new(size.max(1), size.max(1)).expect("both ends are the same");
    let pool = PoolOpts::default()
        .with_constraints(constraints)
        // A reset would cost a round trip and forget every prepared statement. It is not needed: no statement
        // changes the session, and a transaction is a value whose drop rolls it back.
        .with_reset_connection(false)
        .with_abs_conn_ttl(Some(AGE_LIMIT))
        .with_abs_conn_ttl_jitter(Some(AGE_JITTER));
    Pool::new(OptsBuilder::from_opts(options(url)).pool_opts(pool))
}

/// What a single connection to `url` needs.
pub(crate) fn options(url: &DatabaseUrl) -> Opts {
    OptsBuilder::default()
        .ip_or_hostname(url.host.clone())
        .tcp_port(url.port)
        .user(Some(url.user.clone()))
        .pass(Some(url.password.clone()))
        .db_name(Some(url.database.clone()))
        .ssl_opts(tls(url.tls, url.ca.clone()))
        .setup(vec![SETUP])
        // Else a loopback address would be left for the path of a socket that the server names.
        .prefer_socket(false)
        // An UPDATE tells how many rows it found, changed or not.
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
            let anybody = SslOpts::default().with_danger_accept_invalid_certs(true);
            Some(anybody.with_danger_skip_domain_validation(true))
        }
        TlsMode::VerifyCa => {
            let any_name = checked(ca).with_danger_skip_domain_validation(true);
            Some(any_name.with_danger_tls_hostname_override(Some(NO_NAME)))
        }
        TlsMode::VerifyIdentity => Some(checked(ca)),
    }
}

/// A connection with a transaction begun on it. One that was lost while nobody used it is replaced by another, and
/// at worst every one of them was; or the one that somebody gives back only now.
pub(crate) async fn begin(pool: &Pool, options: &TxOpts) -> Result<Transaction<'static>, StoreError> {
    let deadline = Instant::now() + BEGIN_LIMIT;
    let mut lost = pool.metrics().connections_in_pool.load(Ordering::Relaxed).max(1);
    loop {
        let begun = timeout_at(deadline, pool.start_transaction(options.clone())).await;
        match begun.map_err(|_| no_answer(BEGIN_LIMIT))? {
            Ok(transaction) => return Ok(transaction),
            Err(error) if is_lost_connection(&error) && lost > 0 => {
                tracing::debug!(error = %Failure::new(&error), "connection lost before use");
                lost -= 1;
            }
            Err(error) => return Err(begin_error(&error)),
        }
    }
}

/// `work`, or [`StoreError::Unavailable`] after `limit`; what it waited for is then given up with its connection.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = mysql_async::Result<T>>,
    meaning: fn(&mysql_async::Error) -> StoreError,
) -> Result<T, StoreError> {
    timeout(limit, work).await.map_err(|_| no_answer(limit))?.map_err(|error| meaning(&error))
}
