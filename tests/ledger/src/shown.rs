//! The line of a message as Discord shows it.

use domain::pseudonym::Pseudonymizer;
use domain::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use crate::path;

/// The types of messages that respond to commands; their author is a bot, although it has a webhook's id.
const COMMANDS: [i64; 2] = [20, 23];
/// The flag of a file that is hidden until the reader reveals it.
const SPOILER: u64 = 1 << 3;
/// The extra fields that are stored besides those with a column in every archive.
const KEPT: [&str; 4] = ["position", "mention_channels", "role_subscription_data", "field_of_tomorrow"];
/// The fields that depend on the user who reads a message.
const OWN: [&str; 4] = ["me", "me_burst", "burst_me", "me_voted"];

/// Returns the line of a message.
pub(crate) fn line(message: &Value, people: &Pseudonymizer) -> Value {
    let of = Shown { people };
    let author = &message["author"];
    let hook = !message["webhook_id"].is_null();
    let command = message["type"].as_i64().is_some_and(|kind| COMMANDS.contains(&kind))
        || message["interaction_metadata"].is_object();
    let program = author["bot"] == true || author["system"] == true || hook;
    json!({
        "id": number(&message["id"]),
        "type": message["type"],
        "author": [of.author(author, hook && !command), program, hook && !command],
        "content": of.text(message["content"].as_str().unwrap_or_default()),
        "edited_ms": message["edited_timestamp"].as_str().map(millis),
        "pinned": message["pinned"],
        "flags": message["flags"],
        "reference": reference(&message["message_reference"]),
        "mentions": items(message, "mentions").map(|user| of.person(&user["id"])).collect::<Vec<_>>(),
        "attachments": items(message, "attachments").map(|file| of.file(file)).collect::<Vec<_>>(),
        "reactions": items(message, "reactions").map(reaction).collect::<Vec<_>>(),
        "stickers": items(message, "sticker_items").map(sticker).collect::<Vec<_>>(),
        "embeds": of.list(message, "embeds"),
        "components": of.list(message, "components"),
        "snapshots": of.list(message, "message_snapshots"),
        "poll": of.tidy(&message["poll"]),
        "rest": of.rest(message, author),
    })
}

struct Shown<'a> {
    people: &'a Pseudonymizer,
}

impl Shown<'_> {
    fn person(&self, id: &Value) -> Value {
        json!(self.people.person(id.as_str().unwrap_or_default()))
    }

    /// Returns the author; each name of a webhook is an author of its own.
    fn author(&self, author: &Value, is_webhook: bool) -> Value {
        let name = author["username"].as_str().unwrap_or_default();
        let id = author["id"].as_str().unwrap_or_default();
        if is_webhook { json!(self.people.webhook(id, name)) } else { self.person(&author["id"]) }
    }

    /// Returns a text with `<@id>` and `<@!id>` as `<@pseudonym>`.
    fn text(&self, text: &str) -> String {
        let mut parts = text.split("<@");
        let mut written = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            written.push_str("<@");
            let inside = part.strip_prefix('!').unwrap_or(part);
            match inside.split_once('>') {
                Some((id, rest)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) => {
                    written.push_str(&self.people.person(id).to_string());
                    written.push('>');
                    written.push_str(rest);
                }
                _ => written.push_str(part),
            }
        }
        written
    }

    fn file(&self, file: &Value) -> Value {
        let name = file["filename"].as_str().unwrap_or_default();
        let spoiler = file["flags"].as_u64().unwrap_or(0) & SPOILER != 0 || name.starts_with("SPOILER_");
        json!([
            number(&file["id"]),
            name,
            file["size"],
            file["content_type"],
            file["width"],
            file["height"],
            file["description"].as_str().map(|text| self.text(text)),
            spoiler,
            file["url"].as_str().map(path),
            [&file["title"], &file["placeholder"], &file["duration_secs"], &file["waveform"]],
        ])
    }

    fn list(&self, message: &Value, field: &str) -> Vec<Value> {
        items(message, field).map(|item| self.tidy(item)).collect()
    }

    /// Returns a free-form value without the data that identify a person, the fields that depend on the reader, and the
    /// values that a bot stored for its own use.
    fn tidy(&self, value: &Value) -> Value {
        let is_option = value.get("label").is_some();
        let field = |(name, value): (&String, &Value)| {
            let kept = match (name.as_str(), value) {
                ("custom_id", _) => Value::Null,
                ("value", _) if is_option => Value::Null,
                ("user_id", id) => self.person(id),
                ("url" | "proxy_url", Value::String(address)) => json!(path(address)),
                _ => self.tidy(value),
            };
            (!OWN.contains(&name.as_str())).then(|| (name.clone(), kept))
        };
        match value {
            Value::String(text) => json!(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.tidy(item)).collect(),
            Value::Object(fields) => Value::Object(fields.iter().filter_map(field).collect()),
            other => other.clone(),
        }
    }

    fn rest(&self, message: &Value, author: &Value) -> Value {
        let mut rest: Map<String, Value> =
            KEPT.iter().map(|name| ((*name).to_owned(), self.tidy(&message[*name]))).collect();
        rest.insert("mention_everyone".to_owned(), json!(message["mention_everyone"] == true));
        rest.insert("mention_roles".to_owned(), items(message, "mention_roles").cloned().collect());
        let program = |id: &Value| if id.is_null() { Value::Null } else { self.person(id) };
        rest.insert("application".to_owned(), program(&message["application_id"]));
        let webhook = &message["webhook_id"];
        let other = if webhook == &author["id"] { &Value::Null } else { webhook };
        rest.insert("webhook".to_owned(), program(other));
        let interaction = &message["interaction_metadata"];
        let who = [
            &interaction["id"],
            &interaction["type"],
            &interaction["target_message_id"],
            &program(&interaction["user"]["id"]),
        ];
        rest.insert("interaction".to_owned(), json!(who));
        Value::Object(rest)
    }
}

fn items<'a>(message: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    message[field].as_array().into_iter().flatten()
}

fn number(id: &Value) -> Option<u64> {
    id.as_str()?.parse().ok()
}

fn millis(moment: &str) -> i64 {
    moment.parse::<Timestamp>().map_or(i64::MIN, Timestamp::as_millis)
}

fn reference(to: &Value) -> Value {
    if to.is_null() {
        return Value::Null;
    }
    json!([to["type"], number(&to["message_id"]), number(&to["channel_id"]), number(&to["guild_id"])])
}

fn reaction(item: &Value) -> Value {
    let emoji = &item["emoji"];
    let burst = item["count_details"]["burst"].as_u64().unwrap_or(0);
    json!([number(&emoji["id"]), emoji["name"], emoji["animated"] == true, item["count"], burst])
}

fn sticker(item: &Value) -> Value {
    let format = match item["format_type"].as_u64() {
        Some(1) => "png",
        Some(2) => "apng",
        Some(3) => "lottie",
        Some(4) => "gif",
        _ => "",
    };
    json!([item["id"], item["name"], format])
}
