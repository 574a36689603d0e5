//! Finds every thread that the bot can see, and those that are deleted or hidden.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::access::{ArchivedList, GuildChannel, GuildStructure};
use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use domain::job::JobKind;
use domain::message::MessageId;
use domain::sync::{RECHECK, SyncState};
use domain::timestamp::Timestamp;
use ports::guild::GuildError;
use tokio::sync::mpsc;

use super::listing::Listing;
use super::{SyncError, began};
use crate::ingest::BATCH;

/// The number of stored threads that are compared with the lists at once.
const THREADS: u32 = 100;
/// The number of pages of a list that every run reads; so the lists of most channels are always read completely.
const PAGES: usize = 10;
/// How often longer lists are read completely.
const WHOLE: Duration = Duration::from_hours(24);
/// The time for which a thread that is not in any list is not requested again, once the response was stored.
const REQUEST: Duration = Duration::from_hours(24);
/// The number of such requests that may be refused in one run: refused requests count towards a ban.
const REFUSALS: usize = 100;
/// The number of existing threads outside of all lists that every run requests.
const UNLISTED: usize = 100;

/// How the threads of a parent were listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    parent: ChannelId,
    whole: bool,
}

/// The extent to which a list was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// It failed, or the platform could not show all of it.
    Part,
    /// Up to the threads that are unchanged since the last run.
    News,
    /// To its end.
    Whole,
}

/// The responses to the requests for threads that were not in any list.
#[derive(Default)]
struct Answers {
    refused: usize,
    found: usize,
}

/// The content of the lists so far.
struct Shown<'a> {
    structure: &'a GuildStructure,
    queue: &'a mpsc::Sender<GuildChannel>,
    /// The ids of the queued channels.
    seen: &'a mut HashSet<ChannelSnowflake>,
    /// The stored sync states of the parents.
    states: HashMap<ChannelId, SyncState>,
    /// Every thread that was in a list.
    threads: HashSet<ChannelSnowflake>,
}

impl Listing<'_> {
    /// Stores active threads, the archived ones of every parent, and active ones a second time, because a thread that
    /// is unarchived meanwhile leaves the one list and enters the other; queues each once. A stored thread of a parent
    /// whose lists were all read completely, and that is in none of them, is then requested by its id.
    pub(super) async fn list_threads(
        &self,
        structure: &GuildStructure,
        queue: &mpsc::Sender<GuildChannel>,
        seen: &mut HashSet<ChannelSnowflake>,
    ) -> Result<Vec<Listed>, SyncError> {
        let with_lists =
            |parent: &&GuildChannel| self.has_wanted_threads(parent) && !parent.archived_lists().is_empty();
        let parents: Vec<&GuildChannel> = structure.channels.iter().filter(with_lists).collect();
        let ids: Vec<_> = parents.iter().map(|parent| parent.channel.id).collect();
        let states = self.ingest.sync_states(&ids).await?;
        let mut shown = Shown { structure, queue, seen, states, threads: HashSet::new() };
        let mut all_active = self.active(&mut shown).await?;
        let mut listed = Vec::new();
        for parent in parents {
            let mut extent = Extent::Whole;
            for list in parent.archived_lists() {
                extent = extent.min(self.archived(&mut shown, parent, *list).await?);
            }
            if extent > Extent::Part {
                listed.push((parent, Listed { parent: parent.channel.id, whole: extent == Extent::Whole }));
            }
        }
        all_active &= self.active(&mut shown).await?;
        if !all_active || self.stop.is_cancelled() {
            return Ok(Vec::new());
        }
        let whole: Vec<_> = listed.iter().filter(|(_, listed)| listed.whole).map(|(parent, _)| *parent).collect();
        self.request_absent(&mut shown, &whole).await?;
        Ok(listed.into_iter().map(|(_, listed)| listed).collect())
    }

    /// Returns whether the threads of `parent` were requested with it.
    fn has_wanted_threads(&self, parent: &GuildChannel) -> bool {
        let wanted = &self.job.scope.channels;
        wanted.is_empty() || wanted.contains(&parent.channel.platform_id)
    }

    /// Stores the active threads; returns whether they could be listed.
    async fn active(&self, shown: &mut Shown<'_>) -> Result<bool, SyncError> {
        match self.fetcher.request(|| self.source.active_threads(self.scope, shown.structure)).await {
            Ok(threads) => self.take(shown, threads).await.map(|()| true),
            Err(error) => {
                self.fetcher.fail("active threads", error)?;
                Ok(false)
            }
        }
    }

    async fn archived(
        &self,
        shown: &mut Shown<'_>,
        parent: &GuildChannel,
        list: ArchivedList,
    ) -> Result<Extent, SyncError> {
        let (mut cursor, mut incomplete, mut pages) = (None, false, 0);
        let enough = self.known_since(shown.states.get(&parent.channel.id));
        while !self.stop.is_cancelled() {
            let fetch = || self.source.archived_threads(self.scope, parent, list, cursor.clone());
            let page = match self.fetcher.request(fetch).await {
                Ok(page) => page,
                Err(error) => {
                    self.fetcher.fail(&format!("archived threads of {}", parent.channel.name), error)?;
                    return Ok(Extent::Part);
                }
            };
            pages += 1;
            incomplete |= page.incomplete;
            self.take(shown, page.threads).await?;
            cursor = page.next;
            match (page.archived_before, enough) {
                _ if cursor.is_none() => break,
                // All further threads were archived before, and so have no newer message.
                (Some(before), Some(enough)) if pages >= PAGES && before < enough && !incomplete => {
                    return Ok(Extent::News);
                }
                _ => {}
            }
        }
        if incomplete {
            self.tally.failed(format!("archived threads of {}: some could not be shown", parent.channel.name));
        }
        Ok(if incomplete || self.stop.is_cancelled() { Extent::Part } else { Extent::Whole })
    }

    /// Returns the time before which archived threads need not be listed by this run; `None` if all
    /// are listed.
    fn known_since(&self, state: Option<&SyncState>) -> Option<Timestamp> {
        let state = state.filter(|_| self.job.kind == JobKind::Incremental)?;
        let due = state.listed_whole_at?.as_millis() + i64::try_from(WHOLE.as_millis()).ok()?;
        let since = state.listed_at?.minus(RECHECK);
        (began(self.job).as_millis() < due).then_some(since)
    }

    /// Stores threads, and queues those that may have new messages.
    async fn take(&self, shown: &mut Shown<'_>, threads: Vec<GuildChannel>) -> Result<(), SyncError> {
        shown.threads.extend(threads.iter().map(|thread| thread.channel.platform_id));
        let wanted: Vec<_> = threads.iter().filter(|thread| self.is_wanted(thread, shown.structure)).collect();
        for batch in wanted.chunks(BATCH) {
            let same = self.store_channels(batch).await?;
            for thread in batch {
                let is_same = same.contains(&thread.channel.id);
                if !(is_same && self.has_settled(thread, &shown.states)) {
                    self.enqueue(shown.queue, shown.seen, (*thread).clone()).await;
                }
            }
        }
        Ok(())
    }

    /// Returns whether an archived thread is stored unchanged and an incremental run would find nothing new in it.
    fn has_settled(&self, thread: &GuildChannel, states: &HashMap<ChannelId, SyncState>) -> bool {
        let state = thread.channel.parent_id.and_then(|parent| states.get(&parent));
        let active_at = thread.last_message_id.map_or_else(|| thread.channel.created_at(), MessageId::created_at);
        self.job.kind == JobKind::Incremental
            && self.job.scope.since.is_none()
            && thread.channel.archived
            && state.is_some_and(|state| state.has_settled(active_at))
    }

    /// Requests by its id every stored thread of `parents` that is not in any list: it is deleted, hidden from the bot,
    /// or listed late by the platform.
    async fn request_absent(&self, shown: &mut Shown<'_>, parents: &[&GuildChannel]) -> Result<(), SyncError> {
        let mut answers = Answers::default();
        for parent in parents {
            let mut after = None;
            while let Some(stored) = self.ingest.threads(parent.channel.id, &mut after, THREADS).await? {
                let absent = stored.into_iter().filter(|thread| !shown.threads.contains(&thread.platform_id));
                for thread in self.due(absent.collect()).await? {
                    if self.stop.is_cancelled() || answers.refused >= REFUSALS {
                        return Ok(());
                    }
                    self.request_thread(shown, &thread, &mut answers).await?;
                }
            }
        }
        Ok(())
    }

    /// Returns those of `absent` that are not known to be deleted, and were not requested recently.
    async fn due(&self, absent: Vec<Channel>) -> Result<Vec<Channel>, SyncError> {
        if absent.is_empty() {
            return Ok(absent);
        }
        let ids: Vec<_> = absent.iter().map(|thread| thread.id).collect();
        let states = self.ingest.sync_states(&ids).await?;
        let since = began(self.job).minus(REQUEST);
        let mut due = Vec::new();
        for thread in absent {
            let requested_at = states.get(&thread.id).and_then(|state| state.requested_at);
            if requested_at.is_none_or(|at| at <= since)
                && !self.ingest.coverage(thread.id).await?.is_some_and(|coverage| coverage.is_deleted())
            {
                due.push(thread);
            }
        }
        Ok(due)
    }

    /// Requests one thread, and records the result. The next runs do not repeat a refused request, nor all of very
    /// many.
    async fn request_thread(
        &self,
        shown: &mut Shown<'_>,
        thread: &Channel,
        answers: &mut Answers,
    ) -> Result<(), SyncError> {
        let fetch = || self.source.find_channel(self.scope, shown.structure, thread.platform_id);
        let is_recorded = match self.fetcher.request(fetch).await {
            Ok(found) => {
                answers.found += 1;
                self.ingest.store_channels(&[&found.channel]).await?;
                self.enqueue(shown.queue, shown.seen, found).await;
                answers.found > UNLISTED
            }
            Err(error) => {
                let refused = matches!(error, GuildError::Forbidden(_));
                answers.refused += usize::from(refused);
                self.record_missing(thread, error).await?;
                refused
            }
        };
        if is_recorded {
            self.ingest
                .record_sync_states(&[SyncState { requested_at: Some(began(self.job)), ..SyncState::new(thread.id) }])
                .await?;
        }
        Ok(())
    }

    /// Stores how the threads of parents were listed, except for the `unfinished` ones, whose threads were not all read.
    pub(super) async fn store_listed(
        &self,
        listed: Vec<Listed>,
        unfinished: &HashSet<ChannelId>,
    ) -> Result<(), SyncError> {
        let states: Vec<_> = listed
            .into_iter()
            .filter(|listed| !unfinished.contains(&listed.parent))
            .map(|listed| SyncState {
                listed_at: Some(began(self.job)),
                listed_whole_at: listed.whole.then(|| began(self.job)),
                ..SyncState::new(listed.parent)
            })
            .collect();
        for states in states.chunks(BATCH) {
            self.ingest.record_sync_states(states).await?;
        }
        Ok(())
    }
}
