//! Requests, cancels and repeats sync jobs.

use std::sync::Arc;

use domain::channel::ChannelSnowflake;
use domain::job::{Job, JobId, JobKind, SyncScope};
use domain::tenant::{Tenant, TenantId};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::job::JobCursor;
use ports::page::Page;
use ports::store::Store;
use tokio::sync::watch;

use crate::jobs::{new_id, unfinished_of};
use crate::retry::{LOST_RACE, retry};

/// The extent of a sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// All messages again.
    Full,
    /// New messages, messages that were never read, and recent messages once more, for edits and deletions.
    #[default]
    Incremental,
}

/// The reason why a job was not made or cancelled.
#[derive(Debug, thiserror::Error)]
pub enum SyncJobsError {
    /// The job does not exist.
    #[error("there is no such job")]
    NotFound,
    /// The job cannot be cancelled: a deletion that has begun cannot be undone.
    #[error("only a sync can be cancelled")]
    NoSync,
    /// The job has ended.
    #[error("the job has ended already")]
    Ended,
    /// The job has not ended yet, or it is not a sync.
    #[error("only a sync that has ended can be repeated")]
    NotRepeatable,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl SyncJobsError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }

    const fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }
}

/// Requests and cancels jobs. The leader of the token runs them, in this process or in another.
#[derive(Clone)]
pub struct SyncJobs {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    wake: watch::Sender<()>,
}

impl SyncJobs {
    /// Works on `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, wake: watch::Sender::new(()) }
    }

    /// Returns a receiver that is notified of every request in this process.
    pub(crate) fn requested(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    /// Notifies the worker that something may be due, such as the first sync of a new tenant.
    pub fn wake(&self) {
        self.wake.send_replace(());
    }

    /// Requests a sync of `tenant`. If a job that waits or runs already [reads](Job::reads) all of it, that job is
    /// returned instead of a second one.
    ///
    /// # Errors
    /// [`SyncJobsError::Store`].
    pub async fn request(&self, tenant: &Tenant, mode: SyncMode, scope: &SyncScope) -> Result<Job, SyncJobsError> {
        let kind = match (mode, scope.channels.is_empty()) {
            (SyncMode::Full, _) => JobKind::Full,
            (SyncMode::Incremental, true) => JobKind::Incremental,
            (SyncMode::Incremental, false) => JobKind::Channels,
        };
        let job =
            retry(&LOST_RACE, StoreError::is_retryable, || self.request_once(tenant.id, kind, scope, false)).await?;
        self.wake();
        Ok(job)
    }

    /// Requests an incremental sync of all channels of a tenant that begins after this call: a running one may have
    /// passed the channels that changed since. A job that waits for its start is returned instead of a second one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn request_catch_up(&self, tenant: TenantId) -> Result<Job, StoreError> {
        let (kind, scope) = (JobKind::Incremental, SyncScope::default());
        let is_it = |job: &Job| job.reads(kind, &scope) && !job.background && job.started_at.is_none();
        let once = || self.request_unless(tenant, kind, &scope, false, is_it);
        let job = retry(&LOST_RACE, StoreError::is_retryable, once).await?;
        self.wake();
        Ok(job)
    }

    /// Requests an incremental sync of some channels of a tenant. A job that already reads all of them is returned
    /// instead of a second one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn request_channels(
        &self,
        tenant: TenantId,
        channels: Vec<ChannelSnowflake>,
    ) -> Result<Job, StoreError> {
        let scope = SyncScope { channels, since: None };
        let once = || self.request_once(tenant, JobKind::Channels, &scope, false);
        let job = retry(&LOST_RACE, StoreError::is_retryable, once).await?;
        self.wake();
        Ok(job)
    }

    /// Requests a full pass over `tenant` in the background, beside its other runs. A job that already reads everything
    /// is returned instead.
    ///
    /// # Errors
    /// [`SyncJobsError::Store`].
    pub(super) async fn request_background(&self, tenant: &Tenant) -> Result<Job, SyncJobsError> {
        let scope = SyncScope::default();
        let once = || self.request_once(tenant.id, JobKind::Full, &scope, true);
        let job = retry(&LOST_RACE, StoreError::is_retryable, once).await?;
        self.wake();
        Ok(job)
    }

    async fn request_once(
        &self,
        tenant_id: TenantId,
        kind: JobKind,
        scope: &SyncScope,
        background: bool,
    ) -> Result<Job, StoreError> {
        // The caller of a sync does not wait for one in the background.
        let is_it = |job: &Job| job.reads(kind, scope) && (background || !job.background);
        self.request_unless(tenant_id, kind, scope, background, is_it).await
    }

    /// Stores a new job, and returns it, unless the tenant has an unfinished job that `is_it` accepts.
    async fn request_unless(
        &self,
        tenant_id: TenantId,
        kind: JobKind,
        scope: &SyncScope,
        background: bool,
        is_it: impl Fn(&Job) -> bool,
    ) -> Result<Job, StoreError> {
        let mut unit = self.store.begin().await?;
        // Locks the tenant, so that two requests at the same time become one job.
        unit.tenants().find(tenant_id).await?;
        let waiting = unfinished_of(&mut *unit).await?;
        let at_it = |job: &Job| job.tenant_id == tenant_id && !job.cancel_requested && is_it(job);
        if let Some(job) = waiting.into_iter().find(at_it) {
            return Ok(job);
        }
        let job = Job::new(new_id(), tenant_id, kind, self.clock.now());
        let job = Job { scope: scope.clone(), background, ..job };
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok(job)
    }

    /// Returns the job.
    ///
    /// # Errors
    /// [`SyncJobsError::NotFound`].
    pub async fn find(&self, id: JobId) -> Result<Job, SyncJobsError> {
        self.store.read().await?.jobs().find(id).await?.ok_or(SyncJobsError::NotFound)
    }

    /// Returns the jobs of `tenant` after the cursor `after`, newest first, at most `limit`, and whether there are
    /// more.
    ///
    /// # Errors
    /// [`SyncJobsError::Store`].
    pub async fn list(
        &self,
        tenant: TenantId,
        after: Option<JobCursor>,
        limit: u32,
    ) -> Result<(Vec<Job>, bool), SyncJobsError> {
        let page = Page { after, limit: limit + 1 };
        let mut found = self.store.read().await?.jobs().list(tenant, page).await?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok((found, more))
    }

    /// Cancels a waiting job, or requests the worker of a running one to cancel it.
    ///
    /// # Errors
    /// [`SyncJobsError::NotFound`], [`SyncJobsError::NoSync`] or [`SyncJobsError::Ended`].
    pub async fn cancel(&self, id: JobId) -> Result<Job, SyncJobsError> {
        retry(&LOST_RACE, SyncJobsError::is_retryable, || self.cancel_once(id)).await
    }

    async fn cancel_once(&self, id: JobId) -> Result<Job, SyncJobsError> {
        let mut unit = self.store.begin().await?;
        let mut job = unit.jobs().find(id).await?.ok_or(SyncJobsError::NotFound)?;
        if job.has_ended() {
            return Err(SyncJobsError::Ended);
        }
        if !job.kind.is_sync() {
            return Err(SyncJobsError::NoSync);
        }
        job.request_cancel(self.clock.now());
        unit.jobs().upsert(&job).await?;
        unit.commit().await?;
        Ok(job)
    }

    /// Requests a new sync like one that has ended.
    ///
    /// # Errors
    /// [`SyncJobsError::NotFound`] or [`SyncJobsError::NotRepeatable`].
    pub async fn repeat(&self, id: JobId) -> Result<Job, SyncJobsError> {
        let ended = self.find(id).await?;
        if !ended.has_ended() || !ended.kind.is_sync() {
            return Err(SyncJobsError::NotRepeatable);
        }
        let once = || self.request_once(ended.tenant_id, ended.kind, &ended.scope, false);
        let job = retry(&LOST_RACE, StoreError::is_retryable, once).await?;
        self.wake();
        Ok(job)
    }
}
