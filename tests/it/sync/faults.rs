//! A Discord that fails.

use discord_simulator::{ChannelPlan, Fault, FaultRule, LimitScope, kind};
use domain::job::JobState;

use super::world::{MESSAGES, World};

/// A guild of three channels whose requests for messages fail now and then is held in the end.
async fn survives(fault: Fault) {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 350)).to_vec();
    let world = World::of(plan).await;
    for nth in [2, 5, 9] {
        world.simulator.fault(FaultRule::on(MESSAGES, 1, fault.clone()).from_nth(nth));
    }
    let job = world.sync().await;
    assert_eq!((job.state, job.error), (JobState::Done, None), "{fault:?}");
    for name in ["one", "two", "three"] {
        assert_eq!(world.held(world.id(name)).await, world.true_ids(world.id(name)), "{fault:?}");
    }
    assert_eq!(job.progress.messages, 1_050, "no page is stored in part, and none twice");
}

#[tokio::test(start_paused = true)]
async fn server_errors_truncated_body_stall_and_reset() {
    for fault in [Fault::Status { status: 503, html: true }, Fault::Truncate, Fault::Stall, Fault::Reset] {
        survives(fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn limits_of_every_scope() {
    for scope in [LimitScope::User, LimitScope::Global, LimitScope::Shared] {
        survives(Fault::Limited { scope, retry_after: 3.0, header: Some("3".to_owned()) }).await;
    }
    survives(Fault::Cloudflare { retry_after: Some(60) }).await;
}
