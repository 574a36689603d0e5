//! Creating, changing and deleting channels and threads.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{ActError, ChannelChange};
use crate::channel::{Channel, Forum, Origin, Thread, kind};
use crate::event::{Event, channel_event, intent};
use crate::message::{Reply, flag};
use crate::timeline::Timeline;
use crate::world::World;

fn blank(id: u64, kind: u8, name: String, parent_id: Option<u64>) -> Channel {
    Channel {
        id,
        kind,
        name,
        topic: None,
        parent_id,
        position: 0,
        nsfw: false,
        flags: 0,
        overwrites: Vec::new(),
        forum: None,
        thread: None,
        line: Timeline::default(),
        key: id,
        starters: BTreeMap::new(),
    }
}

impl World {
    pub(super) fn create_channel(
        &mut self,
        name: String,
        kind: u8,
        parent_id: Option<u64>,
        now_ms: u64,
    ) -> (Value, Vec<Event>) {
        let mut channel = blank(self.new_id(now_ms), kind, name, parent_id);
        let parent = parent_id.and_then(|id| self.channels.get(&id));
        channel.overwrites = parent.map(|parent| parent.overwrites.clone()).unwrap_or_default();
        channel.position = u32::try_from(self.channels.len()).unwrap_or(u32::MAX);
        if matches!(kind, kind::FORUM | kind::MEDIA) {
            channel.forum = Some(Forum::default());
        }
        let id = channel.id;
        let event = channel_event(self, "CHANNEL_CREATE", &channel);
        self.channels.insert(id, channel);
        (json!({"id": id.to_string()}), vec![event])
    }

    pub(super) fn create_thread(
        &mut self,
        parent_id: u64,
        name: &str,
        message: Option<u64>,
        private: bool,
        content: &str,
        now_ms: u64,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let parent = self.channel_of(parent_id)?;
        let (kind, origin) = match (parent.kind, message) {
            (kind::FORUM | kind::MEDIA, None) => (kind::PUBLIC_THREAD, Origin::Post),
            (kind::ANNOUNCEMENT, Some(_)) => (kind::ANNOUNCEMENT_THREAD, Origin::Message),
            (kind::TEXT, Some(_)) => (kind::PUBLIC_THREAD, Origin::Message),
            (kind::TEXT, None) if private => (kind::PRIVATE_THREAD, Origin::Standalone),
            (kind::TEXT, None) => (kind::PUBLIC_THREAD, Origin::Standalone),
            _ => return Err(ActError::Refused("no thread can be made there")),
        };
        if let Some(message) = message {
            self.changeable(parent_id, message)?;
        }
        let id = message.unwrap_or_else(|| self.new_id(now_ms));
        let mut channel = blank(id, kind, name.to_owned(), Some(parent_id));
        channel.thread = Some(Thread {
            owner_id: self.people.id(id >> 1),
            origin,
            created_ms: now_ms,
            archived: false,
            archive_us: now_ms * 1000,
            auto_archive_minutes: 1440,
            locked: false,
            tags: Vec::new(),
            members: BTreeSet::new(),
        });
        self.channels.insert(id, channel);
        let mut created = channel_event(self, "THREAD_CREATE", self.channel_of(id)?);
        created.data["newly_created"] = json!(true);
        let mut events = vec![created];
        match origin {
            Origin::Post => {
                let stored = self.draft(id, id, content, now_ms);
                events.push(self.insert(id, &stored, now_ms)?);
            }
            Origin::Message => {
                let starter = self.changeable(parent_id, id)?;
                let flags = starter.body.get("flags").and_then(Value::as_u64).unwrap_or(0) | flag::HAS_THREAD;
                starter.body.insert("flags".to_owned(), json!(flags));
                let starter = starter.clone();
                let parent = self.channel_of(parent_id)?;
                events.push(Event::message(self, "MESSAGE_UPDATE", parent, &starter, now_ms));
                let row = self.new_id(now_ms);
                let mut stored = self.draft(id, row, "", now_ms);
                stored.reply = Reply::To { channel_id: parent_id, id };
                stored.body.insert("type".to_owned(), json!(21));
                stored.body.insert("message_reference".to_owned(), self.reference(parent_id, Some(id)));
                events.push(self.insert(id, &stored, now_ms)?);
            }
            Origin::Standalone => {
                let row = self.new_id(now_ms);
                let mut stored = self.draft(parent_id, row, name, now_ms);
                stored.body.insert("type".to_owned(), json!(18));
                stored.body.insert("message_reference".to_owned(), self.reference(id, None));
                events.push(self.insert(parent_id, &stored, now_ms)?);
            }
        }
        Ok((json!({"id": id.to_string()}), events))
    }

    fn reference(&self, channel_id: u64, message_id: Option<u64>) -> Value {
        let mut reference =
            json!({"type": 0, "channel_id": channel_id.to_string(), "guild_id": self.guild.id.to_string()});
        if let Some(id) = message_id {
            reference["message_id"] = json!(id.to_string());
        }
        reference
    }

    pub(super) fn update_channel(
        &mut self,
        id: u64,
        change: ChannelChange,
        now_ms: u64,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let channel = self.channels.get_mut(&id).ok_or(ActError::Channel(id))?;
        channel.name = change.name.unwrap_or_else(|| channel.name.clone());
        channel.topic = change.topic.or_else(|| channel.topic.clone());
        channel.nsfw = change.nsfw.unwrap_or(channel.nsfw);
        channel.position = change.position.unwrap_or(channel.position);
        channel.kind = change.kind.unwrap_or(channel.kind);
        if let Some(parent) = change.parent_id {
            channel.parent_id = Some(parent).filter(|id| *id != 0);
        }
        if let (Some(forum), Some(tag)) = (&mut channel.forum, change.delete_tag) {
            let tag = tag.to_string();
            forum.tags.retain(|known| known["id"] != tag.as_str());
        }
        if let Some(thread) = &mut channel.thread {
            thread.locked = change.locked.unwrap_or(thread.locked);
            if let Some(pinned) = change.pinned {
                channel.flags = channel.flags & !(1 << 1) | u64::from(pinned) << 1;
            }
        }
        let name = if channel.thread.is_some() { "THREAD_UPDATE" } else { "CHANNEL_UPDATE" };
        let events = match change.archived {
            Some(archived) => self.set_archived(id, archived, change.archive_us.unwrap_or(now_ms * 1000))?,
            None => vec![channel_event(self, name, self.channel_of(id)?)],
        };
        Ok((json!({"id": id.to_string()}), events))
    }

    pub(super) fn delete_channel(&mut self, id: u64) -> Result<(Value, Vec<Event>), ActError> {
        let channel = self.channel_of(id)?.clone();
        let event = if channel.thread.is_some() {
            let data = json!({"id": id.to_string(), "guild_id": self.guild.id.to_string(), "type": channel.kind,
                              "parent_id": channel.parent_id.map(|id| id.to_string())});
            let seen = self.is_viewable(&channel);
            // Its channel no longer exists when the event is sent, so the parent's rights decide.
            let parent = channel.parent_id.filter(|_| seen).unwrap_or(id);
            Event::within(parent, "THREAD_DELETE", intent::GUILDS, data)
        } else {
            channel_event(self, "CHANNEL_DELETE", &channel)
        };
        let mut events = vec![event];
        let threads: Vec<u64> = self.threads_of(id).map(|thread| thread.id).collect();
        for gone in threads.into_iter().chain([id]) {
            self.channels.remove(&gone);
            self.overlays.remove(&gone);
        }
        let orphans: Vec<u64> =
            self.channels.values().filter(|other| other.parent_id == Some(id)).map(|other| other.id).collect();
        for orphan in orphans {
            if let Some(other) = self.channels.get_mut(&orphan) {
                other.parent_id = None;
            }
            events.push(channel_event(self, "CHANNEL_UPDATE", self.channel_of(orphan)?));
        }
        Ok((json!({}), events))
    }

    pub(super) fn join_thread(&mut self, id: u64, leave: bool) -> Result<(Value, Vec<Event>), ActError> {
        let me = self.bot.id;
        let channel = self.channels.get_mut(&id).ok_or(ActError::Channel(id))?;
        let thread = channel.thread.as_mut().ok_or(ActError::Refused("only threads are joined"))?;
        if leave {
            thread.members.remove(&me);
        } else {
            thread.members.insert(me);
        }
        let count = thread.members.len();
        let added: Vec<Value> = channel.membership(me).into_iter().collect();
        let removed: Vec<String> = leave.then(|| me.to_string()).into_iter().collect();
        let mut events = Vec::new();
        if !leave {
            events.push(channel_event(self, "THREAD_CREATE", self.channel_of(id)?));
        }
        let data = json!({"id": id.to_string(), "guild_id": self.guild.id.to_string(), "member_count": count,
                          "added_members": added, "removed_member_ids": removed});
        events.push(Event::within(id, "THREAD_MEMBERS_UPDATE", intent::GUILDS, data));
        Ok((json!({}), events))
    }
}
