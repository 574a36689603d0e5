//! Segments of channels in memory: consecutive messages, decoded once for all pages that show some of them.
//!
//! A page takes what it needs from the segments of its channel, and loads the next segment where they end. They are
//! dropped when the change log tells of a change to one of their ids, as responses are.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::channel::{Channel, ChannelId};
use domain::coverage::Interval;
use domain::message::{Message, MessageId};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::page::MessageRange;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use super::{Snapshot, is_before, reach};
use crate::browse::reads::{Part, Reads, Recent, Topic, whole};
use crate::browse::shared::{SharedMessage, listed};

/// The least number of messages that are loaded at once: a page of the site, and the one that tells whether there are
/// more.
pub(super) const LEAST: u32 = 51;
/// The size of a message and its forms without their texts, about, and of a segment without its messages.
const MESSAGE_BYTES: usize = 1_792;
const SEGMENT_BYTES: usize = 256;
/// The size of a file of a message, with its state and in the forms, about, without its texts.
const FILE_BYTES: usize = 1_536;
/// The size from which the number of segments is estimated; more or fewer only change what is set aside for them.
const USUAL_SEGMENT: usize = 96 << 10;

/// All messages of a channel in an interval of ids that the public may see.
#[derive(Debug)]
struct Segment {
    tenant: TenantId,
    interval: Interval,
    /// By id, ascending.
    messages: Vec<Arc<SharedMessage>>,
    bytes: u64,
}

impl Segment {
    fn new(tenant: TenantId, interval: Interval, messages: Vec<Arc<SharedMessage>>) -> Self {
        let bytes = SEGMENT_BYTES + messages.iter().map(|message| size_bytes(message)).sum::<usize>();
        Self { tenant, interval, messages, bytes: bytes as u64 }
    }

    /// Returns the part of the segment that is in `interval`.
    fn within(&self, interval: Interval) -> Self {
        let messages = self.messages.iter().filter(|message| interval.contains(message.id)).cloned();
        Self::new(self.tenant, interval, messages.collect())
    }

    /// Returns the messages from `at` on, in the direction of a range.
    fn from(&self, at: MessageId, is_before: bool) -> &[Arc<SharedMessage>] {
        let index = self.messages.partition_point(|message| if is_before { message.id <= at } else { message.id < at });
        let (before, after) = self.messages.split_at(index);
        if is_before { before } else { after }
    }

    /// Returns the first id beyond the segment; `None` at the end of all ids.
    fn beyond(&self, is_before: bool) -> Option<MessageId> {
        if is_before { self.interval.low().previous() } else { self.interval.high().next() }
    }
}

/// Returns the size of a message in memory, about, with its written forms: that of the API, and one of the site.
fn size_bytes(message: &Message) -> usize {
    let Message { content, embeds, components, snapshots, poll, attachments, mentions, reactions, .. } = message;
    let json = [embeds, components, snapshots, poll].into_iter().flatten().map(|json| json.as_str().len());
    let parts = (mentions.len() + reactions.len()) * 256;
    let files = attachments.iter().map(|file| {
        let texts = file.filename.len() + file.description.as_ref().map_or(0, String::len);
        FILE_BYTES + 3 * texts + 3 * file.url.as_ref().map_or(0, String::len)
    });
    MESSAGE_BYTES + parts + files.sum::<usize>() + 3 * content.len() + 2 * json.sum::<usize>()
}

/// The channel of a segment, and its lowest id.
type Key = (ChannelId, MessageId);

struct Weights;

impl Weighter<Key, Arc<Segment>> for Weights {
    fn weight(&self, _: &Key, segment: &Arc<Segment>) -> u64 {
        segment.bytes
    }
}

/// Collects the segments that make room for another one.
struct Evictions;

impl Lifecycle<Key, Arc<Segment>> for Evictions {
    type RequestState = Vec<(Key, Arc<Segment>)>;

    fn on_evict(&self, evicted: &mut Self::RequestState, key: Key, segment: Arc<Segment>) {
        evicted.push((key, segment));
    }
}

/// The segments of a process.
pub(in crate::browse) struct Segments(Mutex<State>);

struct State {
    held: Cache<Key, Arc<Segment>, Weights, DefaultHashBuilder, Evictions>,
    /// The lowest ids of the segments of each channel; segments do not overlap.
    lows: HashMap<ChannelId, BTreeSet<MessageId>>,
    channels: HashMap<TenantId, HashSet<ChannelId>>,
    recent: Recent,
}

impl State {
    fn new(bytes: usize) -> Self {
        let hashes = DefaultHashBuilder::default();
        let held = Cache::with(bytes / USUAL_SEGMENT + 1, bytes as u64, Weights, hashes, Evictions);
        Self { held, lows: HashMap::new(), channels: HashMap::new(), recent: Recent::default() }
    }

    /// Forgets where a segment was that is held no longer.
    fn forget(&mut self, (channel, low): Key, segment: &Segment) {
        let Some(lows) = self.lows.get_mut(&channel) else { return };
        lows.remove(&low);
        if lows.is_empty() {
            self.lows.remove(&channel);
            if let Some(channels) = self.channels.get_mut(&segment.tenant) {
                channels.remove(&channel);
                if channels.is_empty() {
                    self.channels.remove(&segment.tenant);
                }
            }
        }
    }

    /// Returns the segment of a channel with the greatest lowest id up to `id`.
    fn up_to(&self, channel: ChannelId, id: MessageId) -> Option<&Arc<Segment>> {
        let low = *self.lows.get(&channel)?.range(..=id).next_back()?;
        self.held.get(&(channel, low))
    }

    /// Drops the segments of a channel that have an id of `interval`.
    fn remove(&mut self, channel: ChannelId, interval: Interval) {
        while let Some(segment) = self.up_to(channel, interval.high()).filter(|one| one.interval.overlaps(interval)) {
            let key = (channel, segment.interval.low());
            if let Some((_, segment)) = self.held.remove(&key) {
                self.forget(key, &segment);
            }
        }
    }

    /// Returns the part of `interval` between the segments that reach beyond it; `None` if there is no such part.
    fn free(&self, channel: ChannelId, interval: Interval) -> Option<Interval> {
        let (mut low, mut high) = (interval.low(), interval.high());
        if let Some(below) = self.up_to(channel, low).filter(|below| below.interval.contains(low)) {
            low = below.interval.high().next()?;
        }
        if let Some(above) = self.up_to(channel, high).filter(|above| above.interval.high() > high) {
            high = above.interval.low().previous()?;
        }
        Interval::new(low, high)
    }
}

impl Segments {
    /// Returns segments of at most about `bytes` bytes.
    pub(in crate::browse) fn new(bytes: usize) -> Self {
        Self(Mutex::new(State::new(bytes)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the position for [`Segments::insert`], before a snapshot is opened.
    pub(in crate::browse) fn position(&self) -> u64 {
        self.state().recent.position()
    }

    /// Returns their size, about.
    pub(in crate::browse) fn bytes(&self) -> u64 {
        self.state().held.weight()
    }

    /// Returns the segment with this id.
    fn find(&self, channel: ChannelId, id: MessageId) -> Option<Arc<Segment>> {
        self.state().up_to(channel, id).filter(|segment| segment.interval.contains(id)).cloned()
    }

    /// Returns whether the bound of a range is in a segment.
    pub(super) fn has(&self, channel: ChannelId, range: MessageRange) -> bool {
        near(range).is_some_and(|id| self.find(channel, id).is_some())
    }

    /// Returns the message of a range that is farthest from its bound, of those in segments.
    pub(super) fn any(&self, channel: ChannelId, range: MessageRange) -> Option<MessageId> {
        let at = near(range)?;
        let state = self.state();
        let messages = |low: &MessageId| Some(&state.held.peek(&(channel, *low))?.messages);
        let mut lists = state.lows.get(&channel)?.iter().filter_map(messages);
        if is_before(range) {
            lists.find_map(|messages| messages.first()).map(|first| first.id).filter(|first| *first <= at)
        } else {
            lists.rev().find_map(|messages| messages.last()).map(|last| last.id).filter(|last| *last >= at)
        }
    }

    /// Holds a segment that was loaded from a snapshot opened after `position`, unless it may have changed since.
    /// Segments that reach beyond it keep their ids, others are replaced.
    fn insert(&self, channel: ChannelId, segment: &Arc<Segment>, position: u64) {
        let mut state = self.state();
        let (tenant, interval) = (segment.tenant, segment.interval);
        let parts =
            [(Topic::Messages(channel), interval), whole(Topic::Channel(channel)), whole(Topic::Tenant(tenant))];
        let reads = Reads::of(parts);
        if !state.recent.has_left(&reads, position) {
            return;
        }
        let Some(interval) = state.free(channel, interval) else { return };
        let segment = if interval == segment.interval { Arc::clone(segment) } else { segment.within(interval).into() };
        state.remove(channel, interval);
        let key = (channel, interval.low());
        state.lows.entry(channel).or_default().insert(key.1);
        state.channels.entry(tenant).or_default().insert(channel);
        let mut evicted = Vec::new();
        state.held.insert_with_lifecycle(key, segment, &mut evicted);
        for (key, segment) in evicted {
            state.forget(key, &segment);
        }
    }

    /// Drops the segments with messages that changed.
    pub(in crate::browse) fn touch(&self, touches: &[Part]) {
        let mut state = self.state();
        state.recent.add(touches);
        for (topic, interval) in touches {
            match topic {
                Topic::Messages(channel) | Topic::Channel(channel) => state.remove(*channel, *interval),
                Topic::Tenant(tenant) => {
                    for channel in state.channels.get(tenant).cloned().unwrap_or_default() {
                        state.remove(channel, Interval::up_to(MessageId::MAX));
                    }
                }
                _ => {}
            }
        }
    }

    /// Drops everything.
    pub(in crate::browse) fn reset(&self) {
        let mut state = self.state();
        state.recent.reset();
        state.held.clear();
        state.lows.clear();
        state.channels.clear();
    }
}

/// A part of a channel in the order of its ids.
pub(in crate::browse) struct SharedList {
    pub(in crate::browse) messages: Vec<Arc<SharedMessage>>,
    /// The id at which the search for shown messages ended before there were as many as requested.
    pub(in crate::browse) examined_to: Option<MessageId>,
}

impl Snapshot {
    /// Lists at most `limit` messages of a range that the public may see, from segments as far as there are any.
    pub(super) async fn list_shared(
        &mut self,
        (segments, position): (Arc<Segments>, u64),
        of: &Channel,
        range: MessageRange,
        limit: u32,
    ) -> Result<SharedList, StoreError> {
        let (is_before, wanted) = (is_before(range), limit as usize);
        let (mut messages, mut examined_to, mut read) = (Vec::new(), None, range);
        let mut next = near(range);
        while let Some(at) = next.filter(|_| messages.len() < wanted && examined_to.is_none()) {
            let segment = if let Some(segment) = segments.find(of.id, at) {
                segment
            } else {
                let limit = LEAST.max(limit - u32::try_from(messages.len()).unwrap_or(limit));
                let (segment, ended_at) = self.load(of, read, at, limit).await?;
                segments.insert(of.id, &segment, position);
                examined_to = ended_at;
                segment
            };
            let left = wanted - messages.len();
            let found = segment.from(at, is_before);
            if is_before {
                messages.extend(found.iter().rev().take(left).cloned());
            } else {
                messages.extend(found.iter().take(left).cloned());
            }
            next = segment.beyond(is_before);
            read = match next {
                Some(id) if is_before => MessageRange::Before(id.next().unwrap_or(id)),
                Some(id) => MessageRange::From(id),
                None => read,
            };
        }
        if is_before {
            messages.reverse();
        }
        Ok(SharedList { examined_to: examined_to.filter(|_| messages.len() < wanted), messages })
    }

    /// Loads the segment that begins at `at`, where `range` begins; also returns the id at which the search for shown
    /// messages ended before there were `limit`.
    async fn load(
        &mut self,
        of: &Channel,
        range: MessageRange,
        at: MessageId,
        limit: u32,
    ) -> Result<(Arc<Segment>, Option<MessageId>), StoreError> {
        let list = self.at().await?.messages().list(of.id, range, false, limit).await?;
        let is_full = list.messages.len() == limit as usize;
        let far = if is_before(range) { list.messages.first() } else { list.messages.last() };
        let far = list.examined_to.or(far.filter(|_| is_full).map(|message| message.id));
        let interval = reach(range, far).unwrap_or(Interval::only(at));
        let examined_to = list.examined_to;
        let segment = Segment::new(of.tenant_id, interval, listed(list, SharedMessage::shared));
        Ok((Arc::new(segment), examined_to))
    }
}

/// Returns the first id of a range.
fn near(range: MessageRange) -> Option<MessageId> {
    match range {
        MessageRange::Newest => Some(MessageId::MAX),
        MessageRange::Oldest => Some(MessageId::MIN),
        MessageRange::Before(id) => id.previous(),
        MessageRange::After(id) => id.next(),
        MessageRange::From(id) => Some(id),
    }
}

#[cfg(test)]
mod tests;
