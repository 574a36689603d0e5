//! Files of messages: their bytes as they were sent, in a form in which none of them can do harm.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::media::ContentHash;
use domain::message::Attachment;
use futures::stream::BoxStream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG,
    IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::warn;

use super::Site;
use super::answer::{Answer, with_type};
use super::error::ApiError;
use crate::browse::Audience;

/// Types that a browser shows by itself and that hold nothing which it would run; all else is saved.
const SHOWN: [&str; 17] = [
    "image/png",
    "image/apng",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/ogg",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/flac",
    "audio/aac",
];

/// A body that is read as it is sent. An answer carries it among its extensions, and the server puts it in.
#[derive(Clone)]
pub(super) struct Streamed(Arc<Mutex<Option<BoxStream<'static, std::io::Result<Bytes>>>>>);

impl Streamed {
    /// The bytes, once.
    pub(super) fn take(&self) -> Option<BoxStream<'static, std::io::Result<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers `/{tenant}/files/{channel}/{message}/{attachment}/{name}`; the name is for people alone.
pub(super) async fn file(
    site: &Site,
    audience: Audience,
    [tenant, channel, message, attachment]: [&str; 4],
    headers: &HeaderMap,
) -> Result<Answer, ApiError> {
    let none = || ApiError::not_found("there is no such file");
    let media = site.media.as_ref().ok_or_else(none)?;
    let (message, attachment) = (message.parse().map_err(|_| none())?, attachment.parse().map_err(|_| none())?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(tenant).await?;
    let view = at.file(&tenant, channel, message, attachment).await?;
    drop(at);
    let (hash, whole) = (tag(view.hash), view.size_bytes);
    let range = wanted(headers, &hash, whole);
    let (first, length) = match range {
        Wanted::All => (0, whole),
        Wanted::Part { first, last } => (first, last - first + 1),
        Wanted::Beyond => return Ok(beyond(whole)),
    };
    let opened = media.open(tenant.id, view.hash, first, length).await.map_err(|error| {
        warn!(error = &error as &dyn std::error::Error, "a file cannot be read");
        ApiError::unavailable("the file cannot be read right now")
    })?;
    let Some(kept) = opened.filter(|kept| kept.size_bytes == whole) else {
        warn!(tenant.id = %tenant.id, hash = %view.hash, "a file is not where it was stored");
        return Err(none());
    };
    let mut answer = described(&view.attachment, hash, length);
    if let Wanted::Part { first, last } = range {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        answer.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes {first}-{last}/{whole}")));
    }
    answer.extensions_mut().insert(Streamed(Arc::new(Mutex::new(Some(kept.bytes)))));
    Ok(answer)
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("it is plain text")
}

fn tag(hash: ContentHash) -> HeaderValue {
    header(&format!("\"{hash}\""))
}

/// The answer without its bytes.
fn described(file: &Attachment, tag: HeaderValue, length: u64) -> Answer {
    let said = file.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
    let said = said.trim().to_ascii_lowercase();
    let shown = SHOWN.into_iter().find(|kind| *kind == said);
    let disposition = if shown.is_some() { "inline" } else { "attachment" };
    let name = utf8_percent_encode(&file.filename, NON_ALPHANUMERIC);
    let mut answer = with_type(StatusCode::OK, shown.unwrap_or("application/octet-stream"), Bytes::new());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_DISPOSITION, header(&format!("{disposition}; filename*=UTF-8''{name}")));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    // The bytes never change; that their message is deleted shows after a day.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ETAG, tag);
    answer
}

/// Which part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// Both included.
    Part {
        first: u64,
        last: u64,
    },
    /// It has no such bytes.
    Beyond,
}

/// What the `Range` header asks for: one range; several at once, and what is no range, are answered with all of it.
fn wanted(headers: &HeaderMap, tag: &HeaderValue, size: u64) -> Wanted {
    let current = headers.get(IF_RANGE).is_none_or(|known| known == tag);
    let range = headers.get(RANGE).filter(|_| current).and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| range.trim().strip_prefix("bytes=")?.split_once('-'));
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match range {
        Some(("", most)) => match number(most) {
            Some(most) if most == 0 || size == 0 => Wanted::Beyond,
            Some(most) => Wanted::Part { first: size.saturating_sub(most), last: size - 1 },
            None => Wanted::All,
        },
        Some((first, last)) => match (number(first), last.trim().is_empty(), number(last)) {
            (Some(first), true, _) if first < size => Wanted::Part { first, last: size - 1 },
            (Some(first), false, Some(last)) if first <= last && first < size => {
                Wanted::Part { first, last: last.min(size - 1) }
            }
            (Some(first), true, _) if first >= size => Wanted::Beyond,
            (Some(first), false, Some(last)) if first <= last => Wanted::Beyond,
            _ => Wanted::All,
        },
        None => Wanted::All,
    }
}

fn beyond(size: u64) -> Answer {
    let mut answer = with_type(StatusCode::RANGE_NOT_SATISFIABLE, "text/plain", Bytes::new());
    answer.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes */{size}")));
    answer
}

#[cfg(test)]
mod tests;
