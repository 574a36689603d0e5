//! Several processes with one token: one of them works, and another takes over when it ends.

use app_core::sync::{Stops, SyncError};
use discord_simulator::{ChannelPlan, kind};
use domain::job::JobState;
use domain::lease::Lease;
use tokio::sync::Notify;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, Quiet, SyncOptions, When, World};

cases![
    two_workers_same_channel_one_holds_the_lease_and_the_other_is_idle,
    a_process_that_stalls_and_wakes_up_is_shut_out_and_the_other_finishes,
    nothing_is_asked_while_the_lease_is_over,
    a_full_run_that_is_taken_over_reads_nothing_twice,
];

async fn guild(backend: Backend) -> World {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 850)).to_vec();
    World::of(backend, plan).await
}

async fn assert_whole(world: &World) {
    for name in ["one", "two", "three"] {
        assert_eq!(world.held(world.id(name)).await, world.true_ids(world.id(name)), "{name}");
    }
}

async fn two_workers_same_channel_one_holds_the_lease_and_the_other_is_idle(backend: Backend) {
    let world = guild(backend).await;
    let (one, other) = (world.process(), world.process());
    let leader = one.lead().await;
    let Err(Lease { holder, .. }) = other.candidate.elect().await.unwrap() else { panic!("both lead") };
    assert_ne!(other.candidate.elect().await.unwrap().err().map(|lease| lease.holder), None);
    let job = one.request(&SyncOptions::default()).await;
    assert_eq!(other.request(&SyncOptions::default()).await.id, job.id, "the same is not asked for twice");
    // Much longer than an unrenewed lease lasts.
    let mut looks = tokio::time::interval(std::time::Duration::from_secs(1));
    let watching = async {
        for _ in 0..120 {
            looks.tick().await;
            let seen = other.candidate.elect().await.unwrap().err().map(|lease| lease.holder);
            assert_eq!(seen.as_ref(), Some(&holder), "it is taken from who works");
        }
    };
    let stops = Stops::default();
    let work = async {
        let job = one.syncer.run(&job, &leader, &stops, &Quiet).await.unwrap();
        assert_eq!(job.state, JobState::Done);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = watching => {}
        () = work => {}
        never = leader.renew_lease() => match never {},
    }
    assert_whole(&world).await;
    let pages = world.asked(MESSAGES);
    leader.resign().await;
    assert!(other.candidate.elect().await.unwrap().is_ok(), "what was given back is free at once");
    assert_eq!(world.asked(MESSAGES), pages);
}

async fn a_process_that_stalls_and_wakes_up_is_shut_out_and_the_other_finishes(backend: Backend) {
    let world = guild(backend).await;
    let (one, other) = (world.process(), world.process());
    let job = one.request(&SyncOptions::default()).await;
    let stalled = one.lead().await;
    // It works for a while without renewing its lease, like a process that was suspended in between.
    let enough = Notify::new();
    let (stops, when) = (Stops::default(), When::stored(600, || enough.notify_one()));
    tokio::select! {
        biased;
        () = enough.notified() => {}
        _ = one.syncer.run(&job, &stalled, &stops, &when) => panic!("it ended"),
    }
    let leader = other.lead().await;
    assert!(leader.fence() > stalled.fence());
    let run = async {
        let job = other.syncer.run(&job, &leader, &Stops::default(), &Quiet).await.unwrap();
        assert_eq!(job.state, JobState::Done);
        job
    };
    let done = tokio::select! {
        job = run => job,
        never = leader.renew_lease() => match never {},
    };
    assert_whole(&world).await;
    let (asked, changed) = (world.asked(MESSAGES), world.last_change().await);
    let woken = one.syncer.run(&job, &stalled, &Stops::default(), &Quiet).await;
    assert!(matches!(woken, Err(SyncError::Deposed)), "{woken:?}");
    assert!(stalled.lost().is_cancelled());
    assert_eq!((world.asked(MESSAGES), world.changes_since(changed).await), (asked, vec![]));
    assert_eq!(one.jobs.find(job.id).await.unwrap(), done, "nor does it touch the job");
    stalled.resign().await;
    assert!(one.candidate.elect().await.unwrap().is_err(), "it cannot give back what another has");
    leader.resign().await;
}

async fn nothing_is_asked_while_the_lease_is_over(backend: Backend) {
    let world = guild(backend).await;
    let process = world.process();
    let job = process.request(&SyncOptions::default()).await;
    let leader = process.lead().await;
    // No task renews the lease; each unit of the run does, so the clock has to jump.
    world.simulator.clock().advance(3_600_000);
    let asked = world.simulator.requests(0).len();
    let waited = tokio::time::timeout(std::time::Duration::from_mins(1), leader.allowed()).await;
    assert!(waited.is_err(), "it may not ask");
    assert_eq!(world.simulator.requests(0).len(), asked);
    let stops = Stops::default();
    let job = tokio::select! {
        job = process.syncer.run(&job, &leader, &stops, &Quiet) => job.unwrap(),
        never = leader.renew_lease() => match never {},
    };
    assert_eq!(job.state, JobState::Done, "it goes on with the next time that it is prolonged");
    assert_whole(&world).await;
}

async fn a_full_run_that_is_taken_over_reads_nothing_twice(backend: Backend) {
    let world = guild(backend).await;
    world.sync().await;
    let before = world.asked(MESSAGES);
    let first = world.process();
    let job = first.request(&SyncOptions { full: true, ..SyncOptions::default() }).await;
    let enough = Notify::new();
    let leader = first.lead().await;
    let (stops, when) = (Stops::default(), When::stored(1_200, || enough.notify_one()));
    tokio::select! {
        biased;
        () = enough.notified() => {}
        _ = first.syncer.run(&job, &leader, &stops, &when) => panic!("it ended"),
    }
    let done = world.run(SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_eq!((done.id, done.state), (job.id, JobState::Done));
    // Nine pages a channel and their ends; for each channel the page that was under way, and the newest once more.
    let asked = world.asked(MESSAGES) - before;
    assert!(asked <= 3 * 10 + 3 * 2, "{asked}");
    assert_whole(&world).await;
}
