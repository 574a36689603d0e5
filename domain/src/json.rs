//! JSON in a canonical form, which every store returns unchanged.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

/// A JSON value in canonical form: keys sorted by their bytes, no blanks, and a whole number never as a float.
///
/// TiDB stores JSON parsed, sorts its keys and writes `1.0` as `1`; a value in this form is the same before and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// Returns `value` in canonical form.
    #[must_use]
    pub fn new(value: &Value) -> Self {
        let mut text = String::new();
        write_value(&mut text, value);
        Self(RawValue::from_string(text).expect("a value is written as JSON"))
    }

    /// Parses any JSON text and makes it canonical.
    ///
    /// # Errors
    /// If `text` is not JSON, is nested deeper than 128, or has a number beyond a 64-bit float.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Value>(text).map(|value| Self::new(&value))
    }

    /// Parses a text that is already canonical: one that [`Json::as_str`] returned.
    ///
    /// # Errors
    /// If `text` is not JSON. Its form is not checked.
    pub fn from_canonical(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// Returns the canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Returns the value as a tree.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.as_str()).unwrap_or(Value::Null)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_bytes());
            text.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_value(text, value);
            }
            text.push('}');
        }
        Value::Number(number) => text.push_str(&whole(number).unwrap_or_else(|| number.clone()).to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// Returns the whole number equal to a float, if it fits in 64 bits.
fn whole(number: &Number) -> Option<Number> {
    let float = if number.is_f64() { number.as_f64()? } else { return None };
    if float.fract() != 0.0 {
        return None;
    }
    let text = format!("{float:.0}");
    match text.strip_prefix('-') {
        Some("0") => Some(0.into()),
        Some(_) => text.parse::<i64>().ok().map(Into::into),
        None => text.parse::<u64>().ok().map(Into::into),
    }
}

#[cfg(test)]
mod tests;
