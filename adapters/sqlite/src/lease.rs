//! Leases.

use adapter_sql::lease::lease;
use adapter_sql::sql;
use async_trait::async_trait;
use domain::lease::{Fence, Lease};
use ports::error::StoreError;
use ports::lease::LeaseRepository;
use rusqlite::named_params;
use tracing::instrument;

use crate::error::store_error;
use crate::row::{execute, millis, query_one};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {lease}
    FROM leases
    WHERE lease_name = :lease_name
"};

const INSERT: &str = sql! {r"
    INSERT INTO leases (lease_name, {lease})
    VALUES (:lease_name, {:lease})
    ON CONFLICT (lease_name) DO NOTHING
"};

const UPDATE: &str = r"
    UPDATE leases
    SET holder = :holder, fence = :fence, expires_at = :expires_at
    WHERE lease_name = :lease_name
        AND fence = :expected
";

#[async_trait]
impl LeaseRepository for Unit {
    #[instrument(name = "db.lease.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, name: &str) -> Result<Option<Lease>, StoreError> {
        let name = name.to_owned();
        self.run(move |connection| {
            query_one(connection, "leases", FIND, named_params! {":lease_name": name}, |row| lease(row))
        })
        .await
    }

    #[instrument(name = "db.lease.replace", level = "debug", skip_all, err(level = "trace"))]
    async fn replace(&mut self, name: &str, expected: Option<Fence>, lease: &Lease) -> Result<bool, StoreError> {
        let (name, lease) = (name.to_owned(), lease.clone());
        self.run(move |connection| {
            let (holder, fence, expires_at) = (lease.holder.as_str(), lease.fence.get(), millis(lease.expires_at));
            let stored = match expected.map(Fence::get) {
                None => execute(
                    connection,
                    INSERT,
                    named_params! {
                        ":lease_name": name, ":holder": holder, ":fence": fence, ":expires_at": expires_at,
                    },
                ),
                Some(expected) => execute(
                    connection,
                    UPDATE,
                    named_params! {
                        ":lease_name": name, ":holder": holder, ":fence": fence, ":expires_at": expires_at,
                        ":expected": expected,
                    },
                ),
            };
            stored.map(|rows| rows == 1).map_err(store_error)
        })
        .await
    }
}
