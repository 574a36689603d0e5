//! Relates the files of one import to each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::page::{MessagePage, PageOutcome};

use super::plan::Planned;
use super::report::AbsentMessages;

/// Returns the order in which files are imported: those of a channel one after the other, the oldest first.
pub(super) fn in_order(planned: &[Planned]) -> Vec<usize> {
    let mut first = HashMap::new();
    for (index, file) in planned.iter().enumerate() {
        first.entry(file.channel.id).or_insert(index);
    }
    let mut order: Vec<usize> = (0..planned.len()).collect();
    order.sort_by_key(|index| {
        let file = &planned[*index];
        (first[&file.channel.id], file.summary.exported_at, *index)
    });
    order
}

/// The messages that one import has read. A file does not delete messages of another file of the same import: the
/// operator named both.
pub(super) struct Together {
    /// For each file the ranges that later files of its channel prove, in which messages are remembered.
    wanted: Vec<Vec<Interval>>,
    /// The current file.
    at: usize,
    channel: Option<ChannelId>,
    channels: Vec<ChannelId>,
    /// Messages of earlier files of the channel, ascending, and those of the current file.
    read: Arc<[MessageId]>,
    now: Vec<MessageId>,
    absent: BTreeMap<ChannelId, BTreeSet<MessageId>>,
}

impl Together {
    pub(super) fn new(planned: &[Planned]) -> Self {
        let mut wanted = vec![Vec::new(); planned.len()];
        let mut later: HashMap<ChannelId, Vec<Interval>> = HashMap::new();
        for index in in_order(planned).into_iter().rev() {
            let known = later.entry(planned[index].channel.id).or_default();
            wanted[index].clone_from(known);
            if let Some(interval) = planned[index].proof.interval() {
                // Intervals are merged to keep them few: complete exports of a channel all begin at its start.
                match known.iter_mut().find(|other| other.touches(interval)) {
                    Some(other) => *other = other.extend(interval.low()).extend(interval.high()),
                    None => known.push(interval),
                }
            }
        }
        let channels = planned.iter().map(|file| file.channel.id).collect();
        let (read, absent) = (Arc::default(), BTreeMap::new());
        Self { wanted, at: 0, channel: None, channels, read, now: Vec::new(), absent }
    }

    /// Begins with a file.
    pub(super) fn begin(&mut self, index: usize) {
        let channel = self.channels[index];
        let mut read = if self.channel == Some(channel) { self.read.to_vec() } else { Vec::new() };
        if self.channel == Some(channel) {
            read.append(&mut self.now);
            read.sort_unstable();
            read.dedup();
        }
        self.now.clear();
        (self.at, self.channel, self.read) = (index, Some(channel), read.into());
    }

    /// Returns the messages of earlier files of the channel, ascending, as far as a later one could delete them.
    pub(super) fn read(&self) -> Arc<[MessageId]> {
        Arc::clone(&self.read)
    }

    /// Records the messages of a page and the stored messages that it lacks.
    pub(super) fn page(&mut self, channel: ChannelId, page: &MessagePage, outcomes: &[PageOutcome]) {
        let ids = || page.messages().iter().map(|message| message.id);
        let wanted = &self.wanted[self.at];
        self.now.extend(ids().filter(|id| wanted.iter().any(|interval| interval.contains(*id))));
        if let Some(absent) = self.absent.get_mut(&channel).filter(|absent| !absent.is_empty()) {
            for id in ids() {
                absent.remove(&id);
            }
        }
        for outcome in outcomes.iter().filter(|outcome| !outcome.absent.is_empty()) {
            self.absent.entry(channel).or_default().extend(&outcome.absent);
        }
    }

    /// Returns the number of stored messages that newer files lack.
    pub(super) fn absent_count(&self) -> u64 {
        self.absent.values().map(|ids| ids.len() as u64).sum()
    }

    /// Returns those messages, by channel.
    pub(super) fn absent(&self, planned: &[Planned]) -> Vec<AbsentMessages> {
        let named = |(channel_id, ids): (&ChannelId, &BTreeSet<MessageId>)| {
            let file = planned.iter().find(|file| file.channel.id == *channel_id);
            let channel = file.map_or_else(String::new, |file| file.channel.name.clone());
            AbsentMessages { channel_id: *channel_id, channel, messages: ids.iter().copied().collect() }
        };
        self.absent.iter().filter(|(_, ids)| !ids.is_empty()).map(named).collect()
    }
}
