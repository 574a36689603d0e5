//! Jobs that are requested or due, and the workers that run them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use app_core::sync::{Schedule, SyncJobs, SyncJobsError, SyncMode, Worker};
use discord_simulator::{ChannelPlan, Fault, FaultRule, LimitScope, Options, kind};
use domain::channel::ChannelId;
use domain::job::{Job, JobId, JobKind, JobState, SyncScope};
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, Media, World, shown_count};

cases![
    a_tenant_is_copied_first_when_it_is_made_and_then_every_hour,
    without_a_schedule_only_what_is_asked_for_is_done,
    a_guild_that_the_bot_is_not_in_is_never_due,
    a_job_is_cancelled_while_it_waits_and_while_it_runs,
    a_tenant_that_is_deleted_while_it_is_copied_is_gone,
    a_process_that_ends_leaves_its_job_to_the_next_one,
    a_process_that_ends_while_the_platform_keeps_it_waiting_ends_soon,
    a_process_that_dies_is_followed_by_one_that_waited,
    a_small_tenant_does_not_wait_for_a_large_one,
    requests_at_the_same_time_are_one_job,
    an_old_deletion_never_removes_a_community_that_was_created_again,
    everything_is_read_again_in_the_background_and_holds_up_no_other_run,
    a_full_pass_is_resumed_by_the_next_process_and_not_begun_without_a_schedule,
];

const HOUR: Duration = Duration::from_hours(1);

async fn guild(backend: Backend, messages: u64) -> World {
    let plan = ["one", "two"].map(|name| ChannelPlan::new(name, kind::TEXT, messages)).to_vec();
    World::of(backend, plan).await
}

/// A worker of a process of its own, with the means to request jobs and to stop it.
struct Running {
    jobs: SyncJobs,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(world: &World, every: Option<Duration>) -> Self {
        Self::scheduled(world, Schedule { every, full_every: None, ..Schedule::default() })
    }

    fn scheduled(world: &World, schedule: Schedule) -> Self {
        let (process, stop) = (world.process(), CancellationToken::new());
        let (store, jobs) = (Arc::clone(&world.store), process.jobs.clone());
        let worker = Worker::new(
            store,
            process.client,
            world.clock(),
            process.candidate,
            process.syncer,
            jobs.clone(),
            schedule,
        );
        let stopped = stop.clone();
        Self { jobs, stop, task: tokio::spawn(async move { worker.run(stopped).await }) }
    }

    /// Waits until a job is in this state.
    async fn until(&self, id: JobId, state: JobState) -> Job {
        until(&self.jobs, id, |job| job.state == state).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

async fn until(jobs: &SyncJobs, id: JobId, is: impl Fn(&Job) -> bool) -> Job {
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..36_000 {
        looks.tick().await;
        let job = jobs.find(id).await.unwrap();
        if is(&job) {
            return job;
        }
    }
    panic!("an hour passed: {:?}", jobs.find(id).await);
}

/// Returns the jobs of the tenant, newest first.
async fn history(world: &World, jobs: &SyncJobs) -> Vec<Job> {
    jobs.list(world.tenant.id, None, 100).await.unwrap().0
}

async fn a_tenant_is_copied_first_when_it_is_made_and_then_every_hour(backend: Backend) {
    let world = guild(backend, 150).await;
    let worker = Running::start(&world, Some(HOUR));
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    let first = loop {
        looks.tick().await;
        if let Some(job) = history(&world, &worker.jobs).await.pop() {
            break worker.until(job.id, JobState::Done).await;
        }
    };
    assert_eq!(first.kind, JobKind::Incremental);
    assert_eq!(world.held(world.id("one")).await, world.true_ids(world.id("one")));
    world.send(world.id("one"), "new");
    while history(&world, &worker.jobs).await.len() < 3 {
        looks.tick().await;
    }
    let jobs = history(&world, &worker.jobs).await;
    worker.until(jobs[1].id, JobState::Done).await;
    let hours = |later: &Job, earlier: &Job| later.created_at.as_millis() - earlier.created_at.as_millis();
    for pair in jobs.windows(2) {
        assert!((3_600_000..3_660_000).contains(&hours(&pair[0], &pair[1])), "{}", hours(&pair[0], &pair[1]));
    }
    assert_eq!(world.held(world.id("one")).await, world.true_ids(world.id("one")));
    worker.end().await;
}

async fn without_a_schedule_only_what_is_asked_for_is_done(backend: Backend) {
    let world = guild(backend, 150).await;
    let worker = Running::start(&world, None);
    tokio::time::advance(HOUR).await;
    assert_eq!(history(&world, &worker.jobs).await, []);
    let scope = SyncScope { channels: vec![world.id("two").to_string().parse().unwrap()], since: None };
    let asked = worker.jobs.request(&world.tenant, SyncMode::Incremental, &scope).await.unwrap();
    let done = worker.until(asked.id, JobState::Done).await;
    assert_eq!((done.kind, done.scope, done.progress.messages), (JobKind::Channels, scope, 150));
    assert!(world.held(world.id("one")).await.is_empty());
    worker.end().await;
}

async fn a_guild_that_the_bot_is_not_in_is_never_due(backend: Backend) {
    let world = guild(backend, 10).await;
    let (slug, name) = (TenantSlug::new("elsewhere").unwrap(), TenantName::new("Elsewhere").unwrap());
    let id = PlatformId::new("77").unwrap();
    let other = Tenant::new(Platform::Discord, id, slug, name, world.clock().now());
    let mut unit = world.store.begin().await.unwrap();
    unit.tenants().insert(&other).await.unwrap();
    unit.commit().await.unwrap();
    let worker = Running::start(&world, Some(HOUR));
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    while history(&world, &worker.jobs).await.len() < 2 {
        looks.tick().await;
    }
    assert_eq!(worker.jobs.list(other.id, None, 9).await.unwrap().0, []);
    // If requested explicitly, it fails and reports the reason.
    let asked = worker.jobs.request(&other, SyncMode::Full, &SyncScope::default()).await.unwrap();
    let failed = worker.until(asked.id, JobState::Failed).await;
    assert_eq!(failed.error.as_deref(), Some("the guild does not exist"));
    worker.end().await;
}

async fn a_job_is_cancelled_while_it_waits_and_while_it_runs(backend: Backend) {
    let world = guild(backend, 20_000).await;
    let worker = Running::start(&world, None);
    let running = worker.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    until(&worker.jobs, running.id, |job| job.progress.messages > 0).await;
    // A job of the same tenant waits for it.
    let waiting = worker.jobs.request(&world.tenant, SyncMode::Full, &SyncScope::default()).await.unwrap();
    let cancelled = worker.jobs.cancel(waiting.id).await.unwrap();
    assert_eq!((cancelled.state, cancelled.started_at), (JobState::Cancelled, None));
    let asked = worker.jobs.cancel(running.id).await.unwrap();
    assert_eq!((asked.state, asked.cancel_requested), (JobState::Running, true));
    let ended = worker.until(running.id, JobState::Cancelled).await;
    assert!(ended.progress.messages < 40_000 && ended.ended_at.is_some(), "{ended:?}");
    assert!(matches!(worker.jobs.cancel(running.id).await, Err(SyncJobsError::Ended)));
    assert!(matches!(worker.jobs.cancel(JobId(Uuid::nil())).await, Err(SyncJobsError::NotFound)));

    let again = worker.jobs.repeat(running.id).await.unwrap();
    assert_ne!(again.id, running.id);
    assert!(matches!(worker.jobs.repeat(again.id).await, Err(SyncJobsError::NotRepeatable)));
    worker.until(again.id, JobState::Done).await;
    for name in ["one", "two"] {
        assert_eq!(world.held(world.id(name)).await.len(), 20_000, "{name}");
    }
    let ids: Vec<_> = history(&world, &worker.jobs).await.iter().map(|job| job.id).collect();
    assert_eq!((ids.len(), ids[0]), (3, again.id));
    worker.end().await;
}

async fn a_tenant_that_is_deleted_while_it_is_copied_is_gone(backend: Backend) {
    let world = guild(backend, 20_000).await;
    let worker = Running::start(&world, None);
    let job = worker.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    until(&worker.jobs, job.id, |job| job.progress.messages > 0).await;
    let tenants = app_core::tenants::Tenants::new(Arc::clone(&world.store), world.clock());
    let deletion = tenants.delete("simulated").await.unwrap();
    worker.until(job.id, JobState::Cancelled).await;
    let jobs = app_core::jobs::Jobs::new(Arc::clone(&world.store), world.clock());
    let done = jobs.delete(deletion, &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!(done.state, JobState::Done);
    let mut at = world.store.read().await.unwrap();
    assert_eq!(at.tenants().find(world.tenant.id).await.unwrap(), None);
    drop(at);
    // A request by a caller that does not know of the deletion fails at once.
    let late = worker.jobs.request(&world.tenant, SyncMode::Full, &SyncScope::default()).await.unwrap();
    let failed = worker.until(late.id, JobState::Failed).await;
    assert!(failed.error.is_some_and(|error| error.starts_with("there is no community")));
    worker.end().await;
}

async fn a_process_that_ends_leaves_its_job_to_the_next_one(backend: Backend) {
    let world = guild(backend, 20_000).await;
    let first = Running::start(&world, None);
    let job = first.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    let begun = until(&first.jobs, job.id, |job| job.progress.messages > 0).await;
    let second = Running::start(&world, None);
    first.end().await;
    let done = second.until(job.id, JobState::Done).await;
    assert_eq!(done.started_at, begun.started_at);
    for name in ["one", "two"] {
        assert_eq!(world.held(world.id(name)).await.len(), 20_000, "{name}");
    }
    let mut asked = std::collections::HashMap::new();
    for request in world.simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES) {
        *asked.entry((request.path, request.query)).or_insert(0) += 1;
    }
    assert!(asked.values().all(|times| *times == 1), "a page was fetched twice");
    second.end().await;
}

async fn a_process_that_ends_while_the_platform_keeps_it_waiting_ends_soon(backend: Backend) {
    let world = guild(backend, 1_000).await;
    let limited = Fault::Limited { scope: LimitScope::Global, retry_after: 250.0, header: Some("250".to_owned()) };
    world.simulator.fault(FaultRule::on(MESSAGES, 1, limited).from_nth(5));
    let worker = Running::start(&world, None);
    let job = worker.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    while world.asked(MESSAGES) < 5 {
        looks.tick().await;
    }
    let ended = tokio::time::Instant::now();
    let jobs = worker.jobs.clone();
    worker.end().await;
    assert!(ended.elapsed() < Duration::from_secs(10), "{:?}", ended.elapsed());
    let left = jobs.find(job.id).await.unwrap();
    assert_eq!((left.state, left.ended_at), (JobState::Queued, None));
    let next = Running::start(&world, None);
    next.until(job.id, JobState::Done).await;
    for name in ["one", "two"] {
        assert_eq!(world.held(world.id(name)).await.len(), 1_000, "{name}");
    }
    next.end().await;
}

async fn a_process_that_dies_is_followed_by_one_that_waited(backend: Backend) {
    let world = guild(backend, 20_000).await;
    let (first, second) = (Running::start(&world, None), Running::start(&world, None));
    let job = first.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    until(&first.jobs, job.id, |job| job.progress.messages > 0).await;
    // Whichever of the two is working, the first stops silently.
    first.task.abort();
    let done = second.until(job.id, JobState::Done).await;
    assert_eq!(done.error, None);
    for name in ["one", "two"] {
        assert_eq!(world.held(world.id(name)).await.len(), 20_000, "{name}");
    }
    second.end().await;
}

async fn a_small_tenant_does_not_wait_for_a_large_one(backend: Backend) {
    let plan = |name: &str, messages| ChannelPlan::new(name, kind::TEXT, messages);
    let mut channels: Vec<_> = (0..80).map(|number| plan(&format!("large-{number}"), 3_000)).collect();
    channels.push(plan("small", 300));
    let world = World::start(backend, Options::planned(1, channels)).await;
    let worker = Running::start(&world, None);
    let small = SyncScope { channels: vec![world.id("small").to_string().parse().unwrap()], since: None };
    let all: Vec<_> = (0..80).map(|number| world.id(&format!("large-{number}")).to_string().parse().unwrap()).collect();
    // The same guild twice, as two communities: the bot is in only one of them.
    let id = PlatformId::new(&format!("0{}", world.simulator.guild_id())).unwrap();
    let (slug, name) = (TenantSlug::new("second").unwrap(), TenantName::new("Second").unwrap());
    let second = Tenant::new(Platform::Discord, id, slug, name, world.clock().now());
    let mut unit = world.store.begin().await.unwrap();
    unit.tenants().insert(&second).await.unwrap();
    unit.commit().await.unwrap();
    let large = SyncScope { channels: all, since: None };
    let large = worker.jobs.request(&world.tenant, SyncMode::Incremental, &large).await.unwrap();
    until(&worker.jobs, large.id, |job| job.progress.messages > 20_000).await;
    let small = worker.jobs.request(&second, SyncMode::Incremental, &small).await.unwrap();
    let done = worker.until(small.id, JobState::Done).await;
    let took = done.ended_at.unwrap().as_millis() - done.started_at.unwrap().as_millis();
    assert!(took < 20_000, "{took} ms");
    assert_eq!(worker.jobs.find(large.id).await.unwrap().state, JobState::Running);
    let channel = ChannelId::of(second.id, world.id("small").to_string().parse().unwrap());
    let held = world.store.read().await.unwrap().channels().find(channel).await.unwrap().unwrap();
    let count = shown_count(&world.simulator.messages(world.id("small"), 0, usize::MAX));
    assert_eq!(held.stats.message_count, count);
    worker.end().await;
}

async fn requests_at_the_same_time_are_one_job(backend: Backend) {
    let world = guild(backend, 1).await;
    let jobs = world.process().jobs;
    let scope = SyncScope::default();
    let all = (0..12).map(|_| jobs.request(&world.tenant, SyncMode::Incremental, &scope));
    let ids: HashSet<_> = futures::future::join_all(all).await.into_iter().map(|job| job.unwrap().id).collect();
    assert_eq!((ids.len(), history(&world, &jobs).await.len()), (1, 1));
    // A job requested while its tenant is being deleted does not start, whichever comes first.
    let tenants = app_core::tenants::Tenants::new(Arc::clone(&world.store), world.clock());
    let (deletion, requested) =
        tokio::join!(tenants.delete("simulated"), jobs.request(&world.tenant, SyncMode::Full, &scope));
    assert_eq!((deletion.unwrap().kind, requested.unwrap().kind), (JobKind::Delete, JobKind::Full));
    for job in history(&world, &jobs).await.into_iter().filter(|job| job.kind == JobKind::Incremental) {
        assert_eq!(job.state, JobState::Cancelled);
    }
}

async fn an_old_deletion_never_removes_a_community_that_was_created_again(backend: Backend) {
    let world = guild(backend, 150).await;
    world.sync().await;
    let media = Media::new();
    let tenants = app_core::tenants::Tenants::new(Arc::clone(&world.store), world.clock());
    let deletion = tenants.delete("simulated").await.unwrap();
    let jobs =
        || app_core::jobs::Jobs::new(Arc::clone(&world.store), world.clock()).with_media(Arc::clone(&media.store));
    let never = CancellationToken::new();
    // Two processes found the job; the first has finished it.
    assert_eq!(jobs().delete(deletion.clone(), &never, |_| {}).await.unwrap().state, JobState::Done);
    let mut unit = world.store.begin().await.unwrap();
    unit.tenants().insert(&world.tenant).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(world.sync().await.state, JobState::Done);
    let bytes = futures::stream::iter([Ok(bytes::Bytes::from_static(b"an otter"))]);
    let (hash, _) = media.store.put(world.tenant.id, Box::pin(bytes)).await.unwrap();
    let ended = jobs().delete(deletion, &never, |_| panic!("a step was done")).await.unwrap();
    assert_eq!(ended.state, JobState::Done);
    assert!(media.store.open(world.tenant.id, hash, 0, 1).await.unwrap().is_some());
    for name in ["one", "two"] {
        world.assert_whole(world.id(name)).await;
    }
}

async fn everything_is_read_again_in_the_background_and_holds_up_no_other_run(backend: Backend) {
    let world = guild(backend, 3_000).await;
    let schedule = Schedule { every: Some(HOUR), full_every: Some(6 * HOUR), ..Schedule::default() };
    let worker = Running::scheduled(&world, schedule);
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    let background = loop {
        looks.tick().await;
        if let Some(job) = history(&world, &worker.jobs).await.into_iter().find(|job| job.background) {
            break job;
        }
    };
    let jobs = history(&world, &worker.jobs).await;
    let first = jobs.last().unwrap();
    let waited = background.created_at.as_millis() - first.created_at.as_millis();
    assert!((6 * 3_600_000..6 * 3_600_000 + 120_000).contains(&waited), "{waited}");
    assert_eq!((background.kind, first.kind), (JobKind::Full, JobKind::Incremental));
    // Only this job finds an old change.
    let (one, two) = (world.id("one"), world.id("two"));
    let ids = world.true_ids(one);
    world.edit(one, ids[3], "changed");
    world.delete(one, &[ids[4]]);
    until(&worker.jobs, background.id, |job| job.progress.messages > 0).await;
    // Another run of the same tenant completes while it is under way, and reads the new messages.
    world.send(two, "new");
    world.pass();
    let asked = worker.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    assert!(!asked.background && asked.id != background.id);
    let done = worker.until(asked.id, JobState::Done).await;
    let took = done.ended_at.unwrap().as_millis() - done.created_at.as_millis();
    assert!(took < 20_000, "{took} ms");
    assert_eq!(worker.jobs.find(background.id).await.unwrap().state, JobState::Running);
    assert_eq!(world.held(two).await, world.true_ids(two));
    worker.until(background.id, JobState::Done).await;
    world.assert_whole(one).await;
    assert_eq!(world.find(one, ids[3]).await.unwrap().message.content, "changed");
    assert!(world.find(one, ids[4]).await.unwrap().is_deleted());
    worker.end().await;
}

async fn a_full_pass_is_resumed_by_the_next_process_and_not_begun_without_a_schedule(backend: Backend) {
    let world = guild(backend, 1_000).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world.simulator.clock().advance(8 * 24 * 3_600_000);
    let none = Running::scheduled(&world, Schedule { every: Some(HOUR), full_every: None, ..Schedule::default() });
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    while history(&world, &none.jobs).await.len() < 2 {
        looks.tick().await;
    }
    none.end().await;
    assert!(history(&world, &world.process().jobs).await.iter().all(|job| !job.background));
    let schedule = Schedule { full_every: Some(7 * 24 * HOUR), ..Schedule::default() };
    let first = Running::scheduled(&world, schedule);
    let job = loop {
        looks.tick().await;
        if let Some(job) = history(&world, &first.jobs).await.into_iter().find(|job| job.background) {
            break job;
        }
    };
    until(&first.jobs, job.id, |job| job.progress.messages > 300).await;
    let (jobs, asked) = (first.jobs.clone(), world.asked(MESSAGES));
    first.end().await;
    assert_eq!(jobs.find(job.id).await.unwrap().state, JobState::Queued);
    let second = Running::scheduled(&world, schedule);
    second.until(job.id, JobState::Done).await;
    assert!(world.asked(MESSAGES) - asked <= 2 * 11 - 2, "pages that were read are not read again");
    assert_eq!(history(&world, &second.jobs).await.iter().filter(|job| job.background).count(), 1);
    second.end().await;
}

/// Two processes, the first of which dies: the limits apply to the token, and not to each of them.
#[tokio::test(start_paused = true)]
async fn two_processes_one_token_share_its_budget() {
    let plan = (0..60).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 1_000)).collect();
    let options = Options { rest_latency_ms: 120, ..Options::planned(1, plan) };
    let world = World::start(Backend::Sqlite, options).await;
    let (first, second) = (Running::start(&world, None), Running::start(&world, None));
    let job = first.jobs.request(&world.tenant, SyncMode::Incremental, &SyncScope::default()).await.unwrap();
    until(&first.jobs, job.id, |job| job.progress.messages > 20_000).await;
    first.task.abort();
    second.until(job.id, JobState::Done).await;
    let totals = world.simulator.totals();
    assert!(totals.busiest_second <= 50, "{}", totals.busiest_second);
    assert_eq!(totals.limited, 0);
    for number in 0..60 {
        world.assert_whole(world.id(&format!("c{number}"))).await;
    }
    second.end().await;
}
