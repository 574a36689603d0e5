//! Files whose bytes are to be removed.

use adapter_sql::unused::UnusedFileStatements;

use crate::unit::Unit;

impl UnusedFileStatements for Unit {
    const UPSERT: &'static str = r"
        INSERT INTO unused_files (tenant_id, hash)
        VALUES (:tenant_id, :hash)
        ON CONFLICT (tenant_id, hash) DO UPDATE
        SET removed_at = NULL
    ";

    const LIST: &'static str = r"
        SELECT tenant_id, hash
        FROM unused_files
        WHERE removed_at IS NULL
        ORDER BY tenant_id, hash
        LIMIT :limit
    ";

    const LIST_REMOVED: &'static str = r"
        SELECT tenant_id, hash
        FROM unused_files
        WHERE removed_at < :before
        ORDER BY removed_at, tenant_id, hash
        LIMIT :limit
    ";

    const FIND: &'static str = r"
        SELECT tenant_id, hash
        FROM unused_files
        WHERE tenant_id = :tenant_id
            AND hash = :hash
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
}
