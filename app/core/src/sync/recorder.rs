//! Persists a running job: its progress, and its final state.

use std::convert::Infallible;
use std::time::Duration;

use domain::job::{Job, JobState};
use ports::clock::Clock;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::leader::Leader;
use super::tally::Tally;
use super::{Stops, SyncError, in_store};
use crate::retry::{LOST_RACE, retry};

/// How often the progress of a running job is stored.
const PERIOD: Duration = Duration::from_secs(2);

/// Persists one job while it runs. Every write requires the lease.
pub(super) struct JobRecorder<'a> {
    pub(super) job: &'a Job,
    pub(super) leader: &'a Leader,
    pub(super) clock: &'a dyn Clock,
    pub(super) tally: &'a Tally,
    pub(super) stops: &'a Stops,
    /// Cancelled by any event that ends the run.
    pub(super) stop: &'a CancellationToken,
}

impl JobRecorder<'_> {
    /// Stores the progress of the job periodically, and cancels the run if the stored job has a cancel request.
    pub(super) async fn persist_progress(&self) -> Infallible {
        let mut due = interval(PERIOD);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let now = Job { progress: self.tally.progress(), ..self.job.clone() };
            match retry(&LOST_RACE, SyncError::is_retryable, || self.store(&now)).await {
                Ok(true) => self.stops.cancel.cancel(),
                Ok(false) | Err(SyncError::Deposed) => {}
                Err(error) => warn!(job.id = %now.id, error = &error as &dyn std::error::Error, "job not persisted"),
            }
        }
    }

    /// Stores the final state of the job after `outcome` of the run, and returns it.
    pub(super) async fn persist_end(&self, outcome: Result<(), SyncError>) -> Result<Job, SyncError> {
        let end = self.ended(outcome);
        in_store(self.stop, || self.store(&end)).await?;
        Ok(end)
    }

    /// Returns the job in its final state.
    fn ended(&self, outcome: Result<(), SyncError>) -> Job {
        let mut job = Job { progress: self.tally.progress(), ..self.job.clone() };
        let now = self.clock.now();
        match outcome {
            // An error after the stop is ignored: a lasting one will occur again in the next run.
            _ if self.stops.cancel.is_cancelled() => job.cancel(now),
            _ if self.stop.is_cancelled() => job.leave(),
            Err(error) => job.end(Err(error.to_string()), now),
            Ok(()) => job.end(self.tally.failures().map_or(Ok(()), Err), now),
        }
        job
    }

    /// Stores the job as it is now, except for a cancel request that arrived meanwhile; returns whether the job is to
    /// end. A job that has already ended stays as it is.
    async fn store(&self, now: &Job) -> Result<bool, SyncError> {
        let mut unit = self.leader.begin_unit().await?;
        let stored = unit.jobs().find(now.id).await?;
        if stored.as_ref().is_some_and(Job::has_ended) {
            return Ok(true);
        }
        let wished = stored.is_some_and(|stored| stored.cancel_requested);
        let mut now = Job { cancel_requested: wished, ..now.clone() };
        if wished && now.state == JobState::Queued {
            now.cancel(self.clock.now());
        }
        unit.jobs().upsert(&now).await?;
        unit.commit().await?;
        Ok(wished)
    }
}

#[cfg(test)]
mod tests;
