//! Converts the changes of messages, which show all or some fields.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::MessagePatch;
use domain::json::Json;
use serde_json::{Map, Value};

use crate::convert::{Converter, LEFT_OUT};
use crate::payload::Fields;

/// The fields that every whole message has. Discord has sent changed messages whole since 2024.
const ALWAYS: [&str; 7] = ["author", "content", "type", "timestamp", "edited_timestamp", "attachments", "embeds"];

impl Converter<'_> {
    /// Converts an event about a changed message.
    ///
    /// # Errors
    /// The fields themselves if they have no valid id.
    pub(crate) fn patch(&self, wire: Fields) -> Result<MessagePatch, Fields> {
        let keys: BTreeSet<String> = wire.as_map().keys().cloned().collect();
        let has = |key: &str| keys.contains(key);
        let message = self.message(wire)?;
        let empty = MessagePatch::new(message.channel_id, message.id, self.observed_at);
        let found = message.extra.as_ref().map(Json::to_value);
        let found = found.and_then(|extra| extra.as_object().cloned()).unwrap_or_default();
        Ok(MessagePatch {
            is_whole: ALWAYS.iter().all(|key| has(key)),
            kind: has("type").then_some(message.kind),
            author: has("author").then_some(message.author),
            content: has("content").then_some(message.content),
            edited_at: has("edited_timestamp").then_some(message.version.edited_at),
            pinned: has("pinned").then_some(message.pinned),
            flags: has("flags").then_some(message.flags),
            reference: has("message_reference").then_some(message.reference),
            mentions: has("mentions").then_some(message.mentions),
            attachments: has("attachments").then_some(message.attachments),
            reactions: has("reactions").then_some(message.reactions),
            embeds: has("embeds").then_some(message.embeds),
            stickers: (has("sticker_items") || has("stickers")).then_some(message.stickers),
            components: has("components").then_some(message.components),
            snapshots: has("message_snapshots").then_some(message.snapshots),
            poll: has("poll").then_some(message.poll),
            extra: extra(&keys, &found),
            ..empty
        })
    }
}

/// Returns the extra fields of an event with these fields, of which `found` are left beside the known ones: each is
/// changed or removed.
fn extra(keys: &BTreeSet<String>, found: &Map<String, Value>) -> BTreeMap<String, Option<Json>> {
    let shown = keys.iter().map(String::as_str).filter(|key| *key != "id" && !LEFT_OUT.contains(key));
    let all = shown.chain(found.keys().map(String::as_str));
    all.map(|key| (key.to_owned(), found.get(key).map(Json::new))).collect()
}

#[cfg(test)]
mod tests;
