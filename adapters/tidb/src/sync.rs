//! The sync states of channels.

use adapter_sql::sql;
use adapter_sql::sync::SyncStateStatements;

use crate::unit::Unit;

impl SyncStateStatements for Unit {
    const FIND_ALL: &'static str = sql! {r"
        SELECT {sync_state}
        FROM sync_states
        WHERE channel_id IN (…)
    "};

    const UPSERT: &'static str = sql! {r"
        INSERT INTO sync_states ({sync_state})
        VALUES ({:sync_state})
        ON DUPLICATE KEY UPDATE
            rechecked_at = COALESCE(GREATEST(rechecked_at, VALUES(rechecked_at)), rechecked_at, VALUES(rechecked_at)),
            listed_at = COALESCE(GREATEST(listed_at, VALUES(listed_at)), listed_at, VALUES(listed_at)),
            listed_whole_at = COALESCE(
                GREATEST(listed_whole_at, VALUES(listed_whole_at)), listed_whole_at, VALUES(listed_whole_at)
            ),
            requested_at = COALESCE(GREATEST(requested_at, VALUES(requested_at)), requested_at, VALUES(requested_at))
    "};
}
