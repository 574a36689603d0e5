//! Files of messages: their original bytes, with headers that keep them harmless.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_core::browse::{Audience, shown_type};
use app_core::retry::retry;
use bytes::Bytes;
use domain::media::{ContentHash, FileKey, FileState};
use domain::message::Attachment;
use domain::tenant::TenantId;
use futures::stream::BoxStream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG,
    IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ports::error::StoreError;
use ports::media::{File, KeptFile};
use tokio::time::timeout;
use tracing::{error, warn};

use super::Site;
use super::answer::{Answer, with_type};
use super::error::ApiError;

/// The time that the media store is given to open a file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(8);

/// A stored file that a response is to contain. The response carries it among its extensions: the store's thread must
/// not wait for the disk with the files, so [`open`] opens it after the store has answered.
#[derive(Clone)]
pub(super) struct Found {
    tenant: TenantId,
    key: FileKey,
    hash: ContentHash,
    size_bytes: u64,
    first: u64,
    length: u64,
}

/// A body that is read as it is sent. A response carries it among its extensions, and the server makes it the body.
#[derive(Clone)]
pub(super) struct Streamed(Arc<Mutex<Option<BoxStream<'static, std::io::Result<Bytes>>>>>);

impl Streamed {
    /// Returns the bytes, once.
    pub(super) fn take(&self) -> Option<BoxStream<'static, std::io::Result<Bytes>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Answers `/{tenant}/files/{channel}/{message}/{attachment}/{name}`, without the bytes; the name is ignored.
pub(super) async fn file(
    site: &Site,
    audience: Audience,
    [tenant, channel, message, attachment]: [&str; 4],
    headers: &HeaderMap,
) -> Result<Answer, ApiError> {
    if site.media.is_none() {
        return Err(no_file());
    }
    let (message, attachment) = (message.parse().map_err(|_| no_file())?, attachment.parse().map_err(|_| no_file())?);
    let mut at = site.browse.open(audience).await?;
    let tenant = at.tenant(tenant).await?;
    let view = at.file(&tenant, channel, message, attachment).await?;
    let (hash, whole) = (tag(view.hash), view.size_bytes);
    let range = wanted(headers, &hash, whole);
    let (first, length) = match range {
        Wanted::All => (0, whole),
        Wanted::Part { first, last } => (first, last - first + 1),
        Wanted::Beyond => return Ok(beyond(whole)),
    };
    let mut answer = described(&view.attachment, hash, length);
    if let Wanted::Part { first, last } = range {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        answer.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes {first}-{last}/{whole}")));
    }
    let found = Found { tenant: tenant.id, key: view.key, hash: view.hash, size_bytes: whole, first, length };
    answer.extensions_mut().insert(found);
    Ok(answer)
}

fn no_file() -> ApiError {
    ApiError::not_found("there is no such file")
}

/// Returns whether a response is to contain a file, which [`open`] opens.
pub(super) fn is_found(answer: &Answer) -> bool {
    answer.extensions().get::<Found>().is_some()
}

/// Opens the file that a response is to contain, if there is one, and attaches its bytes.
pub(super) async fn open(site: &Arc<Site>, mut answer: Answer) -> Result<Answer, ApiError> {
    let (Some(found), Some(media)) = (answer.extensions_mut().remove::<Found>(), &site.media) else {
        return Ok(answer);
    };
    let unreadable = || ApiError::unavailable("the file cannot be read right now");
    let opened = timeout(OPEN_TIMEOUT, media.open(found.tenant, found.hash, found.first, found.length)).await;
    let opened = opened.map_err(|_| {
        warn!(tenant.id = %found.tenant, "file not opened in time");
        unreadable()
    })?;
    let opened = opened.map_err(|failed| {
        warn!(error = &failed as &dyn std::error::Error, "file not readable");
        unreadable()
    })?;
    let Some(KeptFile { bytes, .. }) = opened.filter(|kept| kept.size_bytes == found.size_bytes) else {
        warn!(tenant.id = %found.tenant, message.id = %found.key.message, hash = %found.hash, "stored file missing");
        let site = Arc::clone(site);
        tokio::spawn(async move {
            if let Err(failed) = retry(StoreError::is_retryable, || forget(&site, &found)).await {
                error!(error = &failed as &dyn std::error::Error, "missing file not requested again");
            }
        });
        return Err(no_file());
    };
    answer.extensions_mut().insert(Streamed(Arc::new(Mutex::new(Some(bytes)))));
    Ok(answer)
}

/// Makes a file whose bytes are lost wait for the next sync or import, unless either has stored it since.
async fn forget(site: &Site, found: &Found) -> Result<(), StoreError> {
    let FileKey { channel, message, .. } = found.key;
    let mut unit = site.store.begin().await?;
    let known = unit.media().list(channel, message, message).await?;
    let lost = FileState::Stored { hash: found.hash, size_bytes: found.size_bytes };
    if known.iter().any(|file| file.key == found.key && file.state == lost) {
        let state = FileState::seen(site.clock.now());
        unit.media().upsert_all(found.tenant, &[File { key: found.key, state }]).await?;
        unit.commit().await?;
    }
    Ok(())
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("it is plain text")
}

fn tag(hash: ContentHash) -> HeaderValue {
    header(&format!("\"{hash}\""))
}

/// Returns the name under which a browser saves a file: a name with direction marks can disguise its extension, and one
/// with separators or control characters is not a valid file name.
fn saved_name(name: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let name = name.chars().filter(|c| !turns(*c));
    let name: String = name.map(|c| if c.is_control() || matches!(c, '/' | '\\') { '_' } else { c }).collect();
    if name.is_empty() { "file".to_owned() } else { name }
}

/// Returns the response without its bytes.
fn described(file: &Attachment, tag: HeaderValue, length: u64) -> Answer {
    let shown = shown_type(file);
    let disposition = if shown.is_some() { "inline" } else { "attachment" };
    let name = saved_name(&file.filename);
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    let mut answer = with_type(StatusCode::OK, shown.unwrap_or("application/octet-stream"), Bytes::new());
    let headers = answer.headers_mut();
    headers.insert(CONTENT_DISPOSITION, header(&format!("{disposition}; filename*=UTF-8''{name}")));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    // The hash makes revalidation cheap, and a file whose channel became private must not stay in shared caches.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ETAG, tag);
    answer
}

/// The requested part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// Both bounds are inclusive.
    Part {
        first: u64,
        last: u64,
    },
    /// The range starts after the end of the file.
    Beyond,
}

/// Parses the `Range` header: one range; several ranges, and an invalid header, are answered with the whole file.
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
