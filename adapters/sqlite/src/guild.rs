//! Roles, emoji and stickers of guilds.

use adapter_sql::guild::GuildStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl GuildStatements for Unit {
    const FIND: &'static str = r"
        SELECT observed_at
        FROM guilds
        WHERE tenant_id = :tenant_id
    ";

    const LIST_ROLES: &'static str = sql! {r"
        SELECT {role}, {stored_item}
        FROM roles
        WHERE tenant_id = :tenant_id
        ORDER BY role_id
    "};

    const LIST_EMOJIS: &'static str = sql! {r"
        SELECT {emoji}, {stored_item}
        FROM emojis
        WHERE tenant_id = :tenant_id
        ORDER BY emoji_id
    "};

    const LIST_STICKERS: &'static str = sql! {r"
        SELECT {sticker}, {stored_item}
        FROM stickers
        WHERE tenant_id = :tenant_id
        ORDER BY sticker_id
    "};

    const FIND_ROLES: &'static str = sql! {r"
        SELECT {role}
        FROM roles
        WHERE tenant_id = :tenant_id
            AND role_id = :role_id
    "};

    const UPSERT: &'static str = r"
        INSERT INTO guilds (tenant_id, observed_at)
        VALUES (:tenant_id, :observed_at)
        ON CONFLICT (tenant_id) DO UPDATE
        SET observed_at = excluded.observed_at
    ";

    const UPSERT_ROLE: &'static str = sql! {r"
        INSERT INTO roles (tenant_id, {role}, {stored_item})
        VALUES (:tenant_id, {:role}, {:stored_item})
        ON CONFLICT (tenant_id, role_id) DO UPDATE
        SET name = excluded.name, color = excluded.color, position = excluded.position,
            observed_at = excluded.observed_at, deleted_at = excluded.deleted_at
    "};

    const UPSERT_EMOJI: &'static str = sql! {r"
        INSERT INTO emojis (tenant_id, {emoji}, {stored_item})
        VALUES (:tenant_id, {:emoji}, {:stored_item})
        ON CONFLICT (tenant_id, emoji_id) DO UPDATE
        SET name = excluded.name, animated = excluded.animated, observed_at = excluded.observed_at,
            deleted_at = excluded.deleted_at
    "};

    const UPSERT_STICKER: &'static str = sql! {r"
        INSERT INTO stickers (tenant_id, {sticker}, {stored_item})
        VALUES (:tenant_id, {:sticker}, {:stored_item})
        ON CONFLICT (tenant_id, sticker_id) DO UPDATE
        SET name = excluded.name, format = excluded.format, description = excluded.description,
            observed_at = excluded.observed_at, deleted_at = excluded.deleted_at
    "};
}
