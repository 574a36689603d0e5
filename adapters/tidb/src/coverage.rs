//! The coverage of each channel.

use adapter_sql::session::FromRow;
use adapter_sql::sql;
use std::collections::HashMap;

use adapter_sql::channel::silent_sql;
use adapter_sql::columns::Columns;
use adapter_sql::coverage::{CoverageStatements, counted, overlap, parameters, segment_row, stored_coverage};
use domain::channel::ChannelId;
use domain::coverage::{Coverage, CoverageFacts, CoveragePlan, Interval, NearSegments, Segment, StoredCoverage};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use mysql_async::{Params, Value, params};
use ports::error::StoreError;
use ports::page::Page;

use crate::batch::{list_sql, padded, with_rows};
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

const FIND_STORED: &str = sql! {r"
    SELECT {coverage}
    FROM coverage
    WHERE channel_id = :channel_id
"};

/// The number of segments that are read with the state of a channel; few channels have more.
pub(crate) const FEW: usize = 8;
/// The number of segments of each further read.
const MANY: usize = 256;

/// The last segments that begin at `:last` or below it, with the columns of a part of a channel's state.
pub(crate) const LAST_SEGMENTS: &str = r"
    (
        SELECT 2 AS part, low, high, NULL AS kind, NULL AS edited_at, observed_at, NULL AS origin, NULL AS digest,
            NULL AS deleted_at, NULL AS deletion_kind, parts, NULL AS author_bot, NULL AS author_webhook,
            NULL AS text_bytes
        FROM coverage_segments
        WHERE channel_id = :channel_id
            AND low <= :last
        ORDER BY low DESC
        LIMIT :count
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
        let rows = self.last_segments(channel, last_near(span), FEW).await?;
        self.complete_near(channel, span, rows).await
    }

    async fn last_segments(&mut self, channel: ChannelId, last: u64, count: usize) -> Result<Vec<Segment>, StoreError> {
        let parameters = params! { "channel_id" => channel.to_string(), last, count };
        self.rows(LAST_SEGMENTS, parameters, of("coverage_segments", Segment::from_row)).await
    }

    /// Returns the segments near `span` from the [`LAST_SEGMENTS`] among them, with the others.
    pub(crate) async fn complete_near(
        &mut self,
        channel: ChannelId,
        span: Interval,
        mut rows: Vec<Segment>,
    ) -> Result<NearSegments, StoreError> {
        let lacks_some = |rows: &[Segment]| {
            let below = rows.iter().filter(|segment| segment.interval().low() < span.low());
            below.count() < NearSegments::BELOW as usize
        };
        let mut is_whole = rows.len() < FEW;
        while !is_whole && lacks_some(&rows) {
            let lowest = rows.iter().map(|segment| segment.interval().low()).min().unwrap_or(span.low());
            let more = self.last_segments(channel, lowest.get() - 1, MANY).await?;
            is_whole = more.len() < MANY;
            rows.extend(more);
        }
        let mut near = NearSegments::from_stored(rows).map_err(overlap)?;
        while let Some(low) = near.lists_below() {
            let below = of("coverage_segments", adapter_sql::columns::Columns::interval);
            let parameters = params! { "channel_id" => channel.to_string(), "low" => low.get() };
            near.extend_below(self.rows(SEGMENTS_BELOW, parameters, below).await?);
        }
        Ok(near)
    }

    /// Executes a plan by statements that are sent with the next one or with the commit.
    pub(crate) fn defer_coverage(&mut self, channel: ChannelId, plan: &CoveragePlan) {
        for low in &plan.delete {
            self.defer(DELETE_SEGMENT, &params! { "channel_id" => channel.to_string(), "low" => low.get() });
        }
        let rows = segment_rows(channel, plan.update.iter().chain(&plan.insert));
        if !rows.is_empty() {
            self.defer(&with_rows(UPSERT_SEGMENTS, &rows, UPSERT_SEGMENTS_TAIL), &Params::Empty);
        }
        self.defer(Self::UPSERT, &named(parameters(channel, &plan.coverage)));
    }
}

fn segment_rows<'a>(channel: ChannelId, segments: impl Iterator<Item = &'a Segment>) -> Vec<[Value; 6]> {
    segments.map(|segment| values(segment_row(channel, segment))).collect()
}

/// Returns the last id at which a segment near `span` can begin: right after it.
pub(crate) fn last_near(span: Interval) -> u64 {
    span.high().get() + 1
}

impl CoverageStatements for Unit {
    const SEGMENTS: &'static str = sql! {r"
        SELECT {segment}
        FROM coverage_segments
        WHERE channel_id = :channel_id
        ORDER BY low
    "};

    const DELETE_SEGMENTS: &'static str = r"
        DELETE FROM coverage_segments
        WHERE channel_id = :channel_id
    ";

    const UPSERT: &'static str = sql! {r"
        INSERT INTO coverage (channel_id, {coverage})
        VALUES (:channel_id, {:coverage})
        ON DUPLICATE KEY UPDATE
            low = VALUES(low), high = VALUES(high), start_reached = VALUES(start_reached), reason = VALUES(reason),
            checked_at = VALUES(checked_at)
    "};

    async fn find_coverage(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        let found =
            self.rows(FIND, params! { "channel_id" => channel.to_string() }, of("coverage", of_channel)).await?;
        Ok(self.coverages(found).await?.pop())
    }

    async fn list_coverages(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        let after = page.after.map_or_else(String::new, |after| after.to_string());
        let parameters = params! { "tenant_id" => tenant.to_string(), "after" => after, "limit" => page.limit };
        let listed = self.rows(&silent_sql(LIST), parameters, of("coverage", of_channel)).await?;
        self.coverages(listed).await
    }

    async fn lock_coverage(&mut self, channel: ChannelId) -> Result<StoredCoverage, StoreError> {
        lock(self, channel).await?;
        let parameters = params! { "channel_id" => channel.to_string() };
        Ok(self.row(FIND_STORED, parameters, of("coverage", stored_coverage)).await?.unwrap_or_default())
    }

    async fn near(&mut self, channel: ChannelId, span: Interval) -> Result<NearSegments, StoreError> {
        Self::near(self, channel, span).await
    }

    async fn write_coverage(&mut self, channel: ChannelId, plan: CoveragePlan) -> Result<(), StoreError> {
        self.defer_coverage(channel, &plan);
        Ok(())
    }

    /// There can be any number of them, so they are not sent in one text.
    async fn insert_segments(&mut self, channel: ChannelId, segments: Vec<Segment>) -> Result<(), StoreError> {
        upsert(self, UPSERT_SEGMENTS, &segment_rows(channel, segments.iter()), UPSERT_SEGMENTS_TAIL).await
    }
}
