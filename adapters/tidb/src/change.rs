//! The change log.

use adapter_sql::change::{change, extent, no_extent};
use adapter_sql::columns::Columns;
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::{Change, ChangePosition, Followed, LogExtent};
use domain::timestamp::Timestamp;
use mysql_async::{Value, params};
use ports::change::ChangeRepository;
use ports::error::StoreError;
use tracing::instrument;

use crate::batch::pieces;
use crate::row::{datetime, of};
use crate::unit::Unit;

const EXTENT: &str = sql! {r"
    SELECT {extent}
    FROM change_log_extent
    WHERE extent_id = 1
"};

const LIST: &str = sql! {r"
    SELECT {change}
    FROM change_log
    WHERE change_id > :after
    ORDER BY change_id
    LIMIT :limit
"};

/// Takes the next numbers. The row stays locked until the unit ends, so numbers are assigned in the order of the
/// commits, and a reader of the log never misses a change that committed late with a smaller number. They are dense: a
/// unit that rolls back returns them. An `AUTO_INCREMENT` has no order at all with more than one server.
const TAKE_NUMBERS: &str = r"
    UPDATE change_log_extent
    SET last_change_id = LAST_INSERT_ID(last_change_id + :count)
    WHERE extent_id = 1
";

const INSERT: &str = sql! {r"
    INSERT INTO change_log (committed_at, {change})
    VALUES
"};

/// The values of a row of [`INSERT`]: the numbers end with the last one that was taken.
const ROW: &str = "(UTC_TIMESTAMP(3), LAST_INSERT_ID() - ?, ?, ?, ?, ?, ?)";

/// The first change that is too recent to be trimmed.
const FIND_YOUNG: &str = r"
    SELECT change_id
    FROM change_log
    WHERE change_id BETWEEN :first AND :last
        AND committed_at >= :before
    ORDER BY change_id
    LIMIT 1
";

const DELETE: &str = r"
    DELETE FROM change_log
    WHERE change_id BETWEEN :first AND :last
";

/// Last in its unit, because from then on no other unit can commit changes.
const SET_FIRST: &str = r"
    UPDATE change_log_extent
    SET first_change_id = :next
    WHERE extent_id = 1
        AND first_change_id = :first
";

fn values(behind: u64, change: &Change) -> [Value; 6] {
    let interval = change.kind.interval();
    [
        behind.into(),
        change.tenant_id.to_string().into(),
        change.kind.channel().map(|channel| channel.to_string()).into(),
        change.kind.as_number().into(),
        interval.map(|interval| interval.low().get()).into(),
        interval.map(|interval| interval.high().get()).into(),
    ]
}

impl Unit {
    /// Appends the changes of the unit, right before its commit, because from here on no other unit can commit changes.
    pub(crate) async fn append(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.run(TAKE_NUMBERS, params! { "count" => changes.len() as u64 }).await?;
        let rows: Vec<_> = (0..changes.len() as u64).rev().zip(changes).collect();
        for piece in pieces(&rows, |_| 120) {
            let parameters: Vec<Value> = piece.iter().flat_map(|(behind, change)| values(*behind, change)).collect();
            let sql = format!("{INSERT} {}", vec![ROW; piece.len()].join(", "));
            self.run(&sql, parameters).await?;
        }
        Ok(())
    }

    async fn extent(&mut self) -> Result<LogExtent, StoreError> {
        self.row(EXTENT, (), of("change_log_extent", extent)).await?.ok_or_else(no_extent)
    }
}

#[async_trait]
impl ChangeRepository for Unit {
    #[instrument(name = "db.change.position", level = "debug", skip_all, err(level = "trace"))]
    async fn position(&mut self) -> Result<ChangePosition, StoreError> {
        Ok(self.extent().await?.end())
    }

    #[instrument(name = "db.change.follow", level = "debug", skip_all, err(level = "trace"))]
    async fn follow(&mut self, position: &ChangePosition, limit: u32) -> Result<Followed, StoreError> {
        let extent = self.extent().await?;
        let selected = match extent.number_at(position) {
            Some(after) if after < extent.last => {
                self.rows(LIST, params! { after, limit }, of("change_log", change)).await?
            }
            _ => Vec::new(),
        };
        Ok(extent.answer(position, selected, limit))
    }

    #[instrument(name = "db.change.trim", level = "debug", skip_all, err(level = "trace"))]
    async fn trim(&mut self, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError> {
        let extent = self.extent().await?;
        let Some(last) = extent.trimmable(kept, limit) else { return Ok(0) };
        let first = extent.first;
        let parameters = params! { first, last, "before" => datetime(before) };
        let id = of("change_log", |row| row.number("change_id"));
        let next = self.row(FIND_YOUNG, parameters, id).await?.unwrap_or(last + 1);
        if next <= first {
            return Ok(0);
        }
        self.run(DELETE, params! { first, "last" => next - 1 }).await?;
        // Another process that trimmed at the same time has removed the same changes.
        let raised = self.run(SET_FIRST, params! { first, next }).await?;
        Ok(if raised == 1 { next - first } else { 0 })
    }
}
