//! Reading a guild from the platform.

mod error;
pub mod repository;

use std::sync::Arc;

use async_trait::async_trait;
use domain::channel::{Channel, ChannelKind, ChannelSnowflake};
use domain::guild::{GuildEmoji, GuildSnowflake, Role, Sticker};
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::pseudonym::Pseudonymizer;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;

pub use self::error::{Denied, GoneItem, GuildError};

/// The priority of a request: which ones go first if not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// For events that just happened.
    Live,
    /// For changes since the last run, and the guild's structure.
    CatchUp,
    /// For history.
    Backfill,
    /// For scheduled rereads, when no other request waits.
    Background,
}

/// The guild to read, and the tenant to read it for.
#[derive(Debug, Clone)]
pub struct GuildScope {
    /// The tenant whose archive receives the guild.
    pub tenant: TenantId,
    /// The guild's platform id.
    pub guild: GuildSnowflake,
    /// The source of pseudonyms for its people.
    pub people: Arc<Pseudonymizer>,
    /// Whether all requests of the scope yield to every other request.
    pub background: bool,
}

impl GuildScope {
    /// Returns the priority of a request: `usual`, unless the scope is in the background.
    #[must_use]
    pub const fn priority(&self, usual: Priority) -> Priority {
        if self.background { Priority::Background } else { usual }
    }
}

/// The capabilities of the bot that the token belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotIdentity {
    /// Whether the application receives message content. Without it, messages are not worth reading.
    pub reads_content: bool,
    /// Whether the application may list members.
    pub reads_members: bool,
}

/// A guild that the bot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedGuild {
    /// Its platform id.
    pub id: GuildSnowflake,
    /// Its name.
    pub name: String,
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
    /// exist**: channels that the bot may not view are left out. [`GuildSource::find_channel`] distinguishes the two
    /// cases.
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
}

impl GuildStructure {
    /// Returns the channel whose platform id is `id`.
    #[must_use]
    pub fn channel(&self, id: ChannelSnowflake) -> Option<&GuildChannel> {
        self.channels.iter().find(|channel| channel.channel.platform_id == id)
    }
}

/// The position where a list of archived threads resumes; only the source that returned it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivedCursor {
    /// Threads archived before this microsecond since the Unix epoch, without those already returned.
    ArchivedBefore {
        /// The time, exclusive.
        micros: i64,
        /// Threads of the last page that were archived at its last microsecond, and so are returned again.
        seen: Vec<ChannelSnowflake>,
    },
    /// Threads with a smaller id.
    IdBelow(ChannelSnowflake),
    /// More threads were archived at one moment than a page holds, so the list is completed by a search: all archived
    /// threads with a smaller id, then the list again from before that moment.
    Search {
        /// The smallest id found so far; `None` at first.
        below: Option<ChannelSnowflake>,
        /// Where the list resumes afterwards, in microseconds; `None` at its end.
        then: Option<i64>,
    },
}

/// A page of a list of archived threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPage {
    /// The threads, without duplicates. Some may have become active since.
    pub threads: Vec<GuildChannel>,
    /// Where the list resumes; `None` at its end.
    pub next: Option<ArchivedCursor>,
    /// Whether the platform could not show some threads here; the list continues without them, and is incomplete.
    pub incomplete: bool,
}

/// The position of a page of messages in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageCursor {
    /// The nearest messages with smaller ids; the id need not be a message's.
    Before(MessageId),
    /// The nearest messages with larger ids.
    After(MessageId),
    /// The nearest messages on both sides, and the message itself.
    Around(MessageId),
}

/// A fetched page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPage {
    /// At most 100 messages, scrubbed, ascending, as of the time the request was sent. The interval reaches from the
    /// cursor (exclusive, except for `Around`) to the farthest message, and below an empty page to the channel's start;
    /// never into the future, and never above the last message of an `After`. Without an interval the page proves
    /// nothing about absent messages: it is empty above its cursor, or contains something unparsable.
    pub page: MessagePage,
    /// The cursor of the next page in the same direction; `None` after an empty page, which is the end, and for
    /// `Around`. A short page is not the end: messages can be deleted while it is made. An end downwards without an
    /// interval does not prove the start.
    pub next: Option<MessageCursor>,
    /// Unparsable entries between the messages, scrubbed; those beyond the last parsable message come with the next
    /// page.
    pub unreadable: Vec<Unreadable>,
}

/// Reads guilds from the platform, as one bot. It enforces the platform's limits itself: a call returns when it is
/// done, possibly after minutes, and callers need not wait before it. Server errors, limits and malformed responses are
/// retried inside; a result is whole or an error. Dropping a call's future releases its place in the queue.
///
/// Results contain no id, name or picture of a person: people are pseudonyms of the [`GuildScope`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait GuildSource: Send + Sync {
    /// Returns a stable id of the account whose limits it uses, unique to that account: 1 to 40 letters and digits,
    /// which reveal nothing of a token.
    fn account(&self) -> String;

    /// Returns the capabilities of the token's bot. A caller that needs messages stops if they do not include content.
    ///
    /// # Errors
    /// [`GuildError::Unauthorized`] if the token is rejected.
    async fn identify(&self) -> Result<BotIdentity, GuildError>;

    /// Returns every guild that the bot is in, ascending by id.
    ///
    /// # Errors
    /// [`GuildError`].
    async fn guilds(&self) -> Result<Vec<JoinedGuild>, GuildError>;

    /// Returns the guild's metadata, without its threads and messages.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`GoneItem::Guild`] if the bot is not in it.
    async fn structure(&self, scope: &GuildScope) -> Result<GuildStructure, GuildError>;

    /// Returns one channel or thread by its id; `structure` supplies the properties that it inherits.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`GoneItem::Channel`] if it is deleted, [`GuildError::Forbidden`] if it exists and the
    /// bot may not view it.
    async fn find_channel(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
        id: ChannelSnowflake,
    ) -> Result<GuildChannel, GuildError>;

    /// Returns every active thread of the guild that the bot can see, ascending by id; `structure` supplies the
    /// properties that they inherit. A thread whose parent is not in `structure` is neither age-gated nor readable: a
    /// newer structure has its parent.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`GoneItem::Guild`] if the bot is not in it.
    async fn active_threads(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
    ) -> Result<Vec<GuildChannel>, GuildError>;

    /// Returns a page of one of `parent`'s lists of archived threads (see [`GuildChannel::archived_lists`]), from its
    /// newest, or from where an earlier page ended. Following `next` to its end returns every thread that stays
    /// archived meanwhile, ties of any number included; a few can be returned twice.
    ///
    /// # Errors
    /// [`GuildError::Forbidden`] without a request if `parent` cannot be read; [`GuildError::Gone`] if it is deleted.
    async fn archived_threads(
        &self,
        scope: &GuildScope,
        parent: &GuildChannel,
        list: ArchivedList,
        cursor: Option<ArchivedCursor>,
    ) -> Result<ThreadPage, GuildError>;

    /// Returns up to 100 messages of a channel or thread.
    ///
    /// Discord sends an empty page if the bot lacks the right to read history. So the rights are rechecked before a
    /// page below the cursor is reported as empty.
    ///
    /// # Errors
    /// [`GuildError::Forbidden`] without a request if `channel` cannot be read or holds no messages;
    /// [`GuildError::Gone`] if it is deleted; [`GuildError::ContentOff`] if the page is blank because content is
    /// withheld.
    async fn messages(
        &self,
        scope: &GuildScope,
        channel: &GuildChannel,
        cursor: MessageCursor,
        priority: Priority,
    ) -> Result<FetchedPage, GuildError>;
}
