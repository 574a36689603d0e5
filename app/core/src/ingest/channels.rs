//! Stores channels as the platform shows them, and the state of those that are no longer shown.

use std::collections::{HashMap, HashSet};

use domain::channel::{Channel, ChannelId};
use domain::coverage::Coverage;
use domain::removal::Removal;
use domain::slug::ChannelSlug;
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::UnitOfWork;

use super::{Ingest, IngestError};
use crate::slug::channel_slug;

/// The maximum number of channels in one unit.
pub const BATCH: usize = 50;
/// The number of threads in one unit.
const THREADS: u32 = 100;

impl Ingest {
    /// Stores those of `shown` (at most [`BATCH`]) that are new or changed, in one unit that does not touch the lease:
    /// each channel is fenced instead. Returns the others, for which nothing is written or locked.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn store_channels(&self, shown: &[&Channel]) -> Result<HashSet<ChannelId>, IngestError> {
        let parents = shown.iter().filter_map(|channel| channel.parent_id);
        let ids: Vec<_> = shown.iter().map(|channel| channel.id).chain(parents).collect();
        let load = async || Ok(self.store.read().await?.channels().find_all(&ids).await?);
        let stored: HashMap<_, _> = self.retried(load).await?.into_iter().map(|stored| (stored.id, stored)).collect();
        let is_stored = |shown: &Channel| {
            let parent = shown.parent_id.filter(|_| shown.kind.is_thread()).and_then(|parent| stored.get(&parent));
            // A channel that becomes visible to readers gets a slug made of its name.
            let appears = |slug: &ChannelSlug| slug.is_hidden() && shown.is_public(parent);
            stored
                .get(&shown.id)
                .is_some_and(|stored| shown.after_observation(Some(stored)).is_none() && !appears(&stored.slug))
        };
        let (same, mut changed): (Vec<&Channel>, Vec<_>) = shown.iter().partition(|channel| is_stored(channel));
        if !changed.is_empty() {
            // New ones get their slugs in the order of the list. The others are locked in the order of their ids, so
            // that two units never wait for each other.
            changed.sort_by_key(|channel| stored.contains_key(&channel.id).then_some(channel.id));
            let once = || async {
                let mut unit = self.store.begin().await?;
                for channel in &changed {
                    self.store_channel(&mut *unit, channel).await?;
                }
                Ok(unit.commit().await?)
            };
            self.retried(once).await?;
        }
        Ok(same.into_iter().map(|channel| channel.id).collect())
    }

    /// Stores a channel as the platform shows it, with its existing slug or a free one. A parent that is not stored is
    /// left out until a later observation has it. A deleted channel stays deleted.
    async fn store_channel(&self, unit: &mut dyn UnitOfWork, shown: &Channel) -> Result<(), IngestError> {
        let fenced = unit.channels().fence(shown.id, self.fence).await?;
        let before = unit.channels().find(shown.id).await?;
        if before.is_some() && !fenced {
            return Err(IngestError::Deposed);
        }
        let unchanged = || before.as_ref().unwrap_or(shown).clone();
        let mut after = shown.after_observation(before.as_ref()).unwrap_or_else(unchanged);
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
            unit.channels().fence(shown.id, self.fence).await?;
        }
        Ok(())
    }

    /// Records why the rest of a channel is not stored, or that all of it is; `stored` is its coverage until now. Writes
    /// nothing if that is recorded already.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn record_reason(
        &self,
        channel: ChannelId,
        stored: Option<&Coverage>,
        reason: Option<&'static str>,
    ) -> Result<(), IngestError> {
        if stored.and_then(|stored| stored.reason.as_deref()) == reason {
            return Ok(());
        }
        self.write_reason(channel, reason).await
    }

    /// Records why the rest of a channel is not stored, as of now.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn write_reason(&self, channel: ChannelId, reason: Option<&'static str>) -> Result<(), IngestError> {
        let once = || async {
            let mut unit = self.begin(channel).await?;
            unit.coverage().record_check(channel, self.clock.now(), false, reason.map(str::to_owned)).await?;
            Ok(unit.commit().await?)
        };
        self.retried(once).await
    }

    /// Hides a channel that the bot may not read, for `reason`. No reader may see it then: the bot has more permissions
    /// than the public. A deleted channel stays as it is.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn hide_denied(&self, channel: ChannelId, reason: &'static str) -> Result<(), IngestError> {
        let stored = self.coverage(channel).await?;
        if stored.as_ref().is_some_and(Coverage::is_deleted) {
            return Ok(());
        }
        self.hide(channel).await?;
        self.record_reason(channel, stored.as_ref(), Some(reason)).await
    }

    /// Marks a channel and its threads deleted. Readers are no longer shown their content, which is [removed
    /// soon](crate::removals::Removals).
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn mark_deleted(&self, channel: ChannelId) -> Result<(), IngestError> {
        self.hide(channel).await?;
        let mut after = None;
        while let Some(mut threads) = self.threads(channel, &mut after, THREADS).await? {
            threads.sort_unstable_by_key(|thread| thread.id);
            let once = || async {
                let (mut unit, now) = (self.store.begin().await?, self.clock.now());
                for thread in &threads {
                    self.raise_fence(&mut *unit, thread.id).await?;
                    conceal(&mut *unit, thread.id, now).await?;
                    record_deletion(&mut *unit, thread.id, now).await?;
                }
                Ok(unit.commit().await?)
            };
            self.retried(once).await?;
        }
        // The channel itself comes last: after an interruption, the next run repeats all of it.
        let once = || async {
            let mut unit = self.begin(channel).await?;
            record_deletion(&mut *unit, channel, self.clock.now()).await?;
            Ok(unit.commit().await?)
        };
        self.retried(once).await
    }

    /// Returns at most `limit` stored threads of `parent` after `after`, oldest first, which advances; `None` after the
    /// last.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn threads(
        &self,
        parent: ChannelId,
        after: &mut Option<ThreadCursor>,
        limit: u32,
    ) -> Result<Option<Vec<Channel>>, IngestError> {
        let filter = ThreadFilter { order: ThreadOrder::Oldest, with_private: true };
        let page = Page { after: *after, limit };
        let load = async || Ok(self.store.read().await?.channels().list_threads(parent, filter, page).await?);
        let threads = self.retried(load).await?;
        let Some(last) = threads.last() else { return Ok(None) };
        *after = Some(ThreadCursor { active_at: last.created_at(), platform_id: last.platform_id });
        Ok(Some(threads))
    }

    async fn hide(&self, channel: ChannelId) -> Result<(), IngestError> {
        let stored = self.find(channel).await?;
        if stored.is_none_or(|stored| stored.visibility == Visibility::Private) {
            return Ok(());
        }
        let once = || async {
            let mut unit = self.begin(channel).await?;
            conceal(&mut *unit, channel, self.clock.now()).await?;
            Ok(unit.commit().await?)
        };
        self.retried(once).await
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

/// Records that a channel was found deleted `now`, and enters the removal of its content.
async fn record_deletion(unit: &mut dyn UnitOfWork, channel: ChannelId, now: Timestamp) -> Result<(), StoreError> {
    unit.coverage().record_check(channel, now, false, Some(Coverage::DELETED.to_owned())).await?;
    unit.removals().upsert_all(&[Removal { channel, message: None, due_at: now }]).await
}
