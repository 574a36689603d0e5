//! Stores what happens to a guild and its channels.

use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::coverage::Coverage;
use domain::event::{Event, GuildChange};
use domain::guild::GuildObservation;
use domain::timestamp::Timestamp;
use ports::guild::GuildScope;
use tracing::info;

use super::shard::Shard;
use super::unit::Unclear;
use crate::ingest::{BATCH, Ingest, IngestError};
use crate::sync::{reason, store_items};

impl Shard<'_> {
    /// Stores the effect of an event that is not one of a message. Returns the channels whose newest messages have to be
    /// requested.
    ///
    /// # Errors
    /// [`IngestError`]. A part of the effect may be stored; to store all of it again is harmless.
    pub(super) async fn store_structure(
        &self,
        scope: &GuildScope,
        sequence: u64,
        received_at: Timestamp,
        event: &Event,
    ) -> Result<Vec<Unclear>, IngestError> {
        let (ingest, shown) = (&self.ingest(scope.tenant), &self.live.shown);
        let none = Vec::new();
        match event {
            Event::GuildAvailable { structure, threads } => {
                self.store_guild(ingest, scope, structure, threads).await?;
                shown.replace(scope.guild, (**structure).clone(), threads.clone());
                // What happened since the last session is unknown.
                self.live.jobs.request_catch_up(scope.tenant).await?;
                Ok(none)
            }
            Event::GuildChanged(change) => {
                self.store_guild_change(ingest, scope, received_at, change).await?;
                self.unread(ingest, scope, sequence, &change.channels).await
            }
            // An outage proves nothing, and messages are stored in groups.
            Event::GuildUnavailable | Event::Message { .. } => Ok(none),
            Event::GuildGone => {
                info!(tenant.id = %scope.tenant, "guild left; its archive stays");
                shown.forget(scope.guild);
                Ok(none)
            }
            Event::ChannelUpserted(channel) | Event::ThreadUpserted(channel) => {
                ingest.store_channels(&[&channel.channel]).await?;
                shown.upsert(scope.guild, channel);
                self.unread(ingest, scope, sequence, std::slice::from_ref(&**channel)).await
            }
            Event::ChannelHidden(id) => {
                shown.remove(scope.guild, *id);
                if let Some(stored) = find(ingest, scope, *id).await? {
                    ingest.hide_denied(stored.id, reason(Denied::View)).await?;
                }
                Ok(none)
            }
            Event::ChannelDeleted(id) | Event::ThreadDeleted(id) => {
                shown.remove(scope.guild, *id);
                if let Some(stored) = find(ingest, scope, *id).await? {
                    ingest.mark_deleted(stored.id).await?;
                    self.live.announce_removals();
                }
                Ok(none)
            }
            Event::ThreadsListed { threads, .. } => {
                store_all(ingest, threads).await?;
                for thread in threads {
                    shown.upsert(scope.guild, thread);
                }
                // A thread that is missing was archived or is hidden: only the lists of its parent show which.
                self.live.jobs.request_catch_up(scope.tenant).await?;
                Ok(none)
            }
        }
    }

    async fn store_guild(
        &self,
        ingest: &Ingest,
        scope: &GuildScope,
        structure: &GuildStructure,
        threads: &[GuildChannel],
    ) -> Result<(), IngestError> {
        let (above, below): (Vec<_>, Vec<_>) =
            structure.channels.iter().cloned().partition(|channel| channel.channel.parent_id.is_none());
        for part in [&above[..], &below, threads] {
            store_all(ingest, part).await?;
        }
        for id in &structure.hidden {
            if let Some(stored) = find(ingest, scope, *id).await? {
                ingest.hide_denied(stored.id, reason(Denied::View)).await?;
            }
        }
        let items = GuildObservation {
            observed_at: structure.observed_at,
            roles: structure.roles.as_deref(),
            emojis: structure.emojis.as_deref(),
            stickers: structure.stickers.as_deref(),
            icons: &structure.icons,
        };
        store_items(&*self.live.store, self.leader, scope.tenant, &items).await
    }

    async fn store_guild_change(
        &self,
        ingest: &Ingest,
        scope: &GuildScope,
        received_at: Timestamp,
        change: &GuildChange,
    ) -> Result<(), IngestError> {
        // The rights come first: a channel that closes must not be read any longer.
        store_all(ingest, &change.channels).await?;
        for channel in &change.channels {
            self.live.shown.upsert(scope.guild, channel);
        }
        let items = GuildObservation {
            observed_at: received_at,
            roles: change.roles.as_deref(),
            emojis: change.emojis.as_deref(),
            stickers: change.stickers.as_deref(),
            icons: &change.icons,
        };
        if items.roles.is_some() || items.emojis.is_some() || items.stickers.is_some() {
            store_items(&*self.live.store, self.leader, scope.tenant, &items).await?;
        }
        Ok(())
    }

    /// Returns those of `channels` that the bot can read and of which no message was read yet: they are new, or were
    /// hidden from the bot.
    async fn unread(
        &self,
        ingest: &Ingest,
        scope: &GuildScope,
        sequence: u64,
        channels: &[GuildChannel],
    ) -> Result<Vec<Unclear>, IngestError> {
        let mut unread = Vec::new();
        for channel in channels.iter().filter(|channel| channel.holds_messages() && channel.access == Access::Readable)
        {
            let coverage = ingest.coverage(channel.channel.id).await?;
            let is_read = |coverage: &Coverage| {
                coverage.is_deleted() || coverage.reason.is_none() && coverage.checked_at.is_some()
            };
            if !coverage.as_ref().is_some_and(is_read) {
                unread.push(Unclear::newest(scope, channel.channel.platform_id, sequence));
            }
        }
        Ok(unread)
    }
}

async fn find(ingest: &Ingest, scope: &GuildScope, id: ChannelSnowflake) -> Result<Option<Channel>, IngestError> {
    ingest.find(ChannelId::of(scope.tenant, id)).await
}

/// Stores channels as the platform shows them; those of one batch change at once.
async fn store_all(ingest: &Ingest, channels: &[GuildChannel]) -> Result<(), IngestError> {
    for batch in channels.chunks(BATCH) {
        let batch: Vec<&Channel> = batch.iter().map(|channel| &channel.channel).collect();
        ingest.store_channels(&batch).await?;
    }
    Ok(())
}
