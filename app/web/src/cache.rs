//! Whole public responses in memory: with their compressed forms, and until the archive shows something else.
//!
//! A response is found by its address as sent, on the domain of a tenant with that before it. It depends on the parts of
//! the archive that its snapshots read ([`Reads`]), which the [`Invalidation`](app_core::browse::Invalidation) drops when the change log tells of a change. A
//! response that was made of a snapshot from before a change is not stored after it: the changes since the snapshot was
//! opened are compared with its parts. What is known of a response, its validator above all, outlives its body.

mod flight;
mod shelf;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app_core::browse::{Derived, Part, Reads};
use app_core::follow::Freshness;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

use self::flight::{Flight, Flights};
use self::shelf::{Record, Shelf, Stored};
use super::compress::{Encoding, encoded};
use super::response::{Body, knows, not_modified};

/// How long a response may show the distance of a time from now.
const RELATIVE_TIME: Duration = Duration::from_secs(1);
/// The time that a request waits for the response to an equal one.
const PATIENCE: Duration = Duration::from_secs(8);

/// The cache of a process.
pub struct Cache {
    shelf: Mutex<Shelf>,
    flights: Arc<Flights>,
    pub(crate) counts: Counts,
}

/// The numbers that the metrics report.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) dropped: Counter,
    pub(crate) bytes: Gauge,
    pub(crate) bodies: Gauge,
    pub(crate) known: Gauge,
}

/// A response from the cache.
pub(crate) struct Hit {
    pub(crate) response: Response<Bytes>,
    /// The name of its route.
    pub(crate) route: &'static str,
}

/// The result of a search in the cache.
pub(crate) enum Lookup {
    /// The response.
    Hit(Hit),
    /// There is none, and the request is to make it for all that wait for it.
    Miss(Lead),
    /// There is none, and the response that is made is not stored.
    Bypass,
}

/// The task to make a response. Until it is dropped, equal requests wait for it.
pub(crate) struct Lead {
    cache: Arc<Cache>,
    flight: Flight,
    /// The position of the changes before the first snapshot was opened.
    position: u64,
    start: Instant,
}

impl Cache {
    /// Returns a cache of at most about `bytes` bytes, a part of which is for what is known of responses without their
    /// bodies.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self { shelf: Mutex::new(Shelf::new(bytes)), flights: Arc::default(), counts: Counts::default() }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the response to a request for `target`, or the task to make it. Nothing is returned, and nothing stored, as
    /// long as `freshness` says that the cache may lack changes.
    pub(crate) async fn find(
        self: &Arc<Self>,
        target: &str,
        accepted: &[HeaderValue],
        if_none_match: &[HeaderValue],
        freshness: &Freshness,
    ) -> Lookup {
        for has_waited in [false, true] {
            if !freshness.is_current().await {
                break;
            }
            if let Some(hit) = self.hit(target, accepted, if_none_match).await {
                self.counts.hits.inc();
                return Lookup::Hit(hit);
            }
            if has_waited || self.shelf().is_unstored(target) {
                break;
            }
            match self.flights.join(target) {
                Ok(flight) => {
                    self.counts.misses.inc();
                    let (position, start) = (self.shelf().position(), Instant::now());
                    return Lookup::Miss(Lead { cache: Arc::clone(self), flight, position, start });
                }
                // Whether the other response was stored, and is as new as this request needs, is checked above.
                Err(landed) => drop(timeout(PATIENCE, landed.cancelled()).await),
            }
        }
        self.counts.misses.inc();
        Lookup::Bypass
    }

    async fn hit(&self, target: &str, accepted: &[HeaderValue], if_none_match: &[HeaderValue]) -> Option<Hit> {
        let (record, stored) = self.shelf().find(target)?;
        let route = record.route;
        if knows(if_none_match, &record.tag) {
            let head = Response::from_parts(record.head.clone(), ());
            return Some(Hit { response: not_modified(head).map(|()| Bytes::new()), route });
        }
        let encoding = Encoding::best(accepted)?;
        let (headers, body) = self.form(&record, &stored?, encoding).await?;
        let mut response = Response::new(body);
        *response.headers_mut() = headers;
        Some(Hit { response, route })
    }

    /// Returns a body in an encoding, with its headers: made once, where it does not delay other tasks.
    async fn form(&self, record: &Record, stored: &Arc<Stored>, encoding: Encoding) -> Option<(HeaderMap, Bytes)> {
        let made = stored.form(encoding).get_or_try_init(|| async {
            let whole = Response::from_parts(record.head.clone(), stored.whole.clone());
            let accepted = HeaderValue::from_static(encoding.name());
            let made = spawn_blocking(move || encoded(whole, &[accepted])).await.map_err(drop)?;
            let (head, body) = made.into_parts();
            if head.headers.contains_key(header::CONTENT_ENCODING) {
                self.shelf().grow(record.id, body.len());
            }
            Ok::<_, ()>((head.headers, body))
        });
        made.await.ok().cloned()
    }

    /// Reports the sizes in the metrics.
    pub(crate) fn measure(&self) {
        let sizes = self.shelf().sizes();
        self.counts.bytes.set(sizes.bytes.cast_signed());
        self.counts.bodies.set(sizes.bodies.cast_signed());
        self.counts.known.set(sizes.known.cast_signed());
    }
}

impl Lead {
    /// Stores a complete response, unless it may not be stored, or a part of it changed meanwhile. `is_page` says whether
    /// times in it are shown as the distance from now.
    pub(crate) fn store(self, response: &Response<Body>, route: &'static str, is_page: bool, reads: &Reads) {
        let target = self.flight.target();
        let Some((whole, tag)) = storable(response).filter(|_| reads.is_traced()) else {
            self.cache.shelf().note_unstored(target);
            return;
        };
        let until = (is_page && reads.has_relative_times()).then(|| self.start + RELATIVE_TIME);
        let (mut head, ()) = Response::new(()).into_parts();
        head.headers = response.headers().clone();
        self.cache.shelf().insert(target, Record::new(tag.clone(), head, route, until), whole, reads, self.position);
    }
}

/// Returns the body and the validator of a response that everyone may store.
fn storable(response: &Response<Body>) -> Option<(&Bytes, &HeaderValue)> {
    let headers = response.headers();
    let is_public = headers.get(header::CACHE_CONTROL)?.as_bytes().starts_with(b"public");
    match response.body() {
        Body::Whole(whole) if is_public && response.status() == StatusCode::OK => {
            Some((whole, headers.get(header::ETAG)?))
        }
        _ => None,
    }
}

impl Derived for Cache {
    fn touch(&self, touches: &[Part]) {
        let dropped = self.shelf().touch(touches);
        self.counts.dropped.inc_by(dropped);
    }

    fn reset(&self) {
        let dropped = self.shelf().reset();
        self.counts.dropped.inc_by(dropped);
    }
}

#[cfg(test)]
mod tests;
