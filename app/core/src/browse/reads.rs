//! The parts of the archive that a response was made of, so that whatever keeps the response learns when it changed.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::tenant::TenantId;

/// The most parts that are recorded of one response; one that was made of more is not kept.
const MOST: usize = 2_000;
/// The number of touches that are remembered for responses that are being made: one that takes longer is not kept.
const REMEMBERED: usize = 20_000;

tokio::task_local! {
    static RECORDER: Recorder;
}

/// A part of the archive that a response can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// The list of the communities that readers see.
    Tenants,
    /// The fields of a tenant, and its channels without their counts and without threads.
    Tenant(TenantId),
    /// The roles, emoji and stickers of a tenant.
    Items(TenantId),
    /// Everything of a tenant.
    Everything(TenantId),
    /// The fields of a channel or thread, and whether it exists.
    Channel(ChannelId),
    /// The counts of a channel or thread.
    Counts(ChannelId),
    /// Which threads a channel has, with their fields.
    Threads(ChannelId),
    /// The same with their counts.
    Activity(ChannelId),
    /// The messages of a channel, by id.
    Messages(ChannelId),
    /// The messages of all channels of a tenant, by id.
    Ids(TenantId),
}

/// A part that changed, or that was read: all ids of a topic that has none.
pub type Part = (Topic, Interval);

/// Returns a part without ids.
pub(super) fn whole(topic: Topic) -> Part {
    (topic, Interval::up_to(MessageId::MAX))
}

/// What a response was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    parts: HashMap<Topic, Vec<Interval>>,
    count: usize,
    is_untraced: bool,
    has_relative_times: bool,
}

impl Reads {
    /// Returns reads of these parts.
    #[must_use]
    pub fn of(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut reads = Self::default();
        parts.into_iter().for_each(|part| reads.add(part));
        reads
    }

    /// Returns the parts that were read.
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        self.parts.iter().flat_map(|(topic, intervals)| intervals.iter().map(|interval| (*topic, *interval)))
    }

    /// Returns their number.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Returns whether every change to the response touches one of its parts.
    #[must_use]
    pub const fn is_traced(&self) -> bool {
        !self.is_untraced
    }

    /// Returns whether a text that was read has a time that pages show as the distance from now.
    #[must_use]
    pub const fn has_relative_times(&self) -> bool {
        self.has_relative_times
    }

    /// Returns whether one of the parts changed.
    fn is_touched_by(&self, (topic, interval): Part) -> bool {
        self.parts.get(&topic).is_some_and(|read| read.iter().any(|one| one.overlaps(interval)))
    }

    fn add(&mut self, (topic, interval): Part) {
        let known = self.parts.entry(topic).or_default();
        if known.iter().any(|known| known.contains(interval.low()) && known.contains(interval.high())) {
            return;
        }
        if self.count == MOST {
            self.is_untraced = true;
            return;
        }
        known.push(interval);
        self.count += 1;
    }
}

/// Records the parts that the snapshots of one response read. A clone records into the same response.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Reads>>);

impl Recorder {
    /// Returns the recorder of the response that is being made.
    pub(super) fn current() -> Option<Self> {
        RECORDER.try_with(Self::clone).ok()
    }

    fn update(&self, change: impl FnOnce(&mut Reads)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn add(&self, parts: impl IntoIterator<Item = Part>) {
        self.update(|reads| parts.into_iter().for_each(|part| reads.add(part)));
    }

    /// Records a read of which no change is told.
    pub(super) fn add_untraced(&self) {
        self.update(|reads| reads.is_untraced = true);
    }

    pub(super) fn add_relative_time(&self) {
        self.update(|reads| reads.has_relative_times = true);
    }
}

/// Returns the result of `work`, and what the snapshots that it opened read.
pub async fn recorded<T>(work: impl Future<Output = T>) -> (T, Reads) {
    let recorder = Recorder::default();
    let result = RECORDER.scope(recorder.clone(), work).await;
    let mut reads = recorder.0.lock().unwrap_or_else(PoisonError::into_inner);
    (result, std::mem::take(&mut *reads))
}

/// The latest changes, for what is made of a snapshot that may lack them.
#[derive(Debug, Default)]
pub struct Recent {
    /// The number of touches so far.
    count: u64,
    touches: VecDeque<Part>,
}

impl Recent {
    /// Returns the position after the changes so far: a snapshot that is opened from now on contains them.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.count
    }

    /// Adds changes.
    pub fn add(&mut self, touches: &[Part]) {
        self.count += touches.len() as u64;
        self.touches.extend(touches);
        let over = self.touches.len().saturating_sub(REMEMBERED);
        self.touches.drain(..over);
    }

    /// Forgets everything: whatever is being made may lack any change.
    pub fn reset(&mut self) {
        self.touches.clear();
        self.count += 1;
    }

    /// Returns whether a snapshot that was opened after `position` shows the parts of `reads` as they are now; false if
    /// that is not known.
    #[must_use]
    pub fn has_left(&self, reads: &Reads, position: u64) -> bool {
        let Ok(missed) = usize::try_from(self.count - position) else { return false };
        missed <= self.touches.len() && self.touches.iter().rev().take(missed).all(|touch| !reads.is_touched_by(*touch))
    }
}

#[cfg(test)]
mod tests;
