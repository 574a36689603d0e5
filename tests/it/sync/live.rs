//! Following a guild by its events: whatever comes, repeated, late, reordered or not at all, the archive in the end equals
//! the guild.

mod files;
mod gaps;
mod messages;
mod outages;
mod storm;
mod structure;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapter_discord::DiscordGateway;
use app_core::live::{Live, LiveStatus};
use app_core::removals::Removals;
use app_core::sync::{Schedule, SyncJobs, Worker};
use discord_simulator::{Act, ChannelPlan, GatewayFault, Options, Origin, ThreadPlan, kind};
use domain::coverage::CoverageState;
use domain::job::{Job, JobState};
use domain::message::MessageId;
use domain::pseudonym::Pseudonymizer;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::backend::Backend;
use super::world::{KEY, MESSAGES, Media, World};

/// A process that follows the guild of a simulator.
struct Following {
    world: World,
    schedule: Schedule,
    running: Option<Running>,
}

/// The parts of the process.
struct Running {
    jobs: SyncJobs,
    status: LiveStatus,
    stop: CancellationToken,
    task: JoinHandle<()>,
    removing: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
        self.removing.abort();
    }
}

fn plan() -> Vec<ChannelPlan> {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 3);
    vec![
        ChannelPlan::new("general", kind::TEXT, 120).threads(vec![thread]),
        ChannelPlan::new("other", kind::TEXT, 5),
        ChannelPlan::new("help", kind::FORUM, 0),
    ]
}

impl Following {
    /// A guild whose history is stored, and that is followed.
    async fn start(backend: Backend) -> Self {
        let mut following = Self::of(World::start(backend, Options::planned(1, plan()).unlimited()).await);
        following.run();
        following.until("the first sync is done", async |following| following.is_idle().await).await;
        following
    }

    fn of(mut world: World) -> Self {
        world.media.get_or_insert_with(Media::new);
        Self { world, schedule: Schedule::default(), running: None }
    }

    /// Starts a process.
    fn run(&mut self) {
        let (process, media) = (self.world.process(), Arc::clone(&self.world.media.as_ref().unwrap().store));
        let (store, clock, jobs) = (Arc::clone(&self.world.store), self.world.clock(), process.jobs.clone());
        let events = Arc::new(DiscordGateway::new(Arc::clone(&process.client), Arc::clone(&clock)));
        let guilds = Arc::clone(&process.client);
        let removals = Removals::new(Arc::clone(&store), media, Arc::clone(&clock));
        let live = Live::new(Arc::clone(&store), events, guilds, KEY, Arc::clone(&clock), jobs.clone())
            .with_removals(removals.clone());
        let status = live.status();
        let (client, candidate, syncer) = (process.client, process.candidate, process.syncer);
        let worker =
            Worker::new(store, client, clock, candidate, syncer, jobs.clone(), self.schedule).with_live(Arc::new(live));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { worker.run(stopped).await });
        let stopped = stop.clone();
        let removing = tokio::spawn(async move { removals.run(stopped).await });
        self.running = Some(Running { jobs, status, stop, task, removing });
    }

    /// Ends the process as SIGTERM does.
    async fn stop(&mut self) {
        let mut running = self.running.take().unwrap();
        running.stop.cancel();
        (&mut running.task).await.unwrap();
        (&mut running.removing).await.unwrap();
    }

    /// Ends the process as SIGKILL does: nothing more is stored or sent.
    fn kill(&mut self) {
        self.running = None;
    }

    fn status(&self) -> &LiveStatus {
        &self.running.as_ref().unwrap().status
    }

    async fn jobs(&self) -> Vec<Job> {
        self.running.as_ref().unwrap().jobs.list(self.world.tenant.id, None, 100).await.unwrap().0
    }

    /// Returns whether events arrive and every job is done.
    async fn is_idle(&self) -> bool {
        let jobs = self.jobs().await;
        self.status().is_working() && !jobs.is_empty() && jobs.iter().all(|job| job.state == JobState::Done)
    }

    /// Waits until the archive has a state.
    async fn until(&self, what: &str, is: impl AsyncFn(&Self) -> bool) {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..6_000 {
            looks.tick().await;
            if is(self).await {
                return;
            }
        }
        panic!("five minutes passed, and not: {what}; {:?}", self.jobs().await);
    }

    /// Waits until a channel is archived exactly as it is.
    async fn until_equal(&self, channel: u64) {
        let people = Pseudonymizer::new(&KEY, self.world.tenant.id);
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..1_200 {
            looks.tick().await;
            let truth = ledger::of_shown(&self.world.simulator.messages(channel, 0, usize::MAX), &people);
            let held = ledger::of_held(&*self.world.store, self.world.of_channel(channel)).await;
            let coverage = self.world.coverage(channel).await;
            let is_whole = coverage.is_some_and(|coverage| coverage.state() == CoverageState::Complete);
            if is_whole && held.ok().as_ref() == Some(&truth) {
                break;
            }
        }
        self.world.assert_whole(channel).await;
    }

    /// Asserts that every message that a channel's coverage claims is stored.
    async fn assert_claims(&self, channel: u64) {
        let (world, id) = (&self.world, self.world.of_channel(channel));
        let held: BTreeSet<u64> = world.held(channel).await.into_iter().collect();
        let mut at = world.store.read().await.unwrap();
        let (segments, coverage) =
            (at.coverage().segments(id).await.unwrap(), at.coverage().find(id).await.unwrap().unwrap());
        for real in world.true_ids(channel) {
            let message = MessageId::new(real).unwrap();
            let is_claimed = segments.absent_at(message).is_some()
                || coverage.interval.is_some_and(|interval| interval.contains(message));
            assert!(!is_claimed || held.contains(&real), "{real} in {channel} is claimed: {coverage:?}, {segments:?}");
        }
    }

    fn act(&self, act: Act) -> Value {
        self.world.simulator.act(act).unwrap()
    }

    /// Writes into a channel; returns the id of the message.
    fn say(&self, channel_id: u64, content: &str) -> u64 {
        self.say_raw(channel_id, content, Map::new())
    }

    fn say_raw(&self, channel_id: u64, content: &str, raw: Map<String, Value>) -> u64 {
        let sent = self.act(Act::Send { channel_id, content: content.to_owned(), raw });
        sent["id"].as_str().unwrap().parse().unwrap()
    }

    fn fault(&self, fault: &GatewayFault) {
        self.world.simulator.gateway_fault(fault);
    }

    /// Sends an event of the guild.
    fn event(&self, name: &str, mut data: Value) {
        data["guild_id"] = Value::String(self.world.simulator.guild_id().to_string());
        self.fault(&GatewayFault::Event { name: name.to_owned(), data });
    }

    /// Waits until every event so far is stored: a last message proves it, because the events of a guild are in order.
    async fn settle(&self) {
        let other = self.world.id("other");
        let last = self.say(other, "a last one");
        self.until("the last event is stored", async |following| following.world.find(other, last).await.is_some())
            .await;
    }

    /// The number of requests for messages.
    fn requests(&self) -> usize {
        self.world.asked(MESSAGES)
    }
}
