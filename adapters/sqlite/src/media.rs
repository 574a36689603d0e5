//! The download state of attachments.

use async_trait::async_trait;
use domain::change::Change;
use domain::channel::ChannelId;
use domain::media::{FileKey, FileState, changes_of};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::media::{File, MediaRepository};
use rusqlite::{Connection, named_params};

use crate::change;
use crate::error::{is_missing, store_error};
use crate::row::{Columns, Text, execute, millis, number, query};
use crate::unit::Unit;

const INSERT: &str = r"
    INSERT INTO media (
        channel_id, message_id, attachment_id, tenant_id, state, tries, due_at, hash, size_bytes
    )
    VALUES (:channel_id, :message_id, :attachment_id, :tenant_id, :state, :tries, :due_at, :hash, :size_bytes)
    ON CONFLICT (channel_id, message_id, attachment_id) DO NOTHING
";

const UPSERT: &str = r"
    INSERT INTO media (
        channel_id, message_id, attachment_id, tenant_id, state, tries, due_at, hash, size_bytes
    )
    VALUES (:channel_id, :message_id, :attachment_id, :tenant_id, :state, :tries, :due_at, :hash, :size_bytes)
    ON CONFLICT (channel_id, message_id, attachment_id) DO UPDATE SET
        state = excluded.state, tries = excluded.tries, due_at = excluded.due_at, hash = excluded.hash,
        size_bytes = excluded.size_bytes
";

const LIST_DUE: &str = r"
    SELECT channel_id, message_id, attachment_id, state, tries, due_at, hash, size_bytes
    FROM media
    WHERE tenant_id = :tenant_id
        AND due_at <= :due_at
    ORDER BY due_at, channel_id, message_id, attachment_id
    LIMIT :limit
";

const LIST: &str = r"
    SELECT channel_id, message_id, attachment_id, state, tries, due_at, hash, size_bytes
    FROM media
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, attachment_id
";

const LIST_AFTER: &str = r"
    SELECT channel_id, message_id, attachment_id, state, tries, due_at, hash, size_bytes
    FROM media
    WHERE channel_id = :channel_id
        AND message_id > :after
    ORDER BY message_id, attachment_id
    LIMIT :limit
";

const DELETE_FIRST: &str = r"
    DELETE FROM media
    WHERE channel_id = :channel_id
        AND (message_id, attachment_id) IN (
            SELECT message_id, attachment_id
            FROM media
            WHERE channel_id = :channel_id
            ORDER BY message_id, attachment_id
            LIMIT :limit
        )
    RETURNING channel_id, message_id, attachment_id
";

/// The numbers of the states.
const WAITING: u8 = 0;
const STORED: u8 = 1;
const GONE: u8 = 2;
const FAILED: u8 = 3;

fn key(row: &Columns<'_, '_>) -> Result<FileKey, StoreError> {
    let channel = ChannelId(row.uuid("channel_id")?);
    Ok(FileKey { channel, message: row.id("message_id")?, attachment: row.id("attachment_id")? })
}

fn file(row: &Columns<'_, '_>) -> Result<File, StoreError> {
    let key = key(row)?;
    let state = match row.get::<u8>("state")? {
        WAITING => FileState::Waiting { tries: row.get("tries")?, due_at: row.time("due_at")? },
        STORED => {
            FileState::Stored { hash: row.parse("hash")?, size_bytes: row.get::<i64>("size_bytes")?.cast_unsigned() }
        }
        GONE => FileState::Gone,
        FAILED => FileState::Failed,
        _ => return Err(row.corrupt("state")),
    };
    Ok(File { key, state })
}

fn write(connection: &Connection, sql: &str, tenant: TenantId, files: &[File]) -> rusqlite::Result<()> {
    for File { key, state } in files {
        let (number_of, tries, hash, size_bytes) = match state {
            FileState::Waiting { tries, .. } => (WAITING, *tries, None, None),
            FileState::Stored { hash, size_bytes } => (STORED, 0, Some(hash.to_string()), Some(size_bytes)),
            FileState::Gone => (GONE, 0, None, None),
            FileState::Failed => (FAILED, 0, None, None),
        };
        let parameters = named_params! {
            ":channel_id": Text(key.channel.0),
            ":message_id": number(key.message),
            ":attachment_id": number(key.attachment),
            ":tenant_id": Text(tenant.0),
            ":state": number_of,
            ":tries": tries,
            ":due_at": state.due_at().map(millis),
            ":hash": hash,
            ":size_bytes": size_bytes.map(|size| size.cast_signed()),
        };
        execute(connection, sql, parameters)?;
    }
    Ok(())
}

impl Unit {
    /// Writes files; the change log gets those that `logs` selects.
    async fn write_media(
        &mut self,
        sql: &'static str,
        tenant: TenantId,
        files: &[File],
        logs: fn(&File) -> bool,
    ) -> Result<(), StoreError> {
        let files = files.to_vec();
        self.write_logged(move |connection, changes| {
            write(connection, sql, tenant, &files).map_err(|error| {
                if is_missing(&error) { StoreError::Missing { what: "channel" } } else { store_error(error) }
            })?;
            let kinds = changes_of(files.iter().filter(|file| logs(file)).map(|file| file.key));
            changes.extend(kinds.into_iter().map(|kind| Change { tenant_id: tenant, kind }));
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl MediaRepository for Unit {
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        // For readers a waiting file is the same as one that is not recorded yet.
        self.write_media(INSERT, tenant, files, |file| !matches!(file.state, FileState::Waiting { .. })).await
    }

    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        self.write_media(UPSERT, tenant, files, |_| true).await
    }

    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":due_at": millis(now), ":limit": limit};
            query(connection, "media", LIST_DUE, parameters, file)
        })
        .await
    }

    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(low), ":high": number(high)};
            query(connection, "media", LIST, parameters, file)
        })
        .await
    }

    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        self.run(move |connection| {
            let mut found = Vec::new();
            for (channel, id) in keys {
                let parameters =
                    named_params! {":channel_id": Text(channel.0), ":low": number(id), ":high": number(id)};
                found.extend(query(connection, "media", LIST, parameters, file)?);
            }
            Ok(found)
        })
        .await
    }

    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters =
                named_params! {":channel_id": Text(channel.0), ":after": after.map_or(-1, number), ":limit": limit};
            query(connection, "media", LIST_AFTER, parameters, file)
        })
        .await
    }

    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        self.write_logged(move |connection, changes| {
            let parameters = named_params! {":channel_id": Text(channel.0), ":limit": limit};
            let removed = query(connection, "media", DELETE_FIRST, parameters, key)?;
            let count = removed.len() as u64;
            change::log(connection, changes, channel, changes_of(removed))?;
            Ok(count)
        })
        .await
    }
}
