//! Changes of one tenant, and the events that readers get of them.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use app_core::browse::{BrowseError, Reading, Subject, Update};
use bytes::Bytes;
use domain::change::{ChangeKind, ChangePosition};
use domain::channel::ChannelId;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use futures::FutureExt;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::warn;

use super::{Streams, batches};
use crate::wire::{ClosedBody, DeletedBody, MessageBody, UpdatedBody, as_sent};

/// The age from which events are rendered again, for a reader that is late: a message may have been hidden meanwhile.
const FRESH: Duration = Duration::from_millis(500);

/// Changes of one tenant that are sent together.
pub(super) struct Batch {
    tenant: TenantId,
    content: Content,
    /// The position before its changes.
    before: ChangePosition,
    /// The position after its changes, or before them if more batches follow.
    after: ChangePosition,
    /// The position after the changes of all batches that were made with it.
    pub(super) end: ChangePosition,
    rendered: Mutex<Option<Arc<Rendered>>>,
}

enum Content {
    /// The subjects of changes.
    Subjects(Vec<Subject>),
    /// The log has a gap: readers load everything again.
    Reset,
}

impl Batch {
    /// Returns batches of the changes of a tenant between two positions; none if readers see nothing of them.
    pub(super) fn of(
        tenant: TenantId,
        kinds: &[ChangeKind],
        before: &ChangePosition,
        after: &ChangePosition,
    ) -> Vec<Self> {
        // An erasure reaches what readers have already received.
        if kinds.iter().any(|kind| matches!(kind, ChangeKind::AuthorErased { .. })) {
            return vec![Self::reset(tenant, after)];
        }
        let mut parts = batches(kinds);
        // The tenant may no longer be served.
        if parts.is_empty() && kinds.iter().any(|kind| matches!(kind, ChangeKind::Tenant | ChangeKind::TenantGone)) {
            parts.push(Vec::new());
        }
        let last = parts.len().saturating_sub(1);
        let batch = |(index, subjects)| Self {
            tenant,
            content: Content::Subjects(subjects),
            before: before.clone(),
            after: if index == last { after.clone() } else { before.clone() },
            end: after.clone(),
            rendered: Mutex::default(),
        };
        parts.into_iter().enumerate().map(batch).collect()
    }

    /// Returns a batch that makes readers load everything again.
    pub(super) fn reset(tenant: TenantId, position: &ChangePosition) -> Self {
        let [before, after, end] = [0; 3].map(|_| position.clone());
        Self { tenant, content: Content::Reset, before, after, end, rendered: Mutex::default() }
    }

    /// Returns the position from which a reader resumes that has received the whole batch.
    pub(super) const fn after(&self) -> &ChangePosition {
        &self.after
    }

    /// Returns the events, rendered by the first reader that needs them; `None` if the archive cannot be read.
    pub(super) async fn rendered(self: &Arc<Self>, streams: &Streams) -> Option<Arc<Rendered>> {
        let mut rendered = self.rendered.lock().await;
        if let Some(fresh) = rendered.as_ref().filter(|rendered| rendered.at.elapsed() < FRESH) {
            return Some(Arc::clone(fresh));
        }
        let batch = Arc::clone(self);
        let made = streams.read(move |mut at| async move { batch.render(&mut at).await }.boxed()).await?;
        let made = Arc::new(made);
        *rendered = Some(Arc::clone(&made));
        Some(made)
    }

    /// Renders the events in the state of a snapshot.
    pub(super) async fn render(&self, at: &mut Reading) -> Option<Rendered> {
        let made = self.try_render(at).await;
        made.inspect_err(|error| warn!(error = error as &dyn std::error::Error, "stream not rendered")).ok()
    }

    async fn try_render(&self, at: &mut Reading) -> Result<Rendered, BrowseError> {
        let mut text = Text::default();
        let Some(tenant) = at.served(self.tenant).await? else { return Ok(text.rendered(None)) };
        match &self.content {
            Content::Reset => text.push("reset", &"{}", &self.after, None),
            Content::Subjects(subjects) => {
                let updates = at.updates(&tenant, subjects).await?;
                let last = updates.len().saturating_sub(1);
                for (index, update) in updates.iter().enumerate() {
                    // A reader that has received a part of the batch gets all of it again.
                    let id = if index == last { &self.after } else { &self.before };
                    text.update(&tenant, update, id);
                }
            }
        }
        Ok(text.rendered(Some(tenant.slug)))
    }
}

/// The events of a batch.
pub(super) struct Rendered {
    at: Instant,
    /// The slug of the tenant; `None` if it is not served.
    pub(super) slug: Option<TenantSlug>,
    pub(super) events: Vec<Event>,
    /// The text of all events.
    pub(super) whole: Bytes,
}

/// One event.
pub(super) struct Event {
    /// The channel that it is about; `None` if it is about all of them.
    pub(super) channel: Option<ChannelId>,
    /// Whether the channel was closed.
    pub(super) is_closed: bool,
    /// Its place in the text.
    pub(super) text: Range<usize>,
}

/// The text of events under construction.
#[derive(Default)]
struct Text {
    text: String,
    events: Vec<Event>,
}

impl Text {
    fn update(&mut self, tenant: &Tenant, update: &Update, id: &ChangePosition) {
        match update {
            Update::Created(view) | Update::Updated(view) => {
                let name = if matches!(update, Update::Created(_)) { "message.created" } else { "message.updated" };
                let body = as_sent(&MessageBody::of_view(tenant, view));
                self.push(name, &body.get(), id, Some(view.channel.channel.id));
            }
            Update::Deleted { channel, message } => {
                let body = as_sent(&DeletedBody::new(*message, *channel));
                self.push("message.deleted", &body.get(), id, Some(*channel));
            }
            Update::Channel { view, interval } => {
                let body = as_sent(&UpdatedBody::new(view, *interval));
                self.push("channel.updated", &body.get(), id, Some(view.channel.id));
            }
            Update::Closed(channel) => {
                self.push("channel.updated", &closed(*channel), id, Some(*channel));
                self.events.last_mut().expect("it was pushed").is_closed = true;
            }
        }
    }

    fn push(&mut self, name: &str, data: &dyn std::fmt::Display, id: &ChangePosition, channel: Option<ChannelId>) {
        let start = self.text.len();
        write!(self.text, "id: {}\nevent: {name}\ndata: {data}\n\n", id.as_text()).expect("a string takes every write");
        self.events.push(Event { channel, is_closed: false, text: start..self.text.len() });
    }

    fn rendered(mut self, slug: Option<TenantSlug>) -> Rendered {
        self.text.shrink_to_fit();
        Rendered { at: Instant::now(), slug, events: self.events, whole: self.text.into() }
    }
}

/// Returns the data of the event that a channel was closed.
pub(super) fn closed(channel: ChannelId) -> String {
    as_sent(&ClosedBody::new(channel)).get().to_owned()
}
