//! Query strings: known parameters, each given once, with valid values.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::error::{ApiError, FieldError};

/// The default number of items of a page.
const DEFAULT_LIMIT: u32 = 50;
/// The most items of a page.
const MAX_LIMIT: u32 = 100;

/// The parameter that readers write in a form.
const WRITTEN: &str = "q";

/// A query without an unknown or repeated parameter.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Parses `raw`, the text after the question mark.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let mut errors = Vec::new();
        let mut refuse = |field: &str, reason: &str| {
            errors.push(FieldError { field: field.chars().take(64).collect(), reason: reason.to_owned() });
        };
        for pair in raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            // A form sends a blank as a plus sign, and a plus sign escaped.
            let value = if name == WRITTEN { value.replace('+', " ") } else { value.to_owned() };
            match (decode(name), decode(&value)) {
                (Some(name), _) if !known.contains(&name.as_str()) => refuse(&name, "unknown query parameter"),
                (Some(name), _) if pairs.iter().any(|(before, _)| *before == name) => {
                    refuse(&name, "given more than once");
                }
                (Some(name), Some(value)) => pairs.push((name, value)),
                (name, _) => refuse(&name.unwrap_or_default(), "is not UTF-8 in percent-encoding"),
            }
        }
        if errors.is_empty() {
            return Ok(Self(pairs));
        }
        Err(ApiError { errors, ..ApiError::bad_request("invalid query parameters") })
    }

    /// Parses the `known` parameters of `raw` and ignores all others, which sites that link to a page add to its
    /// address.
    pub(crate) fn of_page(raw: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let is_known = |pair: &&str| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            decode(name).is_some_and(|name| known.contains(&name.as_str()))
        };
        let kept: Vec<&str> = raw.unwrap_or_default().split('&').filter(is_known).collect();
        Self::parse(Some(&kept.join("&")), known)
    }

    /// Returns whether no parameter was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Parses a parameter; `expected` describes the valid values.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ApiError> {
        let parse = |value: &str| value.parse().map_err(|_| ApiError::bad_value(name, format!("expected {expected}")));
        self.get(name).map(parse).transpose()
    }

    /// Returns `limit`: 1 to 100, 50 by default.
    pub(crate) fn limit(&self) -> Result<u32, ApiError> {
        let wrong = || ApiError::bad_value("limit", format!("expected a number from 1 to {MAX_LIMIT}"));
        let Some(value) = self.get("limit") else { return Ok(DEFAULT_LIMIT) };
        let plain = value.bytes().all(|byte| byte.is_ascii_digit());
        let limit: u32 = value.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
        if (1..=MAX_LIMIT).contains(&limit) { Ok(limit) } else { Err(wrong()) }
    }
}

/// Decodes percent-encoding; `None` for a broken escape, and for text that is not UTF-8 or contains a NUL.
pub(crate) fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let broken = |at: usize| !bytes.get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && broken(at)) {
        return None;
    }
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}
