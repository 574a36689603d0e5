//! A channel: text, announcement, voice, stage, category, forum, media or thread.

mod merge;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::json::Json;
use crate::slug::ChannelSlug;
use crate::snowflake::Id;
use crate::tenant::TenantId;
use crate::timestamp::Timestamp;
use crate::visibility::Visibility;

/// The id of a channel: UUID v5 of its tenant and platform id, so a write needs no query first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChannelId(pub Uuid);

impl ChannelId {
    /// Returns the id of the channel of `tenant` with this platform id.
    #[must_use]
    pub fn of(tenant: TenantId, platform_id: ChannelSnowflake) -> Self {
        Self(Uuid::new_v5(&tenant.0, platform_id.to_string().as_bytes()))
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The Discord id of a channel.
pub type ChannelSnowflake = Id<Channel>;

/// Discord's number of a channel's type; unknown numbers are stored as they are
/// (<https://docs.discord.com/developers/resources/channel#channel-object-channel-types>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ChannelKind(pub i32);

impl ChannelKind {
    /// A type that has a name but no number yet; the name is in the channel's extra fields.
    pub const UNNUMBERED: Self = Self(-1);
    /// A text channel.
    pub const TEXT: Self = Self(0);
    /// Direct messages between two users.
    pub const DIRECT: Self = Self(1);
    /// A voice channel; it has text, too.
    pub const VOICE: Self = Self(2);
    /// Direct messages of a group.
    pub const GROUP_DIRECT: Self = Self(3);
    /// A category, which holds channels and no messages.
    pub const CATEGORY: Self = Self(4);
    /// An announcement channel.
    pub const ANNOUNCEMENT: Self = Self(5);
    /// A thread of an announcement channel.
    pub const ANNOUNCEMENT_THREAD: Self = Self(10);
    /// A thread with the readers of its parent.
    pub const PUBLIC_THREAD: Self = Self(11);
    /// A thread for invited members.
    pub const PRIVATE_THREAD: Self = Self(12);
    /// A stage; it has text, too.
    pub const STAGE: Self = Self(13);
    /// A directory of a hub.
    pub const DIRECTORY: Self = Self(14);
    /// A forum, whose posts are threads.
    pub const FORUM: Self = Self(15);
    /// A media channel, whose posts are threads.
    pub const MEDIA: Self = Self(16);

    /// The types that hold no messages of their own.
    pub const SILENT: [Self; 4] = [Self::CATEGORY, Self::DIRECTORY, Self::FORUM, Self::MEDIA];

    /// Returns the one of `parent` that counts a channel of this type as a thread: its parent, if it is a thread that
    /// readers of its parent may see.
    #[must_use]
    pub fn counting_parent(self, visibility: Visibility, parent: Option<ChannelId>) -> Option<ChannelId> {
        let is_counted = self.is_thread() && !self.is_always_private() && visibility == Visibility::Public;
        parent.filter(|_| is_counted)
    }

    /// Returns whether it is a thread, so that its parent is a channel and not a category.
    #[must_use]
    pub const fn is_thread(self) -> bool {
        matches!(self, Self::ANNOUNCEMENT_THREAD | Self::PUBLIC_THREAD | Self::PRIVATE_THREAD)
    }

    /// Returns whether its threads are posts and it has no messages of its own.
    #[must_use]
    pub const fn is_forum(self) -> bool {
        matches!(self, Self::FORUM | Self::MEDIA)
    }

    /// Returns whether it is direct messages of two users or of a group.
    #[must_use]
    pub const fn is_direct(self) -> bool {
        matches!(self, Self::DIRECT | Self::GROUP_DIRECT)
    }

    /// Returns whether it is always private: private threads and direct messages.
    #[must_use]
    pub const fn is_always_private(self) -> bool {
        self.is_direct() || matches!(self, Self::PRIVATE_THREAD)
    }
}

/// A tag for the posts of a forum; at most 20 per forum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForumTag {
    /// Its id, decimal.
    pub id: String,
    /// Its name, at most 20 characters on Discord.
    pub name: String,
    /// A Unicode emoji, or the name of a custom one.
    pub emoji: Option<String>,
}

/// Counters that a store maintains for a channel as messages and threads come and go; writing a channel does not change
/// them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChannelStats {
    /// The number of messages that are shown to readers: not deleted, and of a type [that is
    /// shown](crate::message::MessageKind::is_shown).
    pub message_count: u64,
    /// The number of its threads, except those that are private themselves.
    pub thread_count: u64,
    /// When the newest of those messages was sent; `None` without one.
    pub last_activity_at: Option<Timestamp>,
}

/// One channel or thread of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id, derived from the tenant and `platform_id`.
    pub id: ChannelId,
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its Discord id.
    pub platform_id: ChannelSnowflake,
    /// The category of a channel, or the channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// Discord's type.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// Its name in addresses, unique in its tenant, permanent.
    pub slug: ChannelSlug,
    /// Its topic.
    pub topic: Option<String>,
    /// Its position among its siblings; ties are broken by platform id.
    pub position: i32,
    /// Whether it is age-gated.
    pub nsfw: bool,
    /// Its own visibility; the parent can restrict it: see [`Channel::is_public`].
    pub visibility: Visibility,
    /// Whether a thread was archived.
    pub archived: bool,
    /// Whether a thread was locked.
    pub locked: bool,
    /// The tags of a forum, in its order.
    pub tags: Vec<ForumTag>,
    /// The ids of the tags of a post; a tag may no longer exist.
    pub applied_tags: Vec<String>,
    /// Data of the source beyond these fields, scrubbed.
    pub extra: Option<Json>,
    /// Its version: when the source was observed that showed it in this form first; `None` if only another channel's
    /// description names it. See [`Channel::after_observation`].
    pub observed_at: Option<Timestamp>,
    /// The store's counters.
    pub stats: ChannelStats,
}

impl Channel {
    /// Returns a channel of which only the name is known: private, at position 0, without a parent.
    #[must_use]
    pub fn new(tenant_id: TenantId, platform_id: ChannelSnowflake, kind: ChannelKind, name: String) -> Self {
        Self {
            id: ChannelId::of(tenant_id, platform_id),
            tenant_id,
            platform_id,
            parent_id: None,
            kind,
            slug: ChannelSlug::from_name(&name),
            name,
            topic: None,
            position: 0,
            nsfw: false,
            visibility: Visibility::Private,
            archived: false,
            locked: false,
            tags: Vec::new(),
            applied_tags: Vec::new(),
            extra: None,
            observed_at: None,
            stats: ChannelStats::default(),
        }
    }

    /// Returns whether it is readable for the public; `parent` is its parent, if stored.
    ///
    /// A thread follows its parent. Every other channel has its own visibility, because Discord copies a category's
    /// rights into its channels instead of consulting the category. Private threads and direct messages are never
    /// public.
    #[must_use]
    pub fn is_public(&self, parent: Option<&Self>) -> bool {
        let own = self.visibility == Visibility::Public && !self.kind.is_always_private();
        own && (!self.kind.is_thread() || parent.is_some_and(|parent| parent.is_public(None)))
    }

    /// Returns its creation time.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.platform_id.created_at()
    }
}

#[cfg(test)]
mod tests;
