//! Keeps the indexes up to date.

mod batch;
mod report;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed};
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::page::Page;
use ports::search::{IndexPosition, IndexState, SearchError, SearchIndex};
use ports::store::{Repositories, Store};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::report::Report;
use self::work::{Upkeep, Work};
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

type Building = (TenantId, JoinHandle<Result<(), IndexerError>>);
type Kept = Vec<(TenantId, SearchError)>;

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
    /// The build that is under way.
    build: Option<Building>,
    /// The tenants whose files contain words that must be removed at once.
    urgent: BTreeSet<TenantId>,
    /// The tenants whose snapshot, if it was being stored meanwhile, has words that must be removed at once.
    exposed: BTreeSet<TenantId>,
    /// The upkeep that is under way.
    upkeep: Option<JoinHandle<Kept>>,
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
            build: None,
            urgent: BTreeSet::new(),
            exposed: BTreeSet::new(),
            upkeep: None,
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
        let (mut purge, mut touch, mut verify) = (now + PURGE, now + TOUCH, now + VERIFY);
        let (mut check, mut snapshot) = (now + RETRY, now + FIRST_SNAPSHOT);
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
            let due = |time: &mut Instant, every| {
                let is_due = now >= *time;
                if is_due {
                    *time = now + every;
                }
                is_due
            };
            if self.writes {
                if due(&mut check, RETRY) {
                    self.retry(now).await;
                }
                if self.upkeep.is_none() {
                    let upkeep = Upkeep {
                        purge: self.all_if(due(&mut purge, PURGE)),
                        touch: due(&mut touch, TOUCH).then(|| self.reached()).flatten(),
                        verify: self.all_if(due(&mut verify, VERIFY)),
                        save: self.all_if(due(&mut snapshot, SNAPSHOT)),
                        exposed: BTreeSet::new(),
                    };
                    self.begin_upkeep(upkeep);
                }
            }
            let wait = if moved && !failing { GATHER } else { IDLE };
            let woken = self.wake.0.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken.notified(), if !failing && !moved => sleep(GATHER).await,
                done = ended(&mut self.build) => self.built(done).await,
                failed = kept(&mut self.upkeep) => self.kept(failed),
                () = sleep(wait) => {}
            }
        }
        self.abort();
    }

    /// Brings every index to the end of the log, and waits for the builds and the upkeep that this needs.
    ///
    /// # Errors
    /// [`IndexerError`]; it can be called again.
    pub async fn settle(&mut self) -> Result<(), IndexerError> {
        loop {
            let moved = self.step().await?;
            self.begin_upkeep(Upkeep::default());
            if self.build.is_some() {
                let done = ended(&mut self.build).await;
                self.built(done).await;
            } else if self.upkeep.is_some() {
                let failed = kept(&mut self.upkeep).await;
                self.kept(failed);
            } else if !moved {
                return Ok(());
            }
        }
    }

    /// Stores the snapshots that are due.
    pub async fn save_snapshots(&mut self) {
        let failed = self.work.keep(Upkeep { save: self.all_if(true), ..Upkeep::default() }).await;
        self.kept(failed);
    }

    /// Brings the indexes to the end of the log, and begins the next build; returns whether the log moved.
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
            self.begin_build();
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
                self.begin_build();
                Ok(!changes.is_empty())
            }
        }
    }

    /// Stops writing, if it did: another process does.
    fn leave(&mut self) {
        if !self.writes {
            return;
        }
        warn!("another process writes the search indexes now");
        self.writes = false;
        self.position = None;
        self.healthy.clear();
        self.failing.clear();
        self.leftover.clear();
        self.queue.clear();
        self.urgent.clear();
        self.exposed.clear();
        self.abort();
    }

    fn abort(&mut self) {
        if let Some((_, build)) = self.build.take() {
            build.abort();
        }
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.abort();
        }
    }

    /// Finds out how far the indexes are that another process writes.
    async fn watch(&mut self) -> Result<(), IndexerError> {
        let as_of = self.work.clock.now();
        let stored = tenants(&mut *self.work.store.read().await?).await?;
        let mut positions = Vec::new();
        for tenant in stored {
            if let Ok(IndexState::Ready(position)) = self.work.index.state(tenant.id).await {
                positions.push((tenant.id, position.changes));
            }
        }
        // After the positions, so that the log covers them.
        let mut read = self.work.store.read().await?;
        for (tenant, position) in positions {
            let known = self.watched.get(&tenant).filter(|(of, _)| *of == position).map(|(_, to)| to.clone());
            let mut to = known.unwrap_or_else(|| position.clone());
            while let Followed::Changes { changes, position, behind } = read.changes().follow(&to, BATCH).await? {
                if changes.iter().any(|change| change.tenant_id == tenant) {
                    break;
                }
                to = position;
                if behind == 0 {
                    self.work.progress.reached(tenant, IndexPosition { changes: to.clone(), as_of });
                    break;
                }
            }
            self.watched.insert(tenant, (position, to));
        }
        Ok(())
    }

    /// Opens all indexes: they follow from where they are, or are queued to be built.
    async fn open(&mut self) -> Result<(), IndexerError> {
        let mut read = self.work.store.read().await?;
        let position = read.changes().position().await?;
        let tenants = tenants(&mut *read).await?;
        drop(read);
        let stored: HashSet<TenantId> = tenants.iter().map(|tenant| tenant.id).collect();
        for gone in self.work.index.tenants().await?.into_iter().filter(|tenant| !stored.contains(tenant)) {
            self.remove(gone).await;
        }
        for tenant in stored {
            self.resume(tenant).await?;
        }
        Report::end_stale(&self.work).await?;
        self.position = Some(position);
        Ok(())
    }

    /// Lets a tenant's index catch up, or queues it. What was deleted before may still be in its files.
    async fn resume(&mut self, tenant: TenantId) -> Result<(), IndexerError> {
        if self.is_queued(tenant) {
            return Ok(());
        }
        if !self.work.is_stored(tenant).await? {
            self.remove(tenant).await;
            return Ok(());
        }
        let caught_up = self.work.catch_up(tenant).await;
        if let Ok(true) = caught_up {
            self.exposed.insert(tenant);
        }
        self.record(tenant, caught_up.map(drop));
        if self.healthy.contains(&tenant) {
            self.urgent.insert(tenant);
        }
        Ok(())
    }

    fn is_queued(&self, tenant: TenantId) -> bool {
        self.queue.contains(&tenant) || self.build.as_ref().is_some_and(|(building, _)| *building == tenant)
    }

    /// Records how following went for a tenant.
    fn record(&mut self, tenant: TenantId, done: Result<(), IndexerError>) {
        match done {
            Ok(()) => {
                if self.failing.remove(&tenant).is_some() {
                    info!(tenant.id = %tenant, "search index follows again");
                }
                self.healthy.insert(tenant);
            }
            Err(error) if error.needs_rebuild() => {
                info!(tenant.id = %tenant, reason = &error as &dyn std::error::Error, "search index is rebuilt");
                self.healthy.remove(&tenant);
                if !self.is_queued(tenant) {
                    self.queue.push_back(tenant);
                }
            }
            Err(error) => {
                self.healthy.remove(&tenant);
                if !self.failing.contains_key(&tenant) {
                    error!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index cannot follow");
                }
                self.fail(tenant);
            }
        }
        self.work.progress.set_failing(self.failing.len() as u64);
    }

    fn fail(&mut self, tenant: TenantId) {
        let wait = self.failing.get(&tenant).map_or(RETRY, |retry| (retry.wait * 2).min(LONGEST_RETRY));
        self.failing.insert(tenant, Retry { wait, at: Instant::now() + wait });
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
                self.urgent.insert(tenant);
                self.exposed.insert(tenant);
            }
        }
        Ok(())
    }

    /// Removes the index of a tenant that is removed, or about to be; tries again later if it cannot.
    async fn remove(&mut self, tenant: TenantId) {
        if let Some((_, build)) = self.build.take_if(|(building, _)| *building == tenant) {
            build.abort();
            // Its files are closed after it.
            drop(build.await);
        }
        self.queue.retain(|queued| *queued != tenant);
        self.healthy.remove(&tenant);
        self.failing.remove(&tenant);
        self.urgent.remove(&tenant);
        self.exposed.remove(&tenant);
        self.work.progress.forget(tenant);
        let is_deleted = match &self.work.snapshots {
            Some(snapshots) => snapshots.delete(tenant).await,
            None => true,
        };
        match self.work.index.remove(tenant).await {
            Ok(()) if !is_deleted => drop(self.leftover.insert(tenant)),
            Ok(()) => {
                self.leftover.remove(&tenant);
                info!(tenant.id = %tenant, "search index removed");
            }
            Err(error) => {
                if self.leftover.insert(tenant) {
                    error!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index not removed");
                }
            }
        }
    }

    /// Starts the next build, if none is under way.
    fn begin_build(&mut self) {
        if self.build.is_some() {
            return;
        }
        if let Some(tenant) = self.queue.pop_front() {
            let work = self.work.clone();
            self.build = Some((tenant, tokio::spawn(async move { work.build(tenant).await })));
        }
    }

    async fn built(&mut self, (tenant, done): (TenantId, Result<(), IndexerError>)) {
        let done = match done {
            Ok(()) => self.resume(tenant).await,
            failed => failed,
        };
        if let Err(error) = done {
            if !self.failing.contains_key(&tenant) {
                error!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index not built");
            }
            self.fail(tenant);
        }
    }

    /// Tries failed indexes again, and finds those whose files were removed while nothing changed.
    async fn retry(&mut self, now: Instant) {
        let due: Vec<TenantId> = self.failing.iter().filter(|(_, retry)| retry.at <= now).map(|(id, _)| *id).collect();
        for tenant in due {
            if self.resume(tenant).await.is_err() {
                self.fail(tenant);
            }
        }
        for tenant in self.leftover.clone() {
            self.remove(tenant).await;
        }
        for tenant in self.healthy.clone() {
            if matches!(self.work.index.state(tenant).await, Ok(IndexState::Damaged | IndexState::Missing)) {
                self.record(tenant, Err(SearchError::Missing.into()));
            }
        }
        self.begin_build();
    }

    fn all_if(&self, is_due: bool) -> BTreeSet<TenantId> {
        self.healthy.iter().copied().filter(|_| is_due).collect()
    }

    /// Returns the position that the healthy indexes have reached.
    fn reached(&self) -> Option<(IndexPosition, BTreeSet<TenantId>)> {
        let position = IndexPosition { changes: self.position.clone()?, as_of: self.work.clock.now() };
        Some((position, self.all_if(true)))
    }

    /// Starts upkeep beside following, if there is something to do and none is under way.
    fn begin_upkeep(&mut self, mut upkeep: Upkeep) {
        if self.upkeep.is_some() {
            return;
        }
        upkeep.purge.extend(std::mem::take(&mut self.urgent));
        upkeep.exposed.extend(std::mem::take(&mut self.exposed));
        if upkeep.is_needed() {
            let work = self.work.clone();
            self.upkeep = Some(tokio::spawn(async move { work.keep(upkeep).await }));
        }
    }

    fn kept(&mut self, failed: Kept) {
        for (tenant, error) in failed {
            if !self.healthy.contains(&tenant) {
                continue;
            }
            warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "upkeep of a search index failed");
            if let error @ (SearchError::Damaged(_) | SearchError::Missing) = error {
                self.record(tenant, Err(error.into()));
            }
        }
    }
}

/// Returns whether words must leave the files at once after a change.
fn removes(kind: &ChangeKind) -> bool {
    matches!(kind, ChangeKind::ChannelGone { .. } | ChangeKind::AuthorErased { .. })
}

/// Waits for the end of the build that is under way; for ever without one.
async fn ended(build: &mut Option<Building>) -> (TenantId, Result<(), IndexerError>) {
    let Some((tenant, handle)) = build else { return std::future::pending().await };
    let tenant = *tenant;
    let done = handle.await.unwrap_or_else(|error| Err(SearchError::Backend(error.into()).into()));
    *build = None;
    (tenant, done)
}

/// Waits for the end of the upkeep that is under way; for ever without any.
async fn kept(upkeep: &mut Option<JoinHandle<Kept>>) -> Kept {
    let Some(handle) = upkeep else { return std::future::pending().await };
    let failed = handle.await.unwrap_or_default();
    *upkeep = None;
    failed
}

/// Returns all tenants that are not being deleted.
async fn tenants(at: &mut dyn Repositories) -> Result<Vec<Tenant>, StoreError> {
    let (mut tenants, mut after) = (Vec::new(), None::<TenantSlug>);
    loop {
        let page = at.tenants().list(Page { after, limit: 101 }).await?;
        let is_last = page.len() < 101;
        after = page.last().map(|last| last.slug.clone());
        tenants.extend(page);
        if is_last {
            return Ok(tenants);
        }
    }
}

#[cfg(test)]
mod tests;
