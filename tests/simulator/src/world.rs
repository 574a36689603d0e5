//! The whole state of Discord: the generated guild and the changes since.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::channel::{Channel, Facts, kind};
use crate::guild::Guild;
use crate::message::compose::{compose, is_pinned, pins};
use crate::message::{Stored, render};
use crate::moment::ms_of;
use crate::overlay::Overlay;
use crate::people::{People, bot_user, deleted_user};
use crate::permission::{
    ALL, CONNECT, MANAGE_THREADS, Overwrite, READ_MESSAGE_HISTORY, VIEW_CHANNEL, in_channel, in_guild,
};

mod build;

/// The bot whose token the client holds.
#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(crate) id: u64,
    pub(crate) application_id: u64,
    pub(crate) roles: Vec<u64>,
    /// The application's flags: the privileged intents that it was given.
    pub(crate) flags: u64,
    pub(crate) token: String,
    pub(crate) token_revoked: bool,
    /// Whether the application has an address of its own for interactions.
    pub(crate) interactions_endpoint: bool,
}

/// The application may list members (bot in fewer than 100 guilds).
pub(crate) const GUILD_MEMBERS_LIMITED: u64 = 1 << 15;
/// The application may read message content (bot in fewer than 100 guilds).
pub(crate) const MESSAGE_CONTENT_LIMITED: u64 = 1 << 19;

/// The whole state.
#[derive(Debug)]
pub(crate) struct World {
    /// The guild as it was generated, to which generated messages refer.
    pub(crate) born: Guild,
    /// The guild in its current state.
    pub(crate) guild: Guild,
    pub(crate) people: People,
    pub(crate) bot: Bot,
    pub(crate) channels: BTreeMap<u64, Channel>,
    pub(crate) overlays: HashMap<u64, Overlay>,
    pub(crate) guild_unavailable: bool,
    /// The bot was removed from the guild.
    pub(crate) removed: bool,
    /// The list of channels includes, as hidden, those that the bot may not view.
    pub(crate) lists_hidden: bool,
    /// The offset by which the time in headers is ahead of the simulator's, in milliseconds.
    pub(crate) clock_skew_ms: i64,
    /// The base address of files: scheme, host and port.
    pub(crate) cdn: String,
    /// Fields that the API shows in each object with such an id, besides its own.
    pub(crate) more: BTreeMap<u64, Map<String, Value>>,
    /// A counter that makes live ids of one millisecond unique.
    pub(crate) made: u64,
}

/// The position of a page of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    Before(u64),
    After(u64),
    Around(u64),
}

impl World {
    /// Returns the overlay of a channel, if anything ever changed in it.
    pub(crate) fn overlay(&self, channel: u64) -> Option<&Overlay> {
        self.overlays.get(&channel)
    }

    /// Returns the message with this id, if it exists now.
    pub(crate) fn find(&self, channel: &Channel, id: u64) -> Option<Stored> {
        if let Some(changed) = self.overlay(channel.id).and_then(|overlay| overlay.messages.get(&id)) {
            return changed.clone();
        }
        channel.line.position(id).map(|index| compose(self, channel, index))
    }

    /// Returns the ids of at most `limit` messages, newest first.
    pub(crate) fn page(&self, channel: &Channel, cursor: Cursor, limit: usize) -> Vec<u64> {
        match cursor {
            Cursor::Before(id) => self.below(channel, id, limit),
            Cursor::After(id) => self.above(channel, id, limit),
            Cursor::Around(id) => {
                let mut ids = self.above(channel, id.saturating_sub(1), limit / 2 + 1);
                let older = self.below(channel, id, limit - ids.len().min(limit));
                ids.extend(older);
                ids
            }
        }
    }

    fn below(&self, channel: &Channel, before: u64, limit: usize) -> Vec<u64> {
        let empty = BTreeMap::new();
        let changed = self.overlay(channel.id).map_or(&empty, |overlay| &overlay.messages);
        let mut live = changed.range(..before).rev().peekable();
        let mut rest = channel.line.rank(before);
        let mut ids = Vec::with_capacity(limit.min(100));
        while ids.len() < limit {
            let old = rest.checked_sub(1).map(|index| channel.line.id(index));
            match (old, live.peek().map(|(id, _)| **id)) {
                (Some(old), Some(new)) if old > new => {
                    ids.push(old);
                    rest -= 1;
                }
                (old, Some(new)) => {
                    rest -= u64::from(old == Some(new));
                    if live.next().is_some_and(|(_, stored)| stored.is_some()) {
                        ids.push(new);
                    }
                }
                (Some(old), None) => {
                    ids.push(old);
                    rest -= 1;
                }
                (None, None) => break,
            }
        }
        ids
    }

    fn above(&self, channel: &Channel, after: u64, limit: usize) -> Vec<u64> {
        let empty = BTreeMap::new();
        let changed = self.overlay(channel.id).map_or(&empty, |overlay| &overlay.messages);
        let from = after.saturating_add(1);
        let mut live = changed.range(from..).peekable();
        let mut next = channel.line.rank(from);
        let mut ids = Vec::with_capacity(limit.min(100));
        while ids.len() < limit {
            let old = (next < channel.line.count()).then(|| channel.line.id(next));
            match (old, live.peek().map(|(id, _)| **id)) {
                (Some(old), Some(new)) if old < new => {
                    ids.push(old);
                    next += 1;
                }
                (old, Some(new)) => {
                    next += u64::from(old == Some(new));
                    if live.next().is_some_and(|(_, stored)| stored.is_some()) {
                        ids.push(new);
                    }
                }
                (Some(old), None) => {
                    ids.push(old);
                    next += 1;
                }
                (None, None) => break,
            }
        }
        ids.reverse();
        ids
    }

    /// Returns the time at which a message was pinned, in milliseconds, if it is pinned.
    pub(crate) fn pinned_ms(&self, channel: &Channel, id: u64) -> Option<u64> {
        if let Some(changed) = self.overlay(channel.id).and_then(|overlay| overlay.pins.get(&id)) {
            return *changed;
        }
        channel.line.position(id).filter(|index| is_pinned(channel, *index)).map(|_| ms_of(id) + 60_000)
    }

    /// Returns every pinned message with the millisecond in which it was pinned, newest pin first.
    pub(crate) fn pins(&self, channel: &Channel) -> Vec<(u64, u64)> {
        let overlay = self.overlay(channel.id);
        let born = pins(channel).map(|index| channel.line.id(index));
        let live = overlay.into_iter().flat_map(|overlay| overlay.pins.keys().copied());
        let ids: BTreeSet<u64> = born.chain(live).collect();
        let there = |id: &u64| overlay.and_then(|overlay| overlay.messages.get(id)).is_none_or(Option::is_some);
        let mut found: Vec<(u64, u64)> =
            ids.into_iter().filter(there).filter_map(|id| Some((self.pinned_ms(channel, id)?, id))).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found
    }

    /// Returns the user object behind an id; a user who never wrote in the guild looks deleted.
    pub(crate) fn user(&self, id: u64) -> Value {
        if id == self.bot.id {
            return bot_user(id);
        }
        self.people.number(id).map_or_else(|| deleted_user(id), |number| self.people.user(number))
    }

    /// Returns the fields of the channel's object about its messages.
    pub(crate) fn facts(&self, channel: &Channel) -> Facts {
        if matches!(channel.kind, kind::FORUM | kind::MEDIA) {
            let last_id = self.threads_of(channel.id).map(|thread| thread.id).max();
            return Facts { last_id, ..Facts::default() };
        }
        let count = channel.line.count();
        let generated = count.checked_sub(1).map(|index| channel.line.id(index));
        let overlay = self.overlay(channel.id);
        let sent = overlay.and_then(|overlay| overlay.sent.last().copied());
        let messages = count + overlay.map_or(0, |overlay| overlay.sent.len() as u64);
        let gone = overlay.map_or(0, |overlay| overlay.tombstones().count() as u64);
        let last_pin_ms = self.pins(channel).first().map(|(ms, _)| *ms);
        Facts { last_id: generated.max(sent), last_pin_ms, messages: messages.saturating_sub(gone) }
    }

    /// Returns the threads of a channel.
    pub(crate) fn threads_of(&self, parent: u64) -> impl Iterator<Item = &Channel> {
        self.channels.values().filter(move |channel| channel.thread.is_some() && channel.parent_id == Some(parent))
    }

    /// Returns the rights of the bot in a channel or thread.
    pub(crate) fn rights(&self, channel: &Channel) -> u64 {
        let Some(thread) = &channel.thread else { return self.rights_over(&channel.overwrites) };
        let parent = channel.parent_id.and_then(|id| self.channels.get(&id));
        let rights = parent.map_or(0, |parent| self.rights_over(&parent.overwrites));
        let seen = channel.kind != kind::PRIVATE_THREAD
            || rights & MANAGE_THREADS != 0
            || thread.members.contains(&self.bot.id);
        if seen { rights } else { 0 }
    }

    fn rights_over(&self, overwrites: &[Overwrite]) -> u64 {
        if self.guild.owner_id == self.bot.id {
            return ALL;
        }
        in_channel(self.guild_rights(), overwrites, self.guild.id, self.bot.id, &self.bot.roles)
    }

    /// Returns the rights of the bot in the guild.
    pub(crate) fn guild_rights(&self) -> u64 {
        let rights_of = |id: u64| self.guild.roles.iter().find(|role| role.id == id).map_or(0, |role| role.permissions);
        in_guild(rights_of(self.guild.id), self.bot.roles.iter().map(|id| rights_of(*id)))
    }

    /// Returns whether the bot may view the channel.
    pub(crate) fn is_viewable(&self, channel: &Channel) -> bool {
        self.rights(channel) & VIEW_CHANNEL != 0
    }

    /// Returns the reason why the bot cannot read the channel's messages; `None` if it can.
    pub(crate) fn unreadable(&self, channel: &Channel) -> Option<&'static str> {
        let rights = self.rights(channel);
        if !channel.holds_messages() {
            Some("holds no messages")
        } else if rights & VIEW_CHANNEL == 0 {
            Some("no access")
        } else if channel.is_voice() && rights & CONNECT == 0 {
            Some("no connect")
        } else if rights & READ_MESSAGE_HISTORY == 0 {
            Some("no history")
        } else {
            None
        }
    }

    /// Returns whether the application receives the content of messages.
    pub(crate) const fn sees_content(&self) -> bool {
        self.bot.flags & (MESSAGE_CONTENT_LIMITED | MESSAGE_CONTENT_LIMITED >> 1) != 0
    }

    /// Returns the message as it is shown to the bot.
    pub(crate) fn show(&self, channel: &Channel, stored: &Stored, now_ms: u64) -> Value {
        render::message(self, channel, stored, render::View { now_ms, content: self.sees_content() })
    }
}

#[cfg(test)]
mod tests;
