//! Compression of a whole response at once: the state of a compressor is larger than its output, so none is kept for as
//! long as a client takes to read.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use super::error::ApiError;
use super::response::problem;

/// The size, in bytes, below which a body is not compressed: compressing it saves no packet.
const MIN_COMPRESSED: u64 = 1_024;

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

    /// Returns the encoding that [`compressed`] chooses for the values of `Accept-Encoding`; `None` if all are rejected
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

/// Returns the response in the best of the `accepted` encodings.
pub(super) async fn compressed(whole: Response<Bytes>, accepted: &[HeaderValue]) -> Response<Bytes> {
    let mut request = Request::new(());
    for encoding in accepted {
        request.headers_mut().append(header::ACCEPT_ENCODING, encoding.clone());
    }
    // Files are sent as they are: most are compressed already, and the others are served by range.
    let as_it_is =
        |_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions| !headers.contains_key(header::ACCEPT_RANGES);
    let worth_it = SizeAbove::new(MIN_COMPRESSED).and(NotForContentType::IMAGES).and(as_it_is);
    let mut whole = Some(whole.map(Full::new));
    let made = ServiceBuilder::new()
        .layer(CompressionLayer::new().compress_when(worth_it))
        .service_fn(move |_: Request<()>| {
            let whole = whole.take().expect("one request is made");
            async { Ok::<_, Infallible>(whole) }
        })
        .oneshot(request)
        .await;
    let (parts, mut body) = match made {
        Ok(made) => made.into_parts(),
        Err(never) => match never {},
    };
    let (mut first, mut rest) = (None, BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return problem(&ApiError::internal(), false).map(|_| Bytes::new()) };
        let Ok(bytes) = frame.into_data() else { continue };
        match &first {
            None => first = Some(bytes),
            Some(_) => rest.extend_from_slice(&bytes),
        }
        // A large body takes a while; other tasks run between its pieces.
        tokio::task::yield_now().await;
    }
    let first = first.unwrap_or_default();
    let body = if rest.is_empty() { first } else { [&first[..], &rest[..]].concat().into() };
    Response::from_parts(parts, body)
}

#[cfg(test)]
mod tests;
