//! From the change log to the parts of the archive that changed, for everything that is kept of it in memory.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition};
use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use ports::error::StoreError;
use ports::store::Store;
use tracing::warn;

use super::reads::{Part, Topic, whole};
use super::snapshot::Segments;
use super::structure::Structures;
use crate::follow::Subscriber;

/// The most channels whose parents are remembered.
const MOST_PARENTS: usize = 100_000;
/// The most channels of one read.
const KEYS: usize = 200;

/// Something that is kept in memory and was made of the archive.
pub trait Derived: Send + Sync {
    /// Drops everything that was made of a part that changed.
    fn touch(&self, touches: &[Part]);

    /// Drops everything.
    fn reset(&self);
}

/// Tells what is kept in memory of the parts that changed, as a subscriber of the follower.
pub struct Invalidation {
    store: Arc<dyn Store>,
    pub(super) structures: Arc<Structures>,
    pub(super) segments: Option<Arc<Segments>>,
    derived: Vec<Arc<dyn Derived>>,
    /// The channel above each thread, which never changes; `None` for other channels.
    parents: Mutex<HashMap<ChannelId, Option<ChannelId>>>,
}

impl Invalidation {
    /// Returns the invalidation of `derived`, and of the structures of tenants that
    /// [`Browse::with_shared`](super::Browse::with_shared) uses.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, derived: Vec<Arc<dyn Derived>>) -> Self {
        Self { store, structures: Arc::default(), segments: None, derived, parents: Mutex::default() }
    }

    /// Makes the same readers share segments of channels, of at most about `bytes` bytes together.
    #[must_use]
    pub fn with_segments(self, bytes: usize) -> Self {
        Self { segments: Some(Arc::new(Segments::new(bytes))), ..self }
    }

    fn parents(&self) -> MutexGuard<'_, HashMap<ChannelId, Option<ChannelId>>> {
        self.parents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the parts that changed. A row is read as it is now: what became of it later is told by a later change.
    async fn touches(&self, changes: &[Change]) -> Result<Vec<Part>, StoreError> {
        let rows = self.rows(changes).await?;
        let mut touches = HashSet::new();
        for change in changes {
            match (change.kind, change.kind.interval(), change.kind.channel()) {
                (_, Some(interval), Some(channel)) => self.touch_messages(change, channel, interval, &mut touches),
                (_, _, Some(channel)) => self.touch_channel(change, channel, rows.get(&channel), &mut touches),
                (ChangeKind::GuildItems, ..) => touches.extend([whole(Topic::Items(change.tenant_id))]),
                _ => touches.extend([Topic::Tenant(change.tenant_id), Topic::Tenants].map(whole)),
            }
            touches.insert(whole(Topic::Everything(change.tenant_id)));
        }
        Ok(touches.into_iter().collect())
    }

    fn touch_messages(&self, change: &Change, channel: ChannelId, interval: Interval, touches: &mut HashSet<Part>) {
        touches.insert((Topic::Messages(channel), interval));
        touches.insert((Topic::Ids(change.tenant_id), interval));
        touches.insert(whole(Topic::Counts(channel)));
        if let Some(Some(parent)) = self.parents().get(&channel) {
            touches.insert(whole(Topic::Activity(*parent)));
        }
    }

    fn touch_channel(&self, change: &Change, id: ChannelId, row: Option<&Channel>, touches: &mut HashSet<Part>) {
        touches.extend([Topic::Channel(id), Topic::Counts(id)].map(whole));
        let known = self.parents().get(&id).copied();
        match (row.map(|row| row.parent_id.filter(|_| row.kind.is_thread())), known) {
            (Some(Some(parent)), _) | (None, Some(Some(parent))) => {
                touches.extend([Topic::Threads(parent), Topic::Activity(parent)].map(whole));
            }
            _ => {
                touches.insert(whole(Topic::Tenants));
                if !row.is_some_and(|row| self.structures.agree_with(row)) {
                    touches.insert(whole(Topic::Tenant(change.tenant_id)));
                }
            }
        }
    }

    /// Loads the channels that changed, and those with changed messages whose parents are unknown.
    async fn rows(&self, changes: &[Change]) -> Result<HashMap<ChannelId, Channel>, StoreError> {
        let ids: HashSet<ChannelId> = {
            let parents = self.parents();
            let is_needed = |change: &&Change| {
                let channel = change.kind.channel();
                channel.is_some_and(|id| change.kind.interval().is_none() || !parents.contains_key(&id))
            };
            changes.iter().filter(is_needed).filter_map(|change| change.kind.channel()).collect()
        };
        let (ids, mut rows) = (Vec::from_iter(ids), HashMap::new());
        if ids.is_empty() {
            return Ok(rows);
        }
        let mut read = self.store.read().await?;
        for ids in ids.chunks(KEYS) {
            rows.extend(read.channels().find_all(ids).await?.into_iter().map(|channel| (channel.id, channel)));
        }
        let mut parents = self.parents();
        if parents.len() + rows.len() > MOST_PARENTS {
            parents.clear();
        }
        let parent_of = |channel: &Channel| (channel.id, channel.parent_id.filter(|_| channel.kind.is_thread()));
        parents.extend(rows.values().map(parent_of));
        Ok(rows)
    }
}

#[async_trait]
impl Subscriber for Invalidation {
    async fn receive(&self, changes: &[Change], position: &ChangePosition) {
        match self.touches(changes).await {
            Ok(touches) => {
                self.structures.touch(&touches);
                self.segments.iter().for_each(|segments| segments.touch(&touches));
                self.derived.iter().for_each(|derived| derived.touch(&touches));
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "changed channels not readable; caches dropped");
                self.resync(position).await;
            }
        }
    }

    async fn resync(&self, _: &ChangePosition) {
        self.structures.reset();
        self.segments.iter().for_each(|segments| segments.reset());
        self.derived.iter().for_each(|derived| derived.reset());
    }
}

#[cfg(test)]
mod tests;
