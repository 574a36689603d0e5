//! Streams of changes, as server-sent events. The follower of the process feeds them: a batch of changes is rendered once
//! for all readers of a tenant, when the first of them sends it, from the state of the archive at that time.

mod batch;
mod reader;
mod slots;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_core::browse::{Audience, Browse, Reading, Subject};
use app_core::follow::Subscriber;
use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition};
use domain::tenant::TenantId;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use ports::store::Store;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Semaphore, broadcast, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug};

use self::batch::Batch;
use self::reader::{Only, Reader};
pub(crate) use self::slots::Slots;
use super::call::Call;
use super::capture::TenantRef;
use super::error::ApiError;
use super::response::{Body, Response};
use super::server::STORE_TIMEOUT;

/// The batches that a reader may be behind. One that is further behind is dropped, and resumes.
const QUEUE: usize = 256;
/// The subjects of a batch, at most: it bounds the bytes that are rendered at once.
const SUBJECTS: usize = 100;
/// The readers that catch up at the same time: after a restart, all of them come back at once.
const CATCHING_UP: usize = 4;
/// The media type of a stream.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// The longest `Last-Event-ID`, in bytes.
const MAX_ID: usize = 1_024;

/// The streams of a process. They follow the change log as a subscriber of its follower.
pub struct Streams {
    store: Arc<dyn Store>,
    browse: Browse,
    state: Mutex<State>,
    catching_up: Semaphore,
    closed: CancellationToken,
    pub(crate) counts: Counts,
}

/// The numbers that the metrics report.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) open: Gauge,
    pub(crate) sent: Counter,
    pub(crate) dropped: Counter,
    pub(crate) rejected: Counter,
}

#[derive(Default)]
struct State {
    /// The end of the changes that were passed on; `None` before the log was read.
    position: Option<ChangePosition>,
    feeds: HashMap<TenantId, broadcast::Sender<Arc<Batch>>>,
}

impl Streams {
    /// Returns the streams of changes in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            browse: Browse::new(Arc::clone(&store)),
            store,
            state: Mutex::default(),
            catching_up: Semaphore::new(CATCHING_UP),
            closed: CancellationToken::new(),
            counts: Counts::default(),
        }
    }

    /// Ends every stream; one that is opened later ends at once.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Counts a stream that ends because its client is too slow.
    pub(crate) fn count_slow(&self) {
        debug!("stream ended because its client is too slow");
        self.counts.dropped.inc();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the feed of a tenant, and the position at which it begins; `None` before the log was read: then the feed
    /// begins with a reset.
    fn subscribe(&self, tenant: TenantId) -> (broadcast::Receiver<Arc<Batch>>, Option<ChangePosition>) {
        let mut state = self.state();
        let feed = state.feeds.entry(tenant).or_insert_with(|| broadcast::Sender::new(QUEUE)).subscribe();
        (feed, state.position.clone())
    }

    /// Returns the end of the changes that were passed on, if `feed` has none left.
    fn position_after(&self, feed: &broadcast::Receiver<Arc<Batch>>) -> Option<ChangePosition> {
        let state = self.state();
        feed.is_empty().then(|| state.position.clone()).flatten()
    }

    /// Reads a snapshot as the public sees it, where waiting for the store does not block other tasks; `None` if it fails
    /// or takes too long.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(Reading) -> BoxFuture<'static, Option<T>> + Send + 'static,
    ) -> Option<T> {
        let (sender, result) = oneshot::channel();
        let browse = self.browse.clone();
        let work = async move {
            let done = work(browse.open(Audience::Public).await).await;
            // The receiver is dropped with a reader that has left.
            sender.send(done).ok();
        };
        let read = async {
            self.store.run(work.in_current_span().boxed()).await;
            result.await.ok().flatten()
        };
        timeout(STORE_TIMEOUT, read).await.ok().flatten()
    }
}

impl State {
    /// Passes batches to the readers of a tenant.
    fn send(&self, tenant: TenantId, batches: impl IntoIterator<Item = Batch>) {
        let Some(feed) = self.feeds.get(&tenant) else { return };
        for batch in batches {
            // Without a reader it is for none.
            feed.send(Arc::new(batch)).ok();
        }
    }
}

#[async_trait]
impl Subscriber for Streams {
    async fn receive(&self, changes: &[Change], position: &ChangePosition) {
        let mut state = self.state();
        state.feeds.retain(|_, feed| feed.receiver_count() > 0);
        let before = state.position.replace(position.clone()).unwrap_or_else(|| position.clone());
        let mut kinds: HashMap<TenantId, Vec<ChangeKind>> = HashMap::new();
        for change in changes.iter().filter(|change| state.feeds.contains_key(&change.tenant_id)) {
            kinds.entry(change.tenant_id).or_default().push(change.kind);
        }
        for (tenant, kinds) in kinds {
            state.send(tenant, Batch::of(tenant, &kinds, &before, position));
        }
    }

    async fn resync(&self, position: &ChangePosition) {
        let mut state = self.state();
        state.position = Some(position.clone());
        for tenant in state.feeds.keys() {
            state.send(*tenant, [Batch::reset(*tenant, position)]);
        }
    }

    fn is_waiting(&self) -> bool {
        self.state().feeds.values().any(|feed| feed.receiver_count() > 0)
    }
}

/// Opens a stream. It is rendered once for all of its readers, so that the admin key shows no more than others see.
pub(super) async fn events(call: &Call<'_>, slug: TenantRef<'_>) -> Result<Response, ApiError> {
    let unavailable = || ApiError::unavailable("this process has no streams");
    let streams = call.state.streams.as_ref().ok_or_else(unavailable)?;
    let mut at = call.state.browse.open(Audience::Public).await;
    let tenant = at.tenant(slug.0).await?;
    let only = match call.query.get("channel") {
        Some(reference) => Some(Only::new(&at.channel(&tenant, reference).await?)),
        None => None,
    };
    let end = at.position().await?;
    drop(at);
    let slot = call.state.stream_slots.take(call.request.client).inspect_err(|_| {
        streams.counts.rejected.inc();
    })?;
    let reader = Reader::new(streams, &tenant, only, (last_event(call), end), slot);
    let mut response = Response::new(Body::Stream(reader.into_stream().boxed()));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // nginx would collect the events.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// Returns the position after which a stream resumes: a browser that reconnects sends the header, beside the parameter
/// of its first request. Text that is no position is one that no log covers.
fn last_event(call: &Call<'_>) -> Option<ChangePosition> {
    let header = call.request.headers.get("last-event-id").map(|id| id.to_str().unwrap_or("-"));
    let id = header.filter(|id| !id.is_empty()).or_else(|| call.query.get("last_event_id"));
    let id = id.filter(|id| !id.is_empty())?;
    let is_plain = id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'.');
    Some(ChangePosition::from_text(if is_plain { id.to_owned() } else { String::new() }))
}

/// Returns the batches of the subjects of `kinds`.
fn batches(kinds: &[ChangeKind]) -> Vec<Vec<Subject>> {
    Subject::of(kinds).chunks(SUBJECTS).map(<[_]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
