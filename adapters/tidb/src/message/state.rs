//! Reads the stored state that a page is compared with, in one statement.

use adapter_sql::session::FromRow;
use adapter_sql::sql;
use std::sync::LazyLock;

use adapter_sql::columns::{Columns, in_table};
use adapter_sql::message::{newest, shown_sql, stored_version};
use domain::channel::ChannelId;
use domain::coverage::{Interval, Segment, StoredCoverage};
use domain::message::MessageId;
use domain::page::{MessagePage, Newest, StoredState, StoredVersion};
use mysql_async::{Row, params};
use ports::error::StoreError;

use super::write::keys;
use crate::batch::{list_sql, padded};
use crate::channel::LockedChannel;
use crate::coverage::{FEW, LAST_SEGMENTS, last_near};
use crate::row::{NamedRow, of};
use crate::unit::Unit;

/// The parts of a state are one list, so that they cost one round trip. Each row names its part; the columns of the
/// other parts are `NULL`.
const VERSIONS: &str = sql! {r"
    (
        SELECT 1 AS part, message_id AS low, NULL AS high, kind, {version}, NULL AS parts, author_bot, author_webhook,
            LENGTH(content) AS text_bytes
        FROM messages
        WHERE channel_id = :channel_id
            AND message_id BETWEEN :low AND :high
    )
"};

/// The newest message that is shown to readers; [`shown_sql`] fills in the types.
const NEWEST: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id, sent_at
    FROM messages
    WHERE channel_id = :channel_id
        AND deleted_at IS NULL
        AND kind IN (:shown)
    ORDER BY message_id DESC
    LIMIT 1
";

const UNREADABLE: &str = r"
    (
        SELECT /*+ ORDER_INDEX(unreadable_messages, PRIMARY) */
            3 AS part, low, high, NULL AS kind, NULL AS edited_at, NULL AS observed_at, NULL AS origin, NULL AS digest,
            NULL AS deleted_at, NULL AS deletion_kind, NULL AS parts, NULL AS author_bot, NULL AS author_webhook,
            NULL AS text_bytes
        FROM unreadable_messages
        WHERE channel_id = :channel_id
            AND low <= :high
            AND high >= :low
        ORDER BY unreadable_id
        LIMIT 1
    )
";

/// The coverage of the channel in the columns of the other parts.
const COVERAGE: &str = r"
    (
        SELECT 4 AS part, low, high, start_reached AS kind, NULL AS edited_at, checked_at AS observed_at, NULL AS origin,
            NULL AS digest, NULL AS deleted_at, NULL AS deletion_kind, reason AS parts, NULL AS author_bot,
            NULL AS author_webhook, NULL AS text_bytes
        FROM coverage
        WHERE channel_id = :channel_id
    )
";

/// A page that proves no absence is compared only with the rows of its own ids.
const FIND_VERSIONS: &str = sql! {r"
    SELECT message_id AS low, kind, {version}, author_bot, author_webhook, LENGTH(content) AS text_bytes
    FROM messages
    WHERE channel_id = ?
        AND message_id IN (…)
"};

/// The statements that find a state, with and without the versions and the unreadable items.
static STATES: LazyLock<[[String; 2]; 2]> = LazyLock::new(|| {
    [
        [&[LAST_SEGMENTS, COVERAGE][..], &[LAST_SEGMENTS, UNREADABLE, COVERAGE]],
        [&[VERSIONS, LAST_SEGMENTS, COVERAGE], &[VERSIONS, LAST_SEGMENTS, UNREADABLE, COVERAGE]],
    ]
    .map(|statements| statements.map(union))
});

fn union(parts: &[&str]) -> String {
    parts.iter().map(|part| part.trim()).collect::<Vec<_>>().join(" UNION ALL ")
}

/// A row of [`STATES`].
enum Part {
    Version(StoredVersion),
    Segment(Segment),
    Unreadable,
    Coverage(StoredCoverage),
}

fn part(row: Row) -> Result<Part, StoreError> {
    let mut row = NamedRow::new("messages", row);
    Ok(match row.number::<u8>("part")? {
        1 => Part::Version(version(&mut row)?),
        2 => Part::Segment(Segment::from_row(&mut row.of("coverage_segments"))?),
        3 => Part::Unreadable,
        _ => {
            let names = [("kind", "start_reached"), ("parts", "reason"), ("observed_at", "checked_at")];
            Part::Coverage(coverage(&mut row).map_err(|error| in_table(error, "coverage", &names))?)
        }
    })
}

fn version(row: &mut NamedRow) -> Result<StoredVersion, StoreError> {
    stored_version(row, "low").map_err(|error| in_table(error, "messages", &[("low", "message_id")]))
}

fn coverage(row: &mut NamedRow) -> Result<StoredCoverage, StoreError> {
    Ok(StoredCoverage {
        interval: row.optional_interval()?,
        start_reached: row.flag("kind")?,
        reason: row.optional_text("parts")?,
        checked_at: row.optional_time("observed_at")?,
    })
}

impl Unit {
    /// Returns the state of a locked channel that `page`, which concerns the ids of `span`, is compared with.
    pub(super) async fn state(
        &mut self,
        locked: &LockedChannel,
        page: &MessagePage,
        span: Interval,
    ) -> Result<StoredState, StoreError> {
        let channel = locked.id;
        let (mut versions, mut segments, mut has_unreadable) = (Vec::new(), Vec::new(), false);
        let mut coverage = StoredCoverage::default();
        let (is_whole, has_rows) = (page.interval().is_some(), !locked.has_none_of(span));
        let sql = &STATES[usize::from(is_whole && has_rows)][usize::from(locked.has_unreadable)];
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "low" => span.low().get(),
            "high" => span.high().get(),
            "last" => last_near(span),
            "count" => FEW,
        };
        for part in self.rows(sql, parameters, part).await? {
            match part {
                Part::Version(version) => versions.push(version),
                Part::Segment(segment) => segments.push(segment),
                Part::Unreadable => has_unreadable = true,
                Part::Coverage(stored) => coverage = stored,
            }
        }
        if !is_whole && has_rows {
            let ids: Vec<MessageId> = page.messages().iter().map(|message| message.id).collect();
            for ids in padded(&ids) {
                let sql = list_sql(FIND_VERSIONS, ids.len());
                versions.extend(self.rows(&sql, keys([], channel, &ids), of("messages", version)).await?);
            }
        }
        versions.sort_unstable_by_key(|version| version.id);
        let near = self.complete_near(channel, span, segments).await?;
        Ok(StoredState { rows: versions, near, coverage, stats: locked.stats, has_unreadable })
    }

    /// Returns the newest message of a channel that is shown to readers.
    pub(super) async fn newest(&mut self, channel: ChannelId) -> Result<Option<Newest>, StoreError> {
        let parameters = params! { "channel_id" => channel.to_string() };
        self.row(&shown_sql(NEWEST), parameters, of("messages", newest)).await
    }
}
