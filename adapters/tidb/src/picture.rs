//! The pictures of guilds and of texts.

use adapter_sql::picture::PictureStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl PictureStatements for Unit {
    const INSERT: &'static str = sql! {r"
        INSERT INTO pictures (tenant_id, {picture})
        VALUES (:tenant_id, {:picture})
        ON DUPLICATE KEY UPDATE
            tries = tries
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO pictures (tenant_id, {picture})
        VALUES (:tenant_id, {:picture})
        ON DUPLICATE KEY UPDATE
            name = VALUES(name), state = VALUES(state), tries = VALUES(tries), due_at = VALUES(due_at),
            hash = VALUES(hash), size_bytes = VALUES(size_bytes), format = VALUES(format), width = VALUES(width),
            height = VALUES(height)
    "};

    const FIND_ALL: &'static str = sql! {r"
        SELECT {picture}
        FROM pictures
        WHERE tenant_id = ?
            AND picture_key IN (…)
    "};

    const LIST: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(pictures, PRIMARY) */
            {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND picture_key > :after
        ORDER BY picture_key
        LIMIT :limit
    "};

    const LIST_DUE: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(pictures, pictures_due) */
            {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND due_at <= :due_at
        ORDER BY due_at, picture_key
        LIMIT :limit
    "};

    const LIST_STORED: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(pictures, pictures_by_hash) */
            {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND hash = :hash
        ORDER BY picture_key
        LIMIT :limit
    "};
}
