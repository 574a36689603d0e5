//! The gateway: every event comes once and in order, whatever happens to the connection.

mod events;
mod faults;
mod spill;

use std::collections::BTreeMap;
use std::sync::Arc;

use adapter_discord::DiscordGateway;
use discord_simulator::{Act, ChannelPlan, GatewayFault, Options, Origin, Simulator, ThreadPlan, kind};
use domain::event::{Event, MessageChange};
use domain::guild::GuildSnowflake;
use domain::message::Message;
use ports::event::{
    EventSource as _, EventStream, GatewayError, GatewaySession, GatewayStats, GuildDirectory, Received, ShardId,
};
use ports::guild::GuildScope;
use serde_json::{Map, Value};

use crate::world::World;

const ONE: ShardId = ShardId { index: 0, count: 1 };

/// The guild of a simulator, as the only one that is archived.
struct OnlyGuild(GuildScope);

impl GuildDirectory for OnlyGuild {
    fn scope(&self, guild: GuildSnowflake) -> Option<GuildScope> {
        (guild == self.0.guild).then(|| self.0.clone())
    }
}

/// A simulator, and a stream of its events.
struct Live {
    world: World,
    source: DiscordGateway,
    /// `None` between two processes.
    stream: Option<Box<dyn EventStream>>,
    /// The session, with the number of the last event.
    session: Option<GatewaySession>,
}

impl Live {
    /// Two channels, `general` with a thread and a forum `help`, and a stream that has received the guild.
    async fn start() -> Self {
        Self::of(Options::planned(1, plan()).unlimited()).await
    }

    async fn of(options: Options) -> Self {
        let mut live = Self::connect(options, ONE).await;
        live.until_available().await;
        live
    }

    async fn connect(options: Options, shard: ShardId) -> Self {
        let world = World::start(options).await;
        let source = DiscordGateway::new(Arc::clone(&world.client), world.clock());
        let stream = source.connect(shard, None, Arc::new(OnlyGuild(world.scope.clone()))).unwrap();
        Self { world, source, stream: Some(stream), session: None }
    }

    /// Another stream, as of another process.
    fn open(&self, shard: ShardId, resume: Option<GatewaySession>) -> Box<dyn EventStream> {
        self.source.connect(shard, resume, Arc::new(OnlyGuild(self.world.scope.clone()))).unwrap()
    }

    /// Closes the stream.
    async fn close(&mut self) {
        self.stream.take().unwrap().close().await;
    }

    /// Resumes the session in a new process.
    fn resume(&mut self) {
        self.stream = Some(self.open(ONE, self.session.clone()));
    }

    fn simulator(&self) -> &Simulator {
        &self.world.simulator
    }

    fn fault(&self, fault: &GatewayFault) {
        self.simulator().gateway_fault(fault);
    }

    fn channel(&self, name: &str) -> u64 {
        self.simulator().channel(name).unwrap()
    }

    fn act(&self, act: &Value) -> Value {
        let parsed = serde_json::from_value(act.clone()).unwrap();
        self.simulator().act(parsed).unwrap_or_else(|error| panic!("{act}: {error}"))
    }

    /// Writes into `general`.
    fn say(&self, content: &str) {
        let channel_id = self.channel("general");
        self.simulator().act(Act::Send { channel_id, content: content.to_owned(), raw: Map::new() }).unwrap();
    }

    fn stats(&self) -> GatewayStats {
        self.source.stats()
    }

    /// The next event, of which the session keeps the number.
    async fn next(&mut self) -> Result<Received, GatewayError> {
        let received = self.stream.as_mut().unwrap().next().await?;
        let sequence = match &received {
            Received::Ready(session) => {
                self.session = Some(session.clone());
                session.sequence
            }
            Received::Resumed { sequence } | Received::Event { sequence, .. } | Received::Skipped { sequence } => {
                *sequence
            }
        };
        if let Some(session) = &mut self.session {
            session.sequence = sequence;
        }
        Ok(received)
    }

    /// The next event of the guild; no session may begin before it.
    async fn event(&mut self) -> Event {
        loop {
            match self.next().await.unwrap() {
                Received::Event { event, guild, .. } => {
                    assert_eq!(guild, self.world.scope.guild);
                    return *event;
                }
                Received::Ready(_) => panic!("a new session"),
                Received::Resumed { .. } | Received::Skipped { .. } => {}
            }
        }
    }

    /// The next new message, after events of other kinds.
    async fn message(&mut self) -> Message {
        loop {
            if let Event::Message { change: MessageChange::Created(message), .. } = self.event().await {
                return *message;
            }
        }
    }

    /// The contents of the next new messages until `last`.
    async fn contents(&mut self, last: &str) -> Vec<String> {
        let mut contents = Vec::new();
        while contents.last().is_none_or(|content| content != last) {
            contents.push(self.message().await.content);
        }
        contents
    }

    /// Waits for the session that the stream begins or resumes; returns whether it is a new one.
    async fn session(&mut self) -> bool {
        loop {
            match self.next().await.unwrap() {
                Received::Ready(_) => return true,
                Received::Resumed { .. } => return false,
                Received::Event { .. } | Received::Skipped { .. } => {}
            }
        }
    }

    async fn until_available(&mut self) {
        loop {
            if let Received::Event { event, .. } = self.next().await.unwrap()
                && let Event::GuildAvailable { .. } = *event
            {
                return;
            }
        }
    }
}

fn plan() -> Vec<ChannelPlan> {
    vec![
        ChannelPlan::new("general", kind::TEXT, 10).threads(vec![ThreadPlan::new(
            kind::PUBLIC_THREAD,
            Origin::Standalone,
            3,
        )]),
        ChannelPlan::new("help", kind::FORUM, 0),
    ]
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

fn counts(stats: &GatewayStats) -> BTreeMap<&str, u64> {
    stats.events.iter().map(|(name, count)| (name.as_str(), *count)).collect()
}
