//! Builds and upkeep, which run beside following.

use std::collections::BTreeSet;

use domain::tenant::TenantId;
use ports::search::{IndexPosition, SearchError};
use tokio::task::JoinHandle;
use tracing::{error, warn};

use super::work::Upkeep;
use super::{Building, Indexer, IndexerError, Kept};

impl Indexer {
    /// Starts the next build, if none is under way.
    pub(super) fn begin_build(&mut self) {
        if self.build.is_some() {
            return;
        }
        if let Some(tenant) = self.queue.pop_front() {
            let work = self.work.clone();
            self.build = Some((tenant, tokio::spawn(async move { work.build(tenant).await })));
        }
    }

    pub(super) async fn built(&mut self, (tenant, done): (TenantId, Result<(), IndexerError>)) {
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

    pub(super) fn all_if(&self, is_due: bool) -> BTreeSet<TenantId> {
        self.healthy.iter().copied().filter(|_| is_due).collect()
    }

    /// Returns the position that the healthy indexes have reached.
    pub(super) fn reached(&self) -> Option<(IndexPosition, BTreeSet<TenantId>)> {
        let position = IndexPosition { changes: self.position.clone()?, as_of: self.work.clock.now() };
        Some((position, self.all_if(true)))
    }

    /// Starts upkeep beside following, if there is something to do and none is under way.
    pub(super) fn begin_upkeep(&mut self, mut upkeep: Upkeep) {
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

    pub(super) fn kept(&mut self, failed: Kept) {
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
    pub(super) fn abort(&mut self) {
        if let Some((_, build)) = self.build.take() {
            build.abort();
        }
        if let Some(upkeep) = self.upkeep.take() {
            upkeep.abort();
        }
    }
}

/// Waits for the end of the build that is under way; for ever without one.
pub(super) async fn ended(build: &mut Option<Building>) -> (TenantId, Result<(), IndexerError>) {
    let Some((tenant, handle)) = build else { return std::future::pending().await };
    let tenant = *tenant;
    let done = handle.await.unwrap_or_else(|error| Err(SearchError::Backend(error.into()).into()));
    *build = None;
    (tenant, done)
}

/// Waits for the end of the upkeep that is under way; for ever without any.
pub(super) async fn kept(upkeep: &mut Option<JoinHandle<Kept>>) -> Kept {
    let Some(handle) = upkeep else { return std::future::pending().await };
    let failed = handle.await.unwrap_or_default();
    *upkeep = None;
    failed
}
