//! The connection of one unit, and its use on the blocking pool.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use adapter_sql::appended::Appended;
use adapter_sql::unit::StoreUnit;
use domain::change::{Change, distinct};
use ports::error::StoreError;
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tracing::instrument;

use crate::change;
use crate::error::store_error;

tokio::task_local! {
    /// Set for work that has a thread of the blocking pool to itself.
    pub(crate) static MAY_BLOCK: ();
}

/// Read-only connections, with as many permits.
pub(crate) struct Readers {
    pub(crate) idle: std::sync::Mutex<Vec<Connection>>,
    pub(crate) permits: Arc<Semaphore>,
}

/// One unit of work, or one snapshot: it owns the connection and with it the transaction.
pub(crate) struct Unit {
    /// `None` only while a statement runs, and permanently if the caller stopped waiting for it.
    lease: Option<Lease>,
    /// The changes for the change log, which are numbered and appended by the commit.
    pub(crate) changes: Vec<Change>,
    /// Counts the commits that append to the change log; `None` in a snapshot.
    appended: Option<Arc<Appended>>,
}

/// A connection inside a transaction. Dropping it rolls back and releases the connection to the next unit.
enum Lease {
    Writer(OwnedMutexGuard<Connection>),
    Reader { connection: Option<Connection>, readers: Arc<Readers>, _permit: OwnedSemaphorePermit },
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match self {
            Self::Writer(connection) => connection,
            Self::Reader { connection, .. } => connection.as_ref().expect("only a drop takes it"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_autocommit()
            && let Err(error) = self.execute_batch("ROLLBACK")
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "rollback failed");
        }
        if let Self::Reader { connection, readers, .. } = self
            && let Some(connection) = connection.take()
        {
            readers.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(connection);
        }
    }
}

impl Unit {
    /// Opens a snapshot; the transaction begins with the first statement.
    pub(crate) async fn read(readers: &Arc<Readers>) -> Result<Self, StoreError> {
        let permit =
            Arc::clone(&readers.permits).acquire_owned().await.map_err(|error| StoreError::Backend(error.into()))?;
        let idle = readers.idle.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        let connection = Some(idle.expect("a permit stands for an idle connection"));
        let lease = Lease::Reader { connection, readers: Arc::clone(readers), _permit: permit };
        Ok(Self { lease: Some(lease), changes: Vec::new(), appended: None })
    }

    /// Begins a unit that has the write lock of the database.
    pub(crate) async fn write(writer: &Arc<Mutex<Connection>>, appended: &Arc<Appended>) -> Result<Self, StoreError> {
        let lease = Lease::Writer(Arc::clone(writer).lock_owned().await);
        let mut unit = Self { lease: Some(lease), changes: Vec::new(), appended: Some(Arc::clone(appended)) };
        unit.run(|connection| connection.execute_batch("BEGIN IMMEDIATE").map_err(store_error)).await?;
        Ok(unit)
    }

    /// Runs `work` inside the transaction, with the changes of the unit so far, to which it adds its own.
    pub(crate) async fn write_logged<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Vec<Change>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut changes = std::mem::take(&mut self.changes);
        let done = self.run(move |connection| work(connection, &mut changes).map(|value| (value, changes)));
        let (value, changes) = done.await?;
        self.changes = changes;
        Ok(value)
    }

    /// Runs `work` inside the transaction, on the blocking pool.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lease = self.lease.take().ok_or_else(|| StoreError::Backend(Abandoned.into()))?;
        let run = move || {
            let begun = match &lease {
                Lease::Reader { .. } if lease.is_autocommit() => lease.execute_batch("BEGIN").map_err(store_error),
                Lease::Reader { .. } | Lease::Writer(_) => Ok(()),
            };
            let result = begun.and_then(|()| work(&lease));
            (lease, result)
        };
        let (lease, result) = if MAY_BLOCK.try_with(|()| ()).is_ok() {
            run()
        } else {
            spawn_blocking(run).await.map_err(|error| StoreError::Backend(error.into()))?
        };
        self.lease = Some(lease);
        result
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // Rolling back a writer can touch the disk; ending a snapshot cannot.
        if let Some(lease @ Lease::Writer(_)) = self.lease.take()
            && !lease.is_autocommit()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(lease));
        }
    }
}

/// The error of a caller that stopped waiting for a statement and then used its unit again.
#[derive(Debug)]
struct Abandoned;

impl fmt::Display for Abandoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the unit was abandoned in the middle of a statement")
    }
}

impl std::error::Error for Abandoned {}

impl StoreUnit for Unit {
    #[instrument(name = "db.commit", level = "debug", skip_all, err(level = "trace"))]
    async fn commit(mut self) -> Result<(), StoreError> {
        let changes = distinct(std::mem::take(&mut self.changes));
        let appends = !changes.is_empty();
        let commit = self.appended.as_ref().filter(|_| appends).map(Appended::commit);
        self.run(move |connection| {
            let _commit = commit;
            if appends {
                change::append(connection, &changes)?;
            }
            connection.execute_batch("COMMIT").map_err(store_error)
        })
        .await
    }
}
