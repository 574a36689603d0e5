//! The change log.

use adapter_sql::change::{ChangeStatements, no_extent};
use adapter_sql::columns::Columns;
use adapter_sql::values::Value;
use adapter_sql::{sql, values};
use domain::change::{Change, ChangeKind};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use rusqlite::{Connection, named_params};

use crate::error::store_error;
use crate::row::{Text, insert_all, query_one};
use crate::unit::Unit;

/// Takes the next numbers. One unit writes at a time, so one partition is enough. They are dense: a unit that rolls back returns them.
const TAKE_NUMBERS: &str = r"
    UPDATE change_log_extent
    SET last_change_id = last_change_id + :count
    WHERE extent_id = 1
    RETURNING last_change_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) AS committed_at
";

const INSERT: &str = sql! {r"
    INSERT INTO change_log ({change}, committed_at)
"};

const TENANT: &str = r"
    SELECT tenant_id
    FROM channels
    WHERE channel_id = :channel_id
";

/// Returns a row of [`INSERT`].
fn row(number: u64, change: &Change, committed_at: Timestamp) -> [Value<'static>; 7] {
    let interval = change.kind.interval();
    values![
        number,
        change.tenant_id.0,
        change.kind.subject(),
        change.kind.as_number(),
        interval.map(Interval::low),
        interval.map(Interval::high),
        committed_at,
    ]
}

/// Adds changes of a channel to those of a unit. A channel that is not stored has none.
pub(crate) fn log(
    connection: &Connection,
    changes: &mut Vec<Change>,
    channel: ChannelId,
    kinds: impl IntoIterator<Item = ChangeKind>,
) -> Result<(), StoreError> {
    let mut kinds = kinds.into_iter().peekable();
    if kinds.peek().is_none() {
        return Ok(());
    }
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let tenant = query_one(connection, "channels", TENANT, parameters, |row| row.uuid("tenant_id").map(TenantId))?;
    let Some(tenant_id) = tenant else { return Ok(()) };
    changes.extend(kinds.map(|kind| Change { tenant_id, kind }));
    Ok(())
}

/// Appends the changes of a unit, right before its commit.
pub(crate) fn append(connection: &Connection, changes: &[Change]) -> Result<(), StoreError> {
    let count = named_params! {":count": changes.len() as u64};
    let taken = query_one(connection, "change_log_extent", TAKE_NUMBERS, count, |row| {
        Ok((row.number::<u64>("last_change_id")?, row.time("committed_at")?))
    })?;
    let (last, committed_at) = taken.ok_or_else(no_extent)?;
    let first = last + 1 - changes.len() as u64;
    let rows: Vec<_> = (first..).zip(changes).map(|(number, change)| row(number, change, committed_at)).collect();
    insert_all(connection, INSERT, rows.into_iter()).map_err(store_error)
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
        ON CONFLICT (reader) DO UPDATE
        SET position = excluded.position, due_at = excluded.due_at
    "};
}
