//! Files whose bytes are to be removed.

use async_trait::async_trait;
use domain::media::{ContentHash, UnusedFile};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::unused::UnusedFileRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;

/// The statements of a store.
pub trait UnusedFileStatements: Session {
    /// Enters a file.
    const UPSERT: &'static str;
    /// Lists the files whose bytes are not removed.
    const LIST: &'static str;
    /// Lists the files whose bytes were removed before a time.
    const LIST_REMOVED: &'static str;
    /// Finds the entry of a file, and locks it.
    const FIND: &'static str;
    /// Records that the bytes of a file are removed.
    const RECORD_REMOVED: &'static str;
    /// Removes the entry of a file.
    const DELETE: &'static str;
}

impl FromRow for UnusedFile {
    const TABLE: &'static str = "unused_files";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { tenant: TenantId(row.uuid("tenant_id")?), hash: row.parse("hash")? })
    }
}

/// Returns the parameters of the statements about a file.
fn parameters(UnusedFile { tenant, hash }: UnusedFile) -> Parameters<'static> {
    parameters! { "tenant_id" => tenant.0, "hash" => hash.to_string() }
}

#[async_trait]
impl<U: UnusedFileStatements> UnusedFileRepository for SqlUnit<U> {
    #[instrument(name = "db.unused_file.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, hashes: &[ContentHash]) -> Result<(), StoreError> {
        let batch = hashes.iter().map(|hash| parameters(UnusedFile { tenant, hash: *hash })).collect();
        self.0.execute_all("tenant", U::UPSERT, batch).await.map(drop)
    }

    #[instrument(name = "db.unused_file.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, limit: u32) -> Result<Vec<UnusedFile>, StoreError> {
        self.0.select(U::LIST, parameters! { "limit" => limit }).await
    }

    #[instrument(name = "db.unused_file.list_removed", level = "debug", skip_all, err(level = "trace"))]
    async fn list_removed(&mut self, before: Timestamp, limit: u32) -> Result<Vec<UnusedFile>, StoreError> {
        self.0.select(U::LIST_REMOVED, parameters! { "before" => before, "limit" => limit }).await
    }

    #[instrument(name = "db.unused_file.lock", level = "debug", skip_all, err(level = "trace"))]
    async fn lock(&mut self, file: UnusedFile) -> Result<bool, StoreError> {
        Ok(self.0.select_one::<UnusedFile>(U::FIND, parameters(file)).await?.is_some())
    }

    #[instrument(name = "db.unused_file.record_removed", level = "debug", skip_all, err(level = "trace"))]
    async fn record_removed(&mut self, file: UnusedFile, now: Timestamp) -> Result<(), StoreError> {
        let mut parameters = parameters(file);
        parameters.extend(parameters! { "removed_at" => now });
        self.0.execute(U::RECORD_REMOVED, parameters).await.map(drop)
    }

    #[instrument(name = "db.unused_file.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, file: UnusedFile) -> Result<(), StoreError> {
        self.0.execute(U::DELETE, parameters(file)).await.map(drop)
    }
}
