//! How many bytes of finished responses wait for clients to take them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limit::network;

/// Bytes of all responses in flight.
pub(crate) const ALL_BYTES: usize = 64 << 20;
/// Bytes of the responses to one client, which is what the rate limit counts as one. A single larger response is sent
/// to a client that has no other.
pub(crate) const CLIENT_BYTES: usize = 16 << 20;
/// A smaller response is not counted: errors can always be sent, and the number of connections bounds the rest.
pub(crate) const FREE_BYTES: usize = 8 << 10;

/// Bounds the bytes that responses hold until clients have taken them, for all clients and for each.
pub(crate) struct Budget {
    all: usize,
    per_client: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: usize,
    of_client: HashMap<IpAddr, usize>,
}

impl Budget {
    pub(crate) fn new(all: usize, per_client: usize) -> Arc<Self> {
        Arc::new(Self { all, per_client, held: Mutex::default() })
    }

    /// Whether a response for `client` may be worth making.
    pub(crate) fn has_room(&self, client: IpAddr) -> bool {
        let held = self.held();
        held.total < self.all && held.of_client.get(&network(client)).is_none_or(|bytes| *bytes < self.per_client)
    }

    /// Counts a response of so many bytes until the value is dropped; `None` if it would be too much.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr, bytes: usize) -> Option<Taken> {
        let client = network(client);
        let mut held = self.held();
        let of_client = held.of_client.get(&client).copied().unwrap_or_default();
        let fits = of_client == 0 || of_client + bytes <= self.per_client;
        if bytes > 0 && (!fits || held.total + bytes > self.all) {
            return None;
        }
        held.total += bytes;
        *held.of_client.entry(client).or_default() += bytes;
        Some(Taken { budget: Arc::clone(self), client, bytes })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of one response.
pub(crate) struct Taken {
    budget: Arc<Budget>,
    client: IpAddr,
    bytes: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut held = self.budget.held();
        held.total -= self.bytes;
        if let Some(bytes) = held.of_client.get_mut(&self.client) {
            *bytes -= self.bytes;
            if *bytes == 0 {
                held.of_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests;
