//! The download state of attachments.

use std::future::Future;

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::media::{ContentHash, File, FileContent, FileKey, FileState, file_changes, new_file_changes};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::media::MediaRepository;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Value;
use crate::{parameters, values};

/// The statements of a store.
pub trait MediaStatements: Session {
    /// Lists the files of a tenant that are due, the earliest first.
    const LIST_DUE: &'static str;
    /// Lists the files of an interval of messages.
    const LIST: &'static str;
    /// Finds the files of messages.
    const FIND_ALL: &'static str;
    /// Lists the files from a message on.
    const LIST_AFTER: &'static str;
    /// Lists the files of a tenant by the hash of their bytes.
    const LIST_STORED: &'static str;
    /// Lists the keys of the first files of a channel.
    const FIRST: &'static str;
    /// Removes the first files of a channel.
    const DELETE_FIRST: &'static str;

    /// Stores the rows of files; those that are stored already stay as they are.
    ///
    /// Fails with [`StoreError::Missing`] if a channel is not stored.
    fn insert_files(&mut self, rows: Vec<FileRow>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Stores the rows of files; those that are stored already get the new state.
    ///
    /// Fails with [`StoreError::Missing`] if a channel is not stored.
    fn upsert_files(&mut self, rows: Vec<FileRow>) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A row of `{file}, tenant_id`.
pub type FileRow = [Value<'static>; 12];

/// The numbers of the states.
const WAITING: u8 = 0;
const STORED: u8 = 1;
const GONE: u8 = 2;
const FAILED: u8 = 3;

impl FromRow for FileKey {
    const TABLE: &'static str = "media";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let channel = ChannelId(row.uuid("channel_id")?);
        Ok(Self { channel, message: row.id("message_id")?, attachment: row.id("attachment_id")? })
    }
}

impl FromRow for File {
    const TABLE: &'static str = FileKey::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { key: FileKey::from_row(row)?, state: state(row)? })
    }
}

/// Returns the state of a file or picture.
pub(crate) fn state(row: &mut impl Columns) -> Result<FileState, StoreError> {
    let content = content(row)?;
    Ok(match row.number::<u8>("state")? {
        WAITING => FileState::Waiting { tries: row.number("tries")?, due_at: row.time("due_at")? },
        STORED => FileState::Stored { hash: row.parse("hash")?, size_bytes: row.bits("size_bytes")?, content },
        GONE => FileState::Gone,
        FAILED => FileState::Failed,
        other => return Err(row.corrupt("state", ValueError::Number(other.into()))),
    })
}

/// Returns the content of stored bytes.
fn content(row: &mut impl Columns) -> Result<Option<FileContent>, StoreError> {
    let format = row.parse_optional("format")?;
    let (width, height) = (row.optional_number("width")?, row.optional_number("height")?);
    Ok(format.map(|format| FileContent { format, size: width.zip(height) }))
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
    /// Their content.
    content: Option<FileContent>,
}

impl From<FileState> for StateColumns {
    fn from(state: FileState) -> Self {
        let none = Self { state: WAITING, tries: 0, hash: None, size_bytes: None, content: None };
        match state {
            FileState::Waiting { tries, .. } => Self { tries, ..none },
            FileState::Stored { hash, size_bytes, content } => {
                Self { state: STORED, hash: Some(hash), size_bytes: Some(size_bytes), content, ..none }
            }
            FileState::Gone => Self { state: GONE, ..none },
            FileState::Failed => Self { state: FAILED, ..none },
        }
    }
}

/// Returns the columns `state, tries, due_at, hash, size_bytes, format, width, height` of a state.
pub(crate) fn state_values(state: FileState) -> [Value<'static>; 8] {
    let columns = StateColumns::from(state);
    let size = columns.content.and_then(|content| content.size);
    values![
        columns.state,
        columns.tries,
        state.due_at(),
        columns.hash.map(|hash| hash.to_string()),
        columns.size_bytes.map(Value::Bits),
        columns.content.map(|content| content.format.as_str()),
        size.map(|(width, _)| width),
        size.map(|(_, height)| height),
    ]
}

fn row(tenant: TenantId, File { key, state }: &File) -> FileRow {
    let [state, tries, due_at, hash, size_bytes, format, width, height] = state_values(*state);
    let [channel, message, attachment] = values![key.channel.0, key.message, key.attachment];
    [channel, message, attachment, state, tries, due_at, hash, size_bytes, format, width, height, tenant.0.into()]
}

#[async_trait]
impl<U: MediaStatements> MediaRepository for SqlUnit<U> {
    #[instrument(name = "db.media.insert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        self.0.insert_files(files.iter().map(|file| row(tenant, file)).collect()).await?;
        self.0.log(tenant, new_file_changes(files.iter().map(|file| (file.key, file.state))));
        Ok(())
    }

    #[instrument(name = "db.media.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        self.0.upsert_files(files.iter().map(|file| row(tenant, file)).collect()).await?;
        self.0.log(tenant, file_changes(files.iter().map(|file| file.key)));
        Ok(())
    }

    #[instrument(name = "db.media.list_due", level = "debug", skip_all, err(level = "trace"))]
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError> {
        let parameters = parameters! { "tenant_id" => tenant.0, "due_at" => now, "limit" => limit };
        self.0.select(U::LIST_DUE, parameters).await
    }

    #[instrument(name = "db.media.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError> {
        self.0.select(U::LIST, parameters! { "channel_id" => channel.0, "low" => low, "high" => high }).await
    }

    #[instrument(name = "db.media.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError> {
        let keys = keys.iter().map(|(channel, message)| values![channel.0, *message]).collect();
        let mut found: Vec<File> = self.0.select_each(U::FIND_ALL, None, keys).await?;
        found.sort_unstable_by_key(|file| file.key);
        found.dedup_by_key(|file| file.key);
        Ok(found)
    }

    #[instrument(name = "db.media.list_after", level = "debug", skip_all, err(level = "trace"))]
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError> {
        let Some(bound) = after.map_or(Some(MessageId::MIN), MessageId::next) else { return Ok(Vec::new()) };
        let parameters = parameters! { "channel_id" => channel.0, "bound" => bound, "limit" => limit };
        self.0.select(U::LIST_AFTER, parameters).await
    }

    #[instrument(name = "db.media.list_stored", level = "debug", skip_all, err(level = "trace"))]
    async fn list_stored(&mut self, tenant: TenantId, hash: ContentHash, limit: u32) -> Result<Vec<File>, StoreError> {
        let parameters = parameters! { "tenant_id" => tenant.0, "hash" => hash.to_string(), "limit" => limit };
        self.0.select(U::LIST_STORED, parameters).await
    }

    #[instrument(name = "db.media.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        let parameters = || parameters! { "channel_id" => channel.0, "limit" => limit };
        let first: Vec<FileKey> = self.0.select(U::FIRST, parameters()).await?;
        self.0.log_in(channel, file_changes(first)).await?;
        self.0.execute(U::DELETE_FIRST, parameters()).await
    }
}
