//! The transaction of a store, as the repositories of this library use it.

use std::future::Future;

use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::Columns;
use crate::values::{Parameters, Value};

/// A value that one row has.
pub trait FromRow: Sized + Send + 'static {
    /// The table, for errors.
    const TABLE: &'static str;

    /// Returns the value of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError>;
}

/// The transaction of one unit of work or snapshot.
pub trait Session: Send {
    /// The driver's error for a rejected statement.
    type Error: Send;

    /// Returns the rows that `sql` selects.
    fn select<T: FromRow>(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// Returns the rows that `sql` selects for each of `keys`, in any order, maybe repeatedly. The parameters of the
    /// statement are the values of `owner`, if there is one, and of a key, in this order.
    fn select_each<T: FromRow, const N: usize>(
        &mut self,
        sql: &'static str,
        owner: Option<Value<'static>>,
        keys: Vec<[Value<'static>; N]>,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// Locks the row that `sql` selects, in a unit of work, so that no other unit replaces it before this one ends. A
    /// store with one writer at a time has nothing to lock.
    fn lock(
        &mut self,
        _sql: Option<&'static str>,
        _parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Locks a channel like [`Session::lock`], before the rows that belong to it.
    ///
    /// Fails with [`StoreError::Missing`] if the store has to lock it and it is not stored.
    fn lock_channel(&mut self, _channel: ChannelId) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Executes `sql`; returns the number of rows that it inserted, found to update, or deleted, or the driver's error
    /// for the caller to interpret.
    fn attempt(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Result<u64, Self::Error>, StoreError>> + Send;

    /// Executes `sql` for each of `batch`, whose rows belong to an `owner`.
    ///
    /// Fails with [`StoreError::Missing`] if the owner is not stored.
    fn execute_all(
        &mut self,
        owner: &'static str,
        sql: &'static str,
        batch: Vec<Parameters<'_>>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Returns whether a row was rejected because its key or name is taken.
    fn is_taken(error: &Self::Error) -> bool;

    /// Returns whether a row was rejected because a row that it refers to is missing.
    fn is_missing(error: &Self::Error) -> bool;

    /// Returns the error for a rejected statement.
    fn failed(&mut self, error: Self::Error) -> StoreError;

    /// Returns the error for a key that was taken after the same unit had found it free.
    fn lost_race(&mut self, error: Self::Error) -> StoreError {
        self.failed(error)
    }

    /// Records that `name` is free, if nothing was found under it. A store with one writer at a time need not know.
    fn note_free<T>(&mut self, _name: String, found: Option<T>) -> Option<T> {
        found
    }

    /// Returns the error for a name of `names` that is taken.
    fn taken(&mut self, _names: &[String], what: &'static str, _error: Self::Error) -> StoreError {
        StoreError::Duplicate { what }
    }

    /// Adds changes of a tenant to those of the unit, which its commit appends to the change log.
    fn log(&mut self, tenant: TenantId, kinds: impl IntoIterator<Item = ChangeKind>);

    /// Adds changes of a channel to those of the unit. A channel that is not stored has none.
    fn log_in(
        &mut self,
        channel: ChannelId,
        kinds: impl IntoIterator<Item = ChangeKind, IntoIter: Send> + Send,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells the unit the tenant of a channel, which never changes.
    fn know_tenant(&mut self, _channel: ChannelId, _tenant: TenantId) {}

    /// Collects the statements of the reads that follow instead of running them, until
    /// [`Session::run_collected`]: each returns no rows, or those that it has returned to the last collection. Returns
    /// false if the store does not run statements together, or collects them already.
    fn collect(&mut self) -> bool {
        false
    }

    /// Runs the collected statements in one round trip, if there are several. Their rows are returned when they are
    /// selected again.
    fn run_collected(&mut self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Returns the only row that `sql` selects.
    fn select_one<T: FromRow>(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        async move { Ok(self.select(sql, parameters).await?.pop()) }
    }

    /// Executes `sql`; returns the number of rows that it inserted, found to update, or deleted.
    fn execute(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        async move { self.attempt(sql, parameters).await?.map_err(|error| self.failed(error)) }
    }
}
