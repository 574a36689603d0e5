//! The download state of attachments: which ones are stored, and when the others are requested again.

mod format;
mod thumbnail;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::change::ChangeKind;
use crate::channel::ChannelId;
use crate::coverage::Interval;
use crate::message::{AttachmentId, MessageId};
use crate::tenant::TenantId;
use crate::timestamp::Timestamp;

pub use self::format::{FileContent, FileFormat, HEAD_BYTES, ParseFormatError, shown_as_said};
pub use self::thumbnail::{MOST_BYTES, MOST_PIXELS_A_SIDE, ThumbnailWidth};

/// The maximum number of download attempts for a file.
pub const TRIES: u32 = 6;

/// The backoff after the first failed attempt; each wait is four times as long as the one before.
const FIRST_WAIT: Duration = Duration::from_mins(10);

/// The key of an attachment: its message and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// The channel of its message.
    pub channel: ChannelId,
    /// Its message.
    pub message: MessageId,
    /// Its platform id.
    pub attachment: AttachmentId,
}

/// The SHA-256 of a file's bytes, which is also the name under which they are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// A text that is not a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hash has 64 hexadecimal digits in lower case")]
pub struct ParseHashError;

impl ContentHash {
    /// Returns the hash with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !plain || text.len() != 64 {
            return Err(ParseHashError);
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).map_err(|_| ParseHashError)?;
        }
        Ok(Self(bytes))
    }
}

/// The bytes of a file that messages of a tenant had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnusedFile {
    /// The tenant.
    pub tenant: TenantId,
    /// The hash of the bytes.
    pub hash: ContentHash,
}

/// The download state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Not yet downloaded.
    Waiting {
        /// The number of failed attempts.
        tries: u32,
        /// When the next attempt is due.
        due_at: Timestamp,
    },
    /// Its bytes are stored.
    Stored {
        /// Their hash.
        hash: ContentHash,
        /// Their number.
        size_bytes: u64,
        /// Their content; `None` if they were stored by a version that did not record it.
        content: Option<FileContent>,
    },
    /// The platform no longer has it; it is not requested again.
    Gone,
    /// It is not stored and not requested again: all attempts failed, it is too large, or its message is deleted.
    Failed,
}

impl FileState {
    /// Returns the state of a new file.
    #[must_use]
    pub const fn seen(now: Timestamp) -> Self {
        Self::Waiting { tries: 0, due_at: now }
    }

    /// Returns the state after a failed attempt: due again later, or failed after the last of [`TRIES`]. A final state
    /// stays as it is.
    #[must_use]
    pub fn after_failure(self, now: Timestamp) -> Self {
        match self {
            Self::Waiting { tries, .. } if tries + 1 >= TRIES => Self::Failed,
            Self::Waiting { tries, .. } => {
                Self::Waiting { tries: tries + 1, due_at: now.plus(FIRST_WAIT * 4_u32.pow(tries)) }
            }
            ended => ended,
        }
    }

    /// Returns when the next attempt is due; `None` in a final state.
    #[must_use]
    pub const fn due_at(self) -> Option<Timestamp> {
        if let Self::Waiting { due_at, .. } = self { Some(due_at) } else { None }
    }

    /// Returns whether this state supersedes another archive's of the same file: a final state supersedes a waiting
    /// one, and stored bytes supersede any other final state.
    #[must_use]
    pub const fn replaces(self, held: Option<Self>) -> bool {
        const fn rank(state: FileState) -> u8 {
            match state {
                FileState::Waiting { .. } => 1,
                FileState::Failed => 2,
                FileState::Gone => 3,
                FileState::Stored { .. } => 4,
            }
        }
        match held {
            Some(held) => rank(self) > rank(held),
            None => true,
        }
    }
}

/// Returns the entries of the change log for new files: one for each channel. For readers a file that waits is the same
/// as one that is not recorded yet.
#[must_use]
pub fn new_file_changes(files: impl IntoIterator<Item = (FileKey, FileState)>) -> Vec<ChangeKind> {
    let is_visible = |state: &FileState| !matches!(state, FileState::Waiting { .. });
    file_changes(files.into_iter().filter(|(_, state)| is_visible(state)).map(|(key, _)| key))
}

/// Returns the entries of the change log for files whose state changed: one for each channel.
#[must_use]
pub fn file_changes(files: impl IntoIterator<Item = FileKey>) -> Vec<ChangeKind> {
    let mut intervals: BTreeMap<ChannelId, Interval> = BTreeMap::new();
    for FileKey { channel, message, .. } in files {
        let interval = intervals.entry(channel).or_insert(Interval::only(message));
        *interval = interval.extend(message);
    }
    intervals.into_iter().map(|(channel, interval)| ChangeKind::Files { channel, interval }).collect()
}

/// An attachment and its download state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The key of the attachment.
    pub key: FileKey,
    /// Its download state.
    pub state: FileState,
}

#[cfg(test)]
mod tests;
