//! Typed access to the columns of a row.

use std::error::Error;
use std::str::FromStr;

use domain::coverage::Interval;
use domain::json::Json;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use ports::error::{Source, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Why a value is not what its column must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The value is `NULL`.
    #[error("the value is missing")]
    Null,
    /// The value has another type, or the statement lacks the column.
    #[error("the value has another type")]
    Type,
    /// The number is not one of those that the column may have.
    #[error("{0} is not a number of this column")]
    Number(i64),
    /// The values of two columns do not fit together.
    #[error("the value does not fit to the other columns")]
    Together,
}

/// A row of a table, read by column name. Every error is [`StoreError::Corrupt`] with the table and the column.
pub trait Columns {
    /// Returns the table, for errors.
    fn table(&self) -> &'static str;

    /// Returns a signed number.
    ///
    /// # Errors
    /// If the value is of another type.
    fn optional_integer(&mut self, column: &'static str) -> Result<Option<i64>, StoreError>;

    /// Returns a number of 64 bits without a sign, which SQL may store as a signed one.
    ///
    /// # Errors
    /// If the value is of another type.
    fn bits(&mut self, column: &'static str) -> Result<u64, StoreError>;

    /// Returns a text.
    ///
    /// # Errors
    /// If the value is of another type.
    fn optional_text(&mut self, column: &'static str) -> Result<Option<String>, StoreError>;

    /// Returns a time.
    ///
    /// # Errors
    /// If the value is of another type or is not a possible time.
    fn optional_time(&mut self, column: &'static str) -> Result<Option<Timestamp>, StoreError>;

    /// Returns JSON in its canonical form.
    ///
    /// # Errors
    /// If the value is not JSON.
    fn json(&mut self, column: &'static str) -> Result<Option<Json>, StoreError>;

    /// Returns the result of `make` for a text, which a driver may lend.
    ///
    /// # Errors
    /// If the value is of another type.
    fn with_text<T>(&mut self, column: &'static str, make: impl FnOnce(&str) -> T) -> Result<Option<T>, StoreError> {
        Ok(self.optional_text(column)?.as_deref().map(make))
    }

    /// Returns the error for a value.
    fn corrupt(&self, column: &'static str, source: impl Into<Source>) -> StoreError {
        StoreError::Corrupt { table: self.table(), column, source: source.into() }
    }

    /// Returns a value that is not `NULL`.
    ///
    /// # Errors
    /// If it is `NULL`.
    fn present<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(column, ValueError::Null))
    }

    /// Returns a text.
    ///
    /// # Errors
    /// If the value is not a text.
    fn text(&mut self, column: &'static str) -> Result<String, StoreError> {
        let text = self.optional_text(column)?;
        self.present(column, text)
    }

    /// Returns a number, or `None`.
    ///
    /// # Errors
    /// If the value is not a number of the type.
    fn optional_number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<Option<T>, StoreError> {
        let number = self.optional_integer(column)?;
        let number = number.map(|raw| T::try_from(raw).map_err(|_| self.corrupt(column, ValueError::Number(raw))));
        number.transpose()
    }

    /// Returns a number.
    ///
    /// # Errors
    /// If the value is not a number of the type.
    fn number<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        let number = self.optional_number(column)?;
        self.present(column, number)
    }

    /// Returns a truth value, or `None`.
    ///
    /// # Errors
    /// If the value is neither 0 nor 1.
    fn optional_flag(&mut self, column: &'static str) -> Result<Option<bool>, StoreError> {
        match self.optional_integer(column)? {
            None => Ok(None),
            Some(raw @ (0 | 1)) => Ok(Some(raw == 1)),
            Some(raw) => Err(self.corrupt(column, ValueError::Number(raw))),
        }
    }

    /// Returns a truth value.
    ///
    /// # Errors
    /// If the value is neither 0 nor 1.
    fn flag(&mut self, column: &'static str) -> Result<bool, StoreError> {
        let flag = self.optional_flag(column)?;
        self.present(column, flag)
    }

    /// Returns the result of a constructor for a text, or `None`.
    ///
    /// # Errors
    /// If the constructor rejects the text.
    fn check_optional<T, E: Error + Send + Sync + 'static>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, StoreError> {
        let made = self.with_text(column, make)?;
        made.map(|made| made.map_err(|error| self.corrupt(column, error))).transpose()
    }

    /// Returns the result of a constructor for a text.
    ///
    /// # Errors
    /// If the constructor rejects the text.
    fn check<T, E: Error + Send + Sync + 'static>(
        &mut self,
        column: &'static str,
        make: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let made = self.check_optional(column, make)?;
        self.present(column, made)
    }

    /// Returns a word or number from a text.
    ///
    /// # Errors
    /// If the text cannot be parsed.
    fn parse<T: FromStr<Err: Error + Send + Sync + 'static>>(&mut self, column: &'static str) -> Result<T, StoreError> {
        self.check(column, T::from_str)
    }

    /// Returns a word or number from a text, or `None`.
    ///
    /// # Errors
    /// If the text cannot be parsed.
    fn parse_optional<T: FromStr<Err: Error + Send + Sync + 'static>>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        self.check_optional(column, T::from_str)
    }

    /// Returns a UUID.
    ///
    /// # Errors
    /// If the text is not one.
    fn uuid(&mut self, column: &'static str) -> Result<Uuid, StoreError> {
        self.check(column, Uuid::try_parse)
    }

    /// Returns a UUID, or `None`.
    ///
    /// # Errors
    /// If the text is not one.
    fn optional_uuid(&mut self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        self.check_optional(column, Uuid::try_parse)
    }

    /// Returns a snowflake, or `None`.
    ///
    /// # Errors
    /// If the number is not one.
    fn optional_id<T>(&mut self, column: &'static str) -> Result<Option<Id<T>>, StoreError> {
        let number = self.optional_integer(column)?;
        let id = |raw: i64| {
            let id = u64::try_from(raw).ok().and_then(Id::new);
            id.ok_or_else(|| self.corrupt(column, ValueError::Number(raw)))
        };
        number.map(id).transpose()
    }

    /// Returns a snowflake.
    ///
    /// # Errors
    /// If the number is not one.
    fn id<T>(&mut self, column: &'static str) -> Result<Id<T>, StoreError> {
        let id = self.optional_id(column)?;
        self.present(column, id)
    }

    /// Returns a time.
    ///
    /// # Errors
    /// If the value is not a possible time.
    fn time(&mut self, column: &'static str) -> Result<Timestamp, StoreError> {
        let time = self.optional_time(column)?;
        self.present(column, time)
    }

    /// Returns the items of a JSON array; none for `NULL`.
    ///
    /// # Errors
    /// If the text is not an array of them.
    fn list<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<Vec<T>, StoreError> {
        Ok(self.check_optional(column, |text| serde_json::from_str(text))?.unwrap_or_default())
    }

    /// Returns the interval of the columns `low` and `high`, or `None` if both are `NULL`.
    ///
    /// # Errors
    /// If only one of them is `NULL`, or they are in the wrong order.
    fn optional_interval(&mut self) -> Result<Option<Interval>, StoreError> {
        match (self.optional_id("low")?, self.optional_id("high")?) {
            (None, None) => Ok(None),
            (Some(low), Some(high)) => {
                let interval = Interval::new(low, high);
                interval.map(Some).ok_or_else(|| self.corrupt("low", ValueError::Together))
            }
            (None, Some(_)) => Err(self.corrupt("low", ValueError::Null)),
            (Some(_), None) => Err(self.corrupt("high", ValueError::Null)),
        }
    }

    /// Returns the interval of the columns `low` and `high`.
    ///
    /// # Errors
    /// If one of them is `NULL`, or they are in the wrong order.
    fn interval(&mut self) -> Result<Interval, StoreError> {
        let interval = self.optional_interval()?;
        self.present("low", interval)
    }
}

/// Returns the error for a column of `table` that a statement with several tables selects, by its name in the table: each
/// of `names` is a name in the statement, then that in the table.
#[must_use]
pub fn in_table(error: StoreError, table: &'static str, names: &[(&str, &'static str)]) -> StoreError {
    let StoreError::Corrupt { column, source, .. } = error else { return error };
    let column = names.iter().find(|(selected, _)| *selected == column).map_or(column, |(_, own)| own);
    StoreError::Corrupt { table, column, source }
}

/// Returns the text of a JSON array; `None` for no items.
#[must_use]
pub fn list_text<T: Serialize>(items: &[T]) -> Option<String> {
    let value = serde_json::to_value(items).expect("the items are plain values");
    (!items.is_empty()).then(|| Json::new(&value).to_string())
}
