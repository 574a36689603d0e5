//! The values that domain types have in columns, before a store converts them to those of its driver.

use std::borrow::Cow;

use domain::json::Json;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use uuid::Uuid;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A truth value.
    Flag(bool),
    /// A signed number.
    Signed(i64),
    /// A count.
    Count(u64),
    /// A number of 64 bits without a sign, which SQL may store as a signed one.
    Bits(u64),
    /// A text.
    Text(Cow<'a, str>),
    /// An id of ours.
    Uuid(Uuid),
    /// A time.
    Time(Timestamp),
}

impl Value<'_> {
    /// Returns the value without its borrowed text.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Flag(flag) => Value::Flag(flag),
            Self::Signed(number) => Value::Signed(number),
            Self::Count(count) => Value::Count(count),
            Self::Bits(bits) => Value::Bits(bits),
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::Uuid(id) => Value::Uuid(id),
            Self::Time(time) => Value::Time(time),
        }
    }
}

/// The value of a named parameter of a statement.
pub type Parameter<'a> = (&'static str, Value<'a>);

/// The values of the named parameters of a statement. Those that the statement does not name are left out.
pub type Parameters<'a> = Vec<Parameter<'a>>;

/// Returns an array of values, each converted from a domain type.
#[macro_export]
macro_rules! values {
    ($($value:expr),+ $(,)?) => { [$($crate::values::Value::from($value)),+] };
}

/// Returns the parameters of a statement, each converted from a domain type.
#[macro_export]
macro_rules! parameters {
    ($($name:literal => $value:expr),+ $(,)?) => { vec![$(($name, $crate::values::Value::from($value))),+] };
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u8> for Value<'_> {
    fn from(number: u8) -> Self {
        Self::Signed(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Signed(number.into())
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Signed(number.into())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Signed(number)
    }
}

impl From<u64> for Value<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        json.as_str().into()
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Self::Uuid(id)
    }
}

impl<T> From<Id<T>> for Value<'_> {
    fn from(id: Id<T>) -> Self {
        Self::Bits(id.get())
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}
