//! Thumbnails of pictures in PNG, JPEG, GIF and WebP.
//!
//! [`ImageThumbnailer`] implements [`ports::thumbnail::Thumbnailer`]. The bytes come from the members of communities,
//! and can claim any size: a picture is decoded only if its header promises that it fits into 128 MiB.

use std::io::Cursor;

use async_trait::async_trait;
use bytes::Bytes;
use domain::media::{MOST_BYTES, MOST_PIXELS_A_SIDE, ThumbnailWidth};
use fast_image_resize::{ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits};
use ports::thumbnail::Thumbnailer;
use tokio::task::spawn_blocking;
use tracing::{debug, debug_span, field};

/// The most bytes of a decoded picture: 33 million pixels with transparency, or 44 million without.
const MAX_DECODED: u64 = 128 << 20;
/// The quality of a JPEG, of 100.
const QUALITY: u8 = 80;

/// Scales pictures on a thread for blocking calls. One can need hundreds of MB.
#[derive(Debug, Clone, Copy)]
pub struct ImageThumbnailer;

#[async_trait]
impl Thumbnailer for ImageThumbnailer {
    async fn thumbnail(&self, picture: Bytes, width: ThumbnailWidth) -> Option<Bytes> {
        let span = debug_span!("media.thumbnail", outcome = field::Empty);
        let scale = {
            let span = span.clone();
            move || span.in_scope(|| thumbnail(&picture, width))
        };
        // A decoder that panics has met a damaged picture, too.
        let made = spawn_blocking(scale).await.unwrap_or_else(|_| Ok(None));
        let made = made.unwrap_or_else(|error| {
            span.in_scope(|| debug!(error = &error as &dyn std::error::Error, "picture not decoded"));
            None
        });
        span.record("outcome", if made.is_some() { "ok" } else { "absent" });
        made.map(Bytes::from)
    }
}

/// Returns the thumbnail of a picture; `None` if it has none.
fn thumbnail(picture: &[u8], width: ThumbnailWidth) -> ImageResult<Option<Vec<u8>>> {
    let mut reader = ImageReader::new(Cursor::new(picture)).with_guessed_format()?;
    let is_known = reader.format().is_some_and(|format| {
        matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif | ImageFormat::WebP)
    });
    if !is_known || picture.len() as u64 > MOST_BYTES {
        return Ok(None);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS_A_SIDE);
    limits.max_image_height = Some(MOST_PIXELS_A_SIDE);
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // The limits do not count the pixels themselves for every format.
    if decoder.total_bytes() > MAX_DECODED {
        return Ok(None);
    }
    let orientation = decoder.orientation()?;
    let whole = DynamicImage::from_decoder(decoder)?;
    let whole =
        if whole.color().has_alpha() { whole.into_rgba8().into() } else { DynamicImage::from(whole.into_rgb8()) };
    let mut scaled = scaled(whole, width, orientation)?;
    scaled.apply_orientation(orientation);
    encoded(scaled).map(Some)
}

/// Returns a picture in the size of its thumbnail, which is to be turned afterwards.
fn scaled(whole: DynamicImage, width: ThumbnailWidth, orientation: Orientation) -> ImageResult<DynamicImage> {
    let size = (whole.width(), whole.height());
    let is_on_its_side = matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let turned = |(width, height)| if is_on_its_side { (height, width) } else { (width, height) };
    let (width, height) = turned(width.fit(turned(size)));
    if (width, height) == size {
        return Ok(whole);
    }
    let mut scaled = DynamicImage::new(width, height, whole.color());
    Resizer::new().resize(&whole, &mut scaled, &ResizeOptions::new()).map_err(std::io::Error::other)?;
    Ok(scaled)
}

/// Returns the bytes of a picture without metadata: a WebP if a part of it is transparent, else a JPEG.
fn encoded(picture: DynamicImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let is_transparent = picture.as_rgba8().is_some_and(|picture| picture.pixels().any(|pixel| pixel.0[3] < u8::MAX));
    if is_transparent {
        picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes))?;
    } else {
        DynamicImage::from(picture.into_rgb8())
            .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY))?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
