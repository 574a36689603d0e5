//! Jobs.

use async_trait::async_trait;
use domain::job::{Job, JobId};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::page::Page;

/// The position after which a list of jobs resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCursor {
    /// When the last job returned was requested.
    pub created_at: Timestamp,
    /// The id of that job.
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
    /// Returns the job, or `None` if it was never stored.
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Returns the jobs of a tenant, newest first by the time of their request, ties by descending id.
    async fn list(&mut self, tenant: TenantId, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError>;

    /// Returns the queued and running jobs of all tenants, oldest first, ties by id.
    async fn list_unfinished(&mut self, page: Page<JobCursor>) -> Result<Vec<Job>, StoreError>;

    /// Stores a job, replacing the row with its id.
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError>;
}
