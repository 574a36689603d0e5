//! Writes the pages of a channel, and removes messages permanently.

use adapter_sql::columns::Columns;
use adapter_sql::coverage::stored_coverage;
use adapter_sql::message::{
    RowWidth, attachment_rows, deletion_number, message_values, newest, reaction_rows, shown_sql, stored_stats,
    stored_version,
};
use adapter_sql::sql;
use domain::change::{Change, ChangeKind};
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::coverage::{Interval, Segments, StoredCoverage};
use domain::message::{MessageId, StoredMessage};
use domain::page::{
    Activity, ActivityPlan, MessagePage, Newest, PageOutcome, Recount, RestorePlan, RestoreState, StatsPlan,
    StoredState, StoredStats, StoredVersion, Write, WritePlan, removals,
};
use ports::error::StoreError;
use rusqlite::{Connection, named_params};

use super::{clear, read};
use crate::error::store_error;
use crate::row::{Text, execute, insert_all, insert_each, millis, number, query, query_one};
use crate::{change, coverage, day};

const CHANNEL: &str = sql! {r"
    SELECT platform_id, message_count, newest_message_id, last_activity_at, {coverage}
    FROM channels
    LEFT JOIN coverage ON coverage.channel_id = channels.channel_id
    WHERE channels.channel_id = :channel_id
"};

const HAS_UNREADABLE: &str = r"
    SELECT unreadable_id
    FROM unreadable_messages
    WHERE channel_id = :channel_id
        AND low <= :high
        AND high >= :low
    ORDER BY unreadable_id
    LIMIT 1
";

const VERSIONS: &str = sql! {r"
    SELECT message_id, kind, {version}, author_bot, author_webhook, OCTET_LENGTH(content) AS text_bytes
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id
"};

const INSERT: &str = sql! {r"
    INSERT INTO messages ({message}, digest)
"};

const INSERT_PLAIN: &str = sql! {r"
    INSERT INTO messages ({plain_message})
"};

const INSERT_SHORT: &str = sql! {r"
    INSERT INTO messages ({short_message})
"};

const INSERT_ATTACHMENTS: &str = sql! {r"
    INSERT INTO attachments (channel_id, {attachment})
"};

const INSERT_REACTIONS: &str = sql! {r"
    INSERT INTO reactions (channel_id, emoji, {reaction})
"};

/// Removes a row that a newer version replaces, with its attachments and reactions.
const REMOVE: &str = r"
    DELETE FROM messages
    WHERE channel_id = :channel_id
        AND message_id = :message_id
";

const MARK_DELETED: &str = r"
    UPDATE messages
    SET deleted_at = :deleted_at, deletion_kind = :deletion_kind
    WHERE channel_id = :channel_id
        AND message_id = :message_id
";

const TOUCH: &str = r"
    UPDATE messages
    SET observed_at = :observed_at, origin = :origin, deleted_at = :deleted_at, deletion_kind = :deletion_kind
    WHERE channel_id = :channel_id
        AND message_id = :message_id
";

/// Counts the messages that are shown to readers; [`shown_sql`] fills in their types, here and in the next statement.
const COUNT: &str = r"
    SELECT message_count, (
        SELECT COUNT(*)
        FROM messages
        WHERE channel_id = :channel_id
            AND deleted_at IS NULL
            AND kind IN (:shown)
    ) AS counted
    FROM channels
    WHERE channel_id = :channel_id
";

const SET_STATS: &str = r"
    UPDATE channels
    SET message_count = :message_count, newest_message_id = :newest_message_id, last_activity_at = :last_activity_at,
        active_at = :active_at
    WHERE channel_id = :channel_id
";

const NEWEST: &str = r"
    SELECT message_id, sent_at
    FROM messages
    WHERE channel_id = :channel_id
        AND deleted_at IS NULL
        AND kind IN (:shown)
    ORDER BY message_id DESC
    LIMIT 1
";

const DELETE_FIRST: &str = r"
    DELETE FROM messages
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
";

const FORGET_NEWEST: &str = r"
    UPDATE channels
    SET newest_message_id = NULL
    WHERE channel_id = :channel_id
";

pub(super) fn replace_interval(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    page: &MessagePage,
) -> Result<PageOutcome, StoreError> {
    let (known, coverage) = find_channel(connection, channel)?;
    let platform_id = known.platform_id;
    let Some(span) = page.span() else { return Ok(PageOutcome::default()) };
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(span.low()), ":high": number(span.high()),
    };
    let unreadable = query_one(connection, "unreadable_messages", HAS_UNREADABLE, parameters, |_| Ok(()))?;
    let state = StoredState {
        rows: versions(connection, channel, page, span)?,
        near: coverage::near(connection, channel, span)?,
        coverage,
        stats: known,
        has_unreadable: unreadable.is_some(),
    };
    let plan = WritePlan::new(channel, page, &state);
    clear::store_texts(connection, channel, page, &plan)?;
    write(connection, channel, &plan).map_err(store_error)?;
    clear::clear(connection, channel, &plan)?;
    clear::discard_files(connection, channel, &plan.edited)?;
    clear::enter_removals(connection, plan.removals(channel))?;
    set_stats(connection, channel, platform_id, plan.stats)?;
    day::add(connection, channel, &plan.days)?;
    if let Some(plan) = &plan.coverage {
        coverage::execute_plan(connection, channel, plan)?;
    }
    change::log(connection, changes, channel, plan.changes)?;
    Ok(plan.outcome)
}

/// Returns the counters and the coverage of a channel.
fn find_channel(connection: &Connection, channel: ChannelId) -> Result<(StoredStats, StoredCoverage), StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let found =
        query_one(connection, "channels", CHANNEL, parameters, |row| Ok((stored_stats(row)?, stored_coverage(row)?)))?;
    found.ok_or(StoreError::Missing { what: "channel" })
}

/// Returns the newest message of a channel that is shown to readers.
fn find_newest(connection: &Connection, channel: ChannelId) -> Result<Option<Newest>, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    query_one(connection, "messages", &shown_sql(NEWEST), parameters, |row| newest(row))
}

/// Returns the rows of the interval of a page; for a page without one, those of its messages, which can be far apart.
fn versions(
    connection: &Connection,
    channel: ChannelId,
    page: &MessagePage,
    span: Interval,
) -> Result<Vec<StoredVersion>, StoreError> {
    let between = |low: MessageId, high: MessageId| {
        let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(low), ":high": number(high)};
        query(connection, "messages", VERSIONS, parameters, |row| stored_version(row, "message_id"))
    };
    if page.interval().is_some() {
        return between(span.low(), span.high());
    }
    let mut rows = Vec::with_capacity(page.messages().len());
    for message in page.messages() {
        rows.extend(between(message.id, message.id)?);
    }
    Ok(rows)
}

fn write(connection: &Connection, channel: ChannelId, plan: &WritePlan<'_>) -> rusqlite::Result<()> {
    remove(connection, channel, plan.update.iter().map(|write| write.message.id))?;
    insert(connection, &plan.insert)?;
    insert(connection, &plan.update)?;
    for (touch, ids) in &plan.touch {
        for id in ids {
            let parameters = named_params! {
                ":channel_id": Text(channel.0),
                ":message_id": number(*id),
                ":observed_at": millis(touch.observed_at),
                ":origin": touch.origin.as_number(),
                ":deleted_at": touch.deletion.map(|deletion| millis(deletion.at)),
                ":deletion_kind": deletion_number(touch.deletion),
            };
            execute(connection, TOUCH, parameters)?;
        }
    }
    for gone in &plan.delete {
        let parameters = named_params! {
            ":channel_id": Text(channel.0),
            ":message_id": number(*gone),
            ":deleted_at": plan.deletion.map(|deletion| millis(deletion.at)),
            ":deletion_kind": deletion_number(plan.deletion),
        };
        execute(connection, MARK_DELETED, parameters)?;
    }
    Ok(())
}

/// Removes rows that others replace.
pub(super) fn remove(
    connection: &Connection,
    channel: ChannelId,
    ids: impl IntoIterator<Item = MessageId>,
) -> rusqlite::Result<()> {
    for id in ids {
        execute(connection, REMOVE, named_params! {":channel_id": Text(channel.0), ":message_id": number(id)})?;
    }
    Ok(())
}

pub(super) fn insert(connection: &Connection, writes: &[Write<'_>]) -> rusqlite::Result<()> {
    let width = RowWidth::of(writes);
    let sql = match width {
        RowWidth::Short => INSERT_SHORT,
        RowWidth::Plain => INSERT_PLAIN,
        RowWidth::Whole => INSERT,
    };
    insert_each(connection, sql, width.columns(), writes.iter(), |write, binder| {
        message_values(write, width, |value| binder.bind(value))
    })?;
    insert_all(connection, INSERT_ATTACHMENTS, attachment_rows(writes).collect::<Vec<_>>().into_iter())?;
    insert_all(connection, INSERT_REACTIONS, reaction_rows(writes).collect::<Vec<_>>().into_iter())
}

/// Stores the counters of a channel, if they change.
fn set_stats(
    connection: &Connection,
    channel: ChannelId,
    platform_id: ChannelSnowflake,
    plan: Option<StatsPlan>,
) -> Result<(), StoreError> {
    let Some(StatsPlan { message_count, activity }) = plan else { return Ok(()) };
    let Activity { newest, active_at } = match activity {
        ActivityPlan::Set(activity) => activity,
        ActivityPlan::Reread => Activity::of(find_newest(connection, channel)?, platform_id),
    };
    let parameters = named_params! {
        ":channel_id": Text(channel.0),
        ":message_count": message_count,
        ":newest_message_id": newest.map(|newest| number(newest.id)),
        ":last_activity_at": newest.map(|newest| millis(newest.sent_at)),
        ":active_at": millis(active_at),
    };
    execute(connection, SET_STATS, parameters).map(drop).map_err(store_error)
}

pub(crate) fn recount(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
) -> Result<u64, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let recount = query_one(connection, "channels", &shown_sql(COUNT), parameters, |row| {
        Ok(Recount { stored: row.number("message_count")?, counted: row.number("counted")? })
    })?;
    let recount = recount.ok_or(StoreError::Missing { what: "channel" })?;
    if recount.error() != 0 {
        let (StoredStats { platform_id, message_count, .. }, _) = find_channel(connection, channel)?;
        set_stats(connection, channel, platform_id, Some(recount.correct(message_count)))?;
        change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
    }
    Ok(recount.error())
}

pub(super) fn restore(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    messages: &[StoredMessage],
    theirs: &Segments,
) -> Result<u64, StoreError> {
    let (known, _) = find_channel(connection, channel)?;
    let platform_id = known.platform_id;
    let ends = messages.first().zip(messages.last());
    let span = ends.and_then(|(first, last)| Interval::new(first.message.id, last.message.id));
    let Some(span) = span else { return Ok(0) };
    let near = coverage::near(connection, channel, span)?;
    let held = messages.iter().filter_map(|copy| read::find(connection, channel, copy.message.id).transpose());
    let held: Vec<StoredMessage> = held.collect::<Result<_, _>>()?;
    let state = RestoreState { messages: &held, proven: near.proven(), stats: &known };
    let plan = RestorePlan::new(channel, messages, theirs, state);
    remove(connection, channel, plan.replaced.iter().copied()).map_err(store_error)?;
    let writes = plan.writes();
    insert(connection, &writes).map_err(store_error)?;
    clear::enter_removals(connection, removals(channel, &writes))?;
    clear::discard_files(connection, channel, &plan.final_here)?;
    set_stats(connection, channel, platform_id, plan.stats)?;
    day::add(connection, channel, &plan.days)?;
    change::log(connection, changes, channel, plan.changes)?;
    Ok(plan.messages.len() as u64)
}

pub(super) fn remove_interval(
    connection: &Connection,
    channel: ChannelId,
    interval: Interval,
) -> Result<u64, StoreError> {
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(interval.low()), ":high": number(interval.high()),
    };
    let removed = execute(connection, DELETE_FIRST, parameters).map_err(store_error)?;
    execute(connection, FORGET_NEWEST, named_params! {":channel_id": Text(channel.0)}).map_err(store_error)?;
    Ok(removed as u64)
}
