//! Bounds the bytes of finished responses that clients have not received yet.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::connections::wide;
use super::limit::network;

/// The most bytes of all responses in flight.
pub(crate) const ALL_BYTES: usize = 64 << 20;
/// The most bytes of the responses to one client, as the rate limit counts clients. A single larger response is sent to
/// a client that has no other.
pub(crate) const CLIENT_BYTES: usize = 16 << 20;
/// The most bytes of the responses to the clients of one network, as connections count them, so that none takes all.
pub(crate) const NETWORK_BYTES: usize = 32 << 20;
/// The size below which a response is not counted: errors can always be sent, and the number of connections bounds the
/// rest.
pub(crate) const FREE_BYTES: usize = 8 << 10;

/// Bounds the bytes that responses occupy until clients have received them, for all clients, each network and each
/// client.
pub(crate) struct Budget {
    all: usize,
    per_network: usize,
    per_client: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: usize,
    of_network: HashMap<IpAddr, usize>,
    of_client: HashMap<IpAddr, usize>,
}

impl Budget {
    pub(crate) fn new(all: usize, per_network: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self { all, per_network, per_client, held: Mutex::default() })
    }

    /// Returns whether there is room for a response to `client`.
    pub(crate) fn has_room(&self, client: IpAddr) -> bool {
        let held = self.held();
        let of_network = held.of_network.get(&wide(client)).copied().unwrap_or_default();
        let of_client = held.of_client.get(&network(client)).copied().unwrap_or_default();
        held.total < self.all && of_network < self.per_network && of_client < self.per_client
    }

    /// Counts a response of `bytes` bytes until the value is dropped; `None` if it would exceed a bound.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr, bytes: usize) -> Option<Taken> {
        let (wide, client) = (wide(client), network(client));
        let mut held = self.held();
        let of_network = held.of_network.get(&wide).copied().unwrap_or_default();
        let of_client = held.of_client.get(&client).copied().unwrap_or_default();
        let fits = (of_client == 0 || of_client + bytes <= self.per_client)
            && (of_network == 0 || of_network + bytes <= self.per_network);
        if bytes > 0 && (!fits || held.total + bytes > self.all) {
            return None;
        }
        held.total += bytes;
        *held.of_network.entry(wide).or_default() += bytes;
        *held.of_client.entry(client).or_default() += bytes;
        Some(Taken { budget: Arc::clone(self), network: wide, client, bytes })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of one response.
pub(crate) struct Taken {
    budget: Arc<Budget>,
    network: IpAddr,
    client: IpAddr,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.budget.held();
        held.total -= self.bytes;
        lower(&mut held.of_network, &self.network, self.bytes);
        lower(&mut held.of_client, &self.client, self.bytes);
    }
}

fn lower(held: &mut HashMap<IpAddr, usize>, key: &IpAddr, by: usize) {
    if let Some(bytes) = held.get_mut(key) {
        *bytes -= by;
        if *bytes == 0 {
            held.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
