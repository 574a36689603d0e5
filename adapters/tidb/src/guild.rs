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

    /// Other writers of the tenant's items wait from here on.
    const LOCK: Option<&'static str> = Some(
        r"
        SELECT tenant_id
        FROM tenants
        WHERE tenant_id = :tenant_id
        FOR UPDATE
    ",
    );

    const FIND_ROLES: &'static str = sql! {r"
        SELECT {role}
        FROM roles
        WHERE tenant_id = ?
            AND role_id IN (…)
    "};

    const UPSERT: &'static str = r"
        INSERT INTO guilds (tenant_id, observed_at)
        VALUES (:tenant_id, :observed_at)
        ON DUPLICATE KEY UPDATE
            observed_at = VALUES(observed_at)
    ";

    const UPSERT_ROLE: &'static str = sql! {r"
        INSERT INTO roles (tenant_id, {role}, {stored_item})
        VALUES (:tenant_id, {:role}, {:stored_item})
        ON DUPLICATE KEY UPDATE
            name = VALUES(name), color = VALUES(color), position = VALUES(position), observed_at = VALUES(observed_at),
            deleted_at = VALUES(deleted_at)
    "};

    const UPSERT_EMOJI: &'static str = sql! {r"
        INSERT INTO emojis (tenant_id, {emoji}, {stored_item})
        VALUES (:tenant_id, {:emoji}, {:stored_item})
        ON DUPLICATE KEY UPDATE
            name = VALUES(name), animated = VALUES(animated), observed_at = VALUES(observed_at),
            deleted_at = VALUES(deleted_at)
    "};

    const UPSERT_STICKER: &'static str = sql! {r"
        INSERT INTO stickers (tenant_id, {sticker}, {stored_item})
        VALUES (:tenant_id, {:sticker}, {:stored_item})
        ON DUPLICATE KEY UPDATE
            name = VALUES(name), format = VALUES(format), description = VALUES(description),
            observed_at = VALUES(observed_at), deleted_at = VALUES(deleted_at)
    "};
}
