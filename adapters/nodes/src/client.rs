//! The side that has no indexes.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::channel::ChannelId;
use domain::tenant::TenantId;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http::uri::InvalidUri;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ports::error::Source;
use ports::search::{
    CandidateQuery, Candidates, IndexBatch, IndexBuild, IndexPosition, IndexState, SearchError, SearchIndex,
};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::PATH;
use crate::token::token;
use crate::wire::{Call, Find, Request, Response};

/// The time for a connection: nodes are in the same network.
const CONNECT: Duration = Duration::from_millis(300);
/// The time that a node has beyond that of the search, for the transfer.
const GRACE: Duration = Duration::from_millis(100);
/// The time after which the next node is asked, too. A search rarely takes as long.
const PATIENCE: Duration = Duration::from_millis(400);
/// The time for the state of an index.
const STATE: Duration = Duration::from_secs(1);
/// The time that a node which failed is asked last.
const AVOIDED: Duration = Duration::from_secs(5);
/// The calls at the same time of a node that failed: a caller waits for it only to find out whether it works again.
const PROBES: usize = 2;
/// The time that an idle connection is kept, less than a server keeps it.
const IDLE: Duration = Duration::from_secs(5);
/// The largest response, in bytes: several times that with the most candidates.
const MAX_BODY: usize = 1 << 20;

/// An address that is not that of a node.
#[derive(Debug, thiserror::Error)]
#[error("the address of a search node is invalid")]
pub struct NodeUrlError(#[from] InvalidUri);

/// The indexes of search nodes. A clone shares the connections.
///
/// Nodes get requests in turn. One that cannot be reached or responds with an error is passed over for the next one. While
/// one has not responded after 400 ms, the next one is asked as well, since its search may be a long one or may never
/// end; the first response counts, and the connections of the others are closed. A node that failed, or that another one
/// was faster than, comes last for a while, and one that failed gets two calls at a time then: the others do not wait for
/// it. No call takes longer than the time of the search and a little more.
#[derive(Clone)]
pub struct SearchNodes(Arc<Shared>);

struct Shared {
    nodes: Vec<Node>,
    /// The node that is asked first by the next call.
    next: AtomicUsize,
    client: Client<HttpConnector, Full<Bytes>>,
    authorization: HeaderValue,
}

struct Node {
    address: Uri,
    /// Its last trouble; `None` since it worked.
    trouble: Mutex<Option<Trouble>>,
    /// The permits for calls after a failure.
    probes: Semaphore,
}

/// Why a node comes last.
#[derive(Clone, Copy)]
enum Trouble {
    /// It failed, or did not respond in time.
    Failed(Instant),
    /// Another node was faster.
    Overtaken(Instant),
}

impl Node {
    fn is_avoided(&self) -> bool {
        match *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Trouble::Failed(at) | Trouble::Overtaken(at)) => at.elapsed() < AVOIDED,
            None => false,
        }
    }

    /// Returns the permit for a call, if it needs one.
    fn admit(&self) -> Result<Option<SemaphorePermit<'_>>, TryAcquireError> {
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let has_failed = matches!(trouble, Some(Trouble::Failed(at)) if at.elapsed() < AVOIDED);
        has_failed.then(|| self.probes.try_acquire()).transpose()
    }

    fn works(&self) {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Trouble::Failed(_)) = trouble {
            info!(node = %self.address, "search node answers again");
        }
    }

    fn fails(&self, error: &Source) {
        let trouble = Trouble::Failed(Instant::now());
        let before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(trouble);
        if !matches!(before, Some(Trouble::Failed(_))) {
            warn!(node = %self.address, error = &**error as &dyn std::error::Error, "search node failed");
        }
    }

    fn is_overtaken(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // A failure says more.
        if !matches!(*trouble, Some(Trouble::Failed(at)) if at.elapsed() < AVOIDED) {
            *trouble = Some(Trouble::Overtaken(Instant::now()));
            debug!(node = %self.address, "search node overtaken by another one");
        }
    }
}

impl SearchNodes {
    /// Returns the indexes of the nodes at `addresses`, such as `http://search-1:25000`, of the
    /// installation with this key.
    ///
    /// # Errors
    /// [`NodeUrlError`] if an address is invalid.
    pub fn new(addresses: &[String], key: &[u8]) -> Result<Self, NodeUrlError> {
        let node = |address: &String| {
            let address = format!("{}{PATH}", address.trim_end_matches('/')).parse()?;
            Ok(Node { address, trouble: Mutex::new(None), probes: Semaphore::new(PROBES) })
        };
        let nodes = addresses.iter().map(node).collect::<Result<_, InvalidUri>>()?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let authorization = HeaderValue::try_from(format!("Node {}", token(key)));
        let mut authorization = authorization.expect("a token is printable ASCII");
        authorization.set_sensitive(true);
        Ok(Self(Arc::new(Shared { nodes, next: AtomicUsize::new(0), client, authorization })))
    }

    /// Returns the nodes in the order in which they are asked.
    fn in_turn(&self) -> Vec<&Node> {
        let nodes = &self.0.nodes;
        let first = self.0.next.fetch_add(1, Ordering::Relaxed).checked_rem(nodes.len()).unwrap_or(0);
        let (before, after) = nodes.split_at(first);
        let mut nodes: Vec<&Node> = after.iter().chain(before).collect();
        nodes.sort_by_key(|node| node.is_avoided());
        nodes
    }

    /// Calls `take` with the responses of nodes, which are asked one after the other, until it returns a value. The calls
    /// take at most `time` together, and [`GRACE`].
    async fn ask<T>(
        &self,
        tenant: TenantId,
        time: Duration,
        call: impl Fn(Duration) -> Call,
        mut take: impl FnMut(Response) -> Result<Taken<T>, Source>,
    ) -> Result<T, SearchError> {
        let end = Instant::now() + time;
        let (mut nodes, mut asked) = (self.in_turn().into_iter(), FuturesUnordered::new());
        // Those that were asked and have not responded, in this order.
        let mut waiting: Vec<&Node> = Vec::new();
        let (mut results, mut next) = (Results::default(), Instant::now());
        loop {
            tokio::select! {
                biased;
                Some(answered) = asked.next() => {
                    let (node, answered): (&Node, Result<Response, Source>) = answered;
                    let at = waiting.iter().position(|other| ptr::eq(*other, node)).expect("it was asked");
                    waiting.remove(at);
                    if let Some(result) = results.add(node, answered.and_then(&mut take)) {
                        if result.is_ok() {
                            waiting[..at].iter().for_each(|slow| slow.is_overtaken());
                        }
                        return result;
                    }
                    // In the place of one that cannot answer.
                    next = next.min(Instant::now());
                }
                () = sleep_until(next), if nodes.len() > 0 && next < end => {
                    let node = nodes.next().expect("there is one");
                    let Ok(probe) = node.admit() else {
                        results.failure.get_or_insert_with(|| "the node failed a moment ago".into());
                        continue;
                    };
                    let left = end.saturating_duration_since(Instant::now());
                    asked.push(self.ask_one(node, probe, Request::new(tenant, call(left)), left + GRACE));
                    waiting.push(node);
                    next = Instant::now() + PATIENCE.min(time / 2);
                }
                else => return results.end(),
            }
        }
    }

    async fn ask_one<'a>(
        &self,
        node: &'a Node,
        _probe: Option<SemaphorePermit<'a>>,
        request: Request,
        time: Duration,
    ) -> (&'a Node, Result<Response, Source>) {
        let answered = timeout(time, self.send(node, &request)).await;
        (node, answered.unwrap_or_else(|_| Err("the node did not answer in time".into())))
    }

    async fn send(&self, node: &Node, request: &Request) -> Result<Response, Source> {
        let body = serde_json::to_vec(request)?;
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(node.address.clone())
            .header(header::AUTHORIZATION, self.0.authorization.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = self.0.client.request(request).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Err("the node has another admin key, and rejected the token".into()),
            StatusCode::NOT_FOUND => return Err("the process at this address is not a search node".into()),
            status => return Err(format!("the node answered {status}").into()),
        }
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }
}

/// What a call makes of the response of a node.
enum Taken<T> {
    Value(T),
    /// A value for want of a better one.
    SecondBest(T),
    Missing,
    TimedOut,
}

/// The responses of nodes that are not the answer.
struct Results<T> {
    second: Option<T>,
    is_missing: bool,
    failure: Option<Source>,
}

impl<T> Default for Results<T> {
    fn default() -> Self {
        Self { second: None, is_missing: false, failure: None }
    }
}

impl<T> Results<T> {
    /// Adds the response of a node; returns the result of the call if it is that.
    fn add(&mut self, node: &Node, taken: Result<Taken<T>, Source>) -> Option<Result<T, SearchError>> {
        match taken {
            Ok(taken) => {
                node.works();
                match taken {
                    Taken::Value(value) => return Some(Ok(value)),
                    Taken::TimedOut => return Some(Err(SearchError::TimedOut)),
                    Taken::SecondBest(value) => self.second = self.second.take().or(Some(value)),
                    Taken::Missing => self.is_missing = true,
                }
            }
            Err(error) => {
                node.fails(&error);
                self.failure = Some(error);
            }
        }
        None
    }

    /// Returns the result of a call whose nodes have all responded, or had no time.
    fn end(self) -> Result<T, SearchError> {
        match (self.second, self.is_missing, self.failure) {
            (Some(value), ..) => Ok(value),
            (None, true, _) => Err(SearchError::Missing),
            (None, false, Some(error)) => Err(SearchError::Backend(error)),
            (None, false, None) => Err(SearchError::TimedOut),
        }
    }
}

fn invalid() -> Source {
    "the node answered something else".into()
}

/// Returns what all calls make of a response that is not their own.
fn common<T>(response: &Response) -> Result<Taken<T>, Source> {
    match response {
        Response::Missing => Ok(Taken::Missing),
        Response::TimedOut => Ok(Taken::TimedOut),
        Response::Failed => Err("the search index of the node failed".into()),
        Response::Found(_) | Response::State(_) => Err(invalid()),
    }
}

/// The error of calls that only the process with the index makes.
fn elsewhere() -> SearchError {
    SearchError::Backend("only a search node has the files of an index".into())
}

#[async_trait]
impl SearchIndex for SearchNodes {
    async fn acquire(&self) -> Result<bool, SearchError> {
        Ok(false)
    }

    async fn state(&self, tenant: TenantId) -> Result<IndexState, SearchError> {
        let take = |response| match response {
            Response::State(state) => state.parse().map(Taken::Value).ok_or_else(invalid),
            other => common(&other),
        };
        self.ask(tenant, STATE, |_| Call::State, take).await
    }

    async fn verify(&self, _: TenantId) -> Result<bool, SearchError> {
        Err(elsewhere())
    }

    async fn apply(&self, _: TenantId, _: IndexBatch, _: IndexPosition) -> Result<(), SearchError> {
        Err(SearchError::Locked)
    }

    async fn find(&self, tenant: TenantId, query: CandidateQuery) -> Result<Candidates, SearchError> {
        let take = |response| match response {
            Response::Found(found) => {
                let is_current = found.is_current;
                let candidates = found.candidates(query.limit).ok_or_else(invalid)?;
                Ok(if is_current { Taken::Value(candidates) } else { Taken::SecondBest(candidates) })
            }
            other => common(&other),
        };
        self.ask(tenant, query.time, |left| Call::Find(Find::new(&query, left)), take).await
    }

    async fn has_root(&self, _: TenantId, _: ChannelId, _: Option<ChannelId>) -> Result<bool, SearchError> {
        Err(elsewhere())
    }

    async fn rebuild(&self, _: TenantId) -> Result<Box<dyn IndexBuild>, SearchError> {
        Err(SearchError::Locked)
    }

    async fn purge(&self, _: TenantId) -> Result<(), SearchError> {
        Err(SearchError::Locked)
    }

    async fn remove(&self, _: TenantId) -> Result<(), SearchError> {
        Err(SearchError::Locked)
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, SearchError> {
        Err(elsewhere())
    }
}
