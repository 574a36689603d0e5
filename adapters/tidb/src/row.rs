//! Columns as values of the domain.

use std::str::FromStr;

use domain::json::Json;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use mysql_async::prelude::FromValue;
use mysql_async::{Column, Row, Value};
use ports::error::StoreError;
use uuid::Uuid;

/// A row of `table`, read by column name. Reading in the order of the statement finds each column at once; any other
/// order works and searches. A value can be taken only once.
pub(crate) struct Columns {
    table: &'static str,
    row: Row,
    next: usize,
}

impl Columns {
    pub(crate) fn new(table: &'static str, row: Row) -> Self {
        Self { table, row, next: 0 }
    }

    /// Returns the same row as one of another table, for errors.
    pub(crate) fn of(self, table: &'static str) -> Self {
        Self { table, ..self }
    }

    /// Returns an id of ours without taking it out of its row.
    pub(crate) fn peek_uuid(row: &Row, column: &'static str) -> Result<Uuid, StoreError> {
        let text = row.get_opt::<String, _>(column).and_then(Result::ok);
        let id = text.and_then(|text| Uuid::try_parse(&text).ok());
        id.ok_or(StoreError::Corrupt { table: "messages", column })
    }

    /// Returns the value from the driver.
    pub(crate) fn get<T: FromValue>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let columns = self.row.columns_ref();
        let named = |candidate: &Column| candidate.name_ref() == column.as_bytes();
        let index = match columns.get(self.next) {
            Some(next) if named(next) => Some(self.next),
            _ => columns.iter().position(named),
        };
        let index = index.ok_or_else(|| self.corrupt(column))?;
        self.next = index + 1;
        match self.row.take_opt(index) {
            Some(Ok(value)) => Ok(value),
            Some(Err(_)) | None => Err(self.corrupt(column)),
        }
    }

    /// Returns a word or number from text.
    pub(crate) fn parse<T: FromStr>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        text.parse().map_err(|_| self.corrupt(column))
    }

    /// Returns a word or number from text, or `None`.
    pub(crate) fn parse_optional<T: FromStr>(&mut self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| self.corrupt(column))).transpose()
    }

    /// Returns the result of a constructor for a text.
    pub(crate) fn check<T, E>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        make(&text).map_err(|_| self.corrupt(column))
    }

    /// Returns the result of a constructor for a text, or `None`.
    pub(crate) fn check_optional<T, E>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| make(&text).map_err(|_| self.corrupt(column))).transpose()
    }

    /// Returns a UUID.
    pub(crate) fn uuid(&mut self, column: &'static str) -> Result<Uuid, StoreError> {
        self.check(column, Uuid::try_parse)
    }

    /// Returns a snowflake.
    pub(crate) fn id<T>(&mut self, column: &'static str) -> Result<Id<T>, StoreError> {
        let number = self.get(column)?;
        Id::new(number).ok_or_else(|| self.corrupt(column))
    }

    /// Returns a snowflake, or `None`.
    pub(crate) fn optional_id<T>(&mut self, column: &'static str) -> Result<Option<Id<T>>, StoreError> {
        let number: Option<u64> = self.get(column)?;
        number.map(|number| Id::new(number).ok_or_else(|| self.corrupt(column))).transpose()
    }

    /// Returns a time.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.optional_time(column)?.ok_or_else(|| self.corrupt(column))
    }

    /// Returns a time, or `None`.
    pub(crate) fn optional_time(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        match self.get(column)? {
            Value::NULL => Ok(None),
            value => timestamp(&value).map(Some).ok_or_else(|| self.corrupt(column)),
        }
    }

    /// Returns JSON, or `None`. `TiDB` stores it parsed and writes it in a form of its own.
    pub(crate) fn json(&mut self, column: &'static str) -> Result<Option<Json>, StoreError> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| Json::parse(&text).map_err(|_| self.corrupt(column))).transpose()
    }

    pub(crate) fn corrupt(&self, column: &'static str) -> StoreError {
        StoreError::Corrupt { table: self.table, column }
    }
}

/// Later than every other time.
pub(crate) const END_OF_TIME: Value = Value::Date(9999, 12, 31, 23, 59, 59, 999_000);

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

/// Returns JSON as text, or `NULL`.
pub(crate) fn json_text(json: Option<&Json>) -> Value {
    json.map_or(Value::NULL, |json| json.as_str().into())
}

fn timestamp(value: &Value) -> Option<Timestamp> {
    let Value::Date(year, month, day, hour, minute, second, micros) = *value else { return None };
    let small = |part: u8| i8::try_from(part).ok();
    let date = jiff::civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let nanos = i32::try_from(micros).ok()?.checked_mul(1000)?;
    let time = jiff::civil::Time::new(small(hour)?, small(minute)?, small(second)?, nanos).ok()?;
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Timestamp::from_millis(instant.as_millisecond())
}
