//! Columns of a row as domain values; a value that the domain rejects is corrupt.

use std::cell::RefCell;

use adapter_sql::columns::{Columns, ValueError};
use adapter_sql::session::FromRow;
use adapter_sql::values::{Parameters, Value as Shared};
use domain::json::Json;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use rusqlite::types::{Null, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, Rows, Statement, ToSql};
use uuid::Uuid;

use crate::error::store_error;

/// A row of `table`, read by column name.
pub(crate) struct NamedRow<'a, 'stmt> {
    table: &'static str,
    row: &'a Row<'stmt>,
    order: &'a Order,
    next: usize,
}

/// The positions of a statement's columns, found in its first row, in the order in which they were requested. Every
/// other row is read in the same order, so that no column is searched for again.
#[derive(Default)]
struct Order(RefCell<Vec<(&'static str, usize)>>);

impl<'a, 'stmt> NamedRow<'a, 'stmt> {
    fn new(table: &'static str, row: &'a Row<'stmt>, order: &'a Order) -> Self {
        Self { table, row, order, next: 0 }
    }

    fn value(&mut self, column: &'static str) -> Result<ValueRef<'a>, StoreError> {
        let next = self.next;
        self.next += 1;
        let known = self.order.0.borrow().get(next).filter(|(known, _)| std::ptr::eq(*known, column)).copied();
        let index = if let Some((_, index)) = known {
            index
        } else {
            let index = self.row.as_ref().column_index(column).map_err(|_| self.corrupt(column, ValueError::Type))?;
            let mut order = self.order.0.borrow_mut();
            if order.len() == next {
                order.push((column, index));
            }
            index
        };
        self.row.get_ref(index).map_err(|_| self.corrupt(column, ValueError::Type))
    }
}

impl Columns for NamedRow<'_, '_> {
    fn table(&self) -> &'static str {
        self.table
    }

    fn optional_integer(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.value(column)?.as_i64_or_null().map_err(|_| self.corrupt(column, ValueError::Type))
    }

    /// SQLite stores them as signed numbers.
    fn bits(&mut self, column: &'static str) -> Result<u64, StoreError> {
        let number = self.optional_integer(column)?;
        self.present(column, number).map(i64::cast_unsigned)
    }

    fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.with_text(column, str::to_owned)
    }

    fn optional_time(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let millis = self.optional_integer(column)?;
        let time =
            |millis| Timestamp::from_millis(millis).ok_or_else(|| self.corrupt(column, ValueError::Number(millis)));
        millis.map(time).transpose()
    }

    fn json(&mut self, column: &'static str) -> Result<Option<Json>, StoreError> {
        let text = self.optional_text(column)?;
        text.map(|text| Json::from_canonical(text).map_err(|error| self.corrupt(column, error))).transpose()
    }

    fn with_text<T>(&mut self, column: &'static str, make: impl FnOnce(&str) -> T) -> Result<Option<T>, StoreError> {
        let text = self.value(column)?.as_str_or_null().map_err(|_| self.corrupt(column, ValueError::Type))?;
        Ok(text.map(make))
    }
}

/// Runs a query and converts every row to a domain value.
pub(crate) fn query<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    make: impl Fn(&mut NamedRow<'_, '_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    collect(table, statement.query(parameters).map_err(store_error)?, make)
}

/// Converts every row to a domain value.
fn collect<T>(
    table: &'static str,
    mut rows: Rows<'_>,
    make: impl Fn(&mut NamedRow<'_, '_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let (mut values, order) = (Vec::new(), Order::default());
    while let Some(row) = rows.next().map_err(store_error)? {
        values.push(make(&mut NamedRow::new(table, row, &order))?);
    }
    Ok(values)
}

/// Returns the rows that `sql` selects. `parameters` may have others, too.
pub(crate) fn select<T: FromRow>(
    connection: &Connection,
    sql: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    bind(&mut statement, parameters).map_err(store_error)?;
    collect(T::TABLE, statement.raw_query(), |row| T::from_row(row))
}

/// Returns the rows that `sql` selects for each of `keys`, whose values follow the one of their owner, if there is one.
pub(crate) fn select_each<T: FromRow, const N: usize>(
    connection: &Connection,
    sql: &str,
    owner: Option<&Shared<'_>>,
    keys: Vec<[Shared<'_>; N]>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let mut binder = Binder::new(&mut statement);
        let bound = owner.cloned().into_iter().chain(key).try_for_each(|value| binder.bind(value));
        bound.map_err(store_error)?;
        found.extend(collect(T::TABLE, statement.raw_query(), |row| T::from_row(row))?);
    }
    Ok(found)
}

/// Gives each parameter of a statement its value. `parameters` may have others, too.
fn bind(statement: &mut Statement<'_>, parameters: Parameters<'_>) -> rusqlite::Result<()> {
    let mut bound = 0;
    for (name, value) in parameters {
        if let Some(index) = statement.parameter_index(&format!(":{name}"))? {
            bind_at(statement, index, value)?;
            bound += 1;
        }
    }
    debug_assert_eq!(bound, statement.parameter_count(), "a parameter has no value: {statement:?}");
    Ok(())
}

/// Runs a query and passes on its rows, one by one, while `goes_on` returns true.
pub(crate) fn query_while(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    mut goes_on: impl FnMut(&mut NamedRow<'_, '_>) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut rows = statement.query(parameters).map_err(store_error)?;
    let order = Order::default();
    while let Some(row) = rows.next().map_err(store_error)? {
        if !goes_on(&mut NamedRow::new(table, row, &order))? {
            break;
        }
    }
    Ok(())
}

/// Runs a query that has at most one row.
pub(crate) fn query_one<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    make: impl Fn(&mut NamedRow<'_, '_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    Ok(query(connection, table, sql, parameters, make)?.pop())
}

/// Runs a statement and returns the number of rows that it changed.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(parameters)
}

/// Returns an id as SQLite's signed number.
pub(crate) fn number<T>(id: Id<T>) -> i64 {
    id.get().cast_signed()
}

/// The numbers of rows in one `INSERT`, few, so that few statements stay prepared; the remainder of the larger sizes is
/// inserted one by one.
const CHUNKS: [usize; 3] = [64, 8, 1];

/// Inserts rows: `insert` is the statement up to `VALUES`.
pub(crate) fn insert_all<'a, const N: usize>(
    connection: &Connection,
    insert: &str,
    rows: impl ExactSizeIterator<Item = [Shared<'a>; N]>,
) -> rusqlite::Result<()> {
    insert_each(connection, insert, N, rows, |row, binder| row.into_iter().try_for_each(|value| binder.bind(value)))
}

/// Inserts rows of `width` values, which `bind` binds one after the other.
pub(crate) fn insert_each<T>(
    connection: &Connection,
    insert: &str,
    width: usize,
    mut rows: impl ExactSizeIterator<Item = T>,
    bind: impl Fn(T, &mut Binder<'_, '_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    while let Some(size) = CHUNKS.into_iter().find(|size| *size <= rows.len()) {
        let group = format!("({})", vec!["?"; width].join(", "));
        let sql = format!("{insert} VALUES {}", vec![group.as_str(); size].join(", "));
        let mut statement = connection.prepare_cached(&sql)?;
        while rows.len() >= size {
            let mut binder = Binder::new(&mut statement);
            for row in rows.by_ref().take(size) {
                bind(row, &mut binder)?;
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}

/// Runs a statement, and returns the number of rows that it changed. `parameters` may have others, too.
pub(crate) fn store(connection: &Connection, sql: &str, parameters: Parameters<'_>) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    bind(&mut statement, parameters)?;
    statement.raw_execute()
}

/// Runs a statement that stores one row of values.
pub(crate) fn store_row<const N: usize>(
    connection: &Connection,
    sql: &str,
    row: [Shared<'_>; N],
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut binder = Binder::new(&mut statement);
    row.into_iter().try_for_each(|value| binder.bind(value))?;
    statement.raw_execute()
}

/// Binds values one after the other.
pub(crate) struct Binder<'a, 'conn> {
    statement: &'a mut Statement<'conn>,
    next: usize,
}

impl<'a, 'conn> Binder<'a, 'conn> {
    fn new(statement: &'a mut Statement<'conn>) -> Self {
        Self { statement, next: 1 }
    }

    #[inline]
    pub(crate) fn bind(&mut self, value: Shared<'_>) -> rusqlite::Result<()> {
        bind_at(self.statement, self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

/// Binds a value as SQLite stores it. It is inlined, so that the kind of a value that the caller knows costs nothing.
#[inline]
fn bind_at(statement: &mut Statement<'_>, index: usize, value: Shared<'_>) -> rusqlite::Result<()> {
    match value {
        Shared::Null => statement.raw_bind_parameter(index, Null),
        Shared::Flag(flag) => statement.raw_bind_parameter(index, flag),
        Shared::Signed(number) => statement.raw_bind_parameter(index, number),
        Shared::Count(number) => statement.raw_bind_parameter(index, number),
        Shared::Bits(number) => statement.raw_bind_parameter(index, number.cast_signed()),
        Shared::Text(text) => statement.raw_bind_parameter(index, &*text),
        Shared::Uuid(id) => {
            statement.raw_bind_parameter(index, &*id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
        }
        Shared::Time(time) => statement.raw_bind_parameter(index, millis(time)),
    }
}

/// Returns a time as SQLite stores it.
pub(crate) fn millis(time: Timestamp) -> i64 {
    time.as_millis()
}

/// A UUID as SQLite stores it, without allocating a string for each.
pub(crate) struct Text(pub(crate) Uuid);

impl ToSql for Text {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.0.hyphenated().to_string())))
    }
}
