//! The sync states of channels.

use adapter_sql::sql;
use adapter_sql::sync::SyncStateStatements;

use crate::unit::Unit;

impl SyncStateStatements for Unit {
    const FIND_ALL: &'static str = sql! {r"
        SELECT {sync_state}
        FROM sync_states
        WHERE channel_id = :channel_id
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO sync_states ({sync_state})
        VALUES ({:sync_state})
        ON CONFLICT (channel_id) DO UPDATE
        SET rechecked_at = COALESCE(MAX(rechecked_at, excluded.rechecked_at), rechecked_at, excluded.rechecked_at),
            listed_at = COALESCE(MAX(listed_at, excluded.listed_at), listed_at, excluded.listed_at),
            listed_whole_at = COALESCE(
                MAX(listed_whole_at, excluded.listed_whole_at), listed_whole_at, excluded.listed_whole_at
            ),
            requested_at = COALESCE(MAX(requested_at, excluded.requested_at), requested_at, excluded.requested_at)
    "};
}
