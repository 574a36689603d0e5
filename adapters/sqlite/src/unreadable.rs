//! Entries between messages that could not be read or stored.

use adapter_sql::columns::Columns;
use adapter_sql::sql;
use adapter_sql::unreadable::{parameters, unreadable};
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::unreadable::{Unreadable, UnreadableId};
use ports::error::StoreError;
use ports::unreadable::UnreadableRepository;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::change;
use crate::error::{is_missing, store_error};
use crate::row::{NamedRow, Text, execute, number, query, store};
use crate::unit::Unit;

const LIST: &str = sql! {r"
    SELECT {unreadable}
    FROM unreadable_messages
    WHERE channel_id = :channel_id
        AND low <= :high
        AND high >= :low
    ORDER BY unreadable_id
"};

const LIST_IDS: &str = r"
    SELECT unreadable_id
    FROM unreadable_messages
    WHERE channel_id = :channel_id
    ORDER BY unreadable_id
";

const UPSERT: &str = sql! {r"
    INSERT INTO unreadable_messages ({unreadable})
    VALUES ({:unreadable})
    ON CONFLICT (channel_id, unreadable_id) DO UPDATE
    SET low = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.low ELSE low END,
        high = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.high ELSE high END,
        reason = CASE WHEN excluded.last_seen_at >= last_seen_at THEN excluded.reason ELSE reason END,
        first_seen_at = MIN(first_seen_at, excluded.first_seen_at),
        last_seen_at = MAX(last_seen_at, excluded.last_seen_at)
"};

const DELETE: &str = r"
    DELETE FROM unreadable_messages
    WHERE channel_id = :channel_id
        AND unreadable_id = :unreadable_id
";

fn upsert_all(connection: &Connection, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError> {
    let key = named_params! {":channel_id": Text(channel.0)};
    let id = |row: &mut NamedRow<'_, '_>| row.uuid("unreadable_id").map(UnreadableId);
    let held = query(connection, "unreadable_messages", LIST_IDS, key, id)?;
    let mut kept = 0;
    for one in Unreadable::taken(&held, all) {
        store(connection, UPSERT, parameters(channel, one)).map_err(|error| {
            if is_missing(&error) { StoreError::Missing { what: "channel" } } else { store_error(error) }
        })?;
        kept += 1;
    }
    Ok(kept)
}

#[async_trait]
impl UnreadableRepository for Unit {
    #[instrument(name = "db.unreadable.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, part: Interval) -> Result<Vec<Unreadable>, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {
                ":channel_id": Text(channel.0), ":low": number(part.low()), ":high": number(part.high()),
            };
            query(connection, "unreadable_messages", LIST, parameters, |row| unreadable(row))
        })
        .await
    }

    #[instrument(name = "db.unreadable.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError> {
        let all = all.to_vec();
        self.write_logged(move |connection, changes| {
            let kept = upsert_all(connection, channel, &all)?;
            if kept > 0 {
                change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
            }
            Ok(kept)
        })
        .await
    }

    #[instrument(name = "db.unreadable.delete_all", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_all(&mut self, channel: ChannelId, ids: &[UnreadableId]) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.write_logged(move |connection, changes| {
            let mut removed = 0;
            for id in ids {
                let parameters = named_params! {":channel_id": Text(channel.0), ":unreadable_id": Text(id.0)};
                removed += execute(connection, DELETE, parameters).map_err(store_error)?;
            }
            if removed > 0 {
                change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
            }
            Ok(())
        })
        .await
    }
}
