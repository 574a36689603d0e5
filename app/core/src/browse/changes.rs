//! The changes that a client may see, each with its subject in its current state.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeSet, HashMap};

use domain::change::{ChangeKind, ChangePosition, Followed};
use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use domain::message::{Message, MessageId};
use domain::tenant::{Tenant, TenantId, TenantStatus};

use super::{Audience, BrowseError, ChannelView, Entry, MessageView, Reading};

/// The number of channels and messages that are read at once.
const BATCH: usize = 100;

/// A change, as a client sees it.
#[derive(Debug, Clone)]
pub enum Update {
    /// A message appeared.
    Created(MessageView),
    /// A message changed.
    Updated(MessageView),
    /// A message was deleted.
    Deleted {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
    },
    /// A channel changed, or many of its messages.
    Channel {
        /// The channel.
        view: ChannelView,
        /// From the first to the last of the messages, if messages changed.
        interval: Option<Interval>,
    },
    /// A channel can no longer be read, and neither can its threads.
    Closed(ChannelId),
}

/// The subject of one or more changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A message.
    Message {
        /// Its channel.
        channel: ChannelId,
        /// The message.
        message: MessageId,
        /// Whether it appeared.
        created: bool,
    },
    /// The messages of an interval.
    Interval {
        /// Their channel.
        channel: ChannelId,
        /// From the first to the last of them.
        interval: Interval,
    },
    /// A channel, which was perhaps closed.
    Channel {
        /// The channel.
        channel: ChannelId,
        /// Whether readers could read it before.
        closed: bool,
    },
}

impl Subject {
    /// Returns the subjects of changes, in the order of their first change, each once. A change to messages implies that
    /// the counters of their channel changed; those are not a subject of their own.
    #[must_use]
    pub fn of(kinds: &[ChangeKind]) -> Vec<Self> {
        let (mut subjects, mut known) = (Vec::<Self>::new(), HashMap::new());
        for kind in kinds {
            let Some(subject) = Self::of_one(*kind) else { continue };
            match known.entry((subject.channel(), kind.interval())) {
                Vacant(entry) => {
                    entry.insert(subjects.len());
                    subjects.push(subject);
                }
                Occupied(entry) => subjects[*entry.get()].join(subject),
            }
        }
        subjects
    }

    fn of_one(kind: ChangeKind) -> Option<Self> {
        Some(match kind {
            ChangeKind::Created { channel, message } => Self::Message { channel, message, created: true },
            ChangeKind::Updated { channel, message } | ChangeKind::Deleted { channel, message } => {
                Self::Message { channel, message, created: false }
            }
            ChangeKind::Page { channel, interval } | ChangeKind::Files { channel, interval } => {
                if interval.low() == interval.high() {
                    Self::Message { channel, message: interval.low(), created: false }
                } else {
                    Self::Interval { channel, interval }
                }
            }
            ChangeKind::Channel { channel } => Self::Channel { channel, closed: false },
            ChangeKind::ChannelClosed { channel } => Self::Channel { channel, closed: true },
            ChangeKind::ChannelGone { .. }
            | ChangeKind::Tenant
            | ChangeKind::TenantGone
            | ChangeKind::GuildItems
            | ChangeKind::AuthorErased { .. } => return None,
        })
    }

    /// Adds another change to the same subject.
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Self::Message { created, .. }, Self::Message { created: also, .. }) => *created |= also,
            (Self::Channel { closed, .. }, Self::Channel { closed: also, .. }) => *closed |= also,
            _ => {}
        }
    }

    const fn channel(self) -> ChannelId {
        match self {
            Self::Message { channel, .. } | Self::Interval { channel, .. } | Self::Channel { channel, .. } => channel,
        }
    }
}

/// The channels that a client may read.
pub(super) type Views = HashMap<ChannelId, ChannelView>;
/// The messages that a client may know of; `None` for a deleted one.
type States = HashMap<(ChannelId, MessageId), Option<MessageView>>;

/// Returns the change to a subject, as the client sees it.
fn update(subject: Subject, views: &Views, states: &mut States) -> Option<Update> {
    match (subject, views.get(&subject.channel())) {
        (Subject::Message { channel, message, created }, Some(_)) => {
            Some(match states.remove(&(channel, message))? {
                Some(view) if created => Update::Created(view),
                Some(view) => Update::Updated(view),
                None => Update::Deleted { channel, message },
            })
        }
        (Subject::Interval { interval, .. }, Some(view)) => {
            Some(Update::Channel { view: view.clone(), interval: Some(interval) })
        }
        (Subject::Channel { .. }, Some(view)) => Some(Update::Channel { view: view.clone(), interval: None }),
        (Subject::Channel { channel, closed: true }, None) => Some(Update::Closed(channel)),
        (_, None) => None,
    }
}

impl Reading {
    /// Returns the tenant with this id, if this client may read it.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn served(&mut self, id: TenantId) -> Result<Option<Tenant>, BrowseError> {
        let found = self.at.tenant(id).await?;
        let is_served = |tenant: &Tenant| {
            let is_active = self.audience == Audience::Admin || tenant.status == TenantStatus::Active;
            is_active && tenant.deleting_since.is_none()
        };
        Ok(found.filter(is_served))
    }

    /// Returns the end of the change log: the snapshot contains every change before it.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn position(&mut self) -> Result<ChangePosition, BrowseError> {
        Ok(self.at.untraced().await?.changes().position().await?)
    }

    /// Returns the changes of all tenants after `position`, at most `limit` (1..=1000).
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn follow(&mut self, position: &ChangePosition, limit: u32) -> Result<Followed, BrowseError> {
        Ok(self.at.untraced().await?.changes().follow(position, limit).await?)
    }

    /// Returns the changes to `subjects` of a tenant that this client may see, in their order. Nothing tells of a message
    /// or channel that it cannot read, except that a channel was closed and a message deleted.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn updates(&mut self, tenant: &Tenant, subjects: &[Subject]) -> Result<Vec<Update>, BrowseError> {
        let mut updates = Vec::with_capacity(subjects.len());
        for batch in subjects.chunks(BATCH) {
            let views = self.views(tenant, batch.iter().map(|subject| subject.channel()).collect()).await?;
            let mut states = self.states(tenant, &views, batch).await?;
            updates.extend(batch.iter().filter_map(|subject| update(*subject, &views, &mut states)));
        }
        Ok(updates)
    }

    /// Loads the channels among `ids` that this client may read; at most 100.
    pub(super) async fn views(&mut self, tenant: &Tenant, ids: BTreeSet<ChannelId>) -> Result<Views, BrowseError> {
        let mut channels = self.by_id(ids).await?;
        channels.retain(|_, channel| channel.tenant_id == tenant.id);
        let parents = self.by_id(channels.values().filter_map(|channel| channel.parent_id).collect()).await?;
        let view = |(id, channel): (ChannelId, Channel)| {
            let parent = channel.parent_id.and_then(|id| parents.get(&id));
            Some((id, ChannelView::of(self.audience, channel, parent)?))
        };
        Ok(channels.into_iter().filter_map(view).collect())
    }

    /// Loads messages of readable channels, at most 100; those that this client may not read are left out.
    async fn states(&mut self, tenant: &Tenant, views: &Views, subjects: &[Subject]) -> Result<States, BrowseError> {
        let mut states = HashMap::new();
        let key = |subject: &Subject| match *subject {
            Subject::Message { channel, message, .. } if views.contains_key(&channel) => Some((channel, message)),
            _ => None,
        };
        let keys: Vec<_> = subjects.iter().filter_map(key).collect();
        if keys.is_empty() {
            return Ok(states);
        }
        let mut shown: HashMap<ChannelId, Vec<Message>> = HashMap::new();
        for stored in self.at.messages_by_key(&keys).await? {
            let key = (stored.message.channel_id, stored.message.id);
            let is_hidden = !self.with_restricted() && !stored.message.kind.is_shown();
            if stored.is_deleted() && !is_hidden {
                states.insert(key, None);
            } else if let Some(message) = self.shown(stored) {
                shown.entry(key.0).or_default().push(message);
            }
        }
        let all = || shown.values().flatten();
        let roles = self.roles_of(tenant.id, all()).await?;
        let files = self.files_of_scattered(all()).await?;
        for (channel, messages) in shown {
            let view = &views[&channel];
            let mut threads = self.threads_from(&view.channel, &messages.iter().collect::<Vec<_>>()).await?;
            for message in messages {
                let key = (channel, message.id);
                let roles = message.role_mentions().into_iter().filter_map(|id| Some((id, roles.get(&id)?.clone())));
                let roles = roles.collect();
                let of_it = files.iter().filter(|(file, _)| (file.channel, file.message) == key);
                let files = of_it.map(|(file, state)| (*file, *state)).collect();
                let thread = threads.remove(&message.id).map(Box::new);
                let entry = Entry { thread, ..message.into() };
                states.insert(key, Some(MessageView { entry, channel: view.clone(), roles, files }));
            }
        }
        Ok(states)
    }
}

#[cfg(test)]
mod tests;
