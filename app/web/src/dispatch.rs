//! From a request to its route, and the responses to requests without one.

use app_core::browse::Audience;
use app_core::retry::{LOST_RACE, retry};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::info;

use super::ServerState;
use super::call::Call;
use super::error::ApiError;
use super::query::{Query, decode};
use super::request::{Area, Request, is_probe};
use super::response::{Response, moved, with_type};
use super::route::{Access, ROUTES, Route};
use crate::address::SEGMENT;

/// A response, with the facts that only the routing table knows.
pub(super) struct Routed {
    pub(super) response: Result<Response, ApiError>,
    /// The name of the route: never an address that a client wrote.
    pub(super) route: &'static str,
    pub(super) audience: Audience,
    /// Whether pages of other sites may read the response.
    pub(super) cors: bool,
}

/// Responds to a request.
pub(super) async fn dispatch(state: &ServerState, request: &Request) -> Routed {
    let area = Area::of(&request.path);
    let public_api = area == Area::PublicApi;
    let failed = |error| Routed { response: Err(error), route: "none", audience: Audience::Public, cors: public_api };
    if state.operations_only && area != Area::Operations {
        return failed(ApiError::not_found("this process does not serve the archive; another one does"));
    }
    let Some(segments) = segments(&request.path) else {
        return failed(ApiError::bad_request("the path is not UTF-8 in percent-encoding"));
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let [.., _, ""] | [""] = segments[..] {
        return Routed { response: without_slash(request, &segments), ..failed(ApiError::internal()) };
    }
    let audience = match audience(state, &request.headers) {
        Ok(audience) => audience,
        // A health check does not need the key that a proxy expects.
        Err(_) if is_probe(&request.path) => Audience::Public,
        Err(error) => {
            info!(client = %request.client, "admin key rejected");
            return failed(error);
        }
    };
    let cors = public_api && audience == Audience::Public;
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    // The first route of each method at this path.
    let mut here: Vec<(&Route, _)> = Vec::new();
    for route in ROUTES {
        if let Some(captures) = route.matched(area, &segments)
            && here.iter().all(|(known, _)| known.method != route.method)
        {
            here.push((route, captures));
        }
    }
    let response = match (here.iter().find(|(route, _)| route.method == *method), here.first()) {
        (Some((route, captures)), _) => {
            let response = run(state, request, route, area, audience, captures.clone()).await;
            return Routed { response, route: route.path, audience, cors };
        }
        (None, None) => return Routed { audience, cors, ..failed(ApiError::not_found(NOTHING)) },
        (None, Some(_)) if cors && request.method == Method::OPTIONS => Ok(preflight()),
        (None, Some(_)) => {
            let allowed: Vec<&Method> = here.iter().map(|(route, _)| &route.method).collect();
            Err(ApiError::method_not_allowed(&allowed, cors))
        }
    };
    Routed { response, route: here[0].0.path, audience, cors }
}

/// The detail of the error for an address without a route.
const NOTHING: &str = "there is nothing at this address";

/// Calls the handler of a route, if the client may.
async fn run(
    state: &ServerState,
    request: &Request,
    route: &Route,
    area: Area,
    audience: Audience,
    captures: Vec<(&'static str, &str)>,
) -> Result<Response, ApiError> {
    if route.access.needs_key() {
        admin_only(state, audience)?;
    }
    let parse = if area == Area::Pages { Query::of_page } else { Query::parse };
    let query = parse(request.query.as_deref(), route.parameters)?;
    let view = if route.access == Access::Public { Audience::Public } else { audience };
    let call = Call::new(state, request, view, query, captures);
    // A read can be retried in a new transaction; a write has been retried already.
    let is_retryable = |error: &ApiError| error.aborted && route.method == Method::GET;
    retry(&LOST_RACE, is_retryable, || (route.handler)(&call)).await
}

/// Returns the decoded parts of a path; empty for `/`, and `None` for a path that cannot be decoded.
fn segments(path: &str) -> Option<Vec<String>> {
    match path.strip_prefix('/')? {
        "" => Some(Vec::new()),
        path => path.split('/').map(decode).collect(),
    }
}

/// Redirects a page with a slash at the end of its address to the address without it.
fn without_slash(request: &Request, segments: &[&str]) -> Result<Response, ApiError> {
    let segments = segments.strip_suffix(&[""]).unwrap_or_default();
    // Browsers read a backslash as a slash, so the new address is made of the decoded parts.
    let encoded = segments.iter().flat_map(|part| std::iter::once("/").chain(utf8_percent_encode(part, SEGMENT)));
    let bare: String = encoded.collect();
    let whole = !segments.is_empty() && segments.iter().all(|segment| !segment.is_empty());
    if !whole || Area::of(&bare) != Area::Pages || !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(ApiError::not_found("there is nothing at this address; no address ends in a slash"));
    }
    Ok(moved(&request.query.as_ref().map_or_else(|| bare.clone(), |query| format!("{bare}?{query}"))))
}

/// Returns the audience of a request: a wrong key is rejected on every route. Credentials of another scheme, for a
/// proxy in front of the server, are ignored.
fn audience(state: &ServerState, headers: &HeaderMap) -> Result<Audience, ApiError> {
    let (Some(sent), Some(key)) = (headers.get(header::AUTHORIZATION), &state.admin_key) else {
        return Ok(Audience::Public);
    };
    let (scheme, sent) = sent.as_bytes().split_at_checked(b"Bearer ".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(Audience::Public);
    }
    let hash: [u8; 32] = Sha256::digest(sent.trim_ascii()).into();
    if bool::from(hash.ct_eq(key)) { Ok(Audience::Admin) } else { Err(ApiError::unauthorized()) }
}

fn admin_only(state: &ServerState, audience: Audience) -> Result<(), ApiError> {
    match (audience, state.admin_key) {
        (Audience::Admin, _) => Ok(()),
        (Audience::Public, Some(_)) => Err(ApiError::unauthorized()),
        (Audience::Public, None) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the admin API is off: set ADMIN_API_KEY to turn it on",
        )),
    }
}

fn preflight() -> Response {
    let mut response = with_type(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("If-None-Match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
