//! Thumbnails: smaller versions of pictures, of a few fixed widths.

use super::{FileContent, FileFormat};

/// The largest width and height of a picture that has thumbnails, in pixels.
pub const MOST_PIXELS_A_SIDE: u32 = 16_384;
/// The largest picture that has thumbnails, in bytes.
pub const MOST_BYTES: u64 = 32 << 20;
/// How many times as high as its greatest width a thumbnail is at most.
const HEIGHTS: u32 = 4;

/// The greatest width of a thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ThumbnailWidth {
    /// 400 pixels.
    Narrow,
    /// 800 pixels.
    Wide,
}

impl ThumbnailWidth {
    /// All widths, ascending.
    pub const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    /// Returns the number of pixels.
    #[must_use]
    pub const fn pixels(self) -> u32 {
        match self {
            Self::Narrow => 400,
            Self::Wide => 800,
        }
    }

    /// Returns the width of this number of pixels.
    #[must_use]
    pub fn of(pixels: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.pixels() == pixels)
    }

    /// Returns the width and height of the thumbnail of a picture of this width and height, neither of which is zero: in
    /// the same proportions, at most as wide as this and four times as high. A picture is never enlarged.
    #[must_use]
    pub fn fit(self, (width, height): (u32, u32)) -> (u32, u32) {
        let (most, high) = (self.pixels(), self.pixels() * HEIGHTS);
        if width <= most && height <= high {
            return (width, height);
        }
        let (w, h) = (u64::from(width), u64::from(height));
        // The side that is cut more decides.
        let (by, to) = if w * u64::from(high) >= h * u64::from(most) { (w, most) } else { (h, high) };
        let scaled = |side: u64| {
            let scaled = (side * u64::from(to) + by / 2) / by;
            u32::try_from(scaled).unwrap_or(to).max(1)
        };
        (scaled(w), scaled(h))
    }
}

impl FileContent {
    /// Returns whether a file with this content and this number of bytes has thumbnails, unless it is damaged.
    #[must_use]
    pub fn has_thumbnails(self, size_bytes: u64) -> bool {
        let is_small = self.size.is_some_and(|(width, height)| width.max(height) <= MOST_PIXELS_A_SIDE);
        self.format.has_thumbnails() && is_small && size_bytes <= MOST_BYTES
    }
}

impl FileFormat {
    /// Returns whether files of this format have thumbnails.
    #[must_use]
    pub const fn has_thumbnails(self) -> bool {
        matches!(self, Self::Png | Self::Jpeg | Self::Gif | Self::Webp)
    }
}

#[cfg(test)]
mod tests {
    use super::ThumbnailWidth::{Narrow, Wide};
    use super::*;

    #[test]
    fn a_thumbnail_has_the_proportions_of_its_picture_and_is_not_larger() {
        for (width, size, expected) in [
            (Narrow, (4000, 3000), (400, 300)),
            (Wide, (4000, 3000), (800, 600)),
            (Wide, (800, 3200), (800, 3200)),
            (Wide, (640, 480), (640, 480)),
            (Narrow, (1, 1), (1, 1)),
            (Narrow, (16_384, 1), (400, 1)),
            (Narrow, (1, 16_384), (1, 1600)),
            (Narrow, (1000, 16_000), (100, 1600)),
            (Narrow, (401, 401), (400, 400)),
        ] {
            assert_eq!(width.fit(size), expected, "{width:?} {size:?}");
        }
        let widths = [0, 399, 400, 800, 801].map(ThumbnailWidth::of);
        assert_eq!(widths, [None, None, Some(Narrow), Some(Wide), None]);
    }

    #[test]
    fn pictures_that_are_too_large_and_other_files_have_no_thumbnails() {
        let content = |format, size| FileContent { format, size };
        let png = |size| content(FileFormat::Png, size);
        assert!(png(Some((16_384, 1))).has_thumbnails(MOST_BYTES));
        assert!(!png(Some((16_384, 1))).has_thumbnails(MOST_BYTES + 1));
        assert!(!png(Some((1, 16_385))).has_thumbnails(1));
        assert!(!png(None).has_thumbnails(1));
        assert!(!content(FileFormat::Avif, Some((900, 900))).has_thumbnails(1));
        assert!(!content(FileFormat::Other, Some((900, 900))).has_thumbnails(1));
    }
}
