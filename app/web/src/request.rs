//! Requests, and the checks that come before the routing table.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Version, header};

use super::error::ApiError;
use super::host::Host;
use super::query::decode;

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
    /// The host that it is for.
    pub(super) host: Host,
}

impl Request {
    /// Returns the body if it is JSON: declared as such, or as the media type `also`.
    pub(super) fn json_body(&self, also: &str) -> Result<&[u8], ApiError> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case(also) {
            return Ok(&self.body);
        }
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Err(ApiError::new(status, "unsupported_media_type", format!("the body must be {also}")))
    }
}

/// Rejects a request that is too long or names no host, before any other check.
pub(super) fn check<B>(request: &http::Request<B>) -> Result<(), ApiError> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    // RFC 9112, section 3.2.
    if hosts > 1 || hosts == 0 && request.version() >= Version::HTTP_11 {
        return Err(ApiError::bad_request("a request has exactly one Host header"));
    }
    if request.uri().path_and_query().map_or(0, |target| target.as_str().len()) > MAX_TARGET {
        return Err(ApiError::new(
            StatusCode::URI_TOO_LONG,
            "bad_request",
            "the path with its query is longer than 8 KiB",
        ));
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > MAX_HEADERS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(ApiError::new(status, "bad_request", "the headers are larger than 32 KiB together"));
    }
    Ok(())
}

/// The area of a path, after percent-decoding. An address without a route has one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// Health, metrics, and requests between processes of the installation: answered even while all other requests wait
    /// for the store.
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
            ["healthz" | "readyz" | "metrics"] | ["api", "internal", ..] => Self::Operations,
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
