//! Receiving a guild's events from the platform, as they happen.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use domain::event::Event;
use domain::guild::GuildSnowflake;
use domain::timestamp::Timestamp;

use crate::guild::{GuildError, GuildScope};

/// One of the connections between which the platform divides the guilds of a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId {
    /// Its number, less than `count`.
    pub index: u32,
    /// The number of shards, at least 1.
    pub count: u32,
}

impl ShardId {
    /// Returns whether the events of `guild` come over this shard.
    #[must_use]
    pub const fn has(self, guild: GuildSnowflake) -> bool {
        (guild.get() >> 22) % self.count as u64 == self.index as u64
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The number of sessions a day that a source never starts. More sessions than the platform permits cost the bot its
/// token, and other programs with the same token start sessions, too.
pub const SESSION_RESERVE: u32 = 50;

/// The platform's advice for new sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GatewayPlan {
    /// The recommended number of shards, at least 1.
    pub shards: u32,
    /// The number of sessions that can still be started before `resets_at`.
    pub identifies_left: u32,
    /// When that number is reset.
    pub resets_at: Timestamp,
    /// The number of shards that may start a session within the same five seconds.
    pub max_concurrency: u32,
}

/// A session, which the platform stores for some minutes after its connection is lost. To resume it means to receive
/// every event after `sequence`.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewaySession {
    /// Its id. It is a secret: with the token it gives access to the events.
    pub id: String,
    /// The address at which it can be resumed.
    pub resume_url: String,
    /// The number of the last event that need not be sent again.
    pub sequence: u64,
}

impl fmt::Debug for GatewaySession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewaySession").field("id", &"***").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

/// What a stream received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A new session began. Events between the last one and this were lost: unless it is the first session of an
    /// archive, there is a gap. Every guild of the shard follows with [`Event::GuildAvailable`]; one with an outage does
    /// so when that ends.
    Ready(GatewaySession),
    /// The session was resumed, and every missed event was received before this.
    Resumed {
        /// The number of this event in the session.
        sequence: u64,
    },
    /// An event of a guild that is archived.
    Event {
        /// Its number in the session, in which the platform counts what it sends. Numbers can be missing.
        sequence: u64,
        /// The guild.
        guild: GuildSnowflake,
        /// When it was received. Its observations have this time.
        received_at: Timestamp,
        /// The event.
        event: Box<Event>,
    },
    /// An event that changes nothing in an archive: of an unknown type, of another guild, or unusable.
    Skipped {
        /// Its number in the session.
        sequence: u64,
    },
}

/// A cause that ends a shard until an operator acts. Each names the setting to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is wrong or was reset.
    #[error("the bot's token is rejected; reset it in the developer portal under Bot, and set DISCORD_BOT_TOKEN to it")]
    Token,
    /// A privileged intent is requested that the application does not have.
    #[error(
        "the application may not use a privileged intent; enable Message Content Intent in the developer portal under \
         Bot, Privileged Gateway Intents"
    )]
    Intents,
    /// The requested intents do not exist.
    #[error("the platform does not know the requested intents; install a newer release")]
    UnknownIntents,
    /// The version of the protocol is no longer supported.
    #[error("the platform no longer supports this version of its gateway; install a newer release")]
    Version,
    /// The shard's number does not fit the number of shards.
    #[error("the platform rejected the number of the shard; restart the process")]
    Shard,
    /// A single connection has too many guilds.
    #[error("the bot is in more guilds than these shards may have; restart the process, so that it uses more shards")]
    ShardingRequired,
}

/// Why a stream cannot begin or go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The platform refused the connection for good.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// So few sessions can still be started today that the source starts none: to use up the rest would reset the
    /// token. A session that is stored can still be resumed.
    #[error("only {left} new sessions may be started until {until}; none is started before")]
    BudgetLow {
        /// The number of sessions left.
        left: u32,
        /// When the number is reset.
        until: Timestamp,
    },
    /// A request to the platform failed that the connection needs.
    #[error(transparent)]
    Request(#[from] GuildError),
    /// Events that waited on the disk could not be read. The caller connects again, from the last event that it stored.
    #[error("events that waited on the disk are lost")]
    QueueLost,
    /// The stream was closed.
    #[error("the stream is closed")]
    Closed,
}

impl GatewayError {
    /// Returns whether the error lasts until an operator acts.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Request(error) => error.is_fatal(),
            Self::BudgetLow { .. } | Self::QueueLost | Self::Closed => false,
        }
    }
}

/// The guilds that an archive follows.
pub trait GuildDirectory: Send + Sync {
    /// Returns the tenant and the pseudonyms of a guild; `None` if its events are not wanted. The answer may change
    /// with time. It returns at once.
    fn scope(&self, guild: GuildSnowflake) -> Option<GuildScope>;
}

/// Counters of a source since its start, and its current state, over all shards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayStats {
    /// The number of shards that have a session with a connection.
    pub connected: u32,
    /// Received events by the name of their type; those beyond 200 names are counted as `OTHER`.
    pub events: BTreeMap<String, u64>,
    /// Events of unknown types, and payloads with unknown opcodes.
    pub unknown: u64,
    /// Payloads that could not be read.
    pub unreadable: u64,
    /// Attempts to connect after the first one of each shard.
    pub reconnects: u64,
    /// Sessions that were resumed.
    pub resumes: u64,
    /// Sessions that were started.
    pub sessions: u64,
    /// The number of sessions that could still be started when the platform last reported it.
    pub identifies_left: Option<u32>,
    /// Events that were received and not yet taken, in memory and in spill files.
    pub queued_events: u64,
    /// Their size in bytes.
    pub queued_bytes: u64,
    /// The part of these bytes that is in spill files.
    pub spilled_bytes: u64,
}

/// Receives events from the platform, as one bot. The source enforces the platform's limits itself.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventSource: Send + Sync {
    /// Returns the platform's advice for new sessions, as of now.
    ///
    /// # Errors
    /// [`GatewayError::Request`].
    async fn plan(&self) -> Result<GatewayPlan, GatewayError>;

    /// Starts to receive the events of a shard, in `resume`, or in a new session. Returns at once; the stream connects,
    /// and reconnects, by itself, and consults `guilds` for each event that is read from it.
    ///
    /// # Errors
    /// [`Refusal::Shard`] if there is no such shard. All other errors come from the stream.
    fn connect(
        &self,
        shard: ShardId,
        resume: Option<GatewaySession>,
        guilds: Arc<dyn GuildDirectory>,
    ) -> Result<Box<dyn EventStream>, GatewayError>;

    /// Returns the counters of all streams of this source. It returns at once.
    fn stats(&self) -> GatewayStats;
}

/// The events of one shard. Dropping it ends the connection without a farewell; the session stays for some minutes.
///
/// The stream receives whether or not it is read, so that a slow reader never costs the connection: what is not yet read
/// waits in memory, of bounded size, and then in a file that exists only as long as the process.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventStream: Send {
    /// Returns the next event, in the order in which the platform sent them. Waits for one; dropping the future loses
    /// nothing. Lost connections are restored inside: with the same session, after which every missed event comes and
    /// then [`Received::Resumed`], or with a new one, which comes as [`Received::Ready`].
    ///
    /// # Errors
    /// [`GatewayError`], after all that was received before it. The stream has then ended, and each further call
    /// returns the same error.
    async fn next(&mut self) -> Result<Received, GatewayError>;

    /// Closes the connection in such a way that the session can be resumed, by this process or another one. Returns
    /// after the platform confirmed it, or after five seconds. What was received and not taken is dropped: a session
    /// that is resumed with the sequence of the last event that was stored receives it again.
    async fn close(self: Box<Self>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guild_is_on_one_shard() {
        let guild = GuildSnowflake::new(613_425_648_685_547_541).unwrap();
        let shards = (0..3).map(|index| ShardId { index, count: 3 });
        assert_eq!(shards.filter(|shard| shard.has(guild)).count(), 1);
        assert!(ShardId { index: 0, count: 1 }.has(guild));
    }

    #[test]
    fn a_session_is_printed_without_its_secret() {
        let session = GatewaySession { id: "secret".to_owned(), resume_url: "wss://host".to_owned(), sequence: 7 };
        assert_eq!(format!("{session:?}"), r#"GatewaySession { id: "***", sequence: 7, .. }"#);
    }
}
