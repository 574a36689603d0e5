//! Permits for making responses: few are made at a time, and one network cannot take all permits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::wide;

/// Bounds the responses that are being made, for all clients and for the clients of each network.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    per_network: usize,
    of_network: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

/// The permit for one response, until it is dropped.
pub(crate) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_network: OwnedSemaphorePermit,
}

impl Turns {
    /// Allows `most` (at least 1) responses at a time, of which one network has three quarters at most.
    pub(crate) fn new(most: usize) -> Self {
        let per_network = (most - most / 4).min(most - usize::from(most > 1));
        Self { all: Arc::new(Semaphore::new(most)), per_network, of_network: Mutex::default() }
    }

    /// Waits for a permit, in the order of the calls from one network.
    pub(crate) async fn take(&self, client: IpAddr) -> Turn {
        let never_closed = "a semaphore of turns is never closed";
        let of_network = self.network(wide(client)).acquire_owned().await.expect(never_closed);
        let of_all = Arc::clone(&self.all).acquire_owned().await.expect(never_closed);
        Turn { _of_all: of_all, _of_network: of_network }
    }

    fn network(&self, network: IpAddr) -> Arc<Semaphore> {
        let mut networks = self.of_network.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turns) = networks.get(&network).and_then(Weak::upgrade) {
            return turns;
        }
        // A network without a request is dropped.
        networks.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(self.per_network));
        networks.insert(network, Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests;
