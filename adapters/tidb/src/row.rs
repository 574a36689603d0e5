//! Columns as values of the domain.

use adapter_sql::columns::{Columns, ValueError};
use adapter_sql::values::{Parameters, Value as Shared};
use domain::json::Json;
use domain::timestamp::Timestamp;
use mysql_async::prelude::FromValue;
use mysql_async::{Column, Params, Row, Value};
use ports::error::StoreError;

/// A row of `table`, read by column name. Reading in the order of the statement finds each column at once; any other
/// order works and searches. A text can be taken only once.
pub(crate) struct NamedRow {
    table: &'static str,
    row: Row,
    next: usize,
}

impl NamedRow {
    pub(crate) fn new(table: &'static str, row: Row) -> Self {
        Self { table, row, next: 0 }
    }

    /// Returns the same row as one of another table, for errors.
    pub(crate) fn of(self, table: &'static str) -> Self {
        Self { table, ..self }
    }

    fn index(&mut self, column: &'static str) -> Result<usize, StoreError> {
        let columns = self.row.columns_ref();
        let named = |candidate: &Column| candidate.name_ref() == column.as_bytes();
        let index = match columns.get(self.next) {
            Some(next) if named(next) => Some(self.next),
            _ => columns.iter().position(named),
        };
        let index = index.ok_or_else(|| self.corrupt(column, ValueError::Type))?;
        self.next = index + 1;
        Ok(index)
    }

    fn get<T: FromValue>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let index = self.index(column)?;
        let value = self.row.get_opt(index).and_then(Result::ok);
        value.ok_or_else(|| self.corrupt(column, ValueError::Type))
    }
}

impl Columns for NamedRow {
    fn table(&self) -> &'static str {
        self.table
    }

    fn optional_integer(&mut self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    fn bits(&mut self, column: &'static str) -> Result<u64, StoreError> {
        self.get(column)
    }

    fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError> {
        let index = self.index(column)?;
        let value = self.row.take_opt(index).and_then(Result::ok);
        value.ok_or_else(|| self.corrupt(column, ValueError::Type))
    }

    fn optional_time(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        match self.get(column)? {
            Value::NULL => Ok(None),
            value => timestamp(&value).map(Some).ok_or_else(|| self.corrupt(column, ValueError::Type)),
        }
    }

    /// `TiDB` stores it parsed and writes it in a form of its own.
    fn json(&mut self, column: &'static str) -> Result<Option<Json>, StoreError> {
        self.check_optional(column, Json::parse)
    }
}

/// Returns a mapper of the driver's rows from one of named columns.
pub(crate) fn of<T>(
    table: &'static str,
    make: impl Fn(&mut NamedRow) -> Result<T, StoreError>,
) -> impl Fn(Row) -> Result<T, StoreError> {
    move |row| make(&mut NamedRow::new(table, row))
}

/// Returns a time as `DATETIME(3)`.
pub(crate) fn datetime(time: Timestamp) -> Value {
    let at = time.civil();
    let part = |part: i8| u8::try_from(part).expect("a part of a date is positive");
    Value::Date(
        u16::try_from(at.year()).expect("a timestamp lies after the year 0"),
        part(at.month()),
        part(at.day()),
        part(at.hour()),
        part(at.minute()),
        part(at.second()),
        u32::try_from(at.millisecond()).expect("it is positive") * 1000,
    )
}

/// Returns a time as `DATETIME(3)`, or `NULL`.
pub(crate) fn datetime_if(time: Option<Timestamp>) -> Value {
    time.map_or(Value::NULL, datetime)
}

/// Returns a value of the driver.
pub(crate) fn value(value: Shared<'_>) -> Value {
    match value {
        Shared::Null => Value::NULL,
        Shared::Flag(flag) => flag.into(),
        Shared::Signed(number) => number.into(),
        Shared::Count(number) | Shared::Bits(number) => number.into(),
        Shared::Text(text) => text.into_owned().into(),
        Shared::Uuid(id) => id.to_string().into(),
        Shared::Time(time) => datetime(time),
    }
}

/// Returns the values of a row.
pub(crate) fn values<const N: usize>(row: [Shared<'_>; N]) -> [Value; N] {
    row.map(value)
}

/// Returns parameters of the driver.
pub(crate) fn named(parameters: Parameters<'_>) -> Params {
    if parameters.is_empty() {
        return Params::Empty;
    }
    Params::Named(parameters.into_iter().map(|(name, shared)| (name.as_bytes().to_vec(), value(shared))).collect())
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    // The rows of a text of several statements are texts.
    if let Value::Bytes(text) = value {
        let civil: jiff::civil::DateTime = std::str::from_utf8(text).ok()?.parse().ok()?;
        return Timestamp::from_millis(jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?.as_millisecond());
    }
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else { return None };
    let small = |part: u8| i8::try_from(part).ok();
    let date = jiff::civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let nanos = i32::try_from(micros).ok()?.checked_mul(1000)?;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Timestamp::from_millis(instant.as_millisecond())
}
