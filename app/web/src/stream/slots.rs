//! The streams that may be open: a share of all connections, and few for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;

use crate::error::ApiError;
use crate::limit::network;

/// The streams of one address. A browser needs one for all tabs of a site.
const PER_ADDRESS: usize = 8;
/// The seconds after which a client may try again.
const RETRY_AFTER: u32 = 30;

/// Counts open streams.
pub(crate) struct Slots {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    total: usize,
    of_address: HashMap<IpAddr, usize>,
}

impl Slots {
    /// Allows half of `connections`.
    pub(crate) fn new(connections: usize) -> Arc<Self> {
        Arc::new(Self { most: connections / 2, held: Mutex::default() })
    }

    /// Counts a stream to `client` until the value is dropped.
    pub(crate) fn take(self: &Arc<Self>, client: IpAddr) -> Result<Slot, ApiError> {
        let address = network(client);
        let mut held = self.held();
        if held.of_address.get(&address).is_some_and(|count| *count >= PER_ADDRESS) {
            let detail = "too many streams from this address";
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
            return Err(ApiError { retry_after: Some(RETRY_AFTER), ..error });
        }
        if held.total >= self.most {
            let error = ApiError::unavailable("too many streams are open");
            return Err(ApiError { retry_after: Some(RETRY_AFTER), ..error });
        }
        held.total += 1;
        *held.of_address.entry(address).or_default() += 1;
        Ok(Slot { slots: Arc::clone(self), address })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open stream.
pub(crate) struct Slot {
    slots: Arc<Slots>,
    address: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut held = self.slots.held();
        held.total -= 1;
        if let Some(count) = held.of_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.of_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn client(last: u8) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, last).into()
    }

    #[test]
    fn an_address_has_eight_streams_and_all_of_them_half_of_the_connections() {
        let slots = Slots::new(20);
        let status = |client| slots.take(client).map_err(|error| (error.status.as_u16(), error.retry_after));
        let mut of_one: Vec<_> = (0..8).map(|_| status(client(1)).ok()).collect();
        assert!(of_one.iter().all(Option::is_some));
        assert_eq!(status(client(1)).err(), Some((429, Some(RETRY_AFTER))));
        let of_others = [2, 3].map(|last| status(client(last)).ok());
        assert!(of_others.iter().all(Option::is_some));
        assert_eq!(status(client(4)).err(), Some((503, Some(RETRY_AFTER))));
        drop(of_one.pop());
        assert!(status(client(4)).is_ok());
        drop((of_one, of_others));
        assert!(slots.held().of_address.is_empty() && slots.held().total == 0);
    }
}
