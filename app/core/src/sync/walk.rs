//! Reads one channel: new messages first, then the rest of the history, and recent messages once more.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};

use domain::channel::ChannelId;
use domain::coverage::{Coverage, Interval};
use domain::job::JobKind;
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::sync::{RECHECK, SyncState};
use domain::unreadable::Unreadable;
use ports::error::StoreError;
use ports::guild::{Access, GoneItem, GuildChannel, GuildError, MessageCursor, Priority};
use ports::store::UnitOfWork;
use tokio::time::sleep;
use tracing::{Instrument, debug_span, field, warn};

use super::structure::reason;
use super::{PACE, Run, SyncError};
use crate::portion::in_portions;
use crate::unreadable;

/// The error that ended a walk early.
enum Halt {
    Guild(GuildError),
    Sync(SyncError),
}

impl From<GuildError> for Halt {
    fn from(error: GuildError) -> Self {
        Self::Guild(error)
    }
}

impl From<SyncError> for Halt {
    fn from(error: SyncError) -> Self {
        Self::Sync(error)
    }
}

impl Run<'_> {
    /// Reads a channel or thread as far as necessary.
    ///
    /// # Errors
    /// An error that ends the whole run; one that concerns this channel alone is recorded.
    pub(super) async fn walk(&self, channel: GuildChannel) -> Result<(), SyncError> {
        if self.stop.is_cancelled() {
            return Ok(());
        }
        self.progress.begin(&channel);
        let read = self.read(&channel).await;
        self.progress.end(&channel);
        let id = channel.channel.id;
        match read {
            Ok(()) => {}
            Err(Halt::Sync(error)) => return Err(error),
            Err(Halt::Guild(GuildError::Forbidden(denied))) => self.note(id, Some(reason(denied))).await?,
            Err(Halt::Guild(GuildError::Gone(GoneItem::Channel | GoneItem::Message))) => {
                self.mark_deleted(id).await?;
            }
            Err(Halt::Guild(error)) => {
                self.leave_unfinished(&channel);
                self.fail(&channel.channel.name, error)?;
            }
        }
        if !self.stop.is_cancelled() {
            self.tally.finished(id);
        }
        self.progress.at(self.tally.progress());
        Ok(())
    }

    async fn read(&self, channel: &GuildChannel) -> Result<(), Halt> {
        let id = channel.channel.id;
        let held = self.coverage(id).await?;
        if held.as_ref().is_some_and(Coverage::is_deleted) {
            return Ok(());
        }
        if let Access::Denied(denied) = channel.access {
            return Ok(self.note_if(held.as_ref(), id, Some(reason(denied))).await?);
        }
        match self.proven(id).await? {
            _ if self.job.kind == JobKind::Full => {
                self.reread_all(channel).await?;
                self.note_recheck(id).await?;
            }
            None => {
                self.backfill(channel, MessageId::MAX).await?;
                self.note_recheck(id).await?;
            }
            Some(interval) => {
                if channel.last_message_id.is_some_and(|last| last > interval.high()) {
                    self.catch_up(channel, interval.high()).await?;
                }
                self.recheck_recent(channel, held.as_ref(), interval).await?;
                if !interval.reaches_start() {
                    self.backfill(channel, interval.low()).await?;
                }
            }
        }
        if self.stop.is_cancelled() { Ok(()) } else { Ok(self.note_if(held.as_ref(), id, None).await?) }
    }

    /// Records that the next run has to read a thread again, whether it changes or not.
    fn leave_unfinished(&self, channel: &GuildChannel) {
        if let Some(parent) = channel.channel.parent_id.filter(|_| channel.channel.kind.is_thread()) {
            self.unfinished().insert(parent);
        }
    }

    /// Returns the parents of threads that could not be read completely.
    pub(super) fn unfinished(&self) -> MutexGuard<'_, HashSet<ChannelId>> {
        self.unfinished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads forward from after `from` to the newest message.
    async fn catch_up(&self, channel: &GuildChannel, from: MessageId) -> Result<(), Halt> {
        let mut cursor = Some(MessageCursor::After(from));
        while let Some(at) = cursor.filter(|_| !self.stop.is_cancelled()) {
            cursor = self.page(channel, at, Priority::CatchUp).await?;
        }
        Ok(())
    }

    /// Reads backward from before `from` to the channel's start, and skips stored intervals.
    async fn backfill(&self, channel: &GuildChannel, from: MessageId) -> Result<(), Halt> {
        self.begin_walk(channel, from);
        let mut cursor = Some(MessageCursor::Before(from));
        while let Some(at) = cursor.filter(|_| !self.stop.is_cancelled()) {
            cursor = self.page(channel, at, Priority::Backfill).await?;
            let Some(MessageCursor::Before(next)) = cursor else { continue };
            // Intervals that other sources prove to be whole need not be read again.
            match self.proven(channel.channel.id).await?.filter(|interval| interval.low() <= next) {
                Some(interval) if interval.reaches_start() => break,
                Some(interval) => cursor = Some(MessageCursor::Before(interval.low())),
                None => {}
            }
        }
        Ok(())
    }

    /// Reads backward from the newest message to the channel's start, but skips the intervals that this job read before
    /// an interruption.
    async fn reread_all(&self, channel: &GuildChannel) -> Result<(), Halt> {
        self.begin_walk(channel, MessageId::MAX);
        let since = self.job.started_at.unwrap_or(self.job.created_at);
        let id = channel.channel.id;
        let held = async || Ok(self.of.store.read().await?.coverage().segments(id).await?);
        let held = self.in_store(held).await?;
        let read = held.read_since(since);
        let mut cursor = Some(MessageCursor::Before(MessageId::MAX));
        while let Some(at) = cursor.filter(|_| !self.stop.is_cancelled()) {
            cursor = self.page(channel, at, Priority::Backfill).await?;
            let Some(MessageCursor::Before(next)) = cursor else { continue };
            let behind = next.previous().and_then(|last| read.iter().find(|part| part.contains(last)));
            match behind {
                Some(part) if part.reaches_start() => break,
                Some(part) => cursor = Some(MessageCursor::Before(part.low())),
                None => {}
            }
        }
        if !self.stop.is_cancelled() {
            self.recount(id).await?;
        }
        Ok(())
    }

    /// Corrects the channel's count of messages: a caller who requests a full sync has a reason.
    async fn recount(&self, channel: ChannelId) -> Result<(), SyncError> {
        let once = || async {
            let mut unit = self.of.store.begin().await?;
            let off = unit.channels().recount(channel).await?;
            if off > 0 {
                warn!(channel.id = %channel, rows = off, "message count corrected");
                self.fence(&mut *unit, channel).await?;
                unit.commit().await?;
            }
            Ok(())
        };
        self.in_store(once).await
    }

    /// Rechecks the messages since a day before the start of the last run that did so, however long ago that was, or
    /// since the time that the job names: messages that a page lacks are deleted, newer versions replace stored ones. A
    /// channel without a message since then costs no write.
    async fn recheck_recent(
        &self,
        channel: &GuildChannel,
        coverage: Option<&Coverage>,
        held: Interval,
    ) -> Result<(), Halt> {
        let id = channel.channel.id;
        let since = if let Some(since) = self.job.scope.since {
            since
        } else {
            let rechecked_at = self.sync_states(&[id]).await?.get(&id).and_then(|state| state.rechecked_at);
            // Without a stored recheck, the interval is from another source, or from a run before rechecks were
            // recorded.
            let checked_at = coverage.and_then(|coverage| coverage.checked_at);
            let last = rechecked_at.or(self.last_completed).or(checked_at);
            last.map_or(self.began(), |last| last.min(self.began())).minus(RECHECK)
        };
        let since = MessageId::first_at(since);
        if channel.last_message_id.is_none_or(|last| last < since) {
            return Ok(());
        }
        let mut cursor = Some(held.high().next().unwrap_or(held.high()));
        while let Some(at) = cursor.filter(|at| *at > since && !self.stop.is_cancelled()) {
            let next = self.page(channel, MessageCursor::Before(at), Priority::CatchUp).await?;
            cursor = match next {
                Some(MessageCursor::Before(next)) => Some(next),
                _ => None,
            };
        }
        Ok(self.note_recheck(id).await?)
    }

    /// Records that this run has rechecked the recent messages of a channel, unless it was stopped before.
    async fn note_recheck(&self, channel: ChannelId) -> Result<(), SyncError> {
        if self.stop.is_cancelled() || self.job.scope.since.is_some() {
            return Ok(());
        }
        self.remember(&[SyncState { rechecked_at: Some(self.began()), ..SyncState::new(channel) }]).await
    }

    fn begin_walk(&self, channel: &GuildChannel, from: MessageId) {
        let newest = channel.last_message_id.map_or(from, |last| from.min(last));
        self.tally.walk(channel.channel.id, newest.created_at(), channel.channel.created_at());
    }

    /// Fetches and stores one page; returns the cursor of the next one.
    async fn page(
        &self,
        channel: &GuildChannel,
        cursor: MessageCursor,
        priority: Priority,
    ) -> Result<Option<MessageCursor>, Halt> {
        // A walk that waits for the platform leaves its permit to others meanwhile, and one in the background takes no
        // permit: it may wait long after all others.
        let fetch = async || {
            let permit = if self.job.background { None } else { Some(self.of.pages.acquire().await) };
            self.of.source.messages(&self.scope, channel, cursor, priority).await.map(|fetched| (fetched, permit))
        };
        let (fetched, _permit) = self.request(fetch).await?;
        let page = Arc::new(fetched.page);
        let span = debug_span!("sync.page", messages = field::Empty);
        let store = self.store_page(channel.channel.id, Arc::clone(&page), &fetched.unreadable);
        let refused = store.instrument(span.clone()).await?;
        let stored = (page.messages().len() - refused) as u64;
        span.record("messages", stored);
        self.tally.messages(stored);
        if refused > 0 || !fetched.unreadable.is_empty() {
            self.leave_unfinished(channel);
        }
        if let Some(MessageCursor::Before(next)) = fetched.next {
            self.tally.reached(channel.channel.id, next.created_at());
        }
        self.progress.at(self.tally.progress());
        if self.job.background && fetched.next.is_some() {
            tokio::select! {
                () = sleep(PACE) => {}
                () = self.stop.cancelled() => {}
            }
        }
        Ok(fetched.next)
    }

    /// Stores a page, and records its unreadable messages; returns the number of its messages that the store rejects.
    pub(super) async fn store_page(
        &self,
        channel: ChannelId,
        page: Arc<MessagePage>,
        found: &[Unreadable],
    ) -> Result<usize, SyncError> {
        let seen_at = page.observed_at();
        let stored = in_portions(page, SyncError::of_store, |part| async move {
            let once = || async {
                let mut unit = self.begin_on(channel).await?;
                let outcome = unit.messages().replace_interval(channel, &part).await?;
                unreadable::record(&mut *unit, channel, &part, &outcome, found).await?;
                self.note_files(&mut *unit, &part).await?;
                Ok(unit.commit().await?)
            };
            self.in_store(once).await
        });
        let refused = unreadable::of_refused(channel, &stored.await?.refused, seen_at);
        if !refused.is_empty() {
            // If every part was rejected, nothing was stored of the page, and no unreadable message was recorded
            // either.
            let all = [found, &refused].concat();
            let once = || async {
                let mut unit = self.begin_on(channel).await?;
                unit.unreadable().upsert_all(channel, &all).await?;
                Ok(unit.commit().await?)
            };
            self.in_store(once).await?;
        }
        Ok(refused.len())
    }

    /// Begins a unit on one channel that commits only if no later leader has written there. It does not touch the
    /// lease, which all channels would then wait for.
    pub(super) async fn begin_on(&self, channel: ChannelId) -> Result<Box<dyn UnitOfWork>, SyncError> {
        let mut unit = self.of.store.begin().await?;
        self.fence(&mut *unit, channel).await?;
        Ok(unit)
    }

    /// Records that another process has written under a larger fence.
    pub(super) fn deposed(&self) -> SyncError {
        self.leader.lose();
        SyncError::Deposed
    }

    pub(super) async fn fence(&self, unit: &mut dyn UnitOfWork, channel: ChannelId) -> Result<(), SyncError> {
        if unit.channels().fence(channel, self.leader.fence()).await? {
            return Ok(());
        }
        match unit.channels().find(channel).await? {
            Some(_) => Err(self.deposed()),
            None => Err(StoreError::Missing { what: "channel" }.into()),
        }
    }

    /// Returns the newest ids of a channel that are proven to be stored whole.
    async fn proven(&self, channel: ChannelId) -> Result<Option<Interval>, SyncError> {
        let segments = async || Ok(self.of.store.read().await?.coverage().segments(channel).await?);
        Ok(self.in_store(segments).await?.newest_proven())
    }

    pub(super) async fn coverage(&self, channel: ChannelId) -> Result<Option<Coverage>, SyncError> {
        self.in_store(async || Ok(self.of.store.read().await?.coverage().find(channel).await?)).await
    }

    /// Records why the rest of a channel is not stored, unless that reason is recorded already.
    pub(super) async fn note_if(
        &self,
        held: Option<&Coverage>,
        channel: ChannelId,
        reason: Option<&'static str>,
    ) -> Result<(), SyncError> {
        if held.and_then(|held| held.reason.as_deref()) == reason { Ok(()) } else { self.note(channel, reason).await }
    }

    /// Records why the rest of a channel is not stored.
    pub(super) async fn note(&self, channel: ChannelId, reason: Option<&'static str>) -> Result<(), SyncError> {
        let once = || async {
            let mut unit = self.begin_on(channel).await?;
            unit.coverage().note(channel, self.of.clock.now(), false, reason.map(str::to_owned)).await?;
            Ok(unit.commit().await?)
        };
        self.in_store(once).await
    }
}
