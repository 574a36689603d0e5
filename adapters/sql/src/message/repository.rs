//! The repository of messages. Pages are read and written by the store as a whole: in one go on a blocking thread, or in
//! few round trips.

use std::future::Future;

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::{Interval, Segments};
use domain::message::{MessageId, MessageMark, StoredMessage};
use domain::page::{MessagePage, PageOutcome};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::message::{MessageList, MessageRepository};
use ports::page::MessageRange;
use tracing::instrument;

use super::{deletion, version};
use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;

/// The statements of a store.
pub trait MessageStatements: Session {
    /// Lists the channels of a tenant that have a message with an id.
    const FIND_CHANNELS: &'static str;
    /// Lists the marks of messages from an id on.
    const LIST_MARKS: &'static str;
    /// Lists the first ids of a channel.
    const FIRST: &'static str;

    /// Finds messages of a channel, ascending by id.
    fn find_in(
        &mut self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> impl Future<Output = Result<Vec<StoredMessage>, StoreError>> + Send;

    /// Finds messages like [`MessageRepository::find_all`].
    fn find_keys(
        &mut self,
        keys: &[(ChannelId, MessageId)],
    ) -> impl Future<Output = Result<Vec<StoredMessage>, StoreError>> + Send;

    /// Lists messages like [`MessageRepository::list`].
    fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> impl Future<Output = Result<MessageList, StoreError>> + Send;

    /// Finds a message like [`MessageRepository::nearest`].
    fn nearest(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> impl Future<Output = Result<Option<MessageId>, StoreError>> + Send;

    /// Stores a page like [`MessageRepository::replace_interval`].
    fn replace_interval(
        &mut self,
        channel: ChannelId,
        page: &MessagePage,
    ) -> impl Future<Output = Result<PageOutcome, StoreError>> + Send;

    /// Lists messages like [`MessageRepository::list_stored`].
    fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<StoredMessage>, StoreError>> + Send;

    /// Stores messages of another archive like [`MessageRepository::restore`].
    fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Removes the messages of an interval permanently; returns their number.
    fn remove(
        &mut self,
        channel: ChannelId,
        interval: Interval,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl FromRow for MessageMark {
    const TABLE: &'static str = "messages";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("message_id")?,
            version: version(row)?,
            digest: row.bits("digest")?,
            deletion: deletion(row)?,
        })
    }
}

impl FromRow for MessageId {
    const TABLE: &'static str = MessageMark::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.id("message_id")
    }
}

/// The channel of a message.
struct OfMessage(ChannelId);

impl FromRow for OfMessage {
    const TABLE: &'static str = MessageMark::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self(ChannelId(row.uuid("channel_id")?)))
    }
}

#[async_trait]
impl<U: MessageStatements> MessageRepository for SqlUnit<U> {
    #[instrument(name = "db.message.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, channel: ChannelId, id: MessageId) -> Result<Option<StoredMessage>, StoreError> {
        Ok(self.0.find_in(channel, &[id]).await?.pop())
    }

    #[instrument(name = "db.message.find_in_tenant", level = "debug", skip_all, err(level = "trace"))]
    async fn find_in_tenant(&mut self, tenant: TenantId, id: MessageId) -> Result<Vec<StoredMessage>, StoreError> {
        let parameters = parameters! { "message_id" => id, "tenant_id" => tenant.0 };
        let mut found = Vec::new();
        for OfMessage(channel) in self.0.select(U::FIND_CHANNELS, parameters).await? {
            found.extend(self.0.find_in(channel, &[id]).await?);
        }
        Ok(found)
    }

    #[instrument(name = "db.message.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<StoredMessage>, StoreError> {
        self.0.find_keys(keys).await
    }

    #[instrument(name = "db.message.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
        limit: u32,
    ) -> Result<MessageList, StoreError> {
        self.0.list(channel, range, with_restricted, limit).await
    }

    #[instrument(name = "db.message.nearest", level = "debug", skip_all, err(level = "trace"))]
    async fn nearest(
        &mut self,
        channel: ChannelId,
        range: MessageRange,
        with_restricted: bool,
    ) -> Result<Option<MessageId>, StoreError> {
        self.0.nearest(channel, range, with_restricted).await
    }

    #[instrument(name = "db.message.replace_interval", level = "debug", skip_all, err(level = "trace"))]
    async fn replace_interval(&mut self, channel: ChannelId, page: &MessagePage) -> Result<PageOutcome, StoreError> {
        self.0.replace_interval(channel, page).await
    }

    #[instrument(name = "db.message.list_stored", level = "debug", skip_all, err(level = "trace"))]
    async fn list_stored(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.0.list_stored(channel, after, limit).await
    }

    #[instrument(name = "db.message.list_marks", level = "debug", skip_all, err(level = "trace"))]
    async fn list_marks(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<MessageMark>, StoreError> {
        let Some(bound) = after.map_or(Some(MessageId::MIN), MessageId::next) else { return Ok(Vec::new()) };
        let parameters = parameters! { "channel_id" => channel.0, "bound" => bound, "limit" => limit };
        self.0.select(U::LIST_MARKS, parameters).await
    }

    #[instrument(name = "db.message.restore", level = "debug", skip_all, err(level = "trace"))]
    async fn restore(
        &mut self,
        channel: ChannelId,
        messages: &[StoredMessage],
        proven: &Segments,
    ) -> Result<u64, StoreError> {
        self.0.restore(channel, messages, proven).await
    }

    #[instrument(name = "db.message.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        let parameters = parameters! { "channel_id" => channel.0, "limit" => limit };
        let first: Vec<MessageId> = self.0.select(U::FIRST, parameters).await?;
        let ends = first.first().zip(first.last());
        let Some(interval) = ends.and_then(|(low, high)| Interval::new(*low, *high)) else { return Ok(0) };
        self.0.log_in(channel, [ChangeKind::Page { channel, interval }]).await?;
        self.0.remove(channel, interval).await
    }
}
