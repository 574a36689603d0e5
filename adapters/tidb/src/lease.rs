//! Leases.

use adapter_sql::lease::lease;
use adapter_sql::sql;
use async_trait::async_trait;
use domain::lease::{Fence, Lease};
use mysql_async::{Params, params};
use ports::error::StoreError;
use ports::lease::LeaseRepository;
use tracing::instrument;

use crate::error::{DUPLICATE_KEY, code, store_error};
use crate::row::{datetime, of};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {lease}
    FROM leases
    WHERE lease_name = :lease_name
"};

const INSERT: &str = sql! {r"
    INSERT INTO leases (lease_name, {lease})
    VALUES (:lease_name, {:lease})
"};

const UPDATE: &str = r"
    UPDATE leases
    SET holder = :holder, fence = :fence, expires_at = :expires_at
    WHERE lease_name = :lease_name
        AND fence = :expected
";

fn parameters(name: &str, lease: &Lease) -> Params {
    params! {
        "lease_name" => name,
        "holder" => lease.holder.as_str(),
        "fence" => lease.fence.get(),
        "expires_at" => datetime(lease.expires_at),
    }
}

#[async_trait]
impl LeaseRepository for Unit {
    #[instrument(name = "db.lease.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, name: &str) -> Result<Option<Lease>, StoreError> {
        self.row(FIND, params! { "lease_name" => name }, of("leases", lease)).await
    }

    #[instrument(name = "db.lease.replace", level = "debug", skip_all, err(level = "trace"))]
    async fn replace(&mut self, name: &str, expected: Option<Fence>, lease: &Lease) -> Result<bool, StoreError> {
        let Some(expected) = expected else {
            return match self.attempt(INSERT, parameters(name, lease)).await? {
                Ok(rows) => Ok(rows == 1),
                Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(false),
                Err(error) => Err(self.given_up(store_error(&error))),
            };
        };
        let parameters = params! {
            "lease_name" => name,
            "holder" => lease.holder.as_str(),
            "fence" => lease.fence.get(),
            "expires_at" => datetime(lease.expires_at),
            "expected" => expected.get(),
        };
        self.run(UPDATE, parameters).await.map(|rows| rows == 1)
    }
}
