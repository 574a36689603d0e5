//! Errors as Discord words them.

use http::StatusCode;
use serde_json::{Value, json};

/// A refusal: status, Discord's code, and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: &'static str,
    pub(crate) errors: Option<Value>,
}

impl ApiError {
    /// A refusal without details.
    pub(crate) const fn new(status: StatusCode, code: u32, message: &'static str) -> Self {
        Self { status, code, message, errors: None }
    }

    /// No such path.
    pub(crate) const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 0, "404: Not Found")
    }

    /// The path exists, but not for this method.
    pub(crate) const fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 0, "405: Method Not Allowed")
    }

    /// No token, or a wrong one.
    pub(crate) const fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    /// The bot may not see it.
    pub(crate) const fn no_access() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50001, "Missing Access")
    }

    /// The bot sees it, but may not do this.
    pub(crate) const fn no_permission() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50013, "Missing Permissions")
    }

    /// The channel is gone or never was.
    pub(crate) const fn unknown_channel() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10003, "Unknown Channel")
    }

    /// The guild is gone or the bot is not in it.
    pub(crate) const fn unknown_guild() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10004, "Unknown Guild")
    }

    /// The message is gone or never was.
    pub(crate) const fn unknown_message() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10008, "Unknown Message")
    }

    /// Discord has forgotten the emoji.
    pub(crate) const fn unknown_emoji() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10014, "Unknown Emoji")
    }

    /// This type of channel cannot do that.
    pub(crate) const fn wrong_channel_type() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 50024, "Cannot execute action on this channel type")
    }

    /// A bad value in the query or body.
    pub(crate) fn invalid(field: &str, code: &str, words: &str) -> Self {
        Self {
            errors: Some(json!({field: {"_errors": [{"code": code, "message": words}]}})),
            ..Self::new(StatusCode::BAD_REQUEST, 50035, "Invalid Form Body")
        }
    }

    /// The body of the answer.
    pub(crate) fn json(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}
