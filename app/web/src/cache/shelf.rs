//! What the cache holds: records of responses by address, their bodies, and both by the parts that they were made of.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use app_core::browse::{Part, Reads, Recent, Topic};
use bytes::Bytes;
use domain::coverage::Interval;
use http::response::Parts;
use http::{HeaderMap, HeaderValue};
use quick_cache::unsync::{Cache as Bounded, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::compress::Encoding;

/// The part of the bytes that is for records.
const RECORDS: usize = 8;
/// The size of a record without its address, headers and parts, about, and of a part.
const RECORD_BYTES: usize = 512;
const PART_BYTES: usize = 96;
/// The sizes from which the number of entries is estimated; more or fewer only change what is set aside for them.
const USUAL_RECORD: usize = 1_024;
const USUAL_BODY: usize = 16_384;

/// The number of addresses that are remembered without a response, and for how long.
const UNSTORED: usize = 1_024;
const UNSTORED_TIME: Duration = Duration::from_secs(1);

/// What is known of a response without its body.
pub(super) struct Record {
    pub(super) id: u64,
    pub(super) tag: HeaderValue,
    /// The head as it is without compression.
    pub(super) head: Parts,
    pub(super) route: &'static str,
    until: Option<Instant>,
    parts: Vec<Part>,
    bytes: usize,
}

impl Record {
    pub(super) fn new(tag: HeaderValue, head: Parts, route: &'static str, until: Option<Instant>) -> Self {
        Self { id: 0, tag, head, route, until, parts: Vec::new(), bytes: 0 }
    }
}

/// A body in the forms that were requested.
pub(super) struct Stored {
    pub(super) whole: Bytes,
    forms: [OnceCell<(HeaderMap, Bytes)>; Encoding::COUNT],
}

impl Stored {
    /// Returns the form of an encoding, which may have to be made.
    pub(super) const fn form(&self, encoding: Encoding) -> &OnceCell<(HeaderMap, Bytes)> {
        &self.forms[encoding as usize]
    }
}

/// A body, with the size of the forms that were counted.
struct Entry {
    stored: Arc<Stored>,
    bytes: usize,
}

struct Weights;

impl Weighter<Arc<str>, Arc<Record>> for Weights {
    fn weight(&self, _: &Arc<str>, record: &Arc<Record>) -> u64 {
        record.bytes as u64
    }
}

impl Weighter<u64, Entry> for Weights {
    fn weight(&self, _: &u64, entry: &Entry) -> u64 {
        entry.bytes as u64
    }
}

/// Collects the records that make room for another one.
struct Evictions;

impl Lifecycle<Arc<str>, Arc<Record>> for Evictions {
    type RequestState = Vec<Arc<Record>>;

    fn on_evict(&self, evicted: &mut Self::RequestState, _: Arc<str>, record: Arc<Record>) {
        evicted.push(record);
    }
}

/// The address of a record, and the ids of a topic that it was made of.
type Place = (Arc<str>, Vec<Interval>);

/// The records and bodies.
pub(super) struct Shelf {
    records: Bounded<Arc<str>, Arc<Record>, Weights, DefaultHashBuilder, Evictions>,
    bodies: Bounded<u64, Entry, Weights, DefaultHashBuilder, DefaultLifecycle<u64, Entry>>,
    /// The addresses of the records of each part, by the ids of the records.
    by_topic: HashMap<Topic, HashMap<u64, Place>>,
    /// The latest addresses whose responses were not stored: equal requests need not wait for each other.
    unstored: Bounded<Arc<str>, Instant>,
    recent: Recent,
    next_id: u64,
}

/// The sizes that the metrics report.
pub(super) struct Sizes {
    pub(super) bytes: u64,
    pub(super) bodies: u64,
    pub(super) known: u64,
}

impl Shelf {
    pub(super) fn new(bytes: usize) -> Self {
        let for_records = bytes / RECORDS;
        let for_bodies = bytes - for_records;
        let hashes = DefaultHashBuilder::default;
        let records = Bounded::with(for_records / USUAL_RECORD + 1, for_records as u64, Weights, hashes(), Evictions);
        let bodies = Bounded::with(
            for_bodies / USUAL_BODY + 1,
            for_bodies as u64,
            Weights,
            hashes(),
            DefaultLifecycle::default(),
        );
        let unstored = Bounded::new(UNSTORED);
        Self { records, bodies, by_topic: HashMap::new(), unstored, recent: Recent::default(), next_id: 1 }
    }

    /// Returns the position of the changes that were applied.
    pub(super) const fn position(&self) -> u64 {
        self.recent.position()
    }

    /// Returns what is known of the response at an address, and its body if it is still there.
    pub(super) fn find(&self, target: &str) -> Option<(Arc<Record>, Option<Arc<Stored>>)> {
        let record = self.records.get(target)?;
        if record.until.is_some_and(|until| until <= Instant::now()) {
            return None;
        }
        let stored = self.bodies.get(&record.id).map(|entry| Arc::clone(&entry.stored));
        Some((Arc::clone(record), stored))
    }

    /// Returns whether the last response at an address was not stored.
    pub(super) fn is_unstored(&self, target: &str) -> bool {
        self.unstored.get(target).is_some_and(|at| at.elapsed() < UNSTORED_TIME)
    }

    pub(super) fn note_unstored(&mut self, target: &Arc<str>) {
        self.unstored.insert(Arc::clone(target), Instant::now());
    }

    /// Stores a response that was made of snapshots opened after `position`, unless one of its parts changed since.
    pub(super) fn insert(&mut self, target: &Arc<str>, record: Record, whole: &Bytes, reads: &Reads, position: u64) {
        if !self.recent.has_left(reads, position) {
            return;
        }
        self.remove(target);
        let (id, parts) = (self.next_id, reads.parts().collect::<Vec<_>>());
        self.next_id += 1;
        for (topic, interval) in &parts {
            let records = self.by_topic.entry(*topic).or_default();
            records.entry(id).or_insert_with(|| (Arc::clone(target), Vec::new())).1.push(*interval);
        }
        let headers: usize = record.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let bytes = RECORD_BYTES + target.len() + headers + parts.len() * PART_BYTES;
        let record = Arc::new(Record { id, parts, bytes, ..record });
        let stored = Arc::new(Stored { whole: whole.clone(), forms: Default::default() });
        self.bodies.insert(id, Entry { stored, bytes: whole.len() + RECORD_BYTES });
        let mut evicted = Vec::new();
        self.records.insert_with_lifecycle(Arc::clone(target), record, &mut evicted);
        for record in evicted {
            self.forget(&record);
        }
    }

    /// Counts the bytes of another form of a body.
    pub(super) fn grow(&mut self, id: u64, by: usize) {
        let Some(Entry { stored, bytes }) = self.bodies.peek(&id) else { return };
        let entry = Entry { stored: Arc::clone(stored), bytes: bytes + by };
        self.bodies.insert(id, entry);
    }

    fn remove(&mut self, target: &str) -> bool {
        let removed = self.records.remove(target);
        if let Some((_, record)) = &removed {
            self.forget(record);
        }
        removed.is_some()
    }

    /// Removes what refers to a record that is no longer there.
    fn forget(&mut self, record: &Record) {
        self.bodies.remove(&record.id);
        for (topic, _) in &record.parts {
            if let Some(records) = self.by_topic.get_mut(topic) {
                records.remove(&record.id);
                if records.is_empty() {
                    self.by_topic.remove(topic);
                }
            }
        }
    }

    /// Drops the responses that were made of parts that changed; returns their number.
    pub(super) fn touch(&mut self, touches: &[Part]) -> u64 {
        self.recent.add(touches);
        let mut dropped = 0;
        for (topic, interval) in touches {
            let Some(records) = self.by_topic.get(topic) else { continue };
            let is_touched = |read: &&Place| read.1.iter().any(|one| one.overlaps(*interval));
            let targets: Vec<_> = records.values().filter(is_touched).map(|(target, _)| Arc::clone(target)).collect();
            dropped += targets.iter().map(|target| u64::from(self.remove(target))).sum::<u64>();
        }
        dropped
    }

    /// Drops everything; returns the number of responses.
    pub(super) fn reset(&mut self) -> u64 {
        self.recent.reset();
        let dropped = self.records.len() as u64;
        self.records.clear();
        self.bodies.clear();
        self.by_topic.clear();
        dropped
    }

    #[cfg(test)]
    pub(super) fn drop_bodies(&mut self) {
        self.bodies.clear();
    }

    #[cfg(test)]
    pub(super) fn topics(&self) -> usize {
        self.by_topic.len()
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            bytes: self.records.weight() + self.bodies.weight(),
            bodies: self.bodies.len() as u64,
            known: self.records.len() as u64,
        }
    }
}
