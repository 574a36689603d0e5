//! Pages of messages, and single messages.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use domain::channel::{Channel, ChannelId};
use domain::guild::{Role, RoleId};
use domain::message::{Message, MessageId, StoredMessage};
use domain::retention::EarlierVersion;
use domain::tenant::{Tenant, TenantId};
use domain::timestamp::Timestamp;
use ports::page::MessageRange;
use ports::store::Ahead;

use super::{Audience, BrowseError, ChannelView, FileStates, Reading, SharedMessage};

/// The position of a page in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    /// The newest messages.
    Newest,
    /// The messages before one.
    Before(MessageId),
    /// The messages after one, or from the oldest on.
    After(After),
    /// Half before a message, half from it on.
    Around(MessageId),
    /// Half before a time, half from it on.
    At(Timestamp),
}

/// The start of a page of newer messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The oldest message of the channel; written `0`, which is not an id.
    Start,
    /// After this message.
    Message(MessageId),
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("0"),
            Self::Message(id) => id.fmt(f),
        }
    }
}

impl Find {
    /// Returns the neighbours of an empty page: older messages come before the one, newer ones after the other.
    fn ends(self) -> (Option<MessageId>, Option<After>) {
        match self {
            Self::Newest | Self::After(After::Start) => (None, None),
            Self::Before(id) | Self::Around(id) => (Some(id), Some(id.previous().map_or(After::Start, After::Message))),
            Self::After(After::Message(id)) => (Some(id.next().unwrap_or(id)), Some(After::Message(id))),
            Self::At(time) => Self::Around(MessageId::first_at(time)).ends(),
        }
    }
}

impl Find {
    /// Returns the reads of a page of the public, as far as they do not depend on each other.
    fn reads(self, channel: ChannelId, limit: u32) -> Vec<Ahead> {
        let list = |range, limit| Ahead::Messages(channel, range, limit + 1);
        match self {
            Self::Before(id) => {
                let newer = MessageRange::From(id);
                vec![list(MessageRange::Before(id), limit), Ahead::Nearest(channel, newer)]
            }
            Self::Newest | Self::After(After::Start) => vec![],
            Self::After(After::Message(id)) => {
                vec![list(MessageRange::After(id), limit), Ahead::Nearest(channel, up_to(id))]
            }
            Self::Around(id) => {
                let half = limit / 2;
                vec![list(MessageRange::Before(id), half), list(MessageRange::From(id), limit - half)]
            }
            Self::At(time) => Self::Around(MessageId::first_at(time)).reads(channel, limit),
        }
    }
}

/// The roles that messages mention, including deleted ones.
pub type Roles = HashMap<RoleId, Role>;

/// The most roles that are loaded for a page.
const MOST_ROLES: usize = 200;

/// A message and the thread that it started.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The message.
    pub message: Arc<SharedMessage>,
    /// The thread that was started from it and that this client may read.
    pub thread: Option<Box<Channel>>,
}

impl From<Message> for Entry {
    fn from(message: Message) -> Self {
        Self { message: Arc::new(message.into()), thread: None }
    }
}

/// A page of a channel, oldest first.
#[derive(Debug, Clone)]
pub struct Messages {
    /// The messages.
    pub entries: Vec<Entry>,
    /// The end of the next older page, if there are older messages: before the first of these, or, if the page is
    /// empty, before the requested position.
    pub older: Option<MessageId>,
    /// The start of the next newer page, if there are newer messages: after the last of these, or, if the page is
    /// empty, after the requested position.
    pub newer: Option<After>,
    /// The index of the message that stays if the page is cut: the requested one, or the one next to the page that this
    /// one continues.
    pub anchor: usize,
    /// The roles that the messages mention.
    pub roles: Roles,
    /// The download state of the attachments.
    pub files: FileStates,
}

/// The rest of a channel on one side of a page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rest {
    /// No messages.
    None,
    /// There are messages beyond the last one of the page.
    Beyond,
    /// The messages from this id on were not examined.
    From(MessageId),
}

/// One message, with its channel.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// The message.
    pub entry: Entry,
    /// Its channel.
    pub channel: ChannelView,
    /// The roles that it mentions.
    pub roles: Roles,
    /// The download state of its attachments.
    pub files: FileStates,
}

impl Reading {
    /// Returns a page of a channel, at most `limit` (1..=100) messages.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn messages(&mut self, of: &ChannelView, find: Find, limit: u32) -> Result<Messages, BrowseError> {
        self.messages_beside(of, find, limit, Vec::new()).await
    }

    /// Returns the same, and announces other reads that follow.
    pub(super) async fn messages_beside(
        &mut self,
        of: &ChannelView,
        find: Find,
        limit: u32,
        mut others: Vec<Ahead>,
    ) -> Result<Messages, BrowseError> {
        let channel = &of.channel;
        if !self.with_restricted() {
            others.extend(find.reads(channel.id, limit));
            let others = self.at.unanswered(others);
            self.at.ahead(&others).await?;
        }
        let (messages, older, newer) = match find {
            Find::Newest => {
                let (page, rest) = self.part(channel, MessageRange::Newest, limit).await?;
                (page, rest, Rest::None)
            }
            Find::Before(id) => {
                let (page, rest) = self.part(channel, MessageRange::Before(id), limit).await?;
                let newer = self.any(channel.id, MessageRange::From(id)).await?;
                (page, rest, newer)
            }
            Find::After(After::Start) => {
                let (page, rest) = self.part(channel, MessageRange::Oldest, limit).await?;
                (page, Rest::None, rest)
            }
            Find::After(After::Message(id)) => {
                let (page, rest) = self.part(channel, MessageRange::After(id), limit).await?;
                let range = up_to(id);
                let older = self.any(channel.id, range).await?;
                (page, older, rest)
            }
            Find::Around(id) => self.around(channel, id, limit).await?,
            Find::At(time) => self.around(channel, MessageId::first_at(time), limit).await?,
        };
        let (first, last) = match (messages.first(), messages.last()) {
            (Some(first), Some(last)) => (Some(first.id), Some(After::Message(last.id))),
            _ => find.ends(),
        };
        let older = match older {
            Rest::None => None,
            Rest::Beyond => first,
            Rest::From(id) => Some(id),
        };
        let newer = match newer {
            Rest::None => None,
            Rest::Beyond => last,
            Rest::From(id) => Some(After::Message(id)),
        };
        let anchor = match find {
            Find::Newest | Find::Before(_) => messages.len().saturating_sub(1),
            Find::After(_) => 0,
            Find::Around(id) => messages.partition_point(|message| message.id < id),
            Find::At(time) => messages.partition_point(|message| message.id < MessageId::first_at(time)),
        };
        self.dressed(channel, messages, older, newer, anchor).await
    }

    /// Returns a page of these messages, with the objects that they show.
    pub(super) async fn dressed(
        &mut self,
        channel: &Channel,
        messages: Vec<Arc<SharedMessage>>,
        older: Option<MessageId>,
        newer: Option<After>,
        anchor: usize,
    ) -> Result<Messages, BrowseError> {
        let all: Vec<&Message> = messages.iter().map(|message| &***message).collect();
        let mentioning: Vec<&Message> = messages.iter().filter(|one| one.has_roles).map(|one| &***one).collect();
        self.announce(channel, &all, &mentioning).await?;
        let threads = self.threads_from(channel, &all).await?;
        let roles = self.roles_of(channel.tenant_id, mentioning).await?;
        let files = messages.iter().flat_map(|message| &message.files).copied().collect();
        let thread_of = |id| threads.get(&id).cloned().map(Box::new);
        let with_thread = |message: Arc<SharedMessage>| Entry { thread: thread_of(message.id), message };
        let entries = messages.into_iter().map(with_thread).collect();
        Ok(Messages { entries, older, newer, anchor, roles, files })
    }

    /// Announces the reads of what is shown with messages of `channel`, some of which are `mentioning` roles.
    async fn announce(
        &mut self,
        channel: &Channel,
        messages: &[&Message],
        mentioning: &[&Message],
    ) -> Result<(), BrowseError> {
        let mut reads = Vec::new();
        if self.has_threads(channel) {
            let ids = messages.iter().map(|message| ChannelId::of(channel.tenant_id, message.id.cast()));
            reads.push(Ahead::Channels(ids.collect()));
        }
        reads.extend(roles_read(channel.tenant_id, mentioning.iter().copied()));
        Ok(self.at.ahead(&reads).await?)
    }

    /// Returns whether messages of a channel can have started threads that this client may read.
    fn has_threads(&self, channel: &Channel) -> bool {
        let is_counted = channel.stats.thread_count > 0 || self.audience == Audience::Admin;
        is_counted && !channel.kind.is_thread()
    }

    /// Loads half of a page before `middle`, half from it on, and whether there are older and newer messages.
    async fn around(
        &mut self,
        channel: &Channel,
        middle: MessageId,
        limit: u32,
    ) -> Result<(Vec<Arc<SharedMessage>>, Rest, Rest), BrowseError> {
        let half = limit / 2;
        let (mut page, older) = self.part(channel, MessageRange::Before(middle), half).await?;
        let (after, newer) = self.part(channel, MessageRange::From(middle), limit - half).await?;
        page.extend(after);
        Ok((page, older, newer))
    }

    /// Loads at most `limit` messages of `range`, and whether there are more at its far end.
    pub(super) async fn part(
        &mut self,
        channel: &Channel,
        range: MessageRange,
        limit: u32,
    ) -> Result<(Vec<Arc<SharedMessage>>, Rest), BrowseError> {
        let with_restricted = self.with_restricted();
        let list = self.at.messages(channel, range, with_restricted, limit + 1).await?;
        let mut page = list.messages;
        if page.len() <= limit as usize {
            return Ok((page, list.examined_to.map_or(Rest::None, Rest::From)));
        }
        match range {
            MessageRange::Newest | MessageRange::Before(_) => drop(page.remove(0)),
            MessageRange::After(_) | MessageRange::From(_) | MessageRange::Oldest => drop(page.pop()),
        }
        Ok((page, Rest::Beyond))
    }

    async fn any(&mut self, channel: ChannelId, range: MessageRange) -> Result<Rest, BrowseError> {
        let with_restricted = self.with_restricted();
        let any = self.at.any(channel, range, with_restricted).await?;
        Ok(if any { Rest::Beyond } else { Rest::None })
    }

    pub(super) fn with_restricted(&self) -> bool {
        self.audience == Audience::Admin
    }

    /// Returns the threads that were started from `messages` of `channel` and that this client may read.
    pub(super) async fn threads_from(
        &mut self,
        channel: &Channel,
        messages: &[&Message],
    ) -> Result<HashMap<MessageId, Channel>, BrowseError> {
        if !self.has_threads(channel) {
            return Ok(HashMap::new());
        }
        let found = self.at.threads_of(channel, messages.iter().map(|message| message.id)).await?;
        let readable = |thread: &Channel| {
            thread.parent_id == Some(channel.id)
                && (self.audience == Audience::Admin || thread.is_public(Some(channel)))
        };
        Ok(found.into_iter().filter(readable).map(|thread| (thread.platform_id.cast(), thread)).collect())
    }

    /// Returns the messages of `channel` among `ids` that a page refers to; a deleted one has its id alone. At most
    /// 200.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn referred(
        &mut self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, Option<Message>>, BrowseError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let keys: Vec<_> = ids.iter().map(|id| (channel, *id)).collect();
        let found = self.at.messages_by_key(&keys).await?;
        Ok(found.into_iter().map(|stored| (stored.message.id, self.shown(stored))).collect())
    }

    /// Returns one message of a tenant. Without a channel, if two channels have the id, returns the one in the parent.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`], or [`BrowseError::Deleted`].
    pub async fn message(
        &mut self,
        tenant: &Tenant,
        id: MessageId,
        channel: Option<&str>,
    ) -> Result<MessageView, BrowseError> {
        let mut places = match channel {
            Some(reference) => {
                let place = self.channel(tenant, reference).await.map_err(|error| match error {
                    BrowseError::NotFound(_) => NO_MESSAGE,
                    error => error,
                })?;
                let found = self.at.message(place.channel.id, id).await?;
                found.into_iter().map(|stored| (stored, place.clone())).collect()
            }
            None => self.places(tenant, id).await?,
        };
        places.sort_by_key(|(_, place)| place.channel.kind.is_thread());
        let hidden = |stored: &StoredMessage| self.audience == Audience::Public && !stored.message.kind.is_shown();
        places.retain(|(stored, _)| !hidden(stored));
        let held = places.iter().position(|(stored, _)| !stored.is_deleted());
        match held {
            Some(index) => {
                let (stored, channel) = places.swap_remove(index);
                let threads = self.threads_from(&channel.channel, &[&stored.message]).await?;
                let roles = self.roles_of(tenant.id, [&stored.message]).await?;
                let files = self.files_of([&stored.message]).await?;
                let thread = threads.get(&id).cloned().map(Box::new);
                let entry = Entry { thread, ..stored.message.into() };
                Ok(MessageView { entry, channel, roles, files })
            }
            None if places.is_empty() => Err(NO_MESSAGE),
            None => Err(BrowseError::Deleted),
        }
    }

    /// Returns the earlier texts of a message, deleted or not, oldest first: at most `limit` after the text of the key
    /// `after`, with the key of the next page. They are for moderators only, whatever readers may see.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`] if this client may not read the channel, or the message is not stored.
    pub async fn earlier_versions(
        &mut self,
        tenant: &Tenant,
        channel: &str,
        id: MessageId,
        after: Option<Timestamp>,
        limit: u32,
    ) -> Result<(Vec<EarlierVersion>, Option<Timestamp>), BrowseError> {
        let channel = self.channel(tenant, channel).await?.channel.id;
        if self.audience != Audience::Admin || self.at.message(channel, id).await?.is_none() {
            return Err(NO_MESSAGE);
        }
        let mut versions = self.at.untraced().await?.versions().list(channel, id, after, limit + 1).await?;
        let has_more = versions.len() > limit as usize;
        versions.truncate(limit as usize);
        let next = versions.last().filter(|_| has_more).map(EarlierVersion::key);
        Ok((versions, next))
    }

    /// Returns the stored roles that `messages` mention; reads nothing if they mention none.
    pub(super) async fn roles_of(
        &mut self,
        tenant: TenantId,
        messages: impl IntoIterator<Item = &Message>,
    ) -> Result<Roles, BrowseError> {
        let ids = role_ids(messages);
        if ids.is_empty() {
            return Ok(Roles::new());
        }
        let found = self.at.roles(tenant, &ids).await?;
        Ok(found.into_iter().map(|role| (role.id, role)).collect())
    }

    async fn places(
        &mut self,
        tenant: &Tenant,
        id: MessageId,
    ) -> Result<Vec<(StoredMessage, ChannelView)>, BrowseError> {
        let mut places = Vec::new();
        for stored in self.at.messages_in_tenant(tenant.id, id).await? {
            match self.channel(tenant, &stored.message.channel_id.to_string()).await {
                Ok(channel) => places.push((stored, channel)),
                Err(BrowseError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(places)
    }
}

/// Returns the ids of the roles that `messages` mention.
fn role_ids<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<RoleId> {
    let mut ids: Vec<RoleId> = messages.into_iter().flat_map(Message::role_mentions).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MOST_ROLES);
    ids
}

/// Returns the read of these roles, if there are any.
pub(super) fn roles_read<'a>(tenant: TenantId, messages: impl IntoIterator<Item = &'a Message>) -> Option<Ahead> {
    let ids = role_ids(messages);
    (!ids.is_empty()).then_some(Ahead::Roles(tenant, ids))
}

/// Returns the range of the newest messages up to an id.
fn up_to(id: MessageId) -> MessageRange {
    id.next().map_or(MessageRange::Newest, MessageRange::Before)
}

const NO_MESSAGE: BrowseError = BrowseError::NotFound("message");
