//! The change log.

use adapter_sql::change::{change, extent, no_extent};
use adapter_sql::columns::Columns;
use adapter_sql::values::Value;
use adapter_sql::{sql, values};
use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed, LogExtent};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use ports::change::ChangeRepository;
use ports::error::StoreError;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::error::store_error;
use crate::row::{Text, execute, insert_all, millis, query, query_one};
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

/// Takes the next numbers. They are dense: a unit that rolls back returns them.
const TAKE_NUMBERS: &str = r"
    UPDATE change_log_extent
    SET last_change_id = last_change_id + :count
    WHERE extent_id = 1
    RETURNING last_change_id, CAST(unixepoch('subsec') * 1000 AS INTEGER) AS committed_at
";

const INSERT: &str = sql! {r"
    INSERT INTO change_log ({change}, committed_at)
"};

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

const SET_FIRST: &str = r"
    UPDATE change_log_extent
    SET first_change_id = :first
    WHERE extent_id = 1
";

const TENANT: &str = r"
    SELECT tenant_id
    FROM channels
    WHERE channel_id = :channel_id
";

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns a row of [`INSERT`].
fn row(number: u64, change: &Change, committed_at: Timestamp) -> [Value<'static>; 7] {
    let interval = change.kind.interval();
    values![
        number,
        change.tenant_id.0,
        change.kind.channel().map(|channel| channel.0),
        change.kind.as_number(),
        interval.map(Interval::low),
        interval.map(Interval::high),
        committed_at,
    ]
}

fn find_extent(connection: &Connection) -> Result<LogExtent, StoreError> {
    query_one(connection, "change_log_extent", EXTENT, named_params! {}, |row| extent(row))?.ok_or_else(no_extent)
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

fn trim(connection: &Connection, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError> {
    let extent = find_extent(connection)?;
    let Some(last) = extent.trimmable(kept, limit) else { return Ok(0) };
    let (first, before) = (signed(extent.first), millis(before));
    let parameters = named_params! {":first": first, ":last": signed(last), ":before": before};
    let young = query_one(connection, "change_log", FIND_YOUNG, parameters, |row| row.number::<u64>("change_id"))?;
    let end = young.unwrap_or(last + 1);
    if end <= extent.first {
        return Ok(0);
    }
    let removed = named_params! {":first": first, ":last": signed(end - 1)};
    execute(connection, DELETE, removed).map_err(store_error)?;
    execute(connection, SET_FIRST, named_params! {":first": signed(end)}).map_err(store_error)?;
    Ok(end - extent.first)
}

#[async_trait]
impl ChangeRepository for Unit {
    #[instrument(name = "db.change.position", level = "debug", skip_all, err(level = "trace"))]
    async fn position(&mut self) -> Result<ChangePosition, StoreError> {
        self.run(|connection| Ok(find_extent(connection)?.end())).await
    }

    #[instrument(name = "db.change.follow", level = "debug", skip_all, err(level = "trace"))]
    async fn follow(&mut self, position: &ChangePosition, limit: u32) -> Result<Followed, StoreError> {
        let position = position.clone();
        self.run(move |connection| {
            let extent = find_extent(connection)?;
            let selected = match extent.number_at(&position) {
                Some(after) if after < extent.last => {
                    let parameters = named_params! {":after": signed(after), ":limit": limit};
                    query(connection, "change_log", LIST, parameters, |row| change(row))?
                }
                _ => Vec::new(),
            };
            Ok(extent.answer(&position, selected, limit))
        })
        .await
    }

    #[instrument(name = "db.change.trim", level = "debug", skip_all, err(level = "trace"))]
    async fn trim(&mut self, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError> {
        self.run(move |connection| trim(connection, before, kept, limit)).await
    }
}
