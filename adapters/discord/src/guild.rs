//! Requests for the bot's identity and for guilds.

use std::sync::{Arc, PoisonError};

use domain::access::{Access, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::GuildSnowflake;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use ports::guild::{BotIdentity, GuildError, GuildScope, JoinedGuild, Priority};
use tokio::time::Instant;

use crate::client::DiscordClient;
use crate::limit::Target;
use crate::payload;
use crate::rest::Call;
use crate::view::GuildView;

/// Flags of an application: it may list members, and read message content, in any number of guilds or in few
/// (<https://docs.discord.com/developers/resources/application#application-object-application-flags>).
const MEMBERS: u64 = 1 << 14 | 1 << 15;
const CONTENT: u64 = 1 << 18 | 1 << 19;

/// The number of guilds on a page.
const GUILDS_A_PAGE: usize = 200;

/// The bot.
pub(crate) enum BotUser {}

impl DiscordClient {
    fn guild_call(guild: GuildSnowflake, route: &'static str, path: &str, priority: Priority) -> Call {
        let path = format!("/guilds/{guild}{path}");
        Call { target: Target { route, major: guild.get() }, path, priority }
    }

    pub(crate) async fn read_identity(&self) -> Result<BotIdentity, GuildError> {
        let route = "/applications/@me";
        let call = Call { target: Target { route, major: 0 }, path: route.to_owned(), priority: Priority::Live };
        let mut application = self.rest.get(&call, "application", payload::one).await?.value;
        // The newer field is a string, because flags have outgrown the numbers that every JSON parser supports.
        let flags = application.number("flags_new").unwrap_or(0) | application.number("flags").unwrap_or(0);
        let endpoint = application.text("interactions_endpoint_url").filter(|url| !url.is_empty());
        Ok(BotIdentity {
            reads_content: flags & CONTENT != 0,
            reads_members: flags & MEMBERS != 0,
            has_interactions_endpoint: endpoint.is_some(),
        })
    }

    /// Returns the bot's user, which never changes.
    pub(crate) async fn bot_id(&self) -> Result<Id<BotUser>, GuildError> {
        let found = self.bot.get_or_try_init(|| async {
            let route = "/users/@me";
            let call = Call { target: Target { route, major: 0 }, path: route.to_owned(), priority: Priority::Live };
            let mut user = self.rest.get(&call, "user", payload::one).await?.value;
            user.id("id").ok_or(GuildError::Malformed("user"))
        });
        found.await.copied()
    }

    pub(crate) async fn read_guilds(&self) -> Result<Vec<JoinedGuild>, GuildError> {
        let mut found: Vec<JoinedGuild> = Vec::new();
        loop {
            let after = found.last().map_or(0, |guild| guild.id.get());
            let target = Target { route: "/users/@me/guilds", major: 0 };
            let path = format!("/users/@me/guilds?limit={GUILDS_A_PAGE}&after={after}");
            let call = Call { target, path, priority: Priority::CatchUp };
            let page = self.rest.get(&call, "list of guilds", payload::list).await?.value;
            let guilds = page.into_iter().flatten().filter_map(|mut guild| {
                Some(JoinedGuild { id: guild.id("id")?, name: guild.text("name").unwrap_or_default() })
            });
            let mut guilds: Vec<JoinedGuild> = guilds.filter(|guild| guild.id.get() > after).collect();
            if guilds.is_empty() {
                return Ok(found);
            }
            guilds.sort_unstable_by_key(|guild| guild.id);
            guilds.dedup_by_key(|guild| guild.id);
            found.append(&mut guilds);
        }
    }

    pub(crate) async fn read_structure(
        &self,
        scope: &GuildScope,
        priority: Priority,
    ) -> Result<GuildStructure, GuildError> {
        let (view, observed_at) = self.read_view(scope, priority).await?;
        view.structure(scope, observed_at).ok_or(GuildError::Malformed("guild"))
    }

    /// Returns what Discord shows of the guild, and when the first request for it was sent.
    pub(crate) async fn read_view(
        &self,
        scope: &GuildScope,
        priority: Priority,
    ) -> Result<(GuildView, Timestamp), GuildError> {
        let bot = self.bot_id().await?;
        let call = Self::guild_call(scope.guild, "/guilds/{g}", "", priority);
        let reply = self.rest.get(&call, "guild", payload::one).await?;
        let (guild, observed_at) = (reply.value, reply.sent_at);
        let call = Self::guild_call(scope.guild, "/guilds/{g}/members/{u}", &format!("/members/{bot}"), priority);
        let member = self.rest.get(&call, "member", payload::one).await?.value;
        let call = Self::guild_call(scope.guild, "/guilds/{g}/channels", "/channels", priority);
        let listed = self.rest.get(&call, "list of channels", payload::list).await?.value;
        let view = GuildView::new(bot, guild, member, listed.into_iter().flatten());
        Ok((view, observed_at))
    }

    /// Returns the result of `of` for the guild's structure, fetched after this call began, by this caller or by a
    /// concurrent one. The fetch waits among requests of the same priority, so that many callers can join meanwhile.
    pub(crate) async fn recheck_structure(
        &self,
        scope: &GuildScope,
        priority: Priority,
        of: impl Fn(&GuildStructure) -> Option<Access> + Send,
    ) -> Result<Option<Access>, GuildError> {
        let asked = Instant::now();
        let latest = {
            let mut all = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(scope.guild).or_default())
        };
        let mut latest = latest.lock().await;
        if let Some((began, structure)) = latest.as_ref().filter(|(began, _)| *began >= asked) {
            tracing::trace!(?began, "structure fetched meanwhile");
            return Ok(of(structure));
        }
        let began = Instant::now();
        let structure = self.read_structure(scope, priority).await?;
        let found = of(&structure);
        *latest = Some((began, structure));
        Ok(found)
    }
}

/// Returns the call for one channel.
pub(crate) fn channel_call(id: ChannelSnowflake, priority: Priority) -> Call {
    let target = Target { route: "/channels/{c}", major: id.get() };
    Call { target, path: format!("/channels/{id}"), priority }
}
