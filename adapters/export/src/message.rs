//! A message of a file as a message of ours. Nothing that reads as JSON is lost: what has no place of its own goes,
//! scrubbed, into the extra fields.

use std::borrow::Cow;
use std::collections::HashSet;

use domain::channel::ChannelId;
use domain::json::Json;
use domain::message::{
    Attachment, AttachmentId, Author, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference, Version,
};
use domain::pseudonym::{MentionedPerson, Pseudonymizer};
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use serde_json::{Map, Value, json};

use crate::kinds::{MESSAGES, media_type, number};
use crate::wire::{self, List, Person, Text};

/// The longest name of a file or emoji that is kept, in characters.
const MAX_NAME: usize = 1024;

/// Makes messages of what a file says.
pub(crate) struct Converter<'a> {
    pub(crate) channel: ChannelId,
    /// When the file was written.
    pub(crate) observed_at: Timestamp,
    pub(crate) people: &'a Pseudonymizer,
}

impl Converter<'_> {
    /// The message at the start of `text`, and how long its JSON is.
    ///
    /// # Errors
    /// What is wrong with it, if it is no JSON or cannot be told apart from others.
    pub(crate) fn convert(&self, text: &[u8]) -> Result<(Message, usize), String> {
        let people = self.people;
        let (message, length): (wire::Message<'_>, usize) = wire::parse(text)?;
        let id = message.id.is().ok_or("a message has no id")?;
        let id: MessageId = id.parse().map_err(|error| format!("a message has no id: {error}"))?;
        let mut extra = message.rest;
        extra.retain(|_, value| !is_empty(value));
        let mentions = match message.mentions {
            List::Items(mentions) => mentions,
            List::Other(other) => {
                keep(&mut extra, "mentions", other);
                Vec::new()
            }
        };
        let named: Vec<MentionedPerson<'_>> = mentions.iter().filter_map(named).collect();
        let scrub = Scrub { people, named: &named };
        let kind_name = string(message.kind, "type", &mut extra).unwrap_or(Cow::Borrowed("Default"));
        let kind = MessageKind(number(&kind_name, &MESSAGES));
        if kind == MessageKind::UNNUMBERED {
            extra.insert("type".to_owned(), kind_name.into());
        }
        let content = string(message.content, "content", &mut extra).unwrap_or_default();
        let content = people.text(system_content(kind, &content), &named).into_owned();
        let edited_at = string(message.edited_at, "timestampEdited", &mut extra).and_then(|text| text.parse().ok());
        let attachments = scrub.attachments(id, message.attachments, &mut extra);
        let reactions = scrub.reactions(message.reactions, &mut extra);
        let embeds = scrub.list(message.embeds, "embeds", embed, &mut extra);
        let stickers = scrub.list(message.stickers, "stickers", |value| sticker(&value), &mut extra);
        let reference = (!message.reference.is_null()).then(|| {
            let to = reference(&message.reference);
            if to.kind > Reference::FORWARD || to.kind < 0 {
                extra.insert("reference".to_owned(), message.reference);
            }
            to
        });
        let snapshots =
            (!message.forwarded.is_null()).then(|| Json::new(&json!([scrub.value(snapshot(message.forwarded))])));
        let message = Message {
            channel_id: self.channel,
            id,
            kind,
            author: scrub.author(&message.author),
            content,
            version: Version { edited_at, observed_at: self.observed_at, origin: Origin::Export },
            pinned: message.pinned == Value::Bool(true),
            flags: 0,
            reference,
            mentions: {
                let mut seen = HashSet::new();
                mentions
                    .iter()
                    .map(|person| scrub.author(person))
                    .filter(|person| seen.insert(person.pseudonym))
                    .collect()
            },
            attachments,
            reactions,
            embeds,
            stickers,
            components: None,
            snapshots,
            poll: None,
            extra: (!extra.is_empty()).then(|| Json::new(&scrub.value(Value::Object(extra)))),
        };
        Ok((message, length))
    }
}

/// What people said in a system message: the exporter's English is dropped, a new name is kept.
fn system_content(kind: MessageKind, content: &str) -> &str {
    match kind {
        MessageKind::CHANNEL_NAME_CHANGE => content
            .strip_prefix("Changed the channel name: ")
            .unwrap_or(if content == "Changed the channel name." { "" } else { content }),
        MessageKind(1..=7) | MessageKind::THREAD_CREATED => "",
        _ => content,
    }
}

/// Somebody whom a message mentions, with the names that can stand behind an `@`.
fn named<'a>(person: &'a Person<'_>) -> Option<MentionedPerson<'a>> {
    let names = [&person.nickname, &person.name].into_iter().flatten();
    (!person.id.is_empty()).then(|| MentionedPerson {
        platform_id: Cow::Borrowed(&person.id),
        names: names.map(|name| Cow::Borrowed(name.as_ref())).collect(),
    })
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Keeps what stands in the place of a field and is of another type.
fn keep(extra: &mut Map<String, Value>, key: &str, value: Value) {
    if !is_empty(&value) {
        extra.insert(key.to_owned(), value);
    }
}

fn string<'a>(text: Text<'a>, key: &str, extra: &mut Map<String, Value>) -> Option<Cow<'a, str>> {
    match text {
        Text::Is(text) => Some(text),
        Text::Other(other) => {
            keep(extra, key, other);
            None
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_NAME).collect()
}

fn id<T>(value: &Value, key: &str) -> Option<Id<T>> {
    text(value, key)?.parse().ok()
}

fn reference(value: &Value) -> Reference {
    let kind = match text(value, "type") {
        None | Some("Default") => 0,
        Some("Forward") => Reference::FORWARD,
        Some(other) => other.parse().unwrap_or(-1),
    };
    Reference {
        kind,
        message_id: id(value, "messageId"),
        channel_id: id(value, "channelId"),
        guild_id: id(value, "guildId"),
    }
}

/// An embed in Discord's form: names in `snake_case`, the colour a number; what it lacks is left out.
fn embed(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let renamed = |key: &str| match key {
        "iconUrl" => "icon_url".to_owned(),
        "isInline" => "inline".to_owned(),
        "canonicalUrl" => "proxy_url".to_owned(),
        _ => key.to_owned(),
    };
    let fields = fields
        .into_iter()
        .filter(|(_, value)| !(value.is_null() || value == "" || value.as_array().is_some_and(Vec::is_empty)));
    let fields = fields.map(|(key, value)| {
        let value = match (key.as_str(), value) {
            ("color", Value::String(color)) => {
                let number = color.strip_prefix('#').and_then(|digits| u32::from_str_radix(digits, 16).ok());
                number.map_or(Value::String(color), Value::from)
            }
            (_, Value::Array(items)) => items.into_iter().map(embed).collect(),
            (_, value) => embed(value),
        };
        (renamed(&key), value)
    });
    Value::Object(fields.collect())
}

fn sticker(value: &Value) -> Value {
    let format = text(value, "format").map(str::to_lowercase);
    json!({"id": text(value, "id"), "name": text(value, "name").map(cut), "format": format})
}

/// A forwarded message in the form of Discord's snapshots.
fn snapshot(value: Value) -> Value {
    let Value::Object(mut fields) = value else { return json!({"content": null, "forwarded": value}) };
    {
        let (ours, theirs) = ("edited_timestamp", "timestampEdited");
        let value = fields.remove(theirs).unwrap_or(Value::Null);
        fields.insert(ours.to_owned(), value);
    }
    if let Some(Value::Array(embeds)) = fields.remove("embeds") {
        fields.insert("embeds".to_owned(), embeds.into_iter().map(embed).collect());
    }
    Value::Object(fields)
}

/// Makes what may be stored of what a file says.
struct Scrub<'a> {
    people: &'a Pseudonymizer,
    named: &'a [MentionedPerson<'a>],
}

impl Scrub<'_> {
    fn value(&self, value: Value) -> Value {
        self.people.json(value, self.named)
    }

    fn text(&self, text: &str) -> String {
        self.people.text(text, self.named).into_owned()
    }

    /// A person; one without id is nobody, and always the same.
    fn author(&self, person: &Person<'_>) -> Author {
        Author { pseudonym: self.people.person(&person.id), bot: person.bot, webhook: person.is_webhook() }
    }

    /// The objects of a list, each made over by `make`; what is no list goes into the extra fields.
    fn list(
        &self,
        value: Value,
        key: &str,
        make: impl Fn(Value) -> Value,
        extra: &mut Map<String, Value>,
    ) -> Option<Json> {
        match value {
            Value::Array(items) if items.is_empty() => None,
            Value::Array(items) => Some(Json::new(&items.into_iter().map(|item| self.value(make(item))).collect())),
            other => {
                keep(extra, key, other);
                None
            }
        }
    }

    fn attachments(&self, message: MessageId, value: Value, extra: &mut Map<String, Value>) -> Vec<Attachment> {
        let items = match value {
            Value::Array(items) => items,
            other => {
                keep(extra, "attachments", other);
                return Vec::new();
            }
        };
        let mut seen = HashSet::new();
        let made = items.iter().zip(1_u64..).filter_map(|(item, place)| {
            // A file without a good id of its own gets one that is the same in every import.
            let made_up = AttachmentId::new(message.get().saturating_add(place).min(AttachmentId::MAX.get()))?;
            let id =
                id(item, "id").filter(|id| seen.insert(*id)).or_else(|| seen.insert(made_up).then_some(made_up))?;
            Some(self.attachment(id, item))
        });
        made.collect()
    }

    fn attachment(&self, id: AttachmentId, item: &Value) -> Attachment {
        let filename = cut(text(item, "fileName").unwrap_or("file"));
        let address = text(item, "url").unwrap_or_default();
        let on_web = address.starts_with("https://") || address.starts_with("http://");
        let known = ["id", "url", "fileName", "fileSizeBytes"];
        let fields = item.as_object().into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()));
        let extra: Map<String, Value> = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
        Attachment {
            id,
            content_type: media_type(&filename).map(str::to_owned),
            size_bytes: item.get("fileSizeBytes").and_then(Value::as_u64).unwrap_or(0).min(i64::MAX.cast_unsigned()),
            width: None,
            height: None,
            description: None,
            spoiler: filename.starts_with("SPOILER_"),
            url: on_web.then(|| self.text(&address.chars().take(4096).collect::<String>())),
            local_path: (!on_web).then(|| beside(address)).flatten(),
            extra: (!extra.is_empty()).then(|| Json::new(&self.value(Value::Object(extra)))),
            filename,
        }
    }

    fn reactions(&self, value: List<wire::Reaction<'_>>, extra: &mut Map<String, Value>) -> Vec<Reaction> {
        let items = match value {
            List::Items(items) => items,
            List::Other(other) => {
                keep(extra, "reactions", other);
                return Vec::new();
            }
        };
        let mut reactions: Vec<Reaction> = Vec::with_capacity(items.len());
        for item in items {
            let emoji = Emoji {
                id: id(&item.emoji, "id"),
                name: text(&item.emoji, "name").filter(|name| !name.is_empty()).map(cut),
                animated: item.emoji.get("isAnimated").and_then(Value::as_bool).unwrap_or(false),
            };
            let people = match &item.users {
                List::Items(users) => users.iter().map(|user| self.author(user).pseudonym).collect(),
                List::Other(_) => Vec::new(),
            };
            let count = item.count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
            let reaction = Reaction { emoji, count, people };
            match reactions.iter_mut().find(|other| other.emoji.key() == reaction.emoji.key()) {
                Some(other) => other.count = other.count.max(reaction.count),
                None => reactions.push(reaction),
            }
        }
        reactions
    }
}

/// A path beside the export, with `/`; `None` for one that leads elsewhere.
fn beside(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let inside = !path.is_empty() && !path.starts_with('/') && !path.contains(':') && path.len() <= 4096;
    (inside && path.split('/').all(|part| part != "..")).then_some(path)
}

#[cfg(test)]
mod tests;
