use uuid::Uuid;

use super::{Job, JobId, JobKind, JobState};
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
fn words_are_read_back() {
    for kind in ["full", "incremental", "channels", "import", "erase", "delete"] {
        assert_eq!(kind.parse::<JobKind>().unwrap().as_str(), kind);
    }
    for state in ["queued", "running", "done", "failed", "cancelled"] {
        assert_eq!(state.parse::<JobState>().unwrap().as_str(), state);
    }
    assert!("Full".parse::<JobKind>().is_err());
}
