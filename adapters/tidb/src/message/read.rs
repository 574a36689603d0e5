//! Reading messages: one range, or some keys, of each table that has a part of them.

use adapter_sql::sql;
use std::collections::HashMap;

use adapter_sql::columns::Columns;
use adapter_sql::message::{Child, add_children, attachment, reaction, stored_message};
use adapter_sql::range::{Side, Walk, listed};
use adapter_sql::session::FromRow;
use domain::channel::ChannelId;
use domain::media::File;
use domain::message::{Attachment, MessageId, Reaction, StoredMessage};
use mysql_async::{Params, Value, params};
use ports::error::StoreError;
use ports::message::MessageList;
use ports::page::MessageRange;

use crate::batch::{keys_sql, list_sql, padded};
use crate::row::{NamedRow, of};
use crate::unit::Unit;

const FIND_ALL: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE channel_id = ?
        AND message_id IN (…)
"};

/// The hint keeps `TiDB` from reading all of the range and sorting it, which it estimates to be cheaper without
/// statistics.
const LIST_BEFORE: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id <= :bound
    ORDER BY message_id DESC
    LIMIT :limit
"};

const LIST_AFTER: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
"};

const LIST_STORED: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        {message}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
"};

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

/// What belongs to messages, in any order: one statement costs `TiDB` two thirds of three, and one round trip. The
/// columns of each part have the names that its mapper reads. The states of files are the last part.
const LIST_PARTS: &str = sql! {r"
    SELECT 1 AS part, channel_id, {attachment}, NULL AS emoji_id, NULL AS emoji_name, NULL AS animated,
        NULL AS count, NULL AS people, NULL AS state, NULL AS tries, NULL AS due_at, NULL AS hash, NULL AS format
    FROM attachments
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    UNION ALL
    SELECT 2, channel_id, message_id, position, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, emoji_id, emoji_name, animated, count, people, NULL, NULL, NULL, NULL, NULL
    FROM reactions
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    UNION ALL
    SELECT 3, channel_id, message_id, NULL, attachment_id, NULL, NULL, size_bytes, width, height, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, state, tries, due_at, hash, format
    FROM media
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
"};

const FIND_ATTACHMENTS: &str = sql! {r"
    SELECT {attachment}
    FROM attachments
    WHERE channel_id = ?
        AND message_id IN (…)
"};

const FIND_REACTIONS: &str = sql! {r"
    SELECT {reaction}
    FROM reactions
    WHERE channel_id = ?
        AND message_id IN (…)
"};

const FIND_KEYS: &str = sql! {r"
    SELECT {message}
    FROM messages
    WHERE (…)
"};

const FIND_ATTACHMENTS_OF_KEYS: &str = sql! {r"
    SELECT channel_id, {attachment}
    FROM attachments
    WHERE (…)
"};

const FIND_REACTIONS_OF_KEYS: &str = sql! {r"
    SELECT channel_id, {reaction}
    FROM reactions
    WHERE (…)
"};

/// Returns messages of any channels, with three statements, however many there are.
pub(super) async fn find_keys(
    unit: &mut Unit,
    keys: &[(ChannelId, MessageId)],
) -> Result<Vec<StoredMessage>, StoreError> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in padded(keys) {
        found.extend(
            unit.rows(&keys_sql(FIND_KEYS, keys.len()), key_values(&keys), of("messages", stored_message)).await?,
        );
    }
    found.sort_unstable_by_key(|found| (found.message.channel_id, found.message.id));
    found.dedup_by_key(|found| (found.message.channel_id, found.message.id));
    let (mut attachments, mut reactions) = (HashMap::new(), HashMap::new());
    if found.is_empty() && unit.collected.is_none() {
        return Ok(found);
    }
    // Not only of those that were found, so that the statements can run together.
    for keys in padded(keys) {
        let values = key_values(&keys);
        let sql = keys_sql(FIND_ATTACHMENTS_OF_KEYS, keys.len());
        let make = of("attachments", |row| Ok((ChannelId(row.uuid("channel_id")?), attachment(row)?)));
        for (channel, child) in unit.rows(&sql, values.clone(), make).await? {
            attachments.entry(channel).or_insert_with(Vec::new).push(child);
        }
        let sql = keys_sql(FIND_REACTIONS_OF_KEYS, keys.len());
        let make = of("reactions", |row| Ok((ChannelId(row.uuid("channel_id")?), reaction(row)?)));
        for (channel, child) in unit.rows(&sql, values, make).await? {
            reactions.entry(channel).or_insert_with(Vec::new).push(child);
        }
    }
    for of_channel in found.chunk_by_mut(|one, next| one.message.channel_id == next.message.channel_id) {
        let channel = of_channel[0].message.channel_id;
        let (attachments, reactions) = (attachments.remove(&channel), reactions.remove(&channel));
        add_children(
            of_channel,
            |found| &mut found.message,
            attachments.unwrap_or_default(),
            reactions.unwrap_or_default(),
        );
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
        found.extend(
            unit.rows(&list_sql(FIND_ALL, ids.len()), keys(channel, &ids), of("messages", stored_message)).await?,
        );
    }
    found.sort_unstable_by_key(|found| found.message.id);
    found.dedup_by_key(|found| found.message.id);
    if found.is_empty() && unit.collected.is_none() {
        return Ok(found);
    }
    for ids in padded(ids) {
        let parameters = keys(channel, &ids);
        let attachments = unit
            .rows(&list_sql(FIND_ATTACHMENTS, ids.len()), parameters.clone(), of("attachments", attachment))
            .await?;
        let reactions = unit.rows(&list_sql(FIND_REACTIONS, ids.len()), parameters, of("reactions", reaction)).await?;
        add_children(&mut found, |found| &mut found.message, attachments, reactions);
    }
    Ok(found)
}

fn keys(channel: ChannelId, ids: &[MessageId]) -> Params {
    let channel = std::iter::once(Value::from(channel.to_string()));
    Params::Positional(channel.chain(ids.iter().map(|id| id.get().into())).collect())
}

/// Reads the rows of a range that are not hidden. `before` and `after` are statements from the bound on, in the two
/// directions. `make` also returns the size of a row in bytes.
async fn walk<T>(
    unit: &mut Unit,
    channel: ChannelId,
    mut walk: Walk<T>,
    [before, after]: [&str; 2],
    make: impl Fn(&mut NamedRow) -> Result<(T, usize), StoreError>,
) -> Result<(Vec<T>, Option<MessageId>), StoreError> {
    let sql = if walk.side() == Side::Before { before } else { after };
    while let Some((bound, rows)) = walk.next_statement() {
        let parameters = params! { "channel_id" => channel.to_string(), "bound" => bound.get(), "limit" => rows };
        unit.rows_while(sql, parameters, |row| walk.examine(&mut NamedRow::new("messages", row), &make)).await?;
    }
    Ok(walk.end())
}

pub(super) async fn list(
    unit: &mut Unit,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
    limit: u32,
) -> Result<MessageList, StoreError> {
    let rows = Walk::new(range, with_restricted, limit);
    let (mut messages, examined_to) = walk(unit, channel, rows, [LIST_BEFORE, LIST_AFTER], listed).await?;
    let mut files = Vec::new();
    if let (Some(first), Some(last)) = (messages.first(), messages.last()) {
        let parts = parts(unit, LIST_PARTS, channel, (first.id, last.id)).await?;
        add_children(&mut messages, |message| message, parts.attachments, parts.reactions);
        files = parts.files;
    }
    Ok(MessageList { messages, files, examined_to })
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
    let mut found = unit.rows(LIST_STORED, parameters, of("messages", stored_message)).await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(found) };
    let (without_files, _) = LIST_PARTS.rsplit_once("UNION ALL").expect("it has three parts");
    let parts = parts(unit, without_files, channel, (first.message.id, last.message.id)).await?;
    add_children(&mut found, |found| &mut found.message, parts.attachments, parts.reactions);
    Ok(found)
}

/// What belongs to messages.
#[derive(Default)]
struct Parts {
    attachments: Vec<Child<Attachment>>,
    reactions: Vec<Child<Reaction>>,
    files: Vec<File>,
}

/// Returns the parts that `sql` selects of the messages from `low` to `high`.
async fn parts(
    unit: &mut Unit,
    sql: &str,
    channel: ChannelId,
    (low, high): (MessageId, MessageId),
) -> Result<Parts, StoreError> {
    let parameters = params! { "channel_id" => channel.to_string(), "low" => low.get(), "high" => high.get() };
    let mut parts = Parts::default();
    unit.rows_while(sql, parameters, |row| {
        let mut row = NamedRow::new("attachments", row);
        match row.number::<u8>("part")? {
            1 => parts.attachments.push(attachment(&mut row)?),
            2 => parts.reactions.push(reaction(&mut row.of("reactions"))?),
            _ => parts.files.push(File::from_row(&mut row.of(File::TABLE))?),
        }
        Ok(true)
    })
    .await?;
    Ok(parts)
}

pub(super) async fn nearest(
    unit: &mut Unit,
    channel: ChannelId,
    range: MessageRange,
    with_restricted: bool,
) -> Result<Option<MessageId>, StoreError> {
    let rows = Walk::new(range, with_restricted, 1);
    let id = |row: &mut NamedRow| Ok((row.id("message_id")?, 0));
    let (found, examined_to) = walk(unit, channel, rows, [EXAMINE_BEFORE, EXAMINE_AFTER], id).await?;
    Ok(found.first().copied().or(examined_to))
}
