//! A message as it is shown: signed addresses, reactions, pins, its thread, the message it replies to.

use serde_json::{Map, Value, json};

use super::{Reaction, Reply, Stored};
use crate::cdn::sign;
use crate::channel::Channel;
use crate::world::World;

/// The receiver and the time of a rendering.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) now_ms: u64,
    /// Whether the receiver may see content.
    pub(crate) content: bool,
}

/// Returns the message object of the REST API.
pub(crate) fn message(world: &World, channel: &Channel, stored: &Stored, view: View) -> Value {
    let mut body = plain(world, channel, stored, view);
    match stored.reply {
        Reply::Absent => {}
        Reply::Gone => {
            body.insert("referenced_message".to_owned(), Value::Null);
        }
        Reply::To { channel_id, id } => {
            let other = world.channels.get(&channel_id);
            let found = other.and_then(|other| Some(plain(world, other, &world.find(other, id)?, view)));
            body.insert("referenced_message".to_owned(), found.map_or(Value::Null, Value::Object));
        }
    }
    if !stored.reactions.is_empty() {
        body.insert("reactions".to_owned(), stored.reactions.iter().map(reaction).collect());
    }
    Value::Object(body)
}

/// Returns the object without reactions and without its references, as it appears inside another message.
fn plain(world: &World, channel: &Channel, stored: &Stored, view: View) -> Map<String, Value> {
    let mut body = stored.body.clone();
    if world.pinned_ms(channel, stored.id).is_some() {
        body.insert("pinned".to_owned(), json!(true));
    }
    if let Some(thread) = world.channels.get(&stored.id).filter(|thread| thread.parent_id == Some(channel.id)) {
        body.insert("thread".to_owned(), thread.json(world.guild.id, &world.facts(thread)));
    }
    if !view.content && !is_exempt(world, &body) {
        blank(&mut body);
    }
    address(&mut body, &world.cdn, view.now_ms);
    if let Some(Value::Array(snapshots)) = body.get_mut("message_snapshots") {
        for snapshot in snapshots {
            if let Some(message) = snapshot["message"].as_object_mut() {
                address(message, &world.cdn, view.now_ms);
            }
        }
    }
    body
}

/// The bot's own messages and those that mention it always show their content.
fn is_exempt(world: &World, body: &Map<String, Value>) -> bool {
    let me = world.bot.id.to_string();
    let is_me = |user: &Value| user["id"] == me.as_str();
    let mentions = body.get("mentions").and_then(Value::as_array);
    body.get("author").is_some_and(is_me) || mentions.is_some_and(|users| users.iter().any(is_me))
}

fn blank(body: &mut Map<String, Value>) {
    body.insert("content".to_owned(), json!(""));
    for field in ["embeds", "attachments", "components"] {
        body.insert(field.to_owned(), json!([]));
    }
    body.remove("poll");
    if let Some(Value::Array(snapshots)) = body.get_mut("message_snapshots") {
        for snapshot in snapshots {
            if let Some(message) = snapshot["message"].as_object_mut() {
                blank(message);
            }
        }
    }
}

/// Completes the addresses of attachments, of which only paths are stored.
fn address(body: &mut Map<String, Value>, host: &str, now_ms: u64) {
    let Some(Value::Array(attachments)) = body.get_mut("attachments") else { return };
    for attachment in attachments {
        for field in ["url", "proxy_url"] {
            let Some(path) = attachment[field].as_str().filter(|path| path.starts_with('/')) else { continue };
            attachment[field] = json!(format!("{host}{path}{}", sign(path, now_ms)));
        }
    }
}

/// Returns the reaction object.
pub(crate) fn reaction(reaction: &Reaction) -> Value {
    let (normal, burst) = (reaction.normal.len(), reaction.burst.len());
    let colors = if burst > 0 { json!(["#ff8800"]) } else { json!([]) };
    json!({"emoji": reaction.emoji, "count": normal + burst, "count_details": {"normal": normal, "burst": burst},
           "burst_colors": colors, "me": false, "me_burst": false, "burst_me": false})
}

/// Returns the message as a complete archive has it in the end: addresses are paths, and the parts that belong to other
/// objects (the thread, the message it replies to) are left out.
pub(crate) fn settled(world: &World, channel: &Channel, stored: &Stored) -> Value {
    let mut body = stored.body.clone();
    body.insert("pinned".to_owned(), json!(world.pinned_ms(channel, stored.id).is_some()));
    if !stored.reactions.is_empty() {
        body.insert("reactions".to_owned(), stored.reactions.iter().map(reaction).collect());
    }
    Value::Object(body)
}
