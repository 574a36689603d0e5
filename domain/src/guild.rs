//! What a guild has beside channels: its roles, and emoji and stickers of its own.

use std::collections::BTreeMap;

use crate::message::Emoji;
use crate::snowflake::Id;
use crate::tenant::Color;
use crate::timestamp::Timestamp;

/// What Discord calls a role.
pub type RoleId = Id<Role>;
/// What Discord calls an emoji of a guild.
pub type EmojiId = Id<Emoji>;
/// What Discord calls a sticker.
pub type StickerId = Id<Sticker>;

/// A role, for the text of its mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What the platform calls it; the guild's own id is everybody.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Its colour, if it has one.
    pub color: Option<Color>,
    /// Its place, from 0 for everybody.
    pub position: i32,
}

/// An emoji of the guild's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildEmoji {
    /// What the platform calls it.
    pub id: EmojiId,
    /// Its name.
    pub name: String,
    /// Whether it moves.
    pub animated: bool,
}

/// A sticker of the guild's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticker {
    /// What the platform calls it.
    pub id: StickerId,
    /// Its name.
    pub name: String,
    /// `png`, `apng`, `lottie` or `gif`, or the number of a format that we do not know.
    pub format: String,
    /// What it shows.
    pub description: Option<String>,
}

/// Something of a guild that the platform gives an id.
pub trait GuildItem: Clone + PartialEq {
    /// The number of its id.
    fn number(&self) -> u64;
}

impl GuildItem for Role {
    fn number(&self) -> u64 {
        self.id.get()
    }
}

impl GuildItem for GuildEmoji {
    fn number(&self) -> u64 {
        self.id.get()
    }
}

impl GuildItem for Sticker {
    fn number(&self) -> u64 {
        self.id.get()
    }
}

/// Something of a guild as it is held. What the guild has no more stays, because old messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held<T> {
    /// What it is.
    pub item: T,
    /// When it was first seen like this.
    pub observed_at: Timestamp,
    /// When it was first seen to be gone.
    pub deleted_at: Option<Timestamp>,
}

impl<T: GuildItem> Held<T> {
    /// What changes in `held` by a look at `at` that showed `shown` and nothing else.
    fn after_look(held: &[Self], shown: Option<&[T]>, at: Timestamp) -> Vec<Self> {
        let Some(shown) = shown else { return Vec::new() };
        let seen = |item: &T| Self { item: item.clone(), observed_at: at, deleted_at: None };
        let is_new =
            |item: &&T| find(held, item.number()).is_none_or(|held| held.deleted_at.is_some() || held.item != **item);
        let is_gone =
            |held: &&Self| held.deleted_at.is_none() && shown.iter().all(|item| item.number() != held.item.number());
        let gone = held.iter().filter(is_gone).map(|held| Self { deleted_at: Some(at), ..held.clone() });
        shown.iter().filter(is_new).map(seen).chain(gone).collect()
    }

    /// What changes in `held` by what another archive holds.
    fn after_copy(held: &[Self], copy: &[Self]) -> Vec<Self> {
        let is_new = |copy: &&Self| {
            find(held, copy.item.number()).is_none_or(|held| held != *copy && held.changed_at() <= copy.changed_at())
        };
        copy.iter().filter(is_new).cloned().collect()
    }

    fn changed_at(&self) -> Timestamp {
        self.deleted_at.map_or(self.observed_at, |deleted_at| deleted_at.max(self.observed_at))
    }
}

fn find<T: GuildItem>(held: &[Held<T>], number: u64) -> Option<&Held<T>> {
    held.iter().find(|held| held.item.number() == number)
}

/// What a look at a guild showed of it beside its channels: each list whole, or `None` if that was not to be had.
#[derive(Debug, Clone, Copy)]
pub struct GuildLook<'a> {
    /// When it began.
    pub observed_at: Timestamp,
    /// Roles.
    pub roles: Option<&'a [Role]>,
    /// Emoji.
    pub emojis: Option<&'a [GuildEmoji]>,
    /// Stickers.
    pub stickers: Option<&'a [Sticker]>,
}

/// A role as a file shows it, which shows those of some members and no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleLook {
    /// The role.
    pub role: Role,
    /// When the file was written.
    pub observed_at: Timestamp,
}

/// What is held of a guild beside its channels, each list ascending by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuildItems {
    /// When the guild was last looked at; `None` if it never was.
    pub observed_at: Option<Timestamp>,
    /// Roles.
    pub roles: Vec<Held<Role>>,
    /// Emoji.
    pub emojis: Vec<Held<GuildEmoji>>,
    /// Stickers.
    pub stickers: Vec<Held<Sticker>>,
}

impl GuildItems {
    /// Returns whether there is a role, emoji or sticker among them, deleted ones included.
    #[must_use]
    pub const fn has_items(&self) -> bool {
        !(self.roles.is_empty() && self.emojis.is_empty() && self.stickers.is_empty())
    }

    /// What changes here by a look; `None` if there was a later one. So of two looks the later one holds, in whatever
    /// order they are stored.
    #[must_use]
    pub fn after_look(&self, look: &GuildLook<'_>) -> Option<Self> {
        let at = look.observed_at;
        (self.observed_at <= Some(at)).then(|| Self {
            observed_at: Some(at),
            roles: Held::after_look(&self.roles, look.roles, at),
            emojis: Held::after_look(&self.emojis, look.emojis, at),
            stickers: Held::after_look(&self.stickers, look.stickers, at),
        })
    }

    /// What changes here by what files show of some roles; `None` if that is nothing. A file changes no role that a look
    /// at the guild or another file has shown since, and the latest of them holds, in whatever order they come.
    #[must_use]
    pub fn after_files(&self, looks: &[RoleLook]) -> Option<Self> {
        let mut roles: BTreeMap<RoleId, &RoleLook> = BTreeMap::new();
        for look in looks {
            let latest = roles.entry(look.role.id).or_insert(look);
            if look.observed_at > latest.observed_at {
                *latest = look;
            }
        }
        let changes = |look: &&RoleLook| {
            find(&self.roles, look.role.number()).is_none_or(|held| {
                let known_at = held.changed_at().max(self.observed_at.unwrap_or(held.observed_at));
                held.item != look.role && known_at < look.observed_at
            })
        };
        let seen = |look: &RoleLook| Held { item: look.role.clone(), observed_at: look.observed_at, deleted_at: None };
        let roles: Vec<_> = roles.into_values().filter(changes).map(seen).collect();
        (!roles.is_empty()).then(|| Self { roles, ..Self::default() })
    }

    /// What changes here by what another archive holds; `None` if that is nothing. What changed later here stays as it
    /// is.
    #[must_use]
    pub fn after_copy(&self, copy: &Self) -> Option<Self> {
        let changes = Self {
            observed_at: copy.observed_at.filter(|at| self.observed_at < Some(*at)),
            roles: Held::after_copy(&self.roles, &copy.roles),
            emojis: Held::after_copy(&self.emojis, &copy.emojis),
            stickers: Held::after_copy(&self.stickers, &copy.stickers),
        };
        (changes != Self::default()).then_some(changes)
    }
}

/// The roles that a text mentions, in its order, each as often as it does.
pub fn role_mentions(text: &str) -> impl Iterator<Item = RoleId> {
    text.split("<@&").skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok())
}

#[cfg(test)]
mod tests;
