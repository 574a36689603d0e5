//! The routing table.

use std::future::ready;
use std::net::IpAddr;

use app_core::browse::Audience;
use app_core::retry::retry;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, Version, header};
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::info;

use super::answer::{Answer, moved, with_type};
use super::error::ApiError;
use super::query::{Query, decode};
use super::{Site, admin, file, health, job, public, site};
use crate::address::SEGMENT;

/// The `OpenAPI` document.
const OPENAPI: &str = include_str!("../openapi.yaml");

/// The type of the metrics, in the text format that Prometheus reads.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
    /// The address of the client, without the proxies in between.
    pub(super) client: IpAddr,
}

/// A response, with the facts that only the routing table knows.
pub(super) struct Routed {
    pub(super) answer: Result<Answer, ApiError>,
    /// The name of the route: never an address that a client wrote.
    pub(super) route: &'static str,
    pub(super) audience: Audience,
    /// Whether pages of other sites may read the response.
    pub(super) cors: bool,
}

/// Rejects a request that is too long or names no host, before any other check.
pub(super) fn check(request: &http::request::Parts) -> Result<(), ApiError> {
    let hosts = request.headers.get_all(header::HOST).iter().count();
    // RFC 9112, section 3.2.
    if hosts > 1 || hosts == 0 && request.version >= Version::HTTP_11 {
        return Err(ApiError::bad_request("a request names its host once"));
    }
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

/// The area of a path, after percent-decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// Health and metrics: answered even while all other requests wait for the store.
    Operations,
    /// The public API, as JSON; pages of other sites may read it, errors included.
    PublicApi,
    /// For clients with the admin key.
    Admin,
    /// Pages, whose errors are pages.
    Pages,
}

impl Area {
    /// Returns whether the bytes of its responses count towards the bytes in flight: those to the operator do not, and
    /// are always sent.
    pub(super) const fn is_bounded(self) -> bool {
        matches!(self, Self::PublicApi | Self::Pages)
    }

    pub(super) fn of(path: &str) -> Self {
        let decoded = decode(path);
        let path = decoded.as_deref().unwrap_or(path);
        match path.split('/').skip(1).take(3).collect::<Vec<_>>()[..] {
            ["healthz" | "readyz" | "metrics"] => Self::Operations,
            ["api", "v1", "admin"] => Self::Admin,
            ["api", ..] => Self::PublicApi,
            _ => Self::Pages,
        }
    }
}

/// Returns whether a path is a health check; those are answered whatever else the client did.
pub(super) fn is_probe(path: &str) -> bool {
    decode(path).is_some_and(|path| matches!(path.as_str(), "/healthz" | "/readyz"))
}

/// Answers a request.
pub(super) async fn answer(site: &Site, request: &Request) -> Routed {
    let area = Area::of(&request.path);
    let public_api = area == Area::PublicApi;
    let failed = |error| Routed { answer: Err(error), route: "none", audience: Audience::Public, cors: public_api };
    if site.operations_only && area != Area::Operations {
        return failed(ApiError::not_found("this process copies from Discord; another one serves the archive"));
    }
    let Some(segments) = segments(&request.path) else {
        return failed(ApiError::bad_request("the path is not UTF-8 in percent-encoding"));
    };
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    if let [.., _, ""] | [""] = segments[..] {
        return Routed { answer: without_slash(request, &segments), ..failed(ApiError::internal()) };
    }
    let audience = match audience(site, &request.headers) {
        Ok(audience) => audience,
        // A health check does not need the key that a proxy expects.
        Err(_) if is_probe(&request.path) => Audience::Public,
        Err(error) => {
            info!(client = %request.client, "admin key rejected");
            return failed(error);
        }
    };
    let cors = public_api && audience == Audience::Public;
    let found = |method| find(site, method, &segments, request, audience);
    if let Some((route, work)) = found(method) {
        let answer = match work.await {
            // A read can be retried in a new transaction; a write has been retried already.
            Err(error) if error.aborted && *method == Method::GET => {
                let again = || found(method).expect("the table has it still").1;
                retry(|error: &ApiError| error.aborted, again).await
            }
            answer => answer,
        };
        return Routed { answer, route, audience, cors };
    }
    let others: Vec<_> = METHODS.iter().filter_map(|method| Some((method, found(method)?.0))).collect();
    let (answer, route) = match others.first() {
        None => (Err(ApiError::not_found("there is nothing at this address")), "none"),
        Some((_, route)) if cors && request.method == Method::OPTIONS => (Ok(preflight()), *route),
        Some((_, route)) => {
            let allowed: Vec<&Method> = others.iter().map(|(method, _)| *method).collect();
            (Err(ApiError::method_not_allowed(&allowed, cors)), *route)
        }
    };
    Routed { answer, route, audience, cors }
}

/// Returns the decoded parts of a path; empty for `/`, and `None` for a path that cannot be decoded.
fn segments(path: &str) -> Option<Vec<String>> {
    match path.strip_prefix('/')? {
        "" => Some(Vec::new()),
        path => path.split('/').map(decode).collect(),
    }
}

/// Redirects a page with a slash at the end of its address to the address without it.
fn without_slash(request: &Request, segments: &[&str]) -> Result<Answer, ApiError> {
    let segments = segments.strip_suffix(&[""]).unwrap_or_default();
    // Browsers read a backslash as a slash, so the new address is made of the decoded parts.
    let encoded = segments.iter().flat_map(|part| std::iter::once("/").chain(utf8_percent_encode(part, SEGMENT)));
    let bare: String = encoded.collect();
    let whole = !segments.is_empty() && segments.iter().all(|segment| !segment.is_empty());
    if !whole || Area::of(&bare) != Area::Pages || !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(ApiError::not_found("there is nothing at this address; none ends in a slash"));
    }
    Ok(moved(&request.query.as_ref().map_or_else(|| bare.clone(), |query| format!("{bare}?{query}"))))
}

/// The methods of the routes; `HEAD` is supported wherever `GET` is.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PATCH, Method::DELETE];

/// A response that is made when it is awaited.
type Work<'a> = BoxFuture<'a, Result<Answer, ApiError>>;

/// The table: returns the name of a route in logs and metrics, and the handler of the method there.
fn find<'a>(
    at: &'a Site,
    method: &Method,
    segments: &[&'a str],
    request: &'a Request,
    audience: Audience,
) -> Option<(&'static str, Work<'a>)> {
    const TENANTS: &str = "/api/v1/admin/tenants";
    const TENANT: &str = "/api/v1/admin/tenants/{id}";
    const JOB: &str = "/api/v1/admin/jobs/{id}";
    let query = request.query.as_deref();
    let admin = move |work: Work<'a>| {
        let allowed = admin_only(at, audience);
        async move {
            allowed?;
            work.await
        }
        .boxed()
    };
    let bare = move |work: Work<'a>| {
        let plain = Query::parse(query, &[]);
        async move {
            plain?;
            work.await
        }
        .boxed()
    };
    Some(match (method.as_str(), segments) {
        ("GET", ["healthz"]) => ("/healthz", bare(ready(Ok(health::healthz())).boxed())),
        ("GET", ["readyz"]) => ("/readyz", bare(health::readyz(&*at.store).boxed())),
        ("GET", ["metrics"]) => {
            let metrics = async { Ok(with_type(StatusCode::OK, METRICS_TYPE, at.metrics.encode())) };
            ("/metrics", admin(bare(metrics.boxed())))
        }
        ("GET", ["api", "v1", "openapi.yaml"]) => {
            let document = async { Ok(with_type(StatusCode::OK, "application/yaml", OPENAPI)) };
            ("/api/v1/openapi.yaml", bare(document.boxed()))
        }
        ("GET", ["api", "v1", "tenants", slug]) => {
            ("/api/v1/tenants/{slug}", bare(public::tenant(at, audience, slug).boxed()))
        }
        ("GET", ["api", "v1", "tenants", slug, "channels"]) => {
            ("/api/v1/tenants/{slug}/channels", public::channels(at, audience, slug, query).boxed())
        }
        ("GET", ["api", "v1", "tenants", slug, "channels", channel]) => {
            let work = public::channel(at, audience, slug, channel).boxed();
            ("/api/v1/tenants/{slug}/channels/{channel}", bare(work))
        }
        ("GET", ["api", "v1", "tenants", slug, "channels", channel, "messages"]) => {
            let work = public::messages(at, audience, slug, channel, query).boxed();
            ("/api/v1/tenants/{slug}/channels/{channel}/messages", work)
        }
        ("GET", ["api", "v1", "tenants", slug, "channels", channel, "threads"]) => {
            let work = public::threads(at, audience, slug, channel, query).boxed();
            ("/api/v1/tenants/{slug}/channels/{channel}/threads", work)
        }
        ("GET", ["api", "v1", "tenants", slug, "messages", id]) => {
            ("/api/v1/tenants/{slug}/messages/{id}", public::message(at, audience, slug, id, query).boxed())
        }
        ("GET", ["api", "v1", "tenants", slug, "coverage"]) => {
            ("/api/v1/tenants/{slug}/coverage", public::coverage(at, audience, slug, query).boxed())
        }
        ("GET", ["api", "v1", "admin", "tenants"]) => (TENANTS, admin(admin::list(at, query).boxed())),
        ("POST", ["api", "v1", "admin", "tenants"]) => {
            let work = async { admin::create(at, json_body(request, "application/json")?).await };
            (TENANTS, admin(bare(work.boxed())))
        }
        ("GET", ["api", "v1", "admin", "tenants", id]) => (TENANT, admin(bare(admin::show(at, id).boxed()))),
        ("PATCH", ["api", "v1", "admin", "tenants", id]) => {
            let id = *id;
            let work = async move { admin::update(at, id, json_body(request, "application/merge-patch+json")?).await };
            (TENANT, admin(bare(work.boxed())))
        }
        ("DELETE", ["api", "v1", "admin", "tenants", id]) => (TENANT, admin(bare(admin::delete(at, id).boxed()))),
        ("POST", ["api", "v1", "admin", "tenants", id, "sync"]) => {
            let id = *id;
            let work = async move { job::sync(at, id, json_body(request, "application/json")?).await };
            ("/api/v1/admin/tenants/{id}/sync", admin(bare(work.boxed())))
        }
        ("GET", ["api", "v1", "admin", "tenants", id, "jobs"]) => {
            ("/api/v1/admin/tenants/{id}/jobs", admin(job::list(at, id, query).boxed()))
        }
        ("GET", ["api", "v1", "admin", "jobs", id]) => (JOB, admin(bare(job::show(at, id).boxed()))),
        ("DELETE", ["api", "v1", "admin", "jobs", id]) => (JOB, admin(bare(job::cancel(at, id).boxed()))),
        ("POST", ["api", "v1", "admin", "jobs", id, "retry"]) => {
            ("/api/v1/admin/jobs/{id}/retry", admin(bare(job::retry(at, id).boxed())))
        }
        (_, ["api", ..]) => return None,
        // The pages ignore unknown parameters: other sites add them to links.
        ("GET", ["assets", tenant, "theme.css"]) => {
            ("/assets/{tenant}/theme.css", site::theme(at, tenant, audience).boxed())
        }
        ("GET", [file @ ("favicon.ico" | "favicon.svg" | "robots.txt")] | ["assets", file]) => {
            ("/assets/{file}", ready(site::asset(file)).boxed())
        }
        ("GET", []) => ("/", site::home(at, query).boxed()),
        ("GET", [tenant]) => ("/{tenant}", site::tenant(at, tenant, query).boxed()),
        ("GET", [tenant, channel]) => ("/{tenant}/{channel}", site::channel(at, tenant, channel, query).boxed()),
        ("GET", [tenant, channel, message]) => {
            ("/{tenant}/{channel}/{message}", site::message(at, tenant, channel, message).boxed())
        }
        ("GET", [tenant, "files", channel, message, attachment, _]) => {
            let work = file::file(at, audience, [tenant, channel, message, attachment], &request.headers).boxed();
            ("/{tenant}/files/{channel}/{message}/{attachment}/{name}", work)
        }
        _ => return None,
    })
}

/// Returns the audience of a request: a wrong key is rejected on every route. Credentials of another scheme, for a
/// proxy in front of the server, are ignored.
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
