//! The structure of a tenant, which most of its responses need: loaded once, and shared until it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::channel::{Channel, ChannelId, ChannelStats};
use domain::media::FileState;
use domain::picture::PictureKey;
use domain::profile::{Icon, IconKind};
use domain::slug::{ChannelSlug, TenantSlug};
use domain::tenant::{Tenant, TenantId};
use ports::channel::ChannelCursor;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Repositories;

use super::ChannelView;
use super::list::{MAX_TREE, sorted};
use super::reads::{Part, Reads, Recent, Topic, whole};

/// The number of channels that are read at once.
const BATCH: u32 = 100;
/// The most channels of all structures together: about 100 MB.
const MOST_CHANNELS: usize = 100_000;

/// An active tenant and its public channels except threads, without their counts.
#[derive(Debug)]
pub(super) struct Structure {
    /// The tenant; without an icon of its own, it has the one of its guild.
    pub(super) tenant: Tenant,
    /// In tree order.
    pub(super) views: Arc<[ChannelView]>,
    by_id: HashMap<ChannelId, usize>,
    by_slug: HashMap<ChannelSlug, usize>,
}

impl Structure {
    /// Loads the channels of a tenant; `None` if it has more than [`MAX_TREE`].
    pub(super) async fn load(at: &mut dyn Repositories, tenant: Tenant) -> Result<Option<Self>, StoreError> {
        let tenant = with_icon(at, tenant).await?;
        let (mut channels, mut after) = (Vec::new(), None);
        while channels.len() < MAX_TREE {
            let page = at.channels().list(tenant.id, false, Page { after, limit: BATCH }).await?;
            after = page.last().filter(|_| page.len() == BATCH as usize).map(ChannelCursor::from);
            channels.extend(page.into_iter().filter(|channel| channel.is_public(None)).map(without_counts));
            if after.is_none() {
                return Ok(Some(Self::new(tenant, &channels)));
            }
        }
        Ok(None)
    }

    fn new(tenant: Tenant, channels: &[Channel]) -> Self {
        let views = sorted(channels);
        let ids = views.iter().enumerate().map(|(index, view)| (view.channel.id, index));
        let slugs = views.iter().enumerate().map(|(index, view)| (view.channel.slug.clone(), index));
        Self { tenant, by_id: ids.collect(), by_slug: slugs.collect(), views: views.into() }
    }

    pub(super) fn find(&self, id: ChannelId) -> Option<&ChannelView> {
        self.by_id.get(&id).map(|index| &self.views[*index])
    }

    pub(super) fn find_by_slug(&self, slug: &ChannelSlug) -> Option<&ChannelView> {
        self.by_slug.get(slug).map(|index| &self.views[*index])
    }

    /// Returns whether the structure has a channel, which is no thread, as `stored`.
    fn agrees_with(&self, stored: &Channel) -> bool {
        match self.find(stored.id) {
            Some(view) => view.channel == without_counts(stored.clone()),
            None => !stored.is_public(None),
        }
    }
}

/// Returns the key of the icon of its guild for a tenant without an icon of its own.
pub(super) fn guild_icon(tenant: &Tenant) -> Option<PictureKey> {
    let guild = tenant.platform_id.as_str().parse().ok()?;
    tenant.profile.icon.is_none().then(|| PictureKey::guild_icon(guild))
}

/// Gives a tenant without an icon of its own the stored one of its guild.
pub(super) async fn with_icon(at: &mut dyn Repositories, mut tenant: Tenant) -> Result<Tenant, StoreError> {
    if let Some(key) = guild_icon(&tenant) {
        let found = at.pictures().find_all(tenant.id, &[key]).await?;
        tenant.profile.icon = found.first().and_then(|picture| match picture.state {
            FileState::Stored { hash, size_bytes, content: Some(content) } if size_bytes <= Icon::MOST_BYTES as u64 => {
                Some(Icon { hash, kind: IconKind::new(content.format)? })
            }
            _ => None,
        });
    }
    Ok(tenant)
}

/// Removes the counts of a channel; whether it has threads remains.
pub(super) fn without_counts(channel: Channel) -> Channel {
    let thread_count = channel.stats.thread_count.min(1);
    Channel { stats: ChannelStats { thread_count, ..ChannelStats::default() }, ..channel }
}

/// The structures of a process.
#[derive(Debug, Default)]
pub(super) struct Structures(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_slug: HashMap<TenantSlug, Arc<Structure>>,
    slugs: HashMap<TenantId, TenantSlug>,
    channels: usize,
    recent: Recent,
}

impl State {
    fn remove(&mut self, tenant: TenantId) {
        if let Some(structure) = self.slugs.remove(&tenant).and_then(|slug| self.by_slug.remove(&slug)) {
            self.channels -= structure.views.len();
        }
    }

    fn of(&self, tenant: TenantId) -> Option<&Arc<Structure>> {
        self.slugs.get(&tenant).and_then(|slug| self.by_slug.get(slug))
    }
}

impl Structures {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the position for [`Structures::insert`], before a snapshot is opened.
    pub(super) fn position(&self) -> u64 {
        self.state().recent.position()
    }

    pub(super) fn find(&self, slug: &TenantSlug) -> Option<Arc<Structure>> {
        self.state().by_slug.get(slug).cloned()
    }

    /// Shares a structure that was loaded from a snapshot opened after `position`, unless it may have changed since.
    pub(super) fn insert(&self, structure: &Arc<Structure>, position: u64) {
        let mut state = self.state();
        let tenant = structure.tenant.id;
        let reads = Reads::of([whole(Topic::Tenant(tenant))]);
        // The one that is there has seen every change so far, of which those that made no difference to it are not told.
        if state.of(tenant).is_some() || !state.recent.has_left(&reads, position) {
            return;
        }
        if state.channels + structure.views.len() > MOST_CHANNELS {
            let all: Vec<_> = state.slugs.keys().copied().collect();
            for tenant in all {
                state.remove(tenant);
                state.recent.add(&[whole(Topic::Tenant(tenant))]);
            }
        }
        state.channels += structure.views.len();
        state.slugs.insert(tenant, structure.tenant.slug.clone());
        state.by_slug.insert(structure.tenant.slug.clone(), Arc::clone(structure));
    }

    /// Returns whether the shared structure has a channel, which is no thread, as `stored`; false without one.
    pub(super) fn agree_with(&self, stored: &Channel) -> bool {
        self.state().of(stored.tenant_id).is_some_and(|structure| structure.agrees_with(stored))
    }

    /// Drops the structures that changed.
    pub(super) fn touch(&self, touches: &[Part]) {
        let mut state = self.state();
        for (topic, _) in touches {
            if let Topic::Tenant(tenant) = topic {
                state.remove(*tenant);
            }
        }
        state.recent.add(touches);
    }

    /// Drops everything.
    pub(super) fn reset(&self) {
        let mut state = self.state();
        let mut recent = std::mem::take(&mut state.recent);
        recent.reset();
        *state = State { recent, ..State::default() };
    }
}
