//! Earlier texts of messages.

use adapter_sql::sql;
use adapter_sql::version::VersionStatements;

use crate::unit::Unit;

impl VersionStatements for Unit {
    const LIST: &'static str = sql! {r"
        SELECT {earlier_version}
        FROM message_versions
        WHERE channel_id = :channel_id
            AND message_id = :message_id
            AND edited_at > :key
        ORDER BY edited_at
        LIMIT :limit
    "};

    const LIST_AFTER: &'static str = sql! {r"
        SELECT {earlier_version}
        FROM message_versions
        WHERE channel_id = :channel_id
            AND message_id >= :bound
        ORDER BY message_id, edited_at
        LIMIT :limit
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO message_versions (tenant_id, channel_id, {earlier_version})
        VALUES (:tenant_id, :channel_id, {:earlier_version})
        ON CONFLICT (channel_id, message_id, edited_at) DO UPDATE
        SET content = excluded.content, embeds = excluded.embeds, observed_at = excluded.observed_at,
            replaced_at = excluded.replaced_at, is_deletion = excluded.is_deletion
    "};

    const TRIM: &'static str = r"
        DELETE FROM message_versions
        WHERE (channel_id, message_id, edited_at) IN (
            SELECT channel_id, message_id, edited_at
            FROM message_versions
            WHERE tenant_id = :tenant_id
                AND is_deletion = :is_deletion
                AND replaced_at < :before
            ORDER BY replaced_at, channel_id, message_id, edited_at
            LIMIT :limit
        )
    ";

    const DELETE_FIRST: &'static str = r"
        DELETE FROM message_versions
        WHERE channel_id = :channel_id
            AND (message_id, edited_at) IN (
                SELECT message_id, edited_at
                FROM message_versions
                WHERE channel_id = :channel_id
                ORDER BY message_id, edited_at
                LIMIT :limit
            )
    ";
}
