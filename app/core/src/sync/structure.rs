//! Stores the structure of a guild: channels and threads, and the state of those that are no longer shown.

use std::collections::{HashMap, HashSet};

use domain::channel::{Channel, ChannelId};
use domain::coverage::Coverage;
use domain::guild::GuildLook;
use domain::slug::ChannelSlug;
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::guild::{Denied, GoneItem, GuildChannel, GuildError, GuildStructure};
use ports::page::Page;
use ports::store::UnitOfWork;

use super::{Run, SyncError};
use crate::channels;
use crate::slug::channel_slug;

/// The number of channels in one unit.
pub(super) const BATCH: usize = 50;
/// The number of threads in one unit.
const THREADS: u32 = 100;

/// Returns the word that is stored as the reason why a channel is not read.
pub(super) const fn reason(denied: Denied) -> &'static str {
    match denied {
        Denied::View => "no_permission",
        Denied::History => "no_history",
        Denied::Connect => "no_connect",
        Denied::Other => "forbidden",
    }
}

impl Run<'_> {
    /// Stores every channel of the structure, parents first, and checks the stored channels that are not in it.
    pub(super) async fn store_structure(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let (above, below): (Vec<_>, Vec<_>) =
            structure.channels.iter().partition(|channel| channel.channel.parent_id.is_none());
        for part in [above, below] {
            for batch in part.chunks(BATCH) {
                self.store_channels(batch).await?;
            }
        }
        self.store_items(structure).await?;
        self.reconcile_missing_channels(structure).await
    }

    /// Stores new and changed roles, emoji and stickers; those that the guild no longer has are marked deleted.
    async fn store_items(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let look = GuildLook {
            observed_at: structure.observed_at,
            roles: structure.roles.as_deref(),
            emojis: structure.emojis.as_deref(),
            stickers: structure.stickers.as_deref(),
        };
        let tenant = self.scope.tenant;
        let stored = async || Ok(self.of.store.read().await?.guilds().list(tenant).await?);
        if self.in_store(stored).await?.after_look(&look).is_none() {
            return Ok(());
        }
        let once = || async {
            let mut unit = self.begin().await?;
            let held = unit.guilds().list(tenant).await?;
            if let Some(changes) = held.after_look(&look) {
                unit.guilds().upsert_all(tenant, &changes).await?;
                unit.commit().await?;
            }
            Ok(())
        };
        self.in_store(once).await
    }

    /// Stores those of `shown` (at most [`BATCH`]) that are new or changed, in one unit that does not touch the lease:
    /// each channel is fenced instead. Returns the others, for which nothing is written or locked.
    pub(super) async fn store_channels(&self, shown: &[&GuildChannel]) -> Result<HashSet<ChannelId>, SyncError> {
        let parents = shown.iter().filter_map(|channel| channel.channel.parent_id);
        let ids: Vec<_> = shown.iter().map(|channel| channel.channel.id).chain(parents).collect();
        let load = async || Ok(self.of.store.read().await?.channels().find_all(&ids).await?);
        let stored: HashMap<_, _> = self.in_store(load).await?.into_iter().map(|stored| (stored.id, stored)).collect();
        let is_stored = |shown: &Channel| {
            let parent = shown.parent_id.filter(|_| shown.kind.is_thread()).and_then(|parent| stored.get(&parent));
            // A channel that becomes visible to readers gets a slug made of its name.
            let appears = |slug: &ChannelSlug| slug.is_hidden() && shown.is_public(parent);
            stored
                .get(&shown.id)
                .is_some_and(|stored| shown.after_observation(Some(stored)).is_none() && !appears(&stored.slug))
        };
        let (same, mut changed): (Vec<&Channel>, Vec<_>) =
            shown.iter().map(|channel| &channel.channel).partition(|channel| is_stored(channel));
        if !changed.is_empty() {
            // New ones get their slugs in the order of the list. The others are locked in the order of their ids, so
            // that two units never wait for each other.
            changed.sort_by_key(|channel| stored.contains_key(&channel.id).then_some(channel.id));
            let once = || async {
                let mut unit = self.of.store.begin().await?;
                for channel in &changed {
                    self.store_channel(&mut *unit, channel).await?;
                }
                Ok(unit.commit().await?)
            };
            self.in_store(once).await?;
        }
        Ok(same.into_iter().map(|channel| channel.id).collect())
    }

    /// Stores a channel as the platform shows it, with its existing slug or a free one. A parent that is not stored is
    /// left out until a later observation has it. A deleted channel stays deleted.
    async fn store_channel(&self, unit: &mut dyn UnitOfWork, shown: &Channel) -> Result<(), SyncError> {
        let fenced = unit.channels().fence(shown.id, self.leader.fence()).await?;
        let before = unit.channels().find(shown.id).await?;
        if before.is_some() && !fenced {
            return Err(self.deposed());
        }
        let Some(mut after) = shown.after_observation(before.as_ref()).or_else(|| before.clone()) else {
            return Ok(());
        };
        if let Some(parent) = after.parent_id
            && unit.channels().find(parent).await?.is_none()
        {
            after.parent_id = before.as_ref().and_then(|before| before.parent_id);
        }
        after.slug = channel_slug(unit, &after, before.as_ref().map(|before| &before.slug)).await?;
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        if before.is_some() && unit.coverage().find(shown.id).await?.is_some_and(|coverage| coverage.is_deleted()) {
            return Ok(());
        }
        unit.channels().upsert(&after).await?;
        if before.is_none() {
            unit.channels().fence(shown.id, self.leader.fence()).await?;
        }
        Ok(())
    }

    /// Checks the stored channels that the platform did not show. Each is deleted, or hidden from the bot: it is
    /// requested by its id. One that the platform shows as hidden is hidden.
    async fn reconcile_missing_channels(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let shown: HashSet<_> = structure.channels.iter().map(|channel| channel.channel.platform_id).collect();
        let list = async || {
            let mut read = self.of.store.read().await?;
            Ok(channels::without_threads(&mut *read, self.scope.tenant).await?)
        };
        let held = self.in_store(list).await?;
        for channel in held.iter().filter(|channel| !shown.contains(&channel.platform_id)) {
            if self.stop.is_cancelled() {
                break;
            }
            if structure.hidden.contains(&channel.platform_id) {
                self.hide_denied(channel.id, Denied::View).await?;
                continue;
            }
            if self.coverage(channel.id).await?.is_some_and(|coverage| coverage.is_deleted()) {
                continue;
            }
            let fetch = || self.of.source.find_channel(&self.scope, structure, channel.platform_id);
            match self.request(fetch).await {
                Ok(found) => _ = self.store_channels(&[&found]).await?,
                Err(error) => self.record_missing(channel, error).await?,
            }
        }
        Ok(())
    }

    /// Records the result of a request by id for a stored channel or thread: it is deleted, or hidden from the bot. Any
    /// other error proves nothing.
    pub(super) async fn record_missing(&self, channel: &Channel, error: GuildError) -> Result<(), SyncError> {
        match error {
            GuildError::Gone(GoneItem::Channel) => self.mark_deleted(channel.id).await,
            GuildError::Forbidden(denied) => self.hide_denied(channel.id, denied).await,
            error => self.fail(&channel.name, error),
        }
    }

    /// Hides a channel that the bot may not see, and records why it is not read. No reader may see it then: the bot has
    /// more permissions than the public.
    async fn hide_denied(&self, id: ChannelId, denied: Denied) -> Result<(), SyncError> {
        let held = self.coverage(id).await?;
        if held.as_ref().is_some_and(Coverage::is_deleted) {
            return Ok(());
        }
        self.hide(id).await?;
        self.note_if(held.as_ref(), id, Some(reason(denied))).await
    }

    /// Marks a channel and its threads deleted. Their content stays in the archive and is not shown to readers.
    pub(super) async fn mark_deleted(&self, id: ChannelId) -> Result<(), SyncError> {
        self.hide(id).await?;
        let filter = ThreadFilter { order: ThreadOrder::Oldest, with_private: true };
        let mut after = None;
        loop {
            let page = Page { after, limit: THREADS };
            let load = async || Ok(self.of.store.read().await?.channels().list_threads(id, filter, page).await?);
            let mut threads = self.in_store(load).await?;
            let Some(last) = threads.last() else { break };
            after = Some(ThreadCursor { active_at: last.created_at(), platform_id: last.platform_id });
            threads.sort_unstable_by_key(|thread| thread.id);
            let once = || async {
                let (mut unit, now) = (self.of.store.begin().await?, self.of.clock.now());
                for thread in &threads {
                    self.fence(&mut *unit, thread.id).await?;
                    conceal(&mut *unit, thread.id, now).await?;
                    unit.coverage().note(thread.id, now, false, Some(Coverage::DELETED.to_owned())).await?;
                }
                Ok(unit.commit().await?)
            };
            self.in_store(once).await?;
        }
        // The channel itself comes last: after an interruption, the next run repeats all of it.
        self.note(id, Some(Coverage::DELETED)).await
    }

    async fn hide(&self, channel: ChannelId) -> Result<(), SyncError> {
        let load = async || Ok(self.of.store.read().await?.channels().find(channel).await?);
        if self.in_store(load).await?.is_none_or(|stored| stored.visibility == Visibility::Private) {
            return Ok(());
        }
        let once = || async {
            let mut unit = self.begin_on(channel).await?;
            conceal(&mut *unit, channel, self.of.clock.now()).await?;
            Ok(unit.commit().await?)
        };
        self.in_store(once).await
    }

    /// Records that the item `name` cannot be read, or ends the run if the error concerns all items.
    pub(super) fn fail(&self, name: &str, error: GuildError) -> Result<(), SyncError> {
        if error.is_fatal() || matches!(error, GuildError::Parked | GuildError::Gone(GoneItem::Guild)) {
            return Err(error.into());
        }
        if !self.stop.is_cancelled() {
            self.tally.failed(format!("{name}: {error}"));
        }
        Ok(())
    }
}

/// Makes a channel private, as of `now`.
async fn conceal(unit: &mut dyn UnitOfWork, channel: ChannelId, now: Timestamp) -> Result<(), StoreError> {
    let stored = unit.channels().find(channel).await?;
    if let Some(concealed) = stored.and_then(|stored| stored.concealed(now)) {
        unit.channels().upsert(&concealed).await?;
    }
    Ok(())
}
