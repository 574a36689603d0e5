//! Jobs.

use domain::job::{Job, JobId, JobKind, JobState, Progress, SyncScope};
use ports::job::JobCursor;
use ports::page::Page;
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{FIRST, HARD_TEXT, LAST, at, begin, id, tenant};

contract![
    every_field_of_a_job_comes_back,
    a_job_of_any_moment_comes_back,
    a_job_replaces_what_its_id_held,
    unfinished_jobs_are_listed_oldest_first,
    the_jobs_of_a_tenant_are_listed_newest_first,
];

async fn upsert(store: &dyn Store, jobs: &[&Job]) {
    let mut unit = begin(store).await;
    for job in jobs {
        unit.jobs().upsert(job).await.unwrap();
    }
    unit.commit().await.unwrap();
}

async fn find(store: &dyn Store, id: JobId) -> Option<Job> {
    store.read().await.unwrap().jobs().find(id).await.unwrap()
}

async fn list_unfinished(store: &dyn Store, after: Option<JobCursor>, limit: u32) -> Vec<Job> {
    store.read().await.unwrap().jobs().list_unfinished(Page { after, limit }).await.unwrap()
}

fn job(created_at: i64) -> Job {
    Job::new(JobId(Uuid::new_v4()), tenant().id, JobKind::Full, at(created_at))
}

async fn every_field_of_a_job_comes_back(store: &dyn Store) {
    use JobKind::{Channels, Delete, Erase, Full, Import, Incremental};
    use JobState::{Cancelled, Done, Failed};
    // The tenant of this id is not stored: a job outlives the tenant that it deleted.
    for (kind, state) in
        [(Full, Done), (Incremental, Failed), (Channels, Cancelled), (Import, Done), (Erase, Failed), (Delete, Done)]
    {
        let bare = Job { kind, state, ..job(1) };
        let full = Job {
            started_at: Some(at(2)),
            ended_at: Some(at(253_402_207_199_999)),
            progress: Progress {
                channels_done: 1,
                channels_total: 2,
                messages: i64::MAX.cast_unsigned(),
                requests: 4,
                waits: 5,
                seconds_left: Some(6),
            },
            scope: SyncScope { channels: vec![id(9).cast(), id(i64::MAX.cast_unsigned()).cast()], since: Some(at(-1)) },
            cancel_requested: true,
            background: true,
            error: Some("the guild said «no» 🧵".to_owned()),
            ..job(1_772_366_400_999)
        };
        let full = Job { kind, state, ..full };
        upsert(store, &[&bare, &full]).await;
        assert_eq!(find(store, bare.id).await, Some(bare));
        assert_eq!(find(store, full.id).await, Some(full));
    }
    assert_eq!(find(store, job(1).id).await, None);
}

async fn a_job_replaces_what_its_id_held(store: &dyn Store) {
    let mut job = job(1);
    upsert(store, &[&job, &job]).await;
    job.start(at(2));
    job.progress.messages = 7;
    job.end(Err("no".to_owned()), at(3));
    upsert(store, &[&job]).await;
    upsert(store, &[&job]).await;
    assert_eq!(find(store, job.id).await, Some(job));
}

async fn unfinished_jobs_are_listed_oldest_first(store: &dyn Store) {
    // Older than any other job in the store, so that these lead its list.
    let mut jobs = [job(-9), job(-8), job(-8), job(-7), job(-6)];
    jobs[3].start(at(1));
    jobs[4].start(at(1));
    jobs[4].end(Ok(()), at(2));
    jobs[1..3].sort_by_key(|job| job.id);
    upsert(store, &[&jobs[2], &jobs[4], &jobs[0], &jobs[3], &jobs[1]]).await;
    for limit in 1..=4 {
        assert_eq!(list_unfinished(store, None, limit).await, jobs[..limit as usize], "{limit}");
    }
    for known in 0..3 {
        let after = Some(JobCursor::from(&jobs[known]));
        assert_eq!(list_unfinished(store, after, 3 - u32::try_from(known).unwrap()).await, jobs[known + 1..4]);
    }
    for job in &mut jobs {
        job.end(Ok(()), at(3));
        upsert(store, &[job]).await;
    }
    let left = list_unfinished(store, None, 101).await;
    assert!(left.iter().all(|left| jobs.iter().all(|job| job.id != left.id)));
}

async fn a_job_of_any_moment_comes_back(store: &dyn Store) {
    for (first, last) in [(FIRST, LAST), (LAST, FIRST), (-1, 999)] {
        let job = Job {
            state: JobState::Cancelled,
            started_at: Some(at(last)),
            ended_at: Some(at(first)),
            error: Some(HARD_TEXT.to_owned()),
            ..job(first)
        };
        upsert(store, &[&job]).await;
        assert_eq!(find(store, job.id).await, Some(job));
    }
}

async fn the_jobs_of_a_tenant_are_listed_newest_first(store: &dyn Store) {
    let tenant = tenant().id;
    let mut jobs = [3, 3, 2, LAST, FIRST].map(|created_at| Job { tenant_id: tenant, ..job(created_at) });
    for job in &mut jobs {
        job.end(Ok(()), at(4));
    }
    let mut of_another = job(3);
    of_another.end(Ok(()), at(4));
    upsert(store, &jobs.iter().chain([&of_another]).collect::<Vec<_>>()).await;
    jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
    for limit in 1..=5 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit };
            let listed = store.read().await.unwrap().jobs().list(tenant, page).await.unwrap();
            let Some(last) = listed.last() else { break };
            after = Some(JobCursor::from(last));
            found.extend(listed);
        }
        assert_eq!(found, jobs, "{limit}");
    }
}
