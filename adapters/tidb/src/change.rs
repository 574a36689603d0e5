//! The change log.

use std::collections::BTreeMap;
use std::num::NonZeroU8;

use adapter_sql::change::{ChangeStatements, extent_id};
use adapter_sql::sql;
use domain::change::Change;
use mysql_async::{Params, Value, params};

use crate::batch::literals;
use crate::unit::Unit;

/// The number of partitions, as the migrations made them. The row of a partition is locked until the end of a commit,
/// which takes several round trips inside a cluster, so the commits of a partition follow one another.
const PARTITIONS: NonZeroU8 = NonZeroU8::new(16).expect("it is not 0");

/// Takes the next numbers of a partition. Its row stays locked until the unit ends, so numbers are assigned in the order
/// of the commits, and a reader of the log never misses a change that committed late with a smaller number. They are
/// dense: a unit that rolls back returns them. An `AUTO_INCREMENT` has no order at all with more than one server.
const TAKE_NUMBERS: &str = r"
    UPDATE change_log_extent
    SET last_change_id = LAST_INSERT_ID(last_change_id + :count)
    WHERE extent_id = :extent_id
";

/// No other unit has the numbers, so `TiDB` need not lock them.
const INSERT: &str = sql! {r"
    INSERT /*+ SET_VAR(tidb_constraint_check_in_place_pessimistic = 0) */ INTO change_log (committed_at, {change})
    VALUES
"};

/// Returns a row of [`INSERT`]. The numbers end with the last one that was taken, `behind` that of the row.
fn row(behind: usize, change: &Change) -> String {
    let interval = change.kind.interval();
    let values: [Value; 5] = [
        change.tenant_id.to_string().into(),
        change.kind.subject().map(|subject| subject.to_string()).into(),
        change.kind.as_number().into(),
        interval.map(|interval| interval.low().get()).into(),
        interval.map(|interval| interval.high().get()).into(),
    ];
    format!("(UTC_TIMESTAMP(3), LAST_INSERT_ID() - {behind}, {})", literals(&values))
}

impl Unit {
    /// Appends changes to the log by the last statements of the unit, because from the first of them on no other unit
    /// can commit changes to the same partition. All units take the partitions in the same order.
    pub(crate) fn append(&mut self, changes: &[Change]) {
        let mut partitions: BTreeMap<u8, Vec<&Change>> = BTreeMap::new();
        for change in changes {
            partitions.entry(change.partition(PARTITIONS)).or_default().push(change);
        }
        for (partition, changes) in partitions {
            self.defer(TAKE_NUMBERS, &params! { "count" => changes.len(), "extent_id" => extent_id(partition) });
            let rows = (0..changes.len()).rev().zip(changes).map(|(behind, change)| row(behind, change));
            self.defer(&format!("{INSERT} {}", rows.collect::<Vec<_>>().join(", ")), &Params::Empty);
        }
    }
}

impl ChangeStatements for Unit {
    /// Those of [`PARTITIONS`].
    const EXTENT: &'static str = sql! {r"
        SELECT {extent}
        FROM change_log_extent
        WHERE extent_id BETWEEN 1 AND 16
    "};

    const LIST: &'static str = sql! {r"
        SELECT {change}
        FROM change_log
        WHERE change_id > ?
            AND change_id <= ?
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

    /// Last in its unit, because from then on no other unit can commit changes to the partition.
    const SET_FIRST: &'static str = r"
        UPDATE change_log_extent
        SET first_change_id = :next
        WHERE extent_id = :extent_id
            AND first_change_id = :first
    ";

    const FIND_BOOKMARK: &'static str = sql! {r"
        SELECT {bookmark}
        FROM bookmarks
        WHERE reader = :reader
    "};

    const UPSERT_BOOKMARK: &'static str = sql! {r"
        INSERT INTO bookmarks (reader, {bookmark})
        VALUES (:reader, {:bookmark})
        ON DUPLICATE KEY UPDATE position = VALUES(position), due_at = VALUES(due_at)
    "};
}
