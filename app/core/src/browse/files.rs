//! Stored files of messages.

use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::media::{ContentHash, File, FileContent, FileKey, FileState, ThumbnailWidth, shown_as_said};
use domain::message::{Attachment, AttachmentId, Message, MessageId};
use domain::tenant::Tenant;
use ports::store::Ahead;

use super::{BrowseError, Reading};

/// The download state of the attachments of a page's messages; without an entry for a file that is not to be fetched.
pub type FileStates = HashMap<FileKey, FileState>;

/// A stored file.
#[derive(Debug, Clone)]
pub struct FileView {
    /// The key of the file.
    pub key: FileKey,
    /// The attachment that its message describes.
    pub attachment: Attachment,
    /// The hash of its bytes, which finds them.
    pub hash: ContentHash,
    /// Its size.
    pub size_bytes: u64,
    /// The content of its bytes, if it is known.
    pub content: Option<FileContent>,
}

/// Returns the type that a stored file with this content is served with; `None` if a browser saves it instead of
/// showing it. If the content is not known, the type that its sender named decides.
#[must_use]
pub fn shown_type(file: &Attachment, content: Option<FileContent>) -> Option<&'static str> {
    let said = file.content_type.as_deref();
    match content {
        Some(content) => content.format.shown_as(said),
        None => said.and_then(shown_as_said),
    }
}

/// Returns the width and height of a picture or video in pixels, as its sender named them or else as its bytes do.
#[must_use]
pub fn size_of(file: &Attachment, content: Option<FileContent>) -> Option<(u32, u32)> {
    let said = file.width.zip(file.height).filter(|(width, height)| *width > 0 && *height > 0);
    said.or_else(|| content?.size)
}

/// Returns the width and height of the thumbnail of a file in this state, in pixels; `None` if it has none, or none
/// that is smaller than the file. The size that the sender named is that of the picture as it is shown.
#[must_use]
pub fn thumbnail_size(file: &Attachment, state: FileState, width: ThumbnailWidth) -> Option<(u32, u32)> {
    let FileState::Stored { content: Some(content), size_bytes, .. } = state else { return None };
    let size = size_of(file, Some(content)).filter(|_| content.has_thumbnails(size_bytes))?;
    Some(width.fit(size)).filter(|thumbnail| *thumbnail != size)
}

/// The read of the files of messages.
#[derive(Default)]
pub(super) struct FileRead {
    /// The parts of channels that have all of the messages with files.
    spans: Vec<(ChannelId, MessageId, MessageId)>,
    /// Those messages.
    keys: Vec<(ChannelId, MessageId)>,
    /// Their files that have no address elsewhere.
    beside: Vec<FileKey>,
}

impl FileRead {
    pub(super) fn of<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Self {
        let mut read = Self::default();
        for message in messages.into_iter().filter(|message| !message.attachments.is_empty()) {
            read.keys.push((message.channel_id, message.id));
            read.beside.extend(without_address(message));
            match read.spans.last_mut() {
                Some((channel, _, high)) if *channel == message.channel_id && *high <= message.id => *high = message.id,
                _ => read.spans.push((message.channel_id, message.id, message.id)),
            }
        }
        read
    }

    /// Returns the read, if there is one.
    pub(super) fn ahead(self) -> Option<Ahead> {
        match self.spans[..] {
            [] => None,
            [(channel, low, high)] => Some(Ahead::Files(channel, low, high)),
            _ => Some(Ahead::FilesOf(self.keys)),
        }
    }
}

const NO_FILE: BrowseError = BrowseError::NotFound("file");

impl Reading {
    /// Returns a stored file; a client may read it if it may read its message.
    ///
    /// # Errors
    /// [`BrowseError::NotFound`], or [`BrowseError::Deleted`] with its message.
    pub async fn file(
        &mut self,
        tenant: &Tenant,
        channel: &str,
        message: MessageId,
        attachment: AttachmentId,
    ) -> Result<FileView, BrowseError> {
        let view = self.message(tenant, message, Some(channel)).await?;
        let files = &view.entry.message.attachments;
        let at = files.iter().position(|file| file.id == attachment).ok_or(NO_FILE)?;
        let key = FileKey { channel: view.channel.channel.id, message, attachment };
        match view.files.get(&key) {
            Some(&FileState::Stored { hash, size_bytes, content }) => {
                Ok(FileView { key, attachment: files[at].clone(), hash, size_bytes, content })
            }
            _ => Err(NO_FILE),
        }
    }

    /// Returns the download state of the attachments of `messages`: one call for those of one channel, which ascend,
    /// one for those of several, none without attachments. A file that has neither stored bytes nor an address, such as
    /// one beside an export, is gone until an import finds it.
    pub(super) async fn files_of(
        &mut self,
        messages: impl IntoIterator<Item = &Message>,
    ) -> Result<FileStates, BrowseError> {
        let FileRead { spans, keys, beside } = FileRead::of(messages);
        let found = match spans[..] {
            [] => return Ok(FileStates::new()),
            [(channel, low, high)] => self.at.files(channel, low, high).await?,
            _ => self.at.files_by_key(&keys).await?,
        };
        Ok(states(&found, beside))
    }

    /// Returns the same for messages that are not next to each other, at most 200: one call.
    pub(super) async fn files_of_scattered(
        &mut self,
        messages: impl IntoIterator<Item = &Message>,
    ) -> Result<FileStates, BrowseError> {
        let (mut keys, mut beside) = (Vec::new(), Vec::new());
        for message in messages.into_iter().filter(|message| !message.attachments.is_empty()) {
            keys.push((message.channel_id, message.id));
            beside.extend(without_address(message));
        }
        if keys.is_empty() {
            return Ok(FileStates::new());
        }
        Ok(states(&self.at.files_by_key(&keys).await?, beside))
    }
}

/// Returns the keys of the files of a message that have no address elsewhere.
pub(super) fn without_address(message: &Message) -> impl Iterator<Item = FileKey> {
    let alone = message.attachments.iter().filter(|file| file.url.is_none());
    alone.map(|file| FileKey { channel: message.channel_id, message: message.id, attachment: file.id })
}

/// Returns the states of stored files, and of those `beside` an export.
pub(super) fn states(found: &[File], beside: impl IntoIterator<Item = FileKey>) -> FileStates {
    let mut files: FileStates = found.iter().map(|file| (file.key, file.state)).collect();
    for key in beside {
        let state = files.entry(key).or_insert(FileState::Gone);
        if let FileState::Waiting { .. } = state {
            *state = FileState::Gone;
        }
    }
    files
}
