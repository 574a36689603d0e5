//! Writing, changing, deleting and pinning messages.

use serde_json::{Map, Value, json};

use super::ActError;
use crate::channel::Origin;
use crate::event::{Event, channel_event, intent};
use crate::message::{Reply, Stored};
use crate::moment::{iso, snowflake};
use crate::world::World;

impl World {
    /// Returns a new id, above every earlier one of this millisecond.
    pub(super) fn new_id(&mut self, now_ms: u64) -> u64 {
        self.made += 1;
        snowflake(now_ms, self.made << 1)
    }

    /// Returns the message for modification.
    pub(super) fn changeable(&mut self, channel_id: u64, id: u64) -> Result<&mut Stored, ActError> {
        let found = self.find(self.channel_of(channel_id)?, id).ok_or(ActError::Message(id))?;
        let overlay = self.overlays.entry(channel_id).or_default();
        Ok(overlay.messages.entry(id).or_insert(None).get_or_insert(found))
    }

    fn updated(&self, channel_id: u64, id: u64, now_ms: u64) -> Result<Event, ActError> {
        let channel = self.channel_of(channel_id)?;
        let stored = self.find(channel, id).ok_or(ActError::Message(id))?;
        Ok(Event::message(self, "MESSAGE_UPDATE", channel, &stored, now_ms))
    }

    /// Puts a message into a channel; returns the event.
    pub(super) fn insert(&mut self, channel_id: u64, stored: &Stored, now_ms: u64) -> Result<Event, ActError> {
        let overlay = self.overlays.entry(channel_id).or_default();
        overlay.sent.insert(stored.id);
        overlay.messages.insert(stored.id, Some(stored.clone()));
        Ok(Event::message(self, "MESSAGE_CREATE", self.channel_of(channel_id)?, stored, now_ms))
    }

    /// Creates a message that a user writes now.
    pub(super) fn draft(&self, channel_id: u64, id: u64, content: &str, now_ms: u64) -> Stored {
        let author = self.people.user(id >> 1);
        let body = json!({
            "id": id.to_string(), "channel_id": channel_id.to_string(), "type": 0, "content": content,
            "author": author, "attachments": [], "embeds": [], "mentions": [], "mention_roles": [],
            "mention_everyone": false, "pinned": false, "tts": false, "timestamp": iso(now_ms * 1000 + id % 1000),
            "edited_timestamp": null, "flags": 0, "components": [],
        });
        let Value::Object(body) = body else { unreachable!("written as an object") };
        Stored { id, body, reply: Reply::Absent, reactions: Vec::new(), votes: Vec::new() }
    }

    pub(super) fn send(
        &mut self,
        channel_id: u64,
        content: &str,
        raw: Map<String, Value>,
        now_ms: u64,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let channel = self.channel_of(channel_id)?;
        if !channel.holds_messages() {
            return Err(ActError::Refused("this channel holds no messages"));
        }
        let mut events = Vec::new();
        if channel.thread.as_ref().is_some_and(|thread| thread.archived) {
            events = self.set_archived(channel_id, false, now_ms * 1000)?;
        }
        let id = self.new_id(now_ms);
        let mut stored = self.draft(channel_id, id, content, now_ms);
        let reply = raw.get("message_reference").filter(|_| raw.get("type") == Some(&json!(19)));
        if let Some(target) = reply.and_then(|to| to["message_id"].as_str()?.parse().ok()) {
            stored.reply = Reply::To { channel_id, id: target };
        }
        stored.body.extend(raw);
        events.push(self.insert(channel_id, &stored, now_ms)?);
        Ok((json!({"id": id.to_string()}), events))
    }

    pub(super) fn edit(
        &mut self,
        channel_id: u64,
        id: u64,
        content: Option<String>,
        raw: Map<String, Value>,
        now_ms: u64,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let stored = self.changeable(channel_id, id)?;
        if let Some(content) = content {
            stored.body.insert("content".to_owned(), json!(content));
            stored.body.insert("edited_timestamp".to_owned(), json!(iso(now_ms * 1000 + id % 1000)));
        }
        stored.body.extend(raw);
        Ok((json!({"id": id.to_string()}), vec![self.updated(channel_id, id, now_ms)?]))
    }

    pub(super) fn delete(&mut self, channel_id: u64, ids: &[u64], bulk: bool) -> Result<(Value, Vec<Event>), ActError> {
        let channel = self.channel_of(channel_id)?;
        if let Some(missing) = ids.iter().find(|id| self.find(channel, **id).is_none()) {
            return Err(ActError::Message(*missing));
        }
        let overlay = self.overlays.entry(channel_id).or_default();
        for id in ids {
            overlay.messages.insert(*id, None);
            overlay.pins.remove(id);
        }
        let (guild, channel) = (self.guild.id.to_string(), channel_id.to_string());
        let event = |name, data| Event::within(channel_id, name, intent::GUILD_MESSAGES, data);
        let texts = ids.iter().map(u64::to_string);
        let events = if bulk {
            let texts: Vec<String> = texts.collect();
            vec![event("MESSAGE_DELETE_BULK", json!({"ids": texts, "channel_id": channel, "guild_id": guild}))]
        } else {
            let one = |id: String| json!({"id": id, "channel_id": channel, "guild_id": guild});
            texts.map(|id| event("MESSAGE_DELETE", one(id))).collect()
        };
        Ok((json!({"deleted": ids.len()}), events))
    }

    pub(super) fn pin(
        &mut self,
        channel_id: u64,
        id: u64,
        remove: bool,
        now_ms: u64,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let channel = self.channel_of(channel_id)?;
        self.find(channel, id).ok_or(ActError::Message(id))?;
        self.overlays.entry(channel_id).or_default().pins.insert(id, (!remove).then_some(now_ms));
        let last = self.facts(self.channel_of(channel_id)?).last_pin_ms.map(|ms| iso(ms * 1000));
        let data = json!({"guild_id": self.guild.id.to_string(), "channel_id": channel_id.to_string(),
                          "last_pin_timestamp": last});
        let mut events = vec![
            self.updated(channel_id, id, now_ms)?,
            Event::within(channel_id, "CHANNEL_PINS_UPDATE", intent::GUILDS, data),
        ];
        if !remove {
            let row = self.new_id(now_ms);
            let mut stored = self.draft(channel_id, row, "", now_ms);
            stored.body.insert("type".to_owned(), json!(6));
            let reference = json!({"type": 0, "channel_id": channel_id.to_string(), "message_id": id.to_string(),
                                   "guild_id": self.guild.id.to_string()});
            stored.body.insert("message_reference".to_owned(), reference);
            events.push(self.insert(channel_id, &stored, now_ms)?);
        }
        Ok((json!({"id": id.to_string()}), events))
    }

    /// Opens or archives a thread. A pinned post loses its pin when it is archived.
    pub(super) fn set_archived(&mut self, id: u64, archived: bool, at_us: u64) -> Result<Vec<Event>, ActError> {
        let channel = self.channels.get_mut(&id).ok_or(ActError::Channel(id))?;
        let thread = channel.thread.as_mut().ok_or(ActError::Refused("only threads are archived"))?;
        thread.archived = archived;
        thread.archive_us = at_us;
        if archived && thread.origin == Origin::Post {
            channel.flags &= !(1 << 1);
        }
        let mut events = vec![channel_event(self, "THREAD_UPDATE", self.channel_of(id)?)];
        if !archived && let Some(mut member) = self.channel_of(id)?.membership(self.bot.id) {
            member["guild_id"] = json!(self.guild.id.to_string());
            events.push(Event::within(id, "THREAD_MEMBER_UPDATE", intent::GUILDS, member));
        }
        Ok(events)
    }
}
