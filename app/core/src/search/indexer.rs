//! Keeps the indexes up to date.

mod batch;
mod indexes;
mod report;
mod tasks;
mod watch;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed};
use domain::tenant::TenantId;
use ports::clock::Clock;
use ports::error::StoreError;
use ports::search::{IndexPosition, SearchError, SearchIndex};
use ports::store::Store;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::tasks::{Lane, Tasks};
use self::work::{Duty, Work};
use super::progress::IndexProgress;
use super::snapshots::Snapshots;
use crate::follow::Subscriber;
use crate::process::Process;

/// The most changes of one batch.
const BATCH: u32 = 1_000;
/// The wait between two polls of a log that did not move: the follower wakes the indexer before.
const IDLE: Duration = Duration::from_secs(1);
/// The time from the first change to its commit: the changes of a while are one commit.
const GATHER: Duration = Duration::from_millis(200);
/// The wait before a failed index is tried again; it doubles with each failure, up to the longest.
const RETRY: Duration = Duration::from_secs(5);
/// The longest wait before a failed index is tried again.
const LONGEST_RETRY: Duration = Duration::from_mins(10);
/// How often deleted words are removed from the files.
const PURGE: Duration = Duration::from_mins(10);
/// How often positions are committed of indexes without changes, so that the log can be trimmed behind them.
const TOUCH: Duration = Duration::from_hours(1);
/// How often it is checked whether a snapshot is due.
const SNAPSHOT: Duration = Duration::from_hours(1);
/// The wait before the first such check: a process that starts has other work.
const FIRST_SNAPSHOT: Duration = Duration::from_mins(10);
/// How often the files are checked.
const VERIFY: Duration = Duration::from_hours(24);

/// Wakes the indexer when the follower of the process receives changes. The indexer reads the log by itself, because
/// its position is that of the index, and because a slow disk must not delay other subscribers.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

#[async_trait]
impl Subscriber for Wake {
    async fn receive(&self, _: &[Change], _: &ChangePosition) {
        self.0.notify_one();
    }

    async fn resync(&self, _: &ChangePosition) {
        self.0.notify_one();
    }
}

/// Why an index does not follow.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] SearchError),
    /// The log does not cover its position.
    #[error("the change log does not reach back to the index")]
    Behind,
}

impl IndexerError {
    /// Returns whether only a rebuild helps.
    const fn needs_rebuild(&self) -> bool {
        matches!(self, Self::Behind | Self::Index(SearchError::Missing | SearchError::Damaged(_)))
    }
}

/// When a failed index is tried again.
#[derive(Debug, Clone, Copy)]
struct Retry {
    wait: Duration,
    at: Instant,
}

/// Keeps the index of each tenant up to date with the change log, as long as this process is the one that writes the
/// indexes. Otherwise it waits to take its place, and watches how far the indexes are.
pub struct Indexer {
    work: Work,
    wake: Wake,
    /// Whether this process writes the indexes.
    writes: bool,
    /// In a process that does not: the position of each index, and one up to which the log has no change for it.
    watched: HashMap<TenantId, (ChangePosition, ChangePosition)>,
    /// The position up to which all healthy indexes have followed.
    position: Option<ChangePosition>,
    /// The tenants that follow the log.
    healthy: HashSet<TenantId>,
    /// The tenants whose index is tried again.
    failing: HashMap<TenantId, Retry>,
    /// The removed tenants whose files could not be removed.
    leftover: HashSet<TenantId>,
    /// The tenants whose index must be built, in this order.
    queue: VecDeque<TenantId>,
    /// The builds that are under way.
    builds: Tasks<Result<(), IndexerError>>,
    /// The upkeep that is over soon.
    brief: Lane,
    /// The upkeep that may take long.
    long: Lane,
    /// The tenants whose snapshot must be deleted once it is stored: it has words that must not stay.
    exposed: BTreeSet<TenantId>,
}

impl Indexer {
    /// Returns an indexer that reports to `progress`, and its builds as jobs of `process`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        index: Arc<dyn SearchIndex>,
        clock: Arc<dyn Clock>,
        progress: IndexProgress,
        process: Process,
    ) -> Self {
        Self {
            work: Work { store, index, clock, progress, process, snapshots: None },
            wake: Wake::default(),
            writes: false,
            watched: HashMap::new(),
            position: None,
            healthy: HashSet::new(),
            failing: HashMap::new(),
            leftover: HashSet::new(),
            queue: VecDeque::new(),
            builds: Tasks::default(),
            brief: Lane::default(),
            long: Lane::default(),
            exposed: BTreeSet::new(),
        }
    }

    /// Makes it store a snapshot of each index daily, if no other process does, and start from one where the directory
    /// has no index.
    #[must_use]
    pub fn with_snapshots(self, snapshots: Snapshots) -> Self {
        Self { work: Work { snapshots: Some(snapshots), ..self.work }, ..self }
    }

    /// Returns the subscriber that wakes it.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// Follows the log until `stop`. Errors are retried.
    pub async fn run(mut self, stop: CancellationToken) {
        let now = Instant::now();
        let mut check = now + RETRY;
        let mut due = [
            (now + PURGE, PURGE, Duty::Purge),
            (now + TOUCH, TOUCH, Duty::Touch),
            (now + VERIFY, VERIFY, Duty::Verify),
            (now + FIRST_SNAPSHOT, SNAPSHOT, Duty::SaveSnapshot),
        ];
        let mut failing = false;
        while !stop.is_cancelled() {
            let done = self.step().await;
            let moved = match done {
                Ok(moved) => {
                    failing = false;
                    moved
                }
                Err(error) => {
                    if !failing {
                        warn!(error = &error as &dyn std::error::Error, "search index cannot follow");
                    }
                    failing = true;
                    false
                }
            };
            let now = Instant::now();
            if self.writes {
                if now >= check {
                    check = now + RETRY;
                    self.retry(now).await;
                }
                for (time, every, duty) in due.iter_mut().filter(|(time, ..)| now >= *time) {
                    *time = now + *every;
                    self.owe_all(*duty);
                }
                self.begin_upkeep();
            }
            let wait = if moved && !failing { GATHER } else { IDLE };
            let woken = self.wake.0.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken.notified(), if !failing && !moved => sleep(GATHER).await,
                (tenant, done) = self.builds.ended() => self.built(tenant, done).await,
                (tenant, failed) = self.brief.ended() => self.kept(tenant, failed),
                (tenant, failed) = self.long.ended() => self.kept(tenant, failed),
                () = sleep(wait) => {}
            }
        }
        self.abort();
    }

    /// Brings every index to the end of the log, and waits for the builds and the brief upkeep that this needs.
    ///
    /// # Errors
    /// [`IndexerError`]; it can be called again.
    pub async fn settle(&mut self) -> Result<(), IndexerError> {
        self.owe_deletions();
        loop {
            let moved = self.step().await?;
            self.begin_upkeep();
            tokio::select! {
                (tenant, done) = self.builds.ended(), if !self.builds.is_empty() => self.built(tenant, done).await,
                (tenant, failed) = self.brief.ended(), if !self.brief.is_idle() => self.kept(tenant, failed),
                else => if !moved {
                    return Ok(());
                },
            }
        }
    }

    /// Stores the snapshots that are due.
    pub async fn save_snapshots(&mut self) {
        self.owe_all(Duty::SaveSnapshot);
        self.begin_upkeep();
        while !self.long.is_idle() {
            let (tenant, failed) = self.long.ended().await;
            self.kept(tenant, failed);
            self.begin_upkeep();
        }
    }

    /// Brings the indexes to the end of the log, and begins the next builds; returns whether the log moved.
    ///
    /// # Errors
    /// If the store cannot be read, or the directory of the index not be used: nothing was changed then.
    async fn step(&mut self) -> Result<bool, IndexerError> {
        if !self.work.index.acquire().await? {
            self.leave();
            return self.watch().await.map(|()| false);
        }
        if !self.writes {
            info!("this process writes the search indexes");
            self.writes = true;
            self.watched.clear();
        }
        let Some(position) = self.position.clone() else {
            self.open().await?;
            self.begin_builds();
            return Ok(true);
        };
        let as_of = self.work.clock.now();
        let mut read = self.work.store.read().await?;
        let followed = read.changes().follow(&position, BATCH).await?;
        drop(read);
        match followed {
            Followed::Resync { .. } => {
                warn!("change log trimmed or replaced; search indexes are checked again");
                self.position = None;
                Ok(true)
            }
            Followed::Changes { changes, position, behind } => {
                let to = IndexPosition { changes: position.clone(), as_of };
                self.receive(&changes, &to).await?;
                self.position = Some(position);
                if behind == 0 {
                    for tenant in &self.healthy {
                        self.work.progress.reached(*tenant, to.clone());
                    }
                }
                self.begin_builds();
                Ok(!changes.is_empty())
            }
        }
    }

    /// Applies changes to the indexes of their tenants.
    async fn receive(&mut self, changes: &[Change], to: &IndexPosition) -> Result<(), IndexerError> {
        let mut by_tenant: BTreeMap<TenantId, Vec<ChangeKind>> = BTreeMap::new();
        for change in changes {
            by_tenant.entry(change.tenant_id).or_default().push(change.kind);
        }
        for (tenant, kinds) in by_tenant {
            if kinds.iter().any(|kind| matches!(kind, ChangeKind::Tenant | ChangeKind::TenantGone)) {
                if !self.work.is_stored(tenant).await? {
                    self.remove(tenant).await;
                    continue;
                }
                if !self.healthy.contains(&tenant) {
                    self.resume(tenant).await?;
                }
            }
            if !self.healthy.contains(&tenant) {
                continue;
            }
            let applied = self.work.apply(tenant, &kinds, to).await;
            self.record(tenant, applied);
            if kinds.iter().any(removes) {
                self.expose(tenant);
            }
        }
        Ok(())
    }
}

/// Returns whether words must leave the files at once after a change.
fn removes(kind: &ChangeKind) -> bool {
    matches!(kind, ChangeKind::ChannelGone { .. } | ChangeKind::AuthorErased { .. })
}

#[cfg(test)]
mod tests;
