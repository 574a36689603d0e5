//! The download state of attachments.

use domain::channel::ChannelId;
use domain::media::{ContentHash, File, FileKey, FileState};
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::{Columns, ValueError};
use crate::values;
use crate::values::Value;

/// The numbers of the states.
const WAITING: u8 = 0;
const STORED: u8 = 1;
const GONE: u8 = 2;
const FAILED: u8 = 3;

/// Returns the key of a file.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn key(row: &mut impl Columns) -> Result<FileKey, StoreError> {
    let channel = ChannelId(row.uuid("channel_id")?);
    Ok(FileKey { channel, message: row.id("message_id")?, attachment: row.id("attachment_id")? })
}

/// Returns a file.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn file(row: &mut impl Columns) -> Result<File, StoreError> {
    let key = key(row)?;
    let state = match row.number::<u8>("state")? {
        WAITING => FileState::Waiting { tries: row.number("tries")?, due_at: row.time("due_at")? },
        STORED => FileState::Stored { hash: row.parse("hash")?, size_bytes: row.bits("size_bytes")? },
        GONE => FileState::Gone,
        FAILED => FileState::Failed,
        other => return Err(row.corrupt("state", ValueError::Number(other.into()))),
    };
    Ok(File { key, state })
}

/// The columns of a state, beside the time at which it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StateColumns {
    /// The number of the state.
    state: u8,
    /// The number of failed attempts.
    tries: u32,
    /// The hash of the bytes.
    hash: Option<ContentHash>,
    /// The number of bytes.
    size_bytes: Option<u64>,
}

impl From<FileState> for StateColumns {
    fn from(state: FileState) -> Self {
        let (number, tries, stored) = match state {
            FileState::Waiting { tries, .. } => (WAITING, tries, None),
            FileState::Stored { hash, size_bytes } => (STORED, 0, Some((hash, size_bytes))),
            FileState::Gone => (GONE, 0, None),
            FileState::Failed => (FAILED, 0, None),
        };
        let (hash, size_bytes) = stored.unzip();
        Self { state: number, tries, hash, size_bytes }
    }
}

/// Returns a row of `{file}, tenant_id`.
#[must_use]
pub fn row(tenant: TenantId, File { key, state }: &File) -> [Value<'static>; 9] {
    let columns = StateColumns::from(*state);
    values![
        key.channel.0,
        key.message,
        key.attachment,
        columns.state,
        columns.tries,
        state.due_at(),
        columns.hash.map(|hash| hash.to_string()),
        columns.size_bytes.map(Value::Bits),
        tenant.0,
    ]
}
