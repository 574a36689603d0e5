//! Lost connections, sessions and processes.

use std::time::Duration;

use discord_simulator::{GatewayFault, Options};
use domain::job::JobKind;
use tokio::time::sleep;

use super::super::backend::{Backend, cases};
use super::super::world::World;
use super::{Following, plan};

cases![
    case_43_delete_arrives_while_page_in_flight,
    case_60_op9_false,
    case_61_deleted_and_edited_during_gap,
    case_64_crash_after_receive_before_commit,
    case_70_gap_free_boundary,
    a_process_that_is_told_to_end_is_resumed_by_the_next_one,
    a_restart_under_100_messages_a_second_goes_on_with_the_session,
    a_process_without_the_lease_is_not_connected,
];

async fn case_43_delete_arrives_while_page_in_flight(backend: Backend) {
    // The events come while the history is being read for the first time.
    let mut following = Following::of(World::start(backend, Options::planned(1, plan()).unlimited()).await);
    let general = following.world.id("general");
    following.run();
    following.until("events arrive", async |following| following.status().is_working()).await;
    let ids = following.world.true_ids(general);
    for id in ids.iter().step_by(7) {
        following.world.delete(general, &[*id]);
        tokio::task::yield_now().await;
    }
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    following.until_equal(general).await;
    for id in ids.iter().step_by(7) {
        assert!(following.world.find(general, *id).await.is_some_and(|stored| stored.is_final()), "{id}");
    }
}

async fn case_60_op9_false(backend: Backend) {
    let following = Following::start(backend).await;
    let general = following.world.id("general");
    let syncs = following.jobs().await.len();
    following.fault(&GatewayFault::Lose { count: 150 });
    for number in 0..150 {
        following.say(general, &format!("lost {number}"));
    }
    following.fault(&GatewayFault::InvalidSession { resumable: false });
    following.until("a sync closes the gap", async |following| following.jobs().await.len() > syncs).await;
    following.until_equal(general).await;
    let jobs = following.jobs().await;
    assert_eq!((jobs.len(), jobs[0].kind), (syncs + 1, JobKind::Incremental));
}

async fn case_61_deleted_and_edited_during_gap(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let ids: Vec<u64> = (0..30).map(|number| following.say(general, &format!("number {number}"))).collect();
    following.until_equal(general).await;
    following.fault(&GatewayFault::Lose { count: 3 });
    world.edit(general, ids[3], "changed unseen");
    world.delete(general, &[ids[4], ids[29]]);
    world.pass();
    following.fault(&GatewayFault::InvalidSession { resumable: false });
    following.until_equal(general).await;
    assert_eq!(world.find(general, ids[3]).await.unwrap().message.content, "changed unseen");
}

async fn case_64_crash_after_receive_before_commit(backend: Backend) {
    let mut following = Following::start(backend).await;
    let general = following.world.id("general");
    for round in 0..5 {
        for number in 0..40 {
            following.say(general, &format!("round {round}, number {number}"));
            tokio::task::yield_now().await;
        }
        following.kill();
        following.say(general, "between two processes");
        following.run();
    }
    following.until_equal(general).await;
}

async fn case_70_gap_free_boundary(backend: Backend) {
    let mut following = Following::of(World::start(backend, Options::planned(1, plan()).unlimited()).await);
    let general = following.world.id("general");
    following.run();
    for number in 0..1_000 {
        following.say(general, &format!("number {number}"));
        if number % 25 == 0 {
            let requests = following.requests();
            let goes_on = async |following: &Following| following.requests() > requests || following.is_idle().await;
            following.until("the first sync goes on", goes_on).await;
        }
    }
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    following.until_equal(general).await;
}

async fn a_process_that_is_told_to_end_is_resumed_by_the_next_one(backend: Backend) {
    let mut following = Following::start(backend).await;
    let general = following.world.id("general");
    following.say(general, "before");
    following.stop().await;
    following.say(general, "between");
    let requests = following.requests();
    following.run();
    let syncs = following.jobs().await.len();
    following.until("events arrive", async |following| following.status().is_working()).await;
    following.say(general, "after");
    following.until_equal(general).await;
    let stats = following.status().stats();
    assert_eq!((stats.resumes, stats.sessions), (1, 0), "the session goes on");
    assert_eq!((following.requests(), following.jobs().await.len()), (requests, syncs), "and leaves no gap");
}

async fn a_restart_under_100_messages_a_second_goes_on_with_the_session(backend: Backend) {
    let mut following = Following::start(backend).await;
    let general = following.world.id("general");
    let (requests, syncs) = (following.requests(), following.jobs().await.len());
    let talk = async |following: &Following| {
        following.say(general, "one of a hundred");
        sleep(Duration::from_millis(10)).await;
    };
    for _ in 0..200 {
        talk(&following).await;
    }
    let mut first = following.running.take().unwrap();
    first.stop.cancel();
    while !first.task.is_finished() {
        talk(&following).await;
    }
    (&mut first.task).await.unwrap();
    following.run();
    for _ in 0..300 {
        talk(&following).await;
    }
    following.until_equal(general).await;
    let stats = following.status().stats();
    assert_eq!((stats.resumes, stats.sessions), (1, 0));
    assert_eq!((following.requests(), following.jobs().await.len()), (requests, syncs), "events are enough");
}

async fn a_process_without_the_lease_is_not_connected(backend: Backend) {
    let mut following = Following::start(backend).await;
    let general = following.world.id("general");
    let leader = following.running.take();
    following.run();
    following.say(general, "while another process leads");
    following.until_equal(general).await;
    assert_eq!(following.status().stats().sessions, 0);
    drop(leader);
    following.say(general, "while no process leads");
    following.until("the lease expires", async |following| following.status().is_working()).await;
    following.until_equal(general).await;
    assert_eq!((following.status().stats().resumes, following.status().stats().sessions), (1, 0));
}
