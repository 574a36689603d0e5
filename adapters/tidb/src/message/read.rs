//! Reading messages: one range, or some keys, of each of the three tables.

use domain::channel::ChannelId;
use domain::message::{
    Attachment, Author, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference, Version,
};
use domain::tenant::TenantId;
use mysql_async::{Params, Row, Value, params};
use ports::error::StoreError;
use ports::message::StoredMessage;
use ports::page::MessageRange;

use crate::batch::{list_sql, padded};
use crate::row::Columns;
use crate::unit::Unit;

const FIND_ALL: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at
    FROM messages
    WHERE channel_id = ?
        AND message_id IN (…)
";

/// The hint has each of the few places looked up in the channels, and not all channels of the tenant read.
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

/// The hint keeps `TiDB` from reading all of the range and sorting it, which without statistics it holds for cheaper.
const LIST_BEFORE: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
        AND deleted_at IS NULL
        AND (:with_restricted OR kind NOT IN (24, 25, 26, 32, 44, 58, 59, 60, 61, 62))
    ORDER BY message_id DESC
    LIMIT :limit
";

const LIST_AFTER: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
        AND deleted_at IS NULL
        AND (:with_restricted OR kind NOT IN (24, 25, 26, 32, 44, 58, 59, 60, 61, 62))
    ORDER BY message_id
    LIMIT :limit
";

const LIST_STORED: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

const EXISTS_BEFORE: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
        AND deleted_at IS NULL
        AND (:with_restricted OR kind NOT IN (24, 25, 26, 32, 44, 58, 59, 60, 61, 62))
    ORDER BY message_id DESC
    LIMIT 1
";

const EXISTS_AFTER: &str = r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
        AND deleted_at IS NULL
        AND (:with_restricted OR kind NOT IN (24, 25, 26, 32, 44, 58, 59, 60, 61, 62))
    ORDER BY message_id
    LIMIT 1
";

/// In the order of the key, as the next; their place in the message is made when they are put there.
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

pub(super) async fn list(
    unit: &mut Unit,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
    limit: u32,
) -> Result<Vec<Message>, StoreError> {
    let (side, bound) = bound(range);
    let Some(bound) = bound.map(MessageId::get) else { return Ok(Vec::new()) };
    let sql = if side == Side::Before { LIST_BEFORE } else { LIST_AFTER };
    let parameters = params! { "channel_id" => channel.to_string(), bound, with_restricted, limit };
    let mut messages = unit.rows(sql, parameters, |row| stored(row).map(|stored| stored.message)).await?;
    if side == Side::Before {
        messages.reverse();
    }
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok(messages) };
    let (attachments, reactions) = children(unit, channel, first.id, last.id).await?;
    put(&mut messages, |message| message, attachments, reactions);
    Ok(messages)
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

/// The attachments and reactions of the messages from `low` to `high`.
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

/// On which side of its bound a range lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// The bound of a range, itself included; `None` where there is no such id.
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
    let Some(bound) = bound.map(MessageId::get) else { return Ok(false) };
    let sql = if side == Side::Before { EXISTS_BEFORE } else { EXISTS_AFTER };
    let parameters = params! { "channel_id" => channel.to_string(), bound, with_restricted };
    Ok(unit.row(sql, parameters, |_| Ok(())).await?.is_some())
}

/// What belongs to a message, and its place there.
type Child<T> = (MessageId, u32, T);

/// Puts attachments and reactions into `messages`, which ascend; what belongs to another message is dropped.
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
    Ok(StoredMessage { message, deleted_at: row.optional_time("deleted_at")? })
}

/// The three columns that order the versions of a message.
pub(super) fn version(row: &mut Columns) -> Result<Version, StoreError> {
    Ok(Version {
        edited_at: row.optional_time("edited_at")?,
        observed_at: row.time("observed_at")?,
        origin: Origin::from_number(row.get("origin")?).ok_or_else(|| row.corrupt("origin"))?,
    })
}

fn reference(row: &mut Columns) -> Result<Option<Reference>, StoreError> {
    let kind: Option<i32> = row.get("ref_kind")?;
    let message_id = row.optional_id("ref_message_id")?;
    let channel_id = row.optional_id("ref_channel_id")?;
    let guild_id = row.optional_id("ref_guild_id")?;
    Ok(kind.map(|kind| Reference { kind, message_id, channel_id, guild_id }))
}

/// One of the people whom a message mentions, in its JSON column.
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
