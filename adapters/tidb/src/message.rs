//! Messages, with their attachments and reactions.

mod mark;
mod read;
mod restore;
mod state;
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

use crate::unit::Unit;

pub(crate) use self::write::{lock, recount as recount_messages, upsert};

#[async_trait]
impl MessageRepository for Unit {
    async fn find(&mut self, channel: ChannelId, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
        Ok(read::find_all(self, channel, &[id]).await?.pop())
    }

    async fn find_in_tenant(&mut self, tenant: TenantId, id: MessageId) -> Result<Vec<StoredMessage>, StoreError> {
        read::find_in_tenant(self, tenant, id).await
    }

    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError> {
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

    async fn exists(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<bool, StoreError> {
        read::exists(self, channel, range, with_restricted).await
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

    async fn list_marks(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageMark>, StoreError> {
        mark::list_marks(self, channel, after, limit).await
    }

    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError> {
        restore::restore(self, channel, messages, proven).await
    }

    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        write::delete_first(self, channel, limit).await
    }
}
