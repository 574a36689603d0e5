//! Channels and threads.

use async_trait::async_trait;
use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::lease::Fence;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::Page;

/// The order of a list of threads, newest first except for [`ThreadOrder::Oldest`]; ties by platform id in the same
/// direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadOrder {
    /// By the newest message, or by creation where there is none.
    Activity,
    /// By creation.
    Created,
    /// By creation, the oldest first.
    Oldest,
}

/// The position after which a list of channels resumes: that of the last channel returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelCursor {
    /// Its [`Channel::position`].
    pub position: i32,
    /// Its platform id.
    pub platform_id: ChannelSnowflake,
}

impl From<&Channel> for ChannelCursor {
    fn from(channel: &Channel) -> Self {
        Self { position: channel.position, platform_id: channel.platform_id }
    }
}

/// The position after which a list of threads resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCursor {
    /// The time of the newest message of the last thread returned, or its creation time; used only by
    /// [`ThreadOrder::Activity`].
    pub active_at: Timestamp,
    /// The platform id of that thread.
    pub platform_id: ChannelSnowflake,
}

impl From<&Channel> for ThreadCursor {
    fn from(thread: &Channel) -> Self {
        let active_at = thread.stats.last_activity_at.unwrap_or_else(|| thread.created_at());
        Self { active_at, platform_id: thread.platform_id }
    }
}

/// The order and visibility of a list of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadFilter {
    /// The order.
    pub order: ThreadOrder,
    /// Whether threads whose own visibility is private are included.
    pub with_private: bool,
}

/// The channels of a tenant; a thread is a channel whose parent is a text, announcement, forum or media channel.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChannelRepository: Send {
    /// Returns the channel, or `None` if it was never stored.
    async fn find(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError>;

    /// Returns the channel with this slug.
    async fn find_by_slug(&mut self, tenant: TenantId, slug: &ChannelSlug) -> Result<Option<Channel>, StoreError>;

    /// Returns the stored channels among `ids` (at most 200), ascending by id.
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError>;

    /// Returns the channels of a tenant except its threads, ascending by position, then platform id: ranges of an
    /// index, however many channels are left out. Without `with_private`, only those whose own visibility is public.
    ///
    /// Discord allows 500 channels in a guild, categories included
    /// (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>, code 30013); channels that the guild
    /// no longer has, and those of exports, are stored in addition.
    async fn list(
        &mut self,
        tenant: TenantId,
        with_private: bool,
        page: Page<ChannelCursor>,
    ) -> Result<Vec<Channel>, StoreError>;

    /// Returns the threads of `parent`, in the order of the filter: ranges of an index, however many threads are left
    /// out.
    async fn list_threads(
        &mut self,
        parent: ChannelId,
        filter: ThreadFilter,
        page: Page<ThreadCursor>,
    ) -> Result<Vec<Channel>, StoreError>;

    /// Returns every channel and thread of a tenant, ascending by id, for work on all of them.
    async fn list_all(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Channel>, StoreError>;

    /// Stores `channel`, replacing the stored row except [`Channel::stats`], which the store maintains: it counts a new
    /// thread for its parent. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant or the parent is not stored, [`StoreError::Duplicate`] with
    /// `channel slug` if another channel of the tenant has its slug.
    async fn upsert(&mut self, channel: &Channel) -> Result<(), StoreError>;

    /// Raises the channel's fence to `fence`. Returns `false` if a larger fence was stored before or the channel is not
    /// stored; the caller must stop then. Must be the first call in a unit that writes under a lease: until that unit
    /// ends, every other call for the channel waits.
    async fn fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError>;

    /// Recounts the messages of a channel that are shown to readers and corrects its stats if they differ, as they do
    /// after a store has lost part of a unit. Returns the size of the difference. Reads the whole channel. Must be the
    /// first call in a unit, even before [`ChannelRepository::fence`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn recount(&mut self, id: ChannelId) -> Result<u64, StoreError>;

    /// Removes a channel with its coverage and changes; its children lose their parent. Remaining messages are removed
    /// with it, so a caller removes them first, in bounded steps. A missing channel is not an error.
    async fn delete(&mut self, id: ChannelId) -> Result<(), StoreError>;
}
