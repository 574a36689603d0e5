//! The typed parts of a path.

use domain::day::Day;
use domain::job::JobId;
use domain::message::{AttachmentId, MessageId};
use uuid::Uuid;

use super::error::ApiError;

/// A part of a path that a route captures.
pub(super) trait Capture<'a>: Sized {
    /// Parses the part, which is decoded already.
    ///
    /// # Errors
    /// The response to an address with such a part: 404, as for one that names nothing.
    fn parse(text: &'a str) -> Result<Self, ApiError>;
}

/// A tenant's slug, or for clients with the admin key its id.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantRef<'a>(pub(super) &'a str);

/// A channel's slug, id or platform id.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChannelRef<'a>(pub(super) &'a str);

/// A part of a channel: a day, or a message.
#[derive(Debug, Clone, Copy)]
pub(super) enum PartRef {
    Day(Day),
    Message(MessageId),
}

/// The number of a page, from 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageNumber(pub(super) u64);

/// The id of a forum's tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct TagRef<'a>(pub(super) &'a str);

/// The name of a file of the site, or the name under which a browser saves a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileName<'a>(pub(super) &'a str);

impl<'a> Capture<'a> for TenantRef<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        Ok(Self(text))
    }
}

impl<'a> Capture<'a> for ChannelRef<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        Ok(Self(text))
    }
}

impl<'a> Capture<'a> for TagRef<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        Ok(Self(text))
    }
}

impl<'a> Capture<'a> for FileName<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        Ok(Self(text))
    }
}

impl Capture<'_> for PartRef {
    fn parse(text: &str) -> Result<Self, ApiError> {
        text.parse().map(Self::Day).or_else(|_| MessageId::parse(text).map(Self::Message))
    }
}

impl Capture<'_> for Day {
    fn parse(text: &str) -> Result<Self, ApiError> {
        text.parse().map_err(|_| ApiError::not_found("there is nothing at this address"))
    }
}

impl Capture<'_> for PageNumber {
    fn parse(text: &str) -> Result<Self, ApiError> {
        // A number has one way to be written, so that a page has one address.
        let number = text.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == text);
        number.map(Self).ok_or_else(|| ApiError::not_found("there is no such page"))
    }
}

impl Capture<'_> for MessageId {
    fn parse(text: &str) -> Result<Self, ApiError> {
        text.parse().map_err(|_| ApiError::not_found("there is no such message"))
    }
}

impl Capture<'_> for AttachmentId {
    fn parse(text: &str) -> Result<Self, ApiError> {
        text.parse().map_err(|_| ApiError::not_found("there is no such file"))
    }
}

impl Capture<'_> for JobId {
    fn parse(text: &str) -> Result<Self, ApiError> {
        Uuid::try_parse(text).map(Self).map_err(|_| ApiError::not_found("there is no such job"))
    }
}
