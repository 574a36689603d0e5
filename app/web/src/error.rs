//! Error responses.

use std::borrow::Cow;
use std::fmt;

use app_core::browse::BrowseError;
use app_core::search::SearchFailure;
use app_core::sync::SyncJobsError;
use app_core::tenants::TenantsError;
use http::{Method, StatusCode};
use ports::error::StoreError;
use serde::Serialize;
use tracing::{error, warn};

/// The value of `Retry-After`, in seconds, when the store is unavailable.
const RETRY_AFTER: u32 = 5;

/// A field of the input, and its error.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FieldError {
    pub(crate) field: String,
    pub(crate) reason: String,
}

/// An error response: an `application/problem+json` of RFC 9457, or a page with the same text.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) errors: Vec<FieldError>,
    /// The value of `Allow`: the methods of the address.
    pub(crate) allow: Option<String>,
    pub(crate) retry_after: Option<u32>,
    /// Whether the store aborted a read that may succeed if it is retried at once.
    pub(crate) aborted: bool,
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), allow: None, retry_after: None, aborted: false }
    }

    pub(crate) fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// Returns the error of an invalid query parameter.
    pub(crate) fn bad_value(field: &str, reason: impl Into<String>) -> Self {
        let errors = vec![FieldError { field: field.to_owned(), reason: reason.into() }];
        Self { errors, ..Self::bad_request("invalid query parameter") }
    }

    pub(crate) fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "the admin key is missing or wrong")
    }

    /// Returns the error of an unsupported method; `preflight` states whether the address supports `OPTIONS`, too.
    pub(crate) fn method_not_allowed(allowed: &[&Method], preflight: bool) -> Self {
        let names = allowed.iter().map(|method| if **method == Method::GET { "GET, HEAD" } else { method.as_str() });
        let allow = names.chain(preflight.then_some("OPTIONS")).collect::<Vec<_>>().join(", ");
        let detail = format!("this address supports {allow}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail) }
    }

    pub(crate) fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after: Some(RETRY_AFTER), ..error }
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error; the log has the cause")
    }

    /// Returns the error of a body with invalid fields.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "the body has invalid fields");
        Self { errors, ..error }
    }

    /// Returns the standard phrase of the status.
    pub(crate) fn title(&self) -> &'static str {
        self.status.canonical_reason().unwrap_or("Error")
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        let problem = Problem {
            r#type: "about:blank",
            title: self.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        serde_json::to_vec(&problem).expect("a problem is plain text and numbers")
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Missing { what } => Self::not_found(format!("there is no such {what}")),
            StoreError::Duplicate { what } => {
                Self::new(StatusCode::CONFLICT, "conflict", format!("this {what} is taken"))
            }
            StoreError::Aborted(_) => {
                warn!(error = &error as &dyn std::error::Error, "store request aborted");
                Self { aborted: true, ..Self::unavailable("the archive cannot be read right now") }
            }
            StoreError::Unavailable(_) => {
                error!(error = &error as &dyn std::error::Error, "store unavailable");
                Self::unavailable("the archive cannot be read right now")
            }
            StoreError::Throttled(_) => {
                warn!(error = &error as &dyn std::error::Error, "store throttled");
                let detail = "the archive is overloaded";
                let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
                Self { retry_after: Some(RETRY_AFTER), ..error }
            }
            StoreError::TimedOut(_) => {
                error!(error = &error as &dyn std::error::Error, "store request aborted");
                Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "the request took too long")
            }
            StoreError::TooLarge(_) | StoreError::Refused(_) | StoreError::Corrupt { .. } | StoreError::Backend(_) => {
                error!(error = &error as &dyn std::error::Error, "store failed");
                Self::internal()
            }
        }
    }
}

impl From<BrowseError> for ApiError {
    fn from(error: BrowseError) -> Self {
        match error {
            BrowseError::NotFound(_) => Self::not_found(error.to_string()),
            BrowseError::Deleted | BrowseError::Gone(_) | BrowseError::Cancelled => {
                Self::new(StatusCode::GONE, "gone", error.to_string())
            }
            BrowseError::Maintenance => Self::unavailable(error.to_string()),
            BrowseError::Cursor(_) => Self::bad_value("cursor", error.to_string()),
            BrowseError::Store(error) => error.into(),
        }
    }
}

impl From<SearchFailure> for ApiError {
    fn from(error: SearchFailure) -> Self {
        match error {
            SearchFailure::Browse(error) => error.into(),
            SearchFailure::Building => {
                Self { code: "search_building", ..Self::unavailable("the search index is being built; try again soon") }
            }
            SearchFailure::Unavailable => Self::unavailable(error.to_string()),
            SearchFailure::TimedOut => Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", error.to_string()),
        }
    }
}

impl From<SyncJobsError> for ApiError {
    fn from(error: SyncJobsError) -> Self {
        match error {
            SyncJobsError::NotFound => Self::not_found(error.to_string()),
            SyncJobsError::NoSync | SyncJobsError::Ended | SyncJobsError::NotRepeatable => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
            }
            SyncJobsError::Store(error) => error.into(),
        }
    }
}

impl From<TenantsError> for ApiError {
    fn from(error: TenantsError) -> Self {
        match error {
            TenantsError::NotFound(_) => Self::not_found("there is no such community"),
            TenantsError::SlugTaken(_)
            | TenantsError::DomainTaken(_)
            | TenantsError::Exists { .. }
            | TenantsError::Deleting
            | TenantsError::KeyMissing => Self::new(StatusCode::CONFLICT, "conflict", error.to_string()),
            // The stored values of a tenant come from the request body.
            TenantsError::Store(error @ StoreError::Refused(_)) => {
                warn!(error = &error as &dyn std::error::Error, "store rejected a value");
                let reason = "it has a value that cannot be stored".to_owned();
                Self::invalid(vec![FieldError { field: "body".to_owned(), reason }])
            }
            TenantsError::NotAnIcon => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", error.to_string())
            }
            TenantsError::IconTooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", error.to_string())
            }
            TenantsError::Media(error) => {
                warn!(error = &error as &dyn std::error::Error, "icon not stored");
                Self::unavailable("the icon cannot be stored right now")
            }
            TenantsError::Store(error) => error.into(),
        }
    }
}
