//! Pictures of a guild and of texts: custom emoji, stickers and icons.

mod mentioned;

use std::fmt;
use std::str::FromStr;

use crate::emoji::EmojiId;
use crate::guild::{GuildObservation, GuildSnowflake, RoleId, StickerId};
use crate::media::FileState;
use crate::snowflake::Id;
use crate::timestamp::Timestamp;

/// The kind of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PictureKind {
    /// A custom emoji, of any guild.
    Emoji,
    /// A sticker, of any guild or of the platform.
    Sticker,
    /// The icon of a guild.
    GuildIcon,
    /// The icon of a role.
    RoleIcon,
}

impl PictureKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Emoji, Self::Sticker, Self::GuildIcon, Self::RoleIcon];

    /// Returns its name in keys and paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Emoji => "emoji",
            Self::Sticker => "sticker",
            Self::GuildIcon => "icon",
            Self::RoleIcon => "role",
        }
    }
}

/// The key of a picture: its kind, and the platform id of the emoji, sticker, guild or role. As a text it is
/// `emoji/80351110224678912`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureKey {
    /// The kind.
    pub kind: PictureKind,
    /// The platform id.
    pub id: Id<Picture>,
}

impl PictureKey {
    /// Returns the key of an emoji.
    #[must_use]
    pub const fn emoji(id: EmojiId) -> Self {
        Self { kind: PictureKind::Emoji, id: id.cast() }
    }

    /// Returns the key of a sticker.
    #[must_use]
    pub const fn sticker(id: StickerId) -> Self {
        Self { kind: PictureKind::Sticker, id: id.cast() }
    }

    /// Returns the key of the icon of a guild.
    #[must_use]
    pub const fn guild_icon(id: GuildSnowflake) -> Self {
        Self { kind: PictureKind::GuildIcon, id: id.cast() }
    }

    /// Returns the key of the icon of a role.
    #[must_use]
    pub const fn role_icon(id: RoleId) -> Self {
        Self { kind: PictureKind::RoleIcon, id: id.cast() }
    }

    /// Returns whether it is the icon of a guild or role, which can change.
    const fn is_icon(self) -> bool {
        matches!(self.kind, PictureKind::GuildIcon | PictureKind::RoleIcon)
    }
}

impl fmt::Display for PictureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.id)
    }
}

/// A text that is not the key of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture is emoji, sticker, icon or role, a slash, and an id")]
pub struct ParsePictureError;

impl FromStr for PictureKey {
    type Err = ParsePictureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, id) = text.split_once('/').ok_or(ParsePictureError)?;
        let kind = PictureKind::ALL.into_iter().find(|one| one.as_str() == kind).ok_or(ParsePictureError)?;
        let id = id.parse().map_err(|_| ParsePictureError)?;
        // A number has one form, so that a picture has one key.
        let key = Self { kind, id };
        if key.to_string() == text { Ok(key) } else { Err(ParsePictureError) }
    }
}

/// The name of a picture's file on the platform: 1 to 80 ASCII letters, digits, `_` and `-`, a dot, and an extension. It
/// changes with the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureName(String);

impl PictureName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PictureName {
    type Err = ParsePictureError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |part: &str| {
            let ok = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            (1..=80).contains(&part.len()) && part.bytes().all(ok)
        };
        match text.split_once('.') {
            Some((stem, extension)) if is_plain(stem) && is_plain(extension) && extension.len() <= 8 => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(ParsePictureError),
        }
    }
}

/// A picture that the platform shows, with the name of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPicture {
    /// Its key.
    pub key: PictureKey,
    /// The name of its file.
    pub name: PictureName,
}

impl SeenPicture {
    /// Returns the picture of an emoji.
    #[must_use]
    pub fn emoji(id: EmojiId, is_animated: bool) -> Self {
        let extension = if is_animated { "gif" } else { "webp" };
        Self { key: PictureKey::emoji(id), name: PictureName(format!("{id}.{extension}")) }
    }

    /// Returns the picture of a sticker of this format, as [`Sticker::format`](crate::guild::Sticker::format) has it;
    /// `None` if the format is unknown.
    #[must_use]
    pub fn sticker(id: StickerId, format: &str) -> Option<Self> {
        let extension = match format {
            "png" | "apng" => "png",
            "lottie" => "json",
            "gif" => "gif",
            _ => return None,
        };
        Some(Self { key: PictureKey::sticker(id), name: PictureName(format!("{id}.{extension}")) })
    }
}

/// The icon of a guild or role, as an observation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenIcon {
    /// Its key.
    pub key: PictureKey,
    /// The name of its file; `None` if the guild or role has no icon.
    pub name: Option<PictureName>,
}

impl SeenIcon {
    /// Returns the icon with the platform's `hash`; without one, and with one that is no file name, there is none.
    #[must_use]
    pub fn new(key: PictureKey, hash: Option<&str>) -> Self {
        Self { key, name: hash.and_then(|hash| format!("{hash}.png").parse().ok()) }
    }
}

/// A picture and its download state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its key.
    pub key: PictureKey,
    /// The name of its file on the platform.
    pub name: PictureName,
    /// Its download state.
    pub state: FileState,
}

impl Picture {
    /// Returns a picture that is to be fetched.
    #[must_use]
    pub fn waiting(seen: SeenPicture, now: Timestamp) -> Self {
        Self { key: seen.key, name: seen.name, state: FileState::seen(now) }
    }

    /// Returns the changes to `stored` by an observation of a guild: new pictures wait, replaced ones wait again, and icons
    /// that the guild no longer has are gone. Emoji and stickers that it no longer has stay.
    #[must_use]
    pub fn after_observation(stored: &[Self], shown: &GuildObservation<'_>, now: Timestamp) -> Vec<Self> {
        let icons = shown.icons.iter().map(|icon| (icon.key, icon.name.clone()));
        let pictures = shown.pictures().map(|seen| (seen.key, Some(seen.name)));
        let changed = pictures.chain(icons).filter_map(|(key, name)| {
            let stored = stored.iter().find(|stored| stored.key == key);
            match (stored, name) {
                // An icon that was removed can come back under its name.
                (Some(stored), Some(name))
                    if stored.name == name && !(key.is_icon() && stored.state == FileState::Gone) =>
                {
                    None
                }
                (_, Some(name)) => Some(Self::waiting(SeenPicture { key, name }, now)),
                (Some(stored), None) if stored.state != FileState::Gone => {
                    Some(Self { state: FileState::Gone, ..stored.clone() })
                }
                (_, None) => None,
            }
        });
        changed.collect()
    }
}

impl GuildObservation<'_> {
    /// Returns the pictures of its emoji and stickers.
    fn pictures(&self) -> impl Iterator<Item = SeenPicture> {
        let emojis = self.emojis.unwrap_or_default().iter().map(|emoji| SeenPicture::emoji(emoji.id, emoji.animated));
        let stickers = self.stickers.unwrap_or_default().iter();
        emojis.chain(stickers.filter_map(|sticker| SeenPicture::sticker(sticker.id, &sticker.format)))
    }

    /// Returns the keys of all pictures that it shows, and of all icons.
    #[must_use]
    pub fn picture_keys(&self) -> Vec<PictureKey> {
        self.pictures().map(|seen| seen.key).chain(self.icons.iter().map(|icon| icon.key)).collect()
    }
}

#[cfg(test)]
mod tests;
