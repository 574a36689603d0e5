//! Content that is due to be removed.

use adapter_sql::removal::RemovalStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl RemovalStatements for Unit {
    const UPSERT: &'static str = sql! {r"
        INSERT INTO removals ({removal})
        VALUES ({:removal})
        ON CONFLICT (channel_id, message_id) DO UPDATE
        SET due_at = excluded.due_at
    "};

    const LIST_DUE: &'static str = sql! {r"
        SELECT {removal}
        FROM removals
        WHERE due_at <= :now
        ORDER BY due_at, channel_id, message_id
        LIMIT :limit
    "};

    const DELETE: &'static str = r"
        DELETE FROM removals
        WHERE channel_id = :channel_id
            AND message_id = :message_id
            AND due_at = :due_at
    ";

    const DELETE_FIRST: &'static str = r"
        DELETE FROM removals
        WHERE channel_id = :channel_id
            AND message_id IN (
                SELECT message_id
                FROM removals
                WHERE channel_id = :channel_id
                ORDER BY message_id
                LIMIT :limit
            )
    ";
}
