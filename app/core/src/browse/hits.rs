//! What a search needs of the store: the channels that a reader may search in, and the candidates that match.

use std::collections::{BTreeSet, HashMap};

use domain::change::{ChangeKind, ChangePosition, Followed};
use domain::channel::{Channel, ChannelId};
use domain::message::{Message, MessageId};
use domain::search::{ChannelRef, Filter, SearchDocument, SearchQuery};
use domain::tenant::{Tenant, TenantId};
use ports::channel::ChannelCursor;
use ports::page::Page;
use ports::search::SearchScope;

use super::{Audience, BrowseError, ChannelView, FileStates, Reading, Roles};
use crate::search::{Excerpt, Found, Reach, may_start, place_of, started};

/// The most changes that are read to find out whether an index is current.
const LATEST: u32 = 1_000;

impl Reading {
    /// Returns the channels that this client may search in, and those that the query names.
    pub(crate) async fn reach(&mut self, tenant: &Tenant, query: &SearchQuery) -> Result<Reach, BrowseError> {
        let scope = match self.audience {
            Audience::Admin => SearchScope::All,
            Audience::Public => SearchScope::Channels(self.public_channels(tenant.id).await?),
        };
        let mut channels: HashMap<ChannelRef, Vec<ChannelId>> = HashMap::new();
        for term in query.terms() {
            if let Filter::In(reference) = &term.filter
                && !channels.contains_key(reference)
            {
                let named = self.referenced(tenant.id, reference).await?;
                channels.insert(reference.clone(), named);
            }
        }
        Ok(Reach { scope, channels })
    }

    async fn public_channels(&mut self, tenant: TenantId) -> Result<Vec<ChannelId>, BrowseError> {
        let (mut public, mut after) = (Vec::new(), None);
        loop {
            let page = self.at.list_channels(tenant, false, Page { after, limit: 101 }).await?;
            public.extend(page.iter().filter(|channel| channel.is_public(None)).map(|channel| channel.id));
            match page.last() {
                Some(last) if page.len() == 101 => after = Some(ChannelCursor::from(last)),
                _ => return Ok(public),
            }
        }
    }

    /// Returns the channels with a name, whether this client may read them or not: each candidate is checked.
    async fn referenced(&mut self, tenant: TenantId, reference: &ChannelRef) -> Result<Vec<ChannelId>, BrowseError> {
        let channels = self.at.untraced().await?.channels();
        let mut found = Vec::new();
        match reference {
            ChannelRef::Id(id) => found.extend(channels.find(*id).await?),
            ChannelRef::Slug(slug) => found.extend(channels.find_by_slug(tenant, slug).await?),
            ChannelRef::Number(number) => {
                found.extend(channels.find(ChannelId::of(tenant, *number)).await?);
                if let Ok(slug) = domain::slug::ChannelSlug::new(&number.to_string()) {
                    found.extend(channels.find_by_slug(tenant, &slug).await?);
                }
            }
        }
        Ok(found.into_iter().filter(|channel| channel.tenant_id == tenant).map(|channel| channel.id).collect())
    }

    /// Returns the messages among `keys` that this client may see, that are in the channel `within` or a thread of it,
    /// and that match. At most 200 keys; a few reads for all of them.
    pub(crate) async fn matching(
        &mut self,
        tenant: &Tenant,
        query: &SearchQuery,
        within: Option<ChannelId>,
        keys: &[(ChannelId, MessageId)],
    ) -> Result<HashMap<(ChannelId, MessageId), Found>, BrowseError> {
        let mut matching = HashMap::new();
        if keys.is_empty() {
            return Ok(matching);
        }
        let stored = self.at.messages_by_key(keys).await?;
        let shown: Vec<Message> = stored.into_iter().filter_map(|stored| self.shown(stored)).collect();
        let ids: BTreeSet<ChannelId> = shown.iter().map(|message| message.channel_id).collect();
        let channels = self.by_id(ids).await?;
        let parents = self.by_id(channels.values().filter_map(|channel| channel.parent_id).collect()).await?;
        let with_private = self.audience == Audience::Admin;
        let begun = shown.iter().filter_map(|message| {
            channels.get(&message.channel_id).filter(|channel| may_start(channel, with_private)).map(|_| message.id)
        });
        let begun: Vec<MessageId> = begun.collect();
        let threads = started(self.at.untraced().await?, tenant.id, &begun).await?;
        for channel in channels.values().filter(|channel| channel.tenant_id == tenant.id) {
            let parent = channel.parent_id.and_then(|id| parents.get(&id));
            let is_inside = |id| channel.id == id || channel.kind.is_thread() && channel.parent_id == Some(id);
            let view = ChannelView::of(self.audience, channel.clone(), parent);
            let Some(view) = view.filter(|_| within.is_none_or(is_inside)) else { continue };
            let messages: Vec<&Message> = shown.iter().filter(|message| message.channel_id == channel.id).collect();
            for message in messages {
                let thread = threads.get(&ChannelId::of(tenant.id, message.id.cast()));
                let thread = thread.filter(|thread| thread.parent_id == Some(channel.id));
                let place = place_of(channel, parent.filter(|_| channel.kind.is_thread()), thread);
                let document = SearchDocument::new(message, place);
                if query.matches(&document) {
                    let readable =
                        |thread: &Channel| self.audience == Audience::Admin || thread.is_public(Some(channel));
                    let found = Found {
                        highlights: query.highlights_in_content(&document),
                        excerpt: Excerpt::new(query, &document.texts),
                        message: message.clone(),
                        channel: view.clone(),
                        thread: thread.filter(|thread| readable(thread)).cloned(),
                    };
                    matching.insert((channel.id, message.id), found);
                }
            }
        }
        Ok(matching)
    }

    /// Returns whether a position is one of the store's change log. That of an index of another archive is not, such as of
    /// the one that a backup or a copy has replaced.
    pub(crate) async fn has_reached(&mut self, position: &ChangePosition) -> Result<bool, BrowseError> {
        Ok(self.at.untraced().await?.changes().position().await?.reaches(position))
    }

    /// Returns whether the store has every message of the tenant that it had at a position of the change log, as readers
    /// saw it then: only new ones were added since. False if that is not known.
    pub(crate) async fn has_all_since(
        &mut self,
        tenant: TenantId,
        position: &ChangePosition,
    ) -> Result<bool, BrowseError> {
        let Followed::Changes { changes, behind: 0, .. } =
            self.at.untraced().await?.changes().follow(position, LATEST).await?
        else {
            return Ok(false);
        };
        let adds =
            |kind| matches!(kind, ChangeKind::Created { .. } | ChangeKind::Files { .. } | ChangeKind::GuildItems);
        Ok(changes.iter().all(|change| change.tenant_id != tenant || adds(change.kind)))
    }

    /// Returns the stored channels with these ids.
    pub(super) async fn by_id(&mut self, ids: BTreeSet<ChannelId>) -> Result<HashMap<ChannelId, Channel>, BrowseError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<ChannelId> = ids.into_iter().collect();
        let found = self.at.channels(&ids).await?;
        self.at.record_counts(&found);
        Ok(found.into_iter().map(|channel| (channel.id, channel)).collect())
    }

    /// Returns the roles that `messages` mention and the state of their files.
    pub(crate) async fn referred_by(
        &mut self,
        tenant: TenantId,
        messages: Vec<&Message>,
    ) -> Result<(Roles, FileStates), BrowseError> {
        let roles = self.roles_of(tenant, messages.clone()).await?;
        Ok((roles, self.files_of(messages).await?))
    }
}
