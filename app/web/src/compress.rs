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
