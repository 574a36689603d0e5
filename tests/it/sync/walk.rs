//! Reading one channel to its start.

use discord_simulator::{ChannelPlan, Fault, FaultRule, kind};
use domain::coverage::CoverageState;
use domain::job::JobState;
use domain::message::MessageId;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World, shown_count};

cases![
    empty_channel,
    exactly_100,
    exactly_101,
    exactly_10_000,
    after_walk_newest_first_pages,
    same_millisecond_ties_out_of_id_order,
    short_page_mid_history,
    message_deleted_between_pages,
    a_channel_that_fails_stops_no_other,
    a_full_run_mends_a_count_that_is_wrong,
];

/// Reads a channel of that many messages; returns the number of requests.
async fn read(backend: Backend, messages: u64) -> usize {
    let world = World::channel_of(backend, messages).await;
    let general = world.id("general");
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(general).await;
    assert_eq!(world.held(general).await.len() as u64, messages);
    world.asked(MESSAGES)
}

async fn empty_channel(backend: Backend) {
    assert_eq!(read(backend, 0).await, 1);
}

async fn exactly_100(backend: Backend) {
    assert_eq!(read(backend, 100).await, 2);
}

async fn exactly_101(backend: Backend) {
    assert_eq!(read(backend, 101).await, 3);
}

async fn exactly_10_000(backend: Backend) {
    assert_eq!(read(backend, 10_000).await, 101);
}

async fn after_walk_newest_first_pages(backend: Backend) {
    let world = World::channel_of(backend, 120).await;
    let general = world.id("general");
    world.sync().await;
    for number in 0..350 {
        world.send(general, &format!("new {number}"));
    }
    world.sync().await;
    world.assert_whole(general).await;
    let requests = world.simulator.requests(0);
    let cursors: Vec<u64> = requests
        .iter()
        .filter(|request| request.route == MESSAGES)
        .filter_map(|request| request.query.split_once("after=")?.1.parse().ok())
        .collect();
    let ids = world.true_ids(general);
    assert!((ids[119]..ids[120]).contains(&cursors[0]), "from where the first run ended");
    // After that from the newest message of each page, with which the page begins.
    assert_eq!(cursors[1..], [ids[219], ids[319], ids[419], ids[469]]);
}

async fn same_millisecond_ties_out_of_id_order(backend: Backend) {
    let world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    for number in 0..250 {
        // The clock stops between two acts: they happen in one millisecond.
        world.send(general, &format!("at once {number}"));
    }
    world.pass();
    assert_eq!(world.sync().await.progress.messages, 250, "none is read twice");
    world.assert_whole(general).await;
}

async fn short_page_mid_history(backend: Backend) {
    let world = World::channel_of(backend, 450).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::ShortPage { keep: 7 }).from_nth(2));
    world.sync().await;
    world.assert_whole(world.id("general")).await;
}

async fn message_deleted_between_pages(backend: Backend) {
    let world = World::channel_of(backend, 350).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    // One that is stored already, one with which the next page begins, and one far before it.
    let gone = [ids[300], ids[249], ids[5]];
    world.sync_when(100, || world.delete(general, &gone)).await;
    let mut expected = world.true_ids(general);
    assert_eq!(expected.len(), 347);
    // A deletion in the part already read is found when that part is read again.
    expected.push(ids[300]);
    expected.sort_unstable();
    assert_eq!(world.held(general).await, expected);
    world.run(SyncOptions { full: true, ..Default::default() }).await;
    world.assert_whole(general).await;
    assert!(world.find(general, ids[300]).await.unwrap().is_deleted());
    for never_seen in &gone[1..] {
        assert!(world.find(general, *never_seen).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_store_refuses_costs_no_other_and_is_read_again() {
    let world = World::channel_of(Backend::Sqlite, 250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    world.refuse(ids[200]);
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 249));
    let mut rest = ids.clone();
    rest.remove(200);
    assert_eq!(world.held(general).await, rest);
    // Only the part after it is proven without a gap.
    let coverage = world.coverage(general).await.unwrap();
    let held = coverage.interval.unwrap();
    assert!(held.low().get() == ids[200] + 1 && held.high().get() >= ids[249], "{held:?}");
    assert_eq!((coverage.state(), coverage.start_reached), (CoverageState::Partial, false));
    assert_eq!(coverage.unreadable_count, 1);
    world.sync().await;
    let [kept] = &world.unreadable(general).await[..] else { panic!("one is kept aside, however often it is read") };
    assert_eq!((kept.message_id.map(MessageId::get), &kept.raw), (Some(ids[200]), &None));
    assert!(kept.reason.contains("NOT NULL") && kept.last_seen_at > kept.first_seen_at, "{kept:?}");
    world.refuse_no_more();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(general).await, ids);
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.unreadable_count), (CoverageState::Complete, 0));
}

async fn a_channel_that_fails_stops_no_other(backend: Backend) {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 150)).to_vec();
    let world = World::of(backend, plan).await;
    let broken = world.id("two");
    let fault = Fault::Status { status: 400, html: false };
    world.simulator.fault(FaultRule::on(MESSAGES, 0, fault).in_channel(broken));
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.as_deref().is_some_and(|error| error.starts_with("two: ")), "{:?}", job.error);
    for name in ["one", "three"] {
        world.assert_whole(world.id(name)).await;
    }
    world.simulator.clear_faults();
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(broken).await;
}

async fn a_full_run_mends_a_count_that_is_wrong(backend: Backend) {
    let world = World::channel_of(backend, 250).await;
    let general = world.id("general");
    world.sync().await;
    let mut unit = world.store.begin().await.unwrap();
    assert_eq!(unit.messages().delete_first(world.of_channel(general), 30).await.unwrap(), 30);
    unit.commit().await.unwrap();
    let count = shown_count(&world.simulator.messages(general, 0, usize::MAX));
    assert_eq!(world.coverage(general).await.unwrap().message_count, count);
    // Restored messages count once more, until all are counted.
    world.run(SyncOptions { full: true, ..SyncOptions::default() }).await;
    world.assert_whole(general).await;
}
