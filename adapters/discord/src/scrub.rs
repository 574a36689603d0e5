//! Strips Discord's objects of values that change with each request; the domain scrubs the rest.

use domain::json::Json;
use domain::pseudonym::{MessageScrub, Part, Pseudonymizer};
use serde_json::Value;

use crate::payload::Fields;

/// Keys that concern the reading bot, and so change with it.
const OWN_KEYS: [&str; 4] = ["me", "me_burst", "burst_me", "me_voted"];

/// Parameters that sign an address of a file; they change with every request.
const SIGNATURE: [&str; 3] = ["ex", "is", "hm"];

/// Turns Discord's objects into values that may be stored.
#[derive(Clone, Copy)]
pub(crate) struct Scrub<'a> {
    pub(crate) people: &'a Pseudonymizer,
}

impl<'a> Scrub<'a> {
    /// Scrubs a text that readers are shown.
    pub(crate) fn text(self, text: &str) -> String {
        self.people.text(text).into_owned()
    }

    /// Scrubs any value that readers are not shown, into its stored form.
    pub(crate) fn json(self, value: Value) -> Json {
        Json::new(&self.people.json(tidy(value)))
    }

    /// Scrubs the parts of the message `wire`.
    pub(crate) fn message(self, wire: &Fields) -> MessageParts<'a> {
        let mut scrub = self.people.message();
        scrub.learn_fields(wire.as_map());
        MessageParts(scrub)
    }
}

/// Scrubs the parts of one message.
pub(crate) struct MessageParts<'a>(MessageScrub<'a>);

impl MessageParts<'_> {
    /// Scrubs a text that readers are shown.
    pub(crate) fn text(&self, text: &str) -> String {
        self.0.text(text)
    }

    /// Scrubs the name or address of a file.
    pub(crate) fn file(&self, text: &str) -> String {
        self.0.hidden_text(text)
    }

    /// Scrubs a part of the message, into its stored form.
    pub(crate) fn json(&self, part: Part, value: Value) -> Json {
        Json::new(&self.0.value(part, tidy(value)))
    }

    /// Scrubs stickers, into their stored form.
    pub(crate) fn things(&self, value: Value) -> Json {
        Json::new(&self.0.things(tidy(value)))
    }
}

fn tidy(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(unsigned(text)),
        Value::Array(items) => items.into_iter().map(tidy).collect(),
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key, tidy(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// Returns an address without the signature that makes it expire; any other text as it is.
pub(crate) fn unsigned(text: String) -> String {
    let Some((path, query)) = text.split_once('?') else { return text };
    let signs = |part: &&str| SIGNATURE.iter().any(|name| part.strip_prefix(name).is_some_and(|v| v.starts_with('=')));
    let is_signed = SIGNATURE.iter().all(|name| query.split('&').any(|part| part.starts_with(&format!("{name}="))));
    if !is_signed || !text.starts_with("http") {
        return text;
    }
    let rest: Vec<&str> = query.split('&').filter(|part| !signs(part) && !part.is_empty() && *part != "=").collect();
    if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) }
}

#[cfg(test)]
mod tests;
