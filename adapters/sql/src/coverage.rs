//! Coverage and segments.

use std::future::Future;

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::{
    Coverage, CoveragePlan, Interval, NearSegments, Observation, Segment, SegmentError, Segments, StoredCoverage,
};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::coverage::CoverageRepository;
use ports::error::StoreError;
use ports::page::Page;
use tracing::instrument;

use crate::columns::{Columns, in_table};
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values;
use crate::values::Parameters;
use crate::values::Value;

/// The statements of a store.
pub trait CoverageStatements: Session {
    /// Lists the segments of a channel.
    const SEGMENTS: &'static str;
    /// Removes the segments of a channel.
    const DELETE_SEGMENTS: &'static str;
    /// Stores the coverage of a channel.
    const UPSERT: &'static str;

    /// Finds a coverage like [`CoverageRepository::find`].
    fn find_coverage(
        &mut self,
        channel: ChannelId,
    ) -> impl Future<Output = Result<Option<Coverage>, StoreError>> + Send;

    /// Lists coverages like [`CoverageRepository::list`].
    fn list_coverages(
        &mut self,
        tenant: TenantId,
        page: Page<ChannelId>,
    ) -> impl Future<Output = Result<Vec<Coverage>, StoreError>> + Send;

    /// Locks a channel and returns its coverage.
    ///
    /// Fails with [`StoreError::Missing`] if the channel is not stored.
    fn lock_coverage(&mut self, channel: ChannelId) -> impl Future<Output = Result<StoredCoverage, StoreError>> + Send;

    /// Returns the segments near `span`.
    fn near(
        &mut self,
        channel: ChannelId,
        span: Interval,
    ) -> impl Future<Output = Result<NearSegments, StoreError>> + Send;

    /// Executes a plan.
    fn write_coverage(
        &mut self,
        channel: ChannelId,
        plan: CoveragePlan,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores new segments of a channel.
    fn insert_segments(
        &mut self,
        channel: ChannelId,
        segments: Vec<Segment>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Returns the coverage in a row that may have none.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_coverage(row: &mut impl Columns) -> Result<StoredCoverage, StoreError> {
    let mut read = || {
        Ok(StoredCoverage {
            interval: row.optional_interval()?,
            start_reached: row.optional_flag("start_reached")?.unwrap_or(false),
            reason: row.optional_text("reason")?,
            checked_at: row.optional_time("checked_at")?,
        })
    };
    // The row can be one of a join.
    read().map_err(|error| in_table(error, "coverage", &[]))
}

impl FromRow for Segment {
    const TABLE: &'static str = "coverage_segments";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let (interval, newest_at) = (row.interval()?, row.time("observed_at")?);
        let made = row.with_text("parts", |parts| Self::from_stored(interval, newest_at, Some(parts)))?;
        let made = made.unwrap_or_else(|| Self::from_stored(interval, newest_at, None));
        made.map_err(|error| row.corrupt("parts", error))
    }
}

/// Returns the error for segments that do not fit together.
#[must_use]
pub fn overlap(error: SegmentError) -> StoreError {
    StoreError::Corrupt { table: Segment::TABLE, column: "low", source: error.into() }
}

/// Returns a channel with a number of it, from the column `count`.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn counted(row: &mut impl Columns, count: &'static str) -> Result<(ChannelId, u64), StoreError> {
    Ok((ChannelId(row.uuid("channel_id")?), row.number(count)?))
}

/// Returns the parameters of the statement that stores the coverage of a channel.
#[must_use]
pub fn parameters(channel: ChannelId, coverage: &StoredCoverage) -> Parameters<'_> {
    parameters! {
        "channel_id" => channel.0,
        "low" => coverage.interval.map(Interval::low),
        "high" => coverage.interval.map(Interval::high),
        "start_reached" => coverage.start_reached,
        "reason" => coverage.reason.as_deref(),
        "checked_at" => coverage.checked_at,
    }
}

/// Returns a row of `channel_id, oldest_at, {segment}`.
#[must_use]
pub fn segment_row(channel: ChannelId, segment: &Segment) -> [Value<'static>; 6] {
    let interval = segment.interval();
    values![channel.0, segment.oldest_at(), interval.low(), interval.high(), segment.newest_at(), segment.parts_text(),]
}

impl<U: CoverageStatements> SqlUnit<U> {
    async fn all_segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        let rows: Vec<Segment> = self.0.select(U::SEGMENTS, parameters! { "channel_id" => channel.0 }).await?;
        Segments::from_stored(&rows).map_err(overlap)
    }

    async fn upsert_coverage(&mut self, channel: ChannelId, coverage: &StoredCoverage) -> Result<(), StoreError> {
        self.0.execute_all("channel", U::UPSERT, vec![parameters(channel, coverage)]).await.map(drop)
    }
}

#[async_trait]
impl<U: CoverageStatements> CoverageRepository for SqlUnit<U> {
    #[instrument(name = "db.coverage.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        self.0.find_coverage(channel).await
    }

    #[instrument(name = "db.coverage.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        self.0.list_coverages(tenant, page).await
    }

    #[instrument(name = "db.coverage.segments", level = "debug", skip_all, err(level = "trace"))]
    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        self.all_segments(channel).await
    }

    #[instrument(name = "db.coverage.record", level = "debug", skip_all, err(level = "trace"))]
    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError> {
        let mut stored = self.0.lock_coverage(channel).await?;
        for seen in observations {
            let near = self.0.near(channel, seen.interval).await?;
            let Some(plan) = CoveragePlan::new(*seen, &near, &stored) else { continue };
            self.0.log_in(channel, plan.change(channel)).await?;
            stored = plan.coverage.clone();
            self.0.write_coverage(channel, plan).await?;
        }
        Ok(())
    }

    #[instrument(name = "db.coverage.record_check", level = "debug", skip_all, err(level = "trace"))]
    async fn record_check(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let stored = self.0.lock_coverage(channel).await?;
        self.upsert_coverage(channel, &stored.after_check(checked_at, start_reached, reason)).await?;
        self.0.log_in(channel, [ChangeKind::Channel { channel }]).await
    }

    #[instrument(name = "db.coverage.restore", level = "debug", skip_all, err(level = "trace"))]
    async fn restore(&mut self, copy: &Coverage, copied: &Segments) -> Result<bool, StoreError> {
        let channel = copy.channel_id;
        let stored = self.0.lock_coverage(channel).await?;
        let ours = self.all_segments(channel).await?;
        let Some(restored) = stored.restored(&ours, copy, copied) else { return Ok(false) };
        self.0.execute(U::DELETE_SEGMENTS, parameters! { "channel_id" => channel.0 }).await?;
        self.0.insert_segments(channel, copied.segments().collect()).await?;
        self.upsert_coverage(channel, &restored).await?;
        self.0.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        Ok(true)
    }
}
