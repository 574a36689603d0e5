//! A message, with its attachments and reactions.

mod deletion;
mod digest;
mod stored;

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;

use crate::channel::{ChannelId, ChannelSnowflake};
use crate::guild::{GuildSnowflake, RoleId};
use crate::json::Json;
use crate::markup;
use crate::pseudonym::Pseudonym;
use crate::snowflake::Id;
use crate::timestamp::Timestamp;

pub use self::deletion::{Deletion, DeletionKind};
pub use self::stored::{MessageMark, StoredMessage};

/// The Discord id of a message. It identifies a message together with the channel: a thread's opener has its thread's
/// id and can be in the thread and in the channel above it.
pub type MessageId = Id<Message>;
/// The Discord id of an attachment.
pub type AttachmentId = Id<Attachment>;

pub use crate::emoji::Emoji;

/// Discord's number of a message's type; unknown numbers are stored as they are
/// (<https://docs.discord.com/developers/resources/message#message-object-message-types>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageKind(pub i32);

impl MessageKind {
    /// A type that has a name but no number yet; the name is in the message's extra fields.
    pub const UNNUMBERED: Self = Self(-1);
    /// An ordinary message.
    pub const DEFAULT: Self = Self(0);
    /// A user was added to a group or thread.
    pub const RECIPIENT_ADD: Self = Self(1);
    /// A user left a group or thread, or was removed.
    pub const RECIPIENT_REMOVE: Self = Self(2);
    /// A call.
    pub const CALL: Self = Self(3);
    /// A new name of the channel, which is the content.
    pub const CHANNEL_NAME_CHANGE: Self = Self(4);
    /// A new icon of the channel.
    pub const CHANNEL_ICON_CHANGE: Self = Self(5);
    /// A message was pinned; the reference names it.
    pub const CHANNEL_PINNED_MESSAGE: Self = Self(6);
    /// A user joined the guild.
    pub const GUILD_MEMBER_JOIN: Self = Self(7);
    /// An announcement channel is followed in this channel.
    pub const CHANNEL_FOLLOW_ADD: Self = Self(12);
    /// A thread was started; the reference names it.
    pub const THREAD_CREATED: Self = Self(18);
    /// A reply; the reference names the message that it replies to.
    pub const REPLY: Self = Self(19);
    /// The response to a slash command.
    pub const CHAT_INPUT_COMMAND: Self = Self(20);
    /// The first message of a thread; the reference names the message in the channel above.
    pub const THREAD_STARTER: Self = Self(21);
    /// The response to a command on a message.
    pub const CONTEXT_MENU_COMMAND: Self = Self(23);
    /// A poll has ended; the reference names it.
    pub const POLL_RESULT: Self = Self(46);

    /// The types that are shown to readers: messages of users and programs, and Discord's announcements to a whole
    /// channel.
    ///
    /// All others are stored, and shown to the admin only: messages for moderators alone (text that a filter stopped,
    /// alarms, reports), purchases, and types that Discord has not documented or that are unknown to this release.
    pub const SHOWN: [Self; 28] = [
        Self::DEFAULT,
        Self::RECIPIENT_ADD,
        Self::RECIPIENT_REMOVE,
        Self::CALL,
        Self::CHANNEL_NAME_CHANGE,
        Self::CHANNEL_ICON_CHANGE,
        Self::CHANNEL_PINNED_MESSAGE,
        Self::GUILD_MEMBER_JOIN,
        // Boosts, and the three levels that they reach.
        Self(8),
        Self(9),
        Self(10),
        Self(11),
        Self::CHANNEL_FOLLOW_ADD,
        // Whether the guild may be discovered: lost, regained, and two warnings.
        Self(14),
        Self(15),
        Self(16),
        Self(17),
        Self::THREAD_CREATED,
        Self::REPLY,
        Self::CHAT_INPUT_COMMAND,
        Self::THREAD_STARTER,
        // A reminder to invite people.
        Self(22),
        Self::CONTEXT_MENU_COMMAND,
        // A stage: its start, its end, a speaker, and a topic.
        Self(27),
        Self(28),
        Self(29),
        Self(31),
        Self::POLL_RESULT,
    ];

    /// Returns whether messages of this type are shown to readers; the admin sees all.
    #[must_use]
    pub fn is_shown(self) -> bool {
        Self::SHOWN.contains(&self)
    }

    /// Returns whether it was written by a user or program, as opposed to Discord itself.
    #[must_use]
    pub const fn is_written(self) -> bool {
        matches!(self, Self::DEFAULT | Self::REPLY | Self::CHAT_INPUT_COMMAND | Self::CONTEXT_MENU_COMMAND)
    }
}

/// The author of a message, by pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// The pseudonym.
    pub pseudonym: Pseudonym,
    /// Whether it is a program.
    pub bot: bool,
    /// Whether it is a webhook.
    pub webhook: bool,
}

/// The reference of a message to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Discord's type: 0 for a reply or the like, 1 for a forward; unknown numbers are stored as they are.
    pub kind: i32,
    /// The message, which need not be stored.
    pub message_id: Option<MessageId>,
    /// Its channel, which can be one of another guild.
    pub channel_id: Option<ChannelSnowflake>,
    /// Its guild.
    pub guild_id: Option<GuildSnowflake>,
}

impl Reference {
    /// Discord's type of a forward.
    pub const FORWARD: i32 = 1;
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its Discord id.
    pub id: AttachmentId,
    /// Its name, at most 1024 characters.
    pub filename: String,
    /// Its media type, if the source has it.
    pub content_type: Option<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The width of an image or video, in pixels.
    pub width: Option<u32>,
    /// The height of an image or video, in pixels.
    pub height: Option<u32>,
    /// Its alternative text.
    pub description: Option<String>,
    /// Whether a client hides it until the user opens it.
    pub spoiler: bool,
    /// Its address on the web; Discord signs the address and lets it expire.
    pub url: Option<String>,
    /// Its path beside the export that named it: a relative path with `/`.
    pub local_path: Option<String>,
    /// Data of the source beyond these fields, scrubbed.
    pub extra: Option<Json>,
}

impl Attachment {
    /// Returns the name that Discord displays instead of the file's name, which has only ASCII letters. Discord sends
    /// it without the file's extension.
    #[must_use]
    pub fn title(&self) -> Option<String> {
        let extra = self.extra.as_ref().filter(|extra| extra.as_str().contains("\"title\""))?.to_value();
        extra.get("title")?.as_str().filter(|title| !title.is_empty()).map(str::to_owned)
    }

    /// Returns the name to show to readers: its title with the extension of the file's name, or else that name.
    #[must_use]
    pub fn shown_name(&self) -> Cow<'_, str> {
        match self.title() {
            Some(title) => Cow::Owned(with_ending(title, &self.filename)),
            None => Cow::Borrowed(&self.filename),
        }
    }
}

/// Returns `title` with the extension of `filename`, once.
#[must_use]
pub fn with_ending(title: String, filename: &str) -> String {
    match filename.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && !ending.is_empty() => {
            let has_it = title.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(ending));
            if has_it { title } else { format!("{title}.{ending}") }
        }
        _ => title,
    }
}

/// The reactions to a message with one emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji; no two of a message have the same [`Emoji::key`].
    pub emoji: Emoji,
    /// The number of people.
    pub count: u32,
    /// Those of them that the source named.
    pub people: Vec<Pseudonym>,
}

/// The kind of source of a version of a message; at the same time, a later one wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// An export file of another tool.
    Export,
    /// A page of Discord's REST API.
    Page,
    /// An event of Discord's gateway.
    Event,
}

impl Origin {
    /// Returns its number in stores.
    #[must_use]
    pub const fn as_number(self) -> u8 {
        match self {
            Self::Export => 1,
            Self::Page => 2,
            Self::Event => 3,
        }
    }

    /// Returns the origin with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Export),
            2 => Some(Self::Page),
            3 => Some(Self::Event),
            _ => None,
        }
    }
}

/// The version of a message. Versions are ordered by the edit, then the time of the observation, then the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// When the author last edited it; `None` comes before any edit.
    pub edited_at: Option<Timestamp>,
    /// When a source observed it.
    pub observed_at: Timestamp,
    /// The kind of source.
    pub origin: Origin,
}

/// One message in one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its channel.
    pub channel_id: ChannelId,
    /// Its Discord id, which orders messages by time.
    pub id: MessageId,
    /// Discord's type.
    pub kind: MessageKind,
    /// Its author.
    pub author: Author,
    /// Raw Discord markup, people as `<@pseudonym>`.
    pub content: String,
    /// When it was sent, if its id does not show it: [`time_beside`].
    pub sent_at: Option<Timestamp>,
    /// The version.
    pub version: Version,
    /// Whether it is pinned.
    pub pinned: bool,
    /// Discord's flags, unknown bits kept.
    pub flags: u64,
    /// The message that it refers to.
    pub reference: Option<Reference>,
    /// The mentioned people.
    pub mentions: Vec<Author>,
    /// Files, in the order of the message, without duplicates.
    pub attachments: Vec<Attachment>,
    /// Reactions, in the order of the message.
    pub reactions: Vec<Reaction>,
    /// Discord's embeds, an array, scrubbed; `None` for an empty one, as in the next four.
    pub embeds: Option<Json>,
    /// Stickers: an array of `{id, name, format}`.
    pub stickers: Option<Json>,
    /// Discord's components, an array, scrubbed.
    pub components: Option<Json>,
    /// The content of a forward: an array of messages without authors, scrubbed.
    pub snapshots: Option<Json>,
    /// Discord's poll, scrubbed.
    pub poll: Option<Json>,
    /// Data of the source beyond these fields, scrubbed.
    pub extra: Option<Json>,
}

impl Message {
    /// Returns the roles that its text mentions, then those of its embeds, components and forwards, without duplicates.
    #[must_use]
    pub fn role_mentions(&self) -> Vec<RoleId> {
        let parts = [&self.embeds, &self.components, &self.snapshots].map(|json| json.as_ref().map(Json::as_str));
        let of_parts = parts.into_iter().flatten().flat_map(markup::role_ids);
        let roles = markup::role_mentions(&self.content).into_iter().chain(of_parts);
        let mut seen = HashSet::new();
        roles.filter(|role| seen.insert(*role)).collect()
    }

    /// Returns an ordinary message with `content` and nothing else.
    #[must_use]
    pub const fn new(channel_id: ChannelId, id: MessageId, author: Author, content: String, version: Version) -> Self {
        Self {
            channel_id,
            id,
            kind: MessageKind::DEFAULT,
            author,
            content,
            sent_at: None,
            version,
            pinned: false,
            flags: 0,
            reference: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            embeds: None,
            stickers: None,
            components: None,
            snapshots: None,
            poll: None,
            extra: None,
        }
    }

    /// Returns whether it is not a message yet, or never one for all readers: the platform shows it to a single person, or
    /// a program is still thinking about it.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        /// <https://docs.discord.com/developers/resources/message#message-object-message-flags>
        const EPHEMERAL_OR_LOADING: u64 = 1 << 6 | 1 << 7;
        self.flags & EPHEMERAL_OR_LOADING != 0
    }

    /// Returns the message that stands for one of which nothing but its deletion is known. It is of no type that is
    /// shown to readers.
    #[must_use]
    pub fn tombstone(channel_id: ChannelId, id: MessageId, observed_at: Timestamp) -> Self {
        let author = Author { pseudonym: Pseudonym::new([0; 16]), bot: false, webhook: false };
        let version = Version { edited_at: None, observed_at, origin: Origin::Event };
        Self { kind: MessageKind::UNNUMBERED, ..Self::new(channel_id, id, author, String::new(), version) }
    }

    /// Returns the message without everything that its author wrote or attached, and without everything that others
    /// added: its place, type, author, time and version are left.
    #[must_use]
    pub fn cleared(&self) -> Self {
        let nothing = Self::new(self.channel_id, self.id, self.author, String::new(), self.version);
        Self { kind: self.kind, sent_at: self.sent_at, ..nothing }
    }

    /// Returns when it was sent: the time inside its id, unless the id has none.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.sent_at.unwrap_or_else(|| self.id.created_at())
    }
}

/// The maximum difference between the time inside an id and the source's time of its message. Discord creates both at
/// once; a source that confuses time zones is at most 14 hours off.
const SAME_TIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Returns the source's time of a message, `time`, if its `id` does not show it: if the id is not a snowflake of
/// Discord.
///
/// An id is a snowflake if the time inside it is at most a day from the source's. So the ids of other platforms, which
/// count from another epoch or simply count, keep the time of their source.
#[must_use]
pub fn time_beside(id: MessageId, time: Timestamp) -> Option<Timestamp> {
    (id.created_at().as_millis().abs_diff(time.as_millis()) > SAME_TIME_MS).then_some(time)
}

#[cfg(test)]
mod tests;
