//! Entries between messages that could not be read or stored. The raw entry is stored as text and not as `JSON`: the
//! server rejects some JSON, which must not happen here.

use adapter_sql::columns::Columns;
use adapter_sql::sql;
use adapter_sql::unreadable::{parameters, unreadable};
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::unreadable::{Unreadable, UnreadableId};
use mysql_async::params;
use ports::error::StoreError;
use ports::unreadable::UnreadableRepository;
use tracing::instrument;

use crate::message::lock;
use crate::row::{named, of};
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

/// The times follow the columns that they decide about: assignments are made from left to right.
const UPSERT: &str = sql! {r"
    INSERT INTO unreadable_messages ({unreadable})
    VALUES ({:unreadable})
    ON DUPLICATE KEY UPDATE
        low = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(low), low),
        high = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(high), high),
        reason = IF(VALUES(last_seen_at) >= last_seen_at, VALUES(reason), reason),
        first_seen_at = LEAST(first_seen_at, VALUES(first_seen_at)),
        last_seen_at = GREATEST(last_seen_at, VALUES(last_seen_at))
"};

const DELETE: &str = r"
    DELETE FROM unreadable_messages
    WHERE channel_id = :channel_id
        AND unreadable_id = :unreadable_id
";

#[async_trait]
impl UnreadableRepository for Unit {
    #[instrument(name = "db.unreadable.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, part: Interval) -> Result<Vec<Unreadable>, StoreError> {
        let parameters = params! {
            "channel_id" => channel.to_string(),
            "low" => part.low().get(),
            "high" => part.high().get(),
        };
        self.rows(LIST, parameters, of("unreadable_messages", unreadable)).await
    }

    #[instrument(name = "db.unreadable.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError> {
        lock(self, channel).await?;
        let key = params! { "channel_id" => channel.to_string() };
        let id = of("unreadable_messages", |row| row.uuid("unreadable_id").map(UnreadableId));
        let held = self.rows(LIST_IDS, key, id).await?;
        let taken: Vec<_> = Unreadable::taken(&held, all).collect();
        for one in &taken {
            self.run(UPSERT, named(parameters(channel, one))).await?;
        }
        if !taken.is_empty() {
            self.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        }
        Ok(taken.len() as u64)
    }

    #[instrument(name = "db.unreadable.delete_all", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_all(&mut self, channel: ChannelId, ids: &[UnreadableId]) -> Result<(), StoreError> {
        let mut removed = 0;
        for id in ids {
            let parameters = params! { "channel_id" => channel.to_string(), "unreadable_id" => id.to_string() };
            removed += self.run(DELETE, parameters).await?;
        }
        if removed > 0 {
            self.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        }
        Ok(())
    }
}
