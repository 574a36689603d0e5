//! The rate limit: the address of a client, and its share of requests.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::HeaderMap;
use ipnet::IpNet;
use tracing::warn;

const FORWARDED: &str = "x-forwarded-for";

/// Counts requests by address.
pub(crate) struct RateLimit {
    limiter: Option<DefaultKeyedRateLimiter<IpAddr>>,
    trusted: Vec<IpNet>,
    /// Whether an `X-Forwarded-For` of a peer that is not a trusted proxy has been logged.
    warned: AtomicBool,
}

impl RateLimit {
    /// Allows `per_minute` requests from one address; 0 for no limit. The `X-Forwarded-For` of `trusted` proxies
    /// counts.
    pub(crate) fn new(per_minute: u32, trusted: Vec<IpNet>) -> Self {
        let quota = NonZeroU32::new(per_minute).map(Quota::per_minute);
        Self { limiter: quota.map(RateLimiter::keyed), trusted, warned: AtomicBool::new(false) }
    }

    /// Counts one request of `client`.
    ///
    /// # Errors
    /// The seconds until the next request is allowed.
    pub(crate) fn check(&self, client: IpAddr) -> Result<(), u32> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&network(client)).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })
    }

    /// Drops the addresses whose share is complete again.
    pub(crate) fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// Returns the address of the client: the connection's, or, if that is a trusted proxy's, the right-most
    /// `X-Forwarded-For` entry that is not a trusted proxy. A client can forge all entries to the left of it. The first
    /// header of another peer is logged: with a proxy that is missing from the trusted ones, all visitors count as one
    /// client.
    pub(crate) fn client(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = connection.to_canonical();
        if !self.is_trusted(client) {
            if headers.contains_key(FORWARDED) && !self.warned.swap(true, Relaxed) {
                warn!(peer = %client, "X-Forwarded-For ignored; if the peer is a proxy, add it to TRUSTED_PROXIES");
            }
            return client;
        }
        let chain = headers.get_all(FORWARDED).iter().rev().filter_map(|value| value.to_str().ok());
        for entry in chain.flat_map(|value| value.rsplit(',')) {
            let Some(address) = address(entry.trim()) else { break };
            client = address.to_canonical();
            if !self.is_trusted(client) {
                break;
            }
        }
        client
    }

    /// Returns whether an address is that of a trusted proxy.
    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// Parses an entry of `X-Forwarded-For`: some proxies add the port.
fn address(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    entry.parse().ok().or_else(with_port)
}

/// Returns the address that a client is counted by: an IPv4 address, or the 64-bit network of one IPv6 customer.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests;
