//! Reading messages: one range of each of the three tables.

use adapter_sql::columns::Columns;
use adapter_sql::message::{add_children as put_children, attachment, reaction, stored_message};
use adapter_sql::range::{Side, Window, bound};
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::message::{Message, MessageId, MessageKind, StoredMessage};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::message::{LISTED_BYTES, MessageList, size_bytes};
use ports::page::MessageRange;
use rusqlite::{Connection, ToSql, named_params};

use crate::row::{NamedRow, Text, number, query, query_one, query_while};

const FIND: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id = :message_id
"};

const FIND_CHANNELS: &str = r"
    SELECT messages.channel_id
    FROM messages
    JOIN channels ON channels.channel_id = messages.channel_id
    WHERE message_id = :message_id
        AND tenant_id = :tenant_id
    ORDER BY messages.channel_id
    LIMIT 8
";

const LIST_BEFORE: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
"};

const LIST_AFTER: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
"};

const LIST_STORED: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id > :after
    ORDER BY message_id
    LIMIT :limit
"};

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

const LIST_ATTACHMENTS: &str = sql! {r"
    SELECT {attachment}
    FROM attachments
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, position
"};

const LIST_REACTIONS: &str = sql! {r"
    SELECT {reaction}
    FROM reactions
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, position
"};

pub(super) fn find(
    connection: &Connection,
    channel: ChannelId,
    id: MessageId,
) -> Result<Option<StoredMessage>, StoreError> {
    let parameters = named_params! {":channel_id": Text(channel.0), ":message_id": number(id)};
    let Some(mut found) = query_one(connection, "messages", FIND, parameters, |row| stored_message(row))? else {
        return Ok(None);
    };
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
    make: impl Fn(&mut NamedRow<'_, '_>) -> Result<(T, usize), StoreError>,
) -> Result<(Vec<T>, Option<MessageId>), StoreError> {
    let mut window = Window::new(limit);
    let (mut found, mut bound, mut bytes, mut stopped_at) = (Vec::new(), bound, 0, None);
    while let (Some(from), Some(rows)) = (bound, window.next()) {
        let parameters = named_params! {":channel_id": Text(channel.0), ":bound": number(from), ":limit": rows};
        let (mut examined, mut last) = (0, None::<MessageId>);
        query_while(connection, "messages", sql, parameters, |row| {
            (examined, last) = (examined + 1, Some(row.id("message_id")?));
            let is_shown = row.optional_time("deleted_at")?.is_none()
                && (with_restricted || MessageKind(row.number("kind")?).is_shown());
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
        bound = last.and_then(|last| side.beyond(last));
        stopped_at = last;
        if bytes >= LISTED_BYTES {
            break;
        }
    }
    // A bound outside the possible ids ends the range.
    let stopped = stopped_at.filter(|_| bound.is_some());
    Ok((found, stopped))
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
    let make = |row: &mut NamedRow<'_, '_>| {
        let message = stored_message(row)?.message;
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
    let found = query(connection, "messages", LIST_STORED, parameters, |row| stored_message(row))?;
    let (mut messages, deleted): (Vec<_>, Vec<_>) =
        found.into_iter().map(|found| (found.message, found.deletion)).unzip();
    add_children(connection, channel, &mut messages)?;
    let both = messages.into_iter().zip(deleted);
    Ok(both.map(|(message, deletion)| StoredMessage { message, deletion }).collect())
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
    let attachments = query(connection, "attachments", LIST_ATTACHMENTS, parameters, |row| attachment(row))?;
    let reactions = query(connection, "reactions", LIST_REACTIONS, parameters, |row| reaction(row))?;
    put_children(messages, |message| message, attachments, reactions);
    Ok(())
}
