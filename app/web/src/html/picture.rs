//! Pictures of messages in the sizes that a page needs, and those inside texts.

use std::sync::atomic::{AtomicU32, Ordering};

use app_core::browse::{FileStates, Pictures, size_of, thumbnail_size};
use domain::media::{FileContent, FileFormat, FileKey, FileState, ThumbnailWidth};
use domain::message::{Attachment, Message};
use domain::picture::PictureKey;

use crate::address::Base;

/// The most emoji, stickers and icons that a page shows as pictures; the rest are text.
const MOST: u32 = 200;

/// The emoji, stickers and icons that a page shows as pictures, as long as there are not too many.
#[derive(Debug, Default)]
pub(crate) struct ShownPictures {
    stored: Pictures,
    /// The path of the folder of pictures.
    folder: String,
    /// The number of those that were shown.
    shown: AtomicU32,
}

impl ShownPictures {
    pub(super) fn new(base: Base<'_>, stored: Pictures) -> Self {
        Self { stored, folder: base.pictures(), shown: AtomicU32::default() }
    }

    /// Returns the path of a picture to show; `None` if it is not stored, or the page shows enough of them.
    pub(super) fn take(&self, key: PictureKey) -> Option<String> {
        let is_shown = self.stored.contains(&key) && self.shown.fetch_add(1, Ordering::Relaxed) < MOST;
        is_shown.then(|| format!("{}/{key}", self.folder))
    }
}

/// The width of a picture on a page, as `sizes` of an `img`.
pub(super) const SIZES: &str = "(min-width: 32rem) 30rem, 100vw";

/// Returns the `srcset` of a picture that is stored: its thumbnails, and itself; `None` if it has none. A thumbnail does
/// not move, so a GIF is shown itself.
pub(super) fn sources(base: Base<'_>, message: &Message, file: &Attachment, files: &FileStates) -> Option<String> {
    let key = FileKey { channel: message.channel_id, message: message.id, attachment: file.id };
    let state = *files.get(&key)?;
    let FileState::Stored { content, .. } = state else { return None };
    if matches!(content, Some(FileContent { format: FileFormat::Gif, .. })) {
        return None;
    }
    let thumbnail = |width| {
        let (pixels, _) = thumbnail_size(file, state, width)?;
        Some(format!("{} {pixels}w, ", base.thumbnail(key, width)))
    };
    let thumbnails: String = ThumbnailWidth::ALL.into_iter().filter_map(thumbnail).collect();
    let (width, _) = size_of(file, content).filter(|_| !thumbnails.is_empty())?;
    Some(format!("{thumbnails}{} {width}w", base.file(key, &file.filename)))
}
