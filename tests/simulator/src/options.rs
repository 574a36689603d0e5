//! The options of a simulator.

use std::sync::Arc;

use crate::clock::Clock;
use crate::limit::Limits;
use crate::plan::{ChannelPlan, GuildSize};

/// The options of a simulator.
#[derive(Debug, Clone)]
pub struct Options {
    /// The seed of the guild.
    pub seed: u64,
    /// Its channels, in the order of its list.
    pub plan: Vec<ChannelPlan>,
    /// The number of users that write in it.
    pub users: u64,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The accepted token.
    pub token: String,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The rate limits.
    pub limits: Limits,
    /// The latency of every response of the REST API, in milliseconds.
    pub rest_latency_ms: u64,
    /// The base address of files; the simulator's own address if `None`.
    pub cdn: Option<String>,
    /// The heartbeat interval that the gateway announces.
    pub heartbeat_interval_ms: u64,
    /// The number of events that a session can replay.
    pub replay_events: usize,
    /// The lifetime of a session without a connection.
    pub session_ttl_ms: u64,
}

impl Options {
    /// Returns the guild of `seed`, on a free port, with the system's time and limits like the real ones.
    #[must_use]
    pub fn new(seed: u64, size: GuildSize) -> Self {
        Self { users: size.users(), ..Self::planned(seed, size.plan(seed)) }
    }

    /// Returns a guild of these channels, with 200 users.
    #[must_use]
    pub fn planned(seed: u64, plan: Vec<ChannelPlan>) -> Self {
        Self {
            seed,
            plan,
            users: 200,
            port: 0,
            token: format!("simulator.{seed}.token"),
            clock: Arc::new(Clock::system()),
            limits: Limits::default(),
            rest_latency_ms: 0,
            cdn: None,
            heartbeat_interval_ms: 41_250,
            replay_events: 3500,
            session_ttl_ms: 300_000,
        }
    }

    /// Returns the same options with a clock that only the test moves.
    #[must_use]
    pub fn manual_clock(mut self) -> Self {
        self.clock = Arc::new(Clock::manual());
        self
    }

    /// Returns the same options without any rate limit.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limits.enabled = false;
        self
    }
}
