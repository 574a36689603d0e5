//! Messages, with their attachments and reactions.

mod clear;
mod read;
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

pub(crate) use self::write::recount as recount_messages;

impl MessageStatements for Unit {
    const FIND_CHANNELS: &'static str = r"
        SELECT messages.channel_id
        FROM messages
        JOIN channels ON channels.channel_id = messages.channel_id
        WHERE message_id = :message_id
            AND tenant_id = :tenant_id
        ORDER BY messages.channel_id
        LIMIT 8
    ";

    const LIST_MARKS: &'static str = sql! {r"
        SELECT message_id, {version}
        FROM messages
        WHERE channel_id = :channel_id
            AND message_id >= :bound
        ORDER BY message_id
        LIMIT :limit
    "};

    const FIRST: &'static str = r"
        SELECT message_id
        FROM messages
        WHERE channel_id = :channel_id
        ORDER BY message_id
        LIMIT :limit
    ";

    async fn find_in(&mut self, channel: ChannelId, ids: &[MessageId]) -> Result<Vec<StoredMessage>, StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection| {
            ids.into_iter().filter_map(|id| read::find(connection, channel, id).transpose()).collect()
        })
        .await
    }

    async fn find_keys(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        self.run(move |connection| {
            keys.into_iter().filter_map(|(channel, id)| read::find(connection, channel, id).transpose()).collect()
        })
        .await
    }

    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError> {
        self.run(move |connection| read::list(connection, channel, range, with_restricted, limit)).await
    }

    async fn nearest(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<Option<MessageId>, StoreError> {
        self.run(move |connection| read::nearest(connection, channel, range, with_restricted)).await
    }

    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError> {
        let page = page.clone();
        self.write_logged(move |connection, changes| write::replace_interval(connection, changes, channel, &page)).await
    }

    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.run(move |connection| read::list_stored(connection, channel, after, limit)).await
    }

    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError> {
        let (messages, proven) = (messages.to_vec(), proven.clone());
        self.write_logged(move |connection, changes| write::restore(connection, changes, channel, &messages, &proven))
            .await
    }

    async fn remove(&mut self, channel: ChannelId, interval: Interval) -> Result<u64, StoreError> {
        self.run(move |connection| write::remove_interval(connection, channel, interval)).await
    }
}
