//! Long work.

use async_trait::async_trait;
use domain::job::{Job, JobId};

use crate::error::StoreError;

/// The jobs of an installation.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait JobRepository: Send {
    /// The job, or `None` if it was never stored.
    async fn find(&mut self, id: JobId) -> Result<Option<Job>, StoreError>;

    /// Jobs that are queued or running, oldest first, ties by id; at most `limit` (1..=100).
    async fn list_unfinished(&mut self, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Stores a job, replacing what its id held.
    async fn upsert(&mut self, job: &Job) -> Result<(), StoreError>;
}
