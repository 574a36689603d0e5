//! The newest posts and messages, for feeds.

use domain::channel::ChannelKind;
use domain::tenant::Tenant;
use ports::channel::ThreadOrder;

use super::{BrowseError, ChannelView, Find, Messages, Reading, ThreadPage, Threads};

/// The number of items of a feed.
pub const FEED: u32 = 50;

/// The number of forums whose newest posts are those of a tenant, and of channels whose newest messages are.
const CHANNELS: usize = 20;

impl Reading {
    /// Returns the newest posts of a forum, or threads of a channel, at most [`FEED`]; with `tag` those to which it is
    /// applied.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if the forum does not have the tag.
    pub async fn newest_posts(&mut self, of: &ChannelView, tag: Option<&str>) -> Result<ThreadPage, BrowseError> {
        self.threads(of, Threads { tag, ..Threads::all(ThreadOrder::Created) }, None, FEED).await
    }

    /// Returns the newest posts of a tenant, at most [`FEED`]: those of its first forums in tree order, except
    /// age-gated ones.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn newest_posts_of_all(&mut self, tenant: &Tenant) -> Result<ThreadPage, BrowseError> {
        let channels = self.channels(tenant).await?;
        let forums = channels.iter().filter(|view| view.channel.kind.is_forum() && !view.is_age_gated());
        let mut all = ThreadPage::default();
        for forum in forums.take(CHANNELS) {
            let page = self.newest_posts(forum, None).await?;
            all.threads.extend(page.threads);
            all.roles.extend(page.roles);
            all.files.extend(page.files);
        }
        all.threads.sort_by_key(|post| std::cmp::Reverse(post.thread.channel.platform_id));
        all.threads.truncate(FEED as usize);
        Ok(all)
    }

    /// Returns the newest messages of a tenant's channels, at most [`FEED`] of each: those of its first chat channels in tree
    /// order, except age-gated ones.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn newest_messages_of_all(
        &mut self,
        tenant: &Tenant,
    ) -> Result<Vec<(ChannelView, Messages)>, BrowseError> {
        let channels = self.channels(tenant).await?;
        let is_chat = |view: &&ChannelView| view.channel.kind != ChannelKind::CATEGORY && !view.channel.kind.is_forum();
        let chats = channels.iter().filter(is_chat).filter(|view| !view.is_age_gated());
        let mut all = Vec::new();
        for view in chats.take(CHANNELS) {
            all.push((view.clone(), self.messages(view, Find::Newest, FEED).await?));
        }
        Ok(all)
    }
}
