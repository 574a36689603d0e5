//! Writes the pages of a channel, and removes messages permanently.

use std::convert::Infallible;

use adapter_sql::columns::Columns;
use adapter_sql::message::{RowWidth, attachment_rows, deletion_number, message_values, reaction_rows, shown_sql};
use adapter_sql::session::Session;
use adapter_sql::sql;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::{Deletion, MessageId};
use domain::page::{Activity, ActivityPlan, MessagePage, PageOutcome, Recount, StatsPlan, Write, WritePlan};
use mysql_async::{Params, Value, params};
use ports::error::StoreError;

use super::clear;
use crate::batch::{insert_sql, list_sql, padded, padded_size, pieces, size};
use crate::channel::{LockedChannel, StoredRange};
use crate::row::{datetime, datetime_if, of, value, values};
use crate::unit::Unit;

/// New rows. The lock of the channel keeps other writers out, so `TiDB` need not lock each key as well: it finds out by the
/// commit that none is taken.
const INSERT_PLAIN: &str = sql! {r"
    INSERT /*+ SET_VAR(tidb_constraint_check_in_place_pessimistic = 0) */ INTO messages ({plain_message})
    VALUES
"};

/// As in [`INSERT_PLAIN`].
const INSERT_SHORT: &str = sql! {r"
    INSERT /*+ SET_VAR(tidb_constraint_check_in_place_pessimistic = 0) */ INTO messages ({short_message})
    VALUES
"};

const UPSERT: &str = sql! {r"
    INSERT INTO messages ({message}, digest)
    VALUES
"};

const UPSERT_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        kind = VALUES(kind), author = VALUES(author), author_bot = VALUES(author_bot),
        author_webhook = VALUES(author_webhook), content = VALUES(content), edited_at = VALUES(edited_at),
        observed_at = VALUES(observed_at), origin = VALUES(origin), digest = VALUES(digest), pinned = VALUES(pinned),
        flags = VALUES(flags), ref_kind = VALUES(ref_kind), ref_message_id = VALUES(ref_message_id),
        ref_channel_id = VALUES(ref_channel_id), ref_guild_id = VALUES(ref_guild_id), mentions = VALUES(mentions),
        embeds = VALUES(embeds), stickers = VALUES(stickers), components = VALUES(components),
        snapshots = VALUES(snapshots), poll = VALUES(poll), extra = VALUES(extra), sent_at = VALUES(sent_at),
        deleted_at = VALUES(deleted_at), deletion_kind = VALUES(deletion_kind)
";

/// As in [`INSERT_PLAIN`], here and in the next statement.
const INSERT_ATTACHMENTS: &str = sql! {r"
    INSERT /*+ SET_VAR(tidb_constraint_check_in_place_pessimistic = 0) */ INTO attachments (channel_id, {attachment})
    VALUES
"};

const INSERT_REACTIONS: &str = sql! {r"
    INSERT /*+ SET_VAR(tidb_constraint_check_in_place_pessimistic = 0) */ INTO reactions (channel_id, emoji, {reaction})
    VALUES
"};

const DELETE_ATTACHMENTS: &str = r"
    DELETE FROM attachments
    WHERE channel_id = ?
        AND message_id IN (…)
";

const DELETE_REACTIONS: &str = r"
    DELETE FROM reactions
    WHERE channel_id = ?
        AND message_id IN (…)
";

const MARK_DELETED: &str = r"
    UPDATE messages
    SET deleted_at = ?, deletion_kind = ?
    WHERE channel_id = ?
        AND message_id IN (…)
";

const TOUCH: &str = r"
    UPDATE messages
    SET observed_at = ?, origin = ?, deleted_at = ?, deletion_kind = ?
    WHERE channel_id = ?
        AND message_id IN (…)
";

/// Counts the messages that are shown to readers; [`shown_sql`] fills in their types.
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

const UPDATE_CHANNEL: &str = r"
    UPDATE channels
    SET fence = :fence, message_count = :message_count, newest_message_id = :newest_message_id,
        last_activity_at = :last_activity_at, active_at = :active_at, lowest_message_id = :lowest_message_id,
        highest_message_id = :highest_message_id
    WHERE channel_id = :channel_id
";

const DELETE_FIRST_ATTACHMENTS: &str = r"
    DELETE FROM attachments
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
";

const DELETE_FIRST_REACTIONS: &str = r"
    DELETE FROM reactions
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
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

/// Makes every other writer of the channel wait; returns the channel as it is now.
pub(crate) async fn lock(unit: &mut Unit, channel: ChannelId) -> Result<LockedChannel, StoreError> {
    unit.lock_channel(channel).await?.ok_or(StoreError::Missing { what: "channel" })
}

pub(super) async fn replace_interval(
    unit: &mut Unit,
    channel: ChannelId,
    page: &MessagePage,
) -> Result<PageOutcome, StoreError> {
    let locked = lock(unit, channel).await?;
    let Some(span) = page.span() else { return Ok(PageOutcome::default()) };
    let state = unit.state(&locked, page, span).await?;
    let plan = WritePlan::new(channel, page, &state);
    clear::store_texts(unit, &locked, page, &plan).await?;
    write(unit, channel, &plan).await?;
    clear::clear(unit, channel, &plan).await?;
    clear::discard_files(unit, channel, &plan.edited).await?;
    clear::enter_removals(unit, plan.removals(channel)).await?;
    let range = unit.widened(&locked, plan.insert.iter().map(|write| write.message.id)).await?;
    update_channel(unit, locked, plan.stats, range).await?;
    unit.add_to_days(channel, &plan.days);
    if let Some(coverage) = &plan.coverage {
        unit.defer_coverage(channel, coverage);
    }
    unit.log_in(channel, plan.changes).await?;
    Ok(plan.outcome)
}

async fn write(unit: &mut Unit, channel: ChannelId, plan: &WritePlan<'_>) -> Result<(), StoreError> {
    let replaced: Vec<_> = plan.update.iter().map(|write| write.message.id).collect();
    remove_children(unit, channel, &replaced).await?;
    // All at once and in the order of their keys: fewer statements, and units do not block each other.
    let mut rows: Vec<_> = plan.insert.iter().chain(&plan.update).copied().collect();
    rows.sort_unstable_by_key(|write| write.message.id);
    upsert_messages(unit, &rows, plan.update.is_empty()).await?;
    for (touch, ids) in &plan.touch {
        let [deleted_at, kind] = deletion_values(touch.deletion);
        for ids in padded(ids) {
            let first =
                [datetime(touch.observed_at), touch.origin.as_number().into(), deleted_at.clone(), kind.clone()];
            unit.run(&list_sql(TOUCH, ids.len()), keys(first, channel, &ids)).await?;
        }
    }
    for ids in padded(&plan.delete) {
        let parameters = keys(deletion_values(plan.deletion), channel, &ids);
        unit.run(&list_sql(MARK_DELETED, ids.len()), parameters).await?;
    }
    Ok(())
}

/// Stores the counters and the range of a channel, if they change, and a fence that is to be raised.
pub(super) async fn update_channel(
    unit: &mut Unit,
    locked: LockedChannel,
    stats: Option<StatsPlan>,
    range: Option<StoredRange>,
) -> Result<(), StoreError> {
    let Some(stats) = stats else {
        unit.set_range(&locked, range);
        return Ok(());
    };
    let Activity { newest, active_at } = match stats.activity {
        ActivityPlan::Set(activity) => activity,
        ActivityPlan::Reread => Activity::of(unit.newest(locked.id).await?, locked.stats.platform_id),
    };
    let fence = unit.fences.remove(&locked.id).map_or(locked.fence, domain::lease::Fence::get);
    let parameters = params! {
        "channel_id" => locked.id.to_string(),
        "fence" => fence,
        "message_count" => stats.message_count,
        "newest_message_id" => newest.map(|newest| newest.id.get()),
        "last_activity_at" => datetime_if(newest.map(|newest| newest.sent_at)),
        "active_at" => datetime(active_at),
        "lowest_message_id" => range.map(|range| range.lowest),
        "highest_message_id" => range.map(|range| range.highest),
    };
    unit.defer(UPDATE_CHANNEL, &parameters);
    Ok(())
}

fn deletion_values(deletion: Option<Deletion>) -> [Value; 2] {
    [datetime_if(deletion.map(|deletion| deletion.at)), deletion_number(deletion).into()]
}

/// Removes the attachments and reactions of messages that are replaced.
pub(super) async fn remove_children(
    unit: &mut Unit,
    channel: ChannelId,
    replaced: &[MessageId],
) -> Result<(), StoreError> {
    for ids in padded(replaced) {
        unit.run(&list_sql(DELETE_ATTACHMENTS, ids.len()), keys([], channel, &ids)).await?;
        unit.run(&list_sql(DELETE_REACTIONS, ids.len()), keys([], channel, &ids)).await?;
    }
    Ok(())
}

/// Returns the values of a statement on some messages of a channel.
pub(super) fn keys<const N: usize>(first: [Value; N], channel: ChannelId, ids: &[MessageId]) -> Params {
    let channel = std::iter::once(Value::from(channel.to_string()));
    Params::Positional(first.into_iter().chain(channel).chain(ids.iter().map(|id| id.get().into())).collect())
}

/// Stores messages with their attachments and reactions, of which none is stored; `are_new` says that no message is,
/// either.
pub(super) async fn upsert_messages(unit: &mut Unit, writes: &[Write<'_>], are_new: bool) -> Result<(), StoreError> {
    let mut rest = writes;
    if are_new {
        rest = match RowWidth::of(writes) {
            RowWidth::Short => {
                insert::<{ RowWidth::Short.columns() }>(unit, INSERT_SHORT, RowWidth::Short, writes).await?
            }
            RowWidth::Plain => {
                insert::<{ RowWidth::Plain.columns() }>(unit, INSERT_PLAIN, RowWidth::Plain, writes).await?
            }
            RowWidth::Whole => writes,
        };
    }
    let rows: Vec<_> = rest.iter().map(|write| row::<{ RowWidth::Whole.columns() }>(write, RowWidth::Whole)).collect();
    upsert(unit, UPSERT, &rows, UPSERT_TAIL).await?;
    let attachments: Vec<_> = attachment_rows(writes).map(values).collect();
    unit.defer_rows(INSERT_ATTACHMENTS, &attachments).await?;
    let reactions: Vec<_> = reaction_rows(writes).map(values).collect();
    unit.defer_rows(INSERT_REACTIONS, &reactions).await
}

/// Inserts new rows as far as there are statements of the right sizes; returns the others.
async fn insert<'a, 'b, const N: usize>(
    unit: &mut Unit,
    head: &str,
    width: RowWidth,
    writes: &'b [Write<'a>],
) -> Result<&'b [Write<'a>], StoreError> {
    let mut rows: Vec<[Value; N]> = writes.iter().map(|write| row(write, width)).collect();
    let sizes: Vec<_> = pieces(&rows, size).map(<[_]>::len).take_while(|count| *count == padded_size(*count)).collect();
    let mut rest = writes;
    for count in sizes {
        let sql = insert_sql(head, N, count, "");
        unit.run(&sql, rows.drain(..count).flatten().collect::<Vec<_>>()).await?;
        rest = &rest[count..];
    }
    Ok(rest)
}

/// Returns a row of that width, which has `N` columns.
fn row<const N: usize>(write: &Write<'_>, width: RowWidth) -> [Value; N] {
    let (mut row, mut next) = ([const { Value::NULL }; N], 0);
    let Ok(()) = message_values(write, width, |shared| {
        row[next] = value(shared);
        next += 1;
        Ok::<_, Infallible>(())
    });
    row
}

/// Runs `head`, the rows and `tail`, a statement that is safe to repeat, as few times as possible.
pub(crate) async fn upsert<const N: usize>(
    unit: &mut Unit,
    head: &str,
    rows: &[[Value; N]],
    tail: &str,
) -> Result<(), StoreError> {
    for piece in pieces(rows, size) {
        let count = padded_size(piece.len());
        let shortest = piece.iter().min_by_key(|row| size(row));
        let filling = shortest.into_iter().cycle().take(count - piece.len());
        let parameters: Vec<Value> = piece.iter().chain(filling).flatten().cloned().collect();
        unit.run(&insert_sql(head, N, count, tail), parameters).await?;
    }
    Ok(())
}

/// Both numbers are read by one statement, whatever other units write meanwhile.
pub(crate) async fn recount(unit: &mut Unit, channel: ChannelId) -> Result<u64, StoreError> {
    let counted =
        of("channels", |row| Ok(Recount { stored: row.number("message_count")?, counted: row.number("counted")? }));
    let recount = unit.row(&shown_sql(COUNT), params! { "channel_id" => channel.to_string() }, counted).await?;
    let recount = recount.ok_or(StoreError::Missing { what: "channel" })?;
    if recount.error() != 0 {
        // The newest message is read and stored while no other unit can add one.
        let locked = lock(unit, channel).await?;
        let stats = recount.correct(locked.stats.message_count);
        let range = locked.range;
        update_channel(unit, locked, Some(stats), range).await?;
        unit.log_in(channel, [ChangeKind::Channel { channel }]).await?;
    }
    Ok(recount.error())
}

pub(super) async fn remove_interval(
    unit: &mut Unit,
    channel: ChannelId,
    interval: Interval,
) -> Result<u64, StoreError> {
    let (low, high) = (interval.low().get(), interval.high().get());
    let parameters = params! { "channel_id" => channel.to_string(), low, high };
    // These rows are found faster by their own ranges than one by one through their messages.
    unit.run(DELETE_FIRST_ATTACHMENTS, parameters.clone()).await?;
    unit.run(DELETE_FIRST_REACTIONS, parameters.clone()).await?;
    let removed = unit.run(DELETE_FIRST, parameters).await?;
    unit.defer(FORGET_NEWEST, &params! { "channel_id" => channel.to_string() });
    Ok(removed)
}
