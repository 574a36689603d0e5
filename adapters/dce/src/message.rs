//! Converts the messages of a file. No JSON value is lost: those without a field of their own go, scrubbed, into the
//! extra fields.

use std::borrow::Cow;
use std::collections::HashSet;

use domain::channel::ChannelId;
use domain::json::Json;
use domain::message::{
    Attachment, AttachmentId, Author, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference, Version,
    time_beside,
};
use domain::picture::PictureKey;
use domain::pseudonym::{KnownPeople, MessageScrub, Part, Pseudonymizer, RenderedNames, each_program_text};
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use serde_json::{Map, Value, json};

use crate::emoji::with_emojis;
use crate::kinds::{MESSAGES, media_type, number};
use crate::look::{Looked, MAX_TEXT, too_large};
use crate::object::{beyond, cut, embed, id_text, is_empty, snapshot, sticker, sticker_rest, text};
use crate::system::system_content;
use crate::wire::{self, List, Person, Text};

/// Converts the messages of a file.
pub(crate) struct Converter<'a> {
    pub(crate) channel: ChannelId,
    /// The time when the file was written.
    pub(crate) observed_at: Timestamp,
    pub(crate) people: &'a Pseudonymizer,
    /// The people of all files of the import.
    pub(crate) known: &'a KnownPeople,
}

/// The paths of a message's files beside the export, as the export has them.
#[derive(Default)]
pub(crate) struct Beside {
    /// Those of attachments whose `local_path` was scrubbed.
    pub(crate) files: Vec<(AttachmentId, String)>,
    /// Those of custom emoji and stickers.
    pub(crate) pictures: Vec<(PictureKey, String)>,
}

/// The result of converting a message.
pub(crate) enum Converted {
    /// A message, and the paths of its files.
    Message(Box<Message>, Beside),
    /// A message that is too large for a page.
    Large(Unreadable),
}

impl Converter<'_> {
    /// Converts the message at the start of `text`, and returns the length of its JSON.
    ///
    /// # Errors
    /// The error, if it is not valid JSON or has no valid id.
    pub(crate) fn convert(&self, text: &[u8]) -> Result<(Converted, usize), String> {
        let (message, length): (wire::Message<'_>, usize) = wire::parse(text)?;
        let text = &text[..length];
        let is_large = length > MAX_TEXT && wire::parse::<Looked<'_>>(text)?.0.is_large;
        let id = message.id()?;
        let converted = if is_large {
            Converted::Large(self.large(id, &message, text))
        } else {
            let (message, beside) = self.message(id, message);
            Converted::Message(Box::new(message), beside)
        };
        Ok((converted, length))
    }

    fn scrub(&self, mentions: &[Person<'_>]) -> Scrub<'_> {
        let pseudonym = |person: &Person<'_>| person.identity().map(|person| self.people.identity(&person));
        let named = mentions.iter().filter_map(|person| Some((person.names(), pseudonym(person)?)));
        let named = named.flat_map(|(names, pseudonym)| names.map(move |name| (name.into_owned().into(), pseudonym)));
        let rendered = RenderedNames::new(self.people, self.known, named);
        let mut of = self.people.message();
        for person in mentions {
            learn_person(&mut of, person);
        }
        Scrub { people: self.people, names: rendered, of }
    }

    /// Returns the record of a message with a text of more than [`MAX_TEXT`] bytes.
    fn large(&self, id: MessageId, message: &wire::Message<'_>, text: &[u8]) -> Unreadable {
        let mentions = if let List::Items(mentions) = &message.mentions { mentions.as_slice() } else { &[] };
        let raw = serde_json::from_slice(text).ok().map(|raw: Value| {
            let mut scrub = self.scrub(mentions);
            scrub.of.learn(&raw);
            Json::new(&scrub.value(Part::Hidden, raw))
        });
        Unreadable {
            raw: raw.filter(|raw| raw.as_str().len() <= Unreadable::LARGEST),
            ..Unreadable::refused(self.channel, id, too_large(id), self.observed_at)
        }
    }

    fn message(&self, id: MessageId, message: wire::Message<'_>) -> (Message, Beside) {
        let mut extra = message.rest;
        extra.retain(|_, value| !is_empty(value));
        let mentions = match message.mentions {
            List::Items(mentions) => mentions,
            List::Other(other) => {
                keep(&mut extra, "mentions", other);
                Vec::new()
            }
        };
        let mut scrub = self.scrub(&mentions);
        learn_person(&mut scrub.of, &message.author);
        if let Text::Is(content) = &message.content {
            scrub.of.learn_text(content);
        }
        scrub.of.learn(&message.embeds);
        scrub.of.learn(&message.forwarded);
        scrub.of.learn_fields(&extra);
        let kind_name = string(message.kind.number_or_name(), "type", &mut extra).unwrap_or(Cow::Borrowed("Default"));
        let kind = MessageKind(number(&kind_name, &MESSAGES));
        if kind == MessageKind::UNNUMBERED {
            extra.insert("type".to_owned(), kind_name.into());
        }
        let content = string(message.content, "content", &mut extra).unwrap_or_default();
        let content = with_emojis(scrub.text(system_content(kind, &content)), extra.get("inlineEmojis"));
        // For a forward without a time, the exporter writes the first moment of the year 1.
        let timestamp = message.timestamp.is().filter(|time| !time.starts_with("0001-01-01"));
        let sent_at = timestamp.and_then(|time| time.parse().ok()).and_then(|time| time_beside(id, time));
        let edited = string(message.edited_at, "timestampEdited", &mut extra);
        let edited_at = edited.as_ref().and_then(|text| text.parse().ok());
        if let (Some(text), None) = (edited, edited_at) {
            extra.insert("timestampEdited".to_owned(), text.into());
        }
        if !message.pinned.is_boolean() {
            keep(&mut extra, "isPinned", message.pinned.clone());
        }
        let mut pictures = Vec::new();
        let lists =
            [extra.get("inlineEmojis"), Some(&message.embeds), Some(&message.stickers), Some(&message.forwarded)];
        let reactions = if let List::Items(items) = &message.reactions { items.as_slice() } else { &[] };
        for value in lists.into_iter().flatten().chain(reactions.iter().map(|item| &item.emoji)) {
            pictures_beside(value, &mut pictures);
        }
        let (attachments, files) = scrub.attachments(id, message.attachments, &mut extra);
        let reactions = scrub.reactions(message.reactions, &mut extra);
        let embeds =
            list(message.embeds, "embeds", |value| scrub.embed(scrub.value(Part::Embed, embed(value))), &mut extra);
        let items = message.stickers.as_array().into_iter().flatten();
        let rest: Vec<Value> = items.filter(|item| item.is_object()).filter_map(sticker_rest).collect();
        let stickers =
            list(message.stickers, "stickers", |value| scrub.names.json(scrub.of.things(sticker(&value))), &mut extra);
        keep(&mut extra, "stickers", rest.into());
        let reference = (!message.reference.is_null()).then(|| {
            let to = reference(&message.reference);
            let rest = beyond(&message.reference, &["type", "messageId", "channelId", "guildId"]);
            if to.kind > Reference::FORWARD || to.kind < 0 || !rest.is_empty() {
                extra.insert("reference".to_owned(), message.reference);
            }
            to
        });
        let snapshots =
            (!message.forwarded.is_null()).then(|| Json::new(&json!([scrub.snapshot(snapshot(message.forwarded))])));
        let message = Message {
            channel_id: self.channel,
            id,
            kind,
            author: scrub.sender(&message.author),
            content,
            sent_at,
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
            extra: (!extra.is_empty()).then(|| Json::new(&scrub.value(Part::Hidden, Value::Object(extra)))),
        };
        (message, Beside { files, pictures })
    }
}

fn learn_person(scrub: &mut MessageScrub<'_>, person: &Person<'_>) {
    scrub.learn_person(&person.id, [&person.name, &person.nickname].into_iter().flatten().map(AsRef::as_ref));
}

/// Stores a value of an unexpected type in the extra fields; a list after those values that are stored already.
fn keep(extra: &mut Map<String, Value>, key: &str, value: Value) {
    match (extra.get_mut(key), value) {
        (Some(Value::Array(kept)), Value::Array(items)) => kept.extend(items),
        (_, value) if is_empty(&value) => {}
        (_, value) => drop(extra.insert(key.to_owned(), value)),
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

fn id<T>(value: &Value, key: &str) -> Option<Id<T>> {
    id_text(value, key)?.parse().ok()
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

/// Turns the values of a file into values that may be stored.
struct Scrub<'a> {
    people: &'a Pseudonymizer,
    names: RenderedNames<'a>,
    of: MessageScrub<'a>,
}

impl Scrub<'_> {
    fn value(&self, part: Part, value: Value) -> Value {
        self.names.json(self.of.value(part, value))
    }

    fn text(&self, text: &str) -> String {
        self.names.text(self.of.text(text))
    }

    /// Removes the names of known people from a scrubbed embed: as the author or footer, and wherever their context says
    /// that they are names. A bot that shows a person there writes no `@`.
    fn embed(&self, mut embed: Value) -> Value {
        for (part, name) in [("author", "name"), ("footer", "text")] {
            if let Some(Value::Object(fields)) = embed.get_mut(part)
                && fields.get(name).and_then(Value::as_str).is_some_and(|name| self.names.is_name(name.trim()))
            {
                fields.remove(name);
            }
        }
        if let Value::Object(fields) = &mut embed {
            each_program_text(fields, &mut |text, label| *text = self.names.program_text(text, label));
        }
        embed
    }

    fn snapshot(&self, snapshot: Value) -> Value {
        let mut snapshot = self.value(Part::Snapshot, snapshot);
        if let Some(Value::Array(embeds)) = snapshot.get_mut("embeds") {
            for embed in embeds {
                *embed = self.embed(embed.take());
            }
        }
        snapshot
    }

    /// Returns a person; all persons without id and name are the same one.
    fn author(&self, person: &Person<'_>) -> Author {
        let pseudonym =
            person.identity().map_or_else(|| self.people.person(""), |person| self.people.identity(&person));
        Author { pseudonym, bot: person.bot, webhook: person.is_webhook() }
    }

    /// Returns the author of a message. Of the authors of a webhook, each name is a person of its own.
    fn sender(&self, person: &Person<'_>) -> Author {
        let author = self.author(person);
        if !author.webhook || person.id.is_empty() {
            return author;
        }
        let name = person.name.as_deref().unwrap_or_default();
        Author { pseudonym: self.people.webhook(&person.id, name), ..author }
    }

    /// Returns the files of a message, and their original paths that were scrubbed.
    fn attachments(
        &self,
        message: MessageId,
        value: Value,
        extra: &mut Map<String, Value>,
    ) -> (Vec<Attachment>, Vec<(AttachmentId, String)>) {
        let items = match value {
            Value::Array(items) => items,
            other => {
                keep(extra, "attachments", other);
                return (Vec::new(), Vec::new());
            }
        };
        let (mut seen, mut scrubbed) = (HashSet::new(), Vec::new());
        let unread: Vec<Value> = items.iter().filter(|item| !item.is_object() && !is_empty(item)).cloned().collect();
        keep(extra, "attachments", unread.into());
        let made = items.iter().filter(|item| item.is_object()).zip(1_u64..).filter_map(|(item, place)| {
            // A file without a valid id gets one that is the same in every import.
            let made_up = AttachmentId::new(message.get().saturating_add(place).min(AttachmentId::MAX.get()))?;
            let id =
                id(item, "id").filter(|id| seen.insert(*id)).or_else(|| seen.insert(made_up).then_some(made_up))?;
            let (attachment, path) = self.attachment(id, item);
            scrubbed.extend(path.filter(|path| attachment.local_path.as_ref() != Some(path)).map(|path| (id, path)));
            Some(attachment)
        });
        let made = made.collect();
        (made, scrubbed)
    }

    /// Returns a file, and its original path in the export.
    fn attachment(&self, id: AttachmentId, item: &Value) -> (Attachment, Option<String>) {
        let filename = cut(&self.of.hidden_text(text(item, "fileName").unwrap_or("file")));
        let address = text(item, "url").unwrap_or_default();
        let on_web = address.starts_with("https://") || address.starts_with("http://");
        let extra = beyond(item, &["id", "url", "fileName", "fileSizeBytes"]);
        let path = (!on_web).then(|| beside(address)).flatten();
        let attachment = Attachment {
            id,
            content_type: media_type(&filename).map(str::to_owned),
            size_bytes: item.get("fileSizeBytes").and_then(Value::as_u64).unwrap_or(0).min(i64::MAX.cast_unsigned()),
            width: None,
            height: None,
            description: None,
            spoiler: filename.starts_with("SPOILER_"),
            url: on_web.then(|| self.of.hidden_text(&address.chars().take(4096).collect::<String>())),
            local_path: path.as_deref().map(|path| self.of.hidden_text(path)),
            extra: (!extra.is_empty()).then(|| Json::new(&self.value(Part::Hidden, Value::Object(extra)))),
            filename,
        };
        (attachment, path)
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
        let mut unread = Vec::new();
        for item in items {
            let mut rest = item.rest;
            rest.extend(beyond(&item.emoji, &["id", "name", "code", "isAnimated", "imageUrl"]));
            rest.retain(|_, value| !is_empty(value));
            if !rest.is_empty() {
                rest.insert("emoji".to_owned(), item.emoji.clone());
                unread.push(Value::Object(rest));
            }
            if !item.emoji.is_object() {
                continue;
            }
            let emoji = Emoji {
                id: id(&item.emoji, "id"),
                name: text(&item.emoji, "name").filter(|name| !name.is_empty()).map(cut),
                animated: item.emoji.get("isAnimated").and_then(Value::as_bool).unwrap_or(false),
            };
            let people: Vec<_> = match &item.users {
                List::Items(users) => users.iter().map(|user| self.author(user).pseudonym).collect(),
                List::Other(_) => Vec::new(),
            };
            let count = item.count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
            let count = count.max(u32::try_from(people.len()).unwrap_or(u32::MAX));
            let reaction = Reaction { emoji, count, people };
            match reactions.iter_mut().find(|other| other.emoji.key() == reaction.emoji.key()) {
                Some(other) => other.count = other.count.max(reaction.count),
                None => reactions.push(reaction),
            }
        }
        keep(extra, "reactions", unread.into());
        reactions
    }
}

/// Converts the objects of a list, each scrubbed by `make`; a value that is not a list goes into the extra fields.
fn list(value: Value, key: &str, make: impl Fn(Value) -> Value, extra: &mut Map<String, Value>) -> Option<Json> {
    match value {
        Value::Array(items) => {
            let (objects, others): (Vec<_>, Vec<_>) = items.into_iter().partition(Value::is_object);
            keep(extra, key, Value::Array(others));
            let items: Value = objects.into_iter().map(make).collect();
            (items != json!([])).then(|| Json::new(&items))
        }
        other => {
            keep(extra, key, other);
            None
        }
    }
}

/// Adds the custom emoji and stickers in a value, at any depth, whose pictures are beside the export.
fn pictures_beside(value: &Value, found: &mut Vec<(PictureKey, String)>) {
    match value {
        Value::Array(items) => {
            for item in items {
                pictures_beside(item, found);
            }
        }
        Value::Object(fields) => {
            let path = |key: &str| text(value, key).and_then(beside);
            if let Some(path) = path("imageUrl") {
                found.extend(id(value, "id").map(|id| (PictureKey::emoji(id), path)));
            } else if let Some(path) = path("sourceUrl") {
                found.extend(id(value, "id").map(|id| (PictureKey::sticker(id), path)));
            }
            for field in fields.values() {
                pictures_beside(field, found);
            }
        }
        _ => {}
    }
}

/// Returns a path beside the export, with `/`; `None` for one that leads elsewhere.
fn beside(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let inside = !path.is_empty() && !path.starts_with('/') && !path.contains(':') && path.len() <= 4096;
    (inside && path.split('/').all(|part| part != "..")).then_some(path)
}

#[cfg(test)]
mod tests;
