//! The unit as the repositories of all stores use it.

use adapter_sql::columns::Columns;
use adapter_sql::session::{FromRow, Session};
use adapter_sql::values::{Parameters, Value};
use domain::change::{Change, ChangeKind};
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use mysql_async::{Error, Params, Row, params};
use ports::error::StoreError;

use crate::batch::{keyed_sql, padded};
use crate::error::{DUPLICATE_KEY, NO_REFERENCED_ROW, code, lost_race, store_error};
use crate::message;
use crate::row::{NamedRow, named, of, value};
use crate::unit::Unit;

const TENANT: &str = r"
    SELECT tenant_id
    FROM channels
    WHERE channel_id = :channel_id
";

fn from_row<T: FromRow>(row: Row) -> Result<T, StoreError> {
    T::from_row(&mut NamedRow::new(T::TABLE, row))
}

impl Unit {
    /// Runs `sql`, which stores rows that belong to an `owner`; returns the number of rows.
    pub(crate) async fn run_for(
        &mut self,
        owner: &'static str,
        sql: &str,
        parameters: impl Into<Params>,
    ) -> Result<u64, StoreError> {
        match self.attempt(sql, parameters).await? {
            Ok(rows) => Ok(rows),
            Err(error) if Self::is_missing(&error) => Err(StoreError::Missing { what: owner }),
            Err(error) => Err(self.given_up(store_error(&error))),
        }
    }
}

impl Session for Unit {
    type Error = Error;

    async fn select<T: FromRow>(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<T>, StoreError> {
        self.rows(sql, named(parameters), from_row).await
    }

    async fn select_each<T: FromRow, const N: usize>(
        &mut self,
        sql: &'static str,
        owner: Option<Value<'static>>,
        keys: Vec<[Value<'static>; N]>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in padded(&keys) {
            let sql = keyed_sql::<N>(sql, keys.len());
            let parameters: Vec<_> = owner.iter().cloned().chain(keys.into_iter().flatten()).map(value).collect();
            found.extend(self.rows(&sql, parameters, from_row::<T>).await?);
        }
        Ok(found)
    }

    async fn lock(&mut self, sql: Option<&'static str>, parameters: Parameters<'_>) -> Result<(), StoreError> {
        match sql {
            Some(sql) if self.writes => self.row(sql, named(parameters), |_| Ok(())).await.map(drop),
            _ => Ok(()),
        }
    }

    async fn lock_channel(&mut self, channel: ChannelId) -> Result<(), StoreError> {
        message::lock(self, channel).await.map(drop)
    }

    async fn attempt(
        &mut self,
        sql: &'static str,
        parameters: Parameters<'_>,
    ) -> Result<Result<u64, Error>, StoreError> {
        Self::attempt(self, sql, named(parameters)).await
    }

    async fn execute_all(
        &mut self,
        owner: &'static str,
        sql: &'static str,
        batch: Vec<Parameters<'_>>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        for parameters in batch {
            rows += self.run_for(owner, sql, named(parameters)).await?;
        }
        Ok(rows)
    }

    fn collect(&mut self) -> bool {
        // A unit that writes may have to lock what it reads.
        let begins = !self.writes && self.collected.is_none();
        if begins {
            self.collected = Some(Vec::new());
        }
        begins
    }

    async fn run_collected(&mut self) -> Result<(), StoreError> {
        Self::run_collected(self).await
    }

    fn is_taken(error: &Error) -> bool {
        code(error) == Some(DUPLICATE_KEY)
    }

    fn is_missing(error: &Error) -> bool {
        code(error) == Some(NO_REFERENCED_ROW)
    }

    fn failed(&mut self, error: Error) -> StoreError {
        self.given_up(store_error(&error))
    }

    fn lost_race(&mut self, error: Error) -> StoreError {
        self.given_up(lost_race(&error))
    }

    fn note_free<T>(&mut self, name: String, found: Option<T>) -> Option<T> {
        if self.writes && found.is_none() {
            self.free.insert(name);
        }
        found
    }

    fn taken(&mut self, names: &[String], what: &'static str, error: Error) -> StoreError {
        if names.iter().any(|name| self.free.contains(name)) {
            self.lost_race(error)
        } else {
            StoreError::Duplicate { what }
        }
    }

    fn log(&mut self, tenant_id: TenantId, kinds: impl IntoIterator<Item = ChangeKind>) {
        self.changes.extend(kinds.into_iter().map(|kind| Change { tenant_id, kind }));
    }

    async fn log_in(
        &mut self,
        channel: ChannelId,
        kinds: impl IntoIterator<Item = ChangeKind, IntoIter: Send> + Send,
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

    fn know_tenant(&mut self, channel: ChannelId, tenant: TenantId) {
        self.tenants.insert(channel, tenant);
    }
}
