//! The people of the guild.

use std::collections::HashSet;

use discord_simulator::{Act, ChannelChange, READ_MESSAGE_HISTORY, Simulator, Subject, VIEW_CHANNEL, kind};
use domain::page::model::Random;
use serde_json::{Map, Value, json};

use super::files::SentFiles;

const EMOJIS: [&str; 3] = ["👍", "🎉", "🦦"];
/// The number of people who react and vote.
const USERS: u64 = 8;

/// The readers of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    /// Everyone.
    All,
    /// The bot, by a role, but not everyone.
    Role,
    /// Neither everyone nor the bot.
    Hidden,
}

/// A channel or thread.
#[derive(Debug)]
struct Room {
    id: u64,
    /// The channel of a thread.
    parent: Option<u64>,
    kind: u8,
    is_archived: bool,
    /// Of a channel; a thread follows its parent.
    readers: Readers,
    /// Whether people may delete it: it is of their own time.
    is_new: bool,
}

impl Room {
    const fn new(id: u64, parent: Option<u64>, kind: u8, is_new: bool) -> Self {
        Self { id, parent, kind, is_archived: false, readers: Readers::All, is_new }
    }

    const fn is_forum(&self) -> bool {
        self.kind == kind::FORUM
    }
}

/// The people, and what they know of the guild.
pub(super) struct People {
    rooms: Vec<Room>,
    /// Their messages, with the channels.
    said: Vec<(u64, u64)>,
    polls: Vec<(u64, u64)>,
    files: SentFiles,
    /// The messages with threads.
    starters: HashSet<u64>,
    deleted: Vec<u64>,
    /// The bot's role.
    role: u64,
    /// Whether `@everyone` may view channels at all.
    is_open: bool,
    acts: u64,
}

fn id_of(made: &Value) -> u64 {
    made["id"].as_str().unwrap().parse().unwrap()
}

pub(super) fn pick<T: Copy>(random: &mut Random, from: &[T]) -> Option<T> {
    let index = random.below(from.len().max(1) as u64);
    from.get(usize::try_from(index).unwrap()).copied()
}

impl People {
    pub(super) fn new(simulator: &Simulator) -> Self {
        let mut rooms = Vec::new();
        for (name, kind) in [("general", kind::TEXT), ("other", kind::TEXT), ("news", kind::ANNOUNCEMENT)] {
            rooms.push(Room::new(simulator.channel(name).unwrap(), None, kind, false));
        }
        rooms.push(Room::new(simulator.channel("help").unwrap(), None, kind::FORUM, false));
        let parents: Vec<u64> = rooms.iter().map(|room| room.id).collect();
        for parent in parents {
            let threads = simulator.threads(parent);
            rooms.extend(threads.into_iter().map(|id| Room::new(id, Some(parent), kind::PUBLIC_THREAD, false)));
        }
        let made = simulator.act(Act::CreateRole { name: "archive".to_owned() }).unwrap();
        let role = id_of(&made);
        let permissions = VIEW_CHANNEL | READ_MESSAGE_HISTORY;
        simulator.act(Act::SetRole { role_id: role, permissions }).unwrap();
        simulator.act(Act::GiveRole { role_id: role, remove: false }).unwrap();
        let (said, polls, starters, deleted) = (Vec::new(), Vec::new(), HashSet::new(), Vec::new());
        let files = SentFiles::default();
        Self { rooms, said, polls, files, starters, deleted, role, is_open: true, acts: 0 }
    }

    /// Returns the number of acts so far.
    pub(super) const fn acts(&self) -> u64 {
        self.acts
    }

    /// Returns the deleted channels and threads.
    pub(super) fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    /// Returns the files that they sent.
    pub(super) const fn files(&self) -> &SentFiles {
        &self.files
    }

    /// Returns whether everyone may read a channel or thread.
    pub(super) fn is_public(&self, id: u64) -> bool {
        let room = self.rooms.iter().find(|room| room.id == id).unwrap();
        room.kind != kind::PRIVATE_THREAD && self.is_open && self.readers_of(room) == Readers::All
    }

    fn readers_of(&self, room: &Room) -> Readers {
        let above = room.parent.and_then(|parent| self.rooms.iter().find(|above| above.id == parent));
        above.unwrap_or(room).readers
    }

    /// Lets one of them do something; returns a description of it.
    pub(super) fn act(&mut self, random: &mut Random, simulator: &Simulator) -> String {
        self.acts += 1;
        let done = match random.below(100) {
            0..40 => self.say(random, simulator),
            40..54 => self.edit(random, simulator, true),
            54..58 => self.edit(random, simulator, false),
            58..66 => self.delete(random, simulator),
            66..68 => self.delete_many(random, simulator),
            68..82 => self.react(random, simulator),
            82..84 => self.clear(random, simulator),
            84..86 => self.pin(random, simulator),
            86..88 => self.poll(random, simulator),
            88..91 => self.open_thread(random, simulator),
            91..94 => self.archive(random, simulator),
            94..98 => self.change_rights(random, simulator),
            98 => self.make_or_rename(random, simulator),
            _ => self.remove(random, simulator),
        };
        done.unwrap_or_else(|| "nothing to do".to_owned())
    }

    /// Shows the bot every channel again.
    pub(super) fn end(&mut self, simulator: &Simulator) {
        let hidden = self.rooms.iter_mut().filter(|room| room.readers == Readers::Hidden);
        for room in hidden {
            room.readers = Readers::All;
            let id = simulator.guild_id();
            simulator.act(Act::RemoveOverwrite { channel_id: room.id, id }).unwrap();
        }
    }

    fn room(&self, random: &mut Random, is: impl Fn(&Room) -> bool) -> Option<(u64, u8)> {
        let found: Vec<_> = self.rooms.iter().filter(|room| is(room)).map(|room| (room.id, room.kind)).collect();
        pick(random, &found)
    }

    /// Returns one of their messages, not in an archived thread; mostly a late one.
    fn message(&self, random: &mut Random) -> Option<(u64, u64)> {
        let is_archived = |id: u64| self.rooms.iter().any(|room| room.id == id && room.is_archived);
        let found: Vec<_> = self.said.iter().copied().filter(|(channel, _)| !is_archived(*channel)).collect();
        let from = if random.below(3) == 0 { 0 } else { found.len().saturating_sub(20) };
        pick(random, &found[from..])
    }

    fn say(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, _) = self.room(random, |room| !room.is_forum())?;
        let count = if random.below(20) == 0 { 60 } else { 1 + random.below(6) };
        for number in 0..count {
            let content = format!("{}, {number}: <@{}> said so", self.acts, 1_000 + random.below(USERS));
            let files = self.files.draw(random);
            let raw = SentFiles::fields(channel_id, &files);
            let sent = simulator.act(Act::Send { channel_id, content, raw }).unwrap();
            self.files.add((channel_id, id_of(&sent)), &files);
            self.said.push((channel_id, id_of(&sent)));
        }
        self.rooms.iter_mut().filter(|room| room.id == channel_id).for_each(|room| room.is_archived = false);
        Some(format!("{count} messages in {channel_id}"))
    }

    fn edit(&mut self, random: &mut Random, simulator: &Simulator, is_text: bool) -> Option<String> {
        let (channel_id, message_id) = self.message(random)?;
        let content = is_text.then(|| format!("changed by {}", self.acts));
        let embeds = json!([{"type": "link", "url": "https://example.org/", "title": format!("as of {}", self.acts)}]);
        let raw = if is_text { Map::new() } else { Map::from_iter([("embeds".to_owned(), embeds)]) };
        simulator.act(Act::Edit { channel_id, message_id, content, raw }).unwrap();
        Some(format!("{message_id} in {channel_id} changes"))
    }

    fn delete(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, message_id) = self.message(random)?;
        self.forget(|_, id| id == message_id);
        simulator.act(Act::Delete { channel_id, message_ids: vec![message_id], bulk: false }).unwrap();
        Some(format!("{message_id} in {channel_id} is deleted"))
    }

    fn delete_many(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, _) = self.message(random)?;
        let all = self.said.iter().filter(|(channel, _)| *channel == channel_id).map(|(_, id)| *id);
        let message_ids: Vec<u64> = all.filter(|_| random.below(3) == 0).take(60).collect();
        if message_ids.is_empty() {
            return None;
        }
        self.forget(|_, id| message_ids.contains(&id));
        let done = format!("{} messages in {channel_id} are deleted", message_ids.len());
        simulator.act(Act::Delete { channel_id, message_ids, bulk: true }).unwrap();
        Some(done)
    }

    fn react(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, message_id) = self.message(random)?;
        for _ in 0..=random.below(4) {
            let emoji = pick(random, &EMOJIS)?.to_owned();
            let (user, burst, remove) = (1 + random.below(USERS), random.below(5) == 0, random.below(4) == 0);
            simulator.act(Act::React { channel_id, message_id, emoji, user_id: Some(user), burst, remove }).unwrap();
        }
        Some(format!("reactions to {message_id} in {channel_id}"))
    }

    fn clear(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, message_id) = self.message(random)?;
        let emoji = pick(random, &EMOJIS).map(str::to_owned).filter(|_| random.below(2) == 0);
        simulator.act(Act::ClearReactions { channel_id, message_id, emoji }).unwrap();
        Some(format!("reactions to {message_id} in {channel_id} are removed"))
    }

    fn pin(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, message_id) = self.message(random)?;
        let remove = random.below(3) == 0;
        simulator.act(Act::Pin { channel_id, message_id, remove }).unwrap();
        Some(format!("{message_id} in {channel_id} is pinned, or no longer"))
    }

    fn poll(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let open = |people: &Self, (channel, _): &(u64, u64)| {
            people.rooms.iter().any(|room| room.id == *channel && !room.is_archived)
        };
        let polls: Vec<_> = self.polls.iter().copied().filter(|poll| open(self, poll)).collect();
        if let Some((channel_id, message_id)) = pick(random, &polls).filter(|_| random.below(4) > 0) {
            for _ in 0..=random.below(3) {
                let (answer_id, user_id) = (1 + random.below(2), Some(1 + random.below(USERS)));
                let remove = random.below(4) == 0;
                simulator.act(Act::Vote { channel_id, message_id, answer_id, user_id, remove }).unwrap();
            }
            return Some(format!("votes for {message_id} in {channel_id}"));
        }
        let answer = |number: u64, text: &str| json!({"answer_id": number, "poll_media": {"text": text}});
        let poll = json!({"question": {"text": "well?"}, "answers": [answer(1, "yes"), answer(2, "no")], "expiry": null,
                          "allow_multiselect": false, "layout_type": 1,
                          "results": {"is_finalized": false, "answer_counts": []}});
        let (channel_id, _) = self.room(random, |room| !room.is_forum() && !room.is_archived)?;
        let raw = Map::from_iter([("poll".to_owned(), poll)]);
        let sent = simulator.act(Act::Send { channel_id, content: String::new(), raw }).unwrap();
        self.polls.push((channel_id, id_of(&sent)));
        Some(format!("a poll in {channel_id}"))
    }

    fn open_thread(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, of) = self.room(random, |room| room.parent.is_none())?;
        let said: Vec<u64> =
            self.said.iter().filter(|(channel, _)| *channel == channel_id).map(|(_, id)| *id).collect();
        let starter = pick(random, &said).filter(|id| of != kind::FORUM && !self.starters.contains(id));
        let message_id =
            if of == kind::ANNOUNCEMENT { Some(starter?) } else { starter.filter(|_| random.below(2) == 0) };
        let private = of == kind::TEXT && message_id.is_none() && random.below(6) == 0;
        let (name, content) = (format!("about {}", self.acts), format!("post {}", self.acts));
        let made = simulator.act(Act::CreateThread { channel_id, name, message_id, private, content }).unwrap();
        let thread = id_of(&made);
        self.starters.extend(message_id);
        let kind = if private { kind::PRIVATE_THREAD } else { kind::PUBLIC_THREAD };
        self.rooms.push(Room::new(thread, Some(channel_id), kind, true));
        Some(format!("thread {thread} in {channel_id}"))
    }

    fn archive(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, _) = self.room(random, |room| room.parent.is_some())?;
        let room = self.rooms.iter_mut().find(|room| room.id == channel_id)?;
        room.is_archived = !room.is_archived;
        let change = ChannelChange { archived: Some(room.is_archived), ..ChannelChange::default() };
        simulator.act(Act::UpdateChannel { channel_id, change }).unwrap();
        Some(format!("thread {channel_id} is archived: {}", room.is_archived))
    }

    fn change_rights(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let everyone = simulator.guild_id();
        if random.below(6) == 0 {
            self.is_open = !self.is_open;
            let permissions = if self.is_open { VIEW_CHANNEL | READ_MESSAGE_HISTORY } else { 0 };
            simulator.act(Act::SetRole { role_id: everyone, permissions }).unwrap();
            return Some(format!("the guild is open to everyone: {}", self.is_open));
        }
        let (channel_id, _) = self.room(random, |room| room.parent.is_none())?;
        let readers = pick(random, &[Readers::All, Readers::All, Readers::Role, Readers::Hidden])?;
        let (subject, deny) = (Subject::Role, VIEW_CHANNEL);
        let role = Act::SetOverwrite { channel_id, id: self.role, subject, allow: VIEW_CHANNEL, deny: 0 };
        let closed = Act::SetOverwrite { channel_id, id: everyone, subject, allow: 0, deny };
        let acts = match readers {
            Readers::All => {
                [Act::RemoveOverwrite { channel_id, id: everyone }, Act::RemoveOverwrite { channel_id, id: self.role }]
            }
            Readers::Role => [role, closed],
            Readers::Hidden => [closed, Act::RemoveOverwrite { channel_id, id: self.role }],
        };
        for act in acts {
            simulator.act(act).unwrap();
        }
        self.rooms.iter_mut().find(|room| room.id == channel_id)?.readers = readers;
        Some(format!("the readers of {channel_id}: {readers:?}"))
    }

    fn make_or_rename(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        if random.below(2) == 0 {
            let name = format!("new-{}", self.acts);
            let made = simulator.act(Act::CreateChannel { name, kind: kind::TEXT, parent_id: None }).unwrap();
            self.rooms.push(Room::new(id_of(&made), None, kind::TEXT, true));
            return Some(format!("channel {}", id_of(&made)));
        }
        let (channel_id, _) = self.room(random, |_| true)?;
        let change = ChannelChange { name: Some(format!("renamed-{}", self.acts)), ..ChannelChange::default() };
        simulator.act(Act::UpdateChannel { channel_id, change }).unwrap();
        Some(format!("{channel_id} is renamed"))
    }

    fn remove(&mut self, random: &mut Random, simulator: &Simulator) -> Option<String> {
        let (channel_id, _) = self.room(random, |room| room.is_new)?;
        simulator.act(Act::DeleteChannel { channel_id }).unwrap();
        let is_gone = |room: &Room| room.id == channel_id || room.parent == Some(channel_id);
        let gone: Vec<u64> = self.rooms.iter().filter(|room| is_gone(room)).map(|room| room.id).collect();
        self.rooms.retain(|room| !is_gone(room));
        self.forget(|channel, _| gone.contains(&channel));
        self.deleted.extend(gone);
        Some(format!("{channel_id} is deleted"))
    }

    fn forget(&mut self, is_gone: impl Fn(u64, u64) -> bool) {
        self.said.retain(|(channel, id)| !is_gone(*channel, *id));
        self.polls.retain(|(channel, id)| !is_gone(*channel, *id));
    }
}
