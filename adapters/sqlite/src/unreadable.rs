//! Entries between messages that could not be read or stored.

use adapter_sql::sql;
use adapter_sql::unreadable::UnreadableStatements;

use crate::unit::Unit;

impl UnreadableStatements for Unit {
    const LIST: &'static str = sql! {r"
        SELECT {unreadable}
        FROM unreadable_messages
        WHERE channel_id = :channel_id
            AND low <= :high
            AND high >= :low
        ORDER BY unreadable_id
    "};

    const LIST_IDS: &'static str = r"
        SELECT unreadable_id
        FROM unreadable_messages
        WHERE channel_id = :channel_id
        ORDER BY unreadable_id
    ";

    const UPSERT: &'static str = sql! {r"
        INSERT INTO unreadable_messages ({unreadable})
        VALUES ({:unreadable})
        ON CONFLICT (channel_id, unreadable_id) DO UPDATE
        SET low = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.low ELSE low END,
            high = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.high ELSE high END,
            reason = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.reason ELSE reason END,
            first_seen_at = MIN(first_seen_at, excluded.first_seen_at),
            last_seen_at = MAX(last_seen_at, excluded.last_seen_at)
    "};

    const DELETE: &'static str = r"
        DELETE FROM unreadable_messages
        WHERE channel_id = :channel_id
            AND unreadable_id = :unreadable_id
    ";
}
