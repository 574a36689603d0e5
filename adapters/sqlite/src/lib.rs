//! The store in one SQLite file: the default, for a community on one machine.
//!
//! [`SqliteStore`] implements [`ports::store::Store`]. Writers take turns for the one connection that writes, and hold
//! SQLite's write lock from `begin` to `commit`; each reader has a connection with a snapshot of its own. Calls of SQLite
//! block, so they run on the blocking pool and await nothing else.
//!
//! One module holds the statements of one repository, which `adapter-sql` implements, and the operations that this store
//! does in its own way. It is the twin of the module of that name in `adapter-tidb`: read them side by side. A change of
//! a port changes both.

mod archive;
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
mod picture;
mod removal;
mod row;
mod session;
mod sync;
mod tenant;
mod unit;
mod unreadable;
mod unused;
mod version;

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_sql::appended::Appended;
use adapter_sql::unit::SqlUnit;
use async_trait::async_trait;
use futures::future::BoxFuture;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;
use tracing::instrument;

pub use crate::error::OpenError;
use crate::error::is_busy;
use crate::migrate::MIGRATIONS;
use crate::unit::{MAY_BLOCK, Readers, Unit};
pub use adapter_sql::migration::MigrationStatus;

/// How long a statement waits for another process to finish writing.
const BUSY_TIMEOUT_MS: u32 = 10_000;

/// Rows are wide: with 8 KiB pages few of them spill into overflow pages. Takes effect when the file is created.
const PAGE_SIZE: u32 = 8_192;

/// The page cache of the writer, in KiB.
const WRITER_CACHE: usize = 16_384;

/// The page caches of all readers together, in KiB. It is divided, because each reader has its own: with this size for
/// each, memory would grow with their number.
const READER_CACHE: usize = 32_768;

/// The number of prepared statements that a connection caches: all that exist, with every size of a batch.
const STATEMENTS: usize = 256;

/// The number of concurrent runs of [`Store::run`], beyond one for each reader. Each has a thread to itself, also while
/// it waits for a connection. The other threads are left to units that have a connection already; they would otherwise
/// wait for a thread while the runs wait for their connection.
const RUNS: usize = 64;
/// The maximum number of them: half of the threads that a runtime has for blocking work.
const MOST_RUNS: usize = 256;

/// An archive in one file. A clone is the same store.
#[derive(Clone)]
pub struct SqliteStore {
    /// The permits of [`Store::run`].
    turns: Arc<Semaphore>,
    writer: Arc<Mutex<Connection>>,
    readers: Arc<Readers>,
    /// The commits that appended to the change log.
    appended: Arc<Appended>,
}

impl SqliteStore {
    /// Opens the database at `path`, creates it and its folder if they are missing, and applies missing migrations.
    /// `readers` (at least 1) units can read at the same time, beside one that writes.
    ///
    /// # Errors
    /// [`OpenError`], each of which says what to do.
    pub fn open(path: &Path, readers: usize) -> Result<Self, OpenError> {
        let mut writer = Self::connect(path)?;
        migrate::apply(&mut writer, MIGRATIONS, path)?;
        let readers = readers.max(1);
        let readers = (0..readers)
            .map(|_| {
                let reader = connect(path, (READER_CACHE / readers).min(WRITER_CACHE))?;
                reader.pragma_update(None, "query_only", true)?;
                Ok(reader)
            })
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(|error| migrate::open_error(error, path))?;
        let permits = Semaphore::new(readers.len());
        let turns = (readers.len() + RUNS).min(MOST_RUNS);
        Ok(Self {
            turns: Arc::new(Semaphore::new(turns)),
            writer: Arc::new(Mutex::new(writer)),
            appended: Arc::default(),
            readers: Arc::new(Readers { idle: std::sync::Mutex::new(readers), permits: Arc::new(permits) }),
        })
    }

    /// Returns the migrations of the database at `path`, without creating or changing anything.
    ///
    /// # Errors
    /// [`OpenError`], each of which says what to do.
    pub fn migrations(path: &Path) -> Result<Vec<MigrationStatus>, OpenError> {
        if !path.exists() {
            let nothing = Connection::open_in_memory().map_err(OpenError::Sqlite)?;
            return migrate::status(&nothing, MIGRATIONS, path);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error| migrate::open_error(error, path);
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        migrate::status(&connection, MIGRATIONS, path)
    }

    fn connect(path: &Path) -> Result<Connection, OpenError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            let failed =
                |source: std::io::Error| OpenError::Folder { path: PathBuf::from(path), source: source.into() };
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        own(path).map_err(|source| OpenError::Folder { path: PathBuf::from(path), source: source.into() })?;
        connect(path, WRITER_CACHE).map_err(|error| migrate::open_error(error, path))
    }
}

/// Creates the database with a mode that lets only its owner read it, and sets that mode on the files of an existing
/// one. `SQLite` creates the log with the mode of the database.
fn own(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let Ok(file) = fs::metadata(&name) else { continue };
        let mode = file.permissions().mode();
        if file.is_file() && mode & 0o077 != 0 {
            let narrowed = fs::set_permissions(&name, Permissions::from_mode(mode & 0o700));
            if let Err(error) = narrowed {
                tracing::warn!(file = ?name, error = &error as &dyn std::error::Error, "database file readable by others");
            }
        }
    }
    Ok(())
}

/// Opens one connection with our settings and a page cache of `cache` KiB.
///
/// `synchronous = NORMAL`: with a write-ahead log the loss of a process loses nothing, and a power cut at most the last
/// commits, never the file's consistency. The lost rows are copies, and a page commits together with the coverage that
/// records it, so the next import or sync restores them. `FULL` would cost a flush per page.
fn connect(path: &Path, cache: usize) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA page_size = {PAGE_SIZE};"))?;
    write_ahead(&connection)?;
    // Deleted or replaced content is overwritten, in pages that stay in use and in those that become free.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")?;
    connection.execute_batch(&format!("PRAGMA cache_size = -{cache};"))?;
    // One plan per statement: otherwise SQLite plans again whenever a bound value changes, `LIMIT` included, and that
    // costs more than reading the rows.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Turns the write-ahead log on. If several connections do so to a new file at once, SQLite rejects all but one,
/// without the busy timeout that applies everywhere else; a rejected one retries.
#[expect(clippy::disallowed_methods, reason = "this waits on a thread of its own")]
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let patience = Duration::from_millis(BUSY_TIMEOUT_MS.into());
    let start = Instant::now();
    loop {
        match connection.execute_batch("PRAGMA journal_mode = WAL") {
            Err(error) if is_busy(&error) && start.elapsed() < patience => thread::sleep(Duration::from_millis(5)),
            outcome => return outcome,
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    #[instrument(name = "db.read", level = "debug", skip_all, err(level = "trace"))]
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        Ok(Box::new(SqlUnit(Unit::read(&self.readers).await?)))
    }

    #[instrument(name = "db.begin", level = "debug", skip_all, err(level = "trace"))]
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(SqlUnit(Unit::write(&self.writer, &self.appended).await?)))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        let schema_version = Unit::read(&self.readers).await?.run(migrate::newest).await?;
        Ok(StoreStatus { store: "sqlite", server_version: rusqlite::version().to_owned(), schema_version })
    }

    async fn appended(&self) {
        self.appended.next().await;
    }

    fn commits(&self) -> u64 {
        self.appended.commits()
    }

    async fn purge(&self) -> Result<(), StoreError> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        let cut = move || writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        let busy = spawn_blocking(cut).await.map_err(|error| StoreError::Backend(error.into()))?;
        if busy.map_err(error::store_error)? {
            Err(StoreError::Unavailable("readers keep the log in use".into()))
        } else {
            Ok(())
        }
    }

    async fn run(&self, work: BoxFuture<'static, ()>) {
        // The semaphore is never closed; if it were, the work would be dropped, as when the runtime ends.
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return };
        let runtime = Handle::current();
        let work = async move {
            work.await;
            drop(turn);
        };
        let work = spawn_blocking(move || runtime.block_on(MAY_BLOCK.scope((), work)));
        if let Err(error) = work.await {
            tracing::error!(error = &error as &dyn std::error::Error, "store task panicked");
        }
    }
}

#[cfg(test)]
mod tests;
