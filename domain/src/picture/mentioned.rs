//! The pictures that a message shows.

use std::collections::BTreeMap;

use super::{PictureKey, SeenPicture};
use crate::json::Json;
use crate::message::Message;

/// The most pictures that are recorded of one message.
const MOST: usize = 200;

impl Message {
    /// Returns the custom emoji and the stickers that the message shows, ascending by key, each once, at most 200: of its
    /// texts, its reactions, and of forwarded messages.
    #[must_use]
    pub fn pictures(&self) -> Vec<SeenPicture> {
        let mut found = BTreeMap::new();
        let mut add = |seen: SeenPicture| {
            if found.len() < MOST {
                found.entry(seen.key).or_insert(seen);
            }
        };
        self.stickers.iter().flat_map(stickers).for_each(&mut add);
        let custom = self.reactions.iter().filter_map(|one| Some((one.emoji.id?, one.emoji.animated)));
        custom.for_each(|(id, is_animated)| add(SeenPicture::emoji(id, is_animated)));
        let parts = [&self.embeds, &self.components, &self.snapshots, &self.poll];
        let texts = [self.content.as_str()].into_iter().chain(parts.into_iter().flatten().map(Json::as_str));
        texts.flat_map(emojis).for_each(&mut add);
        found.into_values().collect()
    }

    /// Returns the keys of the pictures that the message shows, as [`Message::pictures`] does.
    #[must_use]
    pub fn picture_keys(&self) -> Vec<PictureKey> {
        self.pictures().into_iter().map(|seen| seen.key).collect()
    }
}

/// Returns the custom emoji of a text: `<:name:id>`, or `<a:name:id>` for an animated one.
fn emojis(text: &str) -> impl Iterator<Item = SeenPicture> {
    text.split('<').skip(1).filter_map(|rest| {
        let (is_animated, rest) = match rest.strip_prefix("a:") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix(':')?),
        };
        let (name, rest) = rest.split_once(':')?;
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let id = rest.split_once('>')?.0.parse().ok().filter(|_| is_name)?;
        Some(SeenPicture::emoji(id, is_animated))
    })
}

/// Returns the stickers of a list.
fn stickers(list: &Json) -> Vec<SeenPicture> {
    let serde_json::Value::Array(items) = list.to_value() else { return Vec::new() };
    let sticker = |item: &serde_json::Value| {
        SeenPicture::sticker(item.get("id")?.as_str()?.parse().ok()?, item.get("format")?.as_str()?)
    };
    items.iter().filter_map(sticker).collect()
}
