//! Lists the channels and threads of a guild, stores them, and queues those to read.

use std::collections::HashSet;

use domain::access::{GuildChannel, GuildStructure};
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::job::Job;
use ports::guild::{GuildScope, GuildSource};
use ports::store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::SyncError;
use super::fetcher::Fetcher;
use super::leader::Leader;
use super::tally::Tally;
use super::threads::Listed;
use crate::ingest::Ingest;

/// Lists what one job reads. Its callers read the queue that it fills.
pub(super) struct Listing<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) source: &'a dyn GuildSource,
    pub(super) scope: &'a GuildScope,
    pub(super) job: &'a Job,
    pub(super) leader: &'a Leader,
    pub(super) fetcher: &'a Fetcher<'a>,
    pub(super) ingest: &'a Ingest,
    pub(super) tally: &'a Tally,
    pub(super) stop: &'a CancellationToken,
}

impl Listing<'_> {
    /// Puts every requested channel and thread into the queue; returns how the threads of each parent were listed.
    pub(super) async fn list(
        &self,
        structure: &GuildStructure,
        queue: mpsc::Sender<GuildChannel>,
    ) -> Result<Vec<Listed>, SyncError> {
        let mut seen = HashSet::new();
        let mut channels: Vec<_> = structure.channels.iter().filter(|at| self.is_wanted(at, structure)).collect();
        // The most recently active channels come first.
        channels.sort_by_key(|channel| std::cmp::Reverse(channel.last_message_id));
        for channel in &channels {
            self.enqueue(&queue, &mut seen, (*channel).clone()).await;
        }
        self.list_named(structure, &queue, &mut seen).await?;
        self.list_threads(structure, &queue, &mut seen).await
    }

    /// Queues the channels that were requested by id and are not in the structure: threads, mostly archived ones, and
    /// channels that do not exist. A stored one that does not exist is marked deleted.
    async fn list_named(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<(), SyncError> {
        for named in self.job.scope.channels.iter().filter(|id| structure.channel(**id).is_none()) {
            match self.fetcher.request(|| self.source.find_channel(self.scope, structure, *named)).await {
                Ok(found) => {
                    self.ingest.store_channels(&[&found.channel]).await?;
                    self.enqueue(queue, seen, found).await;
                }
                Err(error) => {
                    let id = ChannelId::of(self.scope.tenant, *named);
                    match self.ingest.find(id).await? {
                        Some(stored) => self.record_missing(&stored, error).await?,
                        None => self.fetcher.fail(&format!("channel {named}"), error)?,
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns whether a channel, or the parent of a thread, was requested.
    pub(super) fn is_wanted(&self, channel: &GuildChannel, structure: &GuildStructure) -> bool {
        let wanted: &[ChannelSnowflake] = &self.job.scope.channels;
        let parent = structure.channels.iter().find(|other| Some(other.channel.id) == channel.channel.parent_id);
        wanted.is_empty()
            || wanted.contains(&channel.channel.platform_id)
            || parent.is_some_and(|parent| wanted.contains(&parent.channel.platform_id))
    }

    /// Queues a channel that can have messages, once.
    pub(super) async fn enqueue(
        &self,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
        channel: GuildChannel,
    ) {
        if channel.holds_messages() && seen.insert(channel.channel.platform_id) {
            self.tally.found();
            // The receiver is dropped only after a failure, which `walk_all` reports.
            queue.send(channel).await.ok();
        }
    }
}

#[cfg(test)]
mod tests;
