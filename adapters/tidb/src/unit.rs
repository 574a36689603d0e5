//! A transaction for reading and writing.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use adapter_sql::columns::Columns;
use adapter_sql::unit::StoreUnit;
use domain::change::{Change, ChangeKind, distinct};
use domain::channel::ChannelId;
use domain::lease::Fence;
use domain::tenant::TenantId;
use mysql_async::prelude::Queryable;
use mysql_async::{Params, Pool, Row, Transaction, TxOpts, params};
use ports::error::StoreError;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::instrument;

use crate::channel::LockedChannel;
use crate::error::{commit_error, lost_race, no_answer, store_error};
use crate::pool::{READ_LIMIT, ROLLBACK_LIMIT, WRITE_LIMIT, begin, within};
use crate::row::of;

const TENANT: &str = r"
    SELECT tenant_id
    FROM channels
    WHERE channel_id = :channel_id
";

/// A connection with a transaction: a snapshot to read, or a unit of work. Dropping it rolls back.
pub(crate) struct Unit {
    /// `None` after its end: committed, or ended by the server.
    transaction: Option<Transaction<'static>>,
    /// The time limit of a statement.
    limit: Duration,
    /// Whether it may write.
    writes: bool,
    /// Ids and slugs that it looked up and found free. If one of them is taken when it is to be stored, another unit
    /// was faster, and the retry sees that unit's rows.
    free: HashSet<String>,
    /// The tenants of channels, which never change.
    tenants: HashMap<ChannelId, TenantId>,
    /// The channel that was locked last, as it was read then, until the unit writes anything.
    pub(crate) locked: Option<LockedChannel>,
    /// The fences to raise: with the next update of the channel, or by the commit. Until the unit ends, the lock of the
    /// channel keeps out every other unit that compares or raises its fence.
    pub(crate) fences: BTreeMap<ChannelId, Fence>,
    /// The changes for the change log, which are numbered and appended by the commit.
    changes: Vec<Change>,
    /// Notified after a commit that appended to the change log; `None` in a snapshot.
    appended: Option<Arc<Notify>>,
}

impl Unit {
    /// Opens a snapshot. `TiDB` takes it when the transaction begins; `MariaDB` does so on request.
    pub(crate) async fn read(pool: &Pool) -> Result<Self, StoreError> {
        let mut options = TxOpts::new();
        options.with_consistent_snapshot(true);
        Ok(Self::new(begin(pool, &options).await?, READ_LIMIT, None))
    }

    /// Begins a unit of work on a connection of the pool for units.
    pub(crate) async fn write(pool: &Pool, appended: &Arc<Notify>) -> Result<Self, StoreError> {
        Ok(Self::new(begin(pool, &TxOpts::new()).await?, WRITE_LIMIT, Some(Arc::clone(appended))))
    }

    fn new(transaction: Transaction<'static>, limit: Duration, appended: Option<Arc<Notify>>) -> Self {
        Self {
            transaction: Some(transaction),
            limit,
            writes: appended.is_some(),
            free: HashSet::new(),
            tenants: HashMap::new(),
            locked: None,
            fences: BTreeMap::new(),
            changes: Vec::new(),
            appended,
        }
    }

    /// Adds changes of a tenant to those of the unit.
    pub(crate) fn log(&mut self, tenant_id: TenantId, kinds: impl IntoIterator<Item = ChangeKind>) {
        self.changes.extend(kinds.into_iter().map(|kind| Change { tenant_id, kind }));
    }

    /// Adds changes of a channel to those of the unit. A channel that is not stored has none.
    pub(crate) async fn log_in(
        &mut self,
        channel: ChannelId,
        kinds: impl IntoIterator<Item = ChangeKind>,
    ) -> Result<(), StoreError> {
        if !self.tenants.contains_key(&channel) {
            let tenant = of("channels", |row| row.uuid("tenant_id").map(TenantId));
            let found = self.row(TENANT, params! { "channel_id" => channel.to_string() }, tenant).await?;
            let Some(tenant) = found else { return Ok(()) };
            self.know_tenant(channel, tenant);
        }
        self.log(self.tenants[&channel], kinds);
        Ok(())
    }

    /// Caches the tenant of a channel, which never changes.
    pub(crate) fn know_tenant(&mut self, channel: ChannelId, tenant: TenantId) {
        self.tenants.insert(channel, tenant);
    }

    /// Locks the row that `sql` selects, in a unit that may write; another unit that does the same waits until this one
    /// ends, so that a value computed from a row cannot overwrite another unit's write.
    pub(crate) async fn lock(&mut self, sql: &'static str, parameters: Params) -> Result<(), StoreError> {
        if self.writes { self.row(sql, parameters, |_| Ok(())).await.map(drop) } else { Ok(()) }
    }

    /// Records that `name` is free, if nothing was found under it.
    pub(crate) fn note_free<T>(&mut self, name: String, found: Option<T>) -> Option<T> {
        if self.writes && found.is_none() {
            self.free.insert(name);
        }
        found
    }

    /// Returns the error for a name of `names` that is taken.
    pub(crate) fn taken(&mut self, names: &[String], what: &'static str, error: &mysql_async::Error) -> StoreError {
        if names.iter().any(|name| self.free.contains(name)) {
            self.given_up(lost_race(error))
        } else {
            StoreError::Duplicate { what }
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
        let limit = self.limit;
        let transaction = self.transaction()?;
        let rows = within(limit, transaction.exec::<Row, _, _>(sql, parameters), store_error).await;
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
        let limit = self.limit;
        let transaction = self.transaction()?;
        let read = async {
            let mut rows = transaction.exec_iter(sql, parameters).await?;
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
        self.locked = None;
        let parameters = parameters.into();
        let limit = self.limit;
        let transaction = self.transaction()?;
        let run = async {
            transaction.exec_drop(sql, parameters).await?;
            Ok(transaction.affected_rows())
        };
        timeout(limit, run).await.map_err(|_| self.given_up(no_answer(limit)))
    }

    /// Ends the unit if the server may have ended the transaction: later statements would be committed one by one.
    pub(crate) fn given_up(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Aborted(_) | StoreError::Unavailable(_)) {
            roll_back(self.transaction.take());
        }
        error
    }

    fn transaction(&mut self) -> Result<&mut Transaction<'static>, StoreError> {
        let usable = self.transaction.as_mut().filter(|transaction| !transaction.is_disconnected());
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
        self.raise_fences().await?;
        let changes = distinct(std::mem::take(&mut self.changes));
        if !changes.is_empty() {
            self.append(&changes).await?;
        }
        self.transaction()?;
        let transaction = self.transaction.take().expect("it was there a moment ago");
        within(WRITE_LIMIT, transaction.commit(), commit_error).await?;
        if let Some(appended) = self.appended.as_ref().filter(|_| !changes.is_empty()) {
            appended.notify_one();
        }
        Ok(())
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        roll_back(self.transaction.take());
    }
}

/// Rolls back in the background, and closes the connection if that gets no response: by itself, the pool would wait for
/// the response for ever and have one connection less.
///
/// A connection that is lost, or on which a response is still pending, is closed at once: the next request on it would
/// take that response for its own, and so would every later user of the connection.
fn roll_back(transaction: Option<Transaction<'static>>) {
    let Some(transaction) = transaction.filter(|transaction| !transaction.is_disconnected()) else { return };
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if !matches!(timeout(ROLLBACK_LIMIT, transaction.rollback()).await, Ok(Ok(()))) {
                tracing::debug!("connection lost before rollback");
            }
        });
    }
}
