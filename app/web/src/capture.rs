//! The typed parts of a path.

use domain::day::{Day, Month};
use domain::job::JobId;
use domain::media::ThumbnailWidth;
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

/// The month of a sitemap, and the number of its part, from 1: `2026-03`, or `2026-03-2` for the second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SitemapName {
    pub(super) month: Month,
    pub(super) part: u64,
}

/// The format of a feed.
#[derive(Debug, Clone, Copy)]
pub(super) enum FeedFormat {
    /// `xml`.
    Atom,
    /// `json`.
    Json,
}

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
        number(text).map(Self).ok_or_else(|| ApiError::not_found("there is no such page"))
    }
}

/// Parses a number from 1 on, which has one way to be written, so that a page has one address.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == text)
}

impl Capture<'_> for SitemapName {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let parse = || {
            let (month, rest) = text.split_at_checked("2026-03".len())?;
            let part = match rest.strip_prefix('-') {
                Some(part) => number(part).filter(|part| *part > 1)?,
                None if rest.is_empty() => 1,
                None => return None,
            };
            Some(Self { month: month.parse().ok()?, part })
        };
        parse().ok_or_else(|| ApiError::not_found("there is no such sitemap"))
    }
}

impl Capture<'_> for FeedFormat {
    fn parse(text: &str) -> Result<Self, ApiError> {
        match text {
            "xml" => Ok(Self::Atom),
            "json" => Ok(Self::Json),
            _ => Err(ApiError::not_found("a feed ends in .xml or .json")),
        }
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

impl Capture<'_> for ThumbnailWidth {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let width = number(text).and_then(|width| Self::of(u32::try_from(width).ok()?));
        width.ok_or_else(|| ApiError::not_found("thumbnails are 400 or 800 pixels wide"))
    }
}

impl Capture<'_> for JobId {
    fn parse(text: &str) -> Result<Self, ApiError> {
        Uuid::try_parse(text).map(Self).map_err(|_| ApiError::not_found("there is no such job"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Capture, SitemapName};

    #[test]
    fn a_sitemap_has_one_name() {
        let parsed = |text| SitemapName::parse(text).ok().map(|name| (name.month.to_string(), name.part));
        assert_eq!(parsed("2026-03"), Some(("2026-03".to_owned(), 1)));
        assert_eq!(parsed("2026-03-12"), Some(("2026-03".to_owned(), 12)));
        for wrong in ["2026-03-1", "2026-03-02", "2026-03-", "2026-13", "2026-3", "2026-03x", "", "ä026-03", "x"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
