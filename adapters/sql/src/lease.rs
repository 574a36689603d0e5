//! Leases.

use async_trait::async_trait;
use domain::lease::{Fence, Holder, Lease};
use ports::error::StoreError;
use ports::lease::LeaseRepository;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait LeaseStatements: Session {
    /// Finds a lease.
    const FIND: &'static str;
    /// Stores a new lease.
    const INSERT: &'static str;
    /// Replaces the lease that has the expected fence.
    const UPDATE: &'static str;
    /// Removes a lease.
    const DELETE: &'static str;
}

impl FromRow for Lease {
    const TABLE: &'static str = "leases";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let holder = row.check("holder", Holder::new)?;
        let number: u64 = row.number("fence")?;
        let fence = Fence::new(number).ok_or_else(|| row.corrupt("fence", ValueError::Together))?;
        Ok(Self { holder, fence, expires_at: row.time("expires_at")? })
    }
}

#[async_trait]
impl<U: LeaseStatements> LeaseRepository for SqlUnit<U> {
    #[instrument(name = "db.lease.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, name: &str) -> Result<Option<Lease>, StoreError> {
        self.0.select_one(U::FIND, parameters! { "lease_name" => name }).await
    }

    #[instrument(name = "db.lease.replace", level = "debug", skip_all, err(level = "trace"))]
    async fn replace(&mut self, name: &str, expected: Option<Fence>, lease: &Lease) -> Result<bool, StoreError> {
        let sql = if expected.is_some() { U::UPDATE } else { U::INSERT };
        let parameters = parameters! {
            "lease_name" => name,
            "holder" => lease.holder.as_str(),
            "fence" => lease.fence.get(),
            "expires_at" => lease.expires_at,
            "expected" => expected.map(Fence::get),
        };
        match self.0.attempt(sql, parameters).await? {
            Ok(rows) => Ok(rows == 1),
            Err(error) if U::is_taken(&error) => Ok(false),
            Err(error) => Err(self.0.failed(error)),
        }
    }
    #[instrument(name = "db.lease.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, name: &str) -> Result<(), StoreError> {
        self.0.execute(U::DELETE, parameters! { "lease_name" => name }).await?;
        Ok(())
    }
}
