use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::channel::{Channel, ChannelKind};
use domain::job::{Job, JobId, JobKind, JobState};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantId, TenantName};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Jobs, STEP};

fn clock() -> FakeClock {
    FakeClock(Timestamp::from_millis(7).unwrap())
}

fn job() -> Job {
    Job::new(JobId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)), JobKind::Delete, clock().0)
}

fn channel() -> Channel {
    Channel::new(job().tenant_id, "7".parse().unwrap(), ChannelKind::TEXT, "general".to_owned())
}

/// A page of the tenant's channels.
fn listed(channels: Vec<Channel>) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_list_all().return_once(move |_, _| Ok(channels));
    unit
}

/// A unit that finds the tenant being deleted, and the job not ended.
fn wanted() -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find().returning(|_| Ok(Some(Tenant { deleting_since: Some(clock().0), ..tenant() })));
    unit.jobs.expect_find().returning(|_| Ok(None));
    unit
}

fn tenant() -> Tenant {
    let (slug, name) = (TenantSlug::new("here").unwrap(), TenantName::new("Here").unwrap());
    Tenant::new(Platform::Discord, PlatformId::new("7").unwrap(), slug, name, clock().0)
}

/// The channel has nothing but messages.
fn expect_nothing_else(unit: &mut FakeUnitOfWork) {
    unit.media.expect_delete_first().returning(|_, _| Ok(0));
    unit.versions.expect_delete_first().returning(|_, _| Ok(0));
    unit.removals.expect_delete_first().returning(|_, _| Ok(0));
}

/// A step that finds this many messages, or fails.
fn step(removed: Result<u64, StoreError>) -> FakeUnitOfWork {
    let mut unit = wanted();
    unit.messages.expect_delete_first().return_once(|_, _| removed);
    expect_nothing_else(&mut unit);
    unit.channels.expect_delete().returning(|_| Ok(()));
    unit.jobs.expect_upsert().returning(|_| Ok(()));
    unit
}

/// The unit in which the tenant itself is removed.
fn last() -> FakeUnitOfWork {
    let mut unit = wanted();
    unit.tenants.expect_delete().returning(|_| Ok(()));
    unit.leases.expect_delete().times(2).returning(|_| Ok(()));
    unit.jobs.expect_upsert().withf(|job| job.state == JobState::Done).returning(|_| Ok(()));
    unit
}

/// The queries for threads, of which there are none, and then for every channel.
fn looks() -> Vec<FakeUnitOfWork> {
    vec![listed(vec![channel()]), listed(vec![]), listed(vec![channel()])]
}

fn jobs(units: Vec<FakeUnitOfWork>) -> (Jobs, Arc<FakeStore>) {
    let store = Arc::new(FakeStore::new(units));
    (Jobs::new(store.clone(), Arc::new(clock())), store)
}

#[tokio::test]
async fn a_tenant_goes_in_bounded_steps_and_its_channels_before_it() {
    let full = u64::from(STEP);
    let mut units = looks();
    units.extend([step(Ok(full)), step(Ok(full)), step(Ok(3)), listed(vec![]), last()]);
    let (jobs, store) = jobs(units);
    let heard = AtomicU64::new(0);
    let done = jobs
        .delete(job(), &CancellationToken::new(), |_| {
            heard.fetch_add(1, Ordering::Relaxed);
        })
        .await
        .unwrap();
    assert_eq!((done.state, done.progress.messages, done.progress.channels_done), (JobState::Done, 2 * full + 3, 1));
    assert_eq!((store.committed(), heard.into_inner()), (4, 4));
}

#[tokio::test]
async fn a_step_that_fails_commits_nothing_and_ends_the_run() {
    let mut units = looks();
    units.extend([step(Ok(u64::from(STEP))), step(Err(StoreError::Backend("disk".into())))]);
    let (jobs, store) = jobs(units);
    let ended = jobs.delete(job(), &CancellationToken::new(), |_| {}).await;
    assert!(matches!(ended, Err(StoreError::Backend(_))), "{ended:?}");
    assert_eq!(store.committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_lost_a_race_is_done_once_more_and_counted_once() {
    let mut lost = step(Ok(3));
    lost.commit_error = Some(StoreError::Aborted("another was faster".into()));
    let mut units = looks();
    units.extend([lost, step(Ok(3)), listed(vec![]), last()]);
    let (jobs, store) = jobs(units);
    let done = jobs.delete(job(), &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!((done.progress.messages, store.committed()), (3, 2));
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_begins_no_step() {
    let (jobs, store) = jobs(looks());
    let stop = CancellationToken::new();
    stop.cancel();
    let left = jobs.delete(job(), &stop, |_| {}).await.unwrap();
    assert_eq!((left.state, store.committed()), (JobState::Running, 0));
}

#[tokio::test]
async fn a_step_that_is_too_large_is_done_in_smaller_ones_until_the_channel_is_gone() {
    let limited = |limit: u32, removed: Result<u64, StoreError>| {
        let mut unit = wanted();
        unit.messages.expect_delete_first().withf(move |_, asked| *asked == limit).return_once(|_, _| removed);
        expect_nothing_else(&mut unit);
        unit.channels.expect_delete().returning(|_| Ok(()));
        unit.jobs.expect_upsert().returning(|_| Ok(()));
        unit
    };
    let too_large = || Err(StoreError::TooLarge("error 8004".into()));
    let mut units = looks();
    units.extend([limited(STEP, too_large()), limited(STEP / 2, too_large())]);
    units.extend([limited(STEP / 4, Ok(u64::from(STEP / 4))), limited(STEP / 4, Ok(3)), listed(vec![]), last()]);
    let (jobs, store) = jobs(units);
    let done = jobs.delete(job(), &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!((done.state, done.progress.messages), (JobState::Done, u64::from(STEP / 4) + 3));
    assert_eq!(store.committed(), 3, "what was too large is not committed");
}

#[tokio::test]
async fn a_single_message_that_is_too_large_to_be_removed_ends_the_run() {
    let mut units = looks();
    units.extend((0..12).map(|_| step(Err(StoreError::TooLarge("error 8004".into())))));
    let (jobs, store) = jobs(units);
    let ended = jobs.delete(job(), &CancellationToken::new(), |_| {}).await;
    assert!(matches!(ended, Err(StoreError::TooLarge(_))), "{ended:?}");
    assert_eq!(store.committed(), 0);
}

/// Runs a deletion whose next unit finds `tenant` and `stored`, and expects that nothing is removed.
async fn unwanted(tenant: Option<Tenant>, stored: Option<Job>) -> (Job, u32) {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_find().return_once(|_| Ok(tenant));
    unit.jobs.expect_find().return_once(|_| Ok(stored));
    unit.jobs.expect_upsert().withf(|job| job.state == JobState::Done).returning(|_| Ok(()));
    let mut units = looks();
    units.push(unit);
    let (jobs, store) = jobs(units);
    let ended = jobs.delete(job(), &CancellationToken::new(), |_| panic!("nothing is done")).await.unwrap();
    (ended, store.committed())
}

#[tokio::test]
async fn a_job_that_another_process_finished_removes_nothing_of_a_community_that_was_created_again() {
    let mut done = job();
    done.end(Ok(()), clock().0);
    assert_eq!(unwanted(Some(tenant()), Some(done.clone())).await, (done.clone(), 0));
    let again = Tenant { deleting_since: Some(clock().0), ..tenant() };
    assert_eq!(unwanted(Some(again), Some(done.clone())).await, (done, 0), "a later deletion has a job of its own");
}

#[tokio::test]
async fn a_job_whose_community_is_not_being_deleted_ends_and_removes_nothing() {
    for found in [None, Some(tenant())] {
        let (ended, committed) = unwanted(found, Some(job())).await;
        assert_eq!((ended.state, committed), (JobState::Done, 1));
    }
}
