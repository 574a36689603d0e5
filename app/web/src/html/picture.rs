//! Pictures of messages in the sizes that a page needs.

use app_core::browse::{FileStates, size_of, thumbnail_size};
use domain::media::{FileContent, FileFormat, FileKey, FileState, ThumbnailWidth};
use domain::message::{Attachment, Message};

use crate::address::Base;

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
