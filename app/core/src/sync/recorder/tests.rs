use std::sync::{Arc, Mutex};

use domain::job::{JobId, JobKind, Progress};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::guild::GuildError;
use ports::mock::{FakeClock, FakeUnitOfWork};
use uuid::Uuid;

use super::*;
use crate::sync::tests::{leader_with, led, now};

fn job() -> Job {
    let mut job = Job::new(JobId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)), JobKind::Incremental, now());
    job.start(now());
    job
}

/// The jobs that were stored.
type Stored = Arc<Mutex<Vec<Job>>>;

/// A unit of the leader in which the job is stored as `before`, and replaced.
fn replacing(before: Job, stored: &Stored) -> FakeUnitOfWork {
    let (mut unit, stored) = (led(), Arc::clone(stored));
    unit.jobs.expect_find().return_once(move |_| Ok(Some(before)));
    unit.jobs.expect_upsert().returning(move |job| {
        stored.lock().unwrap().push(job.clone());
        Ok(())
    });
    unit
}

/// Ends the job with `outcome` and `failures`, stopped by `stops`, where it is stored as `before`.
async fn end(before: Job, outcome: Result<(), SyncError>, failures: &[&str], stops: &Stops) -> (Job, Vec<Job>) {
    let stored = Stored::default();
    let (leader, tally) = (leader_with([replacing(before, &stored)]).await, Tally::new(Progress::default()));
    let (job, clock, stop) = (job(), FakeClock(now()), stops.leave.child_token());
    if stops.cancel.is_cancelled() {
        stop.cancel();
    }
    for failure in failures {
        tally.failed((*failure).to_owned());
    }
    tally.messages(7);
    let recorder = JobRecorder { job: &job, leader: &leader, clock: &clock, tally: &tally, stops, stop: &stop };
    let ended = recorder.persist_end(outcome).await.unwrap();
    let stored = std::mem::take(&mut *stored.lock().unwrap());
    (ended, stored)
}

#[tokio::test]
async fn the_outcome_of_a_run_is_the_final_state_of_its_job() {
    let (done, stored) = end(job(), Ok(()), &[], &Stops::default()).await;
    assert_eq!((done.state, done.progress.messages, done.error.as_deref()), (JobState::Done, 7, None));
    assert_eq!(stored, [done]);
    let (failed, _) = end(job(), Ok(()), &["general: 502"], &Stops::default()).await;
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("general: 502")));
    let outcome = Err(GuildError::Unauthorized.into());
    let (failed, _) = end(job(), outcome, &[], &Stops::default()).await;
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("the bot's token is rejected")));
}

#[tokio::test]
async fn a_stopped_job_is_left_for_the_next_leader_and_a_cancelled_one_ends() {
    let stops = Stops::default();
    stops.leave.cancel();
    let error = || Err(StoreError::Unavailable("gone".into()).into());
    let (left, _) = end(job(), error(), &[], &stops).await;
    assert_eq!((left.state, left.error), (JobState::Queued, None));
    let stops = Stops::default();
    stops.cancel.cancel();
    let (cancelled, _) = end(job(), error(), &[], &stops).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_job_that_has_ended_meanwhile_stays_as_it_is_stored() {
    let mut ended = job();
    ended.cancel(now());
    let (_, stored) = end(ended, Ok(()), &[], &Stops::default()).await;
    assert_eq!(stored, []);
}

#[tokio::test]
async fn a_cancel_request_that_arrives_at_the_end_is_kept_and_ends_a_job_that_is_left() {
    let mut wished = job();
    wished.request_cancel(now());
    let stops = Stops::default();
    stops.leave.cancel();
    let (_, stored) = end(wished, Ok(()), &[], &stops).await;
    assert!(stored[0].cancel_requested);
    assert_eq!(stored[0].state, JobState::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_stored_cancel_request_cancels_the_run() {
    let stored = Stored::default();
    let mut wished = job();
    wished.request_cancel(now());
    let units = [replacing(job(), &stored), replacing(wished, &stored)];
    let (leader, tally) = (leader_with(units).await, Tally::new(Progress::default()));
    let (job, clock, stops, stop) = (job(), FakeClock(now()), Stops::default(), CancellationToken::new());
    let recorder = JobRecorder { job: &job, leader: &leader, clock: &clock, tally: &tally, stops: &stops, stop: &stop };
    tokio::select! {
        never = recorder.persist_progress() => match never {},
        () = stops.cancel.cancelled() => {}
    }
    assert_eq!(stored.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_deposed_process_stores_no_job() {
    let mut lost = FakeUnitOfWork::default();
    lost.leases.expect_replace().returning(|_, _, _| Ok(false));
    let (leader, tally) = (leader_with([lost]).await, Tally::new(Progress::default()));
    let (job, clock, stops, stop) = (job(), FakeClock(now()), Stops::default(), CancellationToken::new());
    let recorder = JobRecorder { job: &job, leader: &leader, clock: &clock, tally: &tally, stops: &stops, stop: &stop };
    let outcome = recorder.persist_end(Ok(())).await;
    assert!(matches!(outcome, Err(SyncError::Deposed)), "{outcome:?}");
    assert!(leader.lost().is_cancelled());
}
