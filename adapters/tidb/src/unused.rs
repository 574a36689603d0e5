//! Files whose bytes are to be removed.

use adapter_sql::unused::UnusedFileStatements;

use crate::unit::Unit;

impl UnusedFileStatements for Unit {
    const LIST: &'static str = r"
        SELECT /*+ ORDER_INDEX(unused_files, unused_files_removed) */
            tenant_id, hash
        FROM unused_files
        WHERE removed_at IS NULL
        ORDER BY tenant_id, hash
        LIMIT :limit
    ";

    const FIND: &'static str = r"
        SELECT hash, removed_at
        FROM unused_files
        WHERE tenant_id = ?
            AND hash IN (…)
        FOR UPDATE
    ";

    const FIND_USE: &'static str = r"
        SELECT /*+ USE_INDEX(media, media_by_hash) */
            message_id
        FROM media
        WHERE tenant_id = :tenant_id
            AND hash = :hash
        ORDER BY channel_id, message_id, attachment_id
        LIMIT 1
    ";

    const RECORD_REMOVED: &'static str = r"
        UPDATE unused_files
        SET removed_at = :removed_at
        WHERE tenant_id = :tenant_id
            AND hash = :hash
    ";

    const DELETE: &'static str = r"
        DELETE FROM unused_files
        WHERE tenant_id = :tenant_id
            AND hash = :hash
    ";

    const FORGET_REMOVED: &'static str = r"
        DELETE FROM unused_files
        WHERE removed_at < :before
        ORDER BY removed_at, tenant_id, hash
        LIMIT 1000
    ";
}
