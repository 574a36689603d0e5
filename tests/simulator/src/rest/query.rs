//! The query of a request.

use percent_encoding::percent_decode_str;

use super::ApiError;
use crate::moment::parse_iso;

/// Names and values, decoded like forms: a raw `+` is a space.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Splits and decodes a query.
    pub(crate) fn parse(text: &str) -> Self {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(n, v)| (decode(n), decode(v))).collect(),
        )
    }

    /// Returns the first value of a name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns every value of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns a snowflake.
    pub(crate) fn id(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let bad = |_| ApiError::invalid(name, "NUMBER_TYPE_COERCE", "Value is not snowflake.");
        self.text(name).map(str::parse).transpose().map_err(bad)
    }

    /// Returns a number within bounds, `default` if it is absent.
    pub(crate) fn number(&self, name: &str, default: usize, min: usize, max: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let bad = |_| ApiError::invalid(name, "NUMBER_TYPE_COERCE", "Value is not int.");
        let value: i64 = text.parse().map_err(bad)?;
        match usize::try_from(value) {
            Ok(value) if value > max => {
                let words = format!("int value should be less than or equal to {max}.");
                Err(ApiError::invalid(name, "NUMBER_TYPE_MAX", &words))
            }
            Ok(value) if value >= min => Ok(value),
            _ => {
                let words = format!("int value should be greater than or equal to {min}.");
                Err(ApiError::invalid(name, "NUMBER_TYPE_MIN", &words))
            }
        }
    }

    /// Returns a time in ISO 8601, as microseconds.
    pub(crate) fn moment(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let words = "Value is not a valid ISO8601 timestamp.";
        parse_iso(text).map(Some).ok_or_else(|| ApiError::invalid(name, "DATE_TIME_TYPE_PARSE", words))
    }

    /// Returns whether a flag is set: `true` or `1`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| matches!(text, "true" | "True" | "1"))
    }
}

#[cfg(test)]
mod tests;
