//! The table of addresses.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::answer::{Answer, with_type};
use super::error::ApiError;
use super::query::{Query, decode};
use super::{Site, admin, health, public, site};
use crate::browse::Audience;

/// The description of the API.
const OPENAPI: &str = include_str!("../../openapi.yaml");

/// The longest path with its query, in bytes.
const MAX_TARGET: usize = 8 * 1024;
/// The most bytes of all headers together.
const MAX_HEADERS: usize = 32 * 1024;

/// A request whose body has been read.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer, with what only the table knows of it.
pub(super) struct Routed {
    pub(super) answer: Result<Answer, ApiError>,
    /// What the request counts as: never an address that a client wrote.
    pub(super) route: &'static str,
    pub(super) audience: Audience,
    /// Whether pages of other sites may read the answer.
    pub(super) cors: bool,
}

/// Refuses what is too long before anything looks at it.
pub(super) fn check(request: &http::request::Parts) -> Result<(), ApiError> {
    if request.uri.path_and_query().map_or(0, |target| target.as_str().len()) > MAX_TARGET {
        return Err(ApiError::new(StatusCode::URI_TOO_LONG, "bad_request", "a path with its query has at most 8 KiB"));
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > MAX_HEADERS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(ApiError::new(status, "bad_request", "headers have at most 32 KiB together"));
    }
    Ok(())
}

/// Whether errors of this path are pages.
pub(super) fn is_page(path: &str) -> bool {
    !path.starts_with("/api/") && !matches!(path, "/api" | "/healthz" | "/readyz" | "/metrics")
}

/// Whether pages of other sites may read what is answered here, errors included.
pub(super) fn is_public_api(path: &str) -> bool {
    path.starts_with("/api/") && !path.starts_with("/api/v1/admin")
}

pub(super) async fn answer(site: &Arc<Site>, request: &Request) -> Routed {
    let cors = is_public_api(&request.path);
    let failed = |error| Routed { answer: Err(error), route: "none", audience: Audience::Public, cors };
    let segments: Option<Vec<String>> = match request.path.strip_prefix('/') {
        Some("") => Some(Vec::new()),
        Some(path) => path.strip_suffix('/').unwrap_or(path).split('/').map(decode).collect(),
        None => None,
    };
    let Some(segments) = segments else {
        return failed(ApiError::bad_request("the path is not UTF-8 in percent-encoding"));
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (route, allow) = name(&segments);
    let audience = match audience(site, &request.headers) {
        Ok(audience) => audience,
        Err(_) if matches!(route, "/healthz" | "/readyz") => Audience::Public,
        Err(error) => return Routed { route, ..failed(error) },
    };
    let cors = is_public_api(&request.path) && audience == Audience::Public;
    if cors && request.method == Method::OPTIONS {
        return Routed { answer: Ok(preflight()), route, audience, cors };
    }
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let allowed = allow.split(", ").any(|allowed| allowed == method.as_str());
    let answer = if allow.is_empty() {
        Err(ApiError::not_found("there is nothing at this address"))
    } else if allowed {
        dispatch(site, method, &segments, request, audience).await
    } else {
        Err(ApiError::method_not_allowed(allow))
    };
    Routed { answer, route, audience, cors }
}

/// What an address is called in logs and metrics, and which methods it answers; nothing for an unknown one.
fn name(segments: &[&str]) -> (&'static str, &'static str) {
    const READ: &str = "GET, HEAD";
    match segments {
        ["healthz"] => ("/healthz", READ),
        ["readyz"] => ("/readyz", READ),
        ["metrics"] => ("/metrics", READ),
        ["api", "v1", "openapi.yaml"] => ("/api/v1/openapi.yaml", READ),
        ["api", "v1", "tenants", _] => ("/api/v1/tenants/{slug}", READ),
        ["api", "v1", "tenants", _, "channels"] => ("/api/v1/tenants/{slug}/channels", READ),
        ["api", "v1", "tenants", _, "channels", _] => ("/api/v1/tenants/{slug}/channels/{channel}", READ),
        ["api", "v1", "tenants", _, "channels", _, "messages"] => {
            ("/api/v1/tenants/{slug}/channels/{channel}/messages", READ)
        }
        ["api", "v1", "tenants", _, "channels", _, "threads"] => {
            ("/api/v1/tenants/{slug}/channels/{channel}/threads", READ)
        }
        ["api", "v1", "tenants", _, "messages", _] => ("/api/v1/tenants/{slug}/messages/{id}", READ),
        ["api", "v1", "tenants", _, "coverage"] => ("/api/v1/tenants/{slug}/coverage", READ),
        ["api", "v1", "admin", "tenants"] => ("/api/v1/admin/tenants", "GET, HEAD, POST"),
        ["api", "v1", "admin", "tenants", _] => ("/api/v1/admin/tenants/{id}", "GET, HEAD, PATCH, DELETE"),
        ["api", ..] => ("none", ""),
        [] => ("/", READ),
        ["favicon.ico" | "favicon.svg" | "robots.txt"] | ["assets", _] => ("/assets", READ),
        ["assets", _, "theme.css"] => ("/assets/{tenant}/theme.css", READ),
        [_] => ("/{tenant}", READ),
        [_, _] => ("/{tenant}/{channel}", READ),
        [_, _, _] => ("/{tenant}/{channel}/{message}", READ),
        _ => ("none", ""),
    }
}

async fn dispatch(
    at: &Arc<Site>,
    method: &Method,
    segments: &[&str],
    request: &Request,
    audience: Audience,
) -> Result<Answer, ApiError> {
    let query = request.query.as_deref();
    if takes_no_query(method, segments) {
        Query::parse(query, &[])?;
    }
    match (method, segments) {
        (_, ["healthz"]) => Ok(health::healthz()),
        (_, ["readyz"]) => health::readyz(&*at.store).await,
        (_, ["metrics"]) => {
            admin_only(at, audience)?;
            Ok(with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", at.metrics.text()))
        }
        (_, ["api", "v1", "openapi.yaml"]) => Ok(with_type(StatusCode::OK, "application/yaml", OPENAPI)),
        (_, ["api", "v1", "admin", rest @ ..]) => {
            admin_only(at, audience)?;
            match (method.as_str(), rest) {
                ("GET", ["tenants"]) => admin::list(at, query).await,
                ("GET", ["tenants", id]) => admin::show(at, id).await,
                ("DELETE", ["tenants", id]) => admin::delete(at, id).await,
                ("POST", ["tenants"]) => admin::create(at, json_body(request, "application/json")?).await,
                ("PATCH", ["tenants", id]) => {
                    admin::update(at, id, json_body(request, "application/merge-patch+json")?).await
                }
                _ => Err(ApiError::not_found("there is nothing at this address")),
            }
        }
        (_, ["api", "v1", "tenants", slug, rest @ ..]) => {
            let reading = at.browse.open(audience).await?;
            match rest {
                [] => public::tenant(reading, slug).await,
                ["channels"] => public::channels(reading, slug, query).await,
                ["channels", channel] => public::channel(reading, slug, channel).await,
                ["channels", channel, "messages"] => public::messages(reading, slug, channel, query).await,
                ["channels", channel, "threads"] => public::threads(reading, slug, channel, query).await,
                ["messages", id] => public::message(reading, slug, id, query).await,
                ["coverage"] => public::coverage(reading, slug, query).await,
                _ => Err(ApiError::not_found("there is nothing at this address")),
            }
        }
        (_, ["assets", rest @ ..]) => site::asset(at, rest, audience).await,
        (_, [file @ ("favicon.ico" | "favicon.svg" | "robots.txt")]) => site::asset(at, &[file], audience).await,
        (_, []) => site::home(at, query).await,
        (_, [tenant]) => site::tenant(at, tenant, query).await,
        (_, [tenant, channel]) => site::channel(at, tenant, channel, query).await,
        (_, [tenant, channel, message]) => site::message(at, tenant, channel, message, query).await,
        _ => Err(ApiError::not_found("there is nothing at this address")),
    }
}

/// Whether an address takes no parameters, so that any is refused. Files may carry a version that they ignore.
fn takes_no_query(method: &Method, segments: &[&str]) -> bool {
    match segments {
        ["api", "v1", "admin", "tenants"] => method != Method::GET,
        ["healthz" | "readyz" | "metrics"]
        | ["api", "v1", "openapi.yaml"]
        | ["api", "v1", "tenants", _]
        | ["api", "v1", "tenants", _, "channels", _]
        | ["api", "v1", "admin", ..] => true,
        _ => false,
    }
}

/// Who asks: a wrong key is refused wherever it is sent. What a proxy before us asked for is no key of ours.
fn audience(site: &Site, headers: &HeaderMap) -> Result<Audience, ApiError> {
    let (Some(sent), Some(key)) = (headers.get(header::AUTHORIZATION), &site.admin_key) else {
        return Ok(Audience::Public);
    };
    let (scheme, sent) = sent.as_bytes().split_at_checked(b"Bearer ".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Ok(Audience::Public);
    }
    let hash: [u8; 32] = Sha256::digest(sent.trim_ascii()).into();
    if bool::from(hash.ct_eq(key)) { Ok(Audience::Admin) } else { Err(ApiError::unauthorized()) }
}

fn admin_only(site: &Site, audience: Audience) -> Result<(), ApiError> {
    match (audience, site.admin_key) {
        (Audience::Admin, _) => Ok(()),
        (Audience::Public, Some(_)) => Err(ApiError::unauthorized()),
        (Audience::Public, None) => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the admin API is off: set ADMIN_API_KEY to turn it on",
        )),
    }
}

fn json_body<'a>(request: &'a Request, also: &str) -> Result<&'a [u8], ApiError> {
    let kind = request.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case(also) {
        return Ok(&request.body);
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(ApiError::new(status, "unsupported_media_type", format!("the body must be {also}")))
}

fn preflight() -> Answer {
    let mut answer = with_type(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
    let headers = answer.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, header::HeaderValue::from_static("GET, HEAD, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, header::HeaderValue::from_static("If-None-Match"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, header::HeaderValue::from_static("86400"));
    answer
}
