//! The changes that a run finds from a time without runs.

use std::sync::Arc;
use std::time::Duration;

use app_core::browse::{Audience, Browse};
use discord_simulator::{Act, ChannelChange, ChannelPlan, Origin, ThreadPlan, kind};
use domain::job::JobState;
use domain::message::MessageId;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    a_week_of_downtime_hides_no_edit_and_no_deletion,
    a_run_that_failed_in_a_channel_is_no_recheck_of_it,
    a_recheck_reads_no_more_than_its_window,
    coverage_reports_what_a_requested_sync_is_going_to_recheck,
];

/// Lets days pass without a run.
fn pass_hours(world: &World, hours: u64) {
    world.simulator.clock().advance(u64::try_from(Duration::from_hours(hours).as_millis()).unwrap());
}

fn changed(world: &World, channel: u64, edited: u64, gone: u64) {
    world.edit(channel, edited, "changed");
    world.delete(channel, &[gone]);
}

async fn assert_found(world: &World, channel: u64, edited: u64, gone: u64) {
    assert_eq!(world.find(channel, edited).await.unwrap().message.content, "changed", "{channel}");
    assert!(world.find(channel, gone).await.unwrap().is_deleted(), "{channel}");
    world.assert_whole(channel).await;
}

async fn a_week_of_downtime_hides_no_edit_and_no_deletion(backend: Backend) {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 3);
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 50).threads(vec![thread.clone(), thread])];
    let world = World::of(backend, plan).await;
    let general = world.id("general");
    let [active, archived] = world.simulator.threads(general)[..] else { panic!("two threads") };
    let channels = [general, active, archived];
    assert_eq!(world.sync().await.state, JobState::Done);
    for channel in channels {
        for number in 0..130 {
            world.send(channel, &format!("message {number}"));
        }
    }
    let archive = |archived| ChannelChange { archived: Some(archived), ..ChannelChange::default() };
    world.simulator.act(Act::UpdateChannel { channel_id: archived, change: archive(true) }).unwrap();
    // They are read within a day, and once more when nothing has changed since.
    for _ in 0..2 {
        pass_hours(&world, 1);
        assert_eq!(world.sync().await.state, JobState::Done);
    }
    let ids = channels.map(|channel| world.true_ids(channel).split_off(world.true_ids(channel).len() - 130));
    // After that no process runs for a week, in which messages are edited and deleted, and others are written.
    pass_hours(&world, 3);
    for (channel, ids) in channels.iter().zip(&ids) {
        changed(&world, *channel, ids[3], ids[4]);
    }
    pass_hours(&world, 7 * 24);
    changed(&world, general, ids[0][100], ids[0][129]);
    world.send(general, "new");
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    for (channel, ids) in channels.iter().zip(&ids) {
        assert_found(&world, *channel, ids[3], ids[4]).await;
    }
    assert_found(&world, general, ids[0][100], ids[0][129]).await;
}

async fn a_run_that_failed_in_a_channel_is_no_recheck_of_it(backend: Backend) {
    let world = World::of(backend, vec![ChannelPlan::new("general", kind::TEXT, 50)]).await;
    let general = world.id("general");
    world.send(general, "one");
    world.send(general, "two");
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    let [edited, gone] = world.true_ids(general)[50..] else { panic!("two messages") };
    changed(&world, general, edited, gone);
    pass_hours(&world, 72);
    let fault = discord_simulator::Fault::Status { status: 400, html: false };
    world.simulator.fault(discord_simulator::FaultRule::on(MESSAGES, 0, fault));
    assert_eq!(world.sync().await.state, JobState::Failed);
    pass_hours(&world, 72);
    world.simulator.clear_faults();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_found(&world, general, edited, gone).await;
}

async fn a_recheck_reads_no_more_than_its_window(backend: Backend) {
    let world = World::channel_of(backend, 1_000).await;
    let general = world.id("general");
    world.send(general, "new");
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    for _ in 0..3 {
        pass_hours(&world, 20);
        let asked = world.asked(MESSAGES);
        assert_eq!(world.sync().await.state, JobState::Done);
        assert!(world.asked(MESSAGES) - asked <= 1);
    }
    // Days later the window is empty.
    pass_hours(&world, 24);
    let asked = world.asked(MESSAGES);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.asked(MESSAGES), asked);
    world.assert_whole(general).await;
}

async fn coverage_reports_what_a_requested_sync_is_going_to_recheck(backend: Backend) {
    let world = World::channel_of(backend, 50).await;
    let general = world.of_channel(world.id("general"));
    let repairing = async || {
        let mut at = Browse::new(Arc::clone(&world.store)).open(Audience::Admin).await;
        let (coverage, _) = at.coverage(&world.tenant, None, 50).await.unwrap();
        coverage.into_iter().find(|view| view.coverage.channel_id == general).unwrap().repairing
    };
    world.send(world.id("general"), "recent");
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(repairing().await, None);
    let process = world.process();
    let job = process.request(&SyncOptions::default()).await;
    let repair = repairing().await.unwrap();
    let newest = world.true_ids(world.id("general")).pop().unwrap();
    assert_eq!((repair.since, repair.interval.contains(MessageId::new(newest).unwrap())), (job.created_at, true));
    world.sync().await;
    assert_eq!(repairing().await, None);
}
