//! The download state of attachments.

use adapter_sql::media::{FileRow, MediaStatements};
use adapter_sql::sql;
use mysql_async::Value;
use ports::error::StoreError;

use crate::batch::{insert_sql, padded_size, pieces};
use crate::row::values;
use crate::unit::Unit;

const INSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES
"};

/// Existing rows stay; `IGNORE` would also accept a file of a channel that is not stored.
const INSERT_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        tries = tries
";

const UPSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES
"};

const UPSERT_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        state = VALUES(state), tries = VALUES(tries), due_at = VALUES(due_at), hash = VALUES(hash),
        size_bytes = VALUES(size_bytes), format = VALUES(format), width = VALUES(width), height = VALUES(height)
";

impl Unit {
    async fn write_files(&mut self, [head, tail]: [&str; 2], rows: Vec<FileRow>) -> Result<(), StoreError> {
        let rows: Vec<_> = rows.into_iter().map(values).collect();
        for piece in pieces(&rows, |_| 160) {
            let count = padded_size(piece.len());
            let filling = piece.iter().take(1).cycle().take(count - piece.len());
            let parameters: Vec<Value> = piece.iter().chain(filling).flatten().cloned().collect();
            self.run_for("channel", &insert_sql(head, 12, count, tail), parameters).await?;
        }
        Ok(())
    }
}

impl MediaStatements for Unit {
    const LIST_DUE: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(media, media_due) */
            {file}
        FROM media
        WHERE tenant_id = :tenant_id
            AND due_at <= :due_at
        ORDER BY due_at, channel_id, message_id, attachment_id
        LIMIT :limit
    "};

    const LIST: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(media, PRIMARY) */
            {file}
        FROM media
        WHERE channel_id = :channel_id
            AND message_id BETWEEN :low AND :high
        ORDER BY message_id, attachment_id
    "};

    const FIND_ALL: &'static str = sql! {r"
        SELECT {file}
        FROM media
        WHERE (…)
    "};

    const LIST_AFTER: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(media, PRIMARY) */
            {file}
        FROM media
        WHERE channel_id = :channel_id
            AND message_id >= :bound
        ORDER BY message_id, attachment_id
        LIMIT :limit
    "};

    const LIST_STORED: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(media, media_by_hash) */
            {file}
        FROM media
        WHERE tenant_id = :tenant_id
            AND hash = :hash
        ORDER BY channel_id, message_id, attachment_id
        LIMIT :limit
    "};

    const FIRST: &'static str = r"
        SELECT /*+ ORDER_INDEX(media, PRIMARY) */
            channel_id, message_id, attachment_id
        FROM media
        WHERE channel_id = :channel_id
        ORDER BY message_id, attachment_id
        LIMIT :limit
    ";

    const DELETE_FIRST: &'static str = r"
        DELETE /*+ ORDER_INDEX(media, PRIMARY) */
        FROM media
        WHERE channel_id = :channel_id
        ORDER BY message_id, attachment_id
        LIMIT :limit
    ";

    async fn insert_files(&mut self, rows: Vec<FileRow>) -> Result<(), StoreError> {
        self.write_files([INSERT, INSERT_TAIL], rows).await
    }

    async fn upsert_files(&mut self, rows: Vec<FileRow>) -> Result<(), StoreError> {
        self.write_files([UPSERT, UPSERT_TAIL], rows).await
    }
}
