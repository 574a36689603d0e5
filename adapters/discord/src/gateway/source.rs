//! The source of events: the advice of the platform, and the streams of shards.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::clock::Clock;
use ports::event::{
    EventSource, EventStream, GatewayError, GatewayPlan, GatewaySession, GatewayStats, GuildDirectory, Refusal,
    SESSION_RESERVE, ShardId,
};
use ports::guild::{GuildError, Priority};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use twilight_gateway::queue::InMemoryQueue;

use super::address::gateway;
use super::counters::Counters;
use super::queue::{Bounds, Queue};
use super::reader::Reader;
use super::shard::Task;
use super::stream::ShardStream;
use crate::client::DiscordClient;
use crate::config::ApiUrl;
use crate::limit::Target;
use crate::payload;
use crate::rest::Call;

/// The number of sessions a day, if the platform does not report it
/// (<https://docs.discord.com/developers/events/gateway#session-start-limit-object>).
const A_DAY: u32 = 1000;

/// The plan, and the address of the gateway.
struct Advised {
    plan: GatewayPlan,
    resets_after: Duration,
    a_day: u32,
    address: String,
}

/// The advice of the platform about new connections, as of each request.
pub(super) struct Advice {
    client: Arc<DiscordClient>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    /// The order in which the shards of this process start sessions.
    identifies: InMemoryQueue,
}

impl Advice {
    pub(super) fn api(&self) -> &ApiUrl {
        &self.client.rest.config.api
    }

    pub(super) fn token(&self) -> &str {
        self.client.rest.config.token.reveal()
    }

    pub(super) fn identify_queue(&self) -> InMemoryQueue {
        self.identifies.clone()
    }

    async fn request(&self) -> Result<Advised, GuildError> {
        let route = "/gateway/bot";
        let call = Call { target: Target { route, major: 0 }, path: route.to_owned(), priority: Priority::Live };
        let mut advice = self.client.rest.get(&call, "gateway", payload::one).await?.value;
        let url = advice.text("url").unwrap_or_default();
        let address = gateway(&url, self.api()).ok_or(GuildError::Malformed("gateway"))?;
        let mut limit = advice.object("session_start_limit").unwrap_or_default();
        let resets_after = Duration::from_millis(limit.number("reset_after").unwrap_or(0));
        let plan = GatewayPlan {
            shards: advice.count("shards").unwrap_or(1).max(1),
            identifies_left: limit.count("remaining").ok_or(GuildError::Malformed("gateway"))?,
            resets_at: self.clock.now().plus(resets_after),
            max_concurrency: limit.count("max_concurrency").unwrap_or(1).max(1),
        };
        self.counters.identifies_left(plan.identifies_left);
        let a_day = limit.count("total").unwrap_or(A_DAY).max(plan.identifies_left);
        Ok(Advised { plan, resets_after, a_day, address })
    }

    /// Returns the address of the gateway.
    pub(super) async fn address(&self) -> Result<String, GatewayError> {
        Ok(self.request().await?.address)
    }

    /// Returns the address of the gateway, if another session may be started.
    pub(super) async fn address_for_new_session(&self) -> Result<String, GatewayError> {
        let Advised { plan, resets_after, a_day, address } = self.request().await?;
        if plan.identifies_left < SESSION_RESERVE {
            return Err(GatewayError::BudgetLow { left: plan.identifies_left, until: plan.resets_at });
        }
        let concurrency = u16::try_from(plan.max_concurrency).unwrap_or(u16::MAX);
        self.identifies.update(concurrency, plan.identifies_left, resets_after, a_day);
        Ok(address)
    }
}

/// Receives the events of guilds from Discord's gateway, as the bot of a client.
pub struct DiscordGateway {
    advice: Arc<Advice>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

impl DiscordGateway {
    /// Returns the source of the events that `client` may see. It connects to nothing yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(client: Arc<DiscordClient>, clock: Arc<dyn Clock>) -> Self {
        let counters = Arc::<Counters>::default();
        let advice = Advice {
            client,
            clock: Arc::clone(&clock),
            counters: Arc::clone(&counters),
            identifies: InMemoryQueue::default(),
        };
        Self { advice: Arc::new(advice), clock, counters }
    }
}

impl fmt::Debug for DiscordGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiscordGateway(***)")
    }
}

#[async_trait]
impl EventSource for DiscordGateway {
    async fn plan(&self) -> Result<GatewayPlan, GatewayError> {
        Ok(self.advice.request().await?.plan)
    }

    fn connect(
        &self,
        shard: ShardId,
        resume: Option<GatewaySession>,
        guilds: Arc<dyn GuildDirectory>,
    ) -> Result<Box<dyn EventStream>, GatewayError> {
        if shard.index >= shard.count {
            return Err(Refusal::Shard.into());
        }
        let queue = Arc::new(Queue::new(Bounds::default(), Arc::clone(&self.counters)));
        let leaving = CancellationToken::new();
        let task = Task {
            shard,
            advice: Arc::clone(&self.advice),
            clock: Arc::clone(&self.clock),
            counters: Arc::clone(&self.counters),
            queue: Arc::clone(&queue),
            leaving: leaving.clone(),
            session: resume,
            is_address_dead: false,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(task.run()));
        let reader = Reader::new(Arc::clone(&self.advice.client), guilds, Arc::clone(&self.counters));
        Ok(Box::new(ShardStream::new(queue, reader, task, leaving)))
    }

    fn stats(&self) -> GatewayStats {
        self.counters.stats()
    }
}
