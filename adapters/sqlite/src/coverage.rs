//! The coverage of each channel.

use async_trait::async_trait;
use domain::change::{Change, ChangeKind};
use domain::channel::ChannelId;
use domain::coverage::{Coverage, Interval, Observation, Segment, Segments};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::coverage::CoverageRepository;
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};

use crate::change;
use crate::error::{is_missing, store_error};
use crate::row::{Columns, Text, execute, insert_all, millis, number, query, query_one};
use crate::unit::Unit;

const FIND: &str = r"
    SELECT channels.channel_id, low, high, start_reached, reason, checked_at, message_count,
        (SELECT MIN(message_id) FROM messages WHERE messages.channel_id = channels.channel_id) AS oldest,
        (SELECT COUNT(*) FROM unreadable_messages WHERE unreadable_messages.channel_id = channels.channel_id)
            AS unreadable_count,
        (SELECT MIN(COALESCE(oldest_at, observed_at)) FROM coverage_segments
            WHERE coverage_segments.channel_id = channels.channel_id AND start_reached
                AND coverage_segments.low >= coverage.low AND coverage_segments.low <= coverage.high) AS read_whole_at
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
";

const LIST: &str = r"
    SELECT channels.channel_id, low, high, start_reached, reason, checked_at, message_count,
        (SELECT MIN(message_id) FROM messages WHERE messages.channel_id = channels.channel_id) AS oldest,
        (SELECT COUNT(*) FROM unreadable_messages WHERE unreadable_messages.channel_id = channels.channel_id)
            AS unreadable_count,
        (SELECT MIN(COALESCE(oldest_at, observed_at)) FROM coverage_segments
            WHERE coverage_segments.channel_id = channels.channel_id AND start_reached
                AND coverage_segments.low >= coverage.low AND coverage_segments.low <= coverage.high) AS read_whole_at
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE tenant_id = :tenant_id
        AND channels.channel_id > :after
        AND kind NOT IN (4, 14, 15, 16)
    ORDER BY channels.channel_id
    LIMIT :limit
";

const SEGMENTS: &str = r"
    SELECT low, high, observed_at, parts
    FROM coverage_segments
    WHERE channel_id = :channel_id
    ORDER BY low
";

/// The segments that overlap or touch the ids from `:low` to `:high`, and perhaps one segment below. Segments share no
/// id, so the last that begins below is the only one that can overlap or touch.
const SEGMENTS_NEAR: &str = r"
    SELECT low, high, observed_at, parts
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low = (SELECT MAX(low) FROM coverage_segments WHERE channel_id = :channel_id AND low < :low)
    UNION ALL
    SELECT low, high, observed_at, parts
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low >= :low
        AND low <= :high + 1
";

const SEGMENTS_BELOW: &str = r"
    SELECT low, high
    FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low < :low
    ORDER BY low DESC
    LIMIT 64
";

const RUN: &str = r"
    SELECT low, high
    FROM coverage
    WHERE channel_id = :channel_id
        AND low IS NOT NULL
";

const DELETE_SEGMENT: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
        AND low = :low
";

const INSERT_SEGMENTS: &str = r"
    INSERT INTO coverage_segments (channel_id, low, high, observed_at, oldest_at, parts)
";

/// Columns of [`INSERT_SEGMENTS`].
const SEGMENT_WIDTH: usize = 6;

const RECORD: &str = r"
    INSERT INTO coverage (channel_id, low, high, start_reached, checked_at)
    VALUES (:channel_id, :low, :high, :start_reached, :checked_at)
    ON CONFLICT (channel_id) DO UPDATE
    SET low = excluded.low, high = excluded.high, start_reached = excluded.start_reached,
        checked_at = MAX(COALESCE(checked_at, excluded.checked_at), excluded.checked_at)
";

const NOTE: &str = r"
    INSERT INTO coverage (channel_id, start_reached, reason, checked_at)
    VALUES (:channel_id, :start_reached, :reason, :checked_at)
    ON CONFLICT (channel_id) DO UPDATE
    SET start_reached = CASE WHEN high IS NULL AND excluded.checked_at >= COALESCE(checked_at, excluded.checked_at)
            THEN MAX(start_reached, excluded.start_reached) ELSE start_reached END,
        reason = CASE WHEN excluded.reason = :deleted OR reason = :deleted THEN :deleted
            WHEN excluded.checked_at >= COALESCE(checked_at, excluded.checked_at) THEN excluded.reason
            ELSE reason END,
        checked_at = MAX(COALESCE(checked_at, excluded.checked_at), excluded.checked_at)
";

const DELETE_SEGMENTS: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
";

const RESTORE: &str = r"
    INSERT INTO coverage (channel_id, low, high, start_reached, reason, checked_at)
    VALUES (:channel_id, :low, :high, :start_reached, :reason, :checked_at)
    ON CONFLICT (channel_id) DO UPDATE
    SET low = excluded.low, high = excluded.high, start_reached = excluded.start_reached,
        reason = CASE WHEN reason = :deleted THEN reason ELSE excluded.reason END,
        checked_at = excluded.checked_at
";

fn coverage(row: &Columns<'_, '_>) -> Result<Coverage, StoreError> {
    let start_reached = row.optional_flag("start_reached")?.unwrap_or(false);
    let oldest: Option<MessageId> = row.optional_id("oldest")?;
    let low: Option<MessageId> = row.optional_id("low")?;
    let high: Option<MessageId> = row.optional_id("high")?;
    let held = match (low, high) {
        (None, None) => None,
        (Some(low), Some(high)) => Some(Interval::new(low, high).ok_or_else(|| row.corrupt("low"))?),
        (None, Some(_)) => return Err(row.corrupt("low")),
        (Some(_), None) => return Err(row.corrupt("high")),
    };
    let interval = match oldest {
        Some(oldest) if start_reached => held.map(|held| held.since(oldest)),
        _ => held,
    };
    Ok(Coverage {
        channel_id: ChannelId(row.uuid("channel_id")?),
        interval,
        start_reached,
        message_count: row.get("message_count")?,
        unreadable_count: row.get("unreadable_count")?,
        reason: row.get("reason")?,
        checked_at: row.optional_time("checked_at")?,
        read_whole_at: row.optional_time("read_whole_at")?,
    })
}

fn interval(row: &Columns<'_, '_>) -> Result<Interval, StoreError> {
    Interval::new(row.id("low")?, row.id("high")?).ok_or_else(|| row.corrupt("low"))
}

fn segment(row: &Columns<'_, '_>) -> Result<Segment, StoreError> {
    let (interval, newest_at) = (interval(row)?, row.time("observed_at")?);
    let parts: Option<String> = row.get("parts")?;
    Segment::from_stored(interval, newest_at, parts.as_deref()).map_err(|_| row.corrupt("parts"))
}

/// Returns the joint proof of rows, which share no id.
fn proven(rows: &[Segment]) -> Result<Segments, StoreError> {
    Segments::from_stored(rows).map_err(|_| StoreError::Corrupt { table: "coverage_segments", column: "low" })
}

/// The segments that overlap or touch some ids of a channel, as stored and as a proof.
pub(crate) struct Near {
    rows: Vec<Segment>,
    pub(crate) proven: Segments,
}

/// Loads the segments that overlap or touch `span`.
pub(crate) fn segments_near(connection: &Connection, channel: ChannelId, span: Interval) -> Result<Near, StoreError> {
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(span.low()), ":high": number(span.high()),
    };
    let rows = query(connection, "coverage_segments", SEGMENTS_NEAR, parameters, segment)?;
    let proven = proven(&rows)?;
    Ok(Near { rows, proven })
}

/// Adds `new` to the segments that overlap or touch it.
pub(crate) fn record(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    near: Near,
    new: Observation,
) -> Result<(), StoreError> {
    let Near { rows, proven: mut after } = near;
    after.insert(new);
    let after: Vec<Segment> = after.segments().collect();
    if after == rows {
        return Ok(());
    }
    for gone in rows.iter().filter(|segment| !after.contains(segment)) {
        let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(gone.interval().low())};
        execute(connection, DELETE_SEGMENT, parameters).map_err(store_error)?;
    }
    let made: Vec<&Segment> = after.iter().filter(|segment| !rows.contains(segment)).collect();
    insert_segments(connection, channel, &made)?;
    let (before, run) = newest_run(connection, channel, new.interval)?;
    // The high end follows the time of each observation, as `checked_at` does.
    if before.map(Interval::low) != Some(run.low()) {
        change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
    }
    let parameters = named_params! {
        ":channel_id": Text(channel.0),
        ":low": number(run.low()),
        ":high": number(run.high()),
        ":start_reached": run.reaches_start(),
        ":checked_at": millis(new.observed_at),
    };
    execute(connection, RECORD, parameters).map(drop).map_err(store_error)
}

/// Returns the newest gapless interval before and after `new` was added to the segments.
fn newest_run(
    connection: &Connection,
    channel: ChannelId,
    new: Interval,
) -> Result<(Option<Interval>, Interval), StoreError> {
    let before = query_one(connection, "coverage", RUN, named_params! {":channel_id": Text(channel.0)}, interval)?;
    let mut run = before.map_or(new, |before| before.with_newer(new));
    if before.is_none_or(|before| run.low() >= before.low()) {
        return Ok((before, run));
    }
    loop {
        let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(run.low())};
        let down = run.down(query(connection, "coverage_segments", SEGMENTS_BELOW, parameters, interval)?);
        if down == run {
            return Ok((before, run));
        }
        run = down;
    }
}

fn find(connection: &Connection, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
    query_one(connection, "coverage", FIND, named_params! {":channel_id": Text(channel.0)}, coverage)
}

fn segments(connection: &Connection, channel: ChannelId) -> Result<Segments, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    proven(&query(connection, "coverage_segments", SEGMENTS, parameters, segment)?)
}

fn restore(connection: &Connection, copy: &Coverage, copied: &Segments) -> Result<bool, StoreError> {
    let channel = copy.channel_id;
    let held = find(connection, channel)?.ok_or(StoreError::Missing { what: "channel" })?;
    let same = held.says_the_same(copy) && segments(connection, channel)? == *copied;
    if same || held.checked_at > copy.checked_at {
        return Ok(false);
    }
    execute(connection, DELETE_SEGMENTS, named_params! {":channel_id": Text(channel.0)}).map_err(store_error)?;
    let copied: Vec<Segment> = copied.segments().collect();
    insert_segments(connection, channel, &copied.iter().collect::<Vec<_>>())?;
    let interval = copy.kept_interval();
    let parameters = named_params! {
        ":channel_id": Text(channel.0),
        ":low": interval.map(|interval| number(interval.low())),
        ":high": interval.map(|interval| number(interval.high())),
        ":start_reached": copy.start_reached,
        ":reason": copy.reason,
        ":checked_at": copy.checked_at.map(millis),
        ":deleted": Coverage::DELETED,
    };
    execute(connection, RESTORE, parameters).map_err(store_error)?;
    Ok(true)
}

fn insert_segments(connection: &Connection, channel: ChannelId, segments: &[&Segment]) -> Result<(), StoreError> {
    insert_all(connection, INSERT_SEGMENTS, SEGMENT_WIDTH, segments, |row, segment| {
        row.bind(Text(channel.0))?;
        row.bind(number(segment.interval().low()))?;
        row.bind(number(segment.interval().high()))?;
        row.bind(millis(segment.newest_at()))?;
        row.bind(millis(segment.oldest_at()))?;
        row.bind(segment.parts_text())
    })
    .map_err(store_error)
}

#[async_trait]
impl CoverageRepository for Unit {
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        self.run(move |connection| find(connection, channel)).await
    }

    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        self.run(move |connection| {
            let after = page.after.map_or_else(String::new, |after| after.to_string());
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":after": after, ":limit": page.limit};
            query(connection, "coverage", LIST, parameters, coverage)
        })
        .await
    }

    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        self.run(move |connection| segments(connection, channel)).await
    }

    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError> {
        let observations = observations.to_vec();
        self.write_logged(move |connection, changes| {
            find(connection, channel)?.ok_or(StoreError::Missing { what: "channel" })?;
            for seen in observations {
                let near = segments_near(connection, channel, seen.interval)?;
                record(connection, changes, channel, near, seen)?;
            }
            Ok(())
        })
        .await
    }

    async fn note(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        self.write_logged(move |connection, changes| {
            let parameters = named_params! {
                ":channel_id": Text(channel.0),
                ":start_reached": start_reached,
                ":reason": reason,
                ":checked_at": millis(checked_at),
                ":deleted": Coverage::DELETED,
            };
            execute(connection, NOTE, parameters).map_err(|error| {
                if is_missing(&error) { StoreError::Missing { what: "channel" } } else { store_error(error) }
            })?;
            change::log(connection, changes, channel, [ChangeKind::Channel { channel }])
        })
        .await
    }

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
