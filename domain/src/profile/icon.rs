//! The icon of a community.

use std::str::FromStr;

use crate::media::ContentHash;
use crate::tenant::UnknownWord;

/// The format of an icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IconKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// GIF.
    Gif,
}

impl IconKind {
    /// Returns the format of the bytes of a picture, by their first ones; `None` if it is none of these.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => None,
        }
    }

    /// Returns its name in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Gif => "gif",
        }
    }

    /// Returns its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
        }
    }
}

impl FromStr for IconKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Png, Self::Jpeg, Self::Webp, Self::Gif];
        let found = all.into_iter().find(|kind| kind.as_str() == text);
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
