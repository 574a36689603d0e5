//! What changed, in order.

use async_trait::async_trait;
use domain::change::{Change, ChangeId};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use mysql_async::{Row, params};
use ports::change::ChangeRepository;
use ports::error::StoreError;
use ports::page::Page;

use crate::row::Columns;
use crate::unit::Unit;

const LIST: &str = r"
    SELECT change_id, channel_id, low, high
    FROM changes
    WHERE change_id > :after
    ORDER BY change_id
    LIMIT :limit
";

/// The next number. The row stays locked until the unit ends, so numbers are given in the order of the commits, and
/// who follows the changes never misses one that came in late under a smaller number. An `AUTO_INCREMENT` gives no
/// order at all where there is more than one server.
const NEXT: &str = r"
    UPDATE change_counter
    SET last_change_id = LAST_INSERT_ID(last_change_id + 1)
    WHERE counter_id = 1
";

const INSERT: &str = r"
    INSERT INTO changes (change_id, channel_id, low, high)
    VALUES (LAST_INSERT_ID(), :channel_id, :low, :high)
";

fn change(row: Row) -> Result<Change, StoreError> {
    let mut row = Columns::new("changes", row);
    Ok(Change {
        id: ChangeId(row.get("change_id")?),
        channel_id: ChannelId(row.uuid("channel_id")?),
        interval: Interval::new(row.id("low")?, row.id("high")?).ok_or_else(|| row.corrupt("low"))?,
    })
}

impl Unit {
    /// Appends a change.
    pub(crate) async fn append_change(&mut self, channel: ChannelId, interval: Interval) -> Result<(), StoreError> {
        self.run(NEXT, ()).await?;
        let (low, high) = (interval.low().get(), interval.high().get());
        self.run(INSERT, params! { "channel_id" => channel.to_string(), "low" => low, "high" => high }).await.map(drop)
    }
}

#[async_trait]
impl ChangeRepository for Unit {
    async fn list(&mut self, page: Page<ChangeId>) -> Result<Vec<Change>, StoreError> {
        let after = page.after.map_or(0, |after| after.0);
        self.rows(LIST, params! { "after" => after, "limit" => page.limit }, change).await
    }
}
