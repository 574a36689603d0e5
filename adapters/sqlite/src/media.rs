//! The download state of attachments.

use adapter_sql::media::{file, key, row};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::{Change, ChangeKind};
use domain::channel::ChannelId;
use domain::media::{File, file_changes, new_file_changes};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::media::MediaRepository;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::change;
use crate::error::{is_missing, store_error};
use crate::row::{Text, millis, number, query, store_row};
use crate::unit::Unit;

const INSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES ({:file}, :tenant_id)
    ON CONFLICT (channel_id, message_id, attachment_id) DO NOTHING
"};

const UPSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES ({:file}, :tenant_id)
    ON CONFLICT (channel_id, message_id, attachment_id) DO UPDATE SET
        state = excluded.state, tries = excluded.tries, due_at = excluded.due_at, hash = excluded.hash,
        size_bytes = excluded.size_bytes
"};

const LIST_DUE: &str = sql! {r"
    SELECT {file}
    FROM media
    WHERE tenant_id = :tenant_id
        AND due_at <= :due_at
    ORDER BY due_at, channel_id, message_id, attachment_id
    LIMIT :limit
"};

const LIST: &str = sql! {r"
    SELECT {file}
    FROM media
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, attachment_id
"};

const LIST_AFTER: &str = sql! {r"
    SELECT {file}
    FROM media
    WHERE channel_id = :channel_id
        AND message_id > :after
    ORDER BY message_id, attachment_id
    LIMIT :limit
"};

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

fn write(connection: &Connection, sql: &str, tenant: TenantId, files: &[File]) -> rusqlite::Result<()> {
    files.iter().try_for_each(|file| store_row(connection, sql, row(tenant, file)).map(drop))
}

impl Unit {
    async fn write_media(
        &mut self,
        sql: &'static str,
        tenant: TenantId,
        files: &[File],
        changes_of: fn(&[File]) -> Vec<ChangeKind>,
    ) -> Result<(), StoreError> {
        let files = files.to_vec();
        self.write_logged(move |connection, changes| {
            write(connection, sql, tenant, &files).map_err(|error| {
                if is_missing(&error) { StoreError::Missing { what: "channel" } } else { store_error(error) }
            })?;
            changes.extend(changes_of(&files).into_iter().map(|kind| Change { tenant_id: tenant, kind }));
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl MediaRepository for Unit {
    #[instrument(name = "db.media.insert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        let changes_of = |files: &[File]| new_file_changes(files.iter().map(|file| (file.key, file.state)));
        self.write_media(INSERT, tenant, files, changes_of).await
    }

    #[instrument(name = "db.media.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        let changes_of = |files: &[File]| file_changes(files.iter().map(|file| file.key));
        self.write_media(UPSERT, tenant, files, changes_of).await
    }

    #[instrument(name = "db.media.list_due", level = "debug", skip_all, err(level = "trace"))]
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":due_at": millis(now), ":limit": limit};
            query(connection, "media", LIST_DUE, parameters, |row| file(row))
        })
        .await
    }

    #[instrument(name = "db.media.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {":channel_id": Text(channel.0), ":low": number(low), ":high": number(high)};
            query(connection, "media", LIST, parameters, |row| file(row))
        })
        .await
    }

    #[instrument(name = "db.media.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        self.run(move |connection| {
            let mut found = Vec::new();
            for (channel, id) in keys {
                let parameters =
                    named_params! {":channel_id": Text(channel.0), ":low": number(id), ":high": number(id)};
                found.extend(query(connection, "media", LIST, parameters, |row| file(row))?);
            }
            Ok(found)
        })
        .await
    }

    #[instrument(name = "db.media.list_after", level = "debug", skip_all, err(level = "trace"))]
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError> {
        self.run(move |connection| {
            let parameters =
                named_params! {":channel_id": Text(channel.0), ":after": after.map_or(-1, number), ":limit": limit};
            query(connection, "media", LIST_AFTER, parameters, |row| file(row))
        })
        .await
    }

    #[instrument(name = "db.media.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        self.write_logged(move |connection, changes| {
            let parameters = named_params! {":channel_id": Text(channel.0), ":limit": limit};
            let removed = query(connection, "media", DELETE_FIRST, parameters, |row| key(row))?;
            let count = removed.len() as u64;
            change::log(connection, changes, channel, file_changes(removed))?;
            Ok(count)
        })
        .await
    }
}
