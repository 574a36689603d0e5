//! Entries between messages that could not be read or stored. The raw entry is stored as text and not as `JSON`: the
//! server rejects some JSON, which must not happen here.

use adapter_sql::sql;
use adapter_sql::unreadable::UnreadableStatements;
use domain::channel::ChannelId;
use mysql_async::params;

use crate::unit::Unit;

const NOTE: &str = r"
    UPDATE channels
    SET has_unreadable = 1
    WHERE channel_id = :channel_id
";

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

    /// The times follow the columns that they decide about: assignments are made from left to right.
    const UPSERT: &'static str = sql! {r"
        INSERT INTO unreadable_messages ({unreadable})
        VALUES ({:unreadable})
        ON DUPLICATE KEY UPDATE
            low = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(low), low),
            high = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(high), high),
            reason = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(reason), reason),
            first_seen_at = LEAST(first_seen_at, VALUES(first_seen_at)),
            last_seen_at = GREATEST(last_seen_at, VALUES(last_seen_at))
    "};

    const DELETE: &'static str = r"
        DELETE FROM unreadable_messages
        WHERE channel_id = :channel_id
            AND unreadable_id = :unreadable_id
    ";

    fn note_unreadable(&mut self, channel: ChannelId) {
        self.defer(NOTE, &params! { "channel_id" => channel.to_string() });
    }
}
