//! The pictures of guilds and of texts.

use adapter_sql::picture::PictureStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl PictureStatements for Unit {
    const INSERT: &'static str = sql! {r"
        INSERT INTO pictures (tenant_id, {picture})
        VALUES (:tenant_id, {:picture})
        ON CONFLICT (tenant_id, picture_key) DO NOTHING
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO pictures (tenant_id, {picture})
        VALUES (:tenant_id, {:picture})
        ON CONFLICT (tenant_id, picture_key) DO UPDATE SET
            name = excluded.name, state = excluded.state, tries = excluded.tries, due_at = excluded.due_at,
            hash = excluded.hash, size_bytes = excluded.size_bytes, format = excluded.format, width = excluded.width,
            height = excluded.height
    "};

    const FIND_ALL: &'static str = sql! {r"
        SELECT {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND picture_key = :picture_key
    "};

    const LIST: &'static str = sql! {r"
        SELECT {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND picture_key > :after
        ORDER BY picture_key
        LIMIT :limit
    "};

    const LIST_DUE: &'static str = sql! {r"
        SELECT {picture}
        FROM pictures
        WHERE tenant_id = :tenant_id
            AND due_at <= :due_at
        ORDER BY due_at, picture_key
        LIMIT :limit
    "};

    const LIST_STORED: &'static str = sql! {r"
        SELECT {picture}
        FROM pictures INDEXED BY pictures_by_hash
        WHERE tenant_id = :tenant_id
            AND hash = :hash
        ORDER BY picture_key
        LIMIT :limit
    "};
}
