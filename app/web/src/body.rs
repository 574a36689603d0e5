//! Request bodies: objects with known fields, each given once, whose errors are all reported at once.

use std::fmt;

use app_core::tenants::Change;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::error::{ApiError, FieldError};

/// A value of a body, in the kinds that request bodies have.
enum Value {
    Null,
    Text(String),
    Object(Vec<(String, Value)>),
    List(Vec<Value>),
    /// A whole number that is not negative.
    Number(u64),
    /// Another number, or a boolean.
    Other,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
                Ok(Value::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
                let mut object = Vec::new();
                while let Some(entry) = entries.next_entry()? {
                    object.push(entry);
                }
                Ok(Value::Object(object))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The fields of a body, and their errors.
pub(super) struct Fields {
    values: Vec<(String, Value)>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Parses the object in `body`; fields that are not `known`, and fields that are given more than once, are errors.
    pub(super) fn read(body: &[u8], known: &[&str]) -> Result<Self, ApiError> {
        let value = serde_json::from_slice(body)
            .map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))?;
        let Value::Object(values) = value else {
            let reason = "expected an object".to_owned();
            return Err(ApiError::invalid(vec![FieldError { field: String::new(), reason }]));
        };
        Ok(Self::new(values, known))
    }

    fn new(values: Vec<(String, Value)>, known: &[&str]) -> Self {
        let mut fields = Self { values: Vec::new(), errors: Vec::new() };
        for (name, value) in values {
            if !known.contains(&name.as_str()) {
                fields.wrong(&name, "unknown field");
            } else if fields.values.iter().any(|(before, _)| *before == name) {
                fields.wrong(&name, "given more than once");
            } else {
                fields.values.push((name, value));
            }
        }
        fields
    }

    /// Returns whether the body has no field, not even an invalid one.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.errors.is_empty()
    }

    /// Records an error of a field.
    pub(super) fn wrong(&mut self, field: &str, reason: impl Into<String>) {
        self.errors.push(FieldError { field: field.chars().take(64).collect(), reason: reason.into() });
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        let index = self.values.iter().position(|(name, _)| name == field)?;
        Some(self.values.swap_remove(index).1)
    }

    /// Returns whether the body has a field, which may be `null`.
    pub(super) fn has(&self, field: &str) -> bool {
        self.values.iter().any(|(name, _)| name == field)
    }

    fn is_null(&self, field: &str) -> bool {
        self.values.iter().any(|(name, value)| name == field && matches!(value, Value::Null))
    }

    /// Takes a field that may be missing or `null`.
    pub(super) fn optional<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match self.take(field)? {
            Value::Null => None,
            Value::Text(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(reason) => {
                    self.wrong(field, reason);
                    None
                }
            },
            Value::Object(_) | Value::List(_) | Value::Number(_) | Value::Other => {
                self.wrong(field, "expected a string");
                None
            }
        }
    }

    /// Takes a whole number that a patch may leave out, or `null`.
    pub(super) fn number<T>(&mut self, field: &str, parse: impl Fn(Option<u64>) -> Result<T, String>) -> Option<T> {
        let number = match self.take(field)? {
            Value::Null => Ok(None),
            Value::Number(number) => Ok(Some(number)),
            Value::Text(_) | Value::Object(_) | Value::List(_) | Value::Other => {
                Err("expected a whole number or null".to_owned())
            }
        };
        match number.and_then(parse) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.wrong(field, reason);
                None
            }
        }
    }

    /// Takes a list of at most `most` strings, which may be missing or `null`: empty then. An error of a string names
    /// its index.
    pub(super) fn list(&mut self, field: &str, most: usize) -> Vec<String> {
        let items = match self.take(field) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::List(items)) => items,
            Some(_) => {
                self.wrong(field, "expected a list of strings");
                return Vec::new();
            }
        };
        if items.len() > most {
            self.wrong(field, format!("has more than {most} items"));
            return Vec::new();
        }
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            match item {
                Value::Text(text) => texts.push(text),
                _ => self.wrong(&format!("{field}[{index}]"), "expected a string"),
            }
        }
        texts
    }

    /// Takes a list of at most `most` objects with `known` fields, which may be missing or `null`: empty then. An error
    /// in an object names its index.
    pub(super) fn objects<T>(
        &mut self,
        field: &str,
        most: usize,
        known: &[&str],
        read: impl Fn(&mut Self) -> Option<T>,
    ) -> Vec<T> {
        let items = match self.take(field) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::List(items)) => items,
            Some(_) => {
                self.wrong(field, "expected a list of objects");
                return Vec::new();
            }
        };
        if items.len() > most {
            self.wrong(field, format!("has more than {most} items"));
            return Vec::new();
        }
        let mut made = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{field}[{index}]");
            let Value::Object(values) = item else {
                self.wrong(&place, "expected an object");
                continue;
            };
            let mut fields = Self::new(values, known);
            made.extend(read(&mut fields));
            for error in fields.errors {
                self.wrong(&format!("{place}.{}", error.field), error.reason);
            }
        }
        made
    }

    /// Takes a required field.
    pub(super) fn required<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let told = self.errors.iter().any(|error| error.field == field);
        if self.is_null(field) || !told && self.values.iter().all(|(name, _)| name != field) {
            self.wrong(field, "is missing");
        }
        self.optional(field, parse)
    }

    /// Takes a field that a patch may leave out and may not clear.
    pub(super) fn kept<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        if self.is_null(field) {
            self.wrong(field, "cannot be empty");
        }
        self.optional(field, parse)
    }

    /// Takes a field that a patch may leave out and may clear.
    pub(super) fn change<T>(&mut self, field: &str, parse: impl Fn(&str) -> Result<T, String>) -> Change<T> {
        if self.is_null(field) {
            return Change::Clear;
        }
        self.optional(field, parse).map_or(Change::Keep, Change::Set)
    }

    /// Takes an object inside this one, which a patch may leave out and may clear.
    pub(super) fn part<T>(&mut self, field: &str, known: &[&str], read: impl Fn(&mut Self) -> T) -> Change<T> {
        match self.take(field) {
            None => Change::Keep,
            Some(Value::Null) => Change::Clear,
            Some(Value::Object(values)) => {
                let mut fields = Self::new(values, known);
                let part = read(&mut fields);
                for error in fields.errors {
                    self.wrong(&format!("{field}.{}", error.field), error.reason);
                }
                Change::Set(part)
            }
            Some(Value::Text(_) | Value::List(_) | Value::Number(_) | Value::Other) => {
                self.wrong(field, "expected an object");
                Change::Keep
            }
        }
    }

    /// Returns the error response with all errors so far.
    pub(super) fn refused(&self) -> ApiError {
        ApiError::invalid(self.errors.clone())
    }

    /// # Errors
    /// The error response, if any field is invalid.
    pub(super) fn done(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refused()) }
    }
}

#[cfg(test)]
mod tests;
