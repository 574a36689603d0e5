//! Scales pictures.

use async_trait::async_trait;
use bytes::Bytes;
use domain::media::ThumbnailWidth;

/// Makes thumbnails of pictures. The caller limits their number, since each can need hundreds of MB.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Thumbnailer: Send + Sync {
    /// Returns the thumbnail of a picture, as it is to be shown: turned as its metadata say, without any of them, and with
    /// the width and height of [`ThumbnailWidth::fit`]. It is a JPEG, or a WebP without losses if a part of the picture is
    /// transparent. Of an animation it has the first frame.
    ///
    /// Returns `None` for bytes that are no picture, are damaged, or would need too much memory.
    async fn thumbnail(&self, picture: Bytes, width: ThumbnailWidth) -> Option<Bytes>;
}
