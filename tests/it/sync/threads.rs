//! Threads and posts: every one is found, however it is listed.

use discord_simulator::{
    Act, Archive, ChannelChange, ChannelPlan, Fault, FaultRule, Origin, Simulator, ThreadPlan, kind,
};
use domain::job::JobState;
use domain::visibility::is_public;

use super::world::{MESSAGES, SyncOptions, World};

/// Every thread is held with its messages, and was read once.
async fn all_are_held(world: &World, parent: &str) {
    let parent = world.id(parent);
    let threads = world.simulator.threads(parent);
    assert!(!threads.is_empty());
    for thread in &threads {
        let held = world.channel(*thread).await.unwrap_or_else(|| panic!("thread {thread} was not found"));
        assert_eq!(held.parent_id, Some(world.of_channel(parent)));
        assert_eq!(world.held(*thread).await, world.true_ids(*thread));
    }
}

fn public(messages: u64) -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, messages)
}

async fn of(threads: Vec<ThreadPlan>) -> World {
    World::of(vec![ChannelPlan::new("general", kind::TEXT, 300).threads(threads)]).await
}

fn change(simulator: &Simulator, channel_id: u64, archived: bool) {
    let change = ChannelChange { archived: Some(archived), ..ChannelChange::default() };
    simulator.act(Act::UpdateChannel { channel_id, change }).unwrap();
}

#[tokio::test(start_paused = true)]
async fn archived_public_250() {
    let world = of((0..250).map(|_| public(2).archived(Archive::AfterLast)).collect()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "general").await;
}

#[tokio::test(start_paused = true)]
async fn archived_150_same_archive_timestamp() {
    let world = of((0..150).map(|_| public(2).archived(Archive::At(1_700_000_000_000_000))).collect()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "general").await;
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_never_ready_is_told() {
    let world = of((0..150).map(|_| public(2).archived(Archive::At(1_700_000_000_000_000))).collect()).await;
    world.simulator.fault(FaultRule::on("/channels/{c}/threads/search", 0, Fault::IndexNotReady));
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("archived threads of general"));
}

#[tokio::test(start_paused = true)]
async fn private_threads_are_stored_and_never_public() {
    let private = || ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 3).joined();
    let world = of(vec![private(), private().archived(Archive::AfterLast), public(3)]).await;
    world.sync().await;
    let parent = world.channel(world.id("general")).await.unwrap();
    let (mut private, mut open) = (0, 0);
    for id in world.simulator.threads(world.id("general")) {
        let Some(thread) = world.channel(id).await else { continue };
        assert_eq!(world.held(id).await, world.true_ids(id));
        if is_public(&thread, Some(&parent)) { open += 1 } else { private += 1 }
    }
    assert_eq!((private, open), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn thread_archived_and_thread_unarchived_between_lists() {
    let world = of(vec![public(3), public(3).archived(Archive::AfterLast), public(3)]).await;
    let threads = world.simulator.threads(world.id("general"));
    let (simulator, wakes, sleeps) = (&world.simulator, threads[1], threads[0]);
    let swap = || {
        change(simulator, wakes, false);
        change(simulator, sleeps, true);
    };
    world.sync_when(1, swap).await;
    all_are_held(&world, "general").await;
    for thread in threads {
        let read = world
            .simulator
            .requests(0)
            .into_iter()
            .filter(|request| request.route == MESSAGES && request.path.contains(&thread.to_string()));
        assert_eq!(read.count(), 2, "one page and its end");
    }
}

#[tokio::test(start_paused = true)]
async fn forum_post_starter_same_id() {
    let post = || ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 4);
    let plan = ChannelPlan::new("help", kind::FORUM, 0).threads(vec![post(), post().archived(Archive::AfterLast)]);
    let world = World::of(vec![plan]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "help").await;
    for post in world.simulator.threads(world.id("help")) {
        assert_eq!(world.held(post).await[0], post, "the first message of a post has the id of the post");
    }
}

#[tokio::test(start_paused = true)]
async fn named_channels_are_read_with_their_threads_and_no_others() {
    let world = World::of(vec![
        ChannelPlan::new("one", kind::TEXT, 20).threads(vec![public(3), public(3).archived(Archive::AfterLast)]),
        ChannelPlan::new("two", kind::TEXT, 20).threads(vec![public(3)]),
    ])
    .await;
    let channels = vec![world.id("one").to_string().parse().unwrap()];
    let job = world.run(SyncOptions { channels, ..Default::default() }).await;
    assert_eq!((job.kind, job.progress.channels_total), (domain::job::JobKind::Channels, 3));
    all_are_held(&world, "one").await;
    assert_eq!(world.held(world.id("two")).await, [0_u64; 0]);
}
