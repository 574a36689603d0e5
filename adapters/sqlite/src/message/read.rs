//! Reading messages: one range of each of the three tables.

use domain::channel::ChannelId;
use domain::message::{
    Attachment, Author, Deletion, DeletionKind, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference,
    StoredMessage, Version,
};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::message::{EXAMINED, LISTED_BYTES, MessageList, size_bytes};
use ports::page::MessageRange;
use rusqlite::{Connection, ToSql, named_params};

use crate::row::{Columns, Text, number, query, query_one, query_while};

const FIND: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id = :message_id
";

const FIND_CHANNELS: &str = r"
    SELECT messages.channel_id
    FROM messages
    JOIN channels ON channels.channel_id = messages.channel_id
    WHERE message_id = :message_id
        AND tenant_id = :tenant_id
    ORDER BY messages.channel_id
    LIMIT 8
";

const LIST_BEFORE: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
";

const LIST_AFTER: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

const LIST_STORED: &str = r"
    SELECT channel_id, message_id, kind, author, author_bot, author_webhook, content, edited_at, observed_at, origin,
        pinned, flags, ref_kind, ref_message_id, ref_channel_id, ref_guild_id, mentions, embeds, stickers, components,
        snapshots, poll, extra, sent_at, deleted_at, deletion_kind
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id > :after
    ORDER BY message_id
    LIMIT :limit
";

const EXAMINE_BEFORE: &str = r"
    SELECT message_id, kind, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
";

const EXAMINE_AFTER: &str = r"
    SELECT message_id, kind, deleted_at
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
";

const LIST_ATTACHMENTS: &str = r"
    SELECT message_id, attachment_id, filename, content_type, size_bytes, width, height, description, spoiler, url,
        local_path, extra
    FROM attachments
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, position
";

const LIST_REACTIONS: &str = r"
    SELECT message_id, emoji_id, emoji_name, animated, count, people
    FROM reactions
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, position
";

pub(super) fn find(
    connection: &Connection,
    channel: ChannelId,
    id: MessageId,
) -> Result<Option<StoredMessage>, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0), ":message_id": number(id)};
    let Some(mut found) = query_one(connection, "messages", FIND, parameters, stored)? else { return Ok(None) };
    add_children(connection, channel, std::slice::from_mut(&mut found.message))?;
    Ok(Some(found))
}

pub(super) fn find_in_tenant(
    connection: &Connection,
    tenant: TenantId,
    id: MessageId,
) -> Result<Vec<StoredMessage>, StoreError> {
    let parameters = named_params! {":message_id": number(id), ":tenant_id": Text(tenant.0)};
    let channels =
        query(connection, "messages", FIND_CHANNELS, parameters, |row| row.uuid("channel_id").map(ChannelId))?;
    channels.into_iter().filter_map(|channel| find(connection, channel, id).transpose()).collect()
}

/// Reads the rows of `range` that are not hidden, in the order of `sql`, until it has `limit` rows or the maximum
/// number of bytes, the range ends, or the maximum number of rows was examined; `sql` is a statement from the bound on.
/// Hidden rows are counted and skipped. `make` also returns the size of a row in bytes.
fn examine<T>(
    connection: &Connection,
    channel: ChannelId,
    (side, bound): (Side, Option<MessageId>),
    sql: &str,
    with_restricted: bool,
    limit: u32,
    make: impl Fn(&Columns<'_, '_>) -> Result<(T, usize), StoreError>,
) -> Result<(Vec<T>, Option<MessageId>), StoreError> {
    let mut window = Window::new(limit);
    let (mut found, mut bound, mut bytes) = (Vec::new(), bound, 0);
    while let (Some(from), Some(rows)) = (bound, window.next()) {
        let parameters = named_params! {":channel_id": Text(channel.0), ":bound": number(from), ":limit": rows};
        let (mut examined, mut last) = (0, None::<MessageId>);
        query_while(connection, "messages", sql, parameters, |row| {
            (examined, last) = (examined + 1, Some(row.id("message_id")?));
            let is_shown = row.optional_time("deleted_at")?.is_none()
                && (with_restricted || MessageKind(row.get("kind")?).is_shown());
            if is_shown {
                let (value, of_value) = make(row)?;
                found.push(value);
                bytes += of_value;
            }
            Ok(found.len() < limit as usize && bytes < LISTED_BYTES)
        })?;
        let is_full = found.len() == limit as usize;
        if is_full || (examined < rows && bytes < LISTED_BYTES) {
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

pub(super) fn list(
    connection: &Connection,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
    limit: u32,
) -> Result<MessageList, StoreError> {
    let (side, bound) = bound(range);
    let sql = if side == Side::Before { LIST_BEFORE } else { LIST_AFTER };
    let make = |row: &Columns<'_, '_>| {
        let message = stored(row)?.message;
        let bytes = size_bytes(&message);
        Ok((message, bytes))
    };
    let (mut messages, examined_to) = examine(connection, channel, (side, bound), sql, with_restricted, limit, make)?;
    if side == Side::Before {
        messages.reverse();
    }
    add_children(connection, channel, &mut messages)?;
    Ok(MessageList { messages, examined_to })
}

pub(super) fn list_stored(
    connection: &Connection,
    channel: ChannelId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<StoredMessage>, StoreError> {
    let parameters =
        named_params! {":channel_id": Text(channel.0), ":after": after.map_or(-1, number), ":limit": limit};
    let found = query(connection, "messages", LIST_STORED, parameters, stored)?;
    let (mut messages, deleted): (Vec<_>, Vec<_>) =
        found.into_iter().map(|found| (found.message, found.deletion)).unzip();
    add_children(connection, channel, &mut messages)?;
    let both = messages.into_iter().zip(deleted);
    Ok(both.map(|(message, deletion)| StoredMessage { message, deletion }).collect())
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

pub(super) fn exists(
    connection: &Connection,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
) -> Result<bool, StoreError> {
    let (side, bound) = bound(range);
    let sql = if side == Side::Before { EXAMINE_BEFORE } else { EXAMINE_AFTER };
    let (found, examined_to) = examine(connection, channel, (side, bound), sql, with_restricted, 1, |_| Ok(((), 0)))?;
    Ok(!found.is_empty() || examined_to.is_some())
}

/// Reads the attachments and reactions of `messages`, which ascend.
fn add_children(connection: &Connection, channel: ChannelId, messages: &mut [Message]) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (messages.first(), messages.last()) else { return Ok(()) };
    let (channel, low, high) = (Text(channel.0), number(first.id), number(last.id));
    let parameters: &[(&str, &dyn ToSql)] = named_params! {":channel_id": channel, ":low": low, ":high": high};
    let attachments = query(connection, "attachments", LIST_ATTACHMENTS, parameters, attachment)?;
    let reactions = query(connection, "reactions", LIST_REACTIONS, parameters, reaction)?;
    // Children of a message that the page leaves out are dropped.
    for (id, attachment) in attachments {
        if let Ok(index) = messages.binary_search_by_key(&id, |message| message.id) {
            messages[index].attachments.push(attachment);
        }
    }
    for (id, reaction) in reactions {
        if let Ok(index) = messages.binary_search_by_key(&id, |message| message.id) {
            messages[index].reactions.push(reaction);
        }
    }
    Ok(())
}

pub(super) fn version(row: &Columns<'_, '_>) -> Result<Version, StoreError> {
    Ok(Version {
        edited_at: row.optional_time("edited_at")?,
        observed_at: row.time("observed_at")?,
        origin: Origin::from_number(row.get("origin")?).ok_or_else(|| row.corrupt("origin"))?,
    })
}

fn stored(row: &Columns<'_, '_>) -> Result<StoredMessage, StoreError> {
    let channel_id = ChannelId(row.uuid("channel_id")?);
    let id = row.id("message_id")?;
    let kind = MessageKind(row.get("kind")?);
    let author =
        Author { pseudonym: row.parse("author")?, bot: row.flag("author_bot")?, webhook: row.flag("author_webhook")? };
    let content = row.get("content")?;
    let version = version(row)?;
    let pinned = row.flag("pinned")?;
    let flags = row.get::<i64>("flags")?.cast_unsigned();
    let reference = reference(row)?;
    let mentions = mentions(row)?;
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
    let deletion = deletion(row)?;
    Ok(StoredMessage { message, deletion })
}

pub(super) fn deletion(row: &Columns<'_, '_>) -> Result<Option<Deletion>, StoreError> {
    let at = row.optional_time("deleted_at")?;
    let kind = DeletionKind::from_number(row.get("deletion_kind")?).ok_or_else(|| row.corrupt("deletion_kind"))?;
    Ok(at.map(|at| Deletion { kind, at }))
}

fn reference(row: &Columns<'_, '_>) -> Result<Option<Reference>, StoreError> {
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

fn mentions(row: &Columns<'_, '_>) -> Result<Vec<Author>, StoreError> {
    let Some(text) = row.get::<Option<String>>("mentions")? else { return Ok(Vec::new()) };
    let people: Vec<Mention> = serde_json::from_str(&text).map_err(|_| row.corrupt("mentions"))?;
    let author = |person: Mention| {
        let pseudonym = person.id.parse().map_err(|_| row.corrupt("mentions"))?;
        Ok(Author { pseudonym, bot: person.bot, webhook: person.webhook })
    };
    people.into_iter().map(author).collect()
}

fn attachment(row: &Columns<'_, '_>) -> Result<(MessageId, Attachment), StoreError> {
    let message = row.id("message_id")?;
    let attachment = Attachment {
        id: row.id("attachment_id")?,
        filename: row.get("filename")?,
        content_type: row.get("content_type")?,
        size_bytes: row.get::<i64>("size_bytes")?.cast_unsigned(),
        width: row.get("width")?,
        height: row.get("height")?,
        description: row.get("description")?,
        spoiler: row.flag("spoiler")?,
        url: row.get("url")?,
        local_path: row.get("local_path")?,
        extra: row.json("extra")?,
    };
    Ok((message, attachment))
}

fn reaction(row: &Columns<'_, '_>) -> Result<(MessageId, Reaction), StoreError> {
    let id = row.id("message_id")?;
    let emoji =
        Emoji { id: row.optional_id("emoji_id")?, name: row.get("emoji_name")?, animated: row.flag("animated")? };
    let count = row.get("count")?;
    let people: Option<String> = row.get("people")?;
    let people: Vec<String> =
        people.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(|_| row.corrupt("people")))?;
    let people = people.into_iter().map(|person| person.parse().map_err(|_| row.corrupt("people")));
    Ok((id, Reaction { emoji, count, people: people.collect::<Result<_, _>>()? }))
}
