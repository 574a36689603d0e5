//! The counters of all shards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::event::event_name;
use ports::event::GatewayStats;

/// The number of names of events that are counted on their own: more than Discord has.
const NAMES: usize = 200;
/// The name under which all others are counted.
const OTHER: &str = "OTHER";

/// The counters of a source.
#[derive(Debug, Default)]
pub(super) struct Counters {
    connected: AtomicU32,
    pub(super) unknown: AtomicU64,
    pub(super) unreadable: AtomicU64,
    pub(super) reconnects: AtomicU64,
    pub(super) resumes: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) queued_events: AtomicU64,
    pub(super) queued_bytes: AtomicU64,
    pub(super) spilled_bytes: AtomicU64,
    named: Mutex<Named>,
}

#[derive(Debug, Default)]
struct Named {
    events: BTreeMap<String, u64>,
    logged: BTreeSet<String>,
    identifies_left: Option<u32>,
}

/// Adds one to a counter.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Adds to a gauge.
pub(super) fn raise(gauge: &AtomicU64, by: usize) {
    gauge.fetch_add(by as u64, Ordering::Relaxed);
}

/// Subtracts from a gauge.
pub(super) fn lower(gauge: &AtomicU64, by: usize) {
    gauge.fetch_sub(by as u64, Ordering::Relaxed);
}

impl Counters {
    fn named(&self) -> MutexGuard<'_, Named> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an event by the name of its type.
    pub(super) fn event(&self, name: &str) {
        let name = event_name(name);
        let mut named = self.named();
        if let Some(count) = named.events.get_mut(name.as_ref()) {
            *count += 1;
            return;
        }
        let name = if named.events.len() < NAMES { name.into_owned() } else { OTHER.to_owned() };
        *named.events.entry(name).or_default() += 1;
    }

    /// Counts an event or opcode of an unknown type, and logs the first of its type.
    pub(super) fn unknown(&self, kind: &'static str, name: &str) {
        count(&self.unknown);
        let name = event_name(name).into_owned();
        let mut named = self.named();
        if named.logged.len() < NAMES && named.logged.insert(format!("{kind} {name}")) {
            tracing::info!(kind, name, "unknown gateway payload ignored");
        }
    }

    /// Records the number of sessions that may still be started.
    pub(super) fn identifies_left(&self, left: u32) {
        self.named().identifies_left = Some(left);
    }

    /// Returns the current values.
    pub(super) fn stats(&self) -> GatewayStats {
        let named = self.named();
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GatewayStats {
            connected: self.connected.load(Ordering::Relaxed),
            events: named.events.clone(),
            unknown: of(&self.unknown),
            unreadable: of(&self.unreadable),
            reconnects: of(&self.reconnects),
            resumes: of(&self.resumes),
            sessions: of(&self.sessions),
            identifies_left: named.identifies_left,
            queued_events: of(&self.queued_events),
            queued_bytes: of(&self.queued_bytes),
            spilled_bytes: of(&self.spilled_bytes),
        }
    }
}

/// A shard that is connected, as long as this exists.
#[derive(Debug)]
pub(super) struct Connected(Arc<Counters>);

impl Connected {
    pub(super) fn new(counters: &Arc<Counters>) -> Self {
        counters.connected.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counters))
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events_are_counted_up_to_a_limit() {
        let counters = Counters::default();
        (0..300).for_each(|number| counters.event(&format!("EVENT_{number}")));
        counters.event("EVENT_7");
        let stats = counters.stats();
        assert_eq!(stats.events.len(), NAMES + 1);
        assert_eq!((stats.events["EVENT_7"], stats.events[OTHER]), (2, 100));
    }

    #[test]
    fn a_shard_is_connected_as_long_as_it_says_so() {
        let counters = Arc::new(Counters::default());
        let connected = Connected::new(&counters);
        assert_eq!(counters.stats().connected, 1);
        drop(connected);
        assert_eq!(counters.stats().connected, 0);
    }
}
