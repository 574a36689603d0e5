//! Earlier texts of messages, for moderators.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::retention::EarlierVersion;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// The earlier texts of messages that the [retention](domain::retention::Retention) of their tenants keeps. They are
/// stored by [`replace_interval`](crate::message::MessageRepository::replace_interval), in the same unit as the text that
/// replaces them.
///
/// A text is identified by its message and the edit that made it: one that is stored again replaces the one before.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait VersionRepository: Send {
    /// Returns the earlier texts of a message, oldest first: those after the text of this [key](EarlierVersion::key), at
    /// most `limit` (1..=1000).
    async fn list(
        &mut self,
        channel: ChannelId,
        message: MessageId,
        after: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<EarlierVersion>, StoreError>;

    /// Returns the earlier texts of a channel, ascending by message, then age: those after the text of this message and
    /// [key](EarlierVersion::key), at most `limit` (1..=1000).
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<(MessageId, Timestamp)>,
        limit: u32,
    ) -> Result<Vec<EarlierVersion>, StoreError>;

    /// Stores earlier texts of a channel (at most 100) from another archive.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn upsert_all(
        &mut self,
        tenant: TenantId,
        channel: ChannelId,
        versions: &[EarlierVersion],
    ) -> Result<(), StoreError>;

    /// Removes the texts of a tenant that were replaced before `before`: by deletions, or by edits; the oldest `limit`
    /// (1..=1000). Returns their number.
    async fn trim(
        &mut self,
        tenant: TenantId,
        by_deletion: bool,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Removes the first `limit` (1..=1000) texts of a channel; returns their number.
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError>;
}
