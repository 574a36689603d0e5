//! What changed, in order.

use async_trait::async_trait;
use domain::change::{Change, ChangeId};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use ports::change::ChangeRepository;
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};

use crate::error::store_error;
use crate::row::{Text, execute, number, query};
use crate::unit::Unit;

const LIST: &str = r"
    SELECT change_id, channel_id, low, high
    FROM changes
    WHERE change_id > :after
    ORDER BY change_id
    LIMIT :limit
";

const INSERT: &str = r"
    INSERT INTO changes (channel_id, low, high)
    VALUES (:channel_id, :low, :high)
";

/// Appends a change.
pub(crate) fn append(connection: &Connection, channel: ChannelId, interval: Interval) -> Result<(), StoreError> {
    let parameters = named_params! {
        ":channel_id": Text(channel.0),
        ":low": number(interval.low()),
        ":high": number(interval.high()),
    };
    execute(connection, INSERT, parameters).map(drop).map_err(store_error)
}

#[async_trait]
impl ChangeRepository for Unit {
    async fn list(&mut self, page: Page<ChangeId>) -> Result<Vec<Change>, StoreError> {
        self.run(move |connection| {
            let after = page.after.map_or(0, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
            query(connection, "changes", LIST, named_params! {":after": after, ":limit": page.limit}, |row| {
                Ok(Change {
                    id: ChangeId(row.get("change_id")?),
                    channel_id: ChannelId(row.uuid("channel_id")?),
                    interval: Interval::new(row.id("low")?, row.id("high")?).ok_or_else(|| row.corrupt("low"))?,
                })
            })
        })
        .await
    }
}
