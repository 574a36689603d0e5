//! The icon of a community.

use std::str::FromStr;

use crate::media::{ContentHash, FileFormat};
use crate::tenant::UnknownWord;

/// The format of an icon: PNG, JPEG, WebP or GIF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IconKind(FileFormat);

impl IconKind {
    /// Returns the format as one of an icon; `None` if it is none of these.
    #[must_use]
    pub fn new(format: FileFormat) -> Option<Self> {
        let is_one = matches!(format, FileFormat::Png | FileFormat::Jpeg | FileFormat::Webp | FileFormat::Gif);
        is_one.then_some(Self(format))
    }

    /// Returns the format of the bytes of an icon, by their first ones; `None` if it is none of these.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        Self::new(FileFormat::of(bytes))
    }

    /// Returns its name in stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0.as_str()
    }

    /// Returns its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        self.0.shown_as(None).expect("browsers show each of these formats")
    }
}

impl FromStr for IconKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = text.parse().ok().and_then(Self::new);
        found.ok_or_else(|| UnknownWord::new(text, "png, jpeg, webp, gif"))
    }
}

/// The icon of a community.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon {
    /// The hash of its bytes, under which they are stored.
    pub hash: ContentHash,
    /// Their format.
    pub kind: IconKind,
}

impl Icon {
    /// The maximum number of bytes.
    pub const MOST_BYTES: usize = 1 << 20;
}
