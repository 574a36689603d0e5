//! The open connections, and which of them is closed for a new one when there is no room.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::limit::network;

/// The share of one network while others need connections: one in so many of all.
const SHARES: usize = 32;

/// Every open connection. When there is no room, a new one replaces another: one of the network that has the most if
/// that is more than its share, else the longest idle one. So a network cannot shut out others, however many
/// connections it opens, leaves idle or reads slowly, and it may use more than its share while there is room.
///
/// A network is the first 24 bits of an IPv4 address and the first 48 of an IPv6 address; within it, the address, or
/// the 64 bits of one IPv6 customer, that has the most goes first. Trusted proxies have no share.
pub(crate) struct Connections {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A counter of events, so that an older event has a smaller number.
    now: u64,
    open: HashMap<u64, Entry>,
    /// The number of connections by network, without those of trusted proxies.
    of_network: HashMap<IpAddr, usize>,
    /// The same by address.
    of_address: HashMap<IpAddr, usize>,
}

struct Entry {
    /// The network and the address; `None` for a trusted proxy.
    origin: Option<(IpAddr, IpAddr)>,
    /// Whether a request is in progress.
    is_busy: bool,
    /// The event since which it is busy or idle.
    since: u64,
    close: CancellationToken,
}

impl Connections {
    /// Creates a set with room for `most` connections.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), state: Mutex::default() })
    }

    /// Registers a new connection, and closes another if there is no room for both. `None` if every connection is a
    /// busy one of a trusted proxy.
    pub(crate) fn open(self: &Arc<Self>, peer: IpAddr, is_trusted: bool) -> Option<Arc<Connection>> {
        let peer = peer.to_canonical();
        let origin = (!is_trusted).then(|| (wide(peer), network(peer)));
        let close = CancellationToken::new();
        let mut state = self.state();
        let id = state.tick();
        state.insert(id, Entry { origin, is_busy: false, since: id, close: close.clone() });
        if state.open.len() > self.most {
            let share = (self.most / SHARES).max(1);
            let Some(closed) = state.least_needed(id, share).and_then(|closed| state.remove(closed)) else {
                state.remove(id);
                return None;
            };
            closed.close.cancel();
        }
        drop(state);
        Some(Arc::new(Connection { id, close, has_stream: AtomicBool::new(false), connections: Arc::clone(self) }))
    }

    /// Closes the least needed connection, when another resource than this room is exhausted.
    pub(crate) fn close_one(&self) {
        let mut state = self.state();
        let closed = state.least_needed(u64::MAX, 0).and_then(|closed| state.remove(closed));
        if let Some(closed) = closed {
            closed.close.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn insert(&mut self, id: u64, entry: Entry) {
        if let Some((network, address)) = entry.origin {
            *self.of_network.entry(network).or_default() += 1;
            *self.of_address.entry(address).or_default() += 1;
        }
        self.open.insert(id, entry);
    }

    fn remove(&mut self, id: u64) -> Option<Entry> {
        let entry = self.open.remove(&id)?;
        if let Some((network, address)) = entry.origin {
            lower(&mut self.of_network, &network);
            lower(&mut self.of_address, &address);
        }
        Some(entry)
    }

    /// Returns the connection that is closed for the connection `new`.
    fn least_needed(&self, new: u64, share: usize) -> Option<u64> {
        let others = || self.open.iter().filter(|(id, _)| **id != new);
        let of_largest = || {
            let (largest, count) = self.of_network.iter().max_by_key(|(_, count)| **count)?;
            let of_it = || others().filter(|(_, entry)| entry.origin.is_some_and(|(network, _)| network == *largest));
            let most = of_it().filter_map(|(_, entry)| self.of_address.get(&entry.origin?.1)).max()?;
            let first = of_it()
                .filter(|(_, entry)| entry.origin.is_some_and(|origin| self.of_address.get(&origin.1) == Some(most)))
                .min_by_key(|(_, entry)| (entry.is_busy, entry.since))?;
            Some((*first.0, *count))
        };
        let over_share = || of_largest().filter(|(_, count)| *count > share).map(|(id, _)| id);
        let idle = || others().filter(|(_, entry)| !entry.is_busy).min_by_key(|(_, entry)| entry.since);
        over_share().or_else(|| idle().map(|(id, _)| *id)).or_else(|| of_largest().map(|(id, _)| id))
    }
}

fn lower<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Returns the network that an address is counted with.
pub(crate) fn wide(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() >> 8 << 8).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 80 << 80).into(),
    }
}

/// One open connection, until it is dropped.
pub(crate) struct Connection {
    id: u64,
    close: CancellationToken,
    has_stream: AtomicBool,
    connections: Arc<Connections>,
}

impl Connection {
    /// Waits until another connection replaces this one.
    pub(crate) fn closed(&self) -> WaitForCancellationFuture<'_> {
        self.close.cancelled()
    }

    /// Marks the connection as busy until the value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.mark(true);
        Busy(Arc::clone(self))
    }

    /// Marks the connection as one with a stream of changes until the value is dropped.
    pub(crate) fn begin_stream(self: &Arc<Self>) -> Streaming {
        self.has_stream.store(true, Ordering::Relaxed);
        Streaming(Arc::clone(self))
    }

    /// Returns whether a stream of changes is being sent.
    pub(crate) fn has_stream(&self) -> bool {
        self.has_stream.load(Ordering::Relaxed)
    }

    fn mark(&self, is_busy: bool) {
        let mut state = self.connections.state();
        let since = state.tick();
        if let Some(entry) = state.open.get_mut(&self.id) {
            (entry.is_busy, entry.since) = (is_busy, since);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.connections.state().remove(self.id);
    }
}

/// A request in progress, until the last byte of its response is sent.
pub(crate) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.mark(false);
    }
}

/// A stream in progress, until its last byte is queued or it is dropped.
pub(crate) struct Streaming(Arc<Connection>);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.has_stream.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
