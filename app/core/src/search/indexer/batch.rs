//! The changes of a tenant as a batch for its index.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use ports::search::{
    CandidateQuery, IndexBatch, IndexPosition, IndexRange, IndexState, IndexedMessage, MAX_CANDIDATES, SearchError,
    SearchScope, SearchSort,
};

use super::IndexerError;
use super::work::Work;
use crate::search::documents::{Place, documents};

/// The most messages of one read.
pub(super) const READ: u32 = 500;
/// The most keys of one read.
const KEYS: usize = 200;
/// The most documents that wait for a commit.
const DOCUMENTS: usize = 1_000;
/// The most code points in documents that wait for a commit, beyond those of one read.
const CHARACTERS: usize = 4_000_000;
/// The time for a part of the documents that name an author.
const NAMED: Duration = Duration::from_mins(1);

/// The changes of a tenant, as the store has their subjects now. Each part of a channel is replaced in one commit, so
/// that a search misses nothing meanwhile, and a process that ends between two commits leaves parts that are whole.
pub(super) struct Batch<'a> {
    work: &'a Work,
    tenant: TenantId,
    pending: IndexBatch,
    /// The code points of the pending documents.
    characters: usize,
    places: HashMap<ChannelId, Option<Place>>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(work: &'a Work, tenant: TenantId) -> Self {
        Self { work, tenant, pending: IndexBatch::default(), characters: 0, places: HashMap::new() }
    }

    /// Applies changes, and moves the position of the index to `to` with the last of them.
    pub(super) async fn apply(mut self, kinds: &[ChangeKind], to: IndexPosition) -> Result<(), IndexerError> {
        let (mut gone, mut channels, mut erased) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut keys, mut intervals) = (BTreeSet::new(), BTreeMap::<ChannelId, Vec<Interval>>::new());
        for kind in kinds {
            match *kind {
                ChangeKind::Page { channel, interval } => intervals.entry(channel).or_default().push(interval),
                ChangeKind::Created { channel, message }
                | ChangeKind::Updated { channel, message }
                | ChangeKind::Deleted { channel, message } => drop(keys.insert((channel, message))),
                ChangeKind::Channel { channel } => drop(channels.insert(channel)),
                ChangeKind::ChannelGone { channel } => drop(gone.insert(channel)),
                ChangeKind::AuthorErased { author } => drop(erased.insert(author)),
                // A search checks in the store whether a channel is open.
                ChangeKind::ChannelClosed { .. }
                | ChangeKind::Tenant
                | ChangeKind::TenantGone
                | ChangeKind::GuildItems
                | ChangeKind::Files { .. } => {}
            }
        }
        self.pending.delete.extend(gone.into_iter().map(IndexRange::Channel));
        for channel in channels {
            let Some(place) = self.place(channel).await? else { continue };
            let Some(parent) = place.channel.parent_id.filter(|_| place.channel.kind.is_thread()) else { continue };
            if !self.work.index.has_root(self.tenant, channel, place.root()).await? {
                intervals.entry(channel).or_default().push(Interval::ALL);
            }
            // A thread's name is found with the message that started it, and with its opener.
            keys.insert((parent, place.channel.platform_id.cast()));
            keys.insert((channel, place.channel.platform_id.cast()));
        }
        for author in erased {
            keys.extend(self.named(author).await?);
        }
        for (channel, intervals) in intervals {
            for interval in merged(intervals) {
                keys.retain(|(of, id)| *of != channel || !interval.contains(*id));
                self.interval(channel, interval).await?;
            }
        }
        let keys: Vec<(ChannelId, MessageId)> = keys.into_iter().collect();
        for keys in keys.chunks(KEYS) {
            self.keys(keys).await?;
        }
        self.work.index.apply(self.tenant, self.pending, to).await?;
        Ok(())
    }

    /// Returns the keys of the documents that an author wrote, or whose properties or texts name the author.
    async fn named(&self, author: Pseudonym) -> Result<BTreeSet<(ChannelId, MessageId)>, IndexerError> {
        let queries = [format!("from:{author}"), format!("mentions:{author}"), format!("\"{}\"", author.name())];
        let mut keys = BTreeSet::new();
        for query in queries {
            let mut request = CandidateQuery {
                query: query.parse().expect("a pseudonym and a generated name are parts of the language"),
                channels: HashMap::new(),
                scope: SearchScope::All,
                within: None,
                sort: SearchSort::Oldest,
                after: None,
                limit: MAX_CANDIDATES,
                is_counted: false,
                time: NAMED,
            };
            loop {
                let found = self.work.index.find(self.tenant, request.clone()).await?;
                keys.extend(found.items.iter().map(|found| (found.channel, found.id)));
                request.after = found.items.last().copied();
                if !found.more {
                    break;
                }
            }
        }
        Ok(keys)
    }

    async fn place(&mut self, channel: ChannelId) -> Result<Option<Place>, IndexerError> {
        if let Some(place) = self.places.get(&channel) {
            return Ok(place.clone());
        }
        let mut read = self.work.store.read().await?;
        let place = Place::load(&mut *read, channel).await?.filter(|place| place.channel.tenant_id == self.tenant);
        self.places.insert(channel, place.clone());
        Ok(place)
    }

    /// Replaces the documents of an interval, part by part. Each part is read in a snapshot of its own: what changes
    /// meanwhile is in the log after the position of the batch.
    async fn interval(&mut self, channel: ChannelId, interval: Interval) -> Result<(), IndexerError> {
        let Some(place) = self.place(channel).await? else {
            self.pending.delete.push(IndexRange::Interval(channel, interval));
            return Ok(());
        };
        let mut low = interval.low();
        loop {
            let mut read = self.work.store.read().await?;
            let mut stored = read.messages().list_stored(channel, low.previous(), READ).await?;
            let last = stored.last().map(|last| last.message.id).filter(|_| stored.len() == READ as usize);
            let high = last.map_or(interval.high(), |last| last.min(interval.high()));
            stored.retain(|stored| (low..=high).contains(&stored.message.id));
            let found = documents(&mut *read, &place, stored).await?;
            drop(read);
            let part = Interval::new(low, high).into_iter().map(|part| IndexRange::Interval(channel, part));
            self.replace(part, found).await?;
            match high.next() {
                Some(next) if high < interval.high() => low = next,
                _ => return Ok(()),
            }
        }
    }

    /// Replaces the documents of single messages.
    async fn keys(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<(), IndexerError> {
        let mut read = self.work.store.read().await?;
        let mut by_channel: BTreeMap<ChannelId, Vec<_>> = BTreeMap::new();
        for stored in read.messages().find_all(keys).await? {
            by_channel.entry(stored.message.channel_id).or_default().push(stored);
        }
        let mut found = Vec::new();
        for (channel, stored) in by_channel {
            if let Some(place) = self.place(channel).await? {
                found.extend(documents(&mut *read, &place, stored).await?);
            }
        }
        drop(read);
        let ranges = keys.iter().map(|(channel, id)| IndexRange::Interval(*channel, Interval::only(*id)));
        self.replace(ranges, found).await
    }

    /// Replaces ranges by documents in one commit; commits what waits before them if it is much, at the old position.
    async fn replace(
        &mut self,
        ranges: impl IntoIterator<Item = IndexRange>,
        found: Vec<IndexedMessage>,
    ) -> Result<(), IndexerError> {
        if self.pending.put.len() + found.len() > DOCUMENTS || self.characters > CHARACTERS {
            let IndexState::Ready(position) = self.work.index.state(self.tenant).await? else {
                return Err(SearchError::Missing.into());
            };
            let pending = std::mem::take(&mut self.pending);
            self.characters = 0;
            self.work.index.apply(self.tenant, pending, position).await?;
        }
        self.characters += found.iter().map(characters).sum::<usize>();
        self.pending.delete.extend(ranges);
        self.pending.put.extend(found);
        Ok(())
    }
}

fn characters(message: &IndexedMessage) -> usize {
    message.document.texts.iter().map(|text| text.as_str().len()).sum()
}

/// Returns the ids of intervals without duplicates, ascending.
pub(super) fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable_by_key(|interval| interval.low());
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut().and_then(|last| last.merge(interval).map(|both| (last, both))) {
            Some((last, both)) => *last = both,
            None => merged.push(interval),
        }
    }
    merged
}
