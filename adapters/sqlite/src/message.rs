//! Messages, with their attachments and reactions.

mod mark;
mod read;
mod write;

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Segments;
use domain::message::{MessageId, MessageMark, StoredMessage};
use domain::page::{MessagePage, PageOutcome};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::message::{MessageList, MessageRepository};
use ports::page::MessageRange;
use tracing::instrument;

use crate::unit::Unit;

pub(crate) use self::write::recount as recount_messages;

#[async_trait]
impl MessageRepository for Unit {
    #[instrument(name = "db.message.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
        self.run(move |connection| read::find(connection, channel, id)).await
    }

    #[instrument(name = "db.message.find_in_tenant", level = "debug", skip_all, err(level = "trace"))]
    async fn find_in_tenant(&mut self, tenant: TenantId, id: MessageId) -> Result<Vec<StoredMessage>, StoreError> {
        self.run(move |connection| read::find_in_tenant(connection, tenant, id)).await
    }

    #[instrument(name = "db.message.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        self.run(move |connection| {
            keys.into_iter().filter_map(|(channel, id)| read::find(connection, channel, id).transpose()).collect()
        })
        .await
    }

    #[instrument(name = "db.message.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError> {
        self.run(move |connection| read::list(connection, channel, range, with_restricted, limit)).await
    }

    #[instrument(name = "db.message.exists", level = "debug", skip_all, err(level = "trace"))]
    async fn exists(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<bool, StoreError> {
        self.run(move |connection| read::exists(connection, channel, range, with_restricted)).await
    }

    #[instrument(name = "db.message.replace_interval", level = "debug", skip_all, err(level = "trace"))]
    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError> {
        let page = page.clone();
        self.write_logged(move |connection, changes| write::replace_interval(connection, changes, channel, &page)).await
    }

    #[instrument(name = "db.message.list_stored", level = "debug", skip_all, err(level = "trace"))]
    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.run(move |connection| read::list_stored(connection, channel, after, limit)).await
    }

    #[instrument(name = "db.message.list_marks", level = "debug", skip_all, err(level = "trace"))]
    async fn list_marks(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageMark>, StoreError> {
        self.run(move |connection| mark::list_marks(connection, channel, after, limit)).await
    }

    #[instrument(name = "db.message.restore", level = "debug", skip_all, err(level = "trace"))]
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

    #[instrument(name = "db.message.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        self.write_logged(move |connection, changes| write::delete_first(connection, changes, channel, limit)).await
    }
}
