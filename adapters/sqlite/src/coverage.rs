//! The coverage of each channel.

use adapter_sql::channel::silent_sql;
use adapter_sql::columns::Columns;
use adapter_sql::coverage::{overlap, parameters, segment, segment_row, stored_coverage};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::{
    Coverage, CoverageFacts, CoveragePlan, Interval, NearSegments, Observation, Segment, Segments, StoredCoverage,
};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::coverage::CoverageRepository;
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::change;
use crate::error::store_error;
use crate::row::{NamedRow, Text, execute, insert_all, number, query, query_one, store};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT channels.channel_id, {coverage}, message_count,
        (SELECT MIN(message_id) FROM messages WHERE messages.channel_id = channels.channel_id) AS oldest,
        (SELECT COUNT(*) FROM unreadable_messages WHERE unreadable_messages.channel_id = channels.channel_id)
            AS unreadable_count,
        (SELECT MIN(COALESCE(oldest_at, observed_at)) FROM coverage_segments
            WHERE coverage_segments.channel_id = channels.channel_id
                AND coverage_segments.low >= coverage.low AND coverage_segments.low <= coverage.high) AS observed_since
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
"};

const LIST: &str = sql! {r"
    SELECT channels.channel_id, {coverage}, message_count,
        (SELECT MIN(message_id) FROM messages WHERE messages.channel_id = channels.channel_id) AS oldest,
        (SELECT COUNT(*) FROM unreadable_messages WHERE unreadable_messages.channel_id = channels.channel_id)
            AS unreadable_count,
        (SELECT MIN(COALESCE(oldest_at, observed_at)) FROM coverage_segments
            WHERE coverage_segments.channel_id = channels.channel_id
                AND coverage_segments.low >= coverage.low AND coverage_segments.low <= coverage.high) AS observed_since
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE tenant_id = :tenant_id
        AND channels.channel_id > :after
        AND kind NOT IN (:silent)
    ORDER BY channels.channel_id
    LIMIT :limit
"};

const SEGMENTS: &str = sql! {r"
    SELECT {segment}
    FROM coverage_segments
    WHERE channel_id = :channel_id
    ORDER BY low
"};

/// The segments that begin among the ids from `:low` to `:high`, or right after them.
const SEGMENTS_IN: &str = sql! {r"
    SELECT {segment}
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low >= :low
        AND low <= :high + 1
"};

const SEGMENTS_BELOW: &str = sql! {r"
    SELECT {segment}
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low < :low
    ORDER BY low DESC
    LIMIT :limit
"};

/// The number of segments that one statement reads where earlier releases stored one for each page.
const RUN: u32 = 64;

const FIND_STORED: &str = sql! {r"
    SELECT {coverage}
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
"};

const DELETE_SEGMENT: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low = :low
";

const INSERT_SEGMENTS: &str = sql! {r"
    INSERT INTO coverage_segments (channel_id, oldest_at, {segment})
"};

const UPSERT: &str = sql! {r"
    INSERT INTO coverage (channel_id, {coverage})
    VALUES (:channel_id, {:coverage})
    ON CONFLICT (channel_id) DO UPDATE
    SET low = excluded.low, high = excluded.high, start_reached = excluded.start_reached, reason = excluded.reason,
        checked_at = excluded.checked_at
"};

const DELETE_SEGMENTS: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
";

fn coverage(row: &mut NamedRow<'_, '_>) -> Result<Coverage, StoreError> {
    let channel_id = ChannelId(row.uuid("channel_id")?);
    let stored = stored_coverage(row)?;
    let facts = CoverageFacts {
        message_count: row.number("message_count")?,
        unreadable_count: row.number("unreadable_count")?,
        oldest: row.optional_id("oldest")?,
        observed_since: row.optional_time("observed_since")?,
    };
    Ok(Coverage::from_stored(channel_id, stored, facts))
}

/// Loads the segments near `span`.
pub(crate) fn near(connection: &Connection, channel: ChannelId, span: Interval) -> Result<NearSegments, StoreError> {
    let below = |low: MessageId, limit: u32| {
        let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(low), ":limit": limit};
        query(connection, "coverage_segments", SEGMENTS_BELOW, parameters, |row| segment(row))
    };
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(span.low()), ":high": number(span.high()),
    };
    let mut rows = query(connection, "coverage_segments", SEGMENTS_IN, parameters, |row| segment(row))?;
    rows.extend(below(span.low(), NearSegments::BELOW)?);
    let mut near = NearSegments::from_stored(rows).map_err(overlap)?;
    while let Some(low) = near.lists_below() {
        near.extend_below(below(low, RUN)?.iter().map(Segment::interval).collect());
    }
    Ok(near)
}

/// Executes the plan of an observation.
pub(crate) fn execute_plan(connection: &Connection, channel: ChannelId, plan: &CoveragePlan) -> Result<(), StoreError> {
    let replaced = plan.update.iter().map(|segment| segment.interval().low());
    for low in plan.delete.iter().copied().chain(replaced) {
        let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(low)};
        execute(connection, DELETE_SEGMENT, parameters).map_err(store_error)?;
    }
    insert_segments(connection, channel, &plan.update)?;
    insert_segments(connection, channel, &plan.insert)?;
    upsert(connection, channel, &plan.coverage)
}

fn upsert(connection: &Connection, channel: ChannelId, coverage: &StoredCoverage) -> Result<(), StoreError> {
    store(connection, UPSERT, parameters(channel, coverage)).map(drop).map_err(store_error)
}

fn find_stored(connection: &Connection, channel: ChannelId) -> Result<StoredCoverage, StoreError> {
    let found =
        query_one(connection, "coverage", FIND_STORED, named_params! {":channel_id": Text(channel.0)}, |row| {
            stored_coverage(row)
        })?;
    found.ok_or(StoreError::Missing { what: "channel" })
}

fn find(connection: &Connection, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
    query_one(connection, "coverage", FIND, named_params! {":channel_id": Text(channel.0)}, coverage)
}

fn segments(connection: &Connection, channel: ChannelId) -> Result<Segments, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let rows = query(connection, "coverage_segments", SEGMENTS, parameters, |row| segment(row))?;
    Segments::from_stored(&rows).map_err(overlap)
}

fn restore(connection: &Connection, copy: &Coverage, copied: &Segments) -> Result<bool, StoreError> {
    let channel = copy.channel_id;
    let held = find_stored(connection, channel)?;
    let Some(restored) = held.restored(&segments(connection, channel)?, copy, copied) else { return Ok(false) };
    execute(connection, DELETE_SEGMENTS, named_params! {":channel_id": Text(channel.0)}).map_err(store_error)?;
    insert_segments(connection, channel, &copied.segments().collect::<Vec<_>>())?;
    upsert(connection, channel, &restored)?;
    Ok(true)
}

fn insert_segments(connection: &Connection, channel: ChannelId, segments: &[Segment]) -> Result<(), StoreError> {
    insert_all(connection, INSERT_SEGMENTS, segments.iter().map(|segment| segment_row(channel, segment)))
        .map_err(store_error)
}

#[async_trait]
impl CoverageRepository for Unit {
    #[instrument(name = "db.coverage.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        self.run(move |connection| find(connection, channel)).await
    }

    #[instrument(name = "db.coverage.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        self.run(move |connection| {
            let after = page.after.map_or_else(String::new, |after| after.to_string());
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":after": after, ":limit": page.limit};
            query(connection, "coverage", &silent_sql(LIST), parameters, coverage)
        })
        .await
    }

    #[instrument(name = "db.coverage.segments", level = "debug", skip_all, err(level = "trace"))]
    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        self.run(move |connection| segments(connection, channel)).await
    }

    #[instrument(name = "db.coverage.record", level = "debug", skip_all, err(level = "trace"))]
    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError> {
        let observations = observations.to_vec();
        self.write_logged(move |connection, changes| {
            let mut stored = find_stored(connection, channel)?;
            for seen in observations {
                let near = near(connection, channel, seen.interval)?;
                let Some(plan) = CoveragePlan::new(seen, &near, &stored) else { continue };
                execute_plan(connection, channel, &plan)?;
                change::log(connection, changes, channel, plan.change(channel))?;
                stored = plan.coverage;
            }
            Ok(())
        })
        .await
    }

    #[instrument(name = "db.coverage.record_check", level = "debug", skip_all, err(level = "trace"))]
    async fn record_check(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.write_logged(move |connection, changes| {
            let checked = find_stored(connection, channel)?.after_check(checked_at, start_reached, reason);
            upsert(connection, channel, &checked)?;
            change::log(connection, changes, channel, [ChangeKind::Channel { channel }])
        })
        .await
    }

    #[instrument(name = "db.coverage.restore", level = "debug", skip_all, err(level = "trace"))]
    async fn restore(&mut self, coverage: &Coverage, segments: &Segments) -> Result<bool, StoreError> {
        let (coverage, segments) = (coverage.clone(), segments.clone());
        self.write_logged(move |connection, changes| {
            let channel = coverage.channel_id;
            let replaced = restore(connection, &coverage, &segments)?;
            if replaced {
                change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
            }
            Ok(replaced)
        })
        .await
    }
}
