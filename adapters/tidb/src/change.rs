//! The change log.

use adapter_sql::change::ChangeStatements;
use adapter_sql::sql;
use domain::change::Change;
use mysql_async::{Value, params};
use ports::error::StoreError;

use crate::batch::pieces;
use crate::unit::Unit;

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
}

impl ChangeStatements for Unit {
    const EXTENT: &'static str = sql! {r"
        SELECT {extent}
        FROM change_log_extent
        WHERE extent_id = 1
    "};

    const LIST: &'static str = sql! {r"
        SELECT {change}
        FROM change_log
        WHERE change_id > :after
        ORDER BY change_id
        LIMIT :limit
    "};

    const FIND_YOUNG: &'static str = r"
        SELECT change_id
        FROM change_log
        WHERE change_id BETWEEN :first AND :last
            AND committed_at >= :before
        ORDER BY change_id
        LIMIT 1
    ";

    const DELETE: &'static str = r"
        DELETE FROM change_log
        WHERE change_id BETWEEN :first AND :last
    ";

    /// Last in its unit, because from then on no other unit can commit changes.
    const SET_FIRST: &'static str = r"
        UPDATE change_log_extent
        SET first_change_id = :next
        WHERE extent_id = 1
            AND first_change_id = :first
    ";
}
