//! System messages of Discord: a sentence for each type of message that its documentation names.

use std::borrow::Cow;

use domain::message::{Message, MessageKind};
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;
use maud::{Markup, Render, html};
use serde_json::Value;

use super::markup::{excerpt, person, render};
use super::time::moment;
use super::{Links, poll};
use crate::html::message::array;

/// The context of a sentence.
pub(crate) struct Scene<'a> {
    /// The community's name.
    pub(crate) community: &'a str,
    /// The path of the channel's page.
    pub(crate) path: &'a str,
    /// Whether the channel is a thread.
    pub(crate) is_thread: bool,
    pub(crate) links: &'a Links,
}

/// A sentence without its full stop, or a part of one.
#[derive(Default)]
pub(crate) struct Line(pub(crate) Vec<Phrase>);

/// A part of a sentence.
pub(crate) enum Phrase {
    /// Words of ours.
    Words(Cow<'static, str>),
    /// A text that people wrote.
    Written(String),
    /// A person.
    Person(Pseudonym),
    /// A part that leads to the page at a path.
    Link(String, Line),
}

impl Line {
    /// Returns a sentence that begins with these words.
    pub(crate) fn of(words: impl Into<Cow<'static, str>>) -> Self {
        Self::default().words(words)
    }

    /// Adds words of ours.
    pub(super) fn words(self, words: impl Into<Cow<'static, str>>) -> Self {
        self.with(Phrase::Words(words.into()))
    }

    /// Adds a text that people wrote.
    pub(super) fn written(self, text: impl Into<String>) -> Self {
        self.with(Phrase::Written(text.into()))
    }

    /// Adds a part that leads to the page at `path`.
    pub(super) fn link(self, path: String, part: Self) -> Self {
        self.with(Phrase::Link(path, part))
    }

    fn with(mut self, phrase: Phrase) -> Self {
        self.0.push(phrase);
        self
    }

    /// Adds another part.
    pub(crate) fn and(mut self, part: Self) -> Self {
        self.0.extend(part.0);
        self
    }
}

impl Render for Line {
    fn render(&self) -> Markup {
        html! {
            @for phrase in &self.0 {
                @match phrase {
                    Phrase::Words(words) => (words),
                    Phrase::Written(text) => bdi { (text) },
                    Phrase::Person(who) => (person(*who)),
                    Phrase::Link(path, part) => a href=(path) { (part) },
                }
            }
        }
    }
}

/// Returns the sentence of a system message, and below it the result of a poll.
pub(super) fn sentence(message: &Message, scene: &Scene<'_>) -> Markup {
    let Some(line) = line(message, scene) else {
        return html! {
            p class="card system" { (unknown(message)) }
            (render(&message.content, &scene.links.names))
        };
    };
    html! {
        p class="system" dir="auto" { (line) }
        @if message.kind == MessageKind::POLL_RESULT { (poll::result(&array(message.embeds.as_ref()))) }
    }
}

/// Returns the sentence of a message of an unknown type.
pub(crate) fn unknown(message: &Message) -> String {
    format!("Message of type {}", message.kind.0)
}

/// Returns the sentence of a system message; `None` for a type without one
/// (<https://docs.discord.com/developers/resources/message#message-object-message-types>).
pub(crate) fn line(message: &Message, scene: &Scene<'_>) -> Option<Line> {
    let here = if scene.is_thread { "thread" } else { "conversation" };
    let channel = if scene.is_thread { "thread" } else { "channel" };
    let content = message.content.trim();
    let said = if content.is_empty() { Line::default() } else { Line::of(": ").written(content) };
    let extra = message.extra.as_ref().map(domain::json::Json::to_value).unwrap_or_default();
    Some(match message.kind.0 {
        1 => Line::of("added ").and(whom(message)).words(" to the ").words(here),
        2 if message.mentions.first().is_some_and(|person| person.pseudonym == message.author.pseudonym) => {
            Line::of("left the ").words(here)
        }
        2 if message.mentions.is_empty() => Line::of(format!("removed a member from the {here}, or left it")),
        2 => Line::of("removed ").and(whom(message)).words(" from the ").words(here),
        3 => match call_minutes(message, &extra) {
            Some(minutes) => Line::of(format!("started a call that lasted {minutes}")),
            None => Line::of("started a call"),
        },
        4 => Line::of(format!("changed the name of the {channel}")).and(said),
        5 => Line::of("changed the channel's icon"),
        6 => Line::of("pinned ").and(pinned(message, scene)).words(format!(" to this {channel}")),
        7 => Line::of("joined the community"),
        8 => Line::of(format!("boosted the community{}", times(content))),
        level @ 9..=11 => Line::of(format!("boosted the community{}; ", times(content)))
            .written(scene.community)
            .words(format!(" has reached level {}", level - 8)),
        12 => Line::of("followed ").and(topic(content, "a channel")).words("; its most important updates show up here"),
        14 => Line::of("This community was removed from Server Discovery because it no longer meets all requirements"),
        15 => Line::of("This community is eligible for Server Discovery again and was listed again"),
        16 => Line::of("This community did not meet the activity requirements of Server Discovery for a week"),
        17 => {
            Line::of("This community did not meet the activity requirements of Server Discovery for 3 weeks in a row")
        }
        18 => Line::of("started a thread").and(thread(message, scene, content)),
        21 => Line::of("began this thread").and(scene.links.began()),
        22 => Line::of("Discord suggested inviting people to this community"),
        24 => Line::of("AutoMod acted on a message"),
        25 => subscription(&extra["role_subscription_data"]),
        26 => Line::of("was offered a subscription by a program"),
        27 => Line::of("started ").and(topic(content, "a stage")),
        28 => Line::of("ended ").and(topic(content, "a stage")),
        29 => Line::of("is now a speaker on the stage"),
        30 => Line::of("asked to speak on the stage"),
        31 => Line::of("changed the stage's topic").and(said),
        32 => Line::of("subscribed the community to a program"),
        36 => match content.parse::<Timestamp>() {
            Ok(until) => Line::of(format!("enabled security actions until {}", moment(until))),
            Err(_) => Line::of("enabled security actions"),
        },
        37 => Line::of("disabled security actions"),
        38 => Line::of("reported a raid"),
        39 => Line::of("reported a false alarm"),
        44 => Line::of("bought something").and(product(&extra)),
        46 => Line::of("closed ").and(pinned(message, scene)),
        55 => Line::of("upgraded the call to HD streaming"),
        _ => return None,
    })
}

fn whom(message: &Message) -> Line {
    match message.mentions.first() {
        Some(who) => Line(vec![Phrase::Person(who.pseudonym)]),
        None => Line::of("a member"),
    }
}

/// Returns ` 3 times`; nothing for one boost.
fn times(content: &str) -> String {
    let times = content.parse::<u32>().ok().filter(|times| *times > 1);
    times.map_or_else(String::new, |times| format!(" {times} times"))
}

fn topic(content: &str, none: &'static str) -> Line {
    if content.is_empty() { Line::of(none) } else { Line::default().written(content) }
}

/// Returns the message that was pinned, or the poll that ended.
fn pinned(message: &Message, scene: &Scene<'_>) -> Line {
    let what = if message.kind == MessageKind::POLL_RESULT { "a poll" } else { "a message" };
    let Some(id) = message.reference.and_then(|reference| reference.message_id) else { return Line::of(what) };
    match scene.links.messages.get(&id) {
        Some(Some(to)) => {
            let linked = Line::default().link(format!("{}/{id}", scene.path), Line::of(what));
            match excerpt(&to.content, 60, &scene.links.names) {
                excerpt if excerpt.is_empty() || message.kind == MessageKind::POLL_RESULT => linked,
                excerpt => linked.words(" (“").written(excerpt).words("”)"),
            }
        }
        Some(None) => Line::of(what).words(" that was deleted"),
        None => Line::of(what).words(" that is not stored"),
    }
}

/// Returns the thread that was started, linked if the reader may read it.
fn thread(message: &Message, scene: &Scene<'_>, content: &str) -> Line {
    let id = message.reference.and_then(|reference| reference.channel_id);
    if let Some((channel, path)) = id.and_then(|id| scene.links.names.channels.get(&id)) {
        Line::of(": ").link(path.clone(), Line::default().written(channel.name.as_str()))
    } else if content.is_empty() {
        Line::default()
    } else {
        Line::of(": ").written(content)
    }
}

fn call_minutes(message: &Message, extra: &Value) -> Option<String> {
    let ended = extra.get("callEndedTimestamp").or_else(|| extra.pointer("/call/ended_timestamp"))?.as_str()?;
    let ended: Timestamp = ended.parse().ok()?;
    let minutes = (ended.as_millis() - message.created_at().as_millis()) / 60_000;
    Some(match minutes {
        ..=0 => "less than a minute".to_owned(),
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    })
}

fn subscription(data: &Value) -> Line {
    let tier = data.get("tier_name").and_then(Value::as_str);
    let months = data.get("total_months_subscribed").and_then(Value::as_u64).filter(|months| *months > 0);
    let renews = data.get("is_renewal") == Some(&Value::Bool(true));
    let mut line = Line::of(if renews { "renewed a subscription" } else { "took out a subscription" });
    if let Some(tier) = tier {
        line = line.words(" of ").written(tier);
    }
    match months {
        Some(months) => line.words(format!(", for {months} months in total")),
        None => line,
    }
}

fn product(extra: &Value) -> Line {
    let name = extra.pointer("/purchase_notification/guild_product_purchase/product_name").and_then(Value::as_str);
    name.map_or_else(Line::default, |name| Line::of(": ").written(name))
}

#[cfg(test)]
mod tests;
