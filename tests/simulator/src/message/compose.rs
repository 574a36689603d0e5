//! Message number `index` of a channel, computed from the seed.

use serde_json::{Map, Value, json};

use super::content::fill;
use super::mix::{Kind, kind};
use super::system::fill_system;
use super::{Reaction, Reply, Stored, Users, flag};
use crate::channel::{Channel, Origin};
use crate::moment::{GUILD_BORN_MS, iso, ms_of, snowflake};
use crate::random::Draw;
use crate::words;
use crate::world::World;

const KIND: u64 = 10;
const BODY: u64 = 11;
const REACTIONS: u64 = 12;
const PIN: u64 = 13;

/// A message under construction.
pub(super) struct Draft<'a> {
    pub(super) world: &'a World,
    pub(super) channel: &'a Channel,
    pub(super) index: u64,
    pub(super) id: u64,
    /// The time at which it was sent, in microseconds.
    pub(super) at_us: u64,
    pub(super) draw: Draw,
    pub(super) body: Map<String, Value>,
    pub(super) flags: u64,
    pub(super) reply: Reply,
    pub(super) votes: Vec<(u64, Users)>,
}

impl Draft<'_> {
    /// Sets a field.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        self.body.insert(field.to_owned(), value);
    }

    /// Returns the id of an earlier message of the channel, if there is one.
    pub(super) fn earlier(&mut self) -> Option<u64> {
        let back = 1 + self.draw.below(20);
        self.index.checked_sub(back).map(|index| self.channel.line.id(index))
    }

    /// Returns an id of another guild, whose channels and messages do not exist here; never that of a person.
    pub(super) const fn elsewhere(&self, number: u64) -> u64 {
        snowflake(GUILD_BORN_MS - 1000 * (1 + self.index + number), 0x2A)
    }

    /// Sets `message_reference` to a message of this guild.
    pub(super) fn refer(&mut self, channel_id: u64, id: u64) {
        self.set(
            "message_reference",
            json!({"type": 0, "channel_id": channel_id.to_string(), "message_id": id.to_string(),
                   "guild_id": self.world.born.id.to_string()}),
        );
    }
}

/// Returns the kind of the message at `index`.
fn kind_at(channel: &Channel, index: u64) -> Kind {
    let first_of_thread = index == 0 && channel.thread.is_some();
    if first_of_thread || channel.starters.contains_key(&index) {
        return Kind::Plain;
    }
    kind(&mut Draw::of(&[channel.key, KIND, index]))
}

/// Returns whether the message at `index` was pinned at the end of history. Every stretch has one, about forty in all
/// at most.
pub(crate) fn is_pinned(channel: &Channel, index: u64) -> bool {
    let stretch = stretch(channel);
    pinned_in(channel, index / stretch) == Some(index)
}

/// Returns the messages that were pinned at the end of history.
pub(crate) fn pins(channel: &Channel) -> impl Iterator<Item = u64> {
    (0..channel.line.count().div_ceil(stretch(channel))).filter_map(|number| pinned_in(channel, number))
}

fn stretch(channel: &Channel) -> u64 {
    (channel.line.count() / 40).max(60)
}

fn pinned_in(channel: &Channel, number: u64) -> Option<u64> {
    let stretch = stretch(channel);
    let index = number * stretch + Draw::of(&[channel.key, PIN, number]).below(stretch);
    (index < channel.line.count() && kind_at(channel, index).is_content() && !is_thread_row(channel, index))
        .then_some(index)
}

/// Returns whether this row starts a thread, or is the first of a thread that was started from a message.
fn is_thread_row(channel: &Channel, index: u64) -> bool {
    channel.starters.contains_key(&index)
        || index == 0 && channel.thread.as_ref().is_some_and(|thread| thread.origin == Origin::Message)
}

/// Returns the message at `index`.
pub(crate) fn compose(world: &World, channel: &Channel, index: u64) -> Stored {
    let id = channel.line.id(index);
    let mut draw = Draw::of(&[channel.key, BODY, index]);
    let mut at_us = ms_of(id) * 1000 + draw.below(1000);
    if draw.below(64) == 0 {
        at_us -= at_us % 1_000_000;
    }
    let author = draw.below(world.people.count());
    let body = Map::new();
    let mut draft =
        Draft { world, channel, index, id, at_us, draw, body, flags: 0, reply: Reply::Absent, votes: Vec::new() };
    for field in ["attachments", "embeds", "mentions", "mention_roles", "components"] {
        draft.set(field, json!([]));
    }
    for field in ["mention_everyone", "tts", "pinned"] {
        draft.set(field, json!(false));
    }
    draft.set("id", json!(id.to_string()));
    draft.set("channel_id", json!(channel.id.to_string()));
    draft.set("type", json!(0));
    draft.set("content", json!(""));
    draft.set("author", world.people.user(author));
    draft.set("timestamp", json!(iso(at_us)));
    draft.set("edited_timestamp", Value::Null);
    let kind = kind_at(channel, index);
    if is_thread_row(channel, index) {
        thread_row(&mut draft);
    } else if kind.is_content() {
        fill(&mut draft, kind);
    } else {
        fill_system(&mut draft, kind);
    }
    place_in_thread(&mut draft);
    let reactions = if kind.is_content() { reactions(world, channel, index) } else { Vec::new() };
    let flags = draft.flags;
    draft.set("flags", json!(flags));
    Stored { id, body: draft.body, reply: draft.reply, reactions, votes: draft.votes }
}

/// Fills a row that starts a thread, or the first row of a thread, which refers to the starter.
fn thread_row(draft: &mut Draft) {
    let Some((thread_id, key)) = draft.channel.starters.get(&draft.index).copied() else {
        let (Some(parent_id), id) = (draft.channel.parent_id, draft.channel.id) else { return };
        draft.set("type", json!(21));
        draft.refer(parent_id, id);
        draft.reply = Reply::To { channel_id: parent_id, id };
        return;
    };
    if thread_id == draft.id {
        draft.flags |= flag::HAS_THREAD;
        let content = words::chatter(&mut draft.draw);
        draft.set("content", json!(content));
    } else {
        draft.set("type", json!(18));
        draft.set("content", json!(thread_name(key)));
        let guild = draft.world.born.id.to_string();
        draft.set("message_reference", json!({"type": 0, "channel_id": thread_id.to_string(), "guild_id": guild}));
    }
}

/// Returns the name that a generated thread was given.
pub(crate) fn thread_name(key: u64) -> String {
    let mut draw = Draw::of(&[key, 0x6E61_6D65]);
    let length = 2 + draw.below(6);
    words::sentence(&mut draw, length).trim_end_matches('.').to_owned()
}

/// Numbers a message of a thread, except the first two messages of a forum post.
fn place_in_thread(draft: &mut Draft) {
    let Some(thread) = &draft.channel.thread else { return };
    if thread.origin != Origin::Post || draft.index > 1 {
        let position = draft.index;
        draft.set("position", json!(position));
    }
}

fn reactions(world: &World, channel: &Channel, index: u64) -> Vec<Reaction> {
    let mut draw = Draw::of(&[channel.key, REACTIONS, index]);
    if !draw.chance(120) {
        return Vec::new();
    }
    let people = world.people.count();
    let distinct = if draw.chance(10) { 20 } else { 1 + draw.below(3) };
    let mut found: Vec<Reaction> = Vec::new();
    for _ in 0..distinct {
        let emoji = match draw.below(30) {
            0 => json!({"id": channel.line.id(0).to_string(), "name": null}),
            1..=9 => {
                let emoji = draw.pick(&world.born.emojis);
                let mut object = json!({"id": emoji.id.to_string(), "name": emoji.name});
                if emoji.animated {
                    object["animated"] = json!(true);
                }
                object
            }
            _ => json!({"id": null, "name": words::emoji(&mut draw)}),
        };
        let wanted = if draw.chance(15) { 130 } else { 1 + draw.below(5) };
        let burst = if draw.chance(80) { 1 + draw.below(3) } else { 0 };
        let mut block = |len: u64| {
            let len = len.min(people);
            Users::Block { first: draw.below(people - len + 1), len }
        };
        let (normal, burst) = (block(wanted), block(burst));
        let key = emoji["id"].as_str().or(emoji["name"].as_str()).unwrap_or_default().to_owned();
        if found.iter().all(|other| !other.is(&key)) {
            found.push(Reaction { emoji, normal, burst });
        }
    }
    found
}
