//! Reads one channel: new messages first, then the rest of the history, and recent messages once more.

use std::collections::HashSet;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use domain::access::{Access, GuildChannel};
use domain::channel::ChannelId;
use domain::coverage::{Coverage, Interval};
use domain::job::JobKind;
use domain::message::{MessageId, Origin};
use domain::sync::{RECHECK, SyncState};
use domain::timestamp::Timestamp;
use ports::guild::{GoneItem, GuildError, MessageCursor, Priority};
use tokio::time::sleep;
use tracing::{Instrument, debug_span, field};

use super::structure::reason;
use super::{PACE, Run, SyncError, began};
use crate::ingest::IngestError;

/// The age from which messages are not of the present second, whatever the clocks of the two sides show.
const PRESENT: Duration = Duration::from_secs(2);

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

impl From<IngestError> for Halt {
    fn from(error: IngestError) -> Self {
        Self::Sync(error.into())
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
            Err(Halt::Guild(GuildError::Forbidden(denied))) => {
                self.ingest.write_reason(id, Some(reason(denied))).await?;
            }
            Err(Halt::Guild(GuildError::Gone(GoneItem::Channel))) => {
                self.ingest.mark_deleted(id).await?;
            }
            Err(Halt::Guild(error)) => {
                self.leave_unfinished(&channel);
                self.fetcher.fail(&channel.channel.name, error)?;
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
        let coverage = self.ingest.coverage(id).await?;
        if coverage.as_ref().is_some_and(Coverage::is_deleted) {
            return Ok(());
        }
        if let Access::Denied(denied) = channel.access {
            return Ok(self.ingest.record_reason(id, coverage.as_ref(), Some(reason(denied))).await?);
        }
        let begun = self.of.clock.now();
        match self.proven(id).await? {
            _ if self.job.kind == JobKind::Full => {
                self.reread_all(channel).await?;
                self.record_recheck(id).await?;
            }
            None => {
                self.backfill(channel, MessageId::MAX).await?;
                self.record_recheck(id).await?;
            }
            Some(interval) => {
                if channel.last_message_id.is_some_and(|last| last > interval.high()) {
                    self.catch_up(channel, interval.high()).await?;
                }
                self.recheck_recent(channel, coverage.as_ref(), interval).await?;
                if !interval.reaches_start() {
                    self.backfill(channel, interval.low()).await?;
                }
            }
        }
        self.close_recent_gaps(channel, begun).await?;
        if !self.stop.is_cancelled() {
            self.ingest.record_reason(id, coverage.as_ref(), None).await?;
        }
        Ok(())
    }

    /// Reads backward once more, where pages met among messages that were sent since `begun`: a page proves nothing of
    /// the present second beyond its own messages, so there are gaps between such pages.
    async fn close_recent_gaps(&self, channel: &GuildChannel, begun: Timestamp) -> Result<(), Halt> {
        let recent = MessageId::first_at(begun.minus(PRESENT));
        let newest = self.proven(channel.channel.id).await?;
        let Some(newest) = newest.filter(|newest| !newest.reaches_start() && newest.low() >= recent) else {
            return Ok(());
        };
        tokio::select! {
            () = sleep(PRESENT) => self.backfill(channel, newest.low()).await,
            () = self.stop.cancelled() => Ok(()),
        }
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
        let id = channel.channel.id;
        let stored = self.ingest.segments(id).await?;
        let read = stored.read_since(began(self.job));
        let mut cursor = Some(MessageCursor::Before(MessageId::MAX));
        while let Some(at) = cursor.filter(|_| !self.stop.is_cancelled()) {
            cursor = self.page(channel, at, Priority::Backfill).await?;
            let Some(MessageCursor::Before(next)) = cursor else { continue };
            let earlier = next.previous().and_then(|last| read.iter().find(|part| part.contains(last)));
            match earlier {
                Some(part) if part.reaches_start() => break,
                Some(part) => cursor = Some(MessageCursor::Before(part.low())),
                None => {}
            }
        }
        if !self.stop.is_cancelled() {
            // A caller who requests a full sync has a reason.
            self.ingest.recount(id).await?;
        }
        Ok(())
    }

    /// Rechecks the messages since a day before the start of the last run that did so, however long ago that was, or
    /// since the time that the job names: messages that a page lacks are deleted, newer versions replace stored ones. A
    /// channel without a message since then costs no write.
    async fn recheck_recent(
        &self,
        channel: &GuildChannel,
        coverage: Option<&Coverage>,
        proven: Interval,
    ) -> Result<(), Halt> {
        let id = channel.channel.id;
        let since = if let Some(since) = self.job.scope.since {
            since
        } else {
            let rechecked_at = self.ingest.sync_states(&[id]).await?.get(&id).and_then(|state| state.rechecked_at);
            // Without a stored recheck, the interval is from another source, or from a run before rechecks were
            // recorded.
            let checked_at = coverage.and_then(|coverage| coverage.checked_at);
            let last = rechecked_at.or(self.last_completed).or(checked_at);
            last.map_or(began(self.job), |last| last.min(began(self.job))).minus(RECHECK)
        };
        let since = MessageId::first_at(since);
        // If the newest message came by an event, no page has shown it, and it may be deleted by now.
        let newest = self.ingest.newest_message(id).await?;
        let has_unproven =
            newest.is_some_and(|newest| newest.id > proven.high() && newest.version.origin == Origin::Event);
        if !has_unproven && channel.last_message_id.is_none_or(|last| last < since) {
            return Ok(());
        }
        let newest = if has_unproven { MessageId::MAX } else { proven.high().next().unwrap_or(proven.high()) };
        let mut cursor = Some(newest);
        while let Some(at) = cursor.filter(|at| *at > since && !self.stop.is_cancelled()) {
            let next = self.page(channel, MessageCursor::Before(at), Priority::CatchUp).await?;
            cursor = match next {
                Some(MessageCursor::Before(next)) => Some(next),
                _ => None,
            };
        }
        Ok(self.record_recheck(id).await?)
    }

    /// Records that this run has rechecked the recent messages of a channel, unless it was stopped before.
    async fn record_recheck(&self, channel: ChannelId) -> Result<(), SyncError> {
        if self.stop.is_cancelled() || self.job.scope.since.is_some() {
            return Ok(());
        }
        let state = SyncState { rechecked_at: Some(began(self.job)), ..SyncState::new(channel) };
        Ok(self.ingest.record_sync_states(&[state]).await?)
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
            self.of.source.messages(self.scope, channel, cursor, priority).await.map(|fetched| (fetched, permit))
        };
        let (fetched, _permit) = self.fetcher.request(fetch).await?;
        let page = Arc::new(fetched.page);
        let span = debug_span!("sync.page", messages = field::Empty);
        let store = self.ingest.store_page(channel.channel.id, Arc::clone(&page), &fetched.unreadable);
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

    /// Returns the newest ids of a channel that are proven to be stored whole.
    async fn proven(&self, channel: ChannelId) -> Result<Option<Interval>, SyncError> {
        Ok(self.ingest.segments(channel).await?.newest_proven())
    }
}
