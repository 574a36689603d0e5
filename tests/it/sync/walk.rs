//! Reading one channel to its start.

use discord_simulator::{Act, ChannelPlan, Fault, FaultRule, kind};
use domain::coverage::CoverageState;
use domain::job::JobState;
use serde_json::Value;

use super::world::{MESSAGES, World};

/// Reads a channel of that many messages, and gives how many requests that took.
async fn read(messages: u64) -> usize {
    let world = World::channel_of(messages).await;
    let general = world.id("general");
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(general).await, world.true_ids(general));
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.message_count), (CoverageState::Complete, messages));
    world.asked(MESSAGES)
}

#[tokio::test(start_paused = true)]
async fn empty_channel() {
    assert_eq!(read(0).await, 1);
}

#[tokio::test(start_paused = true)]
async fn exactly_100() {
    assert_eq!(read(100).await, 2);
}

#[tokio::test(start_paused = true)]
async fn exactly_101_and_many_more() {
    assert_eq!(read(101).await, 3);
    assert_eq!(read(10_000).await, 101);
}

#[tokio::test(start_paused = true)]
async fn short_page_mid_history() {
    let world = World::channel_of(450).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::ShortPage { keep: 7 }).from_nth(2));
    world.sync().await;
    let general = world.id("general");
    assert_eq!(world.held(general).await, world.true_ids(general));
    assert_eq!(world.coverage(general).await.unwrap().state(), CoverageState::Complete);
}

#[tokio::test(start_paused = true)]
async fn message_deleted_between_pages() {
    let world = World::channel_of(350).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    // One that is stored already, one that the next page begins with, and one far below.
    world.sync_when(100, || world.delete(general, &[ids[300], ids[249], ids[5]])).await;
    let mut expected = world.true_ids(general);
    assert_eq!(expected.len(), 347);
    // What went from the part that was read already is found when that part is read again.
    expected.push(ids[300]);
    expected.sort_unstable();
    assert_eq!(world.held(general).await, expected);
    assert_eq!(world.coverage(general).await.unwrap().state(), CoverageState::Complete);
}

#[tokio::test(start_paused = true)]
async fn malformed_message_in_page() {
    let world = World::channel_of(250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    let name = |id: Value| {
        let raw = [("id".to_owned(), id)].into_iter().collect();
        world.simulator.act(Act::Edit { channel_id: general, message_id: ids[200], content: None, raw }).unwrap();
    };
    name(Value::Null);
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 249));
    assert_eq!(world.held(general).await.len(), 249);
    // The page that it stands in proves nothing, so the next run reads it again.
    let held = world.coverage(general).await.unwrap().interval.unwrap();
    assert_eq!((held.low().get(), held.high().get()), (ids[0], ids[150] - 1));
    name(ids[200].to_string().into());
    assert_eq!(world.sync().await.progress.messages, 100);
    assert_eq!(world.held(general).await, ids);
    assert_eq!(world.coverage(general).await.unwrap().interval.unwrap().high().get(), ids[249]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_fails_stops_no_other() {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 150)).to_vec();
    let world = World::of(plan).await;
    let broken = world.id("two");
    let fault = Fault::Status { status: 400, html: false };
    world.simulator.fault(FaultRule::on(MESSAGES, 0, fault).in_channel(broken));
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.as_deref().is_some_and(|error| error.starts_with("two: ")), "{:?}", job.error);
    for name in ["one", "three"] {
        assert_eq!(world.held(world.id(name)).await, world.true_ids(world.id(name)));
    }
    world.simulator.clear_faults();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(broken).await, world.true_ids(broken));
}
