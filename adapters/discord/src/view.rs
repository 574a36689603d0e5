//! What Discord shows of a guild, and the rights that follow from it.

use std::collections::BTreeMap;

use domain::access::{GuildChannel, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::{GuildEmoji, GuildItem, Role, RoleId, Sticker};
use domain::picture::{PictureKey, SeenIcon};
use domain::snowflake::Id;
use domain::tenant::Color;
use domain::timestamp::Timestamp;
use ports::guild::GuildScope;

use crate::channel::{Rights, Shown, channel};
use crate::convert::{emoji, format_word};
use crate::guild::BotUser;
use crate::payload::{self, Fields};
use crate::permission::{Member, rights};
use crate::scrub::Scrub;

/// The age levels of a guild that gate all of it: explicit, and age-restricted.
const GATED_LEVELS: [u64; 2] = [1, 3];

/// The objects of a guild as Discord last sent them. They are not scrubbed, and stay in memory.
///
/// Responses and events are both read into it, so that a guild is converted in one way, and an event about a part of it
/// shows which rights change in its channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GuildView {
    bot: Id<BotUser>,
    owner: Option<Id<BotUser>>,
    name: String,
    /// The platform's hash of its icon.
    icon: Option<String>,
    age_gated: bool,
    /// The membership of the bot.
    member: Fields,
    roles: Listed,
    emojis: Listed,
    stickers: Listed,
    /// The channels by id, without threads.
    channels: BTreeMap<ChannelSnowflake, Fields>,
}

/// The objects of a list.
#[derive(Debug, Clone, Default, PartialEq)]
struct Listed {
    items: Vec<Fields>,
    /// Whether they are complete: the list was present, and had no other values.
    is_whole: bool,
}

impl Listed {
    fn take(from: &mut Fields, key: &str) -> Self {
        let is_there = from.has(key);
        let items = from.objects(key);
        Self { items, is_whole: is_there && !from.has(key) }
    }

    /// Returns the items, converted with `make`, ascending by id, each id once; `None` if any item cannot be read.
    fn read<T: GuildItem>(&self, make: impl Fn(Fields) -> Option<T>) -> Option<Vec<T>> {
        let mut items = self.items.iter().cloned().map(make).collect::<Option<Vec<T>>>().filter(|_| self.is_whole)?;
        items.sort_by_key(T::number);
        items.dedup_by_key(|item| item.number());
        Some(items)
    }

    fn remove<T>(&mut self, id: Id<T>) {
        self.items.retain(|item| item.clone().id("id") != Some(id));
    }
}

impl GuildView {
    /// Returns the view of the object of a guild, of the bot's membership, and of the guild's channels.
    pub(crate) fn new(
        bot: Id<BotUser>,
        mut guild: Fields,
        member: Fields,
        channels: impl IntoIterator<Item = Fields>,
    ) -> Self {
        let mut view = Self {
            bot,
            owner: None,
            name: String::new(),
            icon: None,
            age_gated: false,
            member,
            roles: Listed::take(&mut guild, "roles"),
            emojis: Listed::take(&mut guild, "emojis"),
            stickers: Listed::take(&mut guild, "stickers"),
            channels: BTreeMap::new(),
        };
        view.set_own(&mut guild);
        channels.into_iter().for_each(|channel| view.put_channel(channel));
        view
    }

    fn set_own(&mut self, guild: &mut Fields) {
        self.name = guild.text("name").unwrap_or_default();
        self.icon = guild.text("icon");
        self.owner = guild.id("owner_id");
        self.age_gated = guild.number("nsfw_level").is_some_and(|level| GATED_LEVELS.contains(&level));
    }

    /// Returns the guild's structure as of `at`; `None` if the roles do not contain the rights of the public.
    pub(crate) fn structure(&self, scope: &GuildScope, at: Timestamp) -> Option<GuildStructure> {
        let rights = self.rights(scope, at)?;
        let (mut channels, mut hidden) = (Vec::new(), Vec::new());
        for fields in self.channels.values() {
            match channel(scope, &rights, at, fields.clone()) {
                Shown::Whole(channel) if !channel.channel.kind.is_thread() => channels.push(*channel),
                Shown::Hidden(id) => hidden.push(id),
                Shown::Whole(_) | Shown::Nothing => {}
            }
        }
        channels.sort_by_key(|channel| channel.channel.position);
        Some(GuildStructure {
            observed_at: at,
            name: self.name.clone(),
            channels,
            hidden,
            roles: self.roles(scope),
            emojis: self.emojis(),
            stickers: self.stickers(scope),
            icons: self.icons(scope),
        })
    }

    /// Returns the name of the guild.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the roles, ascending by position, then id; `None`, as for the other lists, if they cannot be read whole.
    pub(crate) fn roles(&self, scope: &GuildScope) -> Option<Vec<Role>> {
        let scrub = Scrub { people: &scope.people };
        let mut roles = self.roles.read(|role| named_role(scrub, role))?;
        roles.sort_by_key(|role| role.position);
        Some(roles)
    }

    /// Returns the emoji, ascending by id.
    pub(crate) fn emojis(&self) -> Option<Vec<GuildEmoji>> {
        self.emojis.read(guild_emoji)
    }

    /// Returns the stickers, ascending by id.
    pub(crate) fn stickers(&self, scope: &GuildScope) -> Option<Vec<Sticker>> {
        let scrub = Scrub { people: &scope.people };
        self.stickers.read(|fields| sticker(scrub, fields))
    }

    /// Returns the icons of the guild and of its roles, also those that there are not.
    pub(crate) fn icons(&self, scope: &GuildScope) -> Vec<SeenIcon> {
        let own = SeenIcon::new(PictureKey::guild_icon(scope.guild), self.icon.as_deref());
        let of_role = |role: &Fields| {
            let mut role = role.clone();
            Some(SeenIcon::new(PictureKey::role_icon(role.id("id")?), role.text("icon").as_deref()))
        };
        [own].into_iter().chain(self.roles.items.iter().filter_map(of_role)).collect()
    }

    /// Returns the content of a channel object of this guild.
    pub(crate) fn channel(&self, scope: &GuildScope, at: Timestamp, wire: Fields) -> Option<Shown> {
        Some(channel(scope, &self.rights(scope, at)?, at, wire))
    }

    /// Returns the channel that is the parent of a thread object.
    pub(crate) fn parent_of(&self, scope: &GuildScope, at: Timestamp, thread: &Fields) -> Option<GuildChannel> {
        let parent = self.channels.get(&thread.clone().id("parent_id")?)?;
        match self.channel(scope, at, parent.clone())? {
            Shown::Whole(parent) => Some(*parent),
            Shown::Hidden(_) | Shown::Nothing => None,
        }
    }

    /// Adds a channel, or replaces it.
    pub(crate) fn put_channel(&mut self, wire: Fields) {
        if let Some(id) = wire.clone().id("id") {
            self.channels.insert(id, wire);
        }
    }

    /// Removes a channel.
    pub(crate) fn remove_channel(&mut self, id: ChannelSnowflake) {
        self.channels.remove(&id);
    }

    /// Replaces the guild's own fields, and the lists that its object contains.
    pub(crate) fn put_guild(&mut self, mut guild: Fields) {
        for (list, key) in [(&mut self.roles, "roles"), (&mut self.emojis, "emojis"), (&mut self.stickers, "stickers")]
        {
            if guild.has(key) {
                *list = Listed::take(&mut guild, key);
            }
        }
        self.set_own(&mut guild);
    }

    /// Replaces the list of emoji, in an event about it.
    pub(crate) fn put_emojis(&mut self, event: &mut Fields) {
        self.emojis = Listed::take(event, "emojis");
    }

    /// Replaces the list of stickers, in an event about it.
    pub(crate) fn put_stickers(&mut self, event: &mut Fields) {
        self.stickers = Listed::take(event, "stickers");
    }

    /// Adds a role, or replaces it.
    pub(crate) fn put_role(&mut self, role: Fields) {
        if let Some(id) = role.clone().id::<Role>("id") {
            self.roles.remove(id);
            self.roles.items.push(role);
        }
    }

    /// Removes a role.
    pub(crate) fn remove_role(&mut self, id: RoleId) {
        self.roles.remove(id);
    }

    /// Replaces the membership of the bot.
    pub(crate) fn put_member(&mut self, member: Fields) {
        self.member = member;
    }

    /// Returns the channels of this view, as of `at`, whose rights or age gate differ from those in `before`; all of
    /// them without it. Ascending by id.
    pub(crate) fn changed_rights(&self, before: Option<&Self>, scope: &GuildScope, at: Timestamp) -> Vec<GuildChannel> {
        let channels = |view: &Self| {
            let structure = view.structure(scope, at);
            structure.map(|structure| structure.channels).unwrap_or_default()
        };
        let rights = |channel: &GuildChannel| {
            let own = &channel.channel;
            (own.platform_id, own.visibility, own.nsfw, channel.access, channel.manages_threads)
        };
        let known: Vec<_> = before.map(channels).unwrap_or_default().iter().map(rights).collect();
        let mut changed = channels(self);
        changed.retain(|channel| !known.contains(&rights(channel)));
        changed.sort_by_key(|channel| channel.channel.platform_id);
        changed
    }

    fn rights(&self, scope: &GuildScope, now: Timestamp) -> Option<Rights> {
        let is_owner = self.owner == Some(self.bot);
        let (everyone, bot) = members(scope, &self.roles.items, self.member.clone(), self.bot, is_owner, now)?;
        Some(Rights { everyone, bot, age_gated: self.age_gated })
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

#[cfg(test)]
mod tests;
