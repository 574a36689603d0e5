//! The events of a guild: scrubbed, in the order in which the platform sent them.
//!
//! An event can be repeated, can be missing, and can come later than a page that shows its effect already. So each one
//! is an observation like a page, to be merged by version, and not a step that happens exactly once.

mod patch;

use std::borrow::Cow;

use crate::access::{GuildChannel, GuildStructure};
use crate::channel::ChannelSnowflake;
use crate::emoji::Emoji;
use crate::guild::{GuildEmoji, Role, Sticker};
use crate::message::{Message, MessageId};
use crate::picture::SeenIcon;
use crate::pseudonym::Pseudonym;
use crate::unreadable::Unreadable;

pub use self::patch::MessagePatch;

/// One event of a guild.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The guild can be read: at the start of a session, after an outage, or because the bot was invited.
    GuildAvailable {
        /// Its metadata. A channel that is not in it may still exist.
        structure: Box<GuildStructure>,
        /// Its active threads that the bot can see, ascending by id.
        threads: Vec<GuildChannel>,
    },
    /// The guild's own data changed, or the rights in its channels did.
    GuildChanged(Box<GuildChange>),
    /// The guild cannot be read because of an outage. Nothing of it is deleted.
    GuildUnavailable,
    /// The bot was removed from the guild, or the guild was deleted.
    GuildGone,
    /// A channel was created, changed, or became visible to the bot.
    ChannelUpserted(Box<GuildChannel>),
    /// The bot can no longer view a channel, which still exists; its stored details stay.
    ChannelHidden(ChannelSnowflake),
    /// A channel was deleted, with its threads and messages.
    ChannelDeleted(ChannelSnowflake),
    /// A thread was created, changed, or became visible to the bot.
    ThreadUpserted(Box<GuildChannel>),
    /// A thread was deleted, with its messages.
    ThreadDeleted(ChannelSnowflake),
    /// The active threads of some channels, because the bot can view these channels now.
    ThreadsListed {
        /// The channels; `None` for all of the guild.
        parents: Option<Vec<ChannelSnowflake>>,
        /// All of their active threads that the bot can see, ascending by id. A thread that is missing was archived,
        /// or is hidden.
        threads: Vec<GuildChannel>,
    },
    /// Something happened to the messages of a channel or thread.
    Message {
        /// The channel, which need not be stored yet.
        channel: ChannelSnowflake,
        /// The change.
        change: MessageChange,
    },
}

impl Event {
    /// Returns the channel or thread whose events keep their order relative to this one; `None` if it concerns the
    /// whole guild, and keeps its order relative to all.
    #[must_use]
    pub const fn channel(&self) -> Option<ChannelSnowflake> {
        match self {
            Self::ChannelUpserted(channel) | Self::ThreadUpserted(channel) => Some(channel.channel.platform_id),
            Self::ChannelHidden(id) | Self::ChannelDeleted(id) | Self::ThreadDeleted(id) => Some(*id),
            Self::Message { channel, .. } => Some(*channel),
            Self::GuildAvailable { .. }
            | Self::GuildChanged(_)
            | Self::GuildUnavailable
            | Self::GuildGone
            | Self::ThreadsListed { .. } => None,
        }
    }
}

/// A change of a guild's own data. What is `None` or empty did not change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuildChange {
    /// Its name.
    pub name: Option<String>,
    /// All of its roles, ascending by position, then id.
    pub roles: Option<Vec<Role>>,
    /// All of its own emoji, ascending by id.
    pub emojis: Option<Vec<GuildEmoji>>,
    /// All of its own stickers, ascending by id.
    pub stickers: Option<Vec<Sticker>>,
    /// The icons of the guild and of its roles, also those that there are not.
    pub icons: Vec<SeenIcon>,
    /// The channels, without threads, in which the rights of the public or of the bot, or the age gate, changed; their
    /// threads follow them. Ascending by id.
    pub channels: Vec<GuildChannel>,
}

/// A change of the messages of one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageChange {
    /// A message was sent.
    Created(Box<Message>),
    /// A message changed. That is not always an edit: links are unfurled, messages pinned, and threads started.
    Updated(Box<MessagePatch>),
    /// Messages were deleted: these, whether they were stored or not.
    Deleted(Vec<MessageId>),
    /// A person reacted to a message.
    ReactionAdded(ReactionEvent),
    /// A person withdrew a reaction.
    ReactionRemoved(ReactionEvent),
    /// All reactions to a message were removed, or all those with one emoji.
    ReactionsCleared {
        /// The message.
        message: MessageId,
        /// The emoji; `None` for all.
        emoji: Option<Emoji>,
    },
    /// A person voted in a poll.
    VoteAdded(PollVote),
    /// A person withdrew a vote.
    VoteRemoved(PollVote),
    /// A message was pinned or unpinned; the event does not say which.
    PinsChanged,
    /// An event about a message that could not be parsed.
    Unreadable(Box<Unreadable>),
}

impl MessageChange {
    /// Returns whether it shows files or pictures.
    #[must_use]
    pub fn has_files(&self) -> bool {
        match self {
            Self::Created(message) => !message.attachments.is_empty() || !message.pictures().is_empty(),
            Self::ReactionAdded(reaction) => reaction.emoji.id.is_some(),
            Self::Updated(patch) => patch.attachments.as_ref().is_some_and(|files| !files.is_empty()),
            _ => false,
        }
    }

    /// Returns whether it deletes messages.
    #[must_use]
    pub const fn is_deletion(&self) -> bool {
        matches!(self, Self::Deleted(_))
    }
}

/// The reaction of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionEvent {
    /// The message.
    pub message: MessageId,
    /// The emoji.
    pub emoji: Emoji,
    /// The person.
    pub person: Pseudonym,
    /// Whether it is a burst reaction, which counts beside an ordinary one of the same person.
    pub burst: bool,
}

/// The vote of one person in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollVote {
    /// The message that contains the poll.
    pub message: MessageId,
    /// The number of the answer in its poll.
    pub answer: u32,
    /// The person.
    pub person: Pseudonym,
}

/// Returns the name of an event's type as logs and metrics show it: at most 40 letters, digits and underscores. The
/// names come from the platform, so that a strange one must not become part of a metric.
#[must_use]
pub fn event_name(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.len() <= 40 && !name.is_empty() && name.chars().all(is_plain) {
        return Cow::Borrowed(name);
    }
    let plain: String = name.chars().filter(|c| is_plain(*c)).take(40).collect();
    Cow::Owned(if plain.is_empty() { "UNNAMED".to_owned() } else { plain })
}

#[cfg(test)]
mod tests;
