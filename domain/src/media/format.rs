//! The content of a stored file, as its bytes show it. The name and the type that its sender gave it may be wrong.

use std::str::FromStr;

/// The number of bytes at the start of a file that show its content. A JPEG has its size after its metadata.
pub const HEAD_BYTES: usize = 128 * 1024;

/// The content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileContent {
    /// Its format.
    pub format: FileFormat,
    /// The width and height of a picture in pixels, as it is stored: a JPEG can be shown turned. Neither is zero.
    pub size: Option<(u32, u32)>,
}

impl FileContent {
    /// Returns the content of a file that begins with `head`: at least [`HEAD_BYTES`], or all of a shorter file.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let format = FileFormat::of(head);
        let has_size = matches!(format, FileFormat::Png | FileFormat::Jpeg | FileFormat::Gif | FileFormat::Webp);
        let size = imagesize::blob_size(head).ok().filter(|_| has_size);
        let size = size.and_then(|size| Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?)));
        Self { format, size: size.filter(|(width, height)| *width > 0 && *height > 0) }
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// A picture, maybe animated.
    Png,
    /// A picture.
    Jpeg,
    /// A picture, maybe animated.
    Gif,
    /// A picture, maybe animated.
    Webp,
    /// A picture.
    Avif,
    /// A video, or sound alone.
    Mp4,
    /// A video.
    QuickTime,
    /// A video, or sound alone.
    Webm,
    /// Sound, or a video.
    Ogg,
    /// Sound.
    Mp3,
    /// Sound.
    Wav,
    /// Sound.
    Flac,
    /// Sound.
    Aac,
    /// A format that browsers do not show, or in which they could run something: HTML, SVG and all others.
    Other,
}

/// A text that is not the name of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a file format")]
pub struct ParseFormatError;

/// The formats, each with its name and the types under which it is served: the first one, unless the sender named
/// another one of them.
const FORMATS: [(FileFormat, &str, &[&str]); 14] = [
    (FileFormat::Png, "png", &["image/png", "image/apng"]),
    (FileFormat::Jpeg, "jpeg", &["image/jpeg"]),
    (FileFormat::Gif, "gif", &["image/gif"]),
    (FileFormat::Webp, "webp", &["image/webp"]),
    (FileFormat::Avif, "avif", &["image/avif"]),
    (FileFormat::Mp4, "mp4", &["video/mp4", "audio/mp4"]),
    (FileFormat::QuickTime, "quicktime", &["video/quicktime"]),
    (FileFormat::Webm, "webm", &["video/webm", "audio/webm"]),
    (FileFormat::Ogg, "ogg", &["audio/ogg", "video/ogg"]),
    (FileFormat::Mp3, "mp3", &["audio/mpeg"]),
    (FileFormat::Wav, "wav", &["audio/wav"]),
    (FileFormat::Flac, "flac", &["audio/flac"]),
    (FileFormat::Aac, "aac", &["audio/aac"]),
    (FileFormat::Other, "other", &[]),
];

impl FileFormat {
    /// Returns the format of a file that begins with `head`: at least 512 bytes, or all of a shorter file.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        match infer::get(head).map(|kind| kind.mime_type()) {
            Some("image/png") => Self::Png,
            Some("image/jpeg") => Self::Jpeg,
            Some("image/gif") => Self::Gif,
            Some("image/webp") => Self::Webp,
            Some("image/avif") => Self::Avif,
            Some("video/mp4" | "video/x-m4v" | "audio/m4a") => Self::Mp4,
            Some("video/quicktime") => Self::QuickTime,
            Some("video/webm") => Self::Webm,
            Some("audio/ogg" | "audio/opus") => Self::Ogg,
            Some("audio/mpeg") => Self::Mp3,
            Some("audio/x-wav") => Self::Wav,
            Some("audio/x-flac") => Self::Flac,
            Some("audio/aac") => Self::Aac,
            _ => Self::Other,
        }
    }

    /// Returns its name, for stores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Returns the type under which a file of this format is served, if its sender named the type `said`; `None` if
    /// browsers save it instead of showing it.
    #[must_use]
    pub fn shown_as(self, said: Option<&str>) -> Option<&'static str> {
        let types = self.row().2;
        said.and_then(|said| one_of(types, said)).or_else(|| types.first().copied())
    }

    fn row(self) -> &'static (Self, &'static str, &'static [&'static str]) {
        FORMATS.iter().find(|(format, ..)| *format == self).expect("the table has every format")
    }
}

impl FromStr for FileFormat {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = FORMATS.iter().find(|(_, name, _)| *name == text);
        row.map(|(format, ..)| *format).ok_or(ParseFormatError)
    }
}

/// Returns the type under which a file is shown whose bytes are not known, by the type that its sender named; `None` if
/// browsers do not show it.
#[must_use]
pub fn shown_as_said(said: &str) -> Option<&'static str> {
    FORMATS.iter().find_map(|(_, _, types)| one_of(types, said))
}

/// Returns the type of the list that `said` names, whatever its parameters.
fn one_of(types: &[&'static str], said: &str) -> Option<&'static str> {
    let said = said.split(';').next()?.trim();
    types.iter().copied().find(|kind| kind.eq_ignore_ascii_case(said))
}

#[cfg(test)]
mod tests;
