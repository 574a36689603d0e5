//! Channels, threads, and their tree.

use std::collections::{HashMap, HashSet};

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake};
use domain::message::{Message, MessageId, StoredMessage};
use domain::slug::ChannelSlug;
use domain::tenant::Tenant;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::page::Page;
use ports::store::Ahead;
use uuid::Uuid;

use super::files::FileRead;
use super::messages::roles_read;
use super::structure::{Structure, without_counts};
use super::{Audience, BrowseError, FileStates, Reading, Roles};

/// The number of batches of 100 threads that are searched for one page, so that a filter with few matches costs no
/// more.
const THREAD_ROUNDS: u32 = 10;

/// The number of threads that are searched for one page of those with a tag, in one batch: on a cluster each costs a round
/// trip.
const TAGGED: u32 = 1_000;

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
pub struct Threads<'a> {
    /// The order.
    pub order: ThreadOrder,
    /// Only archived ones, or only others; `None` for both.
    pub archived: Option<bool>,
    /// Only posts to which the tag with this id is applied.
    pub tag: Option<&'a str>,
}

impl Threads<'_> {
    /// Returns the list of all threads in an order.
    #[must_use]
    pub const fn all(order: ThreadOrder) -> Self {
        Self { order, archived: None, tag: None }
    }

    fn selects(&self, thread: &Channel) -> bool {
        self.archived.is_none_or(|archived| thread.archived == archived)
            && self.tag.is_none_or(|tag| thread.applied_tags.iter().any(|applied| applied == tag))
    }
}

/// A page of threads.
#[derive(Debug, Clone, Default)]
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
    /// Returns the channel that `reference` names: a slug, a UUID or a platform id. It has no counts: they change with
    /// each message, and what shows them is made again.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if it is not stored, or this client may not read it.
    pub async fn channel(&mut self, tenant: &Tenant, reference: &str) -> Result<ChannelView, BrowseError> {
        if let Some(structure) = self.structure(tenant.id)
            && let Some(view) = known(structure, reference)
        {
            self.at.record_view(view);
            return Ok(view.clone());
        }
        let channel = self.find_channel(tenant, reference).await?.map(without_counts);
        self.view(tenant, channel.ok_or(NO_CHANNEL)?).await
    }

    /// Returns the same channel with its counts.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if it is not stored, or this client may not read it.
    pub async fn counted_channel(&mut self, tenant: &Tenant, reference: &str) -> Result<ChannelView, BrowseError> {
        let known = self.structure(tenant.id).and_then(|structure| known(structure, reference));
        let channel = match known.map(|view| view.channel.id) {
            Some(id) => self.at.channel(id).await?,
            None => self.find_channel(tenant, reference).await?,
        };
        self.at.record_counts(&channel);
        self.view(tenant, channel.ok_or(NO_CHANNEL)?).await
    }

    /// Returns a stored channel with the one above it, if this client may read it.
    async fn view(&mut self, tenant: &Tenant, channel: Channel) -> Result<ChannelView, BrowseError> {
        if channel.tenant_id != tenant.id {
            return Err(NO_CHANNEL);
        }
        let above = channel.parent_id.and_then(|id| self.structure(tenant.id)?.find(id)).map(|view| &view.channel);
        let view = match (above, channel.parent_id) {
            (Some(above), _) => ChannelView::of(self.audience, channel, Some(above)),
            (None, Some(id)) => {
                let above = self.at.channel(id).await?.map(without_counts);
                ChannelView::of(self.audience, channel, above.as_ref())
            }
            (None, None) => ChannelView::of(self.audience, channel, None),
        };
        view.ok_or(NO_CHANNEL)
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
            return Ok(self.at.channel(ChannelId(id)).await?);
        }
        if let Ok(id) = reference.parse::<ChannelSnowflake>()
            && let Some(found) = self.at.channel(ChannelId::of(tenant.id, id)).await?
        {
            return Ok(Some(found));
        }
        let Ok(slug) = ChannelSlug::new(reference) else { return Ok(None) };
        match self.at.channel_by_slug(tenant.id, &slug).await? {
            // A channel that had a word of the site as its slug, before the site used it, was given that of its name.
            None if slug.is_reserved() => {
                Ok(self.at.channel_by_slug(tenant.id, &ChannelSlug::from_name(reference)).await?)
            }
            found => Ok(found),
        }
    }

    /// Returns threads of a channel that this client may read, in the order of the filter, at most `limit` after
    /// `after`. A page of fewer than `limit` need not be the last.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if the forum does not have the tag.
    pub async fn threads(
        &mut self,
        of: &ChannelView,
        filter: Threads<'_>,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<ThreadPage, BrowseError> {
        let (threads, next) = self.bare_threads(of, filter, after, limit).await?;
        self.with_starters(of, threads, next).await
    }

    /// Returns threads of a channel with their first messages.
    pub(super) async fn with_starters(
        &mut self,
        of: &ChannelView,
        threads: Vec<ChannelView>,
        next: Option<ThreadCursor>,
    ) -> Result<ThreadPage, BrowseError> {
        let mut starters = self.starters(&of.channel, &threads).await?;
        let view = |thread: ChannelView| {
            let id: MessageId = thread.channel.platform_id.cast();
            let starter = [of.channel.id, thread.channel.id].iter().find_map(|place| starters.remove(&(*place, id)));
            ThreadView { thread, starter }
        };
        let views: Vec<ThreadView> = threads.into_iter().map(view).collect();
        let starters = views.iter().filter_map(|view| view.starter.as_ref());
        let roles = roles_read(of.channel.tenant_id, starters.clone());
        let reads: Vec<_> = roles.into_iter().chain(FileRead::of(starters.clone()).ahead()).collect();
        self.at.ahead(&reads).await?;
        let roles = self.roles_of(of.channel.tenant_id, starters.clone()).await?;
        let files = self.files_of(starters).await?;
        Ok(ThreadPage { threads: views, next, roles, files })
    }

    /// Returns the same list without the first messages of the threads.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if the forum does not have the tag.
    pub async fn bare_threads(
        &mut self,
        of: &ChannelView,
        filter: Threads<'_>,
        after: Option<ThreadCursor>,
        limit: u32,
    ) -> Result<(Vec<ChannelView>, Option<ThreadCursor>), BrowseError> {
        if filter.tag.is_some_and(|tag| of.channel.tags.iter().all(|known| known.id != tag)) {
            return Err(BrowseError::NotFound("tag"));
        }
        // The children of a category are not threads.
        if of.channel.kind == ChannelKind::CATEGORY {
            return Ok((Vec::new(), None));
        }
        let (with_private, wanted) = (self.audience == Audience::Admin, limit as usize + 1);
        let is_wanted = |thread: &Channel| (with_private || !thread.kind.is_always_private()) && filter.selects(thread);
        let (mut size, rounds) = if filter.tag.is_some() { (TAGGED, 1) } else { (limit + 1, THREAD_ROUNDS) };
        let (mut threads, mut next) = (Vec::new(), after);
        for _ in 0..rounds {
            let order = ThreadFilter { order: filter.order, with_private };
            let page = Page { after: next, limit: size };
            let page = self.at.list_threads(of.channel.id, order, page).await?;
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
        let found = self.at.messages_by_key(&keys).await?;
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
        let ids = channel_ids(tenant, ids);
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let channels = self.named(tenant, &ids).await?;
        Ok(channels.into_iter().map(|channel| (channel.platform_id, channel)).collect())
    }

    /// Returns the read of the channels that `ids` name and the structure does not have, if there are any.
    pub(super) fn unnamed(&self, tenant: &Tenant, ids: impl IntoIterator<Item = ChannelSnowflake>) -> Option<Ahead> {
        let structure = self.structure(tenant.id);
        let mut ids = channel_ids(tenant, ids);
        ids.retain(|id| structure.is_none_or(|structure| structure.find(*id).is_none()));
        (!ids.is_empty()).then_some(Ahead::Channels(ids))
    }

    /// Returns the channels among `ids` that this client may read, without their counts; at most 200.
    pub(super) async fn named(&mut self, tenant: &Tenant, ids: &[ChannelId]) -> Result<Vec<Channel>, BrowseError> {
        let structure = self.structure(tenant.id).cloned();
        let view = |id: &ChannelId| structure.as_ref()?.find(*id);
        let (known, others): (Vec<_>, Vec<_>) = ids.iter().partition(|id| view(id).is_some());
        let mut named: Vec<Channel> = known.iter().filter_map(view).map(|view| view.channel.clone()).collect();
        if others.is_empty() {
            return Ok(named);
        }
        let found = self.at.channels(&others).await?;
        let parents = found.iter().filter_map(|channel| channel.parent_id).filter(|id| view(id).is_none());
        let parents = self.by_id(parents.collect()).await?;
        let parent_of = |channel: &Channel| {
            let id = channel.parent_id?;
            view(&id).map(|view| &view.channel).or_else(|| parents.get(&id))
        };
        let is_readable = |channel: &Channel| self.audience == Audience::Admin || channel.is_public(parent_of(channel));
        named.extend(found.into_iter().filter(is_readable).map(without_counts));
        Ok(named)
    }
}

/// Returns the ids of named channels, at most 200.
fn channel_ids(tenant: &Tenant, ids: impl IntoIterator<Item = ChannelSnowflake>) -> Vec<ChannelId> {
    // A text can name a channel thousands of times, and to derive an id takes a while.
    let distinct: HashSet<ChannelSnowflake> = ids.into_iter().collect();
    let mut ids: Vec<_> = distinct.into_iter().map(|id| ChannelId::of(tenant.id, id)).collect();
    ids.sort_unstable();
    ids.truncate(200);
    ids
}

/// Returns the channel of a structure that `reference` names.
fn known<'a>(structure: &'a Structure, reference: &str) -> Option<&'a ChannelView> {
    if let Ok(id) = Uuid::try_parse(reference) {
        return structure.find(ChannelId(id));
    }
    match reference.parse::<ChannelSnowflake>() {
        // Another channel, which is not a part of the structure, can have the id.
        Ok(id) => structure.find(ChannelId::of(structure.tenant.id, id)),
        Err(_) => structure.find_by_slug(&ChannelSlug::new(reference).ok()?),
    }
}

const NO_CHANNEL: BrowseError = BrowseError::NotFound("channel");
