//! Events about messages.

use std::time::Duration;

use domain::channel::{ChannelId, ChannelSnowflake};
use domain::coverage::Interval;
use domain::event::{Event, MessageChange, PollVote, ReactionEvent};
use domain::message::{MessageId, Origin};
use domain::pseudonym::Pseudonym;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::guild::GuildScope;

use super::{Incoming, Reader, id_of};
use crate::convert::{Converter, emoji};
use crate::payload::{self, Fields};
use crate::scrub::Scrub;

/// The flag of a message that only one user sees, and that no page shows.
const EPHEMERAL: u64 = 1 << 6;

/// Discord's type of a burst reaction.
const BURST: u64 = 1;

/// The id of a new message that cannot be read is at most so far from the time when it was received.
const NEAR: Duration = Duration::from_mins(1);

impl Reader {
    /// Returns the event about messages, unless it is unusable or without effect.
    pub(super) fn message_event(&self, incoming: Incoming<'_>) -> Option<Event> {
        let Incoming { name, scope, at, route, data } = incoming;
        let Some(channel) = id_of(route.channel_id) else {
            self.unreadable(name);
            return None;
        };
        let is_message = matches!(name, "MESSAGE_CREATE" | "MESSAGE_UPDATE");
        let read = match data {
            Ok(data) if is_message && is_ephemeral(&data) => return None,
            Ok(data) if is_message => message(name, scope, channel, at, data),
            Ok(data) => match change(name, scope, data) {
                Some(Found::Change(change)) => Ok(change),
                Some(Found::Unknown) => {
                    self.counters.unknown("event", name);
                    return None;
                }
                None => Err(("it has an unexpected form", None)),
            },
            Err(odd) => Err(odd),
        };
        let change = match read {
            Ok(change) => change,
            Err((reason, value)) => {
                self.unreadable(name);
                if !is_message {
                    return None;
                }
                let raw = value.map(|value| Scrub { people: &scope.people }.json(value));
                let channel = ChannelId::of(scope.tenant, channel);
                let entry = match id_of(route.id) {
                    Some(id) => Unreadable::refused(channel, id, reason.to_owned(), at),
                    None => Unreadable::shown(channel, near(at), reason, raw, at),
                };
                MessageChange::Unreadable(Box::new(entry))
            }
        };
        Some(Event::Message { channel, change })
    }
}

/// The result of reading an event.
enum Found {
    Change(MessageChange),
    Unknown,
}

fn is_ephemeral(data: &Fields) -> bool {
    data.clone().number("flags").is_some_and(|flags| flags & EPHEMERAL != 0)
}

/// Converts a new or changed message as the messages of pages.
fn message(
    name: &str,
    scope: &GuildScope,
    channel: ChannelSnowflake,
    at: Timestamp,
    data: Fields,
) -> Result<MessageChange, payload::Odd> {
    let scrub = Scrub { people: &scope.people };
    let channel = ChannelId::of(scope.tenant, channel);
    let converter = Converter { channel, observed_at: at, origin: Origin::Event, scrub };
    let made = if name == "MESSAGE_CREATE" {
        converter.message(data).map(|message| MessageChange::Created(Box::new(message)))
    } else {
        converter.patch(data).map(|patch| MessageChange::Updated(Box::new(patch)))
    };
    made.map_err(|data| ("a message has no id", Some(data.value())))
}

/// Converts another event about messages; `None` if it has an unexpected form.
fn change(name: &str, scope: &GuildScope, mut data: Fields) -> Option<Found> {
    let change = match name {
        "MESSAGE_DELETE" => MessageChange::Deleted(vec![data.id("id")?]),
        "MESSAGE_DELETE_BULK" => {
            let ids: Vec<MessageId> = data.list("ids").iter().filter_map(payload::id).collect();
            MessageChange::Deleted(Some(ids).filter(|ids| !ids.is_empty())?)
        }
        "MESSAGE_REACTION_ADD" => MessageChange::ReactionAdded(reaction(scope, data)?),
        "MESSAGE_REACTION_REMOVE" => MessageChange::ReactionRemoved(reaction(scope, data)?),
        "MESSAGE_REACTION_REMOVE_ALL" => {
            MessageChange::ReactionsCleared { message: data.id("message_id")?, emoji: None }
        }
        "MESSAGE_REACTION_REMOVE_EMOJI" => {
            let emoji = emoji(&mut data.object("emoji")?);
            MessageChange::ReactionsCleared { message: data.id("message_id")?, emoji: Some(emoji) }
        }
        "MESSAGE_POLL_VOTE_ADD" => MessageChange::VoteAdded(vote(scope, data)?),
        "MESSAGE_POLL_VOTE_REMOVE" => MessageChange::VoteRemoved(vote(scope, data)?),
        "CHANNEL_PINS_UPDATE" => MessageChange::PinsChanged,
        _ => return Some(Found::Unknown),
    };
    Some(Found::Change(change))
}

fn reaction(scope: &GuildScope, mut data: Fields) -> Option<ReactionEvent> {
    Some(ReactionEvent {
        message: data.id("message_id")?,
        emoji: emoji(&mut data.object("emoji")?),
        person: person(scope, &mut data)?,
        burst: data.flag("burst") || data.number("type") == Some(BURST),
    })
}

fn vote(scope: &GuildScope, mut data: Fields) -> Option<PollVote> {
    let (message, answer) = (data.id("message_id")?, data.count("answer_id")?);
    Some(PollVote { message, answer, person: person(scope, &mut data)? })
}

fn person(scope: &GuildScope, data: &mut Fields) -> Option<Pseudonym> {
    let id: Id<()> = data.id("user_id")?;
    Some(scope.people.person(&id.to_string()))
}

/// Returns the ids that a message can have that was received at `at`.
fn near(at: Timestamp) -> Interval {
    let (low, high) = (MessageId::first_at(at.minus(NEAR)), MessageId::first_at(at.plus(NEAR)));
    Interval::new(low, high).unwrap_or(Interval::only(low))
}
