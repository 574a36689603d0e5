//! The change log.

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed, LogExtent, NumberedChange};
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::change::ChangeRepository;
use ports::error::StoreError;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait ChangeStatements: Session {
    /// Finds the extent of the log.
    const EXTENT: &'static str;
    /// Lists the changes after a number.
    const LIST: &'static str;
    /// Finds the first change of a part of the log that is too recent to be trimmed.
    const FIND_YOUNG: &'static str;
    /// Removes a part of the log.
    const DELETE: &'static str;
    /// Sets the number of the first change, unless another process did so.
    const SET_FIRST: &'static str;
}

impl FromRow for LogExtent {
    const TABLE: &'static str = "change_log_extent";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            epoch: row.uuid("epoch")?,
            first: row.number("first_change_id")?,
            last: row.number("last_change_id")?,
        })
    }
}

/// Returns the error for a log whose extent is not stored.
#[must_use]
pub fn no_extent() -> StoreError {
    StoreError::Corrupt { table: LogExtent::TABLE, column: "extent_id", source: ValueError::Null.into() }
}

impl FromRow for NumberedChange {
    const TABLE: &'static str = "change_log";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let (number, tenant_id) = (row.number("change_id")?, TenantId(row.uuid("tenant_id")?));
        let channel = row.optional_uuid("channel_id")?.map(ChannelId);
        let kind: u8 = row.number("kind")?;
        let interval = row.optional_interval()?;
        let kind = ChangeKind::from_stored(kind, channel, interval)
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

impl<U: ChangeStatements> SqlUnit<U> {
    async fn extent(&mut self) -> Result<LogExtent, StoreError> {
        self.0.select_one(U::EXTENT, Vec::new()).await?.ok_or_else(no_extent)
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
        let selected = match extent.number_at(position) {
            Some(after) if after < extent.last => {
                self.0.select(U::LIST, parameters! { "after" => after, "limit" => limit }).await?
            }
            _ => Vec::new(),
        };
        Ok(extent.answer(position, selected, limit))
    }

    #[instrument(name = "db.change.trim", level = "debug", skip_all, err(level = "trace"))]
    async fn trim(&mut self, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError> {
        let extent = self.extent().await?;
        let Some(last) = extent.trimmable(kept, limit) else { return Ok(0) };
        let first = extent.first;
        let parameters = parameters! { "first" => first, "last" => last, "before" => before };
        let young = self.0.select_one(U::FIND_YOUNG, parameters).await?;
        let next = young.map_or(last + 1, |ChangeNumber(number)| number);
        if next <= first {
            return Ok(0);
        }
        self.0.execute(U::DELETE, parameters! { "first" => first, "last" => next - 1 }).await?;
        // Another process that trimmed at the same time has removed the same changes.
        let raised = self.0.execute(U::SET_FIRST, parameters! { "first" => first, "next" => next }).await?;
        Ok(if raised == 1 { next - first } else { 0 })
    }
}
