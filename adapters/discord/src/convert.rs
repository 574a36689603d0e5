//! Converts messages of Discord. Values without a field of their own go, scrubbed, into the extra fields.

use std::collections::HashSet;

use domain::channel::ChannelId;
use domain::json::Json;
use domain::message::{
    Attachment, AttachmentId, Author, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference, Version,
};
use domain::pseudonym::Part;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use serde_json::{Value, json};

use crate::payload::Fields;
use crate::scrub::{MessageParts, Scrub, unsigned};

/// The longest stored name of a file, emoji or sticker, in characters.
const MAX_NAME: usize = 1024;
/// The longest stored address, in characters.
const MAX_URL: usize = 4096;

/// An attachment's flag: hidden until a reader opens it.
const SPOILER: u64 = 1 << 3;

/// Fields that repeat known values, that change with every request, or that concern a membership. The thread that was
/// started from a message is listed with the threads; it grows, and the message does not change for that. The guild, the
/// membership and the type of the channel are in events only, and the message of a page must be equal to that of an event.
pub(crate) const LEFT_OUT: [&str; 7] =
    ["channel_id", "channel_type", "guild_id", "timestamp", "nonce", "member", "thread"];

/// Converts the messages of a page or an event.
#[derive(Clone, Copy)]
pub(crate) struct Converter<'a> {
    pub(crate) channel: ChannelId,
    pub(crate) observed_at: Timestamp,
    pub(crate) origin: Origin,
    pub(crate) scrub: Scrub<'a>,
}

impl Converter<'_> {
    /// Converts one message.
    ///
    /// # Errors
    /// The fields themselves if they have no valid id; all other values have a field.
    pub(crate) fn message(&self, mut wire: Fields) -> Result<Message, Fields> {
        let Some(id): Option<MessageId> = wire.id("id") else { return Err(wire) };
        let scrub = self.scrub.message(&wire);
        for key in LEFT_OUT {
            wire.any(key);
        }
        for (key, usual) in [("tts", json!(false)), ("mention_everyone", json!(false)), ("mention_roles", json!([]))] {
            wire.leave_out(key, &usual);
        }
        let kind = wire.small("type").map_or(MessageKind::UNNUMBERED, MessageKind);
        let author = self.author(&mut wire, kind);
        let content = wire.text("content").unwrap_or_default();
        let edited_at = wire.moment("edited_timestamp");
        // Null means that it was deleted, absence that Discord did not look it up. The message itself is stored in its
        // own place.
        if wire.any("referenced_message") == Some(Value::Null) {
            wire.keep("referenced_message", Value::Null);
        }
        let stickers = stickers(&mut wire);
        let message = Message {
            channel_id: self.channel,
            id,
            kind,
            author,
            content: scrub.text(&content),
            sent_at: None,
            version: Version { edited_at, observed_at: self.observed_at, origin: self.origin },
            pinned: wire.flag("pinned"),
            flags: wire.number("flags").unwrap_or(0),
            reference: reference(&mut wire),
            mentions: self.mentions(&mut wire),
            attachments: attachments(&scrub, id, &mut wire),
            reactions: reactions(&mut wire),
            embeds: array(&scrub, Part::Embed, wire.objects("embeds")),
            stickers: (!stickers.is_empty()).then(|| scrub.things(stickers.into())),
            components: array(&scrub, Part::Component, wire.objects("components")),
            snapshots: array(&scrub, Part::Snapshot, wire.objects("message_snapshots")),
            poll: wire.object("poll").map(|poll| scrub.json(Part::Poll, poll.value())),
            extra: None,
        };
        Ok(Message { extra: wire.rest().map(|rest| scrub.json(Part::Hidden, rest)), ..message })
    }

    /// Returns a person; all persons without an id are the same one.
    fn person(&self, wire: &mut Fields) -> Author {
        let id = wire.id::<()>("id").map(|id| id.to_string()).unwrap_or_default();
        Author { pseudonym: self.scrub.people.person(&id), bot: wire.flag("bot"), webhook: false }
    }

    /// Returns the author. The response to a command has a webhook's id, too, and is a message of a program.
    fn author(&self, wire: &mut Fields, kind: MessageKind) -> Author {
        let Some(mut author) = wire.object("author") else { return self.person(&mut Fields::default()) };
        let webhook: Option<Id<()>> = wire.id("webhook_id");
        let id = author.id("id");
        author.keep("id", json!(id));
        if let Some(webhook) = webhook.filter(|webhook| Some(*webhook) != id) {
            wire.keep("webhook_id", json!(webhook));
        }
        let command = matches!(kind, MessageKind::CHAT_INPUT_COMMAND | MessageKind::CONTEXT_MENU_COMMAND)
            || wire.has("interaction_metadata")
            || wire.has("interaction");
        let is_program = author.flag("system") || webhook.is_some();
        let is_webhook = webhook.is_some() && !command;
        let name = author.text("username").unwrap_or_default();
        let author = self.person(&mut author);
        let pseudonym = match id.or(webhook) {
            Some(id) if is_webhook => self.scrub.people.webhook(&id.to_string(), &name),
            _ => author.pseudonym,
        };
        Author { pseudonym, bot: author.bot || is_program, webhook: is_webhook }
    }

    fn mentions(&self, wire: &mut Fields) -> Vec<Author> {
        let mut seen = HashSet::new();
        let people = wire.objects("mentions").into_iter().map(|mut person| self.person(&mut person));
        people.filter(|person| seen.insert(person.pseudonym)).collect()
    }
}

fn array(scrub: &MessageParts<'_>, part: Part, items: Vec<Fields>) -> Option<Json> {
    (!items.is_empty()).then(|| scrub.json(part, items.into_iter().map(Fields::value).collect()))
}

fn attachments(scrub: &MessageParts<'_>, message: MessageId, wire: &mut Fields) -> Vec<Attachment> {
    let mut seen = HashSet::new();
    let items = wire.objects("attachments").into_iter().zip(1_u64..);
    let made = items.filter_map(|(mut item, place)| {
        // A file without a valid id gets one that is the same in every response.
        let made_up = AttachmentId::new(message.get().saturating_add(place).min(AttachmentId::MAX.get()))?;
        let own = item.id("id").filter(|id| seen.insert(*id));
        let id = own.or_else(|| seen.insert(made_up).then_some(made_up))?;
        Some(attachment(scrub, id, item))
    });
    made.collect()
}

fn attachment(scrub: &MessageParts<'_>, id: AttachmentId, mut item: Fields) -> Attachment {
    let filename = item.text("filename").map_or_else(|| "file".to_owned(), |name| cut(&scrub.file(&name), MAX_NAME));
    let flags = item.number("flags").unwrap_or(0);
    if flags & !SPOILER != 0 {
        item.keep("flags", json!(flags));
    }
    item.any("proxy_url");
    item.leave_out("ephemeral", &json!(false));
    let on_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    let url = item.text("url").filter(on_web).map(unsigned);
    Attachment {
        id,
        content_type: item.text("content_type").map(|kind| cut(&kind, MAX_NAME)),
        size_bytes: item.number("size").unwrap_or(0).min(i64::MAX.cast_unsigned()),
        width: item.count("width"),
        height: item.count("height"),
        description: item.text("description").map(|text| scrub.text(&text)),
        spoiler: flags & SPOILER != 0 || filename.starts_with("SPOILER_"),
        url: url.map(|url| scrub.file(&cut(&url, MAX_URL))),
        local_path: None,
        extra: item.rest().map(|rest| scrub.json(Part::Hidden, rest)),
        filename,
    }
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn reference(wire: &mut Fields) -> Option<Reference> {
    let mut to = wire.object("message_reference")?;
    let reference = Reference {
        kind: to.small("type").unwrap_or(0),
        message_id: to.id("message_id"),
        channel_id: to.id("channel_id"),
        guild_id: to.id("guild_id"),
    };
    if let Some(rest) = to.rest() {
        wire.keep("message_reference", rest);
    }
    Some(reference)
}

/// Returns stickers as `{id, name, format}`; their other fields stay.
fn stickers(wire: &mut Fields) -> Vec<Value> {
    // The old list has the same stickers, with more fields of the guild's.
    let mut old = wire.objects("stickers");
    let mut items = wire.objects("sticker_items");
    if items.is_empty() {
        items.append(&mut old);
    }
    let mut rests = Vec::new();
    let made = items.into_iter().map(|mut item| {
        let id: Option<Id<()>> = item.id("id");
        let name = item.text("name").map(|name| cut(&name, MAX_NAME));
        let format = item.number("format_type").map(format_word);
        if let Some(rest) = item.rest() {
            rests.push(rest);
        }
        json!({"id": id, "name": name, "format": format})
    });
    let made = made.collect();
    wire.add("sticker_items", rests);
    made
}

/// Returns the word for a sticker's format, or its number
/// (<https://docs.discord.com/developers/resources/sticker#sticker-object-sticker-format-types>).
pub(crate) fn format_word(number: u64) -> String {
    match number {
        1 => "png".to_owned(),
        2 => "apng".to_owned(),
        3 => "lottie".to_owned(),
        4 => "gif".to_owned(),
        other => other.to_string(),
    }
}

/// Returns an emoji, taken out of its fields.
pub(crate) fn emoji(wire: &mut Fields) -> Emoji {
    let name = wire.text("name").filter(|name| !name.is_empty()).map(|name| cut(&name, MAX_NAME));
    Emoji { id: wire.id("id"), name, animated: wire.flag("animated") }
}

/// Returns reactions with unique keys; other fields than emoji and count stay, with the emoji's key.
fn reactions(wire: &mut Fields) -> Vec<Reaction> {
    let mut found: Vec<Reaction> = Vec::new();
    let mut rests = Vec::new();
    for mut item in wire.objects("reactions") {
        let Some(mut emoji_fields) = item.object("emoji") else {
            rests.push(item.value());
            continue;
        };
        let reaction =
            Reaction { emoji: emoji(&mut emoji_fields), count: item.count("count").unwrap_or(0), people: Vec::new() };
        for own in ["me", "me_burst", "burst_me"] {
            item.any(own);
        }
        item.leave_out("burst_colors", &json!([]));
        item.leave_out("count_details", &json!({"normal": reaction.count, "burst": 0}));
        if let Some(rest) = emoji_fields.rest() {
            item.keep("emoji", rest);
        }
        if !item.is_empty() {
            item.keep("key", reaction.emoji.key().into());
            rests.push(item.value());
        }
        match found.iter_mut().find(|other| other.emoji.key() == reaction.emoji.key()) {
            Some(other) => other.count = other.count.max(reaction.count),
            None => found.push(reaction),
        }
    }
    wire.add("reactions", rests);
    found
}

#[cfg(test)]
mod tests;
