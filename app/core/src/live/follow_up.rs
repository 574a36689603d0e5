//! Requests what events do not show: the counts of reactions, messages that an event changed only in part, and channels
//! that are not stored yet.
//!
//! The requests of a channel are one at a time, and any number of events about it becomes one. Until a request is made,
//! the session's stored sequence stays before its first event, so that a process that resumes the session makes it.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::access::{Access, GuildChannel};
use domain::channel::{ChannelId, ChannelSnowflake};
use domain::coverage::Interval;
use domain::guild::GuildSnowflake;
use domain::message::MessageId;
use domain::tenant::TenantId;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ports::error::StoreError;
use ports::event::GuildDirectory;
use ports::guild::{FetchedPage, GoneItem, GuildError, GuildScope, MessageCursor, Priority};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::shard::Shard;
use super::unit::Unclear;
use crate::ingest::{Ingest, IngestError};
use crate::retry::{PLATFORM, retry_until};

/// The time from an event to its request, in which further events join it.
const PAUSE: Duration = Duration::from_millis(300);
/// The same before the first request for a channel. A page proves nothing of the present second beyond its own messages,
/// so one that is made at once would leave a gap below them.
const PAUSE_OF_NEW: Duration = Duration::from_secs(2);
/// The number of channels that are requested at the same time.
const AT_ONCE: usize = 8;
/// The number of messages on a page that has more before it, usually.
const FULL: usize = 100;
/// The number of attempts; a sync repairs what is left.
const ATTEMPTS: u32 = 4;
/// The pause after a failed attempt.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// A channel to request.
type ChannelKey = (GuildSnowflake, ChannelSnowflake);

/// The part of a channel to request.
#[derive(Debug, Clone, Default)]
struct Wanted {
    tenant: Option<TenantId>,
    messages: BTreeSet<MessageId>,
    /// Whether its newest messages are wanted.
    newest: bool,
    /// The first event that needs the request, unless it belongs to an earlier session.
    since: Option<u64>,
    attempts: u32,
    due: Option<Instant>,
}

impl Wanted {
    fn join(&mut self, other: Self) {
        self.tenant = other.tenant.or(self.tenant);
        self.messages.extend(other.messages);
        self.newest |= other.newest;
        self.since = [self.since, other.since].into_iter().flatten().min();
        self.attempts = self.attempts.max(other.attempts);
        self.due = self.due.max(other.due);
    }
}

/// The end of a request.
struct Done {
    key: ChannelKey,
    wanted: Wanted,
    outcome: Result<(), FollowUpError>,
}

/// The requests that were not made yet.
#[derive(Debug, Default)]
struct State {
    waiting: HashMap<ChannelKey, Wanted>,
    /// The first events of the requests in flight.
    in_flight: HashMap<ChannelKey, Option<u64>>,
}

impl State {
    /// Returns the channels that are not being requested.
    fn idle(&self) -> impl Iterator<Item = (ChannelKey, Instant)> {
        let idle = self.waiting.iter().filter(|(key, _)| !self.in_flight.contains_key(key));
        idle.filter_map(|(key, wanted)| Some((*key, wanted.due?)))
    }

    /// Returns when the next request starts that waits for nothing else.
    fn next_due(&self) -> Option<Instant> {
        self.idle().map(|(_, due)| due).min()
    }

    /// Takes a request that is due.
    fn take_due(&mut self, now: Instant) -> Option<(ChannelKey, Wanted)> {
        let (key, _) = self.idle().find(|(_, due)| *due <= now)?;
        let wanted = self.waiting.remove(&key)?;
        self.in_flight.insert(key, wanted.since);
        Some((key, wanted))
    }
}

/// Why a request was not made.
#[derive(Debug, thiserror::Error)]
enum FollowUpError {
    #[error(transparent)]
    Guild(#[from] GuildError),
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// The requests that events of a shard need.
pub(super) struct FollowUps<'a> {
    shard: &'a Shard<'a>,
    state: Mutex<State>,
    added: Notify,
}

impl<'a> FollowUps<'a> {
    pub(super) fn new(shard: &'a Shard<'a>) -> Self {
        Self { shard, state: Mutex::default(), added: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds requests.
    pub(super) fn add(&self, unclear: impl IntoIterator<Item = Unclear>) {
        for Unclear { tenant, guild, channel, message, sequence } in unclear {
            let wanted = Wanted {
                tenant: Some(tenant),
                newest: message.is_none(),
                messages: message.into_iter().collect(),
                since: Some(sequence),
                ..Wanted::default()
            };
            let pause = if wanted.newest { PAUSE_OF_NEW } else { PAUSE };
            let mut state = self.state();
            let waiting = state.waiting.entry((guild, channel)).or_default();
            let due = waiting.due.or_else(|| Some(Instant::now() + pause));
            waiting.join(Wanted { due, ..wanted });
        }
        self.added.notify_one();
    }

    /// Returns the first event that has to be received again if the process ends now.
    pub(super) fn held(&self) -> Option<u64> {
        let state = self.state();
        let waiting = state.waiting.values().filter_map(|wanted| wanted.since);
        waiting.chain(state.in_flight.values().filter_map(|since| *since)).min()
    }

    /// Forgets the sequences of a session that has ended; the requests stay.
    pub(super) fn forget_session(&self) {
        let mut state = self.state();
        state.waiting.values_mut().for_each(|wanted| wanted.since = None);
        state.in_flight.values_mut().for_each(|since| *since = None);
    }

    /// Makes the requests. It has to run beside the events, and not in turns with them: a request that is not polled
    /// can have a unit of work open, whose end the next event waits for.
    pub(super) async fn run(&self) -> Infallible {
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < AT_ONCE
                && let Some((key, wanted)) = self.take_due()
            {
                running.push(self.shard.follow_up(key, wanted));
            }
            let due = if running.len() < AT_ONCE { self.state().next_due() } else { None };
            let next_start = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                Some(done) = running.next(), if !running.is_empty() => self.finish(done),
                () = next_start => {}
                () = self.added.notified() => {}
            }
        }
    }

    fn take_due(&self) -> Option<(ChannelKey, Wanted)> {
        self.state().take_due(Instant::now())
    }

    fn finish(&self, Done { key, wanted, outcome }: Done) {
        let mut state = self.state();
        let since = state.in_flight.remove(&key).flatten();
        let Err(failed) = outcome else { return };
        if matches!(failed, FollowUpError::Ingest(IngestError::Deposed)) {
            self.shard.leader.lose();
            return;
        }
        let attempts = wanted.attempts + 1;
        if attempts < ATTEMPTS {
            debug!(error = &failed as &dyn std::error::Error, "live request repeated");
            let due = Some(Instant::now() + AFTER_FAILURE);
            let again = Wanted { since, attempts, due, ..wanted };
            state.waiting.entry(key).or_default().join(again);
        } else {
            let error = &failed as &dyn std::error::Error;
            warn!(channel.platform_id = %key.1, error, "live request failed; a sync repairs it");
        }
    }
}

impl Shard<'_> {
    async fn follow_up(&self, key: ChannelKey, wanted: Wanted) -> Done {
        let outcome = self.request_wanted(key, &wanted).await;
        Done { key, wanted, outcome }
    }

    /// Requests messages of a channel, and the channel itself if it is not stored.
    async fn request_wanted(&self, (guild, channel): ChannelKey, wanted: &Wanted) -> Result<(), FollowUpError> {
        let scope = self.directory.scope(guild).filter(|scope| Some(scope.tenant) == wanted.tenant);
        // The tenant is being deleted.
        let Some(scope) = scope else { return Ok(()) };
        let ingest = self.ingest(scope.tenant);
        match self.read_channel(&scope, &ingest, channel, wanted).await {
            // It is no longer there, or the bot may not read it.
            Err(FollowUpError::Guild(GuildError::Gone(GoneItem::Channel))) => {
                let id = ChannelId::of(scope.tenant, channel);
                if ingest.find(id).await?.is_some() {
                    ingest.mark_deleted(id).await?;
                }
                Ok(())
            }
            Err(
                FollowUpError::Guild(GuildError::Gone(_) | GuildError::Forbidden(_) | GuildError::Parked)
                | FollowUpError::Ingest(IngestError::Store(StoreError::Missing { .. })),
            ) => Ok(()),
            outcome => outcome,
        }
    }

    async fn read_channel(
        &self,
        scope: &GuildScope,
        ingest: &Ingest,
        channel: ChannelSnowflake,
        wanted: &Wanted,
    ) -> Result<(), FollowUpError> {
        let source = &*self.live.source;
        let found = self.request(|| self.live.shown.find(source, scope, channel)).await?;
        ingest.store_channels(&[&found.channel]).await?;
        if found.access != Access::Readable || !found.holds_messages() {
            return Ok(());
        }
        let mut left = wanted.messages.clone();
        if wanted.newest {
            self.read_newest(scope, ingest, &found, &mut left).await?;
        }
        // A page shows the messages before it, too: often all that are left.
        while let Some(id) = left.pop_last() {
            let fetched = self.read_page(scope, ingest, &found, id.next().unwrap_or(MessageId::MAX)).await?;
            retain_below(&mut left, &fetched);
        }
        Ok(())
    }

    /// Requests the newest messages of a channel that was not read before; if there are more, requests a sync of it.
    async fn read_newest(
        &self,
        scope: &GuildScope,
        ingest: &Ingest,
        channel: &GuildChannel,
        left: &mut BTreeSet<MessageId>,
    ) -> Result<(), FollowUpError> {
        let fetched = self.read_page(scope, ingest, channel, MessageId::MAX).await?;
        retain_below(left, &fetched);
        if let Some(MessageCursor::Before(low)) = fetched.next.filter(|_| fetched.page.messages().len() < FULL) {
            // Only an empty page shows where a channel begins.
            self.read_page(scope, ingest, channel, low).await?;
        }
        let id = channel.channel.id;
        let is_whole = ingest.segments(id).await?.newest_proven().is_some_and(Interval::reaches_start);
        if is_whole {
            let coverage = ingest.coverage(id).await?;
            ingest.record_reason(id, coverage.as_ref(), None).await?;
        } else {
            let channels = vec![channel.channel.platform_id];
            self.live.jobs.request_channels(scope.tenant, channels).await.map_err(IngestError::Store)?;
        }
        Ok(())
    }

    /// Requests and stores the page before `before`.
    async fn read_page(
        &self,
        scope: &GuildScope,
        ingest: &Ingest,
        channel: &GuildChannel,
        before: MessageId,
    ) -> Result<FetchedPage, FollowUpError> {
        let cursor = MessageCursor::Before(before);
        let fetch = || self.live.source.messages(scope, channel, cursor, Priority::Live);
        let fetched = self.request(fetch).await?;
        ingest.store_page(channel.channel.id, Arc::new(fetched.page.clone()), &fetched.unreadable).await?;
        Ok(fetched)
    }

    /// Calls the platform while this process leads; retries the call after the delay that a transient error names.
    async fn request<T, F: Future<Output = Result<T, GuildError>>>(
        &self,
        call: impl Fn() -> F,
    ) -> Result<T, GuildError> {
        let once = async || {
            self.leader.allowed().await;
            call().await
        };
        retry_until(self.stop, &PLATFORM, GuildError::retry_after, once).await
    }
}

/// Leaves the messages that are older than a page.
fn retain_below(left: &mut BTreeSet<MessageId>, fetched: &FetchedPage) {
    if let Some(span) = fetched.page.span() {
        left.retain(|id| *id < span.low());
    }
}
