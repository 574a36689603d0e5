//! How a simulator is started.

use std::sync::Arc;

use crate::clock::Clock;
use crate::limit::Limits;
use crate::plan::{ChannelPlan, GuildSize};

/// How a simulator is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// What the guild is generated from.
    pub seed: u64,
    /// Its channels, in the order of its list.
    pub plan: Vec<ChannelPlan>,
    /// How many users write in it.
    pub users: u64,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The token that is accepted.
    pub token: String,
    /// Time.
    pub clock: Arc<Clock>,
    /// Rate limits.
    pub limits: Limits,
    /// How long every answer of the REST API takes.
    pub rest_latency_ms: u64,
    /// Where addresses of files point; its own address if `None`.
    pub cdn: Option<String>,
    /// What the gateway tells clients to beat at.
    pub heartbeat_interval_ms: u64,
    /// How many events a session can replay.
    pub replay_events: usize,
    /// How long a session without connection lives.
    pub session_ttl_ms: u64,
}

impl Options {
    /// The guild of `seed`, on a free port, in the system's time, with limits as the real ones.
    #[must_use]
    pub fn new(seed: u64, size: GuildSize) -> Self {
        Self { users: size.users(), ..Self::planned(seed, size.plan(seed)) }
    }

    /// A guild of these channels, written in by 200 users.
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

    /// The same in a time that only the test moves.
    #[must_use]
    pub fn manual_clock(mut self) -> Self {
        self.clock = Arc::new(Clock::manual());
        self
    }

    /// The same without any rate limit.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limits.enabled = false;
        self
    }
}
