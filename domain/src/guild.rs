//! The roles, emoji and stickers of a guild.

use std::collections::BTreeMap;

use crate::color::Color;
pub use crate::emoji::EmojiId;
use crate::picture::SeenIcon;
use crate::snowflake::Id;
use crate::timestamp::Timestamp;

/// The Discord id of a guild.
pub type GuildSnowflake = Id<Guild>;

/// The kind of a guild's id; a guild is what users call a server.
pub enum Guild {}

/// The Discord id of a role.
pub type RoleId = Id<Role>;
/// The Discord id of a sticker.
pub type StickerId = Id<Sticker>;

/// A role, for the text of its mentions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its platform id; the role of all members has the guild's own id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Its colour, if it has one.
    pub color: Option<Color>,
    /// Its position; 0 for the role of all members.
    pub position: i32,
}

/// A custom emoji of the guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildEmoji {
    /// Its platform id.
    pub id: EmojiId,
    /// Its name.
    pub name: String,
    /// Whether it is animated.
    pub animated: bool,
}

/// A custom sticker of the guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticker {
    /// Its platform id.
    pub id: StickerId,
    /// Its name.
    pub name: String,
    /// `png`, `apng`, `lottie` or `gif`, or the number of an unknown format.
    pub format: String,
    /// Its description.
    pub description: Option<String>,
}

/// A role, emoji or sticker: an item of a guild with a platform id.
pub trait GuildItem: Clone + PartialEq {
    /// Returns the number of its id.
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

/// A stored item of a guild. Items that the guild no longer has stay stored, because old messages refer to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem<T> {
    /// The item.
    pub item: T,
    /// When it was first seen in this form.
    pub observed_at: Timestamp,
    /// When it was first found deleted.
    pub deleted_at: Option<Timestamp>,
}

impl<T: GuildItem> StoredItem<T> {
    /// Returns the changes to `stored` by an observation at `at` that showed exactly `shown`.
    fn after_observation(stored: &[Self], shown: Option<&[T]>, at: Timestamp) -> Vec<Self> {
        let Some(shown) = shown else { return Vec::new() };
        let seen = |item: &T| Self { item: item.clone(), observed_at: at, deleted_at: None };
        let is_new = |item: &&T| {
            find(stored, item.number()).is_none_or(|stored| stored.deleted_at.is_some() || stored.item != **item)
        };
        let is_gone = |stored: &&Self| {
            stored.deleted_at.is_none() && shown.iter().all(|item| item.number() != stored.item.number())
        };
        let gone = stored.iter().filter(is_gone).map(|stored| Self { deleted_at: Some(at), ..stored.clone() });
        shown.iter().filter(is_new).map(seen).chain(gone).collect()
    }

    /// Returns the changes to `stored` by another archive's copy.
    fn after_copy(stored: &[Self], copy: &[Self]) -> Vec<Self> {
        let is_new = |copy: &&Self| {
            find(stored, copy.item.number())
                .is_none_or(|stored| stored != *copy && stored.changed_at() <= copy.changed_at())
        };
        copy.iter().filter(is_new).cloned().collect()
    }

    fn changed_at(&self) -> Timestamp {
        self.deleted_at.map_or(self.observed_at, |deleted_at| deleted_at.max(self.observed_at))
    }
}

fn find<T: GuildItem>(stored: &[StoredItem<T>], number: u64) -> Option<&StoredItem<T>> {
    stored.iter().find(|stored| stored.item.number() == number)
}

/// An observation of a guild's items: each list whole, or `None` if it was unavailable.
#[derive(Debug, Clone, Copy)]
pub struct GuildObservation<'a> {
    /// When the observation began.
    pub observed_at: Timestamp,
    /// Roles.
    pub roles: Option<&'a [Role]>,
    /// Emoji.
    pub emojis: Option<&'a [GuildEmoji]>,
    /// Stickers.
    pub stickers: Option<&'a [Sticker]>,
    /// The icons of the guild and of its roles; empty if they were unavailable.
    pub icons: &'a [SeenIcon],
}

/// A role as a file shows it; files show only the roles of some members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleObservation {
    /// The role.
    pub role: Role,
    /// When the file was written.
    pub observed_at: Timestamp,
}

/// The stored items of a guild, each list ascending by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuildItems {
    /// When the guild was last observed; `None` if never.
    pub observed_at: Option<Timestamp>,
    /// Roles.
    pub roles: Vec<StoredItem<Role>>,
    /// Emoji.
    pub emojis: Vec<StoredItem<GuildEmoji>>,
    /// Stickers.
    pub stickers: Vec<StoredItem<Sticker>>,
}

impl GuildItems {
    /// Returns whether there is a role, emoji or sticker among them, deleted ones included.
    #[must_use]
    pub const fn has_items(&self) -> bool {
        !(self.roles.is_empty() && self.emojis.is_empty() && self.stickers.is_empty())
    }

    /// Returns the changes by an observation; `None` if there was a later one. So the later of two observations wins,
    /// in whatever order they are stored.
    #[must_use]
    pub fn after_observation(&self, observation: &GuildObservation<'_>) -> Option<Self> {
        let at = observation.observed_at;
        (self.observed_at <= Some(at)).then(|| Self {
            observed_at: Some(at),
            roles: StoredItem::after_observation(&self.roles, observation.roles, at),
            emojis: StoredItem::after_observation(&self.emojis, observation.emojis, at),
            stickers: StoredItem::after_observation(&self.stickers, observation.stickers, at),
        })
    }

    /// Returns the changes by roles that files show; `None` if there are none. A file does not change a role that an
    /// observation of the guild or another file has shown since, and the latest of them wins, in whatever order they
    /// come.
    #[must_use]
    pub fn after_files(&self, observations: &[RoleObservation]) -> Option<Self> {
        let mut roles: BTreeMap<RoleId, &RoleObservation> = BTreeMap::new();
        for observation in observations {
            let latest = roles.entry(observation.role.id).or_insert(observation);
            if observation.observed_at > latest.observed_at {
                *latest = observation;
            }
        }
        let changes = |observation: &&RoleObservation| {
            find(&self.roles, observation.role.number()).is_none_or(|stored| {
                let known_at = stored.changed_at().max(self.observed_at.unwrap_or(stored.observed_at));
                stored.item != observation.role && known_at < observation.observed_at
            })
        };
        let seen = |observation: &RoleObservation| StoredItem {
            item: observation.role.clone(),
            observed_at: observation.observed_at,
            deleted_at: None,
        };
        let roles: Vec<_> = roles.into_values().filter(changes).map(seen).collect();
        (!roles.is_empty()).then(|| Self { roles, ..Self::default() })
    }

    /// Returns the changes by another archive's copy; `None` if there are none. Items that changed later here stay as
    /// they are.
    #[must_use]
    pub fn after_copy(&self, copy: &Self) -> Option<Self> {
        let changes = Self {
            observed_at: copy.observed_at.filter(|at| self.observed_at < Some(*at)),
            roles: StoredItem::after_copy(&self.roles, &copy.roles),
            emojis: StoredItem::after_copy(&self.emojis, &copy.emojis),
            stickers: StoredItem::after_copy(&self.stickers, &copy.stickers),
        };
        (changes != Self::default()).then_some(changes)
    }
}

#[cfg(test)]
mod tests;
