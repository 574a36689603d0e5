use uuid::Uuid;

use super::{Job, JobId, JobKind, JobState, SyncScope};
use crate::channel::ChannelSnowflake;
use crate::tenant::TenantId;
use crate::timestamp::Timestamp;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

#[test]
fn a_job_that_goes_on_keeps_its_first_start() {
    let mut job = Job::new(JobId(Uuid::nil()), TenantId(Uuid::nil()), JobKind::Delete, at(1));
    assert_eq!(job.state, JobState::Queued);
    job.start(at(2));
    job.start(at(3));
    assert_eq!((job.state, job.started_at), (JobState::Running, Some(at(2))));
    job.end(Err("the store is full".to_owned()), at(4));
    assert_eq!((job.state, job.ended_at), (JobState::Failed, Some(at(4))));
    job.end(Ok(()), at(5));
    assert_eq!((job.state, job.error.clone()), (JobState::Done, None));
    job.cancel(at(6));
    assert_eq!((job.state, job.ended_at), (JobState::Cancelled, Some(at(6))));
}

#[test]
fn a_wish_to_cancel_ends_what_waits_and_is_left_for_who_is_at_work() {
    let mut job = Job::new(JobId(Uuid::nil()), TenantId(Uuid::nil()), JobKind::Full, at(1));
    let mut waiting = job.clone();
    waiting.request_cancel(at(2));
    assert_eq!((waiting.state, waiting.ended_at, waiting.has_ended()), (JobState::Cancelled, Some(at(2)), true));
    job.start(at(2));
    job.request_cancel(at(3));
    assert_eq!((job.state, job.cancel_requested, job.has_ended()), (JobState::Running, true, false));
    job.end(Ok(()), at(4));
    let ended = job.clone();
    job.request_cancel(at(5));
    assert_eq!(job, ended);
}

#[test]
fn a_job_that_is_left_keeps_its_start_and_what_it_has_done() {
    let mut job = Job::new(JobId(Uuid::nil()), TenantId(Uuid::nil()), JobKind::Incremental, at(1));
    job.start(at(2));
    job.progress.messages = 7;
    job.progress.seconds_left = Some(9);
    job.leave();
    assert_eq!((job.state, job.started_at, job.progress.messages), (JobState::Queued, Some(at(2)), 7));
    assert_eq!((job.progress.seconds_left, job.has_ended()), (None, false));
}

#[test]
fn words_are_read_back() {
    for kind in ["full", "incremental", "channels", "import", "erase", "delete"] {
        assert_eq!(kind.parse::<JobKind>().unwrap().as_str(), kind);
    }
    for state in ["queued", "running", "done", "failed", "cancelled"] {
        assert_eq!(state.parse::<JobState>().unwrap().as_str(), state);
    }
    assert!("Full".parse::<JobKind>().is_err());
}

#[test]
fn a_full_job_reads_what_any_other_of_its_channels_would() {
    let channels = |ids: &[u64]| SyncScope {
        channels: ids.iter().map(|id| ChannelSnowflake::new(*id).unwrap()).collect(),
        since: None,
    };
    let since = SyncScope { since: Some(at(1)), ..channels(&[]) };
    let job = |kind, scope: &SyncScope| Job {
        scope: scope.clone(),
        ..Job::new(JobId(Uuid::nil()), TenantId(Uuid::nil()), kind, at(1))
    };
    let full = job(JobKind::Full, &channels(&[]));
    assert!(full.reads(JobKind::Full, &channels(&[])) && full.reads(JobKind::Incremental, &since));
    assert!(!full.reads(JobKind::Channels, &channels(&[1])) && !full.reads(JobKind::Import, &channels(&[])));
    assert!(job(JobKind::Full, &channels(&[1, 2])).reads(JobKind::Channels, &channels(&[1, 2])));
    let new = job(JobKind::Incremental, &channels(&[]));
    assert!(new.reads(JobKind::Incremental, &channels(&[])) && !new.reads(JobKind::Incremental, &since));
    assert!(!new.reads(JobKind::Full, &channels(&[])));
}
