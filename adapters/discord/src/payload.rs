//! What Discord sends, taken apart without ever failing: what has another form than it should stays where it is.

use bytes::Bytes;
use domain::snowflake::Id;
use domain::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// An object whose fields are taken out one by one; the rest of it is what has no place of its own.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// The object, if it is one.
    pub(crate) fn of(value: Value) -> Result<Self, Value> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(other),
        }
    }

    /// Takes a field that `read` can read. What it cannot read stays, but for null, which is nothing.
    fn take<T>(&mut self, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Option<T> {
        let value = self.0.get(key)?;
        let found = read(value);
        if found.is_some() || value.is_null() {
            self.0.remove(key);
        }
        found
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, |value| value.as_str().map(str::to_owned))
    }

    /// A snowflake, be it a text or a number.
    pub(crate) fn id<T>(&mut self, key: &str) -> Option<Id<T>> {
        self.take(key, id)
    }

    /// A number that is not negative, be it a text.
    pub(crate) fn number(&mut self, key: &str) -> Option<u64> {
        self.take(key, number)
    }

    /// A number that fits into 32 bits.
    pub(crate) fn small(&mut self, key: &str) -> Option<i32> {
        self.take(key, |value| value.as_i64()?.try_into().ok())
    }

    /// A number of something; none if it is negative or does not fit.
    pub(crate) fn count(&mut self, key: &str) -> Option<u32> {
        self.take(key, |value| number(value)?.try_into().ok())
    }

    /// A moment.
    pub(crate) fn moment(&mut self, key: &str) -> Option<Timestamp> {
        self.take(key, |value| value.as_str()?.parse().ok())
    }

    /// Whether a field is true.
    pub(crate) fn flag(&mut self, key: &str) -> bool {
        self.take(key, Value::as_bool).unwrap_or(false)
    }

    /// The items of a list.
    pub(crate) fn list(&mut self, key: &str) -> Vec<Value> {
        self.take(key, |value| value.as_array().cloned()).unwrap_or_default()
    }

    /// The objects of a list; what is none stays.
    pub(crate) fn objects(&mut self, key: &str) -> Vec<Self> {
        let mut others = Vec::new();
        let items = self.list(key).into_iter();
        let found = items.filter_map(|item| Self::of(item).map_err(|other| others.push(other)).ok()).collect();
        if !others.is_empty() {
            self.0.insert(key.to_owned(), others.into());
        }
        found
    }

    /// An object.
    pub(crate) fn object(&mut self, key: &str) -> Option<Self> {
        self.take(key, |value| value.as_object().cloned()).map(Self)
    }

    /// Whatever stands there.
    pub(crate) fn any(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// Whether something other than null stands there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|value| !value.is_null())
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a field that has its usual value, or none.
    pub(crate) fn leave_out(&mut self, key: &str, usual: &Value) {
        if self.0.get(key).is_some_and(|value| value == usual || value.is_null()) {
            self.0.remove(key);
        }
    }

    /// Puts items into the rest, behind those of that list that are there.
    pub(crate) fn add(&mut self, key: &str, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        let mut all = self.list(key);
        all.extend(items);
        self.keep(key, all.into());
    }

    /// Puts something into the rest.
    pub(crate) fn keep(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    /// All that is left.
    pub(crate) const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All that is left, as an object.
    pub(crate) fn value(self) -> Value {
        Value::Object(self.0)
    }

    /// What was not taken; `None` if that is nothing.
    pub(crate) fn rest(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

/// A snowflake, be it a text or a number.
pub(crate) fn id<T>(value: &Value) -> Option<Id<T>> {
    value.as_str().map_or_else(|| value.as_u64().and_then(Id::new), |text| text.parse().ok())
}

fn number(value: &Value) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

/// An item of a list that is not what it should be: why, and the thing itself if it can be read at all.
pub(crate) type Odd = (&'static str, Option<Value>);

/// The objects of a list; one that cannot be read does not fail the others.
pub(crate) fn list(body: &Bytes) -> serde_json::Result<Vec<Result<Fields, Odd>>> {
    let items: Vec<&RawValue> = serde_json::from_slice(body)?;
    Ok(items.into_iter().map(object).collect())
}

fn object(item: &RawValue) -> Result<Fields, Odd> {
    let value: Value = serde_json::from_str(item.get()).map_err(|_| ("it is nested too deep to be read", None))?;
    Fields::of(value).map_err(|other| ("it is no object", Some(other)))
}

/// One object.
pub(crate) fn one(body: &Bytes) -> serde_json::Result<Fields> {
    serde_json::from_slice(body)
}

/// A list of threads and whether there are more.
#[derive(Debug)]
pub(crate) struct Threads {
    pub(crate) threads: Vec<Fields>,
    pub(crate) has_more: bool,
}

/// A list of threads. What is no object in it is left out.
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
