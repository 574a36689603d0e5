//! Stores the events of one shard, in their order.

use std::sync::Arc;
use std::time::Duration;

use domain::event::Event;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::event::{EventStream, GatewayError, GatewaySession, GuildDirectory, Received, ShardId};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::Live;
use super::directory::Directory;
use super::follow_up::FollowUps;
use super::unit::{Change, Unclear, Writer};
use crate::ingest::{Ingest, IngestError};
use crate::retry::retry_in_store;
use crate::sync::Leader;

/// The time from the first event of a unit of work to its begin, in which further events join it.
const TOGETHER: Duration = Duration::from_millis(20);
/// The maximum number of events in a unit.
const MOST: usize = 100;
/// How often the sequence is stored if only events without an effect came.
const PERIOD: Duration = Duration::from_secs(10);

/// Why a shard ends.
#[derive(Debug)]
pub(super) enum End {
    /// The process shuts down, or no longer leads.
    Stopped,
    /// The stream failed.
    Failed(GatewayError),
}

impl From<GatewayError> for End {
    fn from(error: GatewayError) -> Self {
        Self::Failed(error)
    }
}

/// One shard of the bot, under one lease.
pub(super) struct Shard<'a> {
    pub(super) live: &'a Live,
    pub(super) leader: &'a Leader,
    pub(super) id: ShardId,
    pub(super) directory: &'a Arc<Directory>,
    /// Cancelled when the process shuts down, or no longer leads.
    pub(super) stop: &'a CancellationToken,
}

/// The position in a session.
struct Position {
    /// The session, with the sequence that is stored.
    session: Option<GatewaySession>,
    /// The last event whose effect is stored.
    last: u64,
    /// When the sequence is stored next, whatever comes.
    due: Instant,
}

impl Shard<'_> {
    pub(super) fn ingest(&self, tenant: TenantId) -> Ingest {
        let (store, clock) = (Arc::clone(&self.live.store), Arc::clone(&self.live.clock));
        Ingest::new(store, clock, tenant, self.leader.fence(), self.stop.clone())
    }

    fn writer(&self) -> Writer<'_> {
        Writer { leader: self.leader, clock: &self.live.clock, account: &self.live.account, shard: self.id }
    }

    /// Receives events in the session that was stored last, or in a new one, and stores them until the end.
    pub(super) async fn follow(&self) -> End {
        let load = async || {
            let mut at = self.live.store.read().await?;
            Ok(at.gateway_sessions().find(&self.live.account, self.id).await?)
        };
        let session = match self.persist(load).await {
            Ok(session) => session.flatten(),
            Err(end) => return end,
        };
        let guilds = Arc::clone(self.directory) as Arc<dyn GuildDirectory>;
        let mut stream = match self.live.events.connect(self.id, session.clone(), guilds) {
            Ok(stream) => stream,
            Err(error) => return error.into(),
        };
        let last = session.as_ref().map_or(0, |session| session.sequence);
        let mut position = Position { session, last, due: Instant::now() + PERIOD };
        let follow_ups = FollowUps::new(self);
        let end = tokio::select! {
            end = self.take_all(&mut *stream, &mut position, &follow_ups) => end,
            never = follow_ups.run() => match never {},
        };
        self.live.status.disconnected(self.id);
        stream.close().await;
        end
    }

    async fn take_all(&self, stream: &mut dyn EventStream, position: &mut Position, follow_ups: &FollowUps<'_>) -> End {
        loop {
            let received = tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                received = stream.next() => Some(received),
                () = sleep_until(position.due) => None,
            };
            let taken = match received {
                Some(Ok(first)) => {
                    let (batch, failed) = gather(first, stream).await;
                    match (self.take(batch, position, follow_ups).await, failed) {
                        (Ok(()), Some(error)) => Err(error.into()),
                        (taken, _) => taken,
                    }
                }
                Some(Err(error)) => Err(error.into()),
                None => self.store_position(position, follow_ups.held()).await,
            };
            if let Err(end) = taken {
                return end;
            }
        }
        // The next process resumes from here.
        if let Some(session) = position.durable(follow_ups.held())
            && let Err(IngestError::Store(error)) = self.writer().store_session(&session).await
        {
            warn!(error = &error as &dyn std::error::Error, "position in the gateway's session not stored");
        }
        End::Stopped
    }

    /// Stores the effects of a batch, in its order: changes of messages together, and other events one by one between
    /// them.
    async fn take(&self, batch: Vec<Received>, position: &mut Position, follow_ups: &FollowUps<'_>) -> Result<(), End> {
        let (mut changes, mut last) = (Vec::new(), position.last);
        for received in batch {
            self.live.status.connected(self.id);
            match received {
                Received::Ready(session) => {
                    self.store_changes(&mut changes, position, follow_ups).await?;
                    follow_ups.forget_session();
                    last = session.sequence;
                    (position.last, position.session) = (last, Some(session.clone()));
                    self.persist(async || self.writer().store_session(&session).await).await?;
                }
                Received::Resumed { sequence } | Received::Skipped { sequence } => last = sequence,
                Received::Event { sequence, guild, received_at, event } => {
                    last = sequence;
                    let Some(scope) = self.directory.scope(guild) else { continue };
                    match *event {
                        Event::Message { channel, change } => {
                            changes.push(Change { scope, channel, sequence, received_at, kind: change });
                        }
                        event => {
                            self.store_changes(&mut changes, position, follow_ups).await?;
                            let store = async || self.store_structure(&scope, sequence, received_at, &event).await;
                            follow_ups.add(self.persist(store).await?.unwrap_or_default());
                            self.live.status.stored(received_at, self.live.clock.now());
                        }
                    }
                }
            }
        }
        self.store_changes(&mut changes, position, follow_ups).await?;
        position.last = last;
        Ok(())
    }

    /// Stores changes of messages in one unit; in smaller ones if the store rejects it.
    async fn store_changes(
        &self,
        changes: &mut Vec<Change>,
        position: &mut Position,
        follow_ups: &FollowUps<'_>,
    ) -> Result<(), End> {
        let mut waiting = vec![std::mem::take(changes)];
        while let Some(mut part) = waiting.pop() {
            let Some((first, last)) = part.first().zip(part.last()) else { continue };
            let (received_at, last) = (first.received_at, last.sequence);
            let held = follow_ups.held();
            let store = async || self.writer().store(&part, position.session.as_ref(), held).await;
            let stored = self.attempt(store).await?;
            match stored {
                Ok(unclear) => follow_ups.add(unclear),
                Err(_) if part.len() > 1 => {
                    let newer = part.split_off(part.len() / 2);
                    waiting.extend([newer, part]);
                    continue;
                }
                Err(failed) => {
                    let (channel, error) = (part[0].channel, &failed as &dyn std::error::Error);
                    error!(channel.platform_id = %channel, error, "event not stored; its channel is requested");
                    follow_ups.add([Unclear::newest(&part[0].scope, channel, last)]);
                }
            }
            for change in part.iter().filter(|change| change.kind.has_files()) {
                self.live.files.add(change.scope.tenant);
            }
            if part.iter().any(|change| change.kind.is_deletion()) {
                self.live.announce_removals();
            }
            position.last = last;
            if let Some(session) = position.durable(follow_ups.held()) {
                position.session = Some(session);
                position.due = Instant::now() + PERIOD;
            }
            self.live.status.stored(received_at, self.live.clock.now());
        }
        Ok(())
    }

    /// Stores the sequence, if it has moved.
    async fn store_position(&self, position: &mut Position, held: Option<u64>) -> Result<(), End> {
        position.due = Instant::now() + PERIOD;
        let Some(session) = position.durable(held) else { return Ok(()) };
        if position.session.as_ref() != Some(&session) {
            self.persist(async || self.writer().store_session(&session).await).await?;
            position.session = Some(session);
        }
        Ok(())
    }

    /// Does `work` in the store, however long an outage lasts: meanwhile the stream receives. Returns `None` after an
    /// error that another attempt would repeat.
    async fn persist<T, F: Future<Output = Result<T, IngestError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<Option<T>, End> {
        match self.attempt(work).await? {
            Ok(done) => Ok(Some(done)),
            // The tenant was deleted meanwhile.
            Err(StoreError::Missing { what }) => {
                debug!(what, "event without a stored subject skipped");
                Ok(None)
            }
            Err(failed) => {
                error!(error = &failed as &dyn std::error::Error, "event not stored; the next sync repairs it");
                Ok(None)
            }
        }
    }

    async fn attempt<T, F: Future<Output = Result<T, IngestError>>>(
        &self,
        work: impl Fn() -> F,
    ) -> Result<Result<T, StoreError>, End> {
        loop {
            match retry_in_store(self.stop, IngestError::of_store, &work).await {
                Ok(done) => return Ok(Ok(done)),
                Err(IngestError::Deposed) => {
                    self.leader.lose();
                    return Err(End::Stopped);
                }
                Err(IngestError::Store(_)) if self.stop.is_cancelled() => return Err(End::Stopped),
                Err(IngestError::Store(error)) if error.is_transient() => {}
                Err(IngestError::Store(error)) => return Ok(Err(error)),
            }
        }
    }
}

impl Position {
    /// Returns the session with the sequence up to which every effect is stored, if the event `held` and those after it
    /// need requests.
    fn durable(&self, held: Option<u64>) -> Option<GatewaySession> {
        let session = self.session.clone()?;
        let until = held.map_or(self.last, |held| self.last.min(held.saturating_sub(1)));
        Some(GatewaySession { sequence: until.max(session.sequence), ..session })
    }
}

/// Returns `first` with the events that come right after it, and the error that ended the stream meanwhile.
async fn gather(first: Received, stream: &mut dyn EventStream) -> (Vec<Received>, Option<GatewayError>) {
    let (mut batch, end) = (vec![first], Instant::now() + TOGETHER);
    while batch.len() < MOST {
        match timeout_at(end, stream.next()).await {
            Ok(Ok(next)) => batch.push(next),
            Ok(Err(error)) => return (batch, Some(error)),
            Err(_) => break,
        }
    }
    (batch, None)
}

/// Returns the time between two moments; none if they are in the wrong order.
pub(super) fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.as_millis() - from.as_millis()).unwrap_or_default())
}
