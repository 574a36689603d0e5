//! The coverage of each channel.

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::{Coverage, Interval, Observation, Segment, Segments};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use mysql_async::{Row, Value, params};
use ports::coverage::CoverageRepository;
use ports::error::StoreError;
use ports::page::Page;

use crate::batch::{list_sql, padded};
use crate::error::{NO_REFERENCED_ROW, code, store_error};
use crate::message::{insert, lock_channel};
use crate::row::{Columns, datetime, datetime_if};
use crate::unit::Unit;

const FIND: &str = r"
    SELECT channels.channel_id, low, high, start_reached, reason, checked_at, message_count
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
";

const LIST: &str = r"
    SELECT channels.channel_id, low, high, start_reached, reason, checked_at, message_count
    FROM channels FORCE INDEX (channels_by_tenant)
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE tenant_id = :tenant_id
        AND channels.channel_id > :after
        AND kind NOT IN (4, 14, 15, 16)
    ORDER BY channels.channel_id
    LIMIT :limit
";

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

/// The oldest observation that proves the interval of each channel of a page.
const READ_WHOLE: &str = r"
    SELECT coverage.channel_id, MIN(COALESCE(oldest_at, observed_at)) AS read_whole_at
    FROM coverage
    JOIN coverage_segments
        ON coverage_segments.channel_id = coverage.channel_id
        AND coverage_segments.low >= coverage.low
        AND coverage_segments.low <= coverage.high
    WHERE coverage.channel_id IN (…)
        AND start_reached
    GROUP BY coverage.channel_id
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
    (
        SELECT low, high, observed_at, parts
        FROM coverage_segments
        WHERE channel_id = :channel_id
            AND low < :low
        ORDER BY low DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT low, high, observed_at, parts
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
    VALUES
";

const RECORD: &str = r"
    INSERT INTO coverage (channel_id, low, high, start_reached, checked_at)
    VALUES (:channel_id, :low, :high, :start_reached, :checked_at)
    ON DUPLICATE KEY UPDATE
        low = VALUES(low), high = VALUES(high), start_reached = VALUES(start_reached),
        checked_at = GREATEST(COALESCE(checked_at, VALUES(checked_at)), VALUES(checked_at))
";

/// The reason precedes the time that decides about it: assignments are made from left to right.
const NOTE: &str = r"
    INSERT INTO coverage (channel_id, start_reached, reason, checked_at)
    VALUES (:channel_id, :start_reached, :reason, :checked_at)
    ON DUPLICATE KEY UPDATE
        start_reached = IF(
            high IS NULL AND VALUES(checked_at) >= COALESCE(checked_at, VALUES(checked_at)),
            GREATEST(start_reached, VALUES(start_reached)),
            start_reached
        ),
        reason = CASE WHEN VALUES(reason) = :deleted OR reason = :deleted THEN :deleted
            WHEN VALUES(checked_at) >= COALESCE(checked_at, VALUES(checked_at)) THEN VALUES(reason)
            ELSE reason END,
        checked_at = GREATEST(COALESCE(checked_at, VALUES(checked_at)), VALUES(checked_at))
";

/// Other writers of the channel wait from here on.
const LOCK: &str = r"
    SELECT channel_id
    FROM channels
    WHERE channel_id = :channel_id
    FOR UPDATE
";

const DELETE_SEGMENTS: &str = r"
    DELETE FROM coverage_segments
    WHERE channel_id = :channel_id
";

const RESTORE: &str = r"
    INSERT INTO coverage (channel_id, low, high, start_reached, reason, checked_at)
    VALUES (:channel_id, :low, :high, :start_reached, :reason, :checked_at)
    ON DUPLICATE KEY UPDATE
        low = VALUES(low), high = VALUES(high), start_reached = VALUES(start_reached),
        reason = CASE WHEN reason = :deleted THEN reason ELSE VALUES(reason) END,
        checked_at = VALUES(checked_at)
";

fn coverage(row: Row) -> Result<Coverage, StoreError> {
    let mut row = Columns::new("coverage", row);
    let channel_id = ChannelId(row.uuid("channel_id")?);
    let low: Option<MessageId> = row.optional_id("low")?;
    let high: Option<MessageId> = row.optional_id("high")?;
    let start_reached = row.get::<Option<bool>>("start_reached")?.unwrap_or(false);
    let reason = row.get("reason")?;
    let checked_at = row.optional_time("checked_at")?;
    let message_count = row.get("message_count")?;
    let interval = match (low, high) {
        (None, None) => None,
        (Some(low), Some(high)) => Some(Interval::new(low, high).ok_or_else(|| row.corrupt("low"))?),
        (None, Some(_)) => return Err(row.corrupt("low")),
        (Some(_), None) => return Err(row.corrupt("high")),
    };
    let (unreadable_count, read_whole_at) = (0, None);
    Ok(Coverage {
        channel_id,
        interval,
        start_reached,
        message_count,
        unreadable_count,
        reason,
        checked_at,
        read_whole_at,
    })
}

fn interval(columns: &mut Columns) -> Result<Interval, StoreError> {
    Interval::new(columns.id("low")?, columns.id("high")?).ok_or_else(|| columns.corrupt("low"))
}

fn segment(row: Row) -> Result<Segment, StoreError> {
    let mut row = Columns::new("coverage_segments", row);
    let (interval, newest_at) = (interval(&mut row)?, row.time("observed_at")?);
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

impl Unit {
    /// Returns the coverage, from the oldest message on where nothing older can exist.
    async fn since_oldest(&mut self, coverage: Coverage) -> Result<Coverage, StoreError> {
        let Some(held) = coverage.interval.filter(|_| coverage.start_reached) else { return Ok(coverage) };
        let id = |row| Columns::new("messages", row).id("message_id");
        let oldest = self.row(OLDEST, params! { "channel_id" => coverage.channel_id.to_string() }, id).await?;
        Ok(Coverage { interval: Some(oldest.map_or(held, |oldest| held.since(oldest))), ..coverage })
    }

    /// Counts the unreadable entries of the channels.
    async fn count_unreadable(&mut self, listed: &mut [Coverage]) -> Result<(), StoreError> {
        let ids: Vec<ChannelId> = listed.iter().map(|coverage| coverage.channel_id).collect();
        for ids in padded(&ids) {
            let count = |row| {
                let mut row = Columns::new("unreadable_messages", row);
                Ok((ChannelId(row.uuid("channel_id")?), row.get("unreadable_count")?))
            };
            let keys: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            let counts: Vec<(ChannelId, u64)> = self.rows(&list_sql(COUNT_UNREADABLE, ids.len()), keys, count).await?;
            for (channel, count) in counts {
                for coverage in listed.iter_mut().filter(|coverage| coverage.channel_id == channel) {
                    coverage.unreadable_count = count;
                }
            }
        }
        Ok(())
    }

    /// Finds the times since which the channels were read whole.
    async fn find_read_whole(&mut self, listed: &mut [Coverage]) -> Result<(), StoreError> {
        let ids: Vec<ChannelId> = listed.iter().map(|coverage| coverage.channel_id).collect();
        for ids in padded(&ids) {
            let time = |row| {
                let mut row = Columns::new("coverage_segments", row);
                Ok((ChannelId(row.uuid("channel_id")?), row.optional_time("read_whole_at")?))
            };
            let keys: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            let times: Vec<(ChannelId, Option<Timestamp>)> =
                self.rows(&list_sql(READ_WHOLE, ids.len()), keys, time).await?;
            for (channel, time) in times {
                for coverage in listed.iter_mut().filter(|coverage| coverage.channel_id == channel) {
                    coverage.read_whole_at = time;
                }
            }
        }
        Ok(())
    }

    /// Loads the segments that overlap or touch `span`.
    pub(crate) async fn segments_near(&mut self, channel: ChannelId, span: Interval) -> Result<Near, StoreError> {
        let (low, high) = (span.low().get(), span.high().get());
        let parameters = params! { "channel_id" => channel.to_string(), low, high };
        let mut rows = self.rows(SEGMENTS_NEAR, parameters, segment).await?;
        rows.sort_unstable_by_key(|segment| segment.interval().low());
        let proven = proven(&rows)?;
        Ok(Near { rows, proven })
    }

    /// Adds `new` to the segments that overlap or touch it.
    pub(crate) async fn record_near(
        &mut self,
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
            let low = gone.interval().low().get();
            self.run(DELETE_SEGMENT, params! { "channel_id" => channel.to_string(), "low" => low }).await?;
        }
        let made: Vec<&Segment> = after.iter().filter(|segment| !rows.contains(segment)).collect();
        self.insert_segments(channel, &made).await?;
        let (before, run) = self.newest_run(channel, new.interval).await?;
        // The high end follows the time of each observation, as `checked_at` does.
        if before.map(Interval::low) != Some(run.low()) {
            self.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        }
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "low" => run.low().get(),
            "high" => run.high().get(),
            "start_reached" => run.reaches_start(),
            "checked_at" => datetime(new.observed_at),
        };
        self.run(RECORD, parameters).await.map(drop)
    }

    async fn insert_segments(&mut self, channel: ChannelId, segments: &[&Segment]) -> Result<(), StoreError> {
        let row = |segment: &&Segment| -> [Value; 6] {
            [
                channel.to_string().into(),
                segment.interval().low().get().into(),
                segment.interval().high().get().into(),
                datetime(segment.newest_at()),
                datetime(segment.oldest_at()),
                segment.parts_text().into(),
            ]
        };
        insert(self, INSERT_SEGMENTS, segments.iter().map(row).collect(), "").await
    }

    /// Returns the newest gapless interval before and after `new` was added to the segments.
    async fn newest_run(
        &mut self,
        channel: ChannelId,
        new: Interval,
    ) -> Result<(Option<Interval>, Interval), StoreError> {
        let held = |row| interval(&mut Columns::new("coverage", row));
        let before = self.row(RUN, params! { "channel_id" => channel.to_string() }, held).await?;
        let mut run = before.map_or(new, |before| before.with_newer(new));
        if before.is_none_or(|before| run.low() >= before.low()) {
            return Ok((before, run));
        }
        loop {
            let below = |row| interval(&mut Columns::new("coverage_segments", row));
            let parameters = params! { "channel_id" => channel.to_string(), "low" => run.low().get() };
            let down = run.down(self.rows(SEGMENTS_BELOW, parameters, below).await?);
            if down == run {
                return Ok((before, run));
            }
            run = down;
        }
    }
}

#[async_trait]
impl CoverageRepository for Unit {
    async fn find(&mut self, channel: ChannelId) -> Result<Option<Coverage>, StoreError> {
        match self.row(FIND, params! { "channel_id" => channel.to_string() }, coverage).await? {
            Some(found) => {
                let mut found = self.since_oldest(found).await?;
                self.count_unreadable(std::slice::from_mut(&mut found)).await?;
                self.find_read_whole(std::slice::from_mut(&mut found)).await?;
                Ok(Some(found))
            }
            None => Ok(None),
        }
    }

    async fn list(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Coverage>, StoreError> {
        let after = page.after.map_or_else(String::new, |after| after.to_string());
        let parameters = params! { "tenant_id" => tenant.to_string(), "after" => after, "limit" => page.limit };
        let mut listed = self.rows(LIST, parameters, coverage).await?;
        for coverage in &mut listed {
            *coverage = self.since_oldest(coverage.clone()).await?;
        }
        self.count_unreadable(&mut listed).await?;
        self.find_read_whole(&mut listed).await?;
        Ok(listed)
    }

    async fn segments(&mut self, channel: ChannelId) -> Result<Segments, StoreError> {
        proven(&self.rows(SEGMENTS, params! { "channel_id" => channel.to_string() }, segment).await?)
    }

    async fn record(&mut self, channel: ChannelId, observations: &[Observation]) -> Result<(), StoreError> {
        lock_channel(self, channel).await?;
        for seen in observations {
            let near = self.segments_near(channel, seen.interval).await?;
            self.record_near(channel, near, *seen).await?;
        }
        Ok(())
    }

    async fn note(
        &mut self,
        channel: ChannelId,
        checked_at: Timestamp,
        start_reached: bool,
        reason: Option<String>,
    ) -> Result<(), StoreError> {
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "start_reached" => start_reached,
            "reason" => reason,
            "checked_at" => datetime(checked_at),
            "deleted" => Coverage::DELETED,
        };
        match self.attempt(NOTE, parameters).await? {
            Ok(_) => self.log_in(channel, [ChangeKind::Channel { channel }]).await,
            Err(error) if code(&error) == Some(NO_REFERENCED_ROW) => Err(StoreError::Missing { what: "channel" }),
            Err(error) => Err(self.given_up(store_error(&error))),
        }
    }

    async fn restore(&mut self, copy: &Coverage, copied: &Segments) -> Result<bool, StoreError> {
        let channel = copy.channel_id;
        self.row(LOCK, params! { "channel_id" => channel.to_string() }, |_| Ok(())).await?;
        let held = CoverageRepository::find(self, channel).await?.ok_or(StoreError::Missing { what: "channel" })?;
        let same = held.says_the_same(copy) && self.segments(channel).await? == *copied;
        if same || held.checked_at > copy.checked_at {
            return Ok(false);
        }
        self.run(DELETE_SEGMENTS, params! { "channel_id" => channel.to_string() }).await?;
        let copied: Vec<Segment> = copied.segments().collect();
        self.insert_segments(channel, &copied.iter().collect::<Vec<_>>()).await?;
        let interval = copy.kept_interval();
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "low" => interval.map(|interval| interval.low().get()),
            "high" => interval.map(|interval| interval.high().get()),
            "start_reached" => copy.start_reached,
            "reason" => copy.reason.as_deref(),
            "checked_at" => datetime_if(copy.checked_at),
            "deleted" => Coverage::DELETED,
        };
        self.run(RESTORE, parameters).await?;
        self.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        Ok(true)
    }
}
