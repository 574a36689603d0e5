//! Channels and threads.

use async_trait::async_trait;
use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::lease::Fence;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::Page;

/// The order of a list of threads, the newest first but for the last; ties by platform id in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadOrder {
    /// By the newest message, or by creation where there is none.
    Activity,
    /// By creation.
    Created,
    /// By creation, the oldest first.
    Oldest,
}

/// Where a list of threads goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadCursor {
    /// The newest message's time, or the creation, of the last thread that is known; used by
    /// [`ThreadOrder::Activity`] alone.
    pub active_at: Timestamp,
    /// Its platform id.
    pub platform_id: ChannelSnowflake,
}

/// Which threads of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadFilter {
    /// In which order.
    pub order: ThreadOrder,
    /// Whether threads whose own visibility is private are in the list.
    pub with_private: bool,
}

/// The channels of a tenant; a thread is a channel whose parent is a text, announcement, forum or media channel.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChannelRepository: Send {
    /// The channel, or `None` if it was never stored.
    async fn find(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError>;

    /// The channel with this slug.
    async fn find_by_slug(&mut self, tenant: TenantId, slug: &ChannelSlug) -> Result<Option<Channel>, StoreError>;

    /// Those of `ids` that are stored, ascending by id; at most 200 are asked for.
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError>;

    /// Every channel of a tenant but its threads, ascending by position, then platform id: one range of an index. Discord
    /// allows 500 channels in a guild, categories included
    /// (<https://docs.discord.com/developers/topics/opcodes-and-status-codes#json>, code 30013), so they come whole; those
    /// that it has no more are stored, too. Threads, of which there is no such bound, come in pages.
    async fn list(&mut self, tenant: TenantId) -> Result<Vec<Channel>, StoreError>;

    /// The threads of `parent`, in the order of the filter: ranges of an index, however many threads are left out.
    async fn list_threads(
        &mut self,
        parent: ChannelId,
        filter: ThreadFilter,
        page: Page<ThreadCursor>,
    ) -> Result<Vec<Channel>, StoreError>;

    /// Every channel and thread of a tenant, ascending by id: for work that goes through all of them.
    async fn list_all(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Channel>, StoreError>;

    /// Stores `channel`, replacing what its id held but for [`Channel::stats`], which the store keeps itself: it
    /// counts a new thread for its parent. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant or the parent is not stored, [`StoreError::Duplicate`] with
    /// `channel slug` if another channel of the tenant has its slug.
    async fn upsert(&mut self, channel: &Channel) -> Result<(), StoreError>;

    /// Shuts everyone out of the channel who works under a smaller fence; tells whether the caller may go on itself:
    /// `false` if a larger one was here before, or if the channel is not stored. To be called first in a unit that
    /// writes under a lease: until its end nobody else gets an answer.
    async fn fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError>;

    /// Counts the messages of a channel that readers are shown again and mends its stats where they say something else, as
    /// they do after a store has lost part of a unit; tells how far they were off. Reads the whole channel. To be called first in a unit, even
    /// before [`ChannelRepository::fence`].
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn recount(&mut self, id: ChannelId) -> Result<u64, StoreError>;

    /// Removes a channel with its coverage and changes; its children lose their parent. Messages that are left go
    /// with it, so a caller removes them first, in bounded steps. Gone already is fine.
    async fn delete(&mut self, id: ChannelId) -> Result<(), StoreError>;
}
