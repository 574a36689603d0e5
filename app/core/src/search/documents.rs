//! The documents of stored messages.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId};
use domain::message::{Message, MessageId, StoredMessage};
use domain::search::{SearchDocument, SearchPlace};
use domain::tenant::TenantId;
use domain::visibility::Visibility;
use ports::error::StoreError;
use ports::search::IndexedMessage;
use ports::store::Repositories;

/// The most keys of one read.
const KEYS: usize = 200;

/// A channel, and the one that it is a thread of.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) channel: Channel,
    pub(crate) parent: Option<Channel>,
}

impl Place {
    /// Loads a channel; `None` if it is not stored.
    pub(crate) async fn load(at: &mut dyn Repositories, id: ChannelId) -> Result<Option<Self>, StoreError> {
        let Some(channel) = at.channels().find(id).await? else { return Ok(None) };
        let parent = match channel.parent_id.filter(|_| channel.kind.is_thread()) {
            Some(parent) => at.channels().find(parent).await?,
            None => None,
        };
        Ok(Some(Self { channel, parent }))
    }

    /// Returns the channel whose readers may read the messages; `None` if the thread is private itself.
    pub(crate) fn root(&self) -> Option<ChannelId> {
        if !self.channel.kind.is_thread() {
            return Some(self.channel.id);
        }
        self.channel.parent_id.filter(|_| is_open(&self.channel))
    }
}

/// Returns whether a thread is readable for every reader of its parent.
fn is_open(thread: &Channel) -> bool {
    thread.visibility == Visibility::Public && !thread.kind.is_always_private()
}

/// Returns where the texts of a message come from. The names of threads that readers of the channel may not see are not
/// among them.
pub(crate) fn place_of<'a>(
    channel: &'a Channel,
    parent: Option<&'a Channel>,
    thread: Option<&'a Channel>,
) -> SearchPlace<'a> {
    SearchPlace { channel, parent, thread: thread.filter(|thread| is_open(thread)) }
}

/// Returns whether a message of `channel` can have started a thread; without `with_private`, one that is open.
pub(crate) fn may_start(channel: &Channel, with_private: bool) -> bool {
    // Only threads that are open are counted.
    (channel.stats.thread_count > 0 || with_private) && !channel.kind.is_thread()
}

/// Loads the channels that have the ids of threads that were started from `messages`, by their ids. Such a channel is
/// that thread only if its parent is the channel of the message.
pub(crate) async fn started(
    at: &mut dyn Repositories,
    tenant: TenantId,
    messages: &[MessageId],
) -> Result<HashMap<ChannelId, Channel>, StoreError> {
    let mut threads = HashMap::new();
    let ids: Vec<_> = messages.iter().map(|id| ChannelId::of(tenant, id.cast())).collect();
    for ids in ids.chunks(KEYS) {
        threads.extend(at.channels().find_all(ids).await?.into_iter().map(|thread| (thread.id, thread)));
    }
    Ok(threads)
}

/// Returns the documents of stored messages of one channel; deleted messages have none.
pub(crate) async fn documents(
    at: &mut dyn Repositories,
    place: &Place,
    stored: Vec<StoredMessage>,
) -> Result<Vec<IndexedMessage>, StoreError> {
    let messages: Vec<Message> =
        stored.into_iter().filter(|stored| !stored.is_deleted()).map(|stored| stored.message).collect();
    let channel = &place.channel;
    let begun = messages.iter().filter(|_| may_start(channel, false));
    let ids: Vec<MessageId> = begun.map(|message| message.id).collect();
    let threads = started(at, channel.tenant_id, &ids).await?;
    let document = |message: &Message| {
        let thread = threads.get(&ChannelId::of(channel.tenant_id, message.id.cast()));
        let thread = thread.filter(|thread| thread.parent_id == Some(channel.id));
        IndexedMessage {
            id: message.id,
            document: SearchDocument::new(message, place_of(channel, place.parent.as_ref(), thread)).without_origins(),
            root: place.root(),
            shown: message.kind.is_shown(),
        }
    };
    Ok(messages.iter().map(document).collect())
}
