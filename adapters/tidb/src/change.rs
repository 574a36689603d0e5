//! The change log.

use adapter_sql::change::ChangeStatements;
use adapter_sql::sql;
use domain::change::Change;
use mysql_async::{Params, Value, params};

use crate::batch::literals;
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

/// Returns a row of [`INSERT`]. The numbers end with the last one that was taken, `behind` that of the row.
fn row(behind: usize, change: &Change) -> String {
    let interval = change.kind.interval();
    let values: [Value; 5] = [
        change.tenant_id.to_string().into(),
        change.kind.channel().map(|channel| channel.to_string()).into(),
        change.kind.as_number().into(),
        interval.map(|interval| interval.low().get()).into(),
        interval.map(|interval| interval.high().get()).into(),
    ];
    format!("(UTC_TIMESTAMP(3), LAST_INSERT_ID() - {behind}, {})", literals(&values))
}

impl Unit {
    /// Appends changes to the log by the last statements of the unit, because from the first of them on no other unit
    /// can commit changes.
    pub(crate) fn append(&mut self, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        self.defer(TAKE_NUMBERS, &params! { "count" => changes.len() });
        let rows: Vec<_> = (0..changes.len()).rev().zip(changes).map(|(behind, change)| row(behind, change)).collect();
        self.defer(&format!("{INSERT} {}", rows.join(", ")), &Params::Empty);
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
