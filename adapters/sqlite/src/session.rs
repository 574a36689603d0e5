//! The unit as the repositories of all stores use it. Each call runs on the blocking pool, a batch in one go.

use adapter_sql::session::{FromRow, Session};
use adapter_sql::values::{Parameters, Value};
use domain::change::{Change, ChangeKind};
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use ports::error::StoreError;
use rusqlite::Connection;

use crate::change;
use crate::error::{is_missing, is_taken, owned_error, store_error};
use crate::row::{select, select_each, store};
use crate::unit::Unit;

/// Returns parameters that another thread can use.
fn owned(parameters: Parameters<'_>) -> Parameters<'static> {
    parameters.into_iter().map(|(name, value)| (name, value.into_owned())).collect()
}

/// Executes a statement for each of `batch`; returns the number of rows that it changed.
fn store_all(connection: &Connection, sql: &str, batch: Vec<Parameters<'_>>) -> rusqlite::Result<u64> {
    batch.into_iter().map(|parameters| store(connection, sql, parameters).map(|rows| rows as u64)).sum()
}

impl Session for Unit {
    type Error = rusqlite::Error;

    async fn select<T: FromRow>(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<T>, StoreError> {
        let parameters = owned(parameters);
        self.run(move |connection| select(connection, sql, parameters)).await
    }

    async fn select_each<T: FromRow, const N: usize>(
        &mut self,
        sql: &'static str,
        owner: Option<Value<'static>>,
        keys: Vec<[Value<'static>; N]>,
    ) -> Result<Vec<T>, StoreError> {
        self.run(move |connection| select_each(connection, sql, owner.as_ref(), keys)).await
    }

    async fn attempt(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Result<u64, rusqlite::Error>, StoreError> {
        let batch = vec![owned(parameters)];
        self.run(move |connection| Ok(store_all(connection, sql, batch))).await
    }

    async fn execute_all(
        &mut self,
        owner: &'static str,
        sql: &'static str,
        batch: Vec<Parameters<'_>>,
    ) -> Result<u64, StoreError> {
        let batch = batch.into_iter().map(owned).collect();
        self.run(move |connection| store_all(connection, sql, batch).map_err(|error| owned_error(owner, error))).await
    }

    fn is_taken(error: &rusqlite::Error) -> bool {
        is_taken(error)
    }

    fn is_missing(error: &rusqlite::Error) -> bool {
        is_missing(error)
    }

    fn failed(&mut self, error: rusqlite::Error) -> StoreError {
        store_error(error)
    }

    fn log(&mut self, tenant_id: TenantId, kinds: impl IntoIterator<Item = ChangeKind>) {
        self.changes.extend(kinds.into_iter().map(|kind| Change { tenant_id, kind }));
    }

    async fn log_in(
        &mut self,
        channel: ChannelId,
        kinds: impl IntoIterator<Item = ChangeKind, IntoIter: Send> + Send,
    ) -> Result<(), StoreError> {
        let kinds: Vec<_> = kinds.into_iter().collect();
        if kinds.is_empty() {
            return Ok(());
        }
        self.write_logged(move |connection, changes| change::log(connection, changes, channel, kinds)).await
    }
}
