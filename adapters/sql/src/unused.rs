//! Files whose bytes are to be removed.

use async_trait::async_trait;
use domain::media::{ContentHash, UnusedFile};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::unused::UnusedFileRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait UnusedFileStatements: Session {
    /// Lists the files whose bytes are not removed.
    const LIST: &'static str;
    /// Finds the entries of files of a tenant, and locks them.
    const FIND: &'static str;
    /// Finds a file of a tenant by its hash.
    const FIND_USE: &'static str;
    /// Records that the bytes of a file are removed.
    const RECORD_REMOVED: &'static str;
    /// Removes the entry of a file.
    const DELETE: &'static str;
    /// Removes entries of files whose bytes were removed before a time.
    const FORGET_REMOVED: &'static str;
}

impl FromRow for UnusedFile {
    const TABLE: &'static str = "unused_files";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { tenant: TenantId(row.uuid("tenant_id")?), hash: row.parse("hash")? })
    }
}

/// An entry.
struct Entry {
    hash: ContentHash,
    removed_at: Option<Timestamp>,
}

impl FromRow for Entry {
    const TABLE: &'static str = UnusedFile::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { hash: row.parse("hash")?, removed_at: row.optional_time("removed_at")? })
    }
}

/// A message that has a file.
struct Use;

impl FromRow for Use {
    const TABLE: &'static str = "media";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.bits("message_id").map(|_| Self)
    }
}

/// Returns the parameters of the statements about a file.
fn parameters(UnusedFile { tenant, hash }: UnusedFile) -> Parameters<'static> {
    parameters! { "tenant_id" => tenant.0, "hash" => hash.to_string() }
}

/// Returns the entries of files, ascending, and locks them.
async fn find<U: UnusedFileStatements>(
    unit: &mut U,
    tenant: TenantId,
    hashes: &[ContentHash],
) -> Result<Vec<Entry>, StoreError> {
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let keys = hashes.iter().map(|hash| values![hash.to_string()]).collect();
    let mut found: Vec<Entry> = unit.select_each(U::FIND, Some(tenant.0.into()), keys).await?;
    found.sort_unstable_by_key(|entry| entry.hash);
    found.dedup_by_key(|entry| entry.hash);
    Ok(found)
}

#[async_trait]
impl<U: UnusedFileStatements> UnusedFileRepository for SqlUnit<U> {
    #[instrument(name = "db.unused_file.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, limit: u32) -> Result<Vec<UnusedFile>, StoreError> {
        self.0.select(U::LIST, parameters! { "limit" => limit }).await
    }

    #[instrument(name = "db.unused_file.is_removable", level = "debug", skip_all, err(level = "trace"))]
    async fn is_removable(&mut self, file: UnusedFile) -> Result<bool, StoreError> {
        if find(&mut self.0, file.tenant, &[file.hash]).await?.is_empty() {
            return Ok(false);
        }
        Ok(self.0.select_one::<Use>(U::FIND_USE, parameters(file)).await?.is_none())
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

    #[instrument(name = "db.unused_file.reclaim", level = "debug", skip_all, err(level = "trace"))]
    async fn reclaim(&mut self, tenant: TenantId, hashes: &[ContentHash]) -> Result<Vec<ContentHash>, StoreError> {
        let mut removed = Vec::new();
        for Entry { hash, removed_at } in find(&mut self.0, tenant, hashes).await? {
            self.0.execute(U::DELETE, parameters(UnusedFile { tenant, hash })).await?;
            removed.extend(removed_at.map(|_| hash));
        }
        Ok(removed)
    }

    #[instrument(name = "db.unused_file.forget_removed", level = "debug", skip_all, err(level = "trace"))]
    async fn forget_removed(&mut self, before: Timestamp) -> Result<(), StoreError> {
        self.0.execute(U::FORGET_REMOVED, parameters! { "before" => before }).await.map(drop)
    }
}
