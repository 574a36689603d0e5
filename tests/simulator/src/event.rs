//! The events that the gateway sends to its sessions.

use serde_json::{Value, json};

use crate::channel::Channel;
use crate::message::Stored;
use crate::message::render::{View, message};
use crate::world::World;

/// Gateway intents: <https://docs.discord.com/developers/events/gateway#gateway-intents>.
pub(crate) mod intent {
    pub(crate) const GUILDS: u32 = 1;
    pub(crate) const GUILD_MEMBERS: u32 = 1 << 1;
    pub(crate) const GUILD_EXPRESSIONS: u32 = 1 << 3;
    pub(crate) const GUILD_PRESENCES: u32 = 1 << 8;
    pub(crate) const GUILD_MESSAGES: u32 = 1 << 9;
    pub(crate) const GUILD_MESSAGE_REACTIONS: u32 = 1 << 10;
    pub(crate) const MESSAGE_CONTENT: u32 = 1 << 15;
    pub(crate) const GUILD_MESSAGE_POLLS: u32 = 1 << 24;
    /// Every bit that Discord has defined.
    pub(crate) const ALL: u32 = 0x0331_FFFF;
}

/// The part of an event that does not depend on its receiver.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// The intent that a receiver must have requested; 0 for none.
    pub(crate) intent: u32,
    /// The channel that a receiver must be able to view.
    pub(crate) channel: Option<u64>,
    pub(crate) data: Value,
    /// The payload for receivers that did not request message content.
    pub(crate) blank: Option<Value>,
}

impl Event {
    /// Returns an event about the guild's structure.
    pub(crate) const fn guild(name: &'static str, data: Value) -> Self {
        Self { name, intent: intent::GUILDS, channel: None, data, blank: None }
    }

    /// Returns an event for receivers that may view `channel`.
    pub(crate) const fn within(channel: u64, name: &'static str, intent: u32, data: Value) -> Self {
        Self { name, intent, channel: Some(channel), data, blank: None }
    }

    /// Returns the event of a new or changed message.
    pub(crate) fn message(world: &World, name: &'static str, channel: &Channel, stored: &Stored, now_ms: u64) -> Self {
        let object = |content| {
            let mut object = message(world, channel, stored, View { now_ms, content });
            object["guild_id"] = json!(world.guild.id.to_string());
            let author = object["author"]["id"].as_str().and_then(|id| id.parse().ok());
            if object.get("webhook_id").is_none()
                && let Some(number) = author.and_then(|id| world.people.number(id))
            {
                object["member"] = world.guild.member_without_user(&world.people, number);
            }
            object
        };
        let seen = world.sees_content();
        Self {
            name,
            intent: intent::GUILD_MESSAGES,
            channel: Some(channel.id),
            data: object(seen),
            blank: Some(object(false)),
        }
    }
}

/// Returns the guild as `GUILD_CREATE` describes it: with channels, active threads and the bot's own membership.
pub(crate) fn guild_create(world: &World) -> Value {
    let mut guild = world.guild.json(None);
    let facts = |channel: &Channel| channel.json(world.guild.id, &world.facts(channel));
    let channels = world.channels.values().filter(|channel| channel.thread.is_none());
    let channels: Vec<Value> = channels
        .map(|channel| if world.is_viewable(channel) { facts(channel) } else { channel.obfuscated(world.guild.id) })
        .collect();
    let threads = world.channels.values().filter(|channel| channel.thread.as_ref().is_some_and(|t| !t.archived));
    let threads: Vec<Value> = threads
        .filter(|thread| world.is_viewable(thread))
        .map(|thread| {
            let mut object = facts(thread);
            if let Some(mut member) = thread.membership(world.bot.id) {
                // Inside the guild object memberships do not repeat the ids of their user and thread.
                if let Some(fields) = member.as_object_mut() {
                    fields.remove("id");
                    fields.remove("user_id");
                }
                object["member"] = member;
            }
            object
        })
        .collect();
    let me = crate::rest::own_member(world);
    guild["channels"] = json!(channels);
    guild["threads"] = json!(threads);
    guild["members"] = json!([me]);
    guild["joined_at"] = me["joined_at"].clone();
    guild["large"] = json!(world.people.count() > 50);
    guild["member_count"] = json!(world.people.count());
    guild["unavailable"] = json!(false);
    for field in ["voice_states", "presences", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
        guild[field] = json!([]);
    }
    guild
}

/// Returns a channel as the bot receives it.
pub(crate) fn channel_event(world: &World, name: &'static str, channel: &Channel) -> Event {
    if channel.thread.is_some() {
        let object = channel.json(world.guild.id, &world.facts(channel));
        return Event::within(channel.id, name, intent::GUILDS, object);
    }
    let object = if world.is_viewable(channel) {
        channel.json(world.guild.id, &world.facts(channel))
    } else {
        channel.obfuscated(world.guild.id)
    };
    Event::guild(name, object)
}
