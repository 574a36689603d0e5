//! Reading a guild from the platform.

mod error;
pub mod repository;

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::{ArchivedList, GuildChannel, GuildStructure};
use domain::channel::ChannelSnowflake;
use domain::guild::GuildSnowflake;
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::pseudonym::Pseudonymizer;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;

pub use self::error::{GoneItem, GuildError};

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
    /// Whether the application has an address of its own for interactions, so that the gateway has none of them.
    pub has_interactions_endpoint: bool,
}

/// A guild that the bot is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedGuild {
    /// Its platform id.
    pub id: GuildSnowflake,
    /// Its name.
    pub name: String,
}

/// The position where a list of archived threads resumes; only the source that returned it can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedCursor(String);

impl ArchivedCursor {
    /// Returns a position, in the words of its source.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the words of its source.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A page of a list of archived threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPage {
    /// The threads, without duplicates. Some may have become active since.
    pub threads: Vec<GuildChannel>,
    /// Where the list resumes; `None` at its end.
    pub next: Option<ArchivedCursor>,
    /// A time before which all further threads were archived; `None` if the list is in another order.
    pub archived_before: Option<Timestamp>,
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
