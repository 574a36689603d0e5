//! The digest of a message, by which equal versions are recognised.

use sha2::{Digest, Sha256};

use super::{Attachment, Message, Reaction};
use crate::json::Json;
use crate::snowflake::Id;

impl Message {
    /// Returns the first 64 bits of a SHA-256 over everything but the time and the source of the version: two versions
    /// with the same digest are equal for readers.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Sink(Sha256::new());
        digest.number(u64::from(self.kind.0.cast_unsigned()));
        digest.bytes(&self.author.pseudonym.as_bytes()[..]);
        digest.number(u64::from(self.author.bot) | u64::from(self.author.webhook) << 1 | u64::from(self.pinned) << 2);
        digest.text(&self.content);
        digest.number(self.version.edited_at.map_or(u64::MAX, |at| at.as_millis().cast_unsigned()));
        digest.number(self.flags);
        digest.number(self.reference.map_or(u64::MAX, |reference| u64::from(reference.kind.cast_unsigned())));
        digest.number(self.reference.and_then(|reference| reference.message_id).map_or(0, Id::get));
        digest.number(self.reference.and_then(|reference| reference.channel_id).map_or(0, Id::get));
        digest.number(self.reference.and_then(|reference| reference.guild_id).map_or(0, Id::get));
        digest.number(self.mentions.len() as u64);
        for person in &self.mentions {
            digest.bytes(person.pseudonym.as_bytes());
            digest.number(u64::from(person.bot) | u64::from(person.webhook) << 1);
        }
        digest.number(self.attachments.len() as u64);
        for file in &self.attachments {
            digest.attachment(file);
        }
        digest.number(self.reactions.len() as u64);
        for reaction in &self.reactions {
            digest.reaction(reaction);
        }
        for json in [&self.embeds, &self.stickers, &self.components, &self.snapshots, &self.poll, &self.extra] {
            digest.optional(json.as_ref().map(Json::as_str));
        }
        // At the end and only if present, so that all others keep their stored digest.
        if let Some(sent_at) = self.sent_at {
            digest.number(sent_at.as_millis().cast_unsigned());
        }
        digest.finish()
    }
}

/// A hash that separates its inputs, so that no two lists of them run together into the same bytes.
struct Sink(Sha256);

impl Sink {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.number(u64::MAX),
        }
    }

    fn attachment(&mut self, file: &Attachment) {
        self.number(file.id.get());
        self.text(&file.filename);
        self.optional(file.content_type.as_deref());
        self.number(file.size_bytes);
        self.number(file.width.map_or(u64::MAX, u64::from));
        self.number(file.height.map_or(u64::MAX, u64::from));
        self.optional(file.description.as_deref());
        self.number(u64::from(file.spoiler));
        self.optional(file.url.as_deref());
        self.optional(file.local_path.as_deref());
        self.optional(file.extra.as_ref().map(Json::as_str));
    }

    fn reaction(&mut self, reaction: &Reaction) {
        self.number(reaction.emoji.id.map_or(0, Id::get));
        self.optional(reaction.emoji.name.as_deref());
        self.number(u64::from(reaction.emoji.animated) | u64::from(reaction.count) << 1);
        self.number(reaction.people.len() as u64);
        for person in &reaction.people {
            self.bytes(person.as_bytes());
        }
    }

    fn finish(self) -> u64 {
        let hash = self.0.finalize();
        u64::from_le_bytes(*hash.first_chunk().expect("a SHA-256 has 32 bytes"))
    }
}
