//! Compression of whole responses.

use std::cell::RefCell;
use std::io::{self, Write};

use brotli::enc::{BrotliCompress, BrotliEncoderParams};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zstd::bulk::Compressor;

use super::error::ApiError;
use super::response::problem;

/// The size, in bytes, below which a body is not compressed: compressing it saves no packet.
const MIN_COMPRESSED: usize = 1_024;
/// The size, in bytes, from which a body waits for its turn to be compressed, and does not delay other tasks; a smaller one
/// needs little memory and no time.
const LARGE: usize = 256 << 10;

/// The levels at which a page takes about as long to compress as to make.
const ZSTD_LEVEL: i32 = 1;
const BROTLI_LEVEL: i32 = 4;

thread_local! {
    /// The compressor of a thread. Its memory, about a MiB, takes longer to allocate than a page to compress.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// A form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Brotli,
    Zstd,
}

impl Encoding {
    /// From the least preferred to the most.
    const ALL: [Self; 4] = [Self::Identity, Self::Gzip, Self::Brotli, Self::Zstd];
    pub(super) const COUNT: usize = Self::ALL.len();

    /// Returns its name in headers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// Returns the most preferred encoding by the values of `Accept-Encoding`; `None` if all are rejected
    /// (<https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3>).
    pub(super) fn best(accepted: &[HeaderValue]) -> Option<Self> {
        let (mut explicit, mut others) = ([None; Self::COUNT], None);
        for item in accepted.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let Some(weight) = quality(weight.trim()) else { continue };
            let name = name.trim();
            let name = if name.eq_ignore_ascii_case("x-gzip") { "gzip" } else { name };
            if name == "*" {
                others = others.or(Some(weight));
            } else if let Some(known) = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name)) {
                explicit[known as usize] = explicit[known as usize].max(Some(weight));
            }
        }
        let weighted = Self::ALL.into_iter().filter_map(|one| Some((explicit[one as usize].or(others)?, one)));
        let best = weighted.filter(|(weight, _)| *weight > 0).max_by_key(|(weight, one)| (*weight, *one as usize));
        let identity = (others.is_none() && explicit[Self::Identity as usize] != Some(0)).then_some(Self::Identity);
        best.map(|(_, one)| one).or(identity)
    }

    /// Returns a body in this encoding.
    fn encode(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body)?;
                encoder.finish()
            }
            Self::Brotli => {
                let mut encoded = Vec::new();
                let window = usize::BITS - body.len().leading_zeros();
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_LEVEL,
                    lgwin: window.clamp(16, 22).cast_signed(),
                    size_hint: body.len(),
                    ..BrotliEncoderParams::default()
                };
                BrotliCompress(&mut &*body, &mut encoded, &parameters)?;
                Ok(encoded)
            }
            Self::Zstd if body.len() > LARGE => zstd::bulk::compress(body, ZSTD_LEVEL),
            Self::Zstd => COMPRESSOR.with_borrow_mut(|compressor| match compressor {
                Some(compressor) => compressor.compress(body),
                None => compressor.insert(Compressor::new(ZSTD_LEVEL)?).compress(body),
            }),
        }
    }
}

/// Parses a weight, in thousandths.
fn quality(text: &str) -> Option<u16> {
    let number = text.strip_prefix(['q', 'Q'])?.strip_prefix('=')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_valid = part.len() <= 3 && part.bytes().all(|digit| digit.is_ascii_digit());
    let part: u16 = format!("{part:0<3}").parse().ok().filter(|_| is_valid)?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

/// Returns the response in the best of the `accepted` encodings; a large one takes one of the `turns`.
pub(super) async fn compressed(whole: Response<Bytes>, accepted: &[HeaderValue], turns: &Semaphore) -> Response<Bytes> {
    if accepted.is_empty() || whole.body().len() <= LARGE {
        return encoded(whole, accepted);
    }
    let _turn = turns.acquire().await.ok();
    let accepted = accepted.to_vec();
    let made = spawn_blocking(move || encoded(whole, &accepted)).await;
    made.unwrap_or_else(|_| problem(&ApiError::internal()).map(|_| Bytes::new()))
}

/// Returns the response in the best of the `accepted` encodings.
pub(super) fn encoded(whole: Response<Bytes>, accepted: &[HeaderValue]) -> Response<Bytes> {
    let encoding = Encoding::best(accepted);
    let (mut head, mut body) = whole.into_parts();
    let is_compressible = is_compressible(&head, body.len());
    if is_compressible || encoding.is_none() {
        add_vary(&mut head.headers);
    }
    match encoding {
        None => head.status = StatusCode::NOT_ACCEPTABLE,
        Some(Encoding::Identity) => {}
        Some(encoding) if is_compressible => {
            // Without memory for it, the body is sent as it is.
            if let Ok(smaller) = encoding.encode(&body) {
                body = smaller.into_boxed_slice().into();
                head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
                head.headers.remove(header::CONTENT_LENGTH);
            }
        }
        Some(_) => {}
    }
    Response::from_parts(head, body)
}

/// Returns whether a body is worth compressing. Files are sent as they are: most are compressed already, and the others
/// are served by range.
fn is_compressible(head: &Parts, size: usize) -> bool {
    let headers = &head.headers;
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_picture = kind.starts_with(b"image/") && !kind.starts_with(b"image/svg+xml");
    let is_ready = [header::CONTENT_ENCODING, header::CONTENT_RANGE, header::ACCEPT_RANGES];
    size >= MIN_COMPRESSED && !is_picture && !is_ready.iter().any(|name| headers.contains_key(name))
}

/// Says that the response depends on the encodings that the client accepts.
fn add_vary(headers: &mut HeaderMap) {
    let names = headers.get_all(header::VARY).iter().filter_map(|value| value.to_str().ok());
    let is_there =
        names.flat_map(|names| names.split(',')).any(|name| name.trim().eq_ignore_ascii_case("accept-encoding"));
    if !is_there {
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
}

#[cfg(test)]
mod tests;
