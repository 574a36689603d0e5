//! Columns of a row as domain values; a value that the domain rejects is corrupt.

use std::cell::{Cell, RefCell};
use std::str::FromStr;

use domain::json::Json;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use rusqlite::types::{FromSql, ToSqlOutput, Value};
use rusqlite::{Connection, Row, Statement, ToSql};
use uuid::Uuid;

use crate::error::store_error;

/// A row of `table`, read by column name.
pub(crate) struct Columns<'a, 'stmt> {
    table: &'static str,
    row: &'a Row<'stmt>,
    order: &'a Order,
    next: Cell<usize>,
}

/// The positions of a statement's columns, found in its first row, in the order in which they were requested. Every
/// other row is read in the same order, so that no column is searched for again.
#[derive(Default)]
struct Order(RefCell<Vec<(&'static str, usize)>>);

impl<'a, 'stmt> Columns<'a, 'stmt> {
    fn new(table: &'static str, row: &'a Row<'stmt>, order: &'a Order) -> Self {
        Self { table, row, order, next: Cell::new(0) }
    }

    fn index(&self, column: &'static str) -> Result<usize, StoreError> {
        let next = self.next.replace(self.next.get() + 1);
        if let Some((known, index)) = self.order.0.borrow().get(next)
            && std::ptr::eq(*known, column)
        {
            return Ok(*index);
        }
        let index = self.row.as_ref().column_index(column).map_err(|_| self.corrupt(column))?;
        let mut order = self.order.0.borrow_mut();
        if order.len() == next {
            order.push((column, index));
        }
        Ok(index)
    }

    pub(crate) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, StoreError> {
        self.row.get(self.index(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column }
    }

    /// Returns a column that the domain parses from text.
    pub(crate) fn parse<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.corrupt(column))
    }

    /// Returns a column that the domain parses from text, or `None`.
    pub(crate) fn parse_optional<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.get::<Option<String>>(column)?.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    /// Returns a column that a constructor checks.
    pub(crate) fn check<T, E>(
        &self,
        column: &'static str,
        make: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        make(self.text(column)?).map_err(|_| self.corrupt(column))
    }

    pub(crate) fn uuid(&self, column: &'static str) -> Result<Uuid, StoreError> {
        self.check(column, Uuid::try_parse)
    }

    pub(crate) fn id<T>(&self, column: &'static str) -> Result<Id<T>, StoreError> {
        self.optional_id(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_id<T>(&self, column: &'static str) -> Result<Option<Id<T>>, StoreError> {
        let raw: Option<i64> = self.get(column)?;
        raw.map(|raw| u64::try_from(raw).ok().and_then(Id::new).ok_or_else(|| self.corrupt(column))).transpose()
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.optional_time(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = self.get(column)?;
        millis.map(|millis| Timestamp::from_millis(millis).ok_or_else(|| self.corrupt(column))).transpose()
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        self.optional_flag(column)?.ok_or_else(|| self.corrupt(column))
    }

    pub(crate) fn optional_flag(&self, column: &'static str) -> Result<Option<bool>, StoreError> {
        match self.get::<Option<i64>>(column)? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(self.corrupt(column)),
        }
    }

    pub(crate) fn json(&self, column: &'static str) -> Result<Option<Json>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| Json::from_canonical(text).map_err(|_| self.corrupt(column))).transpose()
    }

    fn text(&self, column: &'static str) -> Result<&str, StoreError> {
        let value = self.row.get_ref(self.index(column)?).ok();
        value.and_then(|value| value.as_str().ok()).ok_or_else(|| self.corrupt(column))
    }
}

/// Runs a query and converts every row to a domain value.
pub(crate) fn query<T>(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    make: impl Fn(&Columns<'_, '_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut rows = statement.query(parameters).map_err(store_error)?;
    let (mut values, order) = (Vec::new(), Order::default());
    while let Some(row) = rows.next().map_err(store_error)? {
        values.push(make(&Columns::new(table, row, &order))?);
    }
    Ok(values)
}

/// Runs a query and passes on its rows, one by one, while `goes_on` returns true.
pub(crate) fn query_while(
    connection: &Connection,
    table: &'static str,
    sql: &str,
    parameters: &[(&str, &dyn ToSql)],
    mut goes_on: impl FnMut(&Columns<'_, '_>) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut rows = statement.query(parameters).map_err(store_error)?;
    let order = Order::default();
    while let Some(row) = rows.next().map_err(store_error)? {
        if !goes_on(&Columns::new(table, row, &order))? {
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
    make: impl Fn(&Columns<'_, '_>) -> Result<T, StoreError>,
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

/// Inserts rows of `width` values each: `insert` is the statement up to `VALUES`, `bind` binds the values of one row,
/// starting at a parameter number.
pub(crate) fn insert_all<T>(
    connection: &Connection,
    insert: &str,
    width: usize,
    mut rows: &[T],
    bind: impl Fn(&mut Binder<'_, '_>, &T) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    while let Some(size) = CHUNKS.into_iter().find(|size| *size <= rows.len()) {
        let group = format!("({})", vec!["?"; width].join(", "));
        let sql = format!("{insert} VALUES {}", vec![group.as_str(); size].join(", "));
        let mut statement = connection.prepare_cached(&sql)?;
        while rows.len() >= size {
            let (chunk, rest) = rows.split_at(size);
            let mut binder = Binder { statement: &mut statement, next: 1 };
            for row in chunk {
                bind(&mut binder, row)?;
            }
            statement.raw_execute()?;
            rows = rest;
        }
    }
    Ok(())
}

/// Binds values one after the other.
pub(crate) struct Binder<'a, 'conn> {
    statement: &'a mut Statement<'conn>,
    next: usize,
}

impl Binder<'_, '_> {
    pub(crate) fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }

    pub(crate) fn json(&mut self, json: Option<&Json>) -> rusqlite::Result<()> {
        self.bind(json.map(Json::as_str))
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
