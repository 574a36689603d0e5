//! Reacting and voting.

use serde_json::{Value, json};

use super::ActError;
use crate::event::{Event, intent};
use crate::message::{Reaction, Users};
use crate::world::World;

impl World {
    pub(super) fn react(
        &mut self,
        (channel_id, id): (u64, u64),
        key: &str,
        user: Option<u64>,
        burst: bool,
        remove: bool,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let user = user.unwrap_or_else(|| self.people.id(0));
        let custom = self.guild.emojis.iter().find(|emoji| emoji.id.to_string() == key);
        let emoji = custom.map_or_else(
            || json!({"id": null, "name": key}),
            |emoji| json!({"id": emoji.id.to_string(), "name": emoji.name, "animated": emoji.animated}),
        );
        let people = self.people.clone();
        let stored = self.changeable(channel_id, id)?;
        let place = stored.reactions.iter().position(|reaction| reaction.is(key)).unwrap_or_else(|| {
            let none = || Users::Ids(std::collections::BTreeSet::new());
            stored.reactions.push(Reaction { emoji: emoji.clone(), normal: none(), burst: none() });
            stored.reactions.len() - 1
        });
        let reaction = &mut stored.reactions[place];
        let users = if burst { &mut reaction.burst } else { &mut reaction.normal }.ids(&people);
        if remove {
            users.remove(&user);
        } else {
            users.insert(user);
        }
        if reaction.normal.len() + reaction.burst.len() == 0 {
            stored.reactions.remove(place);
        }
        let author = stored.body["author"]["id"].clone();
        let mut data = self.reaction_data((channel_id, id));
        data["user_id"] = json!(user.to_string());
        data["emoji"] = emoji;
        data["burst"] = json!(burst);
        data["type"] = json!(u8::from(burst));
        if !remove {
            data["message_author_id"] = author;
            if let Some(number) = self.people.number(user) {
                data["member"] = self.guild.member_json(&self.people, number);
            }
        }
        let name = if remove { "MESSAGE_REACTION_REMOVE" } else { "MESSAGE_REACTION_ADD" };
        Ok((json!({}), vec![Event::within(channel_id, name, intent::GUILD_MESSAGE_REACTIONS, data)]))
    }

    fn reaction_data(&self, (channel_id, id): (u64, u64)) -> Value {
        json!({"channel_id": channel_id.to_string(), "message_id": id.to_string(),
               "guild_id": self.guild.id.to_string()})
    }

    pub(super) fn clear_reactions(
        &mut self,
        at: (u64, u64),
        key: Option<&str>,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let stored = self.changeable(at.0, at.1)?;
        let emoji = key.and_then(|key| stored.reactions.iter().find(|reaction| reaction.is(key)));
        let emoji = emoji.map(|reaction| reaction.emoji.clone());
        stored.reactions.retain(|reaction| key.is_some_and(|key| !reaction.is(key)));
        let mut data = self.reaction_data(at);
        let name = match (key, emoji) {
            (None, _) => "MESSAGE_REACTION_REMOVE_ALL",
            (Some(key), emoji) => {
                data["emoji"] = emoji.unwrap_or_else(|| json!({"id": null, "name": key}));
                "MESSAGE_REACTION_REMOVE_EMOJI"
            }
        };
        Ok((json!({}), vec![Event::within(at.0, name, intent::GUILD_MESSAGE_REACTIONS, data)]))
    }

    pub(super) fn vote(
        &mut self,
        at: (u64, u64),
        answer: u64,
        user: Option<u64>,
        remove: bool,
    ) -> Result<(Value, Vec<Event>), ActError> {
        let user = user.unwrap_or_else(|| self.people.id(0));
        let people = self.people.clone();
        let stored = self.changeable(at.0, at.1)?;
        if !stored.body.contains_key("poll") {
            return Err(ActError::Refused("this message is no poll"));
        }
        if !stored.votes.iter().any(|(number, _)| *number == answer) {
            stored.votes.push((answer, Users::Ids(std::collections::BTreeSet::new())));
        }
        for (number, users) in &mut stored.votes {
            if *number == answer {
                let users = users.ids(&people);
                if remove {
                    users.remove(&user);
                } else {
                    users.insert(user);
                }
            }
        }
        let counts: Vec<Value> = stored
            .votes
            .iter()
            .filter(|(_, users)| users.len() > 0)
            .map(|(number, users)| json!({"id": number, "count": users.len(), "me_voted": false}))
            .collect();
        if let Some(poll) = stored.body.get_mut("poll") {
            poll["results"] = json!({"is_finalized": false, "answer_counts": counts});
        }
        let mut data = self.reaction_data(at);
        data["user_id"] = json!(user.to_string());
        data["answer_id"] = json!(answer);
        let name = if remove { "MESSAGE_POLL_VOTE_REMOVE" } else { "MESSAGE_POLL_VOTE_ADD" };
        Ok((json!({}), vec![Event::within(at.0, name, intent::GUILD_MESSAGE_POLLS, data)]))
    }
}
