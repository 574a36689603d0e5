//! The builds of indexes among the jobs, for operators.

use std::sync::Arc;

use domain::job::{Job, JobKind};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::store::UnitOfWork;
use tracing::warn;

use super::work::Work;
use crate::jobs::{new_id, unfinished, unfinished_of};
use crate::retry::{LOST_RACE, retry};
use crate::search::progress::Building;
use crate::sync::{Candidate, Leader, build_lease};

/// The reason of a job whose process ended.
const ENDED: &str = "the process that built the index has ended";

/// The job of a build. One process at a time reports for a tenant, whose lease says that it still runs; the builds of
/// other directories at the same time have no job.
pub(super) struct Report {
    leader: Leader,
    job: Job,
}

impl Report {
    /// Stores the job of a build that begins; `None` if another process reports one of this tenant, or if the store
    /// fails, which must not end the build.
    pub(super) async fn begin(work: &Work, tenant: TenantId) -> Option<Self> {
        let begun = async {
            let Ok(leader) = candidate(work, tenant).elect().await? else { return Ok(None) };
            let mut job = Job::new(new_id(), tenant, JobKind::Index, work.clock.now());
            job.start(job.created_at);
            let once = async || {
                let Some(mut unit) = leader.begin().await? else { return Ok(false) };
                end_all(&mut *unit, tenant, work).await?;
                unit.jobs().upsert(&job).await?;
                unit.commit().await?;
                Ok(true)
            };
            let stored = retry(&LOST_RACE, StoreError::is_retryable, once).await?;
            Ok(stored.then_some(Self { leader, job }))
        };
        logged(tenant, begun.await).flatten()
    }

    /// Stores the progress of the build, and that it goes on.
    pub(super) async fn update(&mut self, done: Building) {
        self.job.progress.channels_done = done.channels_done;
        self.job.progress.channels_total = done.channels_total.max(done.channels_done);
        self.job.progress.messages = done.messages;
        self.store().await;
    }

    /// Stores the end of the build.
    pub(super) async fn end(mut self, work: &Work, done: Building, outcome: Result<(), String>) {
        self.job.end(outcome, work.clock.now());
        self.update(done).await;
        self.leader.resign().await;
    }

    async fn store(&self) {
        let once = async || {
            let Some(mut unit) = self.leader.begin().await? else { return Ok(()) };
            unit.jobs().upsert(&self.job).await?;
            unit.commit().await
        };
        logged(self.job.tenant_id, retry(&LOST_RACE, StoreError::is_retryable, once).await);
    }

    /// Ends the jobs of builds whose processes have ended.
    pub(super) async fn end_stale(work: &Work) -> Result<(), StoreError> {
        let jobs = unfinished(&*work.store).await?;
        for job in jobs.into_iter().filter(|job| job.kind == JobKind::Index) {
            let Ok(leader) = candidate(work, job.tenant_id).elect().await? else { continue };
            let once = async || {
                let Some(mut unit) = leader.begin().await? else { return Ok(()) };
                end_all(&mut *unit, job.tenant_id, work).await?;
                unit.commit().await
            };
            retry(&LOST_RACE, StoreError::is_retryable, once).await?;
            leader.resign().await;
        }
        Ok(())
    }
}

fn candidate(work: &Work, tenant: TenantId) -> Candidate {
    let (store, clock) = (Arc::clone(&work.store), Arc::clone(&work.clock));
    Candidate::for_tenant(store, clock, work.process.clone(), tenant, build_lease(tenant))
}

/// Ends the unfinished builds of a tenant.
async fn end_all(unit: &mut dyn UnitOfWork, tenant: TenantId, work: &Work) -> Result<(), StoreError> {
    let stale = unfinished_of(unit).await?;
    for mut job in stale.into_iter().filter(|job| job.kind == JobKind::Index && job.tenant_id == tenant) {
        job.end(Err(ENDED.to_owned()), work.clock.now());
        unit.jobs().upsert(&job).await?;
    }
    Ok(())
}

fn logged<T>(tenant: TenantId, done: Result<T, StoreError>) -> Option<T> {
    if let Err(error) = &done {
        warn!(tenant.id = %tenant, error = error as &dyn std::error::Error, "job of an index not stored");
    }
    done.ok()
}
