//! Writes the pages of a channel, and removes messages permanently.

use domain::change::{Change, ChangeKind};
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::coverage::{Interval, Segments};
use domain::json::Json;
use domain::message::{Attachment, Author, Deletion, DeletionKind, Message, MessageId, MessageKind, Reaction};
use domain::page::{Effect, MessagePage, PagePlan, StoredVersion, Write, changes_of};
use ports::error::StoreError;
use ports::message::{PageOutcome, StoredMessage};
use rusqlite::{Connection, named_params};
use serde_json::json;

use super::read;
use crate::error::store_error;
use crate::row::{Columns, Text, execute, insert_all, millis, number, query, query_one};
use crate::{change, coverage};

const PLATFORM_ID: &str = r"
    SELECT platform_id
    FROM channels
    WHERE channel_id = :channel_id
";

const VERSIONS: &str = r"
    SELECT message_id, kind, edited_at, observed_at, origin, digest, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id
";

const INSERT: &str = r"
    INSERT INTO messages (
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        digest, pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers,
        components, snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    )
";

const INSERT_ATTACHMENTS: &str = r"
    INSERT INTO attachments (
        channel_id, message_id, attachment_id, position, filename, content_type, size_bytes, width, height,
        description, spoiler, url, local_path, extra
    )
";

const INSERT_REACTIONS: &str = r"
    INSERT INTO reactions (channel_id, message_id, emoji, position, emoji_id, emoji_name, animated, count, people)
";

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
    SELECT platform_id, message_count - (
        SELECT COUNT(*)
        FROM messages
        WHERE channel_id = :channel_id
            AND deleted_at IS NULL
            AND kind IN (:shown)
    ) AS beyond
    FROM channels
    WHERE channel_id = :channel_id
";

const SET_STATS: &str = r"
    UPDATE channels
    SET message_count = message_count + :change, last_activity_at = :last_activity_at, active_at = :active_at
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

const FIRST: &str = r"
    SELECT message_id
    FROM messages
    WHERE channel_id = :channel_id
    ORDER BY message_id
    LIMIT :limit
";

const DELETE_FIRST: &str = r"
    DELETE FROM messages
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
";

/// Columns of [`INSERT`], [`INSERT_ATTACHMENTS`] and [`INSERT_REACTIONS`].
const WIDTHS: [usize; 3] = [27, 14, 9];

pub(super) fn replace_interval(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    page: &MessagePage,
) -> Result<PageOutcome, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let platform_id = query_one(connection, "channels", PLATFORM_ID, parameters, |row| row.id("platform_id"))?;
    let platform_id: ChannelSnowflake = platform_id.ok_or(StoreError::Missing { what: "channel" })?;
    let Some(span) = page.span() else { return Ok(PageOutcome::default()) };
    let stored = versions(connection, channel, span)?;
    let near = coverage::segments_near(connection, channel, span)?;
    let plan = PagePlan::new(page, &stored, &near.proven);
    write(connection, channel, &plan).map_err(store_error)?;
    if plan.moves_stats {
        set_stats(connection, channel, platform_id, plan.growth)?;
    }
    if !plan.changed.is_empty() {
        change::log(connection, changes, channel, changes_of(channel, &plan.changed))?;
    }
    if let Some(seen) = page.observation() {
        coverage::record(connection, changes, channel, near, seen)?;
    }
    Ok(PageOutcome::from(&plan))
}

fn versions(connection: &Connection, channel: ChannelId, span: Interval) -> Result<Vec<StoredVersion>, StoreError> {
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(span.low()), ":high": number(span.high()),
    };
    query(connection, "messages", VERSIONS, parameters, |row| {
        Ok(StoredVersion {
            id: row.id("message_id")?,
            kind: MessageKind(row.get("kind")?),
            version: read::version(row)?,
            digest: row.get::<i64>("digest")?.cast_unsigned(),
            deletion: read::deletion(row)?,
        })
    })
}

fn write(connection: &Connection, channel: ChannelId, plan: &PagePlan<'_>) -> rusqlite::Result<()> {
    for replaced in &plan.update {
        let parameters = named_params! {":channel_id": Text(channel.0), ":message_id": number(replaced.message.id)};
        execute(connection, REMOVE, parameters)?;
    }
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
                ":deletion_kind": kind(touch.deletion),
            };
            execute(connection, TOUCH, parameters)?;
        }
    }
    for gone in &plan.delete {
        let parameters = named_params! {
            ":channel_id": Text(channel.0),
            ":message_id": number(*gone),
            ":deleted_at": plan.deletion.map(|deletion| millis(deletion.at)),
            ":deletion_kind": kind(plan.deletion),
        };
        execute(connection, MARK_DELETED, parameters)?;
    }
    Ok(())
}

/// Returns the number of a deletion's kind; without a deletion the number does not matter.
fn kind(deletion: Option<Deletion>) -> u8 {
    deletion.map_or(DeletionKind::Inferred, |deletion| deletion.kind).as_number()
}

fn insert(connection: &Connection, writes: &[Write<'_>]) -> rusqlite::Result<()> {
    let [messages, attachments, reactions] = WIDTHS;
    let Some(first) = writes.first() else { return Ok(()) };
    let channel = first.message.channel_id.to_string();
    insert_all(connection, INSERT, messages, writes, |row, write| {
        let message = write.message;
        row.bind(&channel)?;
        row.bind(number(message.id))?;
        row.bind(message.kind.0)?;
        row.bind(message.author.pseudonym.to_string())?;
        row.bind(message.author.bot)?;
        row.bind(message.author.webhook)?;
        row.bind(&message.content)?;
        row.bind(message.version.edited_at.map(millis))?;
        row.bind(millis(message.version.observed_at))?;
        row.bind(message.version.origin.as_number())?;
        row.bind(write.digest.cast_signed())?;
        row.bind(message.pinned)?;
        row.bind(message.flags.cast_signed())?;
        row.bind(message.reference.map(|reference| reference.kind))?;
        row.bind(message.reference.and_then(|reference| reference.message_id).map(number))?;
        row.bind(message.reference.and_then(|reference| reference.channel_id).map(number))?;
        row.bind(message.reference.and_then(|reference| reference.guild_id).map(number))?;
        row.bind(mentions(&message.mentions))?;
        row.json(message.embeds.as_ref())?;
        row.json(message.stickers.as_ref())?;
        row.json(message.components.as_ref())?;
        row.json(message.snapshots.as_ref())?;
        row.json(message.poll.as_ref())?;
        row.json(message.extra.as_ref())?;
        row.bind(message.sent_at.map(millis))?;
        row.bind(write.deletion.map(|deletion| millis(deletion.at)))?;
        row.bind(kind(write.deletion))
    })?;
    let files: Vec<(&Message, usize, &Attachment)> = writes
        .iter()
        .flat_map(|write| write.message.attachments.iter().enumerate().map(|(at, file)| (write.message, at, file)))
        .collect();
    insert_all(connection, INSERT_ATTACHMENTS, attachments, &files, |row, (message, at, file)| {
        row.bind(&channel)?;
        row.bind(number(message.id))?;
        row.bind(number(file.id))?;
        row.bind(at.cast_signed())?;
        row.bind(&file.filename)?;
        row.bind(&file.content_type)?;
        row.bind(file.size_bytes.cast_signed())?;
        row.bind(file.width)?;
        row.bind(file.height)?;
        row.bind(&file.description)?;
        row.bind(file.spoiler)?;
        row.bind(&file.url)?;
        row.bind(&file.local_path)?;
        row.json(file.extra.as_ref())
    })?;
    let counts: Vec<(&Message, usize, &Reaction)> = writes
        .iter()
        .flat_map(|write| write.message.reactions.iter().enumerate().map(|(at, count)| (write.message, at, count)))
        .collect();
    insert_all(connection, INSERT_REACTIONS, reactions, &counts, |row, (message, at, reaction)| {
        row.bind(&channel)?;
        row.bind(number(message.id))?;
        row.bind(reaction.emoji.key())?;
        row.bind(at.cast_signed())?;
        row.bind(reaction.emoji.id.map(number))?;
        row.bind(&reaction.emoji.name)?;
        row.bind(reaction.emoji.animated)?;
        row.bind(reaction.count)?;
        row.bind((!reaction.people.is_empty()).then(|| Json::new(&json!(reaction.people)).to_string()))
    })
}

fn mentions(people: &[Author]) -> Option<String> {
    let person = |person: &Author| json!({"id": person.pseudonym, "bot": person.bot, "webhook": person.webhook});
    (!people.is_empty()).then(|| Json::new(&people.iter().map(person).collect()).to_string())
}

/// Returns a statement with the numbers of the types that are shown to readers.
fn shown_sql(sql: &str) -> String {
    sql.replace(":shown", &MessageKind::SHOWN.map(|kind| kind.0.to_string()).join(", "))
}

/// Adds `change` to the channel's count and finds the newest message that is shown to readers.
fn set_stats(
    connection: &Connection,
    channel: ChannelId,
    platform_id: ChannelSnowflake,
    change: i64,
) -> Result<(), StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let sent_at = |row: &Columns<'_, '_>| {
        let id: MessageId = row.id("message_id")?;
        Ok(row.optional_time("sent_at")?.unwrap_or_else(|| id.created_at()))
    };
    let last_activity_at = query_one(connection, "messages", &shown_sql(NEWEST), parameters, sent_at)?.map(millis);
    let parameters = named_params! {
        ":channel_id": Text(channel.0),
        ":change": change,
        ":last_activity_at": last_activity_at,
        ":active_at": last_activity_at.unwrap_or_else(|| millis(platform_id.created_at())),
    };
    execute(connection, SET_STATS, parameters).map(drop).map_err(store_error)
}

pub(crate) fn recount(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
) -> Result<u64, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let counted = query_one(connection, "channels", &shown_sql(COUNT), parameters, |row| {
        Ok((row.id("platform_id")?, row.get::<i64>("beyond")?))
    })?;
    let (platform_id, beyond) = counted.ok_or(StoreError::Missing { what: "channel" })?;
    if beyond != 0 {
        set_stats(connection, channel, platform_id, -beyond)?;
        change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
    }
    Ok(beyond.unsigned_abs())
}

pub(super) fn restore(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    messages: &[StoredMessage],
    theirs: &Segments,
) -> Result<u64, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let platform_id = query_one(connection, "channels", PLATFORM_ID, parameters, |row| row.id("platform_id"))?;
    let platform_id: ChannelSnowflake = platform_id.ok_or(StoreError::Missing { what: "channel" })?;
    let ends = messages.first().zip(messages.last());
    let span = ends.and_then(|(first, last)| Interval::new(first.message.id, last.message.id));
    let Some(span) = span else { return Ok(0) };
    let ours = coverage::segments_near(connection, channel, span)?.proven;
    let (mut merged, mut effects, mut change) = (Vec::new(), Vec::new(), 0);
    for copy in messages {
        let held = read::find(connection, channel, copy.message.id)?;
        let Some(new) = copy.merged(held.as_ref(), theirs, &ours) else { continue };
        let was_seen = held.as_ref().is_some_and(|held| !held.is_deleted());
        effects.push((new.message.id, Effect::of(was_seen, !new.is_deleted())));
        if let Some(held) = held {
            let parameters = named_params! {":channel_id": Text(channel.0), ":message_id": number(held.message.id)};
            execute(connection, REMOVE, parameters).map_err(store_error)?;
            change -= i64::from(held.is_shown());
        }
        change += i64::from(new.is_shown());
        merged.push(new);
    }
    let writes: Vec<Write<'_>> = merged
        .iter()
        .map(|StoredMessage { message, deletion }| Write { message, digest: message.digest(), deletion: *deletion })
        .collect();
    insert(connection, &writes).map_err(store_error)?;
    if !writes.is_empty() {
        set_stats(connection, channel, platform_id, change)?;
        change::log(connection, changes, channel, changes_of(channel, &effects))?;
    }
    Ok(writes.len() as u64)
}

pub(super) fn delete_first(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    limit: u32,
) -> Result<u64, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0), ":limit": limit};
    let first = query(connection, "messages", FIRST, parameters, |row| row.id::<Message>("message_id"))?;
    let ends = first.first().zip(first.last());
    let Some(interval) = ends.and_then(|(low, high)| Interval::new(*low, *high)) else { return Ok(0) };
    let parameters = named_params! {
        ":channel_id": Text(channel.0), ":low": number(interval.low()), ":high": number(interval.high()),
    };
    change::log(connection, changes, channel, [ChangeKind::Page { channel, interval }])?;
    execute(connection, DELETE_FIRST, parameters).map(|rows| rows as u64).map_err(store_error)
}
