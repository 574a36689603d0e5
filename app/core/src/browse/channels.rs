//! Channels, threads, and their tree.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake};
use domain::message::{Message, MessageId, StoredMessage};
use domain::slug::ChannelSlug;
use domain::tenant::Tenant;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::page::Page;
use uuid::Uuid;

use super::{Audience, BrowseError, FileStates, Reading, Roles};

/// The number of batches of 100 threads that are searched for one page, so that a filter with few matches costs no
/// more.
const THREAD_ROUNDS: u32 = 10;

/// A channel that a client may read.
#[derive(Debug, Clone)]
pub struct ChannelView {
    /// The channel.
    pub channel: Channel,
    /// The channel or category above it, if it is stored and this client may know of it.
    pub parent: Option<Channel>,
    /// Whether the public may read it.
    pub public: bool,
}

impl ChannelView {
    /// Returns a channel as `audience` sees it, given the stored channel or category above it; `None` if it may not read
    /// it.
    pub(super) fn of(audience: Audience, channel: Channel, parent: Option<&Channel>) -> Option<Self> {
        let public = channel.is_public(parent);
        if audience == Audience::Public && !public {
            return None;
        }
        let is_known = |parent: &&Channel| audience == Audience::Admin || parent.is_public(None);
        Some(Self { parent: parent.filter(is_known).cloned(), channel, public })
    }

    /// Returns whether Discord shows it only to adults; a thread is as the channel that it is in.
    #[must_use]
    pub fn is_age_gated(&self) -> bool {
        let Self { channel, parent, .. } = self;
        channel.nsfw || channel.kind.is_thread() && parent.as_ref().is_some_and(|parent| parent.nsfw)
    }
}

/// A thread in a list.
#[derive(Debug, Clone)]
pub struct ThreadView {
    /// The thread.
    pub thread: ChannelView,
    /// The message that it begins with; `None` if it is not stored or was deleted.
    pub starter: Option<Message>,
}

/// The filter and order of a list of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads {
    /// The order.
    pub order: ThreadOrder,
    /// Only archived ones, or only others; `None` for both.
    pub archived: Option<bool>,
}

/// A page of threads.
#[derive(Debug, Clone)]
pub struct ThreadPage {
    /// The threads, in the requested order.
    pub threads: Vec<ThreadView>,
    /// The cursor of the next page.
    pub next: Option<ThreadCursor>,
    /// The roles that the first messages of the threads mention.
    pub roles: Roles,
    /// The download state of the attachments of those messages.
    pub files: FileStates,
}

impl Reading {
    /// Returns the channel that `reference` names: a slug, a UUID or a platform id.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if it is not stored, or this client may not read it.
    pub async fn channel(&mut self, tenant: &Tenant, reference: &str) -> Result<ChannelView, BrowseError> {
        let channel = self.find_channel(tenant, reference).await?;
        let channel = channel.filter(|channel| channel.tenant_id == tenant.id).ok_or(NO_CHANNEL)?;
        let parent = match channel.parent_id {
            Some(id) => self.at.channels().find(id).await?,
            None => None,
        };
        ChannelView::of(self.audience, channel, parent.as_ref()).ok_or(NO_CHANNEL)
    }

    /// Returns the platform id of the channel that `reference` names. A platform id need not be a stored one.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if it does not name a channel.
    pub async fn snowflake(&mut self, tenant: &Tenant, reference: &str) -> Result<ChannelSnowflake, BrowseError> {
        match self.channel(tenant, reference).await {
            Ok(view) => Ok(view.channel.platform_id),
            Err(BrowseError::NotFound(_)) => reference.parse().map_err(|_| NO_CHANNEL),
            Err(error) => Err(error),
        }
    }

    async fn find_channel(&mut self, tenant: &Tenant, reference: &str) -> Result<Option<Channel>, BrowseError> {
        if let Ok(id) = Uuid::try_parse(reference) {
            return Ok(self.at.channels().find(ChannelId(id)).await?);
        }
        if let Ok(id) = reference.parse::<ChannelSnowflake>()
            && let Some(found) = self.at.channels().find(ChannelId::of(tenant.id, id)).await?
        {
            return Ok(Some(found));
        }
        match ChannelSlug::new(reference) {
            Ok(slug) => Ok(self.at.channels().find_by_slug(tenant.id, &slug).await?),
            Err(_) => Ok(None),
        }
    }

    /// Returns threads of a channel that this client may read, in the order of the filter, at most `limit` after
    /// `after`. A page of fewer than `limit` need not be the last.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn threads(
        &mut self,
        of: &ChannelView,
        filter: Threads,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<ThreadPage, BrowseError> {
        let (threads, next) = self.bare_threads(of, filter, after, limit).await?;
        let mut starters = self.starters(&of.channel, &threads).await?;
        let view = |thread: ChannelView| {
            let id: MessageId = thread.channel.platform_id.cast();
            let starter = [of.channel.id, thread.channel.id].iter().find_map(|place| starters.remove(&(*place, id)));
            ThreadView { thread, starter }
        };
        let views: Vec<ThreadView> = threads.into_iter().map(view).collect();
        let starters = views.iter().filter_map(|view| view.starter.as_ref());
        let roles = self.roles_of(of.channel.tenant_id, starters.clone()).await?;
        let files = self.files_of(starters).await?;
        Ok(ThreadPage { threads: views, next, roles, files })
    }

    /// Returns the same list without the first messages of the threads.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn bare_threads(
        &mut self,
        of: &ChannelView,
        filter: Threads,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<(Vec<ChannelView>, Option<ThreadCursor>), BrowseError> {
        // The children of a category are not threads.
        if of.channel.kind == ChannelKind::CATEGORY {
            return Ok((Vec::new(), None));
        }
        let (with_private, wanted) = (self.audience == Audience::Admin, limit as usize + 1);
        let is_wanted = |thread: &Channel| {
            let readable = with_private || !thread.kind.is_always_private();
            readable && filter.archived.is_none_or(|archived| thread.archived == archived)
        };
        let (mut threads, mut next, mut size) = (Vec::new(), after, limit + 1);
        for _ in 0..THREAD_ROUNDS {
            let order = ThreadFilter { order: filter.order, with_private };
            let page = Page { after: next, limit: size };
            let page = self.at.channels().list_threads(of.channel.id, order, page).await?;
            next = page.last().filter(|_| page.len() == size as usize).map(ThreadCursor::from);
            threads.extend(page.into_iter().filter(is_wanted));
            if next.is_none() || threads.len() >= wanted {
                break;
            }
            size = 100;
        }
        if threads.len() >= wanted {
            threads.truncate(limit as usize);
            next = threads.last().map(ThreadCursor::from);
        }
        let view = |thread: Channel| ChannelView {
            public: thread.is_public(Some(&of.channel)),
            channel: thread,
            parent: Some(of.channel.clone()),
        };
        Ok((threads.into_iter().map(view).collect(), next))
    }

    /// Finds the first messages of threads, in the parent channel and in the threads themselves. A forum has no
    /// messages.
    async fn starters(
        &mut self,
        parent: &Channel,
        threads: &[ChannelView],
    ) -> Result<HashMap<(ChannelId, MessageId), Message>, BrowseError> {
        if threads.is_empty() {
            return Ok(HashMap::new());
        }
        let own = threads.iter().map(|thread| (thread.channel.id, thread.channel.platform_id.cast()));
        let above = threads.iter().map(|thread| (parent.id, thread.channel.platform_id.cast()));
        let above = above.filter(|_| !parent.kind.is_forum());
        let keys: Vec<(ChannelId, MessageId)> = own.chain(above).collect();
        let found = self.at.messages().find_all(&keys).await?;
        let shown = found.into_iter().filter_map(|stored| self.shown(stored));
        Ok(shown.map(|message| ((message.channel_id, message.id), message)).collect())
    }

    /// Returns the message, unless it was deleted or this client may not read its kind.
    pub(super) fn shown(&self, stored: StoredMessage) -> Option<Message> {
        let hidden = !self.with_restricted() && !stored.message.kind.is_shown();
        (!stored.is_deleted() && !hidden).then_some(stored.message)
    }

    /// Returns the channels of a tenant that `ids` name and this client may read: for links in a text. At most 200.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn channels_named(
        &mut self,
        tenant: &Tenant,
        ids: impl IntoIterator<Item = ChannelSnowflake>,
    ) -> Result<HashMap<ChannelSnowflake, Channel>, BrowseError> {
        let mut ids: Vec<_> = ids.into_iter().map(|id| ChannelId::of(tenant.id, id)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(200);
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let readable = self.readable(&ids).await?;
        let channels = self.at.channels().find_all(&readable).await?;
        Ok(channels.into_iter().map(|channel| (channel.platform_id, channel)).collect())
    }
}

const NO_CHANNEL: BrowseError = BrowseError::NotFound("channel");
