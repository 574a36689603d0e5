//! Emoji, of messages and of guilds.

use crate::snowflake::Id;

/// The Discord id of a custom emoji.
pub type EmojiId = Id<Emoji>;

/// A Unicode emoji, which has a name and no id, or a custom one; a deleted custom one can lack its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emoji {
    /// The id of a custom emoji.
    pub id: Option<EmojiId>,
    /// Its name, or the Unicode emoji itself.
    pub name: Option<String>,
    /// Whether it is animated.
    pub animated: bool,
}

impl Emoji {
    /// Returns the key of the emoji, unique in a message: the id in decimal, else the name; empty with neither.
    #[must_use]
    pub fn key(&self) -> String {
        self.id.map_or_else(|| self.name.clone().unwrap_or_default(), |id| id.to_string())
    }
}
