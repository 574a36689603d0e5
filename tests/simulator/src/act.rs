//! The actions of people in the guild, on a test's behalf.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::channel::Channel;
use crate::event::Event;
use crate::permission::Subject;
use crate::world::World;

mod channels;
mod messages;
mod reactions;
mod rights;

/// An action of a person. Ids are numbers or, as is usual in JSON, strings.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields carry the names of Discord's own")]
pub enum Act {
    /// A user writes. `raw` adds or replaces fields of the message object. An archived thread opens again.
    Send {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(default)]
        content: String,
        #[serde(default)]
        raw: Map<String, Value>,
    },
    /// The message changes. New `content` is an edit and sets `edited_timestamp`; `raw` alone acts like unfurling.
    Edit {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        message_id: u64,
        #[serde(default)]
        content: Option<String>,
        #[serde(default)]
        raw: Map<String, Value>,
    },
    /// Messages are deleted: one by one, or in bulk with one event.
    Delete {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "ids")]
        message_ids: Vec<u64>,
        #[serde(default)]
        bulk: bool,
    },
    /// A user adds or removes a reaction. `emoji` is a character or the id of one of the guild's.
    React {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        message_id: u64,
        emoji: String,
        #[serde(default, deserialize_with = "maybe_id")]
        user_id: Option<u64>,
        #[serde(default)]
        burst: bool,
        #[serde(default)]
        remove: bool,
    },
    /// All reactions are removed, or those with one emoji.
    ClearReactions {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        message_id: u64,
        #[serde(default)]
        emoji: Option<String>,
    },
    /// A user votes in a poll, or withdraws the vote.
    Vote {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        message_id: u64,
        answer_id: u64,
        #[serde(default, deserialize_with = "maybe_id")]
        user_id: Option<u64>,
        #[serde(default)]
        remove: bool,
    },
    /// A message is pinned or unpinned.
    Pin {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        message_id: u64,
        #[serde(default)]
        remove: bool,
    },
    /// A channel is created.
    CreateChannel {
        name: String,
        #[serde(rename = "type")]
        kind: u8,
        #[serde(default, deserialize_with = "maybe_id")]
        parent_id: Option<u64>,
    },
    /// A thread is created: from a message, on its own, or as a post of a forum with `content` as its first message.
    CreateThread {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        name: String,
        #[serde(default, deserialize_with = "maybe_id")]
        message_id: Option<u64>,
        #[serde(default)]
        private: bool,
        #[serde(default)]
        content: String,
    },
    /// A channel or thread changes.
    UpdateChannel {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        change: ChannelChange,
    },
    /// A channel or thread is deleted, with its threads and messages.
    DeleteChannel {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
    },
    /// The bot joins or leaves a thread.
    JoinThread {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(default)]
        leave: bool,
    },
    /// The rights that a channel allows and denies to a role or member are set.
    SetOverwrite {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        id: u64,
        subject: Subject,
        #[serde(default, deserialize_with = "number")]
        allow: u64,
        #[serde(default, deserialize_with = "number")]
        deny: u64,
    },
    /// A channel's overwrite is removed.
    RemoveOverwrite {
        #[serde(deserialize_with = "id")]
        channel_id: u64,
        #[serde(deserialize_with = "id")]
        id: u64,
    },
    /// The rights of a role change.
    SetRole {
        #[serde(deserialize_with = "id")]
        role_id: u64,
        #[serde(deserialize_with = "number")]
        permissions: u64,
    },
    /// A role is created, without any right.
    CreateRole { name: String },
    /// A role is deleted; overwrites keep its id.
    DeleteRole {
        #[serde(deserialize_with = "id")]
        role_id: u64,
    },
    /// The bot gets a role or loses it.
    GiveRole {
        #[serde(deserialize_with = "id")]
        role_id: u64,
        #[serde(default)]
        remove: bool,
    },
    /// An emoji or sticker of the guild is deleted; messages keep it.
    DeleteExpression {
        #[serde(deserialize_with = "id")]
        id: u64,
    },
    /// The REST API shows these fields in each object with this id, besides its own; nested objects are merged.
    Show {
        #[serde(deserialize_with = "id")]
        id: u64,
        raw: Map<String, Value>,
    },
    /// A property of the bot or the guild changes.
    SetBot { change: BotChange },
}

/// The changes of a channel. Absent fields are unchanged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields carry the names of Discord's own")]
pub struct ChannelChange {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub nsfw: Option<bool>,
    pub position: Option<u32>,
    #[serde(rename = "type")]
    pub kind: Option<u8>,
    /// 0 removes it from its category.
    #[serde(default, deserialize_with = "maybe_id")]
    pub parent_id: Option<u64>,
    pub archived: Option<bool>,
    /// Microseconds since the Unix epoch; now, if a thread is archived without it.
    pub archive_us: Option<u64>,
    pub locked: Option<bool>,
    pub pinned: Option<bool>,
    /// A tag of a forum that is deleted; posts keep its id.
    #[serde(default, deserialize_with = "maybe_id")]
    pub delete_tag: Option<u64>,
}

/// The changes of the bot. Absent fields are unchanged.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotChange {
    /// Whether the application receives message content.
    pub content: Option<bool>,
    /// Whether the application may list members.
    pub members: Option<bool>,
    /// Whether the token is rejected.
    pub token_revoked: Option<bool>,
    /// Whether the bot is removed from the guild.
    pub removed: Option<bool>,
    /// Whether the guild is down.
    pub unavailable: Option<bool>,
    /// Whether the list of channels includes, as hidden, those that the bot may not view.
    pub lists_hidden: Option<bool>,
    /// The offset by which the time in headers is ahead.
    pub clock_skew_ms: Option<i64>,
    /// Whether the application has an address of its own for interactions.
    pub interactions_endpoint: Option<bool>,
    /// The guild's age level.
    pub nsfw_level: Option<u8>,
}

/// The reason why an action failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// The channel does not exist.
    #[error("there is no channel {0}")]
    Channel(u64),
    /// The message does not exist.
    #[error("there is no message {0}")]
    Message(u64),
    /// The role does not exist.
    #[error("there is no role {0}")]
    Role(u64),
    /// The action makes no sense there.
    #[error("{0}")]
    Refused(&'static str),
}

impl World {
    /// Performs the action; returns its result, and the events for the gateway.
    pub(crate) fn act(&mut self, act: Act, now_ms: u64) -> Result<(Value, Vec<Event>), ActError> {
        match act {
            Act::Send { channel_id, content, raw } => self.send(channel_id, &content, raw, now_ms),
            Act::Edit { channel_id, message_id, content, raw } => {
                self.edit(channel_id, message_id, content, raw, now_ms)
            }
            Act::Delete { channel_id, message_ids, bulk } => self.delete(channel_id, &message_ids, bulk),
            Act::React { channel_id, message_id, emoji, user_id, burst, remove } => {
                self.react((channel_id, message_id), &emoji, user_id, burst, remove)
            }
            Act::ClearReactions { channel_id, message_id, emoji } => {
                self.clear_reactions((channel_id, message_id), emoji.as_deref())
            }
            Act::Vote { channel_id, message_id, answer_id, user_id, remove } => {
                self.vote((channel_id, message_id), answer_id, user_id, remove)
            }
            Act::Pin { channel_id, message_id, remove } => self.pin(channel_id, message_id, remove, now_ms),
            Act::CreateChannel { name, kind, parent_id } => Ok(self.create_channel(name, kind, parent_id, now_ms)),
            Act::CreateThread { channel_id, name, message_id, private, content } => {
                self.create_thread(channel_id, &name, message_id, private, &content, now_ms)
            }
            Act::UpdateChannel { channel_id, change } => self.update_channel(channel_id, change, now_ms),
            Act::DeleteChannel { channel_id } => self.delete_channel(channel_id),
            Act::JoinThread { channel_id, leave } => self.join_thread(channel_id, leave),
            Act::SetOverwrite { channel_id, id, subject, allow, deny } => {
                self.set_overwrite(channel_id, id, Some((subject, allow, deny)))
            }
            Act::RemoveOverwrite { channel_id, id } => self.set_overwrite(channel_id, id, None),
            Act::SetRole { role_id, permissions } => self.set_role(role_id, permissions),
            Act::CreateRole { name } => Ok(self.create_role(name, now_ms)),
            Act::DeleteRole { role_id } => self.delete_role(role_id),
            Act::GiveRole { role_id, remove } => self.give_role(role_id, remove),
            Act::DeleteExpression { id } => self.delete_expression(id),
            Act::Show { id, raw } => {
                self.more.insert(id, raw);
                Ok((Value::Null, Vec::new()))
            }
            Act::SetBot { change } => Ok(self.set_bot(&change)),
        }
    }

    fn channel_of(&self, id: u64) -> Result<&Channel, ActError> {
        self.channels.get(&id).ok_or(ActError::Channel(id))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl Number {
    fn parse<E: de::Error>(self) -> Result<u64, E> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Text(text) => text.parse().map_err(E::custom),
        }
    }
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Number::deserialize(from)?.parse()
}

fn id<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    number(from)
}

fn maybe_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Option::<Number>::deserialize(from)?.map(Number::parse).transpose()
}

fn ids<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    Vec::<Number>::deserialize(from)?.into_iter().map(Number::parse).collect()
}

#[cfg(test)]
mod tests;
