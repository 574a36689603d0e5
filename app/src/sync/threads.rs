//! Finding every thread that the bot can see.

use std::collections::HashSet;

use domain::channel::ChannelSnowflake;
use ports::guild::{ArchivedList, GuildChannel, GuildStructure};
use tokio::sync::mpsc;

use super::structure::BATCH;
use super::{Run, SyncError};

impl Run<'_> {
    /// Stores active threads, archived ones of every parent, and active ones again, because a thread that wakes up
    /// meanwhile leaves the one list and enters the other; lets each into the queue once.
    pub(super) async fn list_threads(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        self.active(structure, queue, seen).await?;
        for parent in structure.channels.iter().filter(|parent| self.has_wanted_threads(parent)) {
            for list in parent.archived_lists() {
                self.archived(structure, parent, *list, queue, seen).await?;
            }
        }
        self.active(structure, queue, seen).await
    }

    /// Whether the threads of `parent` were asked for with it.
    fn has_wanted_threads(&self, parent: &GuildChannel) -> bool {
        let wanted = &self.job.scope.channels;
        wanted.is_empty() || wanted.contains(&parent.channel.platform_id)
    }

    async fn active(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        match self.ask(|| self.of.source.active_threads(&self.scope, structure)).await {
            Ok(threads) => self.take(structure, threads, queue, seen).await,
            Err(error) => self.fail("active threads", error),
        }
    }

    async fn archived(
        &self,
        structure: &GuildStructure,
        parent: &GuildChannel,
        list: ArchivedList,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        let (mut cursor, mut incomplete) = (None, false);
        while !self.stop.is_cancelled() {
            let look = || self.of.source.archived_threads(&self.scope, parent, list, cursor.clone());
            let page = match self.ask(look).await {
                Ok(page) => page,
                Err(error) => return self.fail(&format!("archived threads of {}", parent.channel.name), error),
            };
            incomplete |= page.incomplete;
            self.take(structure, page.threads, queue, seen).await?;
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if incomplete {
            self.tally.failed(format!("archived threads of {}: some could not be shown", parent.channel.name));
        }
        Ok(())
    }

    async fn take(
        &self,
        structure: &GuildStructure,
        threads: Vec<GuildChannel>,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        let wanted: Vec<_> = threads.iter().filter(|thread| self.is_wanted(thread, structure)).collect();
        for batch in wanted.chunks(BATCH) {
            self.store_channels(batch).await?;
        }
        for thread in wanted {
            self.enqueue(queue, seen, thread.clone()).await;
        }
        Ok(())
    }
}
