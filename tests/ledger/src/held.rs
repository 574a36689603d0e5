//! The line of a message as a store has it.

use domain::json::Json;
use domain::message::{Attachment, Message, Reaction};
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use crate::path;

/// The extra fields that are stored besides those with a column in every archive.
const KEPT: [&str; 4] = ["position", "mention_channels", "role_subscription_data", "field_of_tomorrow"];

/// Returns the line of a message.
pub(crate) fn line(message: &Message) -> Value {
    let extra = value(message.extra.as_ref());
    let reference = message
        .reference
        .map(|to| json!([to.kind, to.message_id.map(Id::get), to.channel_id.map(Id::get), to.guild_id.map(Id::get)]));
    json!({
        "id": message.id.get(),
        "type": message.kind,
        "author": [json!(message.author.pseudonym), json!(message.author.bot), json!(message.author.webhook)],
        "content": message.content,
        "edited_ms": message.version.edited_at.map(Timestamp::as_millis),
        "pinned": message.pinned,
        "flags": message.flags,
        "reference": reference,
        "mentions": message.mentions.iter().map(|person| person.pseudonym).collect::<Vec<_>>(),
        "attachments": message.attachments.iter().map(file).collect::<Vec<_>>(),
        "reactions": message.reactions.iter().map(|held| reaction(held, &extra)).collect::<Vec<_>>(),
        "stickers": stickers(message),
        "embeds": list(message.embeds.as_ref()),
        "components": list(message.components.as_ref()),
        "snapshots": list(message.snapshots.as_ref()),
        "poll": tidy(&value(message.poll.as_ref())),
        "rest": rest(&extra),
    })
}

fn value(json: Option<&Json>) -> Value {
    json.map_or(Value::Null, Json::to_value)
}

/// Returns a list, which a store omits if it is empty.
fn list(json: Option<&Json>) -> Value {
    json.map_or_else(|| json!([]), |json| tidy(&json.to_value()))
}

/// Returns a value with the addresses of files as paths, and all else unchanged.
fn tidy(value: &Value) -> Value {
    let field = |(name, value): (&String, &Value)| {
        let kept = match (name.as_str(), value) {
            ("url" | "proxy_url", Value::String(address)) => json!(path(address)),
            _ => tidy(value),
        };
        (name.clone(), kept)
    };
    match value {
        Value::Array(items) => items.iter().map(tidy).collect(),
        Value::Object(fields) => Value::Object(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

fn file(held: &Attachment) -> Value {
    let extra = value(held.extra.as_ref());
    json!([
        held.id.get(),
        held.filename,
        held.size_bytes,
        held.content_type,
        held.width,
        held.height,
        held.description,
        held.spoiler,
        held.url.as_deref().map(path),
        [&extra["title"], &extra["placeholder"], &extra["duration_secs"], &extra["waveform"]],
    ])
}

/// The extra data of a reaction is among the extra fields, under its key.
fn reaction(held: &Reaction, extra: &Value) -> Value {
    let key = held.emoji.key();
    let more = extra["reactions"].as_array().into_iter().flatten().find(|more| more["key"] == key.as_str());
    let burst = more.and_then(|more| more["count_details"]["burst"].as_u64()).unwrap_or(0);
    json!([held.emoji.id.map(Id::get), held.emoji.name, held.emoji.animated, held.count, burst])
}

fn stickers(message: &Message) -> Vec<Value> {
    let all = value(message.stickers.as_ref());
    all.as_array().into_iter().flatten().map(|item| json!([item["id"], item["name"], item["format"]])).collect()
}

fn rest(extra: &Value) -> Value {
    let mut rest: Map<String, Value> = KEPT.iter().map(|name| ((*name).to_owned(), extra[*name].clone())).collect();
    rest.insert("mention_everyone".to_owned(), json!(extra["mention_everyone"] == true));
    let roles = extra["mention_roles"].as_array().cloned().unwrap_or_default();
    rest.insert("mention_roles".to_owned(), roles.into());
    rest.insert("application".to_owned(), extra["application_id"].clone());
    rest.insert("webhook".to_owned(), extra["webhook_id"].clone());
    let interaction = &extra["interaction_metadata"];
    let who = [&interaction["id"], &interaction["type"], &interaction["target_message_id"], &interaction["user"]["id"]];
    rest.insert("interaction".to_owned(), json!(who));
    Value::Object(rest)
}
