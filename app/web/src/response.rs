//! Responses, and the headers that all of them share.

use app_core::browse::Audience;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LINK, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use twox_hash::XxHash3_128;

use super::error::ApiError;
use crate::address::Base;

/// Tells search engines whether they should list a response that is not HTML.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A response, without the headers that every response gets.
pub(crate) type Response = http::Response<Body>;

/// Bytes that are read while they are sent.
pub(crate) type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;

/// The body of a response.
pub(crate) enum Body {
    /// All of its bytes. They get a validator, are compressed, and count towards the bytes in flight.
    Whole(Bytes),
    /// A stream, which is sent as it is.
    Stream(ByteStream),
    /// A stream that has to be opened, such as a file. The store's thread must not wait for another disk, so the server
    /// opens it after the handler has returned.
    Opening(BoxFuture<'static, Result<ByteStream, ApiError>>),
    /// A response that has to be made of a file, and takes the place of this one. The server makes it at the same time.
    Making(BoxFuture<'static, Result<Response, ApiError>>),
}

/// Returns a response with the stream that it has to open, or the response that it has to make.
pub(crate) async fn opened(response: Response) -> Result<Response, ApiError> {
    let (head, body) = response.into_parts();
    let body = match body {
        Body::Opening(opening) => Body::Stream(opening.await?),
        Body::Making(making) => return making.await,
        Body::Whole(_) | Body::Stream(_) => body,
    };
    Ok(Response::from_parts(head, body))
}

/// The content security policy of a page: the site's own scripts, styles, pictures and sounds. A picture from another
/// host would reveal every reader to that host.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; \
                      media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Returns a response with `body` as JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut body = serde_json::to_vec(body).expect("our objects are plain values");
    body.shrink_to_fit();
    with_type(status, "application/json", body)
}

/// Returns a page.
pub(crate) fn html(status: StatusCode, page: maud::Markup) -> Response {
    let mut page = page.into_string();
    page.shrink_to_fit();
    let mut response = with_type(status, "text/html; charset=utf-8", page);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Returns the Markdown twin of a page. Search engines list the page instead, whose address is `canonical`.
pub(crate) fn markdown(mut text: String, canonical: Option<String>) -> Response {
    text.shrink_to_fit();
    let mut response = with_type(StatusCode::OK, "text/markdown; charset=utf-8", text);
    let headers = response.headers_mut();
    headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    let link = canonical.and_then(|address| HeaderValue::from_str(&format!("<{address}>; rel=\"canonical\"")).ok());
    headers.extend(link.map(|link| (LINK, link)));
    response
}

pub(crate) fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Returns a permanent redirect; the path is percent-encoded.
pub(crate) fn moved(path: &str) -> Response {
    let mut response = with_type(StatusCode::MOVED_PERMANENTLY, "text/plain", Bytes::new());
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

/// Returns an error as JSON.
pub(crate) fn problem(error: &ApiError) -> Response {
    with_headers(error, with_type(error.status, "application/problem+json", error.to_json()))
}

/// Returns an error as a page of the community at the address, if there is one.
pub(crate) fn problem_page(error: &ApiError, base: Option<Base<'_>>) -> Response {
    let fields: Vec<_> = error.errors.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
    let page = crate::html::error_page(error.status.as_u16(), error.title(), &error.detail, &fields, base);
    with_headers(error, html(error.status, page))
}

/// Returns an error with the headers that tell programs about it.
fn with_headers(error: &ApiError, mut response: Response) -> Response {
    let headers = response.headers_mut();
    if let Some(allow) = error.allow.as_ref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
        headers.insert(ALLOW, allow);
    }
    if let Some(seconds) = error.retry_after {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if error.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds the cache headers: public responses may be stored and are revalidated by tag, others are not stored. A stream has
/// a tag only if its handler has set one.
pub(crate) fn finish(mut response: Response, audience: Audience, public_api: bool) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(VARY, HeaderValue::from_static("authorization"));
    let is_stored = headers.get(CACHE_CONTROL).is_none_or(|cached| !cached.as_bytes().starts_with(b"no-store"));
    if audience == Audience::Admin {
        if is_stored {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        return response;
    }
    if public_api {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After, X-Request-Id"));
    }
    if response.status() != StatusCode::OK {
        return response;
    }
    // What no cache stores needs no validator.
    if !is_stored {
        return response;
    }
    let tag = match (response.headers().get(ETAG), response.body()) {
        (Some(tag), _) => Some(tag.clone()),
        (None, Body::Whole(bytes)) => Some(tag_of(bytes)),
        (None, Body::Stream(_) | Body::Opening(_) | Body::Making(_)) => None,
    };
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    }
    if let Some(tag) = tag {
        headers.insert(ETAG, tag);
    }
    response
}

/// Returns a finished response without its body, if the client has it.
pub(crate) fn revalidated(response: Response, if_none_match: &[HeaderValue]) -> Response {
    let is_known = response.status() == StatusCode::OK
        && response.headers().get(ETAG).is_some_and(|tag| knows(if_none_match, tag));
    if is_known { not_modified(response).map(|_| Body::Whole(Bytes::new())) } else { response }
}

/// Returns the head of a response whose body the client has.
pub(crate) fn not_modified<B>(mut response: http::Response<B>) -> http::Response<B> {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    for of_the_body in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_DISPOSITION] {
        response.headers_mut().remove(of_the_body);
    }
    response
}

/// Returns the validator of a body, the same in every process: weak, because the bytes that are sent can be compressed.
fn tag_of(bytes: &Bytes) -> HeaderValue {
    let tag = format!("W/\"{:032x}\"", XxHash3_128::oneshot(bytes));
    HeaderValue::from_str(&tag).expect("hexadecimal digits make a header")
}

/// Returns whether `If-None-Match` has a tag.
pub(crate) fn knows(if_none_match: &[HeaderValue], tag: &HeaderValue) -> bool {
    let Ok(tag) = tag.to_str() else { return false };
    let known = if_none_match.iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.trim_start_matches("W/") == tag.trim_start_matches("W/")
    })
}
