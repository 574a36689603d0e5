//! The delivery of a response's bytes to the client: at once, slowly, or incompletely.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use crate::clock::Clock;
use crate::limit::Headers;

/// The body of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The way the bytes reach the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// All bytes are sent at once.
    #[default]
    Plain,
    /// The first byte is sent after that many milliseconds.
    SlowFirstByte(u64),
    /// Each kilobyte is sent after that many milliseconds.
    SlowBody(u64),
    /// Half is sent, then nothing.
    Stall,
    /// The header announces more bytes than are sent.
    Truncate,
    /// Half is sent, then the connection breaks.
    Reset,
}

/// A response before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) delivery: Delivery,
}

impl Answer {
    /// Returns a JSON response.
    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content_type: "application/json",
            body: value.to_string().into_bytes(),
            delivery: Delivery::Plain,
        }
    }

    /// Returns an HTML page, as proxies send it.
    pub(crate) fn html(status: StatusCode, title: &str) -> Self {
        let page =
            format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n");
        Self { content_type: "text/html; charset=UTF-8", body: page.into_bytes(), ..Self::json(status, &Value::Null) }
    }

    /// Returns the HTTP response.
    pub(crate) fn send(self, clock: &Arc<Clock>, date: &str) -> Response<Body> {
        let half = self.body.len() / 2;
        let length = self.body.len() + if self.delivery == Delivery::Truncate { 100 } else { 0 };
        let bytes = Bytes::from(self.body);
        let clock = Arc::clone(clock);
        let body = match self.delivery {
            Delivery::Plain => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            // A body of known size must have the announced one.
            Delivery::Truncate => frames(stream::iter([Ok(bytes)])),
            Delivery::SlowFirstByte(ms) => late(clock, vec![bytes], ms),
            Delivery::SlowBody(ms) => late(clock, bytes.chunks(1024).map(Bytes::copy_from_slice).collect(), ms),
            Delivery::Stall => frames(stream::iter([Ok(bytes.slice(..half))]).chain(stream::pending())),
            Delivery::Reset => {
                let broken = io::Error::new(io::ErrorKind::ConnectionReset, "broken on demand");
                frames(stream::iter([Ok(bytes.slice(..half)), Err(broken)]))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        let text = |value: &str| HeaderValue::from_str(value).expect("made of ASCII");
        headers.insert(header::DATE, text(date));
        for (name, value) in &self.headers {
            headers.insert(*name, text(value));
        }
        response
    }
}

fn late(clock: Arc<Clock>, chunks: Vec<Bytes>, ms: u64) -> Body {
    frames(stream::iter(chunks).then(move |chunk| {
        let clock = Arc::clone(&clock);
        async move {
            clock.sleep(ms).await;
            Ok(chunk)
        }
    }))
}

fn frames(chunks: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}
