//! The coverage of each channel.

use adapter_sql::sql;
use std::collections::HashMap;

use adapter_sql::channel::silent_sql;
use adapter_sql::columns::Columns;
use adapter_sql::coverage::{counted, overlap, parameters, segment, segment_row, stored_coverage};
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::{
    Coverage, CoverageFacts, CoveragePlan, Interval, NearSegments, Observation, Segment, Segments, StoredCoverage,
};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use mysql_async::{Params, Value, params};
use ports::coverage::CoverageRepository;
use ports::error::StoreError;
use ports::page::Page;
use tracing::instrument;

use crate::batch::{list_sql, padded};
use crate::error::{NO_REFERENCED_ROW, code, store_error};
use crate::message::{lock, upsert};
use crate::row::{NamedRow, named, of, values};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT channels.channel_id, {coverage}, message_count
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
"};

const LIST: &str = sql! {r"
    SELECT channels.channel_id, {coverage}, message_count
    FROM channels FORCE INDEX (channels_by_tenant)
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE tenant_id = :tenant_id
        AND channels.channel_id > :after
        AND kind NOT IN (:silent)
    ORDER BY channels.channel_id
    LIMIT :limit
"};

/// One row of the key. As a part of the statements above, `TiDB` would read every message of the channel for it.
const OLDEST: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id
    FROM messages
    WHERE channel_id = :channel_id
    ORDER BY message_id
    LIMIT 1
";

/// For the channels of a page at once; most of them have no row here.
const COUNT_UNREADABLE: &str = r"
    SELECT channel_id, COUNT(*) AS unreadable_count
    FROM unreadable_messages
    WHERE channel_id IN (…)
    GROUP BY channel_id
";

/// The oldest observation among the segments in the interval of each channel of a page.
const OBSERVED_SINCE: &str = r"
    SELECT coverage.channel_id, MIN(COALESCE(oldest_at, observed_at)) AS observed_since
    FROM coverage
    JOIN coverage_segments
        ON coverage_segments.channel_id = coverage.channel_id
        AND coverage_segments.low >= coverage.low
        AND coverage_segments.low <= coverage.high
    WHERE coverage.channel_id IN (…)
    GROUP BY coverage.channel_id
";

const SEGMENTS: &str = sql! {r"
    SELECT {segment}
    FROM coverage_segments
    WHERE channel_id = :channel_id
    ORDER BY low
"};

/// The segments that begin among the ids from `:low` to `:high`, or right after them, and the next below. With the
/// columns of a part of a channel's state.
pub(crate) const SEGMENTS_NEAR: &str = r"
    (
        SELECT 2 AS part, low, high, NULL AS kind, NULL AS edited_at, observed_at, NULL AS origin, NULL AS digest,
            NULL AS deleted_at, NULL AS deletion_kind, NULL AS sent_at, parts
        FROM coverage_segments
        WHERE channel_id = :channel_id
            AND low < :low
        ORDER BY low DESC
        LIMIT :below
    )
    UNION ALL
    (
        SELECT 2 AS part, low, high, NULL AS kind, NULL AS edited_at, observed_at, NULL AS origin, NULL AS digest,
            NULL AS deleted_at, NULL AS deletion_kind, NULL AS sent_at, parts
        FROM coverage_segments
        WHERE channel_id = :channel_id
            AND low >= :low
            AND low <= :high + 1
    )
";

const SEGMENTS_BELOW: &str = r"
    SELECT low, high
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low < :low
    ORDER BY low DESC
    LIMIT 64
";

const DELETE_SEGMENT: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low = :low
";

const UPSERT_SEGMENTS: &str = sql! {r"
    INSERT INTO coverage_segments (channel_id, oldest_at, {segment})
    VALUES
"};

const UPSERT_SEGMENTS_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        high = VALUES(high), observed_at = VALUES(observed_at), oldest_at = VALUES(oldest_at), parts = VALUES(parts)
";

const UPSERT: &str = sql! {r"
    INSERT INTO coverage (channel_id, {coverage})
    VALUES (:channel_id, {:coverage})
    ON DUPLICATE KEY UPDATE
        low = VALUES(low), high = VALUES(high), start_reached = VALUES(start_reached), reason = VALUES(reason),
        checked_at = VALUES(checked_at)
"};

const DELETE_SEGMENTS: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
";

/// A stored segment that changes, and its new value.
pub(crate) struct ChangedSegment {
    /// The low end until now.
    pub(crate) low: MessageId,
    pub(crate) segment: Segment,
}

/// Returns the segment that a plan changes, if it stores only one and a stored one can become it, and the others, which
/// are removed. A segment that grows downwards is the last of those that the plan replaces.
fn only_change(plan: &CoveragePlan) -> Option<(ChangedSegment, &[MessageId])> {
    match (&plan.delete[..], &plan.update[..], &plan.insert[..]) {
        (delete, [segment], []) => {
            Some((ChangedSegment { low: segment.interval().low(), segment: segment.clone() }, delete))
        }
        ([rest @ .., last], [], [segment]) => Some((ChangedSegment { low: *last, segment: segment.clone() }, rest)),
        _ => None,
    }
}

/// Returns the coverage of a channel, and the number of its messages that are shown to readers.
fn of_channel(row: &mut NamedRow) -> Result<(ChannelId, StoredCoverage, u64), StoreError> {
    Ok((ChannelId(row.uuid("channel_id")?), stored_coverage(row)?, row.number("message_count")?))
}

impl Unit {
    /// Returns the coverages of channels with the facts that other rows have.
    async fn coverages(&mut self, stored: Vec<(ChannelId, StoredCoverage, u64)>) -> Result<Vec<Coverage>, StoreError> {
        let ids: Vec<ChannelId> = stored.iter().map(|(id, ..)| *id).collect();
        let (mut unreadable, mut since) = (HashMap::<_, u64>::new(), HashMap::<_, Timestamp>::new());
        for ids in padded(&ids) {
            let keys: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            let count = of("unreadable_messages", |row| counted(row, "unreadable_count"));
            unreadable.extend(self.rows(&list_sql(COUNT_UNREADABLE, ids.len()), keys.clone(), count).await?);
            let time =
                of("coverage_segments", |row| Ok((ChannelId(row.uuid("channel_id")?), row.time("observed_since")?)));
            since.extend(self.rows(&list_sql(OBSERVED_SINCE, ids.len()), keys, time).await?);
        }
        let mut all = Vec::with_capacity(stored.len());
        for (id, stored, message_count) in stored {
            let oldest = if stored.start_reached && stored.interval.is_some() {
                let oldest = of("messages", |row| row.id("message_id"));
                self.row(OLDEST, params! { "channel_id" => id.to_string() }, oldest).await?
            } else {
                None
            };
            let unreadable_count = unreadable.get(&id).copied().unwrap_or(0);
            let observed_since = since.get(&id).copied();
            let facts = CoverageFacts { message_count, unreadable_count, oldest, observed_since };
            all.push(Coverage::from_stored(id, stored, facts));
        }
        Ok(all)
    }

    /// Returns the segments near `span`.
    pub(crate) async fn near(&mut self, channel: ChannelId, span: Interval) -> Result<NearSegments, StoreError> {
        let parameters = near_parameters(channel, span);
        let rows = self.rows(SEGMENTS_NEAR, parameters, of("coverage_segments", segment)).await?;
        self.complete_near(channel, rows).await
    }

    /// Returns the segments near some ids from their rows, with those below that the gapless interval may need.
    pub(crate) async fn complete_near(
        &mut self,
        channel: ChannelId,
        rows: Vec<Segment>,
    ) -> Result<NearSegments, StoreError> {
        let mut near = NearSegments::from_stored(rows).map_err(overlap)?;
        while let Some(low) = near.lists_below() {
            let below = of("coverage_segments", adapter_sql::columns::Columns::interval);
            let parameters = params! { "channel_id" => channel.to_string(), "low" => low.get() };
            near.extend_below(self.rows(SEGMENTS_BELOW, parameters, below).await?);
        }
        Ok(near)
    }

    /// Executes the part of a plan that concerns segments, but for a change of only one, which it returns: the update of
    /// the channel stores it, and so a page needs no statement for it.
    pub(crate) async fn write_other_segments(
        &mut self,
        channel: ChannelId,
        plan: &CoveragePlan,
    ) -> Result<Option<ChangedSegment>, StoreError> {
        let Some((changed, delete)) = only_change(plan) else {
            self.write_segments(channel, plan).await?;
            return Ok(None);
        };
        self.delete_segments(channel, delete).await?;
        Ok(Some(changed))
    }

    /// Executes the part of a plan that concerns segments.
    async fn write_segments(&mut self, channel: ChannelId, plan: &CoveragePlan) -> Result<(), StoreError> {
        self.delete_segments(channel, &plan.delete).await?;
        let written: Vec<Segment> = plan.update.iter().chain(&plan.insert).cloned().collect();
        self.upsert_segments(channel, &written).await
    }

    async fn delete_segments(&mut self, channel: ChannelId, lows: &[MessageId]) -> Result<(), StoreError> {
        for low in lows {
            self.run(DELETE_SEGMENT, params! { "channel_id" => channel.to_string(), "low" => low.get() }).await?;
        }
        Ok(())
    }

    async fn upsert_segments(&mut self, channel: ChannelId, segments: &[Segment]) -> Result<(), StoreError> {
        let rows = segments.iter().map(|segment| values(segment_row(channel, segment))).collect();
        upsert(self, UPSERT_SEGMENTS, rows, UPSERT_SEGMENTS_TAIL).await
    }

    pub(crate) async fn upsert_coverage(
        &mut self,
        channel: ChannelId,
        coverage: &StoredCoverage,
    ) -> Result<(), StoreError> {
        match self.attempt(UPSERT, named(parameters(channel, coverage))).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some(NO_REFERENCED_ROW) => Err(StoreError::Missing { what: "channel" }),
            Err(error) => Err(self.given_up(store_error(&error))),
        }
    }

    async fn all_segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        let rows = self
            .rows(SEGMENTS, params! { "channel_id" => channel.to_string() }, of("coverage_segments", segment))
            .await?;
        Segments::from_stored(&rows).map_err(overlap)
    }
}

/// Returns the parameters of [`SEGMENTS_NEAR`].
pub(crate) fn near_parameters(channel: ChannelId, span: Interval) -> Params {
    params! {
        "channel_id" => channel.to_string(),
        "low" => span.low().get(),
        "high" => span.high().get(),
        "below" => NearSegments::BELOW,
    }
}

#[async_trait]
impl CoverageRepository for Unit {
    #[instrument(name = "db.coverage.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        let found =
            self.rows(FIND, params! { "channel_id" => channel.to_string() }, of("coverage", of_channel)).await?;
        Ok(self.coverages(found).await?.pop())
    }

    #[instrument(name = "db.coverage.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        let after = page.after.map_or_else(String::new, |after| after.to_string());
        let parameters = params! { "tenant_id" => tenant.to_string(), "after" => after, "limit" => page.limit };
        let listed = self.rows(&silent_sql(LIST), parameters, of("coverage", of_channel)).await?;
        self.coverages(listed).await
    }

    #[instrument(name = "db.coverage.segments", level = "debug", skip_all, err(level = "trace"))]
    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        self.all_segments(channel).await
    }

    #[instrument(name = "db.coverage.record", level = "debug", skip_all, err(level = "trace"))]
    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError> {
        let locked = lock(self, channel).await?;
        let mut stored = locked.coverage;
        for seen in observations {
            let near = self.near(channel, seen.interval).await?;
            let Some(plan) = CoveragePlan::new(*seen, &near, &stored) else { continue };
            self.write_segments(channel, &plan).await?;
            self.upsert_coverage(channel, &plan.coverage).await?;
            self.log_in(channel, plan.change(channel)).await?;
            stored = plan.coverage;
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
        let stored = lock(self, channel).await?.coverage;
        self.upsert_coverage(channel, &stored.after_check(checked_at, start_reached, reason)).await?;
        self.log_in(channel, [ChangeKind::Channel { channel }]).await
    }

    #[instrument(name = "db.coverage.restore", level = "debug", skip_all, err(level = "trace"))]
    async fn restore(&mut self, copy: &Coverage, copied: &Segments) -> Result<bool, StoreError> {
        let channel = copy.channel_id;
        let stored = lock(self, channel).await?.coverage;
        let ours = self.all_segments(channel).await?;
        let Some(restored) = stored.restored(&ours, copy, copied) else { return Ok(false) };
        self.run(DELETE_SEGMENTS, params! { "channel_id" => channel.to_string() }).await?;
        self.upsert_segments(channel, &copied.segments().collect::<Vec<_>>()).await?;
        self.upsert_coverage(channel, &restored).await?;
        self.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        Ok(true)
    }
}
