//! Channels, threads, and the tree that they make.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::message::{Message, MessageId, MessageKind};
use domain::slug::ChannelSlug;
use domain::tenant::Tenant;
use domain::visibility::is_public;
use ports::channel::{ThreadCursor, ThreadFilter};
use ports::message::StoredMessage;
use ports::page::Page;
use uuid::Uuid;

use super::{Audience, BrowseError, FileStates, Reading, Roles, cut};

/// A channel that a client may read.
#[derive(Debug, Clone)]
pub struct ChannelView {
    /// The channel.
    pub channel: Channel,
    /// The channel or category above it, if it is stored and this client may know of it.
    pub parent: Option<Channel>,
    /// Whether everybody may read it.
    pub public: bool,
}

/// A thread in a list.
#[derive(Debug, Clone)]
pub struct ThreadView {
    /// The thread.
    pub thread: ChannelView,
    /// The message that it begins with; `None` if it is not held or was deleted.
    pub starter: Option<Message>,
}

/// A page of threads.
#[derive(Debug, Clone)]
pub struct ThreadPage {
    /// The threads, in the order that was asked for.
    pub threads: Vec<ThreadView>,
    /// Where the list goes on.
    pub next: Option<ThreadCursor>,
    /// The roles that the messages mention with which they begin.
    pub roles: Roles,
    /// What became of the files of those.
    pub files: FileStates,
}

impl Reading {
    /// The channel that `reference` names: a slug, a UUID or a platform id.
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
        let public = is_public(&channel, parent.as_ref());
        if self.audience == Audience::Public && !public {
            return Err(NO_CHANNEL);
        }
        let known = |parent: &Channel| self.audience == Audience::Admin || is_public(parent, None);
        Ok(ChannelView { parent: parent.filter(known), channel, public })
    }

    /// What the platform calls the channel that `reference` names. A platform id need not be one that is stored.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if it names none.
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

    /// Every channel of a tenant but its threads that this client may read, in tree order: by position, then id, each
    /// followed by its children.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn channels(&mut self, tenant: &Tenant) -> Result<Vec<ChannelView>, BrowseError> {
        let mut channels = self.at.channels().list(tenant.id).await?;
        if self.audience == Audience::Public {
            channels.retain(|channel| is_public(channel, None));
        }
        Ok(tree(&channels))
    }

    /// Threads of a channel that this client may read, in the order of the filter, at most `limit` behind `after`.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn threads(
        &mut self,
        of: &ChannelView,
        filter: ThreadFilter,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<ThreadPage, BrowseError> {
        let (threads, next) = self.bare_threads(of, filter, after, limit).await?;
        let mut starters = self.starters_above(&of.channel, &threads).await?;
        let mut views = Vec::with_capacity(threads.len());
        for thread in threads {
            let id = thread.channel.platform_id.cast();
            let starter = match starters.remove(&id) {
                Some(starter) => Some(starter),
                None => self.at.messages().find(thread.channel.id, id).await?.and_then(|found| self.shown(found)),
            };
            views.push(ThreadView { thread, starter });
        }
        let starters = views.iter().filter_map(|view| view.starter.as_ref());
        let roles = self.roles_of(of.channel.tenant_id, starters.clone()).await?;
        let files = self.files_of(starters).await?;
        Ok(ThreadPage { threads: views, next, roles, files })
    }

    /// The same list without the messages that the threads begin with.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn bare_threads(
        &mut self,
        of: &ChannelView,
        filter: ThreadFilter,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<(Vec<ChannelView>, Option<ThreadCursor>), BrowseError> {
        let filter = ThreadFilter { with_private: self.audience == Audience::Admin, ..filter };
        let page = Page { after, limit: limit + 1 };
        let mut threads = self.at.channels().list_threads(of.channel.id, filter, page).await?;
        let more = cut(&mut threads, limit);
        let next = threads.last().filter(|_| more).map(|last| ThreadCursor {
            active_at: last.stats.last_activity_at.unwrap_or_else(|| last.created_at()),
            platform_id: last.platform_id,
        });
        let view = |thread: Channel| ChannelView {
            public: is_public(&thread, Some(&of.channel)),
            channel: thread,
            parent: Some(of.channel.clone()),
        };
        Ok((threads.into_iter().map(view).collect(), next))
    }

    /// Of messages that threads were started from, those that stand in the channel above. A forum has none.
    async fn starters_above(
        &mut self,
        parent: &Channel,
        threads: &[ChannelView],
    ) -> Result<HashMap<MessageId, Message>, BrowseError> {
        if parent.kind.is_forum() || threads.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<MessageId> = threads.iter().map(|thread| thread.channel.platform_id.cast()).collect();
        let found = self.at.messages().find_all(parent.id, &ids).await?;
        let shown = found.into_iter().filter_map(|stored| self.shown(stored));
        Ok(shown.map(|message| (message.id, message)).collect())
    }

    /// A message, unless it was deleted or this client may not read its kind.
    pub(super) fn shown(&self, stored: StoredMessage) -> Option<Message> {
        let hidden = !self.with_restricted() && MessageKind::RESTRICTED.contains(&stored.message.kind);
        Some(stored.message).filter(|_| stored.deleted_at.is_none() && !hidden)
    }

    /// The channels of a tenant that `ids` name and this client may read: for links in a text. At most 200.
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

/// Sorts channels, which come by position and then id, so that each stands behind its parent.
fn tree(channels: &[Channel]) -> Vec<ChannelView> {
    let known: HashMap<ChannelId, &Channel> = channels.iter().map(|channel| (channel.id, channel)).collect();
    let parent_of = |channel: &Channel| channel.parent_id.and_then(|id| known.get(&id).copied());
    let mut children: HashMap<Option<ChannelId>, Vec<&Channel>> = HashMap::new();
    for channel in channels {
        children.entry(parent_of(channel).map(|parent| parent.id)).or_default().push(channel);
    }
    let mut sorted = Vec::with_capacity(channels.len());
    let mut waiting: Vec<&Channel> = children.remove(&None).unwrap_or_default();
    waiting.reverse();
    while let Some(channel) = waiting.pop() {
        sorted.push(ChannelView {
            channel: channel.clone(),
            parent: parent_of(channel).cloned(),
            public: is_public(channel, None),
        });
        waiting.extend(children.remove(&Some(channel.id)).unwrap_or_default().into_iter().rev());
    }
    // Parents in a circle have no root; what is left of them comes last, as it is.
    let mut rest: Vec<_> = children.into_values().flatten().collect();
    rest.sort_unstable_by_key(|channel| (channel.position, channel.platform_id));
    sorted.extend(rest.into_iter().map(|channel| ChannelView {
        channel: channel.clone(),
        parent: parent_of(channel).cloned(),
        public: is_public(channel, None),
    }));
    sorted
}
