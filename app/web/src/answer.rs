//! Responses, and the headers that all of them share.

use std::fmt::Write as _;

use app_core::browse::Audience;
use bytes::Bytes;
use domain::tenant::{LogoUrl, Tenant};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION,
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION, REFERRER_POLICY, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode, Uri};
use http_body_util::Full;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::ApiError;

/// Returns the content security policy of a page: its own styles and pictures, and the tenant's logo. A picture from
/// another host would reveal every reader to that host.
fn policy(logo: Option<&str>) -> HeaderValue {
    let logo = logo.and_then(origin).map_or_else(String::new, |origin| format!(" {origin}"));
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'{logo}; form-action 'none'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("an origin is plain text")
}

/// Returns the scheme and authority of a URL, if they are valid in a policy.
fn origin(address: &str) -> Option<String> {
    let address: Uri = address.parse().ok()?;
    let (scheme, authority) = (address.scheme_str()?, address.authority()?);
    let plain = |c: u8| c.is_ascii_alphanumeric() || b".-:[]".contains(&c);
    (matches!(scheme, "http" | "https") && authority.as_str().bytes().all(plain))
        .then(|| format!("{scheme}://{authority}"))
}

/// A complete response, without the headers that every response gets.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Returns a response with `body` as JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut body = serde_json::to_vec(body).expect("our objects are plain values");
    body.shrink_to_fit();
    with_type(status, "application/json", body)
}

/// Returns a page without pictures of another host.
pub(crate) fn html(status: StatusCode, page: maud::Markup) -> Answer {
    let mut page = page.into_string();
    page.shrink_to_fit();
    let mut answer = with_type(status, "text/html; charset=utf-8", page);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy(None));
    answer
}

/// Returns a page of a tenant, which shows its logo.
pub(crate) fn html_of(tenant: &Tenant, page: maud::Markup) -> Answer {
    let mut answer = html(StatusCode::OK, page);
    let logo = tenant.branding.logo_url.as_ref().map(LogoUrl::as_str);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy(logo));
    answer
}

pub(crate) fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// Returns a permanent redirect; the path is percent-encoded.
pub(crate) fn moved(path: &str) -> Answer {
    let mut answer = with_type(StatusCode::MOVED_PERMANENTLY, "text/plain", Bytes::new());
    if let Ok(path) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(LOCATION, path);
    }
    answer
}

/// Returns an error, as JSON or as a page.
pub(crate) fn problem(error: &ApiError, as_page: bool) -> Answer {
    let mut answer = if as_page {
        let fields: Vec<_> = error.errors.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
        let title = error.title();
        html(error.status, crate::html::error_page(error.status.as_u16(), title, &error.detail, &fields))
    } else {
        with_type(error.status, "application/problem+json", error.to_json())
    };
    let headers = answer.headers_mut();
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
    answer
}

/// Adds the cache headers: public responses may be stored and are revalidated by tag, others are not stored.
pub(crate) fn finish(
    mut answer: Answer,
    if_none_match: &[HeaderValue],
    body: &Bytes,
    audience: Audience,
    public_api: bool,
) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(VARY, HeaderValue::from_static("authorization"));
    if audience == Audience::Admin {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return answer;
    }
    if public_api {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("ETag, Retry-After, X-Request-Id"));
    }
    if answer.status() != StatusCode::OK {
        return answer;
    }
    let own = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let tag = own.unwrap_or_else(|| {
        let mut tag = String::from("W/\"");
        for byte in &Sha256::digest(body)[..12] {
            write!(tag, "{byte:02x}").expect("a string takes every write");
        }
        tag.push('"');
        tag
    });
    let known = if_none_match.iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.trim_start_matches("W/") == tag.trim_start_matches("W/")
    });
    let headers = answer.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        let headers = answer.headers_mut();
        for of_the_body in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_DISPOSITION] {
            headers.remove(of_the_body);
        }
        answer.extensions_mut().clear();
        *answer.body_mut() = Full::default();
    }
    answer
}

#[cfg(test)]
mod tests;
