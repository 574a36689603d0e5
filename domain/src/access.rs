//! A guild and its channels as the bot sees them: what it may read there, and which lists have its threads.

use crate::channel::{Channel, ChannelKind, ChannelSnowflake};
use crate::guild::{GuildEmoji, Role, Sticker};
use crate::message::MessageId;
use crate::picture::SeenIcon;
use crate::timestamp::Timestamp;

/// A right that the bot lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// To view the channel.
    #[error("view it")]
    View,
    /// To read earlier messages.
    #[error("read its history")]
    History,
    /// To connect to a voice channel, which reading its text needs.
    #[error("connect to it")]
    Connect,
    /// Another right that the call needs.
    #[error("do that")]
    Other,
}

/// Whether the bot can read a channel: its messages and, where it has any, its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It can.
    Readable,
    /// It cannot, for this reason. The first missing right is named: view before history before connect.
    Denied(Denied),
}

/// One of the lists of a channel's archived threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchivedList {
    /// Public ones, and those of announcement channels.
    Public,
    /// All private ones; needs the right to manage threads.
    Private,
    /// Private ones that the bot has joined.
    JoinedPrivate,
}

/// A channel or thread as the bot currently sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildChannel {
    /// The channel, scrubbed. Its visibility is that of the role of all members, computed from roles and overwrites,
    /// and for a thread whether its kind can be public: [`Channel::is_public`] checks the parent. A thread
    /// is age-gated if its parent is, a channel if its guild is.
    pub channel: Channel,
    /// Whether the bot can read it; a thread follows its parent.
    pub access: Access,
    /// Whether the bot sees private threads that it has not joined.
    pub manages_threads: bool,
    /// The id of its newest message, which may be deleted since; for a forum, that of the newest post. `None` if there
    /// never was one.
    pub last_message_id: Option<MessageId>,
}

impl GuildChannel {
    /// Returns whether it can hold messages of its own: false for a category, forum, media channel or directory, and
    /// for unknown kinds.
    #[must_use]
    pub const fn holds_messages(&self) -> bool {
        let kind = self.channel.kind;
        kind.is_thread()
            || matches!(kind, ChannelKind::TEXT | ChannelKind::ANNOUNCEMENT | ChannelKind::VOICE | ChannelKind::STAGE)
    }

    /// Returns the lists that together hold every archived thread of it that the bot can see; empty if it can see none.
    #[must_use]
    pub const fn archived_lists(&self) -> &'static [ArchivedList] {
        match (self.access, self.channel.kind) {
            (Access::Readable, ChannelKind::TEXT) if self.manages_threads => {
                &[ArchivedList::Public, ArchivedList::Private]
            }
            (Access::Readable, ChannelKind::TEXT) => &[ArchivedList::Public, ArchivedList::JoinedPrivate],
            (Access::Readable, ChannelKind::ANNOUNCEMENT | ChannelKind::FORUM | ChannelKind::MEDIA) => {
                &[ArchivedList::Public]
            }
            _ => &[],
        }
    }
}

/// A guild's metadata, without its threads and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildStructure {
    /// When the source sent its first request for it.
    pub observed_at: Timestamp,
    /// The guild's name.
    pub name: String,
    /// Its channels without threads, ascending by position, then id, without duplicates. **An absent channel may still
    /// exist**: channels that the bot may not view are left out.
    pub channels: Vec<GuildChannel>,
    /// Channels that exist but whose details the source does not show; their stored rows stay.
    pub hidden: Vec<ChannelSnowflake>,
    /// Its roles, ascending by position, then id, without duplicates. `None`, here and below, if the list cannot be
    /// read whole: an absent item would prove nothing.
    pub roles: Option<Vec<Role>>,
    /// Its own emoji, ascending by id, without duplicates.
    pub emojis: Option<Vec<GuildEmoji>>,
    /// Its own stickers, ascending by id, without duplicates.
    pub stickers: Option<Vec<Sticker>>,
    /// The icons of the guild and of its roles, also those that there are not; empty if they cannot be read.
    pub icons: Vec<SeenIcon>,
}

impl GuildStructure {
    /// Returns the channel whose platform id is `id`.
    #[must_use]
    pub fn channel(&self, id: ChannelSnowflake) -> Option<&GuildChannel> {
        self.channels.iter().find(|channel| channel.channel.platform_id == id)
    }
}
