//! The response to a request, from its head to the bytes that are sent.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use app_core::browse::{Audience, Reads, from_memory, recorded};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Level, Span, debug, enabled, error, info_span, warn};
use uuid::Uuid;

use super::sent::{SentBody, in_pieces};
use crate::ServerState;
use crate::address::Base;
use crate::budget::FREE_BYTES;
use crate::cache::{Hit, Lead, Lookup};
use crate::compress::compressed;
use crate::dispatch::{Routed, dispatch};
use crate::error::ApiError;
use crate::host::Host;
use crate::request::{self, Area, Request};
use crate::response::{self, Body, ByteStream, finish, opened, problem, problem_page, revalidated};
use crate::turns::Turn;

/// The time that a client is given for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that the store is given for all queries of one response.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_secs(8);
/// The time in which a response must be made, including the time in which its request arrives.
const WORK_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest body, in bytes.
const MAX_BODY: usize = 1 << 20;
/// The duration from which a response is logged as slow.
const SLOW: Duration = Duration::from_secs(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A response that is ready to be sent, if there is room for it.
struct Ready {
    response: Response<Bytes>,
    /// The body, if it is not that of the response.
    stream: Option<ByteStream>,
    /// The name of the route.
    route: &'static str,
    /// Owned until the bytes of the response are counted.
    making: Option<Turn>,
}

/// Answers one request; every error becomes a response.
pub(super) async fn respond(
    state: &Arc<ServerState>,
    request: HttpRequest<Incoming>,
    peer: IpAddr,
) -> Response<SentBody> {
    let start = Instant::now();
    let id = request_id(request.headers().get(REQUEST_ID));
    let method = request.method().clone();
    let mut asked = Asked::new(state, request.headers(), request.uri().path(), peer);
    let span = || info_span!("http.request", request.id = id.to_str().unwrap_or_default(), %method);
    let admitted = admit(state, &request, &asked);
    if admitted.is_ok() {
        asked.host = Host::of(state, &request, asked.area).await;
    }
    let (ready, span) = match admitted {
        Ok(()) => match find(state, &request, &asked).await {
            // Nothing is logged inside of it.
            Lookup::Hit(Hit { response, route }) => {
                let span = if enabled!(Level::DEBUG) { span() } else { Span::none() };
                (Ready { response, stream: None, route, making: None }, span)
            }
            lookup => {
                let lead = if let Lookup::Miss(lead) = lookup { Some(lead) } else { None };
                let span = span();
                (make(state, request, &asked, lead, &span).await, span)
            }
        },
        Err(error) => (finished(state, refused(error, asked.area), &asked, None).await, span()),
    };
    let Ready { mut response, stream, route, making } = ready;
    // A body that is not sent does not count.
    let length = if method == Method::HEAD { 0 } else { response.body().len() };
    let is_counted = asked.area.is_bounded() && length > FREE_BYTES;
    let taken = if is_counted { state.budget.take(asked.client, length).map(Some) } else { Some(None) };
    let taken = if let Some(taken) = taken {
        taken
    } else {
        let error = too_much_in_flight();
        let made = if asked.area == Area::Pages { problem_page(&error, None) } else { problem(&error) };
        response = whole(finish(made, Audience::Public, asked.area == Area::PublicApi));
        None
    };
    drop(making);
    response.headers_mut().insert(REQUEST_ID, id);
    let (status, took) = (response.status(), start.elapsed());
    state.metrics.answered(&method, route, status.as_u16(), took);
    let duration_ms = took.as_millis();
    span.in_scope(|| {
        if status.is_server_error() || took > SLOW {
            warn!(route, status = status.as_u16(), duration_ms, "slow or failed request");
        } else {
            debug!(route, status = status.as_u16(), duration_ms, "request served");
        }
    });
    response.map(|whole| match stream {
        Some(stream) => StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync(),
        None => in_pieces(whole, taken),
    })
}

/// What a client asks for, beside the address.
struct Asked {
    area: Area,
    client: IpAddr,
    /// The host that the request is for, once the client is known to be allowed to send it.
    host: Host,
    accepted: Vec<HeaderValue>,
    if_none_match: Vec<HeaderValue>,
}

impl Asked {
    fn new(state: &ServerState, headers: &HeaderMap, path: &str, peer: IpAddr) -> Self {
        let all = |name| headers.get_all(name).iter().cloned().collect();
        Self {
            area: Area::of(path),
            client: state.limit.client(peer, headers),
            host: Host::default(),
            accepted: all(header::ACCEPT_ENCODING),
            if_none_match: all(header::IF_NONE_MATCH),
        }
    }
}

/// Rejects a request that its client may not send.
fn admit(state: &ServerState, request: &HttpRequest<Incoming>, asked: &Asked) -> Result<(), ApiError> {
    if !request::is_probe(request.uri().path())
        && let Err(seconds) = state.limit.check(asked.client)
    {
        state.metrics.limited.inc();
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests from this address");
        return Err(ApiError { retry_after: Some(seconds), ..error });
    }
    request::check(request)
}

/// Searches the cache for the response to a public read.
async fn find(state: &ServerState, request: &HttpRequest<Incoming>, asked: &Asked) -> Lookup {
    let Some(caching) = &state.caching else { return Lookup::Bypass };
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD) && request.body().is_end_stream();
    let is_public = !request.headers().contains_key(header::AUTHORIZATION);
    // No response to a search, stream or file is stored, so that equal requests have nothing to wait for.
    let is_stored = |path: &str| {
        let segments: Vec<&str> = path.splitn(7, '/').skip(1).collect();
        let of_tenant = if asked.host.site().is_some() { Some(&segments[..]) } else { segments.get(1..) };
        let is_api = matches!(segments[..], ["api", _, _, _, "search" | "events"]);
        !is_api && !matches!(of_tenant, Some(["search"] | ["files", ..]))
    };
    // A request in another form goes through all checks.
    let target = request.uri().path_and_query().filter(|_| request.uri().authority().is_none());
    match target {
        Some(target)
            if is_read
                && is_public
                && is_stored(target.path())
                && asked.area.is_bounded()
                && !state.operations_only =>
        {
            let (key, freshness) = (asked.host.key(target.as_str()), &caching.freshness);
            match caching.cache.find(&key, &asked.accepted, &asked.if_none_match, freshness).await {
                // Checked after the task has counted the changes that its response contains.
                Lookup::Miss(_) if asked.area == Area::Pages && !asked.host.is_current(state) => Lookup::Bypass,
                lookup => lookup,
            }
        }
        _ => Lookup::Bypass,
    }
}

/// Makes a response, and stores it as the `lead` of those that wait for it.
async fn make(
    state: &Arc<ServerState>,
    request: HttpRequest<Incoming>,
    asked: &Asked,
    lead: Option<Lead>,
    span: &Span,
) -> Ready {
    // Owned until the response is complete, which is then counted by its bytes.
    let (mut making, mut reads) = (None, None);
    let is_stored = lead.is_some();
    let work = take(state, request, asked, is_stored, &mut making, &mut reads).instrument(span.clone());
    let work = AssertUnwindSafe(work).catch_unwind();
    let routed = match timeout(WORK_TIMEOUT, work).await {
        Ok(Ok(routed)) => routed,
        Ok(Err(_)) => {
            span.in_scope(|| error!("request handler panicked"));
            refused(ApiError::internal(), asked.area)
        }
        Err(_) => {
            let error = ApiError::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "the response took too long");
            refused(error, asked.area)
        }
    };
    Ready { making, ..finished(state, routed, asked, lead.zip(reads)).await }
}

/// Returns a response as it is sent; one with a `lead` is stored before.
async fn finished(state: &ServerState, routed: Routed, asked: &Asked, lead: Option<(Lead, Reads)>) -> Ready {
    let Routed { response, route, audience, cors, community } = routed;
    let is_page = asked.area == Area::Pages;
    let base = community.as_deref().map(|tenant| Base::of_site(tenant, &state.public));
    let made = response.unwrap_or_else(|error| if is_page { problem_page(&error, base) } else { problem(&error) });
    let made = finish(made, audience, cors);
    if let Some((lead, reads)) = lead {
        lead.store(&made, route, is_page, &reads);
    }
    let (head, body) = revalidated(made, &asked.if_none_match).into_parts();
    let (response, stream) = match body {
        Body::Whole(whole) => {
            (compressed(Response::from_parts(head, whole), &asked.accepted, &state.compressing).await, None)
        }
        Body::Stream(stream) => (Response::from_parts(head, Bytes::new()), Some(stream)),
        // A stream that is still closed is opened with its first byte.
        Body::Opening(opening) => {
            let stream = opening.map_err(|error| std::io::Error::other(error.detail)).try_flatten_stream();
            (Response::from_parts(head, Bytes::new()), Some(stream.boxed()))
        }
        // It was made before, in the place of this one.
        Body::Making(_) => (Response::from_parts(head, Bytes::new()), None),
    };
    Ready { response, stream, route, making: None }
}

/// Returns a response whose body is not a stream.
fn whole(response: response::Response) -> Response<Bytes> {
    response.map(|body| match body {
        Body::Whole(bytes) => bytes,
        Body::Stream(_) | Body::Opening(_) | Body::Making(_) => Bytes::new(),
    })
}

fn too_much_in_flight() -> ApiError {
    ApiError::unavailable("too many response bytes are in flight")
}

fn refused(error: ApiError, area: Area) -> Routed {
    let cors = area == Area::PublicApi;
    Routed { response: Err(error), route: "none", audience: Audience::Public, cors, community: None }
}

/// Reads the body of a request and makes its response, which `is_stored` or not; `reads` becomes what it was made of.
async fn take(
    state: &Arc<ServerState>,
    request: HttpRequest<Incoming>,
    asked: &Asked,
    is_stored: bool,
    making: &mut Option<Turn>,
    reads: &mut Option<Reads>,
) -> Routed {
    let (parts, body) = request.into_parts();
    let (area, client) = (asked.area, asked.client);
    let refused = |error| refused(error, area);
    let too_large =
        || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "the body is larger than 1 MiB");
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
        host: asked.host.clone(),
    };
    if area == Area::Operations {
        return dispatch(state, &request).await;
    }
    if area.is_bounded() && !state.budget.has_room(client) {
        return refused(too_much_in_flight());
    }
    let work = async {
        *making = Some(state.making.take(client).await);
        // Other responses to the same clients may have filled it while this one waited for its turn.
        if area.is_bounded() && !state.budget.has_room(client) {
            return refused(too_much_in_flight());
        }
        let (routed, read) = read(state, request, area, is_stored).await;
        *reads = Some(read);
        routed
    };
    let Ok(routed) = timeout(STORE_TIMEOUT, work).await else {
        return refused(ApiError::unavailable("the archive does not respond in time"));
    };
    let response = match routed.response {
        Ok(response) if matches!(response.body(), Body::Opening(_) | Body::Making(_)) => {
            // The disk with the files may hang, and must not delay the pages that are made meanwhile.
            *making = None;
            opened(response).await
        }
        response => response,
    };
    Routed { response, ..routed }
}

/// Makes the response where waiting for the store, which is all that a response waits for, does not block other tasks.
/// One that is stored may need nothing but memory, and is then made at once. Returns it with what it was made of.
async fn read(state: &Arc<ServerState>, request: Request, area: Area, is_stored: bool) -> (Routed, Reads) {
    if is_stored && let Some(made) = from_memory(recorded(dispatch(state, &request)).boxed()).await {
        return made;
    }
    let (sender, made) = oneshot::channel();
    let work = {
        let state = Arc::clone(state);
        async move {
            // The receiver is dropped after a timeout, which has been answered already.
            sender.send(recorded(dispatch(&state, &request)).await).ok();
        }
    };
    state.store.run(work.in_current_span().boxed()).await;
    made.await.unwrap_or_else(|_| (refused(ApiError::internal(), area), Reads::default()))
}

/// Returns the request id that the client sent, if it is a plain word, else a new one.
#[expect(clippy::disallowed_methods, reason = "this is where the ids of requests come from")]
fn request_id(sent: Option<&HeaderValue>) -> HeaderValue {
    let plain = |id: &&HeaderValue| {
        let id = id.as_bytes();
        (1..=64).contains(&id.len()) && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    sent.filter(plain).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&Uuid::new_v4().simple().to_string()).expect("hexadecimal digits make a header")
    })
}
