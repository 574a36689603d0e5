//! Paths of the REST API.

use percent_encoding::percent_decode_str;

/// The resource of a path. The first id is that of the guild or channel, the next that of an object in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Gateway,
    GatewayBot,
    Me,
    Application,
    MyGuilds,
    RefreshUrls,
    Guild(u64),
    GuildChannels(u64),
    Roles(u64),
    Members(u64),
    Member(u64, u64),
    Emojis(u64),
    Stickers(u64),
    GuildWebhooks(u64),
    AuditLog(u64),
    ActiveThreads(u64),
    GuildSearch(u64),
    Channel(u64),
    ChannelWebhooks(u64),
    Messages(u64),
    Message(u64, u64),
    Pins(u64),
    OldPins(u64),
    ArchivedPublic(u64),
    ArchivedPrivate(u64),
    ArchivedJoined(u64),
    ThreadSearch(u64),
    ThreadMembers(u64),
    Reactions(u64, u64, String),
    PollVoters(u64, u64, u64),
}

impl Route {
    /// Returns the route of a path without its version.
    pub(crate) fn parse(segments: &[&str]) -> Option<Self> {
        let id = |text: &str| text.parse::<u64>().ok();
        Some(match segments {
            ["gateway"] => Self::Gateway,
            ["gateway", "bot"] => Self::GatewayBot,
            ["users", "@me"] => Self::Me,
            ["applications", "@me"] | ["oauth2", "applications", "@me"] => Self::Application,
            ["users", "@me", "guilds"] => Self::MyGuilds,
            ["attachments", "refresh-urls"] => Self::RefreshUrls,
            ["guilds", guild, rest @ ..] => Self::in_guild(id(guild)?, rest)?,
            ["channels", channel, rest @ ..] => Self::in_channel(id(channel)?, rest)?,
            _ => return None,
        })
    }

    fn in_guild(guild: u64, rest: &[&str]) -> Option<Self> {
        Some(match rest {
            [] => Self::Guild(guild),
            ["channels"] => Self::GuildChannels(guild),
            ["roles"] => Self::Roles(guild),
            ["members"] => Self::Members(guild),
            ["members", user] => Self::Member(guild, user.parse().ok()?),
            ["emojis"] => Self::Emojis(guild),
            ["stickers"] => Self::Stickers(guild),
            ["webhooks"] => Self::GuildWebhooks(guild),
            ["audit-logs"] => Self::AuditLog(guild),
            ["threads", "active"] => Self::ActiveThreads(guild),
            ["messages", "search"] => Self::GuildSearch(guild),
            _ => return None,
        })
    }

    fn in_channel(channel: u64, rest: &[&str]) -> Option<Self> {
        let id = |text: &str| text.parse::<u64>().ok();
        Some(match rest {
            [] => Self::Channel(channel),
            ["webhooks"] => Self::ChannelWebhooks(channel),
            ["messages"] => Self::Messages(channel),
            ["messages", "pins"] => Self::Pins(channel),
            ["pins"] => Self::OldPins(channel),
            ["messages", message] => Self::Message(channel, id(message)?),
            ["messages", message, "reactions", emoji] => {
                let emoji = percent_decode_str(emoji).decode_utf8_lossy().into_owned();
                Self::Reactions(channel, id(message)?, emoji)
            }
            ["polls", message, "answers", answer] => Self::PollVoters(channel, id(message)?, id(answer)?),
            ["threads", "archived", "public"] => Self::ArchivedPublic(channel),
            ["threads", "archived", "private"] => Self::ArchivedPrivate(channel),
            ["users", "@me", "threads", "archived", "private"] => Self::ArchivedJoined(channel),
            ["threads", "search"] => Self::ThreadSearch(channel),
            ["thread-members"] => Self::ThreadMembers(channel),
            _ => return None,
        })
    }

    /// Returns the route with its ids as named placeholders.
    pub(crate) const fn template(&self) -> &'static str {
        match self {
            Self::Gateway => "/gateway",
            Self::GatewayBot => "/gateway/bot",
            Self::Me => "/users/@me",
            Self::Application => "/applications/@me",
            Self::MyGuilds => "/users/@me/guilds",
            Self::RefreshUrls => "/attachments/refresh-urls",
            Self::Guild(_) => "/guilds/{g}",
            Self::GuildChannels(_) => "/guilds/{g}/channels",
            Self::Roles(_) => "/guilds/{g}/roles",
            Self::Members(_) => "/guilds/{g}/members",
            Self::Member(..) => "/guilds/{g}/members/{u}",
            Self::Emojis(_) => "/guilds/{g}/emojis",
            Self::Stickers(_) => "/guilds/{g}/stickers",
            Self::GuildWebhooks(_) => "/guilds/{g}/webhooks",
            Self::AuditLog(_) => "/guilds/{g}/audit-logs",
            Self::ActiveThreads(_) => "/guilds/{g}/threads/active",
            Self::GuildSearch(_) => "/guilds/{g}/messages/search",
            Self::Channel(_) => "/channels/{c}",
            Self::ChannelWebhooks(_) => "/channels/{c}/webhooks",
            Self::Messages(_) => "/channels/{c}/messages",
            Self::Message(..) => "/channels/{c}/messages/{m}",
            Self::Pins(_) => "/channels/{c}/messages/pins",
            Self::OldPins(_) => "/channels/{c}/pins",
            Self::ArchivedPublic(_) => "/channels/{c}/threads/archived/public",
            Self::ArchivedPrivate(_) => "/channels/{c}/threads/archived/private",
            Self::ArchivedJoined(_) => "/channels/{c}/users/@me/threads/archived/private",
            Self::ThreadSearch(_) => "/channels/{c}/threads/search",
            Self::ThreadMembers(_) => "/channels/{c}/thread-members",
            Self::Reactions(..) => "/channels/{c}/messages/{m}/reactions/{e}",
            Self::PollVoters(..) => "/channels/{c}/polls/{m}/answers/{a}",
        }
    }

    /// Returns the channel or guild whose rate limit the route counts towards; 0 if there is none.
    pub(crate) const fn major(&self) -> u64 {
        match self {
            Self::Gateway | Self::GatewayBot | Self::Me | Self::Application | Self::MyGuilds | Self::RefreshUrls => 0,
            Self::Guild(id)
            | Self::GuildChannels(id)
            | Self::Roles(id)
            | Self::Members(id)
            | Self::Member(id, _)
            | Self::Emojis(id)
            | Self::Stickers(id)
            | Self::GuildWebhooks(id)
            | Self::AuditLog(id)
            | Self::ActiveThreads(id)
            | Self::GuildSearch(id)
            | Self::Channel(id)
            | Self::ChannelWebhooks(id)
            | Self::Messages(id)
            | Self::Message(id, _)
            | Self::Pins(id)
            | Self::OldPins(id)
            | Self::ArchivedPublic(id)
            | Self::ArchivedPrivate(id)
            | Self::ArchivedJoined(id)
            | Self::ThreadSearch(id)
            | Self::ThreadMembers(id)
            | Self::Reactions(id, ..)
            | Self::PollVoters(id, ..) => *id,
        }
    }
}
