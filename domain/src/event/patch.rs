//! The change of a message, of which an event shows all or some fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::channel::ChannelId;
use crate::json::Json;
use crate::message::{Attachment, Author, Message, MessageId, MessageKind, Origin, Reaction, Reference, Version};
use crate::timestamp::Timestamp;

/// The fields of a message that an event shows. `None` is a field that it does not show, which stays as it is; where a
/// field can be absent from a message, `Some(None)` removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePatch {
    /// The channel of the message.
    pub channel_id: ChannelId,
    /// The id of the message.
    pub id: MessageId,
    /// When the event was received.
    pub observed_at: Timestamp,
    /// Whether it shows the whole message, as Discord does today. Then a message that is not stored can be made of it,
    /// and extra fields that it does not show are removed. Reactions and the results of a poll stay even so: the
    /// events of reactions and votes have them.
    pub is_whole: bool,
    /// Discord's type.
    pub kind: Option<MessageKind>,
    /// The author.
    pub author: Option<Author>,
    /// The content, scrubbed.
    pub content: Option<String>,
    /// The time of the last edit.
    pub edited_at: Option<Option<Timestamp>>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
    /// Discord's flags.
    pub flags: Option<u64>,
    /// The message that it refers to.
    pub reference: Option<Option<Reference>>,
    /// The mentioned people.
    pub mentions: Option<Vec<Author>>,
    /// The files.
    pub attachments: Option<Vec<Attachment>>,
    /// The reactions.
    pub reactions: Option<Vec<Reaction>>,
    /// The embeds, scrubbed.
    pub embeds: Option<Option<Json>>,
    /// The stickers.
    pub stickers: Option<Option<Json>>,
    /// The components, scrubbed.
    pub components: Option<Option<Json>>,
    /// The content of a forward, scrubbed.
    pub snapshots: Option<Option<Json>>,
    /// The poll, scrubbed.
    pub poll: Option<Option<Json>>,
    /// Extra fields by name, scrubbed; `None` removes one.
    pub extra: BTreeMap<String, Option<Json>>,
}

impl MessagePatch {
    /// Returns a patch that shows no field.
    #[must_use]
    pub const fn new(channel_id: ChannelId, id: MessageId, observed_at: Timestamp) -> Self {
        Self {
            channel_id,
            id,
            observed_at,
            is_whole: false,
            kind: None,
            author: None,
            content: None,
            edited_at: None,
            pinned: None,
            flags: None,
            reference: None,
            mentions: None,
            attachments: None,
            reactions: None,
            embeds: None,
            stickers: None,
            components: None,
            snapshots: None,
            poll: None,
            extra: BTreeMap::new(),
        }
    }

    /// Returns the stored message with the fields of the patch, as a version of the time of the event. The caller
    /// compares the versions: an event can come after a newer page.
    #[must_use]
    pub fn apply(&self, stored: &Message) -> Message {
        let patch = self.clone();
        let version = Version {
            edited_at: patch.edited_at.unwrap_or(stored.version.edited_at),
            observed_at: patch.observed_at,
            origin: Origin::Event,
        };
        Message {
            channel_id: stored.channel_id,
            id: stored.id,
            kind: patch.kind.unwrap_or(stored.kind),
            author: patch.author.unwrap_or(stored.author),
            content: patch.content.unwrap_or_else(|| stored.content.clone()),
            sent_at: stored.sent_at,
            version,
            pinned: patch.pinned.unwrap_or(stored.pinned),
            flags: patch.flags.unwrap_or(stored.flags),
            reference: patch.reference.unwrap_or(stored.reference),
            mentions: patch.mentions.unwrap_or_else(|| stored.mentions.clone()),
            attachments: patch.attachments.unwrap_or_else(|| stored.attachments.clone()),
            reactions: patch.reactions.unwrap_or_else(|| stored.reactions.clone()),
            embeds: patch.embeds.unwrap_or_else(|| stored.embeds.clone()),
            stickers: patch.stickers.unwrap_or_else(|| stored.stickers.clone()),
            components: patch.components.unwrap_or_else(|| stored.components.clone()),
            snapshots: patch.snapshots.unwrap_or_else(|| stored.snapshots.clone()),
            poll: match patch.poll {
                Some(poll) => poll.map(|poll| with_results(poll, stored.poll.as_ref())),
                None => stored.poll.clone(),
            },
            extra: self.extra(stored.extra.as_ref()),
        }
    }

    /// Returns the message, if the patch shows it whole.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        let author = self.author.filter(|_| self.is_whole)?;
        let nothing = Version { edited_at: None, observed_at: self.observed_at, origin: Origin::Event };
        Some(self.apply(&Message::new(self.channel_id, self.id, author, String::new(), nothing)))
    }

    /// Returns the extra fields: of a whole message those that the patch shows, else the stored ones with the changes.
    fn extra(&self, stored: Option<&Json>) -> Option<Json> {
        let mut fields = match stored.filter(|_| !self.is_whole).map(Json::to_value) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        for (key, value) in &self.extra {
            match value {
                Some(value) => _ = fields.insert(key.clone(), value.to_value()),
                None => _ = fields.remove(key),
            }
        }
        (!fields.is_empty()).then(|| Json::new(&Value::Object(fields)))
    }
}

/// Returns `poll` with the stored results, if it shows none: that means that they are unknown.
fn with_results(poll: Json, stored: Option<&Json>) -> Json {
    const RESULTS: &str = "results";
    let mut shown = poll.to_value();
    let is_known = shown.get(RESULTS).is_some_and(|results| !results.is_null());
    let known = stored.map(Json::to_value).and_then(|stored| stored.get(RESULTS).cloned());
    match (shown.as_object_mut(), known) {
        (Some(fields), Some(results)) if !is_known => {
            fields.insert(RESULTS.to_owned(), results);
            Json::new(&shown)
        }
        _ => poll,
    }
}
