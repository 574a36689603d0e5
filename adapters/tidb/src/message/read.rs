//! Reading messages: one range, or some keys, of each of the three tables.

use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::message::{
    Attachment, Author, Deletion, DeletionKind, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference,
    StoredMessage, Version,
};
use domain::tenant::TenantId;
use mysql_async::{Params, Row, Value, params};
use ports::error::StoreError;
use ports::message::{EXAMINED, LISTED_BYTES, MessageList, size_bytes};
use ports::page::MessageRange;

use crate::batch::{keys_sql, list_sql, padded};
use crate::row::Columns;
use crate::unit::Unit;

const FIND_ALL: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = ?
        AND message_id IN (…)
";

/// The hint makes the server look up the few keys in the channels instead of reading all channels of the tenant.
const FIND_CHANNELS: &str = r"
    SELECT /*+ LEADING(messages, channels) INL_JOIN(channels) */
        messages.channel_id
    FROM messages
    JOIN channels ON channels.channel_id = messages.channel_id
    WHERE message_id = :message_id
        AND tenant_id = :tenant_id
    ORDER BY messages.channel_id
    LIMIT 8
";

/// The hint keeps `TiDB` from reading all of the range and sorting it, which it estimates to be cheaper without
/// statistics.
const LIST_BEFORE: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
";

const LIST_AFTER: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

const LIST_STORED: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

const EXAMINE_BEFORE: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id, kind, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
";

const EXAMINE_AFTER: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id, kind, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

/// In the order of the key, as in the next statement; their position in the message is restored when they are added to
/// it.
const LIST_ATTACHMENTS: &str = r"
    SELECT message_id, position, attachment_id, filename, content_type, size_bytes, width, height, description,
        spoiler, url, local_path, extra
    FROM attachments
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
";

const LIST_REACTIONS: &str = r"
    SELECT message_id, position, emoji_id, emoji_name, animated, count, people
    FROM reactions
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
";

const FIND_ATTACHMENTS: &str = r"
    SELECT message_id, position, attachment_id, filename, content_type, size_bytes, width, height, description,
        spoiler, url, local_path, extra
    FROM attachments
    WHERE channel_id = ?
        AND message_id IN (…)
";

const FIND_REACTIONS: &str = r"
    SELECT message_id, position, emoji_id, emoji_name, animated, count, people
    FROM reactions
    WHERE channel_id = ?
        AND message_id IN (…)
";

const FIND_KEYS: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE (…)
";

const FIND_ATTACHMENTS_OF_KEYS: &str = r"
    SELECT channel_id, message_id, position, attachment_id, filename, content_type, size_bytes, width, height,
        description, spoiler, url, local_path, extra
    FROM attachments
    WHERE (…)
";

const FIND_REACTIONS_OF_KEYS: &str = r"
    SELECT channel_id, message_id, position, emoji_id, emoji_name, animated, count, people
    FROM reactions
    WHERE (…)
";

/// Returns messages of any channels, with three statements, however many there are.
pub(super) async fn find_keys(
    unit: &mut Unit,
    keys: &[(ChannelId, MessageId)],
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in padded(keys) {
        found.extend(unit.rows(&keys_sql(FIND_KEYS, keys.len()), key_values(&keys), stored).await?);
    }
    found.sort_unstable_by_key(|found| (found.message.channel_id, found.message.id));
    found.dedup_by_key(|found| (found.message.channel_id, found.message.id));
    let held: Vec<_> = found.iter().map(|found| (found.message.channel_id, found.message.id)).collect();
    let channel = |row: &Row| Columns::peek_uuid(row, "channel_id").map(ChannelId);
    let (mut attachments, mut reactions) = (HashMap::new(), HashMap::new());
    for keys in padded(&held) {
        let values = key_values(&keys);
        let sql = keys_sql(FIND_ATTACHMENTS_OF_KEYS, keys.len());
        for (channel, child) in unit.rows(&sql, values.clone(), |row| Ok((channel(&row)?, attachment(row)?))).await? {
            attachments.entry(channel).or_insert_with(Vec::new).push(child);
        }
        let sql = keys_sql(FIND_REACTIONS_OF_KEYS, keys.len());
        for (channel, child) in unit.rows(&sql, values, |row| Ok((channel(&row)?, reaction(row)?))).await? {
            reactions.entry(channel).or_insert_with(Vec::new).push(child);
        }
    }
    for of_channel in found.chunk_by_mut(|one, next| one.message.channel_id == next.message.channel_id) {
        let channel = of_channel[0].message.channel_id;
        let (attachments, reactions) = (attachments.remove(&channel), reactions.remove(&channel));
        put(of_channel, |found| &mut found.message, attachments.unwrap_or_default(), reactions.unwrap_or_default());
    }
    Ok(found)
}

fn key_values(keys: &[(ChannelId, MessageId)]) -> Params {
    let values = keys.iter().flat_map(|(channel, id)| [Value::from(channel.to_string()), id.get().into()]);
    Params::Positional(values.collect())
}

pub(super) async fn find_all(
    unit: &mut Unit,
    channel: ChannelId,
    ids: &[MessageId],
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in padded(ids) {
        found.extend(unit.rows(&list_sql(FIND_ALL, ids.len()), keys(channel, &ids), stored).await?);
    }
    found.sort_unstable_by_key(|found| found.message.id);
    found.dedup_by_key(|found| found.message.id);
    let held: Vec<_> = found.iter().map(|found| found.message.id).collect();
    for ids in padded(&held) {
        let parameters = keys(channel, &ids);
        let attachments = unit.rows(&list_sql(FIND_ATTACHMENTS, ids.len()), parameters.clone(), attachment).await?;
        let reactions = unit.rows(&list_sql(FIND_REACTIONS, ids.len()), parameters, reaction).await?;
        put(&mut found, |found| &mut found.message, attachments, reactions);
    }
    Ok(found)
}

fn keys(channel: ChannelId, ids: &[MessageId]) -> Params {
    let channel = std::iter::once(Value::from(channel.to_string()));
    Params::Positional(channel.chain(ids.iter().map(|id| id.get().into())).collect())
}

pub(super) async fn find_in_tenant(
    unit: &mut Unit,
    tenant: TenantId,
    id: MessageId,
) -> Result<Vec<StoredMessage>, StoreError> {
    let parameters = params! { "message_id" => id.get(), "tenant_id" => tenant.to_string() };
    let channel = |row| Columns::new("messages", row).uuid("channel_id").map(ChannelId);
    let mut found = Vec::new();
    for channel in unit.rows(FIND_CHANNELS, parameters, channel).await? {
        found.extend(find_all(unit, channel, &[id]).await?);
    }
    Ok(found)
}

/// Reads the rows of a range that are not hidden, in the order of `sql`, until it has `limit` rows or the maximum
/// number of bytes, the range ends, or the maximum number of rows was examined; `sql` is a statement from the bound on.
/// Hidden rows are counted and skipped. `make` also returns the size of a row in bytes.
async fn examine<T>(
    unit: &mut Unit,
    channel: ChannelId,
    (side, bound): (Side, Option<MessageId>),
    sql: &str,
    with_restricted: bool,
    limit: u32,
    make: impl Fn(Row) -> Result<(T, usize), StoreError>,
) -> Result<(Vec<T>, Option<MessageId>), StoreError> {
    let mut window = Window::new(limit);
    let (mut found, mut bound, mut bytes) = (Vec::new(), bound, 0);
    while let (Some(from), Some(rows)) = (bound, window.next()) {
        let parameters = params! { "channel_id" => channel.to_string(), "bound" => from.get(), "limit" => rows };
        let (mut count, mut last) = (0, None::<MessageId>);
        let batch = unit.rows_while(sql, parameters, |row| {
            let (id, kind, is_deleted) = examined(&row)?;
            (count, last) = (count + 1, Some(id));
            if !is_deleted && (with_restricted || kind.is_shown()) {
                let (value, of_value) = make(row)?;
                found.push(value);
                bytes += of_value;
            }
            Ok(found.len() < limit as usize && bytes < LISTED_BYTES)
        });
        batch.await?;
        let is_full = found.len() == limit as usize;
        if is_full || (count < rows && bytes < LISTED_BYTES) {
            return Ok((found, None));
        }
        bound = last.and_then(|last| if side == Side::Before { last.previous() } else { last.next() });
        window.last = last;
        if bytes >= LISTED_BYTES {
            break;
        }
    }
    // A bound outside the possible ids ends the range.
    let stopped = window.last.filter(|_| bound.is_some());
    Ok((found, stopped))
}

/// The number of rows that the next statement reads: at first few more than are wanted, and many if most are hidden.
struct Window {
    size: u32,
    left: u32,
    last: Option<MessageId>,
}

impl Window {
    /// Extra rows per statement, because a few messages of most channels are deleted.
    const SPARE: u32 = 8;

    fn new(limit: u32) -> Self {
        Self { size: limit + Self::SPARE, left: limit + EXAMINED, last: None }
    }

    fn next(&mut self) -> Option<u32> {
        let rows = self.size.min(self.left);
        self.left -= rows;
        self.size = self.size.saturating_mul(4).min(EXAMINED / 2);
        (rows > 0).then_some(rows)
    }
}

/// Returns the columns that decide whether a row is hidden, without taking them out of it.
fn examined(row: &Row) -> Result<(MessageId, MessageKind, bool), StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "messages", column };
    let id = row.get_opt::<u64, _>("message_id").and_then(Result::ok).and_then(MessageId::new);
    let kind = row.get_opt::<i32, _>("kind").and_then(Result::ok);
    let deleted_at = row.get_opt::<Value, _>("deleted_at").and_then(Result::ok);
    Ok((
        id.ok_or_else(|| corrupt("message_id"))?,
        kind.map(MessageKind).ok_or_else(|| corrupt("kind"))?,
        deleted_at.ok_or_else(|| corrupt("deleted_at"))? != Value::NULL,
    ))
}

pub(super) async fn list(
    unit: &mut Unit,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
    limit: u32,
) -> Result<MessageList, StoreError> {
    let (side, bound) = bound(range);
    let sql = if side == Side::Before { LIST_BEFORE } else { LIST_AFTER };
    let make = |row| {
        let message = stored(row)?.message;
        let bytes = size_bytes(&message);
        Ok((message, bytes))
    };
    let (mut messages, examined_to) = examine(unit, channel, (side, bound), sql, with_restricted, limit, make).await?;
    if side == Side::Before {
        messages.reverse();
    }
    if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
        let (attachments, reactions) = children(unit, channel, first.id, last.id).await?;
        put(&mut messages, |message| message, attachments, reactions);
    }
    Ok(MessageList { messages, examined_to })
}

pub(super) async fn list_stored(
    unit: &mut Unit,
    channel: ChannelId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<StoredMessage>, StoreError> {
    let Some(bound) = after.map_or(Some(MessageId::MIN), MessageId::next).map(MessageId::get) else {
        return Ok(Vec::new());
    };
    let parameters = params! { "channel_id" => channel.to_string(), bound, limit };
    let mut found = unit.rows(LIST_STORED, parameters, stored).await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(found) };
    let (attachments, reactions) = children(unit, channel, first.message.id, last.message.id).await?;
    put(&mut found, |found| &mut found.message, attachments, reactions);
    Ok(found)
}

/// Returns the attachments and reactions of the messages from `low` to `high`.
async fn children(
    unit: &mut Unit,
    channel: ChannelId,
    low: MessageId,
    high: MessageId,
) -> Result<(Vec<Child<Attachment>>, Vec<Child<Reaction>>), StoreError> {
    let parameters = params! { "channel_id" => channel.to_string(), "low" => low.get(), "high" => high.get() };
    let attachments = unit.rows(LIST_ATTACHMENTS, parameters.clone(), attachment).await?;
    Ok((attachments, unit.rows(LIST_REACTIONS, parameters, reaction).await?))
}

/// The side of its bound on which a range lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// Returns the bound of a range, inclusive; `None` if there is no such id.
fn bound(range: MessageRange) -> (Side, Option<MessageId>) {
    match range {
        MessageRange::Newest => (Side::Before, Some(MessageId::MAX)),
        MessageRange::Before(id) => (Side::Before, id.previous()),
        MessageRange::After(id) => (Side::After, id.next()),
        MessageRange::From(id) => (Side::After, Some(id)),
        MessageRange::Oldest => (Side::After, Some(MessageId::MIN)),
    }
}

pub(super) async fn exists(
    unit: &mut Unit,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
) -> Result<bool, StoreError> {
    let (side, bound) = bound(range);
    let sql = if side == Side::Before { EXAMINE_BEFORE } else { EXAMINE_AFTER };
    let (found, examined_to) = examine(unit, channel, (side, bound), sql, with_restricted, 1, |_| Ok(((), 0))).await?;
    Ok(!found.is_empty() || examined_to.is_some())
}

/// A child of a message, with the message's id and its position there.
type Child<T> = (MessageId, u32, T);

/// Adds attachments and reactions to `messages`, which ascend; children of other messages are dropped.
fn put<M>(
    messages: &mut [M],
    message: impl Fn(&mut M) -> &mut Message,
    mut attachments: Vec<Child<Attachment>>,
    mut reactions: Vec<Child<Reaction>>,
) {
    attachments.sort_unstable_by_key(|(id, position, _)| (*id, *position));
    reactions.sort_unstable_by_key(|(id, position, _)| (*id, *position));
    let (mut attachments, mut reactions) = (attachments.into_iter().peekable(), reactions.into_iter().peekable());
    for held in messages {
        let message = message(held);
        while let Some((id, _, file)) = attachments.next_if(|(id, ..)| *id <= message.id) {
            if id == message.id {
                message.attachments.push(file);
            }
        }
        while let Some((id, _, reaction)) = reactions.next_if(|(id, ..)| *id <= message.id) {
            if id == message.id {
                message.reactions.push(reaction);
            }
        }
    }
}

fn stored(row: Row) -> Result<StoredMessage, StoreError> {
    let mut row = Columns::new("messages", row);
    let channel_id = ChannelId(row.uuid("channel_id")?);
    let id = row.id("message_id")?;
    let kind = MessageKind(row.get("kind")?);
    let author =
        Author { pseudonym: row.parse("author")?, bot: row.get("author_bot")?, webhook: row.get("author_webhook")? };
    let content = row.get("content")?;
    let version = version(&mut row)?;
    let pinned = row.get("pinned")?;
    let flags = row.get("flags")?;
    let reference = reference(&mut row)?;
    let mentions = mentions(&mut row)?;
    let message = Message {
        channel_id,
        id,
        kind,
        author,
        content,
        sent_at: row.optional_time("sent_at")?,
        version,
        pinned,
        flags,
        reference,
        mentions,
        attachments: Vec::new(),
        reactions: Vec::new(),
        embeds: row.json("embeds")?,
        stickers: row.json("stickers")?,
        components: row.json("components")?,
        snapshots: row.json("snapshots")?,
        poll: row.json("poll")?,
        extra: row.json("extra")?,
    };
    let deletion = deletion(&mut row)?;
    Ok(StoredMessage { message, deletion })
}

/// Returns the version from the three columns that order the versions of a message.
pub(super) fn version(row: &mut Columns) -> Result<Version, StoreError> {
    Ok(Version {
        edited_at: row.optional_time("edited_at")?,
        observed_at: row.time("observed_at")?,
        origin: Origin::from_number(row.get("origin")?).ok_or_else(|| row.corrupt("origin"))?,
    })
}

pub(super) fn deletion(row: &mut Columns) -> Result<Option<Deletion>, StoreError> {
    let at = row.optional_time("deleted_at")?;
    let kind = DeletionKind::from_number(row.get("deletion_kind")?).ok_or_else(|| row.corrupt("deletion_kind"))?;
    Ok(at.map(|at| Deletion { kind, at }))
}

fn reference(row: &mut Columns) -> Result<Option<Reference>, StoreError> {
    let kind: Option<i32> = row.get("ref_kind")?;
    let message_id = row.optional_id("ref_message_id")?;
    let channel_id = row.optional_id("ref_channel_id")?;
    let guild_id = row.optional_id("ref_guild_id")?;
    Ok(kind.map(|kind| Reference { kind, message_id, channel_id, guild_id }))
}

/// A mentioned person, in the JSON column of a message.
#[derive(serde::Deserialize)]
struct Mention {
    id: String,
    bot: bool,
    webhook: bool,
}

fn mentions(row: &mut Columns) -> Result<Vec<Author>, StoreError> {
    let Some(text) = row.get::<Option<String>>("mentions")? else { return Ok(Vec::new()) };
    let people: Vec<Mention> = serde_json::from_str(&text).map_err(|_| row.corrupt("mentions"))?;
    let author = |person: Mention| {
        let pseudonym = person.id.parse().map_err(|_| row.corrupt("mentions"))?;
        Ok(Author { pseudonym, bot: person.bot, webhook: person.webhook })
    };
    people.into_iter().map(author).collect()
}

fn attachment(row: Row) -> Result<Child<Attachment>, StoreError> {
    let mut row = Columns::new("attachments", row);
    let (message, position) = (row.id("message_id")?, row.get("position")?);
    let attachment = Attachment {
        id: row.id("attachment_id")?,
        filename: row.get("filename")?,
        content_type: row.get("content_type")?,
        size_bytes: row.get("size_bytes")?,
        width: row.get("width")?,
        height: row.get("height")?,
        description: row.get("description")?,
        spoiler: row.get("spoiler")?,
        url: row.get("url")?,
        local_path: row.get("local_path")?,
        extra: row.json("extra")?,
    };
    Ok((message, position, attachment))
}

fn reaction(row: Row) -> Result<Child<Reaction>, StoreError> {
    let mut row = Columns::new("reactions", row);
    let (message, position) = (row.id("message_id")?, row.get("position")?);
    let emoji =
        Emoji { id: row.optional_id("emoji_id")?, name: row.get("emoji_name")?, animated: row.get("animated")? };
    let count = row.get("count")?;
    let people: Option<String> = row.get("people")?;
    let people: Vec<String> =
        people.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(|_| row.corrupt("people")))?;
    let people = people.into_iter().map(|person| person.parse().map_err(|_| row.corrupt("people")));
    Ok((message, position, Reaction { emoji, count, people: people.collect::<Result<_, _>>()? }))
}
