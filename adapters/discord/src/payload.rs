//! Parses Discord's objects without ever failing: values of an unexpected type stay in their fields.

use bytes::Bytes;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// An object whose fields are taken out one by one; the rest are values without a field of their own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Returns the fields of an object, or the value if it is not an object.
    pub(crate) fn of(value: Value) -> Result<Self, Value> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(other),
        }
    }

    /// Takes a field that `read` can parse. Other values stay, except null, which is dropped.
    fn take<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.0.get(key)?;
        let found = read(value);
        if found.is_some() || value.is_null() {
            self.0.remove(key);
        }
        found
    }

    /// Takes a string.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, |value| value.as_str().map(str::to_owned))
    }

    /// Takes a snowflake, given as a string or a number.
    pub(crate) fn id<T>(&mut self, key: &str) -> Option<Id<T>> {
        self.take(key, id)
    }

    /// Takes a number that is not negative, possibly given as a string.
    pub(crate) fn number(&mut self, key: &str) -> Option<u64> {
        self.take(key, number)
    }

    /// Takes a number that fits into 32 bits.
    pub(crate) fn small(&mut self, key: &str) -> Option<i32> {
        self.take(key, |value| value.as_i64()?.try_into().ok())
    }

    /// Takes a count; none if it is negative or does not fit.
    pub(crate) fn count(&mut self, key: &str) -> Option<u32> {
        self.take(key, |value| number(value)?.try_into().ok())
    }

    /// Takes a timestamp.
    pub(crate) fn moment(&mut self, key: &str) -> Option<Timestamp> {
        self.take(key, |value| value.as_str()?.parse().ok())
    }

    /// Takes a boolean; false if it is absent.
    pub(crate) fn flag(&mut self, key: &str) -> bool {
        self.take(key, Value::as_bool).unwrap_or(false)
    }

    /// Takes the items of a list.
    pub(crate) fn list(&mut self, key: &str) -> Vec<Value> {
        self.take(key, |value| value.as_array().cloned()).unwrap_or_default()
    }

    /// Takes the objects of a list; other items stay.
    pub(crate) fn objects(&mut self, key: &str) -> Vec<Self> {
        let mut others = Vec::new();
        let items = self.list(key).into_iter();
        let found = items.filter_map(|item| Self::of(item).map_err(|other| others.push(other)).ok()).collect();
        if !others.is_empty() {
            self.0.insert(key.to_owned(), others.into());
        }
        found
    }

    /// Takes an object.
    pub(crate) fn object(&mut self, key: &str) -> Option<Self> {
        self.take(key, |value| value.as_object().cloned()).map(Self)
    }

    /// Takes any value.
    pub(crate) fn any(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// Returns whether a field has a value other than null.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    /// Returns whether no field is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Drops a field that has its usual value, or none.
    pub(crate) fn leave_out(&mut self, key: &str, usual: &Value) {
        if self.0.get(key).is_some_and(|value| value == usual || value.is_null()) {
            self.0.remove(key);
        }
    }

    /// Adds items to the rest, after those of the list that are there.
    pub(crate) fn add(&mut self, key: &str, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        let mut all = self.list(key);
        all.extend(items);
        self.keep(key, all.into());
    }

    /// Adds a value to the rest.
    pub(crate) fn keep(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    /// Returns the rest.
    pub(crate) const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the rest, as an object.
    pub(crate) fn value(self) -> Value {
        Value::Object(self.0)
    }

    /// Returns the rest; `None` if it is empty.
    pub(crate) fn rest(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

/// Parses a snowflake, given as a string or a number.
pub(crate) fn id<T>(value: &Value) -> Option<Id<T>> {
    value.as_str().map_or_else(|| value.as_u64().and_then(Id::new), |text| text.parse().ok())
}

fn number(value: &Value) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

/// An unexpected item of a list: the reason, and the item itself if it is valid JSON.
pub(crate) type Odd = (&'static str, Option<Value>);

/// Parses the objects of a list; an invalid one does not affect the others.
pub(crate) fn list(body: &Bytes) -> serde_json::Result<Vec<Result<Fields, Odd>>> {
    let items: Vec<&RawValue> = serde_json::from_slice(body)?;
    Ok(items.into_iter().map(object).collect())
}

/// Parses one object of a list or an event.
pub(crate) fn object(item: &RawValue) -> Result<Fields, Odd> {
    let value: Value = serde_json::from_str(item.get()).map_err(|_| ("it is nested too deep to be read", None))?;
    Fields::of(value).map_err(|other| ("it is not an object", Some(other)))
}

/// Parses one object.
pub(crate) fn one(body: &Bytes) -> serde_json::Result<Fields> {
    serde_json::from_slice(body)
}

/// A list of threads, and whether there are more.
#[derive(Debug)]
pub(crate) struct Threads {
    pub(crate) threads: Vec<Fields>,
    pub(crate) has_more: bool,
}

/// Parses a list of threads. Items that are not objects are left out.
pub(crate) fn threads(body: &Bytes) -> serde_json::Result<Threads> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        threads: Vec<&'a RawValue>,
        #[serde(default)]
        has_more: bool,
    }
    let wire: Wire<'_> = serde_json::from_slice(body)?;
    let threads = wire.threads.into_iter().filter_map(|item| object(item).ok()).collect();
    Ok(Threads { threads, has_more: wire.has_more })
}
