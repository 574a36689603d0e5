//! The marks by which two archives compare messages.

use adapter_sql::message::mark;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::message::{MessageId, MessageMark};
use ports::error::StoreError;
use rusqlite::{Connection, named_params};

use crate::row::{Text, number, query};

const LIST_MARKS: &str = sql! {r"
    SELECT message_id, {version}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id > :after
    ORDER BY message_id
    LIMIT :limit
"};

pub(super) fn list_marks(
    connection: &Connection,
    channel: ChannelId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<MessageMark>, StoreError> {
    let parameters =
        named_params! {":channel_id": Text(channel.0), ":after": after.map_or(-1, number), ":limit": limit};
    query(connection, "messages", LIST_MARKS, parameters, |row| mark(row))
}
