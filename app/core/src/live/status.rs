//! The state of the follower, for the schedule of syncs and for metrics.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::timestamp::Timestamp;
use ports::event::{GatewayStats, ShardId};
use tokio::sync::watch;

use super::shard::since;

#[derive(Debug, Default)]
struct State {
    /// The shards that have a session.
    connected: HashSet<ShardId>,
    /// The shards that have a session, or have failed to get one.
    settled: HashSet<ShardId>,
    /// The number of shards, once it is known.
    expected: Option<u32>,
    /// The time from receiving to storing the last event.
    lag: Option<Duration>,
}

impl State {
    fn is_settled(&self) -> bool {
        self.expected.is_some_and(|expected| self.settled.len() >= expected as usize)
    }

    /// Returns whether every shard has a session, of which `connections` are connected now.
    fn is_working(&self, connections: u32) -> bool {
        let has_all = |expected| connections >= expected && self.connected.len() >= expected as usize;
        self.expected.is_some_and(|expected| expected > 0 && has_all(expected))
    }
}

/// The state, as the follower changes it.
#[derive(Debug, Default)]
pub(super) struct Status {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
    lists: watch::Sender<u64>,
}

/// The state of the follower. A clone shares it.
#[derive(Clone)]
pub struct LiveStatus {
    state: Arc<Mutex<State>>,
    stats: Arc<dyn Fn() -> GatewayStats + Send + Sync>,
}

impl fmt::Debug for LiveStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStatus").field("state", &self.state).finish_non_exhaustive()
    }
}

impl LiveStatus {
    /// Returns whether every shard has a session and is connected, so that changes arrive by events.
    #[must_use]
    pub fn is_working(&self) -> bool {
        let connections = self.stats().connected;
        lock(&self.state).is_working(connections)
    }

    /// Returns the time from receiving the first event of the last unit of work to its commit; `None` before one.
    #[must_use]
    pub fn lag(&self) -> Option<Duration> {
        lock(&self.state).lag
    }

    /// Returns the counters of the connections.
    #[must_use]
    pub fn stats(&self) -> GatewayStats {
        (self.stats)()
    }
}

impl Status {
    pub(super) fn shared(&self, stats: impl Fn() -> GatewayStats + Send + Sync + 'static) -> LiveStatus {
        LiveStatus { state: Arc::clone(&self.state), stats: Arc::new(stats) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.send_replace(());
    }

    /// Records the number of shards.
    pub(super) fn expect(&self, shards: u32) {
        self.change(|state| state.expected = Some(shards));
    }

    /// Records that a shard has received something in its session.
    pub(super) fn connected(&self, shard: ShardId) {
        if !lock(&self.state).connected.contains(&shard) {
            self.change(|state| {
                state.connected.insert(shard);
                state.settled.insert(shard);
            });
        }
    }

    /// Records that the stream of a shard has ended.
    pub(super) fn disconnected(&self, shard: ShardId) {
        self.change(|state| _ = state.connected.remove(&shard));
    }

    /// Records that a shard got no session, and need not be waited for.
    pub(super) fn failed(&self, shard: ShardId) {
        self.change(|state| _ = state.settled.insert(shard));
    }

    /// Records that the process no longer leads.
    pub(super) fn ended(&self) {
        self.change(|state| *state = State { lag: state.lag, ..State::default() });
    }

    /// Records that what was received at `received_at` is stored.
    pub(super) fn stored(&self, received_at: Timestamp, now: Timestamp) {
        lock(&self.state).lag = Some(since(received_at, now));
    }

    /// Waits until no shard has to be waited for.
    pub(super) async fn settled(&self) {
        let mut changed = self.changed.subscribe();
        while !lock(&self.state).is_settled() {
            // The sender lives as long as `self`.
            changed.changed().await.ok();
        }
    }

    /// Records that the tenants were listed.
    pub(super) fn listed(&self) {
        self.lists.send_modify(|lists| *lists += 1);
    }

    /// Waits for the first list of the tenants.
    pub(super) async fn first_list(&self) {
        self.lists.subscribe().wait_for(|lists| *lists > 0).await.ok();
    }

    /// Waits for the next list of the tenants.
    pub(super) async fn next_list(&self) {
        self.lists.subscribe().changed().await.ok();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
