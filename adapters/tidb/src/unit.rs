//! A transaction for reading and writing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use adapter_sql::appended::Appended;
use adapter_sql::unit::StoreUnit;
use domain::change::{Change, distinct};
use domain::channel::ChannelId;
use domain::lease::Fence;
use domain::tenant::TenantId;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Pool, Row, Value};
use ports::error::StoreError;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::instrument;

use crate::batch::{MOST_BYTES, pieces, size, with_rows, with_values};
use crate::channel::LockedChannel;
use crate::error::{commit_error, no_answer, store_error};
use crate::pool::{READ_LIMIT, ROLLBACK_LIMIT, WRITE_LIMIT, begin, within};

const BEGIN: &str = "START TRANSACTION";
const SNAPSHOT: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

/// A connection with a transaction: a snapshot to read, or a unit of work. Dropping it rolls back.
pub(crate) struct Unit {
    /// A connection with an open transaction; `None` after its end: committed, or ended by the server. It returns to the
    /// pool only without a transaction, which the next one on it would commit.
    connection: Option<Conn>,
    /// The time limit of a statement.
    limit: Duration,
    /// Whether it may write.
    pub(crate) writes: bool,
    /// Ids and slugs that it looked up and found free. If one of them is taken when it is to be stored, another unit
    /// was faster, and the retry sees that unit's rows.
    pub(crate) free: HashSet<String>,
    /// The tenants of channels, which never change.
    pub(crate) tenants: HashMap<ChannelId, TenantId>,
    /// The channel that was locked last, as it was read then, until the unit writes anything.
    pub(crate) locked: Option<LockedChannel>,
    /// The fences to raise: with the next update of the channel, or by the commit. Until the unit ends, the lock of the
    /// channel keeps out every other unit that compares or raises its fence.
    pub(crate) fences: BTreeMap<ChannelId, Fence>,
    /// Statements whose responses the unit does not need, with their values: sent before its next statement, or in one
    /// packet with its commit, which saves round trips while the change log is locked.
    deferred: Vec<String>,
    /// The statements that are collected; `None` while statements run as they come.
    pub(crate) collected: Option<Vec<String>>,
    /// The rows of statements that have run before they are selected.
    ready: HashMap<String, Vec<Row>>,
    /// The changes for the change log, which are numbered and appended by the commit.
    pub(crate) changes: Vec<Change>,
    /// Counts the commits that append to the change log; `None` in a snapshot.
    appended: Option<Arc<Appended>>,
}

impl Unit {
    /// Opens a snapshot. `TiDB` takes it when the transaction begins; `MariaDB` does so on request.
    pub(crate) async fn read(pool: &Pool) -> Result<Self, StoreError> {
        Ok(Self::new(begin(pool, SNAPSHOT).await?, READ_LIMIT, None))
    }

    /// Begins a unit of work on a connection of the pool for units.
    pub(crate) async fn write(pool: &Pool, appended: &Arc<Appended>) -> Result<Self, StoreError> {
        Ok(Self::new(begin(pool, BEGIN).await?, WRITE_LIMIT, Some(Arc::clone(appended))))
    }

    fn new(connection: Conn, limit: Duration, appended: Option<Arc<Appended>>) -> Self {
        Self {
            connection: Some(connection),
            limit,
            writes: appended.is_some(),
            free: HashSet::new(),
            tenants: HashMap::new(),
            locked: None,
            fences: BTreeMap::new(),
            deferred: Vec::new(),
            collected: None,
            ready: HashMap::new(),
            changes: Vec::new(),
            appended,
        }
    }

    /// Returns the rows that `sql` selects, each converted by `make`.
    pub(crate) async fn rows<T>(
        &mut self,
        sql: &str,
        parameters: impl Into<Params>,
        make: impl Fn(Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let parameters = parameters.into();
        if let Some(rows) = self.ready(sql, &parameters) {
            return rows.into_iter().map(make).collect();
        }
        self.send_deferred().await?;
        let limit = self.limit;
        let connection = self.connection()?;
        let rows = within(limit, connection.exec::<Row, _, _>(sql, parameters), store_error).await;
        rows.map_err(|error| self.given_up(error))?.into_iter().map(make).collect()
    }

    /// Passes on the rows that `sql` selects, one by one as they arrive, while `goes_on` returns true. The server's
    /// other rows are read and dropped.
    pub(crate) async fn rows_while(
        &mut self,
        sql: &str,
        parameters: impl Into<Params>,
        mut goes_on: impl FnMut(Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let parameters = parameters.into();
        if let Some(rows) = self.ready(sql, &parameters) {
            for row in rows {
                if !goes_on(row)? {
                    break;
                }
            }
            return Ok(());
        }
        self.send_deferred().await?;
        let limit = self.limit;
        let connection = self.connection()?;
        let read = async {
            let mut rows = connection.exec_iter(sql, parameters).await?;
            while let Some(row) = rows.next().await? {
                match goes_on(row) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        rows.drop_result().await?;
                        return Ok(Err(error));
                    }
                }
            }
            rows.drop_result().await?;
            Ok(Ok(()))
        };
        let read = within(limit, read, store_error).await;
        read.map_err(|error| self.given_up(error))?
    }

    /// Returns the only row that `sql` selects, converted by `make`.
    pub(crate) async fn row<T>(
        &mut self,
        sql: &str,
        parameters: impl Into<Params>,
        make: impl Fn(Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(sql, parameters, make).await?.pop())
    }

    /// Runs `sql`; returns the number of rows that it inserted, found to update, or deleted.
    pub(crate) async fn run(&mut self, sql: &str, parameters: impl Into<Params>) -> Result<u64, StoreError> {
        self.attempt(sql, parameters).await?.map_err(|error| self.given_up(store_error(&error)))
    }

    /// Runs `sql`, and returns the server's error for the caller to interpret.
    pub(crate) async fn attempt(
        &mut self,
        sql: &str,
        parameters: impl Into<Params>,
    ) -> Result<mysql_async::Result<u64>, StoreError> {
        self.send_deferred().await?;
        self.locked = None;
        let parameters = parameters.into();
        let limit = self.limit;
        let connection = self.connection()?;
        let run = async {
            connection.exec_drop(sql, parameters).await?;
            Ok(connection.affected_rows())
        };
        timeout(limit, run).await.map_err(|_| self.given_up(no_answer(limit)))
    }

    /// Runs `sql` with the next statement or with the commit.
    pub(crate) fn defer(&mut self, sql: &str, parameters: &Params) {
        self.locked = None;
        self.deferred.push(with_values(sql, parameters));
    }

    /// Runs statements of `head` and the rows with the next statement or with the commit. Their values are a part
    /// of the text: a statement for so many rows would be prepared for this number of rows alone. A text that gets long
    /// is sent before.
    pub(crate) async fn defer_rows<const N: usize>(
        &mut self,
        head: &str,
        rows: &[[Value; N]],
    ) -> Result<(), StoreError> {
        for piece in pieces(rows, size) {
            let waiting: usize = self.deferred.iter().map(String::len).sum();
            if waiting + piece.iter().map(size).sum::<usize>() > MOST_BYTES {
                self.send_deferred().await?;
            }
            self.defer(&with_rows(head, piece, ""), &Params::Empty);
        }
        Ok(())
    }

    async fn send_deferred(&mut self) -> Result<(), StoreError> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        let sql = std::mem::take(&mut self.deferred).join(";\n");
        let limit = self.limit;
        let connection = self.connection()?;
        let sent = within(limit, connection.query_drop(sql), store_error).await;
        sent.map_err(|error| self.given_up(error))
    }

    /// Returns the rows of a statement, if it has run, or else collects it, if statements are collected.
    fn ready(&mut self, sql: &str, parameters: &Params) -> Option<Vec<Row>> {
        if let Some(collected) = &mut self.collected {
            let statement = with_values(sql, parameters);
            if let Some(rows) = self.ready.get(&statement) {
                return Some(rows.clone());
            }
            collected.push(statement);
            return Some(Vec::new());
        }
        if self.ready.is_empty() { None } else { self.ready.remove(&with_values(sql, parameters)) }
    }

    /// Runs the collected statements as one text, which is one round trip. A single one runs when it is called: prepared,
    /// which costs the server half as much.
    pub(crate) async fn run_collected(&mut self) -> Result<(), StoreError> {
        let mut collected = self.collected.take().unwrap_or_default();
        collected.sort_unstable();
        collected.dedup();
        if collected.len() < 2 {
            return Ok(());
        }
        let (sql, limit) = (collected.join(";\n"), self.limit);
        let connection = self.connection()?;
        let read = async {
            let mut results = connection.query_iter(sql).await?;
            let mut ready = Vec::with_capacity(collected.len());
            for statement in collected {
                ready.push((statement, results.collect::<Row>().await?));
            }
            results.drop_result().await?;
            Ok(ready)
        };
        let read = within(limit, read, store_error).await;
        let read = read.map_err(|error| self.given_up(error))?;
        self.ready.extend(read);
        Ok(())
    }

    /// Ends the unit if the server may have ended the transaction: later statements would be committed one by one.
    pub(crate) fn given_up(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Aborted(_) | StoreError::Unavailable(_)) {
            roll_back(self.connection.take());
        }
        error
    }

    fn connection(&mut self) -> Result<&mut Conn, StoreError> {
        let usable = self.connection.as_mut().filter(|connection| !connection.is_disconnected());
        usable.ok_or_else(|| StoreError::Aborted(Box::new(GivenUp)))
    }
}

/// The error of a unit that is used after the store ended it.
#[derive(Debug, thiserror::Error)]
#[error("the unit was abandoned before")]
struct GivenUp;

impl StoreUnit for Unit {
    #[instrument(name = "db.commit", level = "debug", skip_all, err(level = "trace"))]
    async fn commit(mut self) -> Result<(), StoreError> {
        self.raise_fences();
        let changes = distinct(std::mem::take(&mut self.changes));
        self.append(&changes);
        self.deferred.push("COMMIT".to_owned());
        let sql = std::mem::take(&mut self.deferred).join(";\n");
        let _commit = self.appended.as_ref().filter(|_| !changes.is_empty()).map(Appended::commit);
        // If the response to any of them is lost, the commit may still have happened.
        within(WRITE_LIMIT, self.connection()?.query_drop(sql), commit_error).await?;
        drop(self.connection.take());
        Ok(())
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        roll_back(self.connection.take());
    }
}

/// Rolls back in the background, and closes the connection if that gets no response: by itself, the pool would wait for
/// the response for ever and have one connection less.
///
/// A connection that is lost, or on which a response is still pending, is closed at once: the next request on it would
/// take that response for its own, and so would every later user of the connection.
fn roll_back(connection: Option<Conn>) {
    let Some(mut connection) = connection.filter(|connection| !connection.is_disconnected()) else { return };
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if !matches!(timeout(ROLLBACK_LIMIT, connection.query_drop("ROLLBACK")).await, Ok(Ok(()))) {
                tracing::debug!("connection lost before rollback");
                timeout(ROLLBACK_LIMIT, connection.disconnect()).await.ok();
            }
        });
    }
}
