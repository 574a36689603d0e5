//! The download state of attachments.

use adapter_sql::media::{FileRow, MediaStatements};
use adapter_sql::sql;
use ports::error::StoreError;

use crate::error::owned_error;
use crate::row::store_row;
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
        size_bytes = excluded.size_bytes, format = excluded.format, width = excluded.width,
        height = excluded.height
"};

impl Unit {
    async fn write_files(&mut self, sql: &'static str, rows: Vec<FileRow>) -> Result<(), StoreError> {
        self.run(move |connection| {
            let mut rows = rows.into_iter();
            let written = rows.try_for_each(|row| store_row(connection, sql, row).map(drop));
            written.map_err(|error| owned_error("channel", error))
        })
        .await
    }
}

impl MediaStatements for Unit {
    const LIST_DUE: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE tenant_id = :tenant_id
            AND due_at <= :due_at
        ORDER BY due_at, channel_id, message_id, attachment_id
        LIMIT :limit
    "};

    const LIST: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE channel_id = :channel_id
            AND message_id BETWEEN :low AND :high
        ORDER BY message_id, attachment_id
    "};

    const FIND_ALL: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE channel_id = :channel_id
            AND message_id = :message_id
        ORDER BY attachment_id
    "};

    const LIST_AFTER: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE channel_id = :channel_id
            AND message_id >= :bound
        ORDER BY message_id, attachment_id
        LIMIT :limit
    "};

    const LIST_STORED: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE tenant_id = :tenant_id
            AND hash = :hash
        ORDER BY channel_id, message_id, attachment_id
        LIMIT :limit
    "};

    const FIRST: &'static str = r"
        SELECT channel_id, message_id, attachment_id
        FROM media
        WHERE channel_id = :channel_id
        ORDER BY message_id, attachment_id
        LIMIT :limit
    ";

    const DELETE_FIRST: &'static str = r"
        DELETE FROM media
        WHERE channel_id = :channel_id
            AND (message_id, attachment_id) IN (
                SELECT message_id, attachment_id
                FROM media
                WHERE channel_id = :channel_id
                ORDER BY message_id, attachment_id
                LIMIT :limit
            )
    ";

    async fn insert_files(&mut self, rows: Vec<FileRow>) -> Result<(), StoreError> {
        self.write_files(INSERT, rows).await
    }

    async fn upsert_files(&mut self, rows: Vec<FileRow>) -> Result<(), StoreError> {
        self.write_files(UPSERT, rows).await
    }
}
