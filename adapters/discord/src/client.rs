//! The client, which implements the guild source.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::access::{ArchivedList, Denied, GuildChannel, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::GuildSnowflake;
use domain::snowflake::Id;
use ports::clock::Clock;
use ports::guild::{
    ArchivedCursor, BotIdentity, FetchedPage, GoneItem, GuildError, GuildScope, GuildSource, JoinedGuild,
    MessageCursor, Priority, ThreadPage,
};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::channel::{parent_of, thread};
use crate::config::ClientConfig;
use crate::guild::{BotUser, channel_call};
use crate::payload;
use crate::rest::Rest;

/// The latest structure of a guild, and the time at which its request began.
type Latest = Arc<tokio::sync::Mutex<Option<(Instant, GuildStructure)>>>;

/// Reads guilds from Discord as one bot. All requests with one token must go through one client: it keeps the rate
/// limits.
pub struct DiscordClient {
    pub(crate) rest: Rest,
    pub(crate) bot: OnceCell<Id<BotUser>>,
    pub(crate) latest: Mutex<HashMap<GuildSnowflake, Latest>>,
}

impl DiscordClient {
    /// Returns a client. It sends no request yet.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(config: ClientConfig, clock: Arc<dyn Clock>) -> Self {
        Self { rest: Rest::new(config, clock), bot: OnceCell::new(), latest: Mutex::default() }
    }
}

impl fmt::Debug for DiscordClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiscordClient(***)")
    }
}

#[async_trait]
impl GuildSource for DiscordClient {
    fn account(&self) -> String {
        self.rest.account()
    }

    async fn identify(&self) -> Result<BotIdentity, GuildError> {
        self.read_identity().await
    }

    async fn guilds(&self) -> Result<Vec<JoinedGuild>, GuildError> {
        self.read_guilds().await
    }

    async fn structure(&self, scope: &GuildScope) -> Result<GuildStructure, GuildError> {
        self.read_structure(scope, scope.priority(Priority::CatchUp)).await
    }

    async fn find_channel(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
        id: ChannelSnowflake,
    ) -> Result<GuildChannel, GuildError> {
        let call = channel_call(id, scope.priority(Priority::CatchUp));
        let reply = self.rest.get(&call, "channel", payload::one).await?;
        let (mut wire, at) = (reply.value, reply.sent_at);
        if wire.id("guild_id") != Some(scope.guild) {
            return Err(GuildError::Gone(GoneItem::Channel));
        }
        if let Some(found) = thread(scope, parent_of(structure, &wire), at, wire) {
            return Ok(found);
        }
        let structure = self.read_structure(scope, scope.priority(Priority::CatchUp)).await?;
        structure.channel(id).cloned().ok_or(GuildError::Forbidden(Denied::View))
    }

    async fn active_threads(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
    ) -> Result<Vec<GuildChannel>, GuildError> {
        self.read_active(scope, structure).await
    }

    async fn archived_threads(
        &self,
        scope: &GuildScope,
        parent: &GuildChannel,
        list: ArchivedList,
        cursor: Option<ArchivedCursor>,
    ) -> Result<ThreadPage, GuildError> {
        self.read_archived(scope, parent, list, cursor).await
    }

    async fn messages(
        &self,
        scope: &GuildScope,
        channel: &GuildChannel,
        cursor: MessageCursor,
        priority: Priority,
    ) -> Result<FetchedPage, GuildError> {
        self.read_messages(scope, channel, cursor, scope.priority(priority)).await
    }
}
