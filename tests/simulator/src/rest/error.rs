//! Errors in Discord's format.

use http::StatusCode;
use serde_json::{Value, json};

/// An error: status, Discord's code, and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: u32,
    pub(crate) message: &'static str,
    pub(crate) errors: Option<Value>,
}

impl ApiError {
    /// Returns an error without details.
    pub(crate) const fn new(status: StatusCode, code: u32, message: &'static str) -> Self {
        Self { status, code, message, errors: None }
    }

    /// Returns the error of an unknown path.
    pub(crate) const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, 0, "404: Not Found")
    }

    /// Returns the error of a method that the path does not support.
    pub(crate) const fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 0, "405: Method Not Allowed")
    }

    /// Returns the error of a missing or wrong token.
    pub(crate) const fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 0, "401: Unauthorized")
    }

    /// Returns the error of an object that the bot may not see.
    pub(crate) const fn no_access() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50001, "Missing Access")
    }

    /// Returns the error of an object that the bot may see, but not use in this way.
    pub(crate) const fn no_permission() -> Self {
        Self::new(StatusCode::FORBIDDEN, 50013, "Missing Permissions")
    }

    /// Returns the error of a channel that was deleted or never existed.
    pub(crate) const fn unknown_channel() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10003, "Unknown Channel")
    }

    /// Returns the error of a guild that does not exist or that the bot is not in.
    pub(crate) const fn unknown_guild() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10004, "Unknown Guild")
    }

    /// Returns the error of a message that was deleted or never existed.
    pub(crate) const fn unknown_message() -> Self {
        Self::new(StatusCode::NOT_FOUND, 10008, "Unknown Message")
    }

    /// Returns the error of an emoji that Discord no longer knows.
    pub(crate) const fn unknown_emoji() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 10014, "Unknown Emoji")
    }

    /// Returns the error of an operation that this type of channel does not support.
    pub(crate) const fn wrong_channel_type() -> Self {
        Self::new(StatusCode::BAD_REQUEST, 50024, "Cannot execute action on this channel type")
    }

    /// Returns the error of an invalid value in the query or body.
    pub(crate) fn invalid(field: &str, code: &str, words: &str) -> Self {
        Self {
            errors: Some(json!({field: {"_errors": [{"code": code, "message": words}]}})),
            ..Self::new(StatusCode::BAD_REQUEST, 50035, "Invalid Form Body")
        }
    }

    /// Returns the body of the response.
    pub(crate) fn json(&self) -> Value {
        let mut body = json!({"message": self.message, "code": self.code});
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        body
    }
}
