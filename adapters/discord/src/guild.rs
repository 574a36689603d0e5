//! The guild: the bot's identity, the structure, and its visibility.

use std::sync::{Arc, PoisonError};

use domain::access::{Access, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::GuildSnowflake;
use domain::guild::{GuildEmoji, GuildItem, Role, Sticker};
use domain::snowflake::Id;
use domain::tenant::Color;
use domain::timestamp::Timestamp;
use ports::guild::{BotIdentity, GuildError, GuildScope, JoinedGuild, Priority};
use tokio::time::Instant;

use crate::channel::{Rights, Shown, channel};
use crate::client::DiscordClient;
use crate::convert::{emoji, format_word};
use crate::limit::Target;
use crate::payload::{self, Fields};
use crate::permission::{Member, rights};
use crate::rest::Call;
use crate::scrub::Scrub;

/// Flags of an application: it may list members, and read message content, in any number of guilds or in few
/// (<https://docs.discord.com/developers/resources/application#application-object-application-flags>).
const MEMBERS: u64 = 1 << 14 | 1 << 15;
const CONTENT: u64 = 1 << 18 | 1 << 19;

/// The number of guilds on a page.
const GUILDS_A_PAGE: usize = 200;

/// The bot.
pub(crate) enum BotUser {}

/// The age levels of a guild that gate all of it: explicit, and age-restricted.
const GATED_LEVELS: [u64; 2] = [1, 3];

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
        Ok(BotIdentity { reads_content: flags & CONTENT != 0, reads_members: flags & MEMBERS != 0 })
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
        let bot = self.bot_id().await?;
        let call = Self::guild_call(scope.guild, "/guilds/{g}", "", priority);
        let reply = self.rest.get(&call, "guild", payload::one).await?;
        let (mut guild, observed_at) = (reply.value, reply.sent_at);
        let call = Self::guild_call(scope.guild, "/guilds/{g}/members/{u}", &format!("/members/{bot}"), priority);
        let member = self.rest.get(&call, "member", payload::one).await?.value;
        let call = Self::guild_call(scope.guild, "/guilds/{g}/channels", "/channels", priority);
        let listed = self.rest.get(&call, "list of channels", payload::list).await?.value;
        let (roles, all_roles) = objects(&mut guild, "roles");
        let owner = guild.id::<BotUser>("owner_id") == Some(bot);
        let members = members(scope, &roles, member, bot, owner, observed_at).ok_or(GuildError::Malformed("guild"))?;
        let age_gated = guild.number("nsfw_level").is_some_and(|level| GATED_LEVELS.contains(&level));
        let rights = Rights { everyone: members.0, bot: members.1, age_gated };
        let (mut channels, mut hidden) = (Vec::new(), Vec::new());
        for fields in listed.into_iter().flatten() {
            match channel(scope, &rights, observed_at, fields) {
                Shown::Whole(channel) if !channel.channel.kind.is_thread() => channels.push(*channel),
                Shown::Hidden(id) => hidden.push(id),
                Shown::Whole(_) | Shown::Nothing => {}
            }
        }
        channels.sort_unstable_by_key(|channel| channel.channel.platform_id);
        channels.dedup_by_key(|channel| channel.channel.platform_id);
        channels.sort_by_key(|channel| channel.channel.position);
        let scrub = Scrub { people: &scope.people };
        let (emojis, all_emojis) = objects(&mut guild, "emojis");
        let (stickers, all_stickers) = objects(&mut guild, "stickers");
        let mut roles = items(roles, all_roles, |role| named_role(scrub, role));
        if let Some(roles) = &mut roles {
            roles.sort_by_key(|role| role.position);
        }
        Ok(GuildStructure {
            observed_at,
            name: guild.text("name").unwrap_or_default(),
            channels,
            hidden,
            roles,
            emojis: items(emojis, all_emojis, guild_emoji),
            stickers: items(stickers, all_stickers, |fields| sticker(scrub, fields)),
        })
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

/// Returns the public and the bot as members; `None` if the roles do not contain the permissions of the public.
fn members(
    scope: &GuildScope,
    roles: &[Fields],
    mut member: Fields,
    bot: Id<BotUser>,
    owner: bool,
    now: Timestamp,
) -> Option<(Member, Member)> {
    let of_role = |role: &Fields| {
        let mut role = role.clone();
        Some((role.number("id")?, rights(&role.text("permissions")?)?))
    };
    let all: Vec<(u64, u64)> = roles.iter().filter_map(of_role).collect();
    let find = |id: u64| all.iter().find(|(other, _)| *other == id).map(|(_, rights)| *rights);
    let everyone = find(scope.guild.get())?;
    let own = member.list("roles").iter().filter_map(payload::id::<Role>).map(Id::get).collect::<Vec<u64>>();
    let base = own.iter().filter_map(|role| find(*role)).fold(everyone, |sum, rights| sum | rights);
    let timed_out = member.moment("communication_disabled_until").is_some_and(|until| until > now);
    let bot = Member { owner, id: Some(bot.get()), roles: own, base, timed_out };
    Some((Member::everyone(everyone), bot))
}

/// Returns the objects of a list, and whether they are complete: the list is present, and has no other values.
fn objects(guild: &mut Fields, key: &str) -> (Vec<Fields>, bool) {
    let is_there = guild.has(key);
    let found = guild.objects(key);
    (found, is_there && !guild.has(key))
}

/// Converts a list with `make`, ascending by id, each id once; `None` if any item cannot be read.
fn items<T: GuildItem>(list: Vec<Fields>, whole: bool, make: impl Fn(Fields) -> Option<T>) -> Option<Vec<T>> {
    let mut items = list.into_iter().map(make).collect::<Option<Vec<T>>>().filter(|_| whole)?;
    items.sort_by_key(T::number);
    items.dedup_by_key(|item| item.number());
    Some(items)
}

fn named_role(scrub: Scrub<'_>, mut role: Fields) -> Option<Role> {
    let color = role.count("color").filter(|rgb| *rgb != 0).and_then(Color::from_rgb);
    let (id, position) = (role.id("id")?, role.small("position").unwrap_or(0));
    Some(Role { id, name: scrub.text(&role.text("name")?), color, position })
}

fn guild_emoji(mut fields: Fields) -> Option<GuildEmoji> {
    let emoji = emoji(&mut fields);
    Some(GuildEmoji { id: emoji.id?, name: emoji.name?, animated: emoji.animated })
}

fn sticker(scrub: Scrub<'_>, mut sticker: Fields) -> Option<Sticker> {
    Some(Sticker {
        id: sticker.id("id")?,
        name: scrub.text(&sticker.text("name")?),
        format: format_word(sticker.number("format_type").unwrap_or(0)),
        description: sticker.text("description").map(|text| scrub.text(&text)),
    })
}

/// Returns the call for one channel.
pub(crate) fn channel_call(id: ChannelSnowflake, priority: Priority) -> Call {
    let target = Target { route: "/channels/{c}", major: id.get() };
    Call { target, path: format!("/channels/{id}"), priority }
}

#[cfg(test)]
mod tests;
