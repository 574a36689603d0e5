//! Storing what a guild has: channels and threads, and what became of those that are not shown any more.

use std::collections::HashSet;

use domain::channel::{Channel, ChannelId};
use domain::coverage::Coverage;
use domain::guild::GuildLook;
use domain::visibility::Visibility;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::guild::{Denied, GuildChannel, GuildError, GuildStructure, Missing};
use ports::page::Page;
use ports::store::UnitOfWork;

use super::{Run, SyncError};
use crate::slug::channel_slug;

/// Channels of one unit.
pub(super) const BATCH: usize = 50;
/// Threads of one unit.
const THREADS: u32 = 100;

/// Why a channel is not held, in a word.
pub(super) const fn reason(denied: Denied) -> &'static str {
    match denied {
        Denied::View => "no_permission",
        Denied::History => "no_history",
        Denied::Connect => "no_connect",
        Denied::Other => "forbidden",
    }
}

impl Run<'_> {
    /// Stores every channel of the structure, parents first, and looks after those that are held and not in it.
    pub(super) async fn store_structure(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let (above, below): (Vec<_>, Vec<_>) =
            structure.channels.iter().partition(|channel| channel.channel.parent_id.is_none());
        for part in [above, below] {
            for batch in part.chunks(BATCH) {
                self.store_channels(batch).await?;
            }
        }
        self.store_items(structure).await?;
        self.look_after_absent(structure).await
    }

    /// Stores the roles, emoji and stickers that are new or changed; what the guild has no more stays as deleted.
    async fn store_items(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let look = GuildLook {
            observed_at: structure.observed_at,
            roles: structure.roles.as_deref(),
            emojis: structure.emojis.as_deref(),
            stickers: structure.stickers.as_deref(),
        };
        let once = || async {
            let mut unit = self.begin().await?;
            let held = unit.guilds().list(self.scope.tenant).await?;
            if let Some(changes) = held.after_look(&look) {
                unit.guilds().upsert_all(self.scope.tenant, &changes).await?;
                unit.commit().await?;
            }
            Ok(())
        };
        self.in_store(once).await
    }

    /// Stores channels or threads in one unit.
    pub(super) async fn store_channels(&self, seen: &[&GuildChannel]) -> Result<(), SyncError> {
        let once = || async {
            let mut unit = self.begin().await?;
            for channel in seen {
                store(&mut *unit, &channel.channel).await?;
            }
            Ok(unit.commit().await?)
        };
        self.in_store(once).await
    }

    /// A channel that is held and that the platform did not show is deleted, or hidden from the bot: it is asked.
    async fn look_after_absent(&self, structure: &GuildStructure) -> Result<(), SyncError> {
        let shown = structure.channels.iter().map(|channel| channel.channel.platform_id);
        let known: HashSet<_> = shown.chain(structure.hidden.iter().copied()).collect();
        let list = async || Ok(self.of.store.read().await?.channels().list(self.scope.tenant).await?);
        let held = self.in_store(list).await?;
        for channel in held.iter().filter(|channel| !known.contains(&channel.platform_id)) {
            if self.stop.is_cancelled() {
                break;
            }
            let looked = self.coverage(channel.id).await?;
            if looked.is_some_and(|coverage| coverage.is_deleted()) {
                continue;
            }
            let look = || self.of.source.find_channel(&self.scope, structure, channel.platform_id);
            match self.ask(look).await {
                Ok(found) => self.store_channels(&[&found]).await?,
                Err(GuildError::Gone(Missing::Channel)) => self.bury(channel.id).await?,
                Err(GuildError::Forbidden(denied)) => {
                    // What the bot may not see everybody may not see: its rights are more than everybody's.
                    self.hide(channel.id).await?;
                    self.note(channel.id, Some(reason(denied))).await?;
                }
                Err(error) => self.fail(&channel.name, error)?,
            }
        }
        Ok(())
    }

    /// Notes that the platform has a channel no more, and so none of its threads. The archive keeps what it holds of
    /// them, and nobody is shown it.
    pub(super) async fn bury(&self, id: ChannelId) -> Result<(), SyncError> {
        self.hide(id).await?;
        let filter = ThreadFilter { order: ThreadOrder::Oldest, with_private: true };
        let mut after = None;
        loop {
            let page = Page { after, limit: THREADS };
            let look = async || Ok(self.of.store.read().await?.channels().list_threads(id, filter, page).await?);
            let threads = self.in_store(look).await?;
            let Some(last) = threads.last() else { break };
            after = Some(ThreadCursor { active_at: last.created_at(), platform_id: last.platform_id });
            let once = || async {
                let (mut unit, now) = (self.begin().await?, self.of.clock.now());
                for thread in &threads {
                    unit.coverage().note(thread.id, now, false, Some(Coverage::DELETED.to_owned())).await?;
                }
                Ok(unit.commit().await?)
            };
            self.in_store(once).await?;
        }
        // The channel itself comes last: who is ended before it does all of it again.
        self.note(id, Some(Coverage::DELETED)).await
    }

    async fn hide(&self, channel: ChannelId) -> Result<(), SyncError> {
        let once = || async {
            let mut unit = self.begin().await?;
            if let Some(held) = unit.channels().find(channel).await?
                && held.visibility != Visibility::Private
            {
                unit.channels().upsert(&Channel { visibility: Visibility::Private, ..held }).await?;
            }
            Ok(unit.commit().await?)
        };
        self.in_store(once).await
    }

    /// Notes that something of this name cannot be read, or ends the run where that holds for all.
    pub(super) fn fail(&self, name: &str, error: GuildError) -> Result<(), SyncError> {
        if error.is_fatal() || matches!(error, GuildError::Parked | GuildError::Gone(Missing::Guild)) {
            return Err(error.into());
        }
        if !self.stop.is_cancelled() {
            self.tally.failed(format!("{name}: {error}"));
        }
        Ok(())
    }
}

/// Stores a channel as the platform shows it, with the slug that it has or a free one. A parent that is not held is left
/// out until a later look has it.
async fn store(unit: &mut dyn UnitOfWork, shown: &Channel) -> Result<(), StoreError> {
    let before = unit.channels().find(shown.id).await?;
    let mut after = shown.clone();
    if let Some(before) = &before {
        after.stats = before.stats;
    }
    if let Some(parent) = after.parent_id
        && unit.channels().find(parent).await?.is_none()
    {
        after.parent_id = before.as_ref().and_then(|before| before.parent_id);
    }
    after.slug = channel_slug(unit, &after, before.as_ref().map(|before| &before.slug)).await?;
    if before.as_ref() == Some(&after) { Ok(()) } else { unit.channels().upsert(&after).await }
}
