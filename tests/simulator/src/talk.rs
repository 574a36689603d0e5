//! People who talk, at the pace of people: for a demonstration, and for tests of a site that stays open.

mod script;

use serde_json::{Map, Value, json};

use self::script::{Line, SCENES, Turn};
use crate::act::{Act, ActError};
use crate::random::Draw;
use crate::simulator::Shared;
use crate::words;

/// The channels that people talk in; the first one has most of it.
const PLACES: [&str; 2] = ["general", "lounge"];
/// The number of people who talk.
const CAST: usize = 9;
/// The time before a turn, in milliseconds, without that for its text.
const PAUSE_MS: u64 = 700;
/// The time in which a character is written.
const CHARACTER_MS: u64 = 25;

/// Draws one scene after another: in each round every scene once.
struct Script {
    draw: Draw,
    left: Vec<usize>,
    last: usize,
}

impl Script {
    fn new(seed: u64) -> Self {
        Self { draw: Draw::of(&[seed, 0x7461_6C6B]), left: Vec::new(), last: SCENES.len() }
    }

    /// Returns the number of the next scene, which is never the last one again.
    fn next(&mut self) -> usize {
        if self.left.is_empty() {
            self.left = (0..SCENES.len()).collect();
        }
        loop {
            let index = self.draw.index(self.left.len());
            if self.left[index] != self.last {
                self.last = self.left.swap_remove(index);
                return self.last;
            }
        }
    }
}

/// A scene that is being played.
struct Stage<'a> {
    shared: &'a Shared,
    /// The channel or thread of the next message.
    channel_id: u64,
    /// The users of the speakers.
    cast: Vec<Value>,
    /// The words in place of `{}`, the same in the whole scene.
    subject: String,
    /// The channel and id of every message so far.
    said: Vec<(u64, u64)>,
}

/// Lets people talk until the future is dropped.
///
/// # Errors
/// [`ActError`] if there is no channel to talk in.
pub(crate) async fn talk(shared: &Shared) -> Result<(), ActError> {
    let mut script = Script::new(shared.options.seed);
    let people = people(shared);
    loop {
        let scene = script.next();
        let draw = &mut script.draw;
        let place = PLACES[usize::from(draw.chance(250))];
        let channel_id = shared.world().channels.values().find(|channel| channel.name == place).map(|found| found.id);
        let first = draw.index(people.len());
        let cast = people.iter().cycle().skip(first).take(people.len()).cloned().collect();
        let mut stage = Stage {
            shared,
            channel_id: channel_id.ok_or(ActError::Refused("there is no channel to talk in"))?,
            cast,
            subject: words::name(draw, " "),
            said: Vec::new(),
        };
        for line in SCENES[scene] {
            let pause = PAUSE_MS + line.text().len() as u64 * CHARACTER_MS + draw.below(PAUSE_MS);
            shared.options.clock.sleep(pause).await;
            // Others may have deleted what it is about.
            if stage.play(line).is_err() {
                break;
            }
        }
    }
}

/// Returns people who are still in the guild.
fn people(shared: &Shared) -> Vec<Value> {
    let world = shared.world();
    let members = (1..world.people.count()).filter(|number| world.people.is_member(*number));
    let users = members.map(|number| world.people.user(number));
    let is_person = |user: &Value| user["bot"].is_null() && user["global_name"].is_string();
    users.filter(is_person).take(CAST).collect()
}

impl Stage<'_> {
    fn play(&mut self, line: &Line) -> Result<(), ActError> {
        let text = line.text().replace("{}", &self.subject);
        match line.turn {
            Turn::Say(_) => self.send(line.speaker, text, Map::new()),
            Turn::Reply(to, _) => {
                let (channel_id, message_id) = self.said[to];
                let guild_id = self.shared.world().guild.id.to_string();
                let to = json!({"type": 0, "channel_id": channel_id.to_string(),
                                "message_id": message_id.to_string(), "guild_id": guild_id});
                self.send(
                    line.speaker,
                    text,
                    Map::from_iter([("type".into(), json!(19)), ("message_reference".into(), to)]),
                )
            }
            Turn::Edit(number, _) => {
                let (channel_id, message_id) = self.said[number];
                self.act(Act::Edit { channel_id, message_id, content: Some(text), raw: Map::new() })
            }
            Turn::Delete(number) => {
                let (channel_id, message_id) = self.said[number];
                self.act(Act::Delete { channel_id, message_ids: vec![message_id], bulk: false })
            }
            Turn::React(number, emoji) => {
                let (channel_id, message_id) = self.said[number];
                let user_id = self.cast[line.speaker]["id"].as_str().and_then(|id| id.parse().ok());
                let emoji = emoji.to_owned();
                self.act(Act::React { channel_id, message_id, emoji, user_id, burst: false, remove: false })
            }
            Turn::Thread(number, _) => {
                let (channel_id, message_id) = self.said[number];
                let (message_id, content) = (Some(message_id), String::new());
                let act = Act::CreateThread { channel_id, name: text, message_id, private: false, content };
                self.channel_id = id_of(&self.shared.act(act)?);
                Ok(())
            }
        }
    }

    fn send(&mut self, speaker: usize, content: String, mut raw: Map<String, Value>) -> Result<(), ActError> {
        let channel_id = self.channel_id;
        raw.insert("author".to_owned(), self.cast[speaker].clone());
        let sent = self.shared.act(Act::Send { channel_id, content, raw })?;
        self.said.push((channel_id, id_of(&sent)));
        Ok(())
    }

    fn act(&self, act: Act) -> Result<(), ActError> {
        self.shared.act(act).map(|_| ())
    }
}

fn id_of(made: &Value) -> u64 {
    made["id"].as_str().and_then(|id| id.parse().ok()).expect("it was made with an id")
}

#[cfg(test)]
mod tests;
