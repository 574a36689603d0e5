//! A platform, a gateway or a store that does not answer for a long time.

use std::sync::Arc;
use std::time::Duration;

use app_core::sync::Schedule;
use async_trait::async_trait;
use discord_simulator::{Act, Fault, FaultRule, GatewayFault, Match, Options};
use domain::job::{Job, JobState};
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::super::backend::{Backend, cases};
use super::super::world::{MESSAGES, World};
use super::{Following, plan};

cases![
    a_platform_that_is_down_for_an_hour_is_caught_up_with,
    a_platform_that_is_down_during_the_first_sync_is_read_afterwards,
    a_gateway_that_falls_silent_is_left_and_the_session_resumed,
    a_gateway_that_greets_no_connection_is_caught_up_with,
    a_gap_whose_sync_failed_is_closed_by_the_next_one_soon,
    case_68_slow_database_30s,
];

impl Following {
    /// Makes every request fail, and the gateway refuse connections.
    fn go_down(&self) {
        let fault = Fault::Status { status: 503, html: true };
        self.world.simulator.fault(FaultRule { matching: Match::default(), count: 0, action: fault });
        self.fault(&GatewayFault::Refuse { on: true });
    }

    fn come_back(&self) {
        self.world.simulator.clear_faults();
        self.fault(&GatewayFault::Refuse { on: false });
    }

    /// Lets people write, change and delete for this long, and asserts all the while that coverage claims only messages
    /// that are stored.
    async fn live_on(&self, length: Duration) {
        let (world, general, other) = (&self.world, self.world.id("general"), self.world.id("other"));
        for part in 0..12 {
            let ids = [1, 2, 3].map(|number| self.say(general, &format!("{part}, {number}")));
            world.edit(general, ids[0], "changed");
            world.delete(general, &ids[1..2]);
            self.say(other, &format!("part {part}"));
            sleep(length / 12).await;
            for channel in [general, other] {
                self.assert_claims(channel).await;
            }
        }
    }

    /// Waits until the archive equals the guild.
    async fn until_caught_up(&self) {
        self.until("it is caught up with", async |following| {
            following.status().is_working() && following.jobs().await.iter().all(Job::has_ended)
        })
        .await;
        let world = &self.world;
        for channel in world.simulator.channels().into_iter().filter(|channel| *channel != world.id("help")) {
            self.until_equal(channel).await;
            self.assert_claims(channel).await;
        }
    }
}

async fn a_platform_that_is_down_for_an_hour_is_caught_up_with(backend: Backend) {
    let following = Following::start(backend).await;
    following.go_down();
    following.live_on(Duration::from_hours(1)).await;
    following.act(Act::CreateThread {
        channel_id: following.world.id("help"),
        name: "Is it down?".to_owned(),
        message_id: None,
        private: false,
        content: "For me, too.".to_owned(),
    });
    assert!(!following.status().is_working());
    following.come_back();
    following.until_caught_up().await;
}

async fn a_platform_that_is_down_during_the_first_sync_is_read_afterwards(backend: Backend) {
    let options = Options { rest_latency_ms: 200, ..Options::planned(1, plan()).unlimited() };
    let mut following = Following::of(World::start(backend, options).await);
    following.run();
    let requests = following.requests();
    following.until("it is being read", async |following| following.requests() > requests).await;
    following.go_down();
    following.live_on(Duration::from_mins(20)).await;
    following.come_back();
    following.until_caught_up().await;
}

async fn a_gateway_that_falls_silent_is_left_and_the_session_resumed(backend: Backend) {
    let following = Following::start(backend).await;
    let syncs = following.jobs().await.len();
    following.fault(&GatewayFault::NoAck { on: true });
    following.fault(&GatewayFault::Hold { on: true });
    following.live_on(Duration::from_mins(4)).await;
    following.fault(&GatewayFault::NoAck { on: false });
    following.fault(&GatewayFault::Hold { on: false });
    following.until_caught_up().await;
    let stats = following.status().stats();
    assert!(stats.resumes > 0 && stats.sessions == 1, "{stats:?}");
    assert_eq!(following.jobs().await.len(), syncs, "nothing was missed");
}

async fn a_gateway_that_greets_no_connection_is_caught_up_with(backend: Backend) {
    let following = Following::start(backend).await;
    following.fault(&GatewayFault::Mute { on: true });
    following.fault(&GatewayFault::Drop);
    following.live_on(Duration::from_mins(20)).await;
    following.fault(&GatewayFault::Mute { on: false });
    following.until_caught_up().await;
}

async fn a_gap_whose_sync_failed_is_closed_by_the_next_one_soon(backend: Backend) {
    let world = World::start(backend, Options::planned(1, plan()).unlimited()).await;
    let mut following = Following::of(world);
    let (every, every_with_events) = (Some(Duration::from_mins(10)), Some(Duration::from_hours(6)));
    following.schedule = Schedule { every, every_with_events, full_every: None };
    following.run();
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    let general = following.world.id("general");
    let fault = Fault::Status { status: 503, html: true };
    following.world.simulator.fault(FaultRule::on(MESSAGES, 0, fault));
    following.fault(&GatewayFault::Lose { count: 1 });
    following.say(general, "lost");
    following.fault(&GatewayFault::InvalidSession { resumable: false });
    let has_failed = async |following: &Following| following.jobs().await[0].state == JobState::Failed;
    // Each request is repeated for minutes.
    let mut looks = tokio::time::interval(Duration::from_mins(1));
    let failed = async {
        while !has_failed(&following).await {
            looks.tick().await;
        }
    };
    timeout(Duration::from_hours(2), failed).await.expect("the sync of the gap fails");
    following.world.simulator.clear_faults();
    sleep(Duration::from_mins(11)).await;
    following.until_caught_up().await;
    let jobs = following.jobs().await;
    assert_eq!(jobs[0].state, JobState::Done);
    sleep(Duration::from_mins(11)).await;
    assert_eq!(following.jobs().await.len(), jobs.len(), "while events arrive, the longer interval applies");
}

/// A store that stalls on demand.
struct Stalling {
    store: Arc<dyn Store>,
    stalls: watch::Sender<bool>,
}

impl Stalling {
    async fn pass(&self) {
        // The sender lives as long as `self`.
        self.stalls.subscribe().wait_for(|stalls| !stalls).await.unwrap();
    }
}

#[async_trait]
impl Store for Stalling {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        self.pass().await;
        self.store.read().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        self.pass().await;
        self.store.begin().await
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store.status().await
    }
}

async fn case_68_slow_database_30s(backend: Backend) {
    // The simulator closes a connection that sends nothing for two heartbeats.
    let options = Options { heartbeat_interval_ms: 2_000, ..Options::planned(1, plan()).unlimited() };
    let mut world = World::start(backend, options).await;
    let (stalls, _) = watch::channel(false);
    world.store = Arc::new(Stalling { store: Arc::clone(&world.store), stalls: stalls.clone() });
    let mut following = Following::of(world);
    following.run();
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    let (general, syncs) = (following.world.id("general"), following.jobs().await.len());
    let requests = following.requests();
    stalls.send_replace(true);
    let (padding, begun) = ("x".repeat(64 << 10), Instant::now());
    while begun.elapsed() < Duration::from_secs(30) {
        following.say(general, "while the store stalls");
        let data = json!({"id": "1", "channel_id": general.to_string(), "padding": padding});
        following.event("MESSAGE_DELETE", data);
        sleep(Duration::from_millis(30)).await;
    }
    let stats = following.status().stats();
    let in_memory = stats.queued_bytes - stats.spilled_bytes.min(stats.queued_bytes);
    assert!(stats.queued_events > 1_000 && in_memory <= 64 << 20, "{stats:?}");
    stalls.send_replace(false);
    following.until_equal(general).await;
    let stats = following.status().stats();
    assert_eq!((stats.reconnects, stats.sessions, stats.queued_events), (0, 1, 0), "{stats:?}");
    assert_eq!((following.requests(), following.jobs().await.len()), (requests, syncs), "events are enough");
}
