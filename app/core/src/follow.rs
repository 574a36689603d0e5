//! Follows the change log: one task in each process passes every change to the subscribers that keep something derived
//! from the archive, such as a cache.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{Change, ChangePosition, Followed};
use ports::error::StoreError;
use ports::store::Store;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Changes that subscribers receive in one call, at most.
const BATCH: u32 = 1_000;
/// The wait between two polls of a log that has just moved, or whose next change a reader waits for. A change by another
/// process is noticed after it.
const BUSY: Duration = Duration::from_millis(50);
/// The wait between two polls of a log that did not move, or could not be read.
const IDLE: Duration = Duration::from_millis(500);

/// A part of the program that keeps something derived from the archive.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// Receives changes in the order of their commits; `position` is after the last of them. No change is skipped between
    /// two calls, unless [`Subscriber::resync`] is called in between.
    async fn receive(&self, changes: &[Change], position: &ChangePosition);

    /// Called once before the first changes, and again whenever the log has a gap: everything that was derived before
    /// this call may be out of date. The next changes are those after `position`.
    async fn resync(&self, position: &ChangePosition);

    /// Returns whether a reader waits for the next change. As long as one does, the log is polled at the shorter
    /// interval also while it does not move.
    fn is_waiting(&self) -> bool {
        false
    }
}

/// The distance of a follower from the end of the log. A clone shares it.
#[derive(Debug, Clone)]
pub struct Lag {
    state: Arc<Mutex<LagState>>,
    /// The number of commits of this process whose changes were passed on.
    applied: watch::Sender<u64>,
}

#[derive(Debug)]
struct LagState {
    at_end: Instant,
    behind: u64,
    resyncs: u64,
}

impl Lag {
    fn new() -> Self {
        let state = LagState { at_end: Instant::now(), behind: 0, resyncs: 0 };
        Self { state: Arc::new(Mutex::new(state)), applied: watch::Sender::new(0) }
    }

    fn update(&self, change: impl FnOnce(&mut LagState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns the time since the follower was last at the end of the log: at most half a second if it keeps up,
    /// growing if the store is unavailable or a subscriber takes long.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).at_end.elapsed()
    }

    /// Returns whether the changes of the first `commits` commits of this process were passed on.
    #[must_use]
    pub fn has_applied(&self, commits: u64) -> bool {
        *self.applied.borrow() >= commits
    }

    /// Waits until they were passed on, at most for `patience`; returns whether they were.
    pub async fn applies(&self, commits: u64, patience: Duration) -> bool {
        let mut applied = self.applied.subscribe();
        timeout(patience, applied.wait_for(|applied| *applied >= commits)).await.is_ok()
    }

    /// Returns how many changes the log had after the last batch that was passed on.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).behind
    }

    /// Returns the number of gaps in the log, without the start of the process.
    #[must_use]
    pub fn resyncs(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).resyncs
    }
}

/// The age from which what was derived from the log is not used.
const STALE: Duration = Duration::from_secs(1);
/// The time that a reader waits for the changes of this process.
const PATIENCE: Duration = Duration::from_millis(100);

/// Tells whether what the subscribers of a follower derived is current enough to be shown.
#[derive(Clone)]
pub struct Freshness {
    store: Arc<dyn Store>,
    lag: Lag,
}

impl Freshness {
    /// Returns whether the subscribers have every change that was committed a second ago, and every change that this
    /// process has committed. Waits a moment for the latter.
    pub async fn is_current(&self) -> bool {
        let commits = self.store.commits();
        self.lag.age() < STALE && (self.lag.has_applied(commits) || self.lag.applies(commits, PATIENCE).await)
    }
}

/// Reads the change log and passes it on.
pub struct Follower {
    store: Arc<dyn Store>,
    subscribers: Vec<Arc<dyn Subscriber>>,
    position: Option<ChangePosition>,
    lag: Lag,
}

impl Follower {
    /// Creates a follower that begins at the end of the log.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, subscribers: Vec<Arc<dyn Subscriber>>) -> Self {
        Self { store, subscribers, position: None, lag: Lag::new() }
    }

    /// Returns its distance from the end of the log, which stays current.
    #[must_use]
    pub fn lag(&self) -> Lag {
        self.lag.clone()
    }

    /// Tells whether what its subscribers derived is current.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        Freshness { store: Arc::clone(&self.store), lag: self.lag() }
    }

    /// Follows the log until `stop`. Store errors are retried.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut failing = false;
        while !stop.is_cancelled() {
            let wait = match self.step().await {
                Ok(passed) => {
                    if failing {
                        info!("change log readable again");
                    }
                    failing = false;
                    if self.lag.behind() > 0 {
                        continue;
                    }
                    let is_waiting = self.subscribers.iter().any(|subscriber| subscriber.is_waiting());
                    if passed > 0 || is_waiting { BUSY } else { IDLE }
                }
                Err(error) => {
                    if !failing {
                        warn!(error = &error as &dyn std::error::Error, "change log not readable");
                    }
                    failing = true;
                    IDLE
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.store.appended(), if !failing => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// Passes the next changes to all subscribers, at most 1,000; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`] if the log cannot be read; nothing was passed on then.
    pub async fn step(&mut self) -> Result<usize, StoreError> {
        // Counted before the snapshot, which contains them.
        let (commits, at) = (self.store.commits(), Instant::now());
        let mut read = self.store.read().await?;
        let followed = match &self.position {
            Some(position) => read.changes().follow(position, BATCH).await?,
            None => Followed::Resync { position: read.changes().position().await? },
        };
        drop(read);
        match followed {
            Followed::Changes { changes, position, behind } => {
                if !changes.is_empty() {
                    for subscriber in &self.subscribers {
                        subscriber.receive(&changes, &position).await;
                    }
                }
                self.position = Some(position);
                self.lag.update(|lag| {
                    lag.behind = behind;
                    if behind == 0 {
                        lag.at_end = at;
                    }
                });
                if behind == 0 {
                    self.lag.applied.send_replace(commits);
                }
                Ok(changes.len())
            }
            Followed::Resync { position } => {
                for subscriber in &self.subscribers {
                    subscriber.resync(&position).await;
                }
                if self.position.replace(position).is_some() {
                    warn!("change log trimmed or replaced; resync");
                    self.lag.update(|lag| lag.resyncs += 1);
                }
                self.lag.update(|lag| (lag.behind, lag.at_end) = (0, at));
                self.lag.applied.send_replace(commits);
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests;
