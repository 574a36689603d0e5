//! The marks by which two archives compare messages.

use adapter_sql::message::mark;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::message::{MessageId, MessageMark};
use mysql_async::params;
use ports::error::StoreError;

use crate::row::of;
use crate::unit::Unit;

const LIST_MARKS: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
        message_id, {version}
    FROM messages
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id
    LIMIT :limit
"};

pub(super) async fn list_marks(
    unit: &mut Unit,
    channel: ChannelId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<MessageMark>, StoreError> {
    let Some(bound) = after.map_or(Some(MessageId::MIN), MessageId::next).map(MessageId::get) else {
        return Ok(Vec::new());
    };
    let parameters = params! { "channel_id" => channel.to_string(), bound, limit };
    unit.rows(LIST_MARKS, parameters, of("messages", mark)).await
}
