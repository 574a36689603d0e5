//! From a request to its route, and the responses to requests without one.

use std::borrow::Cow;

use app_core::browse::Audience;
use app_core::domains::Site;
use app_core::retry::{LOST_RACE, retry};
use bytes::Bytes;
use domain::slug::TenantSlug;
use domain::tenant::Tenant;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::info;

use super::ServerState;
use super::call::{Call, Captures, Form};
use super::error::ApiError;
use super::query::{Query, decode};
use super::request::{Area, Request, is_probe};
use super::response::{Response, moved, with_type};
use super::route::{Access, ROUTES, Route};
use crate::address::path_of;

/// A response, with the facts that only the routing table knows.
pub(super) struct Routed {
    pub(super) response: Result<Response, ApiError>,
    /// The name of the route: never an address that a client wrote.
    pub(super) route: &'static str,
    pub(super) audience: Audience,
    /// Whether pages of other sites may read the response.
    pub(super) cors: bool,
    /// The community that the page of an error leads to.
    pub(super) community: Option<Box<Tenant>>,
}

/// Responds to a request.
pub(super) async fn dispatch(state: &ServerState, request: &Request) -> Routed {
    let routed = routed(state, request).await;
    let is_wrong = routed.response.as_ref().is_err_and(|error| error.status.is_client_error());
    if !is_wrong || Area::of(&request.path) != Area::Pages || state.operations_only {
        return routed;
    }
    Routed { community: community(state, request).await.map(Box::new), ..routed }
}

/// Returns the community in the address of a request, if it is public.
async fn community(state: &ServerState, request: &Request) -> Option<Tenant> {
    let slug = match request.host.site() {
        Some(site) => site.slug.to_string(),
        None => segments(&request.path)?.into_iter().next()?,
    };
    state.browse.open(Audience::Public).await.tenant(&slug).await.ok()
}

async fn routed(state: &ServerState, request: &Request) -> Routed {
    let area = Area::of(&request.path);
    let public_api = area == Area::PublicApi;
    let failed = |error| Routed {
        response: Err(error),
        route: "none",
        audience: Audience::Public,
        cors: public_api,
        community: None,
    };
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
    // On the domain of a tenant, the tenant's part of the address is left out.
    let of_site = request.host.site().map(|site| with_slug(&site.slug, &segments));
    let of_site: Option<Vec<&str>> = of_site.as_ref().map(|path| path.iter().map(|segment| &**segment).collect());
    let here = match &of_site {
        Some(of_site) => {
            let own = routes(area, &segments, Route::is_on_every_host);
            if own.is_empty() { routes(area, of_site, |_| true) } else { own }
        }
        None => routes(area, &segments, |_| true),
    };
    let response = match (here.iter().find(|(route, _)| route.method == *method), here.first()) {
        (Some((route, captures)), _) => {
            let response = match moved_to_site(state, request, route, &segments) {
                Some(moved) => Ok(moved),
                None => run(state, request, route, area, audience, captures.clone()).await,
            };
            let response = match response {
                Err(error) if error.status == StatusCode::NOT_FOUND => {
                    without_slug(state, request, area, &segments).ok_or(error)
                }
                other => other,
            };
            return Routed { response, route: route.path, audience, cors, community: None };
        }
        (None, None) => {
            let response = without_slug(state, request, area, &segments);
            let response = response.ok_or_else(|| ApiError::not_found(NOTHING));
            return Routed { response, audience, cors, ..failed(ApiError::internal()) };
        }
        (None, Some(_)) if cors && request.method == Method::OPTIONS => Ok(preflight()),
        (None, Some(_)) => {
            let allowed: Vec<&Method> = here.iter().map(|(route, _)| &route.method).collect();
            Err(ApiError::method_not_allowed(&allowed, cors))
        }
    };
    Routed { response, route: here[0].0.path, audience, cors, community: None }
}

/// Returns the first route of each method at a path, of those that fit.
fn routes<'a>(area: Area, segments: &[&'a str], fits: impl Fn(&Route) -> bool) -> Vec<(&'static Route, Captures<'a>)> {
    let mut here: Vec<(&Route, _)> = Vec::new();
    for route in ROUTES.iter().filter(|route| fits(route)) {
        if let Some(captures) = route.matched(area, segments)
            && here.iter().all(|(known, _)| known.method != route.method)
        {
            here.push((route, captures));
        }
    }
    here
}

/// The twin of the page at the root of a host.
const ROOT_TWIN: &str = ".md";

/// Returns the segments of an address on the domain of a tenant as they are on other hosts.
fn with_slug<'a>(slug: &'a TenantSlug, segments: &[&'a str]) -> Vec<Cow<'a, str>> {
    if segments == [ROOT_TWIN] {
        return vec![Cow::from(format!("{slug}{ROOT_TWIN}"))];
    }
    std::iter::once(slug.as_str()).chain(segments.iter().copied()).map(Cow::from).collect()
}

/// Returns the slug of the tenant in an address, and its segments on the tenant's domain.
fn split_slug<'a>(segments: &'a [&'a str]) -> Option<(&'a str, &'a [&'a str])> {
    match segments {
        [twin] if twin.ends_with(ROOT_TWIN) => Some((twin.strip_suffix(ROOT_TWIN)?, &[ROOT_TWIN])),
        _ => segments.split_first().map(|(slug, rest)| (*slug, rest)),
    }
}

/// Redirects a request for a page of a tenant whose pages are on a domain, which is not the host of the request.
fn moved_to_site(state: &ServerState, request: &Request, route: &Route, segments: &[&str]) -> Option<Response> {
    let (slug, rest) = split_slug(segments).filter(|_| route.is_of_site())?;
    moved_on_site(state, request, request.host.elsewhere(slug)?, rest)
}

/// Redirects an address on the domain of a tenant that begins with the tenant's slug, as on other hosts, to the same one
/// without it. It is called only for an address where nothing else is.
fn without_slug(state: &ServerState, request: &Request, area: Area, segments: &[&str]) -> Option<Response> {
    let (slug, rest) = split_slug(segments)?;
    let site = request.host.site().filter(|site| site.slug.as_str() == slug)?;
    let is_moved = routes(area, segments, |_| true).iter().any(|(route, _)| route.method == Method::GET);
    if is_moved { moved_on_site(state, request, site, rest) } else { None }
}

/// Returns the redirect to a path on a domain; `None` if the path is one of the server itself there, which only the handler
/// of the page can replace. Clients follow it for an hour without a request: the domain can change.
fn moved_on_site(state: &ServerState, request: &Request, site: &Site, segments: &[&str]) -> Option<Response> {
    let path = if segments.is_empty() { "/".to_owned() } else { path_of(segments) };
    let is_of_server =
        Area::of(&path) != Area::Pages || !routes(Area::Pages, segments, Route::is_on_every_host).is_empty();
    if is_of_server || segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let origin = state.public.of_domain(&site.domain);
    let query = request.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let mut response = moved(&format!("{origin}{path}{query}"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    Some(response)
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
    captures: Captures<'_>,
) -> Result<Response, ApiError> {
    if route.access.needs_key() {
        admin_only(state, audience)?;
    }
    let parse = if area == Area::Pages { Query::of_page } else { Query::parse };
    let query = parse(request.query.as_deref(), route.parameters)?;
    let view = if route.access == Access::Public { Audience::Public } else { audience };
    let call = Call::new(state, request, view, query, Form::of(route.path), captures);
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
    let bare = path_of(segments);
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
