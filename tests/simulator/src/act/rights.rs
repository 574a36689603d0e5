//! Roles, overwrites, and the rights of the bot itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{ActError, BotChange};
use crate::event::{Event, channel_event, guild_create, intent};
use crate::guild::Role;
use crate::permission::{Overwrite, Subject};
use crate::world::{GUILD_MEMBERS_LIMITED, MESSAGE_CONTENT_LIMITED, World};

impl World {
    fn viewable(&self) -> BTreeSet<u64> {
        let channels = self.channels.values().filter(|channel| channel.thread.is_none());
        channels.filter(|channel| self.is_viewable(channel)).map(|channel| channel.id).collect()
    }

    /// Returns the events for channels that came into view or left it, apart from `told`.
    fn view_changes(&self, before: &BTreeSet<u64>, told: Option<u64>) -> Vec<Event> {
        let after = self.viewable();
        let changed = before.symmetric_difference(&after).filter_map(|id| self.channels.get(id));
        let mut events: Vec<Event> = changed
            .filter(|channel| told != Some(channel.id))
            .map(|channel| channel_event(self, "CHANNEL_UPDATE", channel))
            .collect();
        let gained: Vec<u64> = after.difference(before).copied().collect();
        if !gained.is_empty() {
            let threads: Vec<Value> = gained
                .iter()
                .flat_map(|id| self.threads_of(*id))
                .filter(|thread| thread.thread.as_ref().is_some_and(|t| !t.archived) && self.is_viewable(thread))
                .map(|thread| thread.json(self.guild.id, &self.facts(thread)))
                .collect();
            let ids: Vec<String> = gained.iter().map(u64::to_string).collect();
            let data = json!({"guild_id": self.guild.id.to_string(), "channel_ids": ids, "threads": threads,
                              "members": []});
            events.push(Event::guild("THREAD_LIST_SYNC", data));
        }
        events
    }

    pub(super) fn set_overwrite(
        &mut self,
        channel_id: u64,
        id: u64,
        rights: Option<(Subject, u64, u64)>,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let before = self.viewable();
        let channel = self.channels.get_mut(&channel_id).ok_or(ActError::Channel(channel_id))?;
        channel.overwrites.retain(|over| over.id != id);
        channel.overwrites.extend(rights.map(|(subject, allow, deny)| Overwrite { id, subject, allow, deny }));
        let mut events = vec![channel_event(self, "CHANNEL_UPDATE", self.channel_of(channel_id)?)];
        events.extend(self.view_changes(&before, Some(channel_id)));
        Ok((json!({}), events))
    }

    pub(super) fn set_role(&mut self, id: u64, permissions: u64) -> Result<(Value, Vec<Event>), ActError> {
        let before = self.viewable();
        let role = self.guild.roles.iter_mut().find(|role| role.id == id).ok_or(ActError::Role(id))?;
        role.permissions = permissions;
        let data = json!({"guild_id": self.guild.id.to_string(), "role": role.json()});
        let mut events = vec![Event::guild("GUILD_ROLE_UPDATE", data)];
        events.extend(self.view_changes(&before, None));
        Ok((json!({}), events))
    }

    pub(super) fn create_role(&mut self, name: String, now_ms: u64) -> (Value, Vec<Event>) {
        let id = self.new_id(now_ms);
        let position = u32::try_from(self.guild.roles.len()).unwrap_or(u32::MAX);
        let role = Role { id, name, permissions: 0, position, color: 0, managed: false };
        let data = json!({"guild_id": self.guild.id.to_string(), "role": role.json()});
        self.guild.roles.push(role);
        (json!({"id": id.to_string()}), vec![Event::guild("GUILD_ROLE_CREATE", data)])
    }

    pub(super) fn delete_role(&mut self, id: u64) -> Result<(Value, Vec<Event>), ActError> {
        let before = self.viewable();
        let place = self.guild.roles.iter().position(|role| role.id == id).ok_or(ActError::Role(id))?;
        self.guild.roles.remove(place);
        let data = json!({"guild_id": self.guild.id.to_string(), "role_id": id.to_string()});
        let mut events = vec![Event::guild("GUILD_ROLE_DELETE", data)];
        events.extend(self.view_changes(&before, None));
        Ok((json!({}), events))
    }

    pub(super) fn give_role(&mut self, id: u64, remove: bool) -> Result<(Value, Vec<Event>), ActError> {
        let before = self.viewable();
        let role = self.guild.roles.iter().find(|role| role.id == id).ok_or(ActError::Role(id))?;
        self.bot.roles.retain(|own| *own != role.id);
        if !remove {
            self.bot.roles.push(id);
        }
        let mut data = crate::rest::own_member(self);
        data["guild_id"] = json!(self.guild.id.to_string());
        // The bot's own membership is sent without the intent for members.
        let mut events = vec![Event::guild("GUILD_MEMBER_UPDATE", data)];
        events.extend(self.view_changes(&before, None));
        Ok((json!({}), events))
    }

    pub(super) fn delete_expression(&mut self, id: u64) -> Result<(Value, Vec<Event>), ActError> {
        let guild = &mut self.guild;
        let count = (guild.emojis.len(), guild.stickers.len());
        guild.emojis.retain(|emoji| emoji.id != id);
        guild.stickers.retain(|(sticker, _)| *sticker != id);
        let guild_id = guild.id.to_string();
        let event = |name, data| Event { intent: intent::GUILD_EXPRESSIONS, ..Event::guild(name, data) };
        let event = if guild.emojis.len() < count.0 {
            event("GUILD_EMOJIS_UPDATE", json!({"guild_id": guild_id, "emojis": guild.emojis_json()}))
        } else if guild.stickers.len() < count.1 {
            event("GUILD_STICKERS_UPDATE", json!({"guild_id": guild_id, "stickers": guild.stickers_json()}))
        } else {
            return Err(ActError::Refused("there is no such emoji or sticker"));
        };
        Ok((json!({}), vec![event]))
    }

    pub(super) fn set_bot(&mut self, change: &BotChange) -> (Value, Vec<Event>) {
        let mut events = Vec::new();
        let mut switch = |wanted: Option<bool>, bit: u64| match wanted {
            Some(true) => self.bot.flags |= bit,
            Some(false) => self.bot.flags &= !bit,
            None => {}
        };
        switch(change.content, MESSAGE_CONTENT_LIMITED);
        switch(change.members, GUILD_MEMBERS_LIMITED);
        self.bot.token_revoked = change.token_revoked.unwrap_or(self.bot.token_revoked);
        self.bot.interactions_endpoint = change.interactions_endpoint.unwrap_or(self.bot.interactions_endpoint);
        self.lists_hidden = change.lists_hidden.unwrap_or(self.lists_hidden);
        self.clock_skew_ms = change.clock_skew_ms.unwrap_or(self.clock_skew_ms);
        let id = self.guild.id.to_string();
        if let Some(level) = change.nsfw_level {
            self.guild.nsfw_level = level;
            events.push(Event::guild("GUILD_UPDATE", self.guild.json(None)));
        }
        if let Some(unavailable) = change.unavailable {
            self.guild_unavailable = unavailable;
            events.push(if unavailable {
                Event::guild("GUILD_DELETE", json!({"id": id, "unavailable": true}))
            } else {
                Event::guild("GUILD_CREATE", guild_create(self))
            });
        }
        if let Some(removed) = change.removed {
            self.removed = removed;
            events.push(if removed {
                Event::guild("GUILD_DELETE", json!({"id": id}))
            } else {
                Event::guild("GUILD_CREATE", guild_create(self))
            });
        }
        (json!({"flags": self.bot.flags}), events)
    }
}
