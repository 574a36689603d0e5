//! Which indexes follow, are built, are tried again or go.

use std::collections::HashSet;

use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use ports::error::StoreError;
use ports::page::Page;
use ports::search::{IndexState, SearchError};
use ports::store::Repositories;
use tokio::time::Instant;
use tracing::{error, info};

use super::report::Report;
use super::work::Duty;
use super::{Indexer, IndexerError, LONGEST_RETRY, RETRY, Retry};

impl Indexer {
    /// Opens all indexes: they follow from where they are, or are queued to be built.
    pub(super) async fn open(&mut self) -> Result<(), IndexerError> {
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
    pub(super) async fn resume(&mut self, tenant: TenantId) -> Result<(), IndexerError> {
        if self.is_queued(tenant) {
            return Ok(());
        }
        if !self.work.is_stored(tenant).await? {
            self.remove(tenant).await;
            return Ok(());
        }
        let caught_up = self.work.catch_up(tenant).await;
        if let Ok(true) = caught_up {
            self.expose(tenant);
        }
        self.record(tenant, caught_up.map(drop));
        if self.healthy.contains(&tenant) {
            self.owe(tenant, Duty::Purge);
        }
        Ok(())
    }

    fn is_queued(&self, tenant: TenantId) -> bool {
        self.queue.contains(&tenant) || self.builds.has(tenant)
    }

    /// Records how following went for a tenant.
    pub(super) fn record(&mut self, tenant: TenantId, done: Result<(), IndexerError>) {
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

    pub(super) fn fail(&mut self, tenant: TenantId) {
        let wait = self.failing.get(&tenant).map_or(RETRY, |retry| (retry.wait * 2).min(LONGEST_RETRY));
        self.failing.insert(tenant, Retry { wait, at: Instant::now() + wait });
    }

    /// Removes the index of a tenant that is removed, or about to be; tries again later if it cannot.
    pub(super) async fn remove(&mut self, tenant: TenantId) {
        // Its files are closed after it.
        self.builds.end(tenant).await;
        self.queue.retain(|queued| *queued != tenant);
        self.healthy.remove(&tenant);
        self.failing.remove(&tenant);
        self.brief.forget(tenant);
        self.long.forget(tenant);
        self.exposed.remove(&tenant);
        self.work.progress.forget(tenant);
        if let Some(snapshots) = &self.work.snapshots {
            snapshots.delete(tenant).await;
        }
        match self.work.index.remove(tenant).await {
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

    /// Tries failed indexes and deletions again, and finds those whose files were removed while nothing changed.
    pub(super) async fn retry(&mut self, now: Instant) {
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
        self.owe_deletions();
        self.begin_builds();
    }
}

/// Returns all tenants that are not being deleted.
pub(super) async fn tenants(at: &mut dyn Repositories) -> Result<Vec<Tenant>, StoreError> {
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
