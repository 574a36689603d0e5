//! The coverage of each channel.

use adapter_sql::channel::silent_sql;
use adapter_sql::columns::Columns;
use adapter_sql::coverage::{CoverageStatements, overlap, parameters, segment_row, stored_coverage};
use adapter_sql::session::FromRow;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::coverage::{Coverage, CoverageFacts, CoveragePlan, Interval, NearSegments, Segment, StoredCoverage};
use domain::message::MessageId;
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};

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
        query(connection, "coverage_segments", SEGMENTS_BELOW, parameters, |row| Segment::from_row(row))
    };
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(span.low()), ":high": number(span.high()),
    };
    let mut rows = query(connection, "coverage_segments", SEGMENTS_IN, parameters, |row| Segment::from_row(row))?;
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
    store(connection, Unit::UPSERT, parameters(channel, &plan.coverage)).map(drop).map_err(store_error)
}

fn find_stored(connection: &Connection, channel: ChannelId) -> Result<StoredCoverage, StoreError> {
    let found =
        query_one(connection, "coverage", FIND_STORED, named_params! {":channel_id": Text(channel.0)}, |row| {
            stored_coverage(row)
        })?;
    found.ok_or(StoreError::Missing { what: "channel" })
}

fn insert_segments(connection: &Connection, channel: ChannelId, segments: &[Segment]) -> Result<(), StoreError> {
    insert_all(connection, INSERT_SEGMENTS, segments.iter().map(|segment| segment_row(channel, segment)))
        .map_err(store_error)
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
        ON CONFLICT (channel_id) DO UPDATE
        SET low = excluded.low, high = excluded.high, start_reached = excluded.start_reached, reason = excluded.reason,
            checked_at = excluded.checked_at
    "};

    async fn find_coverage(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        self.run(move |connection| {
            query_one(connection, "coverage", FIND, named_params! {":channel_id": Text(channel.0)}, coverage)
        })
        .await
    }

    async fn list_coverages(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        self.run(move |connection| {
            let after = page.after.map_or_else(String::new, |after| after.to_string());
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":after": after, ":limit": page.limit};
            query(connection, "coverage", &silent_sql(LIST), parameters, coverage)
        })
        .await
    }

    async fn lock_coverage(&mut self, channel: ChannelId) -> Result<StoredCoverage, StoreError> {
        self.run(move |connection| find_stored(connection, channel)).await
    }

    async fn near(&mut self, channel: ChannelId, span: Interval) -> Result<NearSegments, StoreError> {
        self.run(move |connection| near(connection, channel, span)).await
    }

    async fn write_coverage(&mut self, channel: ChannelId, plan: CoveragePlan) -> Result<(), StoreError> {
        self.run(move |connection| execute_plan(connection, channel, &plan)).await
    }

    async fn insert_segments(&mut self, channel: ChannelId, segments: Vec<Segment>) -> Result<(), StoreError> {
        self.run(move |connection| insert_segments(connection, channel, &segments)).await
    }
}
