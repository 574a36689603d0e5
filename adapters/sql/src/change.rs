//! The change log.

use async_trait::async_trait;
use domain::change::{Bookmark, Change, ChangeKind, ChangePosition, Followed, LogExtent, NumberedChange, Partition};
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::change::ChangeRepository;
use ports::error::StoreError;
use tracing::instrument;
use uuid::Uuid;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait ChangeStatements: Session {
    /// Lists the extents of the partitions.
    const EXTENT: &'static str;
    /// Lists the changes after a number and up to another.
    const LIST: &'static str;
    /// Finds the first change of an interval of numbers that is too recent to be trimmed.
    const FIND_YOUNG: &'static str;
    /// Removes an interval of numbers.
    const DELETE: &'static str;
    /// Sets the number of the first change of a partition, unless another process did so.
    const SET_FIRST: &'static str;
    /// Finds the bookmark of a reader.
    const FIND_BOOKMARK: &'static str;
    /// Stores the bookmark of a reader.
    const UPSERT_BOOKMARK: &'static str;
}

/// A partition and the epoch of its numbers.
struct StoredPartition(Uuid, Partition);

impl FromRow for StoredPartition {
    const TABLE: &'static str = "change_log_extent";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let epoch = row.uuid("epoch")?;
        Ok(Self(epoch, Partition { first: row.number("first_change_id")?, last: row.number("last_change_id")? }))
    }
}

/// Returns the error for a log whose extent is not stored.
#[must_use]
pub fn no_extent() -> StoreError {
    StoreError::Corrupt { table: StoredPartition::TABLE, column: "extent_id", source: ValueError::Null.into() }
}

/// Returns the id of the row of a partition.
#[must_use]
pub fn extent_id(partition: u8) -> u64 {
    u64::from(partition) + 1
}

impl FromRow for NumberedChange {
    const TABLE: &'static str = "change_log";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let (number, tenant_id) = (row.number("change_id")?, TenantId(row.uuid("tenant_id")?));
        let subject = row.optional_uuid("channel_id")?;
        let kind: u8 = row.number("kind")?;
        let interval = row.optional_interval()?;
        let kind = ChangeKind::from_stored(kind, subject, interval)
            .ok_or_else(|| row.corrupt("kind", ValueError::Number(kind.into())))?;
        Ok(Self { number, change: Change { tenant_id, kind } })
    }
}

/// The number of a change.
struct ChangeNumber(u64);

impl FromRow for ChangeNumber {
    const TABLE: &'static str = NumberedChange::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.number("change_id").map(Self)
    }
}

impl FromRow for Bookmark {
    const TABLE: &'static str = "bookmarks";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { position: ChangePosition::from_text(row.text("position")?), due_at: row.time("due_at")? })
    }
}

impl<U: ChangeStatements> SqlUnit<U> {
    async fn extent(&mut self) -> Result<LogExtent, StoreError> {
        let stored: Vec<StoredPartition> = self.0.select(U::EXTENT, Vec::new()).await?;
        let epoch = stored.first().ok_or_else(no_extent)?.0;
        let mut partitions: Vec<_> = stored.into_iter().map(|StoredPartition(_, partition)| partition).collect();
        partitions.sort_unstable_by_key(Partition::number);
        Ok(LogExtent { epoch, partitions })
    }

    /// Removes the oldest changes of a partition; returns the number removed.
    async fn trim_partition(
        &mut self,
        partition: Partition,
        before: Timestamp,
        kept: u64,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let Some(last) = partition.trimmable(kept, limit) else { return Ok(0) };
        let first = partition.first;
        let parameters = parameters! { "first" => first, "last" => last, "before" => before };
        let young = self.0.select_one(U::FIND_YOUNG, parameters).await?;
        let next = young.map_or(last + 1, |ChangeNumber(number)| number);
        if next <= first {
            return Ok(0);
        }
        self.0.execute(U::DELETE, parameters! { "first" => first, "last" => next - 1 }).await?;
        // Another process that trimmed at the same time has removed the same changes.
        let extent = extent_id(partition.number());
        let parameters = parameters! { "extent_id" => extent, "first" => first, "next" => next };
        let raised = self.0.execute(U::SET_FIRST, parameters).await?;
        Ok(if raised == 1 { next - first } else { 0 })
    }
}

#[async_trait]
impl<U: ChangeStatements> ChangeRepository for SqlUnit<U> {
    #[instrument(name = "db.change.position", level = "debug", skip_all, err(level = "trace"))]
    async fn position(&mut self) -> Result<ChangePosition, StoreError> {
        Ok(self.extent().await?.end())
    }

    #[instrument(name = "db.change.follow", level = "debug", skip_all, err(level = "trace"))]
    async fn follow(&mut self, position: &ChangePosition, limit: u32) -> Result<Followed, StoreError> {
        let extent = self.extent().await?;
        let unread = extent.unread(position, limit);
        let keys = unread.iter().flatten().filter(|unread| unread.to > unread.after);
        let keys = keys.map(|unread| [unread.after.into(), unread.to.into()]).collect();
        let mut found: Vec<NumberedChange> = self.0.select_each(U::LIST, None, keys).await?;
        found.sort_unstable_by_key(|found| found.number);
        found.dedup_by_key(|found| found.number);
        Ok(extent.answer(unread.as_deref(), found))
    }

    #[instrument(name = "db.change.record_erasure", level = "debug", skip_all, err(level = "trace"))]
    async fn record_erasure(&mut self, tenant: TenantId, author: Pseudonym) -> Result<(), StoreError> {
        self.0.log(tenant, [ChangeKind::AuthorErased { author }]);
        Ok(())
    }

    #[instrument(name = "db.change.trim", level = "debug", skip_all, err(level = "trace"))]
    async fn trim(&mut self, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError> {
        for partition in self.extent().await?.partitions {
            let removed = self.trim_partition(partition, before, kept, limit).await?;
            if removed > 0 {
                return Ok(removed);
            }
        }
        Ok(0)
    }

    #[instrument(name = "db.change.bookmark", level = "debug", skip_all, err(level = "trace"))]
    async fn bookmark(&mut self, reader: &str) -> Result<Option<Bookmark>, StoreError> {
        self.0.select_one(U::FIND_BOOKMARK, parameters! { "reader" => reader }).await
    }

    #[instrument(name = "db.change.store_bookmark", level = "debug", skip_all, err(level = "trace"))]
    async fn store_bookmark(&mut self, reader: &str, bookmark: &Bookmark) -> Result<(), StoreError> {
        let parameters = parameters! {
            "reader" => reader,
            "position" => bookmark.position.as_text(),
            "due_at" => bookmark.due_at,
        };
        self.0.execute(U::UPSERT_BOOKMARK, parameters).await.map(drop)
    }
}
