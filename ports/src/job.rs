//! Long work.

use async_trait::async_trait;
use domain::job::{Job, JobId};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::Page;

/// Where a list of jobs goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCursor {
    /// When the last job that is known was asked for.
    pub created_at: Timestamp,
    /// Its id.
    pub id: JobId,
}

impl From<&Job> for JobCursor {
    fn from(job: &Job) -> Self {
        Self { created_at: job.created_at, id: job.id }
    }
}

/// The jobs of an installation.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send {
    /// The job, or `None` if it was never stored.
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// The jobs of a tenant, newest first by when they were asked for, ties by descending id.
    async fn list(&mut self, tenant: TenantId, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError>;

    /// Jobs of all tenants that are queued or running, oldest first, ties by id.
    async fn list_unfinished(&mut self, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError>;

    /// Stores a job, replacing what its id held.
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError>;
}
