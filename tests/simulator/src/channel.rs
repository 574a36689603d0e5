//! Channels and threads: their state and the objects that describe them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::moment::{iso, snowflake};
use crate::permission::{Overwrite, VIEW_CHANNEL};
use crate::timeline::Timeline;

/// Channel types: <https://docs.discord.com/developers/resources/channel#channel-object-channel-types>.
pub mod kind {
    /// A text channel.
    pub const TEXT: u8 = 0;
    /// A voice channel, with text.
    pub const VOICE: u8 = 2;
    /// A category, which only groups channels.
    pub const CATEGORY: u8 = 4;
    /// A text channel that other guilds may follow.
    pub const ANNOUNCEMENT: u8 = 5;
    /// A thread of an announcement channel.
    pub const ANNOUNCEMENT_THREAD: u8 = 10;
    /// A thread that is visible to all who can view the parent.
    pub const PUBLIC_THREAD: u8 = 11;
    /// A thread that is visible to its members and moderators.
    pub const PRIVATE_THREAD: u8 = 12;
    /// A stage, with text.
    pub const STAGE: u8 = 13;
    /// A list of guilds.
    pub const DIRECTORY: u8 = 14;
    /// A forum, which contains only threads.
    pub const FORUM: u8 = 15;
    /// A media channel, which contains only threads, shown as pictures.
    pub const MEDIA: u8 = 16;
}

/// The time from which threads have a creation time: 2022-01-09.
const CREATE_TIMESTAMP_SINCE_MS: u64 = 1_641_686_400_000;
/// The time until which message and member counts stopped at 50: 2022-07-01.
const COUNTS_GREW_MS: u64 = 1_656_633_600_000;
/// The flag of a channel whose data the receiver may not see.
const CHANNEL_OBFUSCATED: u64 = 1 << 17;

/// The fields of forums and media channels only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Forum {
    pub(crate) tags: Vec<Value>,
    pub(crate) sort_order: Option<u8>,
    pub(crate) layout: u8,
    pub(crate) reaction: Option<&'static str>,
}

/// The way a thread was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From a message of the parent, whose id it shares.
    Message,
    /// On its own; the parent has a system message about it.
    Standalone,
    /// As a post of a forum; its first message shares its id.
    Post,
}

/// The fields of threads only.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) owner_id: u64,
    pub(crate) origin: Origin,
    pub(crate) created_ms: u64,
    pub(crate) archived: bool,
    /// Microseconds since the Unix epoch.
    pub(crate) archive_us: u64,
    pub(crate) auto_archive_minutes: u32,
    pub(crate) locked: bool,
    pub(crate) tags: Vec<u64>,
    pub(crate) members: BTreeSet<u64>,
}

/// One channel in its current state.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) kind: u8,
    pub(crate) name: String,
    pub(crate) topic: Option<String>,
    pub(crate) parent_id: Option<u64>,
    pub(crate) position: u32,
    pub(crate) nsfw: bool,
    pub(crate) flags: u64,
    pub(crate) overwrites: Vec<Overwrite>,
    pub(crate) forum: Option<Forum>,
    pub(crate) thread: Option<Thread>,
    pub(crate) line: Timeline,
    /// The key from which the channel's messages are drawn.
    pub(crate) key: u64,
    /// The threads of generated messages: for each, its id and key.
    pub(crate) starters: BTreeMap<u64, (u64, u64)>,
}

impl Channel {
    /// Returns whether the channel contains messages of its own.
    pub(crate) const fn holds_messages(&self) -> bool {
        !matches!(self.kind, kind::CATEGORY | kind::DIRECTORY | kind::FORUM | kind::MEDIA)
    }

    /// Returns whether reading it requires the right to connect.
    pub(crate) const fn is_voice(&self) -> bool {
        matches!(self.kind, kind::VOICE | kind::STAGE)
    }

    /// Returns the channel object, or for a thread the thread object without the reader's membership.
    pub(crate) fn json(&self, guild_id: u64, facts: &Facts) -> Value {
        self.thread
            .as_ref()
            .map_or_else(|| self.channel_json(guild_id, facts), |t| self.thread_json(t, guild_id, facts))
    }

    fn channel_json(&self, guild_id: u64, facts: &Facts) -> Value {
        let overwrites: Vec<Value> = self.overwrites.iter().map(Overwrite::json).collect();
        let mut object = json!({
            "id": self.id.to_string(), "type": self.kind, "flags": self.flags, "guild_id": guild_id.to_string(),
            "name": self.name, "position": self.position, "parent_id": self.parent_id.map(|id| id.to_string()),
            "permission_overwrites": overwrites, "nsfw": self.nsfw,
        });
        if !matches!(self.kind, kind::CATEGORY | kind::DIRECTORY) {
            object["last_message_id"] = json!(facts.last_id.map(|id| id.to_string()));
            object["topic"] = json!(self.topic);
            object["rate_limit_per_user"] = json!(0);
        }
        if facts.last_pin_ms.is_some() {
            object["last_pin_timestamp"] = json!(facts.last_pin_ms.map(|ms| iso(ms * 1000)));
        }
        if self.is_voice() {
            object["bitrate"] = json!(64_000);
            object["user_limit"] = json!(0);
            object["rtc_region"] = Value::Null;
        }
        if let Some(forum) = &self.forum {
            object["available_tags"] = json!(forum.tags);
            object["default_sort_order"] = json!(forum.sort_order);
            object["default_forum_layout"] = json!(forum.layout);
            object["default_reaction_emoji"] =
                forum.reaction.map_or(Value::Null, |name| json!({"emoji_id": null, "emoji_name": name}));
            object["default_thread_rate_limit_per_user"] = json!(0);
            object["default_auto_archive_duration"] = json!(4320);
        }
        object
    }

    fn thread_json(&self, thread: &Thread, guild_id: u64, facts: &Facts) -> Value {
        let old = thread.created_ms < COUNTS_GREW_MS;
        let count = facts.messages.saturating_sub(u64::from(thread.origin != Origin::Standalone));
        let members = (thread.members.len() as u64 + facts.messages / 5 + 1).min(50);
        let mut metadata = json!({
            "archived": thread.archived, "archive_timestamp": iso(thread.archive_us),
            "auto_archive_duration": thread.auto_archive_minutes, "locked": thread.locked,
        });
        if self.kind == kind::PRIVATE_THREAD {
            metadata["invitable"] = json!(true);
        }
        if thread.created_ms >= CREATE_TIMESTAMP_SINCE_MS {
            metadata["create_timestamp"] = json!(iso(thread.created_ms * 1000));
        }
        let mut object = json!({
            "id": self.id.to_string(), "type": self.kind, "flags": self.flags, "guild_id": guild_id.to_string(),
            "name": self.name, "parent_id": self.parent_id.map(|id| id.to_string()),
            "owner_id": thread.owner_id.to_string(), "last_message_id": facts.last_id.map(|id| id.to_string()),
            "message_count": if old { count.min(50) } else { count }, "member_count": members,
            "total_message_sent": count, "rate_limit_per_user": 0, "thread_metadata": metadata,
        });
        if thread.origin == Origin::Post {
            object["applied_tags"] = thread.tags.iter().map(u64::to_string).collect();
        }
        if let Some(ms) = facts.last_pin_ms {
            object["last_pin_timestamp"] = json!(iso(ms * 1000));
        }
        object
    }

    /// Returns the gateway's object for a channel that the receiver may not view.
    pub(crate) fn obfuscated(&self, guild_id: u64) -> Value {
        json!({
            "id": self.id.to_string(), "type": self.kind, "flags": CHANNEL_OBFUSCATED, "guild_id": guild_id.to_string(),
            "name": "___hidden___", "position": self.position, "parent_id": self.parent_id.map(|id| id.to_string()),
            "permission_overwrites": [Overwrite::role(guild_id, 0, VIEW_CHANNEL).json()], "topic": null,
            "last_message_id": null, "nsfw": false, "rate_limit_per_user": 0,
        })
    }

    /// Returns the membership object of user `user_id` in this thread.
    pub(crate) fn membership(&self, user_id: u64) -> Option<Value> {
        let thread = self.thread.as_ref()?;
        thread.members.contains(&user_id).then(|| {
            json!({"id": self.id.to_string(), "user_id": user_id.to_string(), "flags": 1,
                   "join_timestamp": iso(thread.created_ms * 1000 + 5_250_000)})
        })
    }
}

/// The fields of a channel object that describe the channel's messages.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The newest message, deleted or not; for a forum, the newest thread.
    pub(crate) last_id: Option<u64>,
    pub(crate) last_pin_ms: Option<u64>,
    /// The number of messages.
    pub(crate) messages: u64,
}

/// Returns an id for an object created at `ms`, made unique by `low`; never the id of a generated message.
pub(crate) const fn made_at(ms: u64, low: u64) -> u64 {
    snowflake(ms, low << 1)
}
