//! System messages of Discord: a sentence for each type of message that its documentation names.

use domain::message::{Message, MessageKind};
use domain::timestamp::Timestamp;
use maud::{Markup, html};
use serde_json::Value;

use super::markup::{excerpt, person, render};
use super::time::moment;
use super::{Links, poll};
use crate::html::message::array;

/// The context of a sentence.
pub(super) struct Scene<'a> {
    /// The community's name.
    pub(super) community: &'a str,
    /// The path of the channel's page.
    pub(super) path: &'a str,
    /// Whether the channel is a thread.
    pub(super) is_thread: bool,
    pub(super) links: &'a Links,
}

/// Returns the sentence of a system message
/// (<https://docs.discord.com/developers/resources/message#message-object-message-types>).
pub(super) fn sentence(message: &Message, scene: &Scene<'_>) -> Markup {
    let here = if scene.is_thread { "thread" } else { "conversation" };
    let content = message.content.trim();
    let said = html! { @if !content.is_empty() { ": " bdi { (content) } } };
    let extra = message.extra.as_ref().map(domain::json::Json::to_value).unwrap_or_default();
    let line = match message.kind.0 {
        1 => html! { "added " (whom(message)) " to the " (here) },
        2 if message.mentions.first().is_some_and(|person| person.pseudonym == message.author.pseudonym) => {
            html! { "left the " (here) }
        }
        2 if message.mentions.is_empty() => html! { "removed a member from the " (here) ", or left it" },
        2 => html! { "removed " (whom(message)) " from the " (here) },
        3 => {
            html! { "started a call" @if let Some(minutes) = call_minutes(message, &extra) { " that lasted " (minutes) } }
        }
        4 => html! { "changed the name of the " @if scene.is_thread { "thread" } @else { "channel" } (said) },
        5 => html! { "changed the channel's icon" },
        6 => {
            html! { "pinned " (pinned(message, scene)) " to this " @if scene.is_thread { "thread" } @else { "channel" } }
        }
        7 => html! { "joined the community" },
        8 => html! { "boosted the community" (times(content)) },
        level @ 9..=11 => html! {
            "boosted the community" (times(content)) "; " bdi { (scene.community) } " has reached level " (level - 8)
        },
        12 => html! {
            "followed " @if content.is_empty() { "a channel" } @else { bdi { (content) } }
            "; its most important updates show up here"
        },
        14 => html! { "This community was removed from Server Discovery because it no longer meets all requirements" },
        15 => html! { "This community is eligible for Server Discovery again and was listed again" },
        16 => html! { "This community did not meet the activity requirements of Server Discovery for a week" },
        17 => {
            html! { "This community did not meet the activity requirements of Server Discovery for 3 weeks in a row" }
        }
        18 => html! { "started a thread" (thread(message, scene, content)) },
        21 => html! { "began this thread" (scene.links.began()) },
        22 => html! { "Discord suggested inviting people to this community" },
        24 => html! { "AutoMod acted on a message" },
        25 => subscription(&extra["role_subscription_data"]),
        26 => html! { "was offered a subscription by a program" },
        27 => html! { "started " (topic(content, "a stage")) },
        28 => html! { "ended " (topic(content, "a stage")) },
        29 => html! { "is now a speaker on the stage" },
        30 => html! { "asked to speak on the stage" },
        31 => html! { "changed the stage's topic" (said) },
        32 => html! { "subscribed the community to a program" },
        36 => {
            html! { "enabled security actions" @if let Ok(until) = content.parse::<Timestamp>() { " until " (moment(until)) } }
        }
        37 => html! { "disabled security actions" },
        38 => html! { "reported a raid" },
        39 => html! { "reported a false alarm" },
        44 => html! { "bought something" (product(&extra)) },
        46 => return poll::result(&array(message.embeds.as_ref()), &pinned(message, scene)),
        55 => html! { "upgraded the call to HD streaming" },
        number => {
            return html! {
                p class="card system" { "Message of type " (number) }
                (render(&message.content, &scene.links.names))
            };
        }
    };
    html! { p class="system" dir="auto" { (line) } }
}

fn whom(message: &Message) -> Markup {
    message.mentions.first().map_or_else(|| html! { "a member" }, |who| person(who.pseudonym))
}

/// Returns ` 3 times`; nothing for one boost.
fn times(content: &str) -> Markup {
    let times = content.parse::<u32>().ok().filter(|times| *times > 1);
    html! { @if let Some(times) = times { " " (times) " times" } }
}

fn topic(content: &str, none: &str) -> Markup {
    html! { @if content.is_empty() { (none) } @else { bdi { (content) } } }
}

/// Returns the message that was pinned, or the poll that ended.
fn pinned(message: &Message, scene: &Scene<'_>) -> Markup {
    let what = if message.kind == MessageKind::POLL_RESULT { "a poll" } else { "a message" };
    let Some(id) = message.reference.and_then(|reference| reference.message_id) else { return html! { (what) } };
    match scene.links.messages.get(&id) {
        Some(Some(to)) => {
            let excerpt = excerpt(&to.content, 60, &scene.links.names);
            html! {
                a href={(scene.path) "/" (id)} { (what) }
                @if !excerpt.is_empty() && message.kind != MessageKind::POLL_RESULT { " (“" bdi { (excerpt) } "”)" }
            }
        }
        Some(None) => html! { (what) " that was deleted" },
        None => html! { (what) " that is not stored" },
    }
}

/// Returns the thread that was started, linked if the reader may read it.
fn thread(message: &Message, scene: &Scene<'_>, content: &str) -> Markup {
    let id = message.reference.and_then(|reference| reference.channel_id);
    if let Some((channel, path)) = id.and_then(|id| scene.links.names.channels.get(&id)) {
        html! { ": " a href=(path) { bdi { (channel.name) } } }
    } else {
        html! { @if !content.is_empty() { ": " bdi { (content) } } }
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

fn subscription(data: &Value) -> Markup {
    let tier = data.get("tier_name").and_then(Value::as_str);
    let months = data.get("total_months_subscribed").and_then(Value::as_u64).filter(|months| *months > 0);
    let renews = data.get("is_renewal") == Some(&Value::Bool(true));
    html! {
        @if renews { "renewed a subscription" } @else { "took out a subscription" }
        @if let Some(tier) = tier { " of " bdi { (tier) } }
        @if let Some(months) = months { ", for " (months) " months in total" }
    }
}

fn product(extra: &Value) -> Markup {
    let name = extra.pointer("/purchase_notification/guild_product_purchase/product_name").and_then(Value::as_str);
    html! { @if let Some(name) = name { ": " bdi { (name) } } }
}

#[cfg(test)]
mod tests;
