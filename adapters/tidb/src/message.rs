//! Messages, with their attachments and reactions.

mod clear;
mod read;
mod restore;
mod state;
mod write;

use adapter_sql::message::repository::MessageStatements;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::coverage::{Interval, Segments};
use domain::message::{MessageId, StoredMessage};
use domain::page::{MessagePage, PageOutcome};
use ports::error::StoreError;
use ports::message::MessageList;
use ports::page::MessageRange;

use crate::unit::Unit;

pub(crate) use self::write::{lock, recount as recount_messages, upsert};

impl MessageStatements for Unit {
    /// The hint makes the server look up the few keys in the channels instead of reading all channels of the tenant.
    const FIND_CHANNELS: &'static str = r"
        SELECT /*+ LEADING(messages, channels) INL_JOIN(channels) */
            messages.channel_id
        FROM messages
        JOIN channels ON channels.channel_id = messages.channel_id
        WHERE message_id = :message_id
            AND tenant_id = :tenant_id
        ORDER BY messages.channel_id
        LIMIT 8
    ";

    const LIST_MARKS: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
            message_id, {version}
        FROM messages
        WHERE channel_id = :channel_id
            AND message_id >= :bound
        ORDER BY message_id
        LIMIT :limit
    "};

    const FIRST: &'static str = r"
        SELECT /*+ ORDER_INDEX(messages, PRIMARY) */
            message_id
        FROM messages
        WHERE channel_id = :channel_id
        ORDER BY message_id
        LIMIT :limit
    ";

    async fn find_in(&mut self, channel: ChannelId, ids: &[MessageId]) -> Result<Vec<StoredMessage>, StoreError> {
        read::find_all(self, channel, ids).await
    }

    async fn find_keys(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError> {
        read::find_keys(self, keys).await
    }

    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError> {
        read::list(self, channel, range, with_restricted, limit).await
    }

    async fn nearest(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<Option<MessageId>, StoreError> {
        read::nearest(self, channel, range, with_restricted).await
    }

    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError> {
        write::replace_interval(self, channel, page).await
    }

    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        read::list_stored(self, channel, after, limit).await
    }

    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError> {
        restore::restore(self, channel, messages, proven).await
    }

    async fn remove(&mut self, channel: ChannelId, interval: Interval) -> Result<u64, StoreError> {
        write::remove_interval(self, channel, interval).await
    }
}
