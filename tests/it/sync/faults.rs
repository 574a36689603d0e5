//! A Discord that fails.

use discord_simulator::{BotChange, ChannelPlan, Fault, FaultRule, LimitScope, kind};
use domain::job::JobState;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, World};

cases![
    a_5xx_burst,
    truncated_body,
    stall,
    reset,
    global_429,
    shared_429,
    cloudflare_html_429,
    a_401_mid_run,
    a_403_storm_of_500_channels,
];

/// A guild of three channels is archived completely although message requests fail `times` in a row now and then.
async fn survives(backend: Backend, times: u64, fault: Fault) -> World {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 350)).to_vec();
    let world = World::of(backend, plan).await;
    for nth in [2, 6, 12] {
        world.simulator.fault(FaultRule::on(MESSAGES, times, fault.clone()).from_nth(nth));
    }
    let job = world.sync().await;
    assert_eq!((job.state, job.error), (JobState::Done, None), "{fault:?}");
    for name in ["one", "two", "three"] {
        world.assert_whole(world.id(name)).await;
    }
    assert_eq!(job.progress.messages, 1_050, "no page is stored in part, and none twice");
    world
}

async fn a_5xx_burst(backend: Backend) {
    for status in [500, 502, 503, 504, 524] {
        survives(backend, 3, Fault::Status { status, html: status > 500 }).await;
    }
}

async fn truncated_body(backend: Backend) {
    survives(backend, 1, Fault::Truncate).await;
    survives(backend, 1, Fault::InvalidJson).await;
}

async fn stall(backend: Backend) {
    survives(backend, 1, Fault::Stall).await;
}

async fn reset(backend: Backend) {
    survives(backend, 1, Fault::Reset).await;
}

fn limited(scope: LimitScope) -> Fault {
    Fault::Limited { scope, retry_after: 3.0, header: Some("3".to_owned()) }
}

/// The requests after the first 429, and the milliseconds from it to the arrival of the first of them.
fn wait_after_refusal(world: &World, route: &str) -> u64 {
    let requests = world.simulator.requests(0);
    let refused = requests.iter().find(|request| request.status == 429).unwrap();
    let next = requests.iter().find(|request| request.number > refused.number && request.route.starts_with(route));
    next.unwrap().at_ms - refused.at_ms
}

async fn global_429(backend: Backend) {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 350)).to_vec();
    let world = World::of(backend, plan).await;
    // The first: no other is under way yet.
    world.simulator.fault(FaultRule::on(MESSAGES, 1, limited(LimitScope::Global)));
    assert_eq!(world.sync().await.state, JobState::Done);
    let requests = world.simulator.requests(0);
    let refused = requests.iter().find(|request| request.status == 429).unwrap();
    let within = |request: &&discord_simulator::Request| {
        request.number > refused.number && request.at_ms < refused.at_ms + 3_000
    };
    // Requests sent before the 429 arrived cannot be taken back.
    let soon = requests.iter().filter(within).filter(|request| request.at_ms > refused.at_ms + 50).count();
    assert_eq!(soon, 0, "all of them wait");
    for name in ["one", "two", "three"] {
        world.assert_whole(world.id(name)).await;
    }
}

async fn shared_429(backend: Backend) {
    let world = survives(backend, 1, limited(LimitScope::Shared)).await;
    assert!(wait_after_refusal(&world, MESSAGES) < 3_000, "the other channels go on");
    assert_eq!(world.simulator.totals().invalid, 0);
}

async fn cloudflare_html_429(backend: Backend) {
    let world = survives(backend, 1, Fault::Cloudflare { retry_after: None }).await;
    let mut refused: Vec<u64> = world
        .simulator
        .requests(0)
        .iter()
        .filter(|request| request.status == 429)
        .map(|request| request.at_ms)
        .collect();
    refused.dedup();
    assert!(refused.windows(2).all(|two| two[1] - two[0] >= 60_000), "{refused:?}");
}

async fn a_401_mid_run(backend: Backend) {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 350)).to_vec();
    let world = World::of(backend, plan).await;
    let revoke = || world.change_bot(BotChange { token_revoked: Some(true), ..BotChange::default() });
    let job = world.sync_when(100, revoke).await;
    assert_eq!(job.state, JobState::Failed);
    assert!(job.error.unwrap().contains("token"));
    assert!(world.simulator.totals().by_status[&401] <= 3, "those that were on their way");
}

async fn a_403_storm_of_500_channels(backend: Backend) {
    let plan = (0..500).map(|number| ChannelPlan::new(&format!("c{number}"), kind::TEXT, 3)).collect();
    let world = World::of(backend, plan).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 0, Fault::NoAccess));
    assert_eq!(world.sync().await.state, JobState::Done);
    let invalid = world.simulator.totals().invalid;
    assert!(invalid < 600, "{invalid}");
    for id in world.simulator.channels() {
        let reason = world.coverage(id).await.unwrap().reason;
        assert_eq!(reason.as_deref(), Some("no_permission"));
    }
}
