//! The bodies of responses as they are sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};

use crate::budget::Taken;

/// The bytes of a response that are queued at once.
const PIECE: usize = 16 << 10;

/// The body of a response as hyper sends it.
pub(super) type SentBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// Returns a body that owns `value` until its last piece is queued or dropped.
pub(super) fn holding<T: Send + Unpin + 'static>(body: SentBody, value: T) -> SentBody {
    Holding { body, _value: value }.boxed_unsync()
}

struct Holding<T> {
    body: SentBody,
    _value: T,
}

impl<T: Unpin> hyper::body::Body for Holding<T> {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns a complete body in pieces. `taken` is counted until the last of its bytes is sent or dropped: the bytes
/// carry it with them, since hyper drops a body as soon as it has queued its last piece.
pub(super) fn in_pieces(whole: Bytes, taken: Option<Taken>) -> SentBody {
    let whole = match taken {
        Some(taken) => Bytes::from_owner(Counted { whole, _taken: taken }),
        None => whole,
    };
    Pieces(whole).boxed_unsync()
}

/// Bytes that count as in flight.
struct Counted {
    whole: Bytes,
    _taken: Taken,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.whole
    }
}

struct Pieces(Bytes);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let length = self.0.len().min(PIECE);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
