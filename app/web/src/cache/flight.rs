//! Responses that are being made, so that equal requests wait for one.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The responses that are being made, by their addresses.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Arc<str>, CancellationToken>>);

/// A response that is being made, until it is dropped.
pub(super) struct Flight {
    flights: Arc<Flights>,
    target: Arc<str>,
}

impl Flights {
    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, CancellationToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a response.
    ///
    /// # Errors
    /// If an equal one is being made: a token that is cancelled when it ends.
    pub(super) fn join(self: &Arc<Self>, target: &str) -> Result<Flight, CancellationToken> {
        let target: Arc<str> = target.into();
        match self.all().entry(Arc::clone(&target)) {
            Occupied(other) => Err(other.get().clone()),
            Vacant(place) => {
                place.insert(CancellationToken::new());
                Ok(Flight { flights: Arc::clone(self), target })
            }
        }
    }
}

impl Flight {
    /// Returns the address.
    pub(super) const fn target(&self) -> &Arc<str> {
        &self.target
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(landed) = self.flights.all().remove(&self.target) {
            landed.cancel();
        }
    }
}
