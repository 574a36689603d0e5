//! Connections, and what every request and answer goes through.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode, Version, header,
};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tracing::{Instrument, debug, error, info_span, warn};
use uuid::Uuid;

use super::Site;
use super::answer::{finish, problem};
use super::error::ApiError;
use super::file::{self, Streamed};
use super::route::{self, Area, Request, Routed};
use crate::browse::Audience;

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 2_048;
/// How long a client may take for the head of a request, and to send the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the store may take, with all that one answer asks of it.
const STORE_TIMEOUT: Duration = Duration::from_secs(8);
/// How long an answer may take to make, with the time that its request takes to arrive.
const WORK_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may leave us waiting with bytes that it does not take.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Smaller bodies, in bytes, are sent as they are: compressing them saves no packet.
const MIN_COMPRESSED: u64 = 1_024;
/// How long connections may take to finish when the server ends.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest body, in bytes.
const MAX_BODY: usize = 1 << 20;
/// The most that is read of a head before it is refused unread, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// An answer that takes longer is worth a line in the log.
const SLOW: Duration = Duration::from_secs(1);
/// How often addresses are forgotten that ask no more.
const FORGET: Duration = Duration::from_mins(1);

/// The body of an answer: whole, or read while it is sent.
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    site: Arc<Site>,
}

impl Server {
    /// Listens at `address`.
    ///
    /// # Errors
    /// If the address is taken, or not ours.
    pub async fn bind(address: SocketAddr, site: Site) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, site: Arc::new(site) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `stop`; then takes no more connections and lets those that are there finish, for 10 seconds.
    pub async fn run(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut forget = tokio::time::interval(FORGET);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Too many open files, most likely: the next one may find room.
                        warn!(error = &error as &dyn std::error::Error, "a connection cannot be taken");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                _ = forget.tick() => {
                    self.site.limit.forget_idle();
                    continue;
                }
                () = stop.cancelled() => break,
            };
            // One more than there is room for is closed at once, so that a client is never left waiting.
            let Ok(room) = Arc::clone(&connections).try_acquire_owned() else { continue };
            stream.set_nodelay(true).ok();
            let connection = connection(&self.site, stream, peer.ip());
            let connection = graceful.watch(connection);
            let site = Arc::clone(&self.site);
            site.metrics.connections.inc();
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(error = &error as &dyn std::error::Error, "a connection broke");
                }
                site.metrics.connections.dec();
                drop(room);
            });
        }
        drop(self.listener);
        if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
            warn!("some connections did not finish in time");
        }
    }
}

/// One connection: its requests go through compression into [`respond`].
fn connection<S: AsyncRead + AsyncWrite + Send + 'static>(
    site: &Arc<Site>,
    stream: S,
    peer: IpAddr,
) -> impl GracefulConnection<Error = hyper::Error> + Send + use<S> {
    let site = Arc::clone(site);
    // Files are sent as they are: most of them are small already, and of others parts can be asked for.
    let as_it_is =
        |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| !headers.contains_key(header::ACCEPT_RANGES);
    let worth_it = SizeAbove::new(MIN_COMPRESSED).and(NotForContentType::IMAGES).and(as_it_is);
    let compression = CompressionLayer::new().compress_when(worth_it);
    let service = ServiceBuilder::new().layer(compression).service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(respond(&site, request, peer).await) }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service))
}

/// Answers one request, whatever happens.
async fn respond(site: &Arc<Site>, request: HttpRequest<Incoming>, peer: IpAddr) -> Response<Body> {
    let start = Instant::now();
    let id = request_id(request.headers().get(REQUEST_ID));
    let method = request.method().clone();
    let area = Area::of(request.uri().path());
    let if_none_match: Vec<HeaderValue> = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect();
    let span = info_span!("http.request", request.id = id.to_str().unwrap_or_default(), %method);
    let work = AssertUnwindSafe(take(site, request, peer, area).instrument(span.clone())).catch_unwind();
    let routed = match timeout(WORK_TIMEOUT, work).await {
        Ok(Ok(routed)) => routed,
        Ok(Err(_)) => {
            span.in_scope(|| error!("an answer panicked"));
            refused(ApiError::internal(), area)
        }
        Err(_) => refused(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "the answer took too long"), area),
    };
    let Routed { answer, route, audience, cors } = routed;
    let made = answer.unwrap_or_else(|error| problem(&error, area == Area::Pages));
    let (parts, body) = made.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let made = Response::from_parts(parts, Full::new(body.clone()));
    let mut answer = finish(made, &if_none_match, &body, audience, cors);
    answer.headers_mut().insert(REQUEST_ID, id);
    let (status, took) = (answer.status(), start.elapsed());
    site.metrics.answered(&method, route, status.as_u16(), took);
    let duration_ms = took.as_millis();
    span.in_scope(|| {
        if status.is_server_error() || took > SLOW {
            warn!(route, status = status.as_u16(), duration_ms, "answered late or not as asked");
        } else {
            debug!(route, status = status.as_u16(), duration_ms, "answered");
        }
    });
    let streamed = answer.extensions_mut().remove::<Streamed>();
    answer.map(|whole| match streamed.and_then(|streamed| streamed.take()) {
        Some(pieces) => StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync(),
        None => whole.map_err(|never| match never {}).boxed_unsync(),
    })
}

fn refused(error: ApiError, area: Area) -> Routed {
    Routed { answer: Err(error), route: "none", audience: Audience::Public, cors: area == Area::PublicApi }
}

/// Checks a request, reads its body and finds its answer.
async fn take(site: &Arc<Site>, request: HttpRequest<Incoming>, peer: IpAddr, area: Area) -> Routed {
    let (parts, body) = request.into_parts();
    let refused = |error| refused(error, area);
    let client = site.limit.client(peer, &parts.headers);
    if !route::is_probe(parts.uri.path())
        && let Err(seconds) = site.limit.check(client)
    {
        site.metrics.limited.inc();
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests from this address");
        return refused(ApiError { retry_after: Some(seconds), ..error });
    }
    if let Err(error) = route::check(&parts) {
        return refused(error);
    }
    let too_large = || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "a body has at most 1 MiB");
    let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return refused(too_large());
    }
    let body = match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return refused(too_large()),
        Ok(Err(_)) => return refused(ApiError::bad_request("the body cannot be read")),
        Err(_) => return refused(ApiError::bad_request("the body did not arrive in time")),
    };
    let request = Request {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        client,
    };
    if area == Area::Operations {
        return route::answer(site, &request).await;
    }
    let Ok(routed) = timeout(STORE_TIMEOUT, read(site, request, area)).await else {
        return refused(ApiError::unavailable("the archive does not answer in time"));
    };
    let answer = match routed.answer {
        Ok(answer) => file::open(site, answer).await,
        failed => failed,
    };
    Routed { answer, ..routed }
}

/// Finds the answer where waiting for the store, which is all that an answer waits for, holds nobody up.
async fn read(site: &Arc<Site>, request: Request, area: Area) -> Routed {
    let (sender, answer) = oneshot::channel();
    let work = {
        let site = Arc::clone(site);
        async move {
            // Whoever gave up waiting has its answer already.
            sender.send(route::answer(&site, &request).await).ok();
        }
    };
    site.store.run(work.in_current_span().boxed()).await;
    answer.await.unwrap_or_else(|_| refused(ApiError::internal(), area))
}

/// The id that a client gave its request, if it is a plain word, else a new one.
fn request_id(sent: Option<&HeaderValue>) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=64).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    sent.filter(plain).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().simple().to_string()).expect("hexadecimal digits make a header")
    })
}

#[cfg(test)]
mod tests;
