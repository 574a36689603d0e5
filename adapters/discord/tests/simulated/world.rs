//! A simulator, a client, and a common clock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use adapter_discord::{ClientConfig, DiscordClient};
use discord_simulator::{ChannelPlan, Clock as Time, Limits, Options, Simulator, ThreadPlan, kind};
use domain::access::{GuildChannel, GuildStructure};
use domain::message::MessageId;
use domain::pseudonym::{PseudonymKey, Pseudonymizer};
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::guild::{FetchedPage, GuildError, GuildScope, GuildSource as _, MessageCursor, Priority};
use tokio::task::JoinHandle;

/// The step in which the time advances.
const STEP: Duration = Duration::from_millis(5);

/// The simulator's time, as the adapter reads it.
struct SimulatedClock(Arc<Time>);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.now_ms().try_into().unwrap()).unwrap()
    }
}

fn clock_of(simulator: &Simulator) -> Arc<dyn Clock> {
    Arc::new(SimulatedClock(simulator.clock()))
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) client: Arc<DiscordClient>,
    pub(crate) scope: GuildScope,
    time: JoinHandle<()>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl World {
    /// Needs the paused time of a test: the runtime advances it when all tasks are idle, and the simulator's follows.
    pub(crate) async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options.manual_clock()).await.unwrap();
        let clock = simulator.clock();
        let time = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(STEP);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                clock.advance(STEP.as_millis().try_into().unwrap());
            }
        });
        let mut config = ClientConfig::new(simulator.token().parse().unwrap());
        config.api = simulator.api_url().parse().unwrap();
        let client = DiscordClient::new(config, clock_of(&simulator));
        let platform_id = PlatformId::new(&simulator.guild_id().to_string()).unwrap();
        let tenant = TenantId::of(Platform::Discord, &platform_id);
        let people = Arc::new(Pseudonymizer::new(&PseudonymKey::new([9; 32]), tenant));
        let scope = GuildScope { tenant, guild: platform_id.as_str().parse().unwrap(), people, background: false };
        Self { simulator, client: Arc::new(client), scope, time }
    }

    /// These channels, without limits.
    pub(crate) async fn of(plan: Vec<ChannelPlan>) -> Self {
        Self::start(Options::planned(1, plan).unlimited()).await
    }

    /// These channels, with these limits.
    pub(crate) async fn limited(plan: Vec<ChannelPlan>, limits: Limits) -> Self {
        Self::start(Options { limits, ..Options::planned(1, plan) }).await
    }

    /// One text channel of that many messages, with threads.
    pub(crate) async fn channel_of(messages: u64, threads: Vec<ThreadPlan>) -> (Self, GuildChannel) {
        let world = Self::of(vec![ChannelPlan::new("general", kind::TEXT, messages).threads(threads)]).await;
        let general = world.channel("general").await;
        (world, general)
    }

    pub(crate) async fn structure(&self) -> GuildStructure {
        self.client.structure(&self.scope).await.unwrap()
    }

    /// The channel of this name, as the bot sees it.
    pub(crate) async fn channel(&self, name: &str) -> GuildChannel {
        let structure = self.structure().await;
        structure.channels.into_iter().find(|channel| channel.channel.name == name).unwrap()
    }

    pub(crate) async fn fetch(&self, channel: &GuildChannel, cursor: MessageCursor) -> Result<FetchedPage, GuildError> {
        self.client.messages(&self.scope, channel, cursor, Priority::Backfill).await
    }

    /// The newest page.
    pub(crate) async fn newest(&self, channel: &GuildChannel) -> Result<FetchedPage, GuildError> {
        self.fetch(channel, MessageCursor::Before(MessageId::MAX)).await
    }

    /// Every page from `cursor` to the end.
    pub(crate) async fn walk(&self, channel: &GuildChannel, cursor: MessageCursor) -> Vec<FetchedPage> {
        let (mut pages, mut next) = (Vec::new(), Some(cursor));
        while let Some(cursor) = next {
            let fetched = self.fetch(channel, cursor).await.unwrap();
            next = fetched.next;
            pages.push(fetched);
        }
        pages
    }

    /// The number of requests of a route.
    pub(crate) fn asked(&self, route: &str) -> usize {
        self.simulator.requests(0).iter().filter(|request| request.route == route).count()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        clock_of(&self.simulator)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.simulator.clock().now_ms()
    }
}

/// The ids of some pages, ascending; a repeated one panics.
pub(crate) fn ids(pages: &[FetchedPage]) -> Vec<u64> {
    let all: Vec<u64> =
        pages.iter().flat_map(|fetched| fetched.page.messages()).map(|message| message.id.get()).collect();
    let once: BTreeSet<u64> = all.iter().copied().collect();
    assert_eq!(once.len(), all.len(), "no message comes twice");
    once.into_iter().collect()
}

/// The ids of the messages that a channel really has.
pub(crate) fn true_ids(simulator: &Simulator, channel: u64) -> Vec<u64> {
    let all = simulator.messages(channel, 0, usize::MAX);
    all.iter().map(|message| message["id"].as_str().unwrap().parse().unwrap()).collect()
}
