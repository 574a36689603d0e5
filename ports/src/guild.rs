//! A guild that is read from the platform itself.

mod error;
pub mod repository;

use std::sync::Arc;

use async_trait::async_trait;
use domain::channel::{Channel, ChannelKind, ChannelSnowflake};
use domain::guild::{GuildEmoji, Role, Sticker};
use domain::message::{GuildSnowflake, MessageId};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonymizer;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;

pub use self::error::{Denied, GuildError, Missing};

/// Which requests go first, when not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What just happened.
    Live,
    /// What happened since the last run, and the guild's structure.
    CatchUp,
    /// History.
    Backfill,
    /// What a schedule reads once more, when nothing else waits.
    Background,
}

/// Which guild is read, and for whom.
#[derive(Debug, Clone)]
pub struct GuildScope {
    /// Whose archive it goes into.
    pub tenant: TenantId,
    /// What the platform calls the guild.
    pub guild: GuildSnowflake,
    /// What makes pseudonyms of its people.
    pub people: Arc<Pseudonymizer>,
    /// Whether all of it gives way to everything else.
    pub background: bool,
}

impl GuildScope {
    /// The priority of a request that has `usual` where the scope is not in the background.
    #[must_use]
    pub const fn priority(&self, usual: Priority) -> Priority {
        if self.background { Priority::Background } else { usual }
    }
}

/// What the token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotIdentity {
    /// Whether the application is given what people write. Without it nothing is worth reading.
    pub reads_content: bool,
    /// Whether the application may list members.
    pub reads_members: bool,
}

/// A guild that the bot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedGuild {
    /// What the platform calls it.
    pub id: GuildSnowflake,
    /// Its name.
    pub name: String,
}

/// Whether the bot can read a channel: its messages and, where it has any, its threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It can.
    Readable,
    /// It cannot, for this reason. What is missing first is named: view before history before connect.
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

/// A channel or thread as the bot sees it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildChannel {
    /// The channel, scrubbed. Its visibility is what everybody may do, computed from roles and overwrites, and for a
    /// thread whether its kind can be public: [`domain::visibility::is_public`] asks the parent. A thread is age-gated
    /// if its parent is, a channel if its guild is.
    pub channel: Channel,
    /// Whether the bot can read it; a thread follows its parent.
    pub access: Access,
    /// Whether the bot sees private threads that it has not joined.
    pub manages_threads: bool,
    /// Its newest message, which may be deleted since; of a forum the newest post. `None` if there never was one.
    pub last_message_id: Option<MessageId>,
}

impl GuildChannel {
    /// Whether it has messages of its own: not a category, forum, media channel or directory, nor a kind that we do
    /// not know.
    #[must_use]
    pub const fn holds_messages(&self) -> bool {
        let kind = self.channel.kind;
        kind.is_thread()
            || matches!(kind, ChannelKind::TEXT | ChannelKind::ANNOUNCEMENT | ChannelKind::VOICE | ChannelKind::STAGE)
    }

    /// The lists that together hold every archived thread of it that the bot can see; none if it can see none.
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

/// A guild without its threads and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuildStructure {
    /// When the source began to look.
    pub observed_at: Timestamp,
    /// The guild's name.
    pub name: String,
    /// Its channels but for threads, ascending by position, then id; no id twice. **What is absent is not gone**:
    /// channels that the bot may not view are left out. [`GuildSource::find_channel`] tells the two apart.
    pub channels: Vec<GuildChannel>,
    /// Channels that exist and of which the source shows no more than that; what is held of them stays.
    pub hidden: Vec<ChannelSnowflake>,
    /// Its roles, ascending by position, then id; no id twice. `None`, here and below, if the list cannot be read whole:
    /// it would prove nothing of what it lacks.
    pub roles: Option<Vec<Role>>,
    /// Its own emoji, ascending by id; no id twice.
    pub emojis: Option<Vec<GuildEmoji>>,
    /// Its own stickers, ascending by id; no id twice.
    pub stickers: Option<Vec<Sticker>>,
}

impl GuildStructure {
    /// The channel that the platform calls `id`.
    #[must_use]
    pub fn channel(&self, id: ChannelSnowflake) -> Option<&GuildChannel> {
        self.channels.iter().find(|channel| channel.channel.platform_id == id)
    }
}

/// Where a list of archived threads goes on; only the source that gave it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivedCursor {
    /// Threads archived before this microsecond since the Unix epoch, but for those that were seen already.
    ArchivedBefore {
        /// The moment, not included.
        micros: i64,
        /// Threads of the last page that were archived at its last moment, and so come again.
        seen: Vec<ChannelSnowflake>,
    },
    /// Threads with a smaller id.
    IdBelow(ChannelSnowflake),
    /// More threads were archived at one moment than a page holds, so the list is completed by another way: all
    /// archived threads with a smaller id, then the list again from before that moment.
    Search {
        /// The smallest id that was found; `None` in the beginning.
        below: Option<ChannelSnowflake>,
        /// Where the list goes on afterwards, in microseconds; `None` at its end.
        then: Option<i64>,
    },
}

/// A part of a list of archived threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPage {
    /// Threads, no id twice. One of them can be active again since.
    pub threads: Vec<GuildChannel>,
    /// Where the list goes on; `None` at its end.
    pub next: Option<ArchivedCursor>,
    /// Whether the platform could not show some threads here; the list goes on without them, and is incomplete.
    pub incomplete: bool,
}

/// Which messages of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageCursor {
    /// Those nearest below an id, which need not be a message's.
    Before(MessageId),
    /// Those nearest above.
    After(MessageId),
    /// Those on both sides, and the one itself.
    Around(MessageId),
}

/// A page of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLook {
    /// At most 100 messages, scrubbed, ascending, looked at when the request was sent. Its interval reaches from the
    /// cursor (not included, but for `Around`) to the farthest message, and below an empty page to the channel's start;
    /// never into the future, and never above the last message of an `After`. Without an interval it proves nothing of
    /// what it lacks: it is empty above its cursor, or something in it cannot be read.
    pub page: MessagePage,
    /// Where to go on in the same direction; `None` after an empty page, which is the end, and for `Around`. A short
    /// page is no end: messages can be deleted while it is made. An end downwards without an interval proves no start.
    pub next: Option<MessageCursor>,
    /// What stands among the messages and cannot be read, scrubbed; what lies behind the last that can be read comes with
    /// the next page.
    pub unreadable: Vec<Unreadable>,
}

/// Reads guilds from the platform, as one bot. It keeps to the platform's limits itself: a call returns when it is done,
/// be it after minutes, and never needs a wait before it. Server errors, limits and broken answers are tried again
/// inside; an answer is whole or an error. Dropping a call's future gives its place up.
///
/// No id, name or picture of a person leaves it: people are pseudonyms of the [`GuildScope`].
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait GuildSource: Send + Sync {
    /// What tells the account whose limits it uses from every other: 1 to 40 letters and digits, always the same, and
    /// nothing of a token can be read from it.
    fn account(&self) -> String;

    /// What the token stands for. A caller that means to read messages stops if content is not among it.
    ///
    /// # Errors
    /// [`GuildError::Unauthorized`] if the token is refused.
    async fn identify(&self) -> Result<BotIdentity, GuildError>;

    /// Every guild that the bot is in, ascending by id.
    ///
    /// # Errors
    /// [`GuildError`].
    async fn guilds(&self) -> Result<Vec<JoinedGuild>, GuildError>;

    /// The guild without its threads and messages.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`Missing::Guild`] if the bot is not in it.
    async fn structure(&self, scope: &GuildScope) -> Result<GuildStructure, GuildError>;

    /// One channel or thread by its id, with `structure` for what it inherits.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`Missing::Channel`] if it is deleted, [`GuildError::Forbidden`] if it exists and the
    /// bot may not view it.
    async fn find_channel(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
        id: ChannelSnowflake,
    ) -> Result<GuildChannel, GuildError>;

    /// Every active thread of the guild that the bot can see, ascending by id, with `structure` for what they inherit.
    /// One whose parent is not in `structure` is not age-gated and not readable: a newer structure has its parent.
    ///
    /// # Errors
    /// [`GuildError::Gone`] with [`Missing::Guild`] if the bot is not in it.
    async fn active_threads(
        &self,
        scope: &GuildScope,
        structure: &GuildStructure,
    ) -> Result<Vec<GuildChannel>, GuildError>;

    /// A part of one of `parent`'s lists of archived threads (see [`GuildChannel::archived_lists`]), from its newest, or
    /// from where an earlier part ended. Following `next` to its end gives every thread that stays archived meanwhile,
    /// ties of any number included; a few can come twice.
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

    /// Up to 100 messages of a channel or thread.
    ///
    /// Discord answers a lack of the right to read history with an empty page. So below an empty page rights are looked
    /// at again before it is called empty.
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
    ) -> Result<MessageLook, GuildError>;
}
