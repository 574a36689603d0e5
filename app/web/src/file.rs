//! Files of messages: their original bytes, and thumbnails of pictures, with headers that keep them harmless.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use app_core::browse::{FileView, shown_type};
use app_core::retry::{LOST_RACE, retry};
use bytes::Bytes;
use domain::media::{ContentHash, File, FileFormat, FileKey, FileState, ThumbnailWidth};
use domain::message::{AttachmentId, MessageId};
use domain::picture::{Picture, PictureKey};
use domain::tenant::TenantId;
use futures::FutureExt;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG,
    IF_RANGE, LOCATION, RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::media::{KeptFile, MediaStore};
use ports::store::Store;
use tokio::time::timeout;
use tracing::{error, warn};

use super::address::SEGMENT;
use super::call::Call;
use super::capture::{ChannelRef, FileName, TenantRef};
use super::error::ApiError;
use super::response::{Body, ByteStream, Response, with_type};

/// The time that the media store is given to open a file.
const OPEN_TIMEOUT: Duration = Duration::from_secs(8);

/// The row that records a stored file.
#[derive(Debug, Clone, Copy)]
enum Owner {
    /// An attachment.
    File(FileKey),
    /// A picture.
    Picture(PictureKey),
}

/// A stored file that a response is to contain.
struct Found {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    media: Arc<dyn MediaStore>,
    tenant: TenantId,
    of: Owner,
    hash: ContentHash,
    size_bytes: u64,
    first: u64,
    length: u64,
}

/// Returns a file, or a part of it; its name in the path is ignored.
pub(super) async fn file(
    call: &Call<'_>,
    tenant: TenantRef<'_>,
    channel: ChannelRef<'_>,
    message: MessageId,
    attachment: AttachmentId,
    _: FileName<'_>,
) -> Result<Response, ApiError> {
    let state = call.state;
    let media = state.media.clone().ok_or_else(no_file)?;
    let mut at = state.browse.open(call.audience).await;
    let tenant = at.tenant(tenant.0).await?;
    let view = at.file(&tenant, channel.0, message, attachment).await?;
    let (hash, whole) = (tag(view.hash), view.size_bytes);
    let range = wanted(&call.request.headers, &hash, whole);
    let (first, length) = match range {
        Wanted::All => (0, whole),
        Wanted::Part { first, last } => (first, last - first + 1),
        Wanted::Beyond => return Ok(beyond(whole)),
    };
    let mut response = described(&view, hash, length);
    if let Wanted::Part { first, last } = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes {first}-{last}/{whole}")));
    }
    let (store, clock) = (Arc::clone(&state.store), Arc::clone(&state.clock));
    let (tenant, of, hash) = (tenant.id, Owner::File(view.key), view.hash);
    let found = Found { store, clock, media, tenant, of, hash, size_bytes: whole, first, length };
    *response.body_mut() = Body::Opening(found.open().boxed());
    Ok(response)
}

/// Returns a custom emoji, a sticker, or an icon.
pub(super) async fn picture(
    call: &Call<'_>,
    tenant: TenantRef<'_>,
    kind: FileName<'_>,
    id: FileName<'_>,
) -> Result<Response, ApiError> {
    let state = call.state;
    let none = || ApiError::not_found("there is no such picture");
    let key: PictureKey = format!("{}/{}", kind.0, id.0).parse().map_err(|_| none())?;
    let media = state.media.clone().ok_or_else(none)?;
    let mut at = state.browse.open(call.audience).await;
    let tenant = at.tenant(tenant.0).await?;
    let view = at.picture(&tenant, key).await?;
    let (hash, size_bytes, shown) = (view.hash, view.size_bytes, view.shown_type());
    let mut response = with_type(StatusCode::OK, shown.unwrap_or("application/octet-stream"), Bytes::new());
    harmless(&mut response, tag(hash));
    let disposition = if shown.is_some() { "inline" } else { "attachment" };
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response.headers_mut().insert(CONTENT_LENGTH, size_bytes.into());
    let (store, clock) = (Arc::clone(&state.store), Arc::clone(&state.clock));
    let (tenant, of) = (tenant.id, Owner::Picture(key));
    let found = Found { store, clock, media, tenant, of, hash, size_bytes, first: 0, length: size_bytes };
    *response.body_mut() = Body::Opening(found.open().boxed());
    Ok(response)
}

/// Returns the thumbnail of a file that is a picture. One that is damaged, or too large, is redirected to: browsers may
/// still show it.
pub(super) async fn thumbnail(
    call: &Call<'_>,
    tenant: TenantRef<'_>,
    channel: ChannelRef<'_>,
    message: MessageId,
    attachment: AttachmentId,
    width: ThumbnailWidth,
) -> Result<Response, ApiError> {
    let state = call.state;
    let none = || ApiError::not_found("this file has no thumbnail");
    let thumbnails = state.thumbnails.clone().ok_or_else(none)?;
    let mut at = state.browse.open(call.audience).await;
    let tenant = at.tenant(tenant.0).await?;
    let FileView { attachment, hash, content, .. } = at.file(&tenant, channel.0, message, attachment).await?;
    if content.is_some_and(|content| !content.format.has_thumbnails()) {
        return Err(none());
    }
    let tenant = tenant.id;
    let making = async move {
        let Some(bytes) = in_time(tenant, thumbnails.find(tenant, hash, width)).await? else {
            // It has nothing to be shown if not even its format is known.
            content.ok_or_else(none)?;
            return Ok(original(&attachment.filename));
        };
        let kind = FileFormat::of(&bytes).shown_as(None).unwrap_or("application/octet-stream");
        let mut response = with_type(StatusCode::OK, kind, bytes);
        harmless(&mut response, header(&format!("\"{hash}-{}\"", width.pixels())));
        Ok(response)
    };
    let mut response = with_type(StatusCode::OK, "image/jpeg", Bytes::new());
    *response.body_mut() = Body::Making(making.boxed());
    Ok(response)
}

/// Returns the redirect from a thumbnail to its file, which is a level above.
fn original(filename: &str) -> Response {
    let mut response = with_type(StatusCode::FOUND, "text/plain", Bytes::new());
    let name = utf8_percent_encode(filename, SEGMENT);
    response.headers_mut().insert(LOCATION, header(&format!("../{name}")));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Adds the headers of bytes that come from a member of a community.
fn harmless(response: &mut Response, tag: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    // The hash makes revalidation cheap, and a file whose channel became private must not stay in shared caches.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    headers.insert(ETAG, tag);
}

fn no_file() -> ApiError {
    ApiError::not_found("there is no such file")
}

/// Does `work` with the media store, in a bounded time.
async fn in_time<T>(tenant: TenantId, work: impl Future<Output = io::Result<T>>) -> Result<T, ApiError> {
    let unreadable = || ApiError::unavailable("the file cannot be read right now");
    let outcome = timeout(OPEN_TIMEOUT, work).await.map_err(|_| {
        warn!(tenant.id = %tenant, "file not opened in time");
        unreadable()
    })?;
    outcome.map_err(|failed| {
        warn!(tenant.id = %tenant, error = &failed as &dyn std::error::Error, "file not readable");
        unreadable()
    })
}

impl Found {
    /// Opens the file.
    async fn open(self) -> Result<ByteStream, ApiError> {
        let opening = self.media.open(self.tenant, self.hash, self.first, self.length);
        let opened = in_time(self.tenant, opening).await?;
        if let Some(KeptFile { bytes, .. }) = opened.filter(|kept| kept.size_bytes == self.size_bytes) {
            return Ok(bytes);
        }
        warn!(tenant.id = %self.tenant, of = ?self.of, hash = %self.hash, "stored file missing");
        tokio::spawn(async move {
            if let Err(failed) = retry(&LOST_RACE, StoreError::is_retryable, || self.forget()).await {
                error!(error = &failed as &dyn std::error::Error, "missing file not requested again");
            }
        });
        Err(no_file())
    }

    /// Makes a file whose bytes are lost wait for the next sync or import, unless either has stored it since.
    async fn forget(&self) -> Result<(), StoreError> {
        let is_lost = |state| match state {
            FileState::Stored { hash, size_bytes, .. } => (hash, size_bytes) == (self.hash, self.size_bytes),
            _ => false,
        };
        let state = FileState::seen(self.clock.now());
        let mut unit = self.store.begin().await?;
        match self.of {
            Owner::File(key) => {
                let known = unit.media().list(key.channel, key.message, key.message).await?;
                if known.iter().any(|file| file.key == key && is_lost(file.state)) {
                    unit.media().upsert_all(self.tenant, &[File { key, state }]).await?;
                }
            }
            Owner::Picture(key) => {
                let known = unit.pictures().find_all(self.tenant, &[key]).await?;
                if let Some(known) = known.into_iter().find(|known| is_lost(known.state)) {
                    unit.pictures().upsert_all(self.tenant, &[Picture { state, ..known }]).await?;
                }
            }
        }
        unit.commit().await
    }
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
fn described(FileView { attachment: file, content, .. }: &FileView, tag: HeaderValue, length: u64) -> Response {
    let shown = shown_type(file, *content);
    let disposition = if shown.is_some() { "inline" } else { "attachment" };
    let name = saved_name(&file.filename);
    let name = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    let mut response = with_type(StatusCode::OK, shown.unwrap_or("application/octet-stream"), Bytes::new());
    harmless(&mut response, tag);
    let headers = response.headers_mut();
    headers.insert(CONTENT_DISPOSITION, header(&format!("{disposition}; filename*=UTF-8''{name}")));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, length.into());
    response
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

fn beyond(size: u64) -> Response {
    let mut response = with_type(StatusCode::RANGE_NOT_SATISFIABLE, "text/plain", Bytes::new());
    response.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes */{size}")));
    response
}

#[cfg(test)]
mod tests;
