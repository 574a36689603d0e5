//! Reading messages: one range of each table that has a part of them.

use adapter_sql::columns::Columns;
use adapter_sql::media::MediaStatements;
use adapter_sql::message::{add_children as put_children, attachment, reaction, stored_message};
use adapter_sql::range::{Side, Walk, listed};
use adapter_sql::session::FromRow;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::media::File;
use domain::message::{Message, MessageId, StoredMessage};
use ports::error::StoreError;
use ports::message::MessageList;
use ports::page::MessageRange;
use rusqlite::{Connection, ToSql, named_params};

use crate::row::{NamedRow, Text, number, query, query_one, query_while};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id = :message_id
"};

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

/// Reads the rows of a range that are not hidden. `before` and `after` are statements from the bound on, in the two
/// directions. `make` also returns the size of a row in bytes.
fn walk<T>(
    connection: &Connection,
    channel: ChannelId,
    mut walk: Walk<T>,
    [before, after]: [&str; 2],
    make: impl Fn(&mut NamedRow<'_, '_>) -> Result<(T, usize), StoreError>,
) -> Result<(Vec<T>, Option<MessageId>), StoreError> {
    let sql = if walk.side() == Side::Before { before } else { after };
    while let Some((bound, rows)) = walk.next_statement() {
        let parameters = named_params! {":channel_id": Text(channel.0), ":bound": number(bound), ":limit": rows};
        query_while(connection, "messages", sql, parameters, |row| walk.examine(row, &make))?;
    }
    Ok(walk.end())
}

pub(super) fn list(
    connection: &Connection,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
    limit: u32,
) -> Result<MessageList, StoreError> {
    let rows = Walk::new(range, with_restricted, limit);
    let (mut messages, examined_to) = walk(connection, channel, rows, [LIST_BEFORE, LIST_AFTER], |row| listed(row))?;
    add_children(connection, channel, &mut messages)?;
    let files = files(connection, channel, &messages)?;
    Ok(MessageList { messages, files, examined_to })
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

pub(super) fn nearest(
    connection: &Connection,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
) -> Result<Option<MessageId>, StoreError> {
    let rows = Walk::new(range, with_restricted, 1);
    let id = |row: &mut NamedRow<'_, '_>| Ok((row.id("message_id")?, 0));
    let (found, examined_to) = walk(connection, channel, rows, [EXAMINE_BEFORE, EXAMINE_AFTER], id)?;
    Ok(found.first().copied().or(examined_to))
}

/// Returns the states of the files of `messages`, which ascend.
fn files(connection: &Connection, channel: ChannelId, messages: &[Message]) -> Result<Vec<File>, StoreError> {
    let mut with_files = messages.iter().filter(|message| !message.attachments.is_empty());
    let Some(first) = with_files.next() else { return Ok(Vec::new()) };
    let last = with_files.next_back().unwrap_or(first);
    let (channel, low, high) = (Text(channel.0), number(first.id), number(last.id));
    let parameters = named_params! {":channel_id": channel, ":low": low, ":high": high};
    query(connection, File::TABLE, Unit::LIST, parameters, |row| File::from_row(row))
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
