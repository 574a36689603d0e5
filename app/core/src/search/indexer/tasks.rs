//! Builds and upkeep, which run beside following: a few tenants at a time, so that one that takes long neither holds up all
//! others nor adds to the memory without bound.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use domain::tenant::TenantId;
use ports::search::SearchError;
use tokio::task::{JoinError, JoinHandle};
use tracing::{error, warn};

use super::work::{Duty, Work};
use super::{Indexer, IndexerError};
use crate::search::snapshots::Snapshots;

/// The number of builds at the same time.
const BUILDS: usize = 2;
/// The number of tenants of a lane that have upkeep at the same time.
const KEPT: usize = 2;

/// Tasks of tenants, one of each.
pub(super) struct Tasks<T>(HashMap<TenantId, JoinHandle<T>>);

impl<T> Default for Tasks<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Send + 'static> Tasks<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, tenant: TenantId) -> bool {
        self.0.contains_key(&tenant)
    }

    fn begin(&mut self, tenant: TenantId, task: impl Future<Output = T> + Send + 'static) {
        self.0.insert(tenant, tokio::spawn(task));
    }

    /// Waits for the end of one of the tasks; for ever without any.
    pub(super) async fn ended(&mut self) -> (TenantId, Result<T, JoinError>) {
        let (tenant, done) = poll_fn(|context| {
            for (tenant, task) in &mut self.0 {
                if let Poll::Ready(done) = Pin::new(task).poll(context) {
                    return Poll::Ready((*tenant, done));
                }
            }
            Poll::Pending
        })
        .await;
        self.0.remove(&tenant);
        (tenant, done)
    }

    /// Aborts the task of a tenant, and waits until it has ended.
    pub(super) async fn end(&mut self, tenant: TenantId) {
        if let Some(task) = self.0.remove(&tenant) {
            task.abort();
            drop(task.await);
        }
    }

    fn abort(&mut self) {
        for (_, task) in self.0.drain() {
            task.abort();
        }
    }
}

/// Upkeep, which tenants get in the order in which it became due.
#[derive(Default)]
pub(super) struct Lane {
    due: VecDeque<(TenantId, BTreeSet<Duty>)>,
    running: Tasks<Vec<SearchError>>,
}

impl Lane {
    fn add(&mut self, tenant: TenantId, duty: Duty) {
        match self.due.iter_mut().find(|(due, _)| *due == tenant) {
            Some((_, duties)) => drop(duties.insert(duty)),
            None => self.due.push_back((tenant, BTreeSet::from([duty]))),
        }
    }

    /// Starts what is due, as far as there is room.
    fn begin(&mut self, work: &Work) {
        while self.running.0.len() < KEPT {
            let next = self.due.iter().position(|(tenant, _)| !self.running.has(*tenant));
            let Some((tenant, duties)) = next.and_then(|at| self.due.remove(at)) else { return };
            let work = work.clone();
            self.running.begin(tenant, async move { work.keep(tenant, duties).await });
        }
    }

    /// Waits for the end of the upkeep of a tenant; returns what failed. Waits for ever if there is none.
    pub(super) async fn ended(&mut self) -> (TenantId, Vec<SearchError>) {
        let (tenant, failed) = self.running.ended().await;
        (tenant, failed.unwrap_or_default())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Forgets what is due for a tenant.
    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.due.retain(|(due, _)| *due != tenant);
    }

    fn abort(&mut self) {
        self.due.clear();
        self.running.abort();
    }
}

impl Indexer {
    /// Starts the next builds, as far as there is room.
    pub(super) fn begin_builds(&mut self) {
        while self.builds.0.len() < BUILDS {
            let Some(tenant) = self.queue.pop_front() else { return };
            let work = self.work.clone();
            self.builds.begin(tenant, async move { work.build(tenant).await });
        }
    }

    pub(super) async fn built(&mut self, tenant: TenantId, done: Result<Result<(), IndexerError>, JoinError>) {
        let done = match done.unwrap_or_else(|error| Err(SearchError::Backend(error.into()).into())) {
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

    /// Makes upkeep of a tenant due.
    pub(super) fn owe(&mut self, tenant: TenantId, duty: Duty) {
        let lane = if duty.is_long() { &mut self.long } else { &mut self.brief };
        lane.add(tenant, duty);
    }

    /// Makes upkeep of all tenants due that follow the log.
    pub(super) fn owe_all(&mut self, duty: Duty) {
        for tenant in self.healthy.clone() {
            self.owe(tenant, duty);
        }
    }

    /// Makes the deletions of snapshots due that failed.
    pub(super) fn owe_deletions(&mut self) {
        for tenant in self.work.snapshots.iter().flat_map(Snapshots::undeleted).collect::<Vec<_>>() {
            self.owe(tenant, Duty::DeleteSnapshot);
        }
    }

    /// Makes words leave the files of a tenant's index, and its snapshot, which may be one that is being stored.
    pub(super) fn expose(&mut self, tenant: TenantId) {
        self.owe(tenant, Duty::Purge);
        self.owe(tenant, Duty::DeleteSnapshot);
        if self.long.running.has(tenant) {
            self.exposed.insert(tenant);
        }
    }

    /// Starts the upkeep that is due, as far as there is room.
    pub(super) fn begin_upkeep(&mut self) {
        self.brief.begin(&self.work);
        self.long.begin(&self.work);
    }

    pub(super) fn kept(&mut self, tenant: TenantId, failed: Vec<SearchError>) {
        if !self.long.running.has(tenant) && self.exposed.remove(&tenant) {
            self.owe(tenant, Duty::DeleteSnapshot);
        }
        for error in failed {
            if !self.healthy.contains(&tenant) {
                continue;
            }
            warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "upkeep of a search index failed");
            if let error @ (SearchError::Damaged(_) | SearchError::Missing) = error {
                self.record(tenant, Err(error.into()));
            }
        }
    }

    /// Ends all builds and upkeep.
    pub(super) fn abort(&mut self) {
        self.builds.abort();
        self.brief.abort();
        self.long.abort();
    }
}
