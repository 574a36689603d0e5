//! Stores the structure of a guild: channels and threads, and the state of those that are no longer shown.

use std::collections::HashSet;

use domain::access::{Denied, GuildChannel, GuildStructure};
use domain::channel::{Channel, ChannelId};
use domain::guild::GuildObservation;
use domain::tenant::TenantId;
use ports::guild::{GoneItem, GuildError};
use ports::store::Store;

use super::leader::Leader;
use super::listing::Listing;
use super::{SyncError, in_store};
use crate::channels;
use crate::ingest::{BATCH, IngestError, observe_pictures};

/// Returns the word that is stored as the reason why a channel is not read.
pub(crate) const fn reason(denied: Denied) -> &'static str {
    match denied {
        Denied::View => "no_permission",
        Denied::History => "no_history",
        Denied::Connect => "no_connect",
        Denied::Other => "forbidden",
    }
}

/// Stores the changes of a tenant's roles, emoji and stickers by an observation, and of their pictures, while this process
/// leads.
///
/// # Errors
/// [`IngestError`].
pub(crate) async fn store_items(
    store: &dyn Store,
    leader: &Leader,
    tenant: TenantId,
    shown: &GuildObservation<'_>,
) -> Result<(), IngestError> {
    if store.read().await?.guilds().list(tenant).await?.after_observation(shown).is_none() {
        return Ok(());
    }
    let mut unit = leader.begin().await?.ok_or(IngestError::Deposed)?;
    let stored = unit.guilds().list(tenant).await?;
    if let Some(changes) = stored.after_observation(shown) {
        unit.guilds().upsert_all(tenant, &changes).await?;
        observe_pictures(&mut *unit, tenant, shown).await?;
        unit.commit().await?;
    }
    Ok(())
}

impl Listing<'_> {
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

    /// Stores those of `shown` (at most [`BATCH`]) that are new or changed; returns the others.
    pub(super) async fn store_channels(&self, shown: &[&GuildChannel]) -> Result<HashSet<ChannelId>, SyncError> {
        let channels: Vec<_> = shown.iter().map(|shown| &shown.channel).collect();
        Ok(self.ingest.store_channels(&channels).await?)
    }

    /// Stores new and changed roles, emoji and stickers; those that the guild no longer has are marked deleted.
    async fn store_items(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let shown = GuildObservation {
            observed_at: structure.observed_at,
            roles: structure.roles.as_deref(),
            emojis: structure.emojis.as_deref(),
            stickers: structure.stickers.as_deref(),
            icons: &structure.icons,
        };
        let once = || async { Ok(store_items(self.store, self.leader, self.scope.tenant, &shown).await?) };
        in_store(self.stop, once).await
    }

    /// Checks the stored channels that the platform did not show. Each is deleted, or hidden from the bot: it is
    /// requested by its id. One that the platform shows as hidden is hidden.
    async fn reconcile_missing_channels(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let shown: HashSet<_> = structure.channels.iter().map(|channel| channel.channel.platform_id).collect();
        let list = async || {
            let mut read = self.store.read().await?;
            Ok(channels::without_threads(&mut *read, self.scope.tenant).await?)
        };
        let stored = in_store(self.stop, list).await?;
        for channel in stored.iter().filter(|channel| !shown.contains(&channel.platform_id)) {
            if self.stop.is_cancelled() {
                break;
            }
            if structure.hidden.contains(&channel.platform_id) {
                self.ingest.hide_denied(channel.id, reason(Denied::View)).await?;
                continue;
            }
            if self.ingest.coverage(channel.id).await?.is_some_and(|coverage| coverage.is_deleted()) {
                continue;
            }
            let fetch = || self.source.find_channel(self.scope, structure, channel.platform_id);
            match self.fetcher.request(fetch).await {
                Ok(found) => _ = self.ingest.store_channels(&[&found.channel]).await?,
                Err(error) => self.record_missing(channel, error).await?,
            }
        }
        Ok(())
    }

    /// Records the result of a request by id for a stored channel or thread: it is deleted, or hidden from the bot. Any
    /// other error proves nothing.
    pub(super) async fn record_missing(&self, channel: &Channel, error: GuildError) -> Result<(), SyncError> {
        match error {
            GuildError::Gone(GoneItem::Channel) => self.ingest.mark_deleted(channel.id).await?,
            GuildError::Forbidden(denied) => self.ingest.hide_denied(channel.id, reason(denied)).await?,
            error => self.fetcher.fail(&channel.name, error)?,
        }
        Ok(())
    }
}
