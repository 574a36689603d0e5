//! Converts channels and threads of Discord, with the permissions of the public and of the bot.

use domain::access::{Access, Denied, GuildChannel, GuildStructure};
use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake, ForumTag};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::guild::GuildScope;
use serde_json::{Value, json};

use crate::payload::Fields;
use crate::permission::{MANAGE_THREADS, Member, Overwrite, access};
use crate::scrub::Scrub;

/// The flag of a channel of which Discord shows only the existence
/// (<https://docs.discord.com/developers/resources/channel#channel-object-channel-flags>).
const OBFUSCATED: u64 = 1 << 17;

/// Fields that repeat known values, that every message changes, or that concern the bot.
const LEFT_OUT: [&str; 4] = ["guild_id", "member", "last_pin_timestamp", "newly_created"];

/// The members whose permissions decide, and whether the whole guild is age-gated.
#[derive(Debug)]
pub(crate) struct Rights {
    pub(crate) everyone: Member,
    pub(crate) bot: Member,
    pub(crate) age_gated: bool,
}

/// The content of a channel object.
#[derive(Debug)]
pub(crate) enum Shown {
    /// The whole channel.
    Whole(Box<GuildChannel>),
    /// Only its existence.
    Hidden(ChannelSnowflake),
    /// An object without a valid id.
    Nothing,
}

/// Converts a channel that is not a thread, as observed with its guild and its roles.
pub(crate) fn channel(scope: &GuildScope, rights: &Rights, observed_at: Timestamp, mut wire: Fields) -> Shown {
    let Some(id): Option<ChannelSnowflake> = wire.id("id") else { return Shown::Nothing };
    let flags = wire.number("flags").unwrap_or(0);
    if flags & OBFUSCATED != 0 {
        return Shown::Hidden(id);
    }
    let kind = wire.small("type").map_or(ChannelKind::UNNUMBERED, ChannelKind);
    let said = wire.has("permission_overwrites");
    let listed = wire.objects("permission_overwrites");
    let overwrites: Vec<Overwrite> = listed.iter().cloned().filter_map(Overwrite::read).collect();
    // Without all overwrites the readers are unknown: the channel is then private.
    let known = said && overwrites.len() == listed.len() && !wire.has("permission_overwrites");
    wire.add("permission_overwrites", listed.into_iter().map(Fields::value).collect());
    let guild = scope.guild.get();
    let public = known && access(kind, rights.everyone.rights(guild, &overwrites)) == Access::Readable;
    let own = rights.bot.rights(guild, &overwrites);
    let parent_id: Option<ChannelSnowflake> = wire.id("parent_id");
    let scrub = Scrub { people: &scope.people };
    let made = Channel {
        parent_id: parent_id.map(|parent| ChannelId::of(scope.tenant, parent)),
        topic: wire.text("topic").filter(|topic| !topic.is_empty()).map(|topic| scrub.text(&topic)),
        position: wire.small("position").unwrap_or(0),
        nsfw: wire.flag("nsfw") || rights.age_gated,
        visibility: if public { Visibility::Public } else { Visibility::Private },
        tags: tags(&mut wire, scrub),
        observed_at: Some(observed_at),
        ..Channel::new(scope.tenant, id, kind, name(&mut wire, scrub, id))
    };
    let last_message_id = wire.id("last_message_id");
    Shown::Whole(Box::new(GuildChannel {
        channel: Channel { extra: extra(wire, flags, scrub), ..made },
        access: access(kind, own),
        manages_threads: own & MANAGE_THREADS != 0,
        last_message_id,
    }))
}

/// Converts a thread, which inherits from `parent`; without one it is private and not readable.
pub(crate) fn thread(
    scope: &GuildScope,
    parent: Option<&GuildChannel>,
    observed_at: Timestamp,
    mut wire: Fields,
) -> Option<GuildChannel> {
    let id: ChannelSnowflake = wire.id("id")?;
    let flags = wire.number("flags").unwrap_or(0);
    let kind = wire.small("type").map_or(ChannelKind::UNNUMBERED, ChannelKind);
    if !kind.is_thread() {
        return None;
    }
    let scrub = Scrub { people: &scope.people };
    let parent_id: Option<ChannelSnowflake> = wire.id("parent_id");
    let mut metadata = wire.object("thread_metadata").unwrap_or_default();
    let (archived, locked) = (metadata.flag("archived"), metadata.flag("locked"));
    if let Some(rest) = metadata.rest() {
        wire.keep("thread_metadata", rest);
    }
    let tags = wire.list("applied_tags");
    let own = !kind.is_always_private() && parent.is_some();
    let made = Channel {
        parent_id: parent_id.map(|parent| ChannelId::of(scope.tenant, parent)),
        nsfw: parent.is_some_and(|parent| parent.channel.nsfw),
        visibility: if own { Visibility::Public } else { Visibility::Private },
        archived,
        locked,
        applied_tags: tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect(),
        observed_at: Some(observed_at),
        ..Channel::new(scope.tenant, id, kind, name(&mut wire, scrub, id))
    };
    let last_message_id = wire.id("last_message_id");
    Some(GuildChannel {
        channel: Channel { extra: extra(wire, flags, scrub), ..made },
        access: parent.map_or(Access::Denied(Denied::View), |parent| parent.access),
        manages_threads: parent.is_some_and(|parent| parent.manages_threads),
        last_message_id,
    })
}

/// Returns the parent that a thread object names.
pub(crate) fn parent_of<'a>(structure: &'a GuildStructure, wire: &Fields) -> Option<&'a GuildChannel> {
    structure.channel(wire.clone().id("parent_id")?)
}

/// Returns the name of a channel, which is never empty.
fn name(wire: &mut Fields, scrub: Scrub<'_>, id: ChannelSnowflake) -> String {
    let name = wire.text("name").filter(|name| !name.is_empty());
    name.map_or_else(|| id.to_string(), |name| scrub.text(&name))
}

fn extra(mut wire: Fields, flags: u64, scrub: Scrub<'_>) -> Option<domain::json::Json> {
    for key in LEFT_OUT {
        wire.any(key);
    }
    if flags != 0 {
        wire.keep("flags", json!(flags));
    }
    wire.rest().map(|rest| scrub.json(rest))
}

/// Returns the tags of a forum. Their moderation settings, and the ids of their emoji, stay in the extra fields.
fn tags(wire: &mut Fields, scrub: Scrub<'_>) -> Vec<ForumTag> {
    let items = wire.objects("available_tags");
    let rests: Vec<Value> = items
        .iter()
        .cloned()
        .filter_map(|mut tag| {
            let id = tag.any("id");
            tag.any("name");
            tag.any("emoji_name");
            tag.leave_out("emoji_id", &Value::Null);
            tag.leave_out("moderated", &json!(false));
            (!tag.is_empty()).then(|| {
                tag.keep("id", id.unwrap_or_default());
                tag.value()
            })
        })
        .collect();
    wire.add("available_tags", rests);
    let tag = |mut tag: Fields| {
        let id = tag.id::<()>("id")?.to_string();
        let emoji = tag.text("emoji_name").or_else(|| tag.id::<()>("emoji_id").map(|id| id.to_string()));
        let name = scrub.text(&tag.text("name").unwrap_or_default());
        Some(ForumTag { id, name, emoji })
    };
    items.into_iter().filter_map(tag).collect()
}

#[cfg(test)]
mod tests;
