//! The store on a server that speaks `MySQL`'s protocol: `TiDB`, or `MariaDB`.
//!
//! [`TidbStore`] implements [`ports::store::Store`] with transactions of the server: a snapshot reads at one moment; a
//! unit of work locks the rows that it decides by, in the order of their ids, and reads what was committed before each
//! statement. The server ends the loser of a race, which is [`ports::error::StoreError::Aborted`]: the caller repeats
//! the whole unit. A commit whose response is lost is `Unavailable`: repeating the unit is safe, since every write is an
//! upsert.
//!
//! On a cluster a request costs more than its statement. Those that a unit needs no response to, the counters and the
//! coverage of a channel and the change log, are one text with its `COMMIT`, so that the log is locked for no round trip;
//! their values are numbers, times and quoted texts of our own.
//!
//! One module holds the statements of one repository, which `adapter-sql` implements, and the operations that this store
//! does in its own way. It is the twin of the module of that name in `adapter-sqlite`: read them side by side. A change of
//! a port changes both. Statements that only `TiDB` understands stand in `/*T! … */` comments.

mod archive;
mod batch;
mod change;
mod channel;
mod coverage;
mod day;
mod error;
mod gateway;
mod guild;
mod job;
mod lease;
mod media;
mod message;
mod migrate;
mod open;
mod picture;
mod pool;
mod removal;
mod row;
mod session;
mod sync;
mod tenant;
mod unit;
mod unreadable;
mod unused;
pub mod url;
mod version;

use std::sync::Arc;
use std::time::Duration;

use adapter_sql::appended::Appended;
use adapter_sql::unit::SqlUnit;
use async_trait::async_trait;
use mysql_async::Pool;
use mysql_async::prelude::Queryable;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tracing::instrument;

pub use crate::migrate::MIGRATIONS;
pub use crate::open::OpenError;
use crate::pool::{Isolation, STATUS_LIMIT, within};
use crate::unit::Unit;
use crate::url::DatabaseUrl;
pub use adapter_sql::migration::{Migration, MigrationStatus};

/// The number of connections that only check whether the store is ready, so that the check works while all others are
/// in use.
const PROBES: usize = 2;

const STATUS: &str = r"
    SELECT VERSION(), MAX(version)
    FROM migrations
";

/// The options for opening a store.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// The maximum number of connections that read, and of those that write, without those of the readiness check.
    pub pool_size: usize,
    /// How long connecting to a server that does not respond is retried.
    pub patience: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { pool_size: 10, patience: Duration::from_mins(1) }
    }
}

/// An archive in a database of a server.
#[derive(Debug)]
pub struct TidbStore {
    readers: Pool,
    writers: Pool,
    probes: Pool,
    /// The commits that appended to the change log.
    appended: Arc<Appended>,
}

impl TidbStore {
    /// Connects, and applies missing migrations.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn open(url: &DatabaseUrl, options: OpenOptions) -> Result<Self, OpenError> {
        open::connected(url, options.patience, async |connection| migrate::run(connection, url).await).await?;
        Ok(Self {
            readers: pool::pool(url, options.pool_size, Isolation::Snapshot),
            writers: pool::pool(url, options.pool_size, Isolation::Committed),
            probes: pool::pool(url, PROBES, Isolation::Snapshot),
            appended: Arc::default(),
        })
    }

    /// Returns the migrations of the database; changes nothing.
    ///
    /// # Errors
    /// [`OpenError`], whose text says what to do.
    pub async fn migrations(url: &DatabaseUrl, options: OpenOptions) -> Result<Vec<MigrationStatus>, OpenError> {
        open::connected(url, options.patience, async |connection| migrate::status(connection, url).await).await
    }

    /// Closes every connection, once it is no longer in use.
    pub async fn close(self) {
        for pool in [self.readers, self.writers, self.probes] {
            let ended = tokio::time::timeout(pool::ROLLBACK_LIMIT, pool.disconnect()).await;
            if !matches!(ended, Ok(Ok(()))) {
                tracing::debug!("database connection in use at shutdown");
            }
        }
    }
}

#[async_trait]
impl Store for TidbStore {
    #[instrument(name = "db.read", level = "debug", skip_all, err(level = "trace"))]
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        Ok(Box::new(SqlUnit(Unit::read(&self.readers).await?)))
    }

    #[instrument(name = "db.begin", level = "debug", skip_all, err(level = "trace"))]
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(SqlUnit(Unit::write(&self.writers, &self.appended).await?)))
    }

    async fn appended(&self) {
        self.appended.next().await;
    }

    fn commits(&self) -> u64 {
        self.appended.commits()
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let ask = async {
            let mut connection = self.probes.get_conn().await?;
            connection.query_first::<(String, Option<u32>), _>(STATUS).await
        };
        let answer = within(STATUS_LIMIT, ask, error::begin_error).await?;
        let (server_version, schema_version) = answer.expect("an aggregate without groups has one row");
        Ok(StoreStatus { store: "tidb", server_version, schema_version: schema_version.unwrap_or(0) })
    }
}
