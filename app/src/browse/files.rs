//! Files of messages, as far as they are kept here.

use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::media::{ContentHash, FileKey, FileState};
use domain::message::{Attachment, AttachmentId, Message, MessageId};
use domain::tenant::Tenant;

use super::{BrowseError, Reading};

/// What became of the files of a page's messages; nothing of those that nobody waits for.
pub type FileStates = HashMap<FileKey, FileState>;

/// A file that is kept here.
#[derive(Debug, Clone)]
pub struct FileView {
    /// Which file it is.
    pub key: FileKey,
    /// What its message says of it.
    pub attachment: Attachment,
    /// What its bytes are found by.
    pub hash: ContentHash,
    /// How many there are.
    pub size_bytes: u64,
}

/// Types that a browser shows by itself and that hold nothing which it would run; all else is saved.
const SHOWN: [&str; 17] = [
    "image/png",
    "image/apng",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/quicktime",
    "video/ogg",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/flac",
    "audio/aac",
];

/// The type that a stored file is served with; `None` if a browser saves it instead of showing it.
#[must_use]
pub fn shown_type(file: &Attachment) -> Option<&'static str> {
    let said = file.content_type.as_deref()?.split(';').next()?.trim().to_ascii_lowercase();
    SHOWN.into_iter().find(|kind| *kind == said)
}

const NO_FILE: BrowseError = BrowseError::NotFound("file");

impl Reading {
    /// A file whose bytes are kept; who may read its message may read it.
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
        let mut view = self.message(tenant, message, Some(channel)).await?;
        let files = &mut view.entry.message.attachments;
        let at = files.iter().position(|file| file.id == attachment).ok_or(NO_FILE)?;
        let key = FileKey { channel: view.channel.channel.id, message, attachment };
        match view.files.get(&key) {
            Some(&FileState::Stored { hash, size_bytes }) => {
                Ok(FileView { key, attachment: files.swap_remove(at), hash, size_bytes })
            }
            _ => Err(NO_FILE),
        }
    }

    /// What became of the files of `messages`: one call for those of one channel, which ascend, one for those of several,
    /// none where they have no files. A file that has neither bytes here nor an address, as those beside an export, is
    /// gone until an import finds it.
    pub(super) async fn files_of(
        &mut self,
        messages: impl IntoIterator<Item = &Message>,
    ) -> Result<FileStates, BrowseError> {
        let (mut spans, mut keys) = (Vec::<(ChannelId, MessageId, MessageId)>::new(), Vec::new());
        let mut beside = Vec::new();
        for message in messages.into_iter().filter(|message| !message.attachments.is_empty()) {
            keys.push((message.channel_id, message.id));
            let (channel, message_id) = (message.channel_id, message.id);
            let alone = message.attachments.iter().filter(|file| file.url.is_none());
            beside.extend(alone.map(|file| FileKey { channel, message: message_id, attachment: file.id }));
            match spans.last_mut() {
                Some((channel, _, high)) if *channel == message.channel_id && *high <= message.id => *high = message.id,
                _ => spans.push((message.channel_id, message.id, message.id)),
            }
        }
        let found = match spans[..] {
            [] => return Ok(FileStates::new()),
            [(channel, low, high)] => self.at.media().list(channel, low, high).await?,
            _ => self.at.media().find_all(&keys).await?,
        };
        let mut files: FileStates = found.into_iter().map(|file| (file.key, file.state)).collect();
        for key in beside {
            let state = files.entry(key).or_insert(FileState::Gone);
            if let FileState::Waiting { .. } = state {
                *state = FileState::Gone;
            }
        }
        Ok(files)
    }
}
