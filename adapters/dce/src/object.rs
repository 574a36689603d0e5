//! Embeds, stickers and forwarded messages in Discord's form.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::emoji::with_emojis;

/// The longest stored name of a file, emoji or sticker, in characters.
const MAX_NAME: usize = 1024;

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Returns an id: a string, or a whole number up to 2⁶⁴−1, as some tools write it.
pub(crate) fn id_text<'a>(value: &'a Value, key: &str) -> Option<Cow<'a, str>> {
    match value.get(key)? {
        Value::String(id) => Some(Cow::Borrowed(id)),
        id => id.as_u64().map(|id| Cow::Owned(id.to_string())),
    }
}

pub(crate) fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// Returns whether a value is empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Returns the fields of `value` beyond the `known` keys; all of it if it is not an object.
pub(crate) fn beyond(value: &Value, known: &[&str]) -> Map<String, Value> {
    match value {
        Value::Object(fields) => {
            let unknown = fields.iter().filter(|(key, value)| !known.contains(&key.as_str()) && !is_empty(value));
            unknown.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        other if is_empty(other) => Map::new(),
        other => Map::from_iter([("value".to_owned(), other.clone())]),
    }
}

/// Converts an embed: names in `snake_case`, the colour a number, the original address of a picture beside its copy's;
/// missing fields are left out.
pub(crate) fn embed(value: Value) -> Value {
    let Value::Object(mut fields) = value else { return value };
    if let Some(Value::String(description)) = fields.remove("description") {
        let description = with_emojis(description, fields.get("inlineEmojis"));
        fields.insert("description".to_owned(), description.into());
    }
    part(fields)
}

/// Converts an embed, or any object inside of one.
fn part(mut fields: Map<String, Value>) -> Value {
    // The exporter names the copy's address like the picture's, and the original one "canonical".
    for (copy, source, kept) in
        [("url", "canonicalUrl", "proxy_url"), ("iconUrl", "iconCanonicalUrl", "proxy_icon_url")]
    {
        if let Some(address) = fields.remove(source).filter(|address| !is_empty(address)) {
            let copied = fields.insert(copy.to_owned(), address.clone());
            if let Some(copied) = copied.filter(|copied| *copied != address) {
                fields.insert(kept.to_owned(), copied);
            }
        }
    }
    let fields = fields.into_iter().filter(|(_, value)| !is_empty(value) && value != "").map(|(key, value)| {
        let key = match key.as_str() {
            "iconUrl" => "icon_url".to_owned(),
            "isInline" => "inline".to_owned(),
            _ => key,
        };
        let value = match (key.as_str(), value) {
            ("color", Value::String(color)) => {
                let number = color.strip_prefix('#').and_then(|digits| u32::from_str_radix(digits, 16).ok());
                number.map_or(Value::String(color), Value::from)
            }
            (_, value) => inside(value),
        };
        (key, value)
    });
    Value::Object(fields.collect())
}

fn inside(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(inside).collect(),
        Value::Object(fields) => part(fields),
        other => other,
    }
}

pub(crate) fn sticker(value: &Value) -> Value {
    let format = text(value, "format").map(str::to_lowercase);
    json!({"id": id_text(value, "id"), "name": text(value, "name").map(cut), "format": format})
}

/// Returns the fields of a sticker beyond those of [`sticker`], with its id: new keys, and the file beside the export.
pub(crate) fn sticker_rest(value: &Value) -> Option<Value> {
    let mut rest = beyond(value, &["id", "name", "format"]);
    if text(value, "sourceUrl").is_some_and(|url| url.starts_with("https://cdn.discordapp.com/")) {
        rest.remove("sourceUrl");
    }
    (!rest.is_empty()).then(|| {
        rest.extend(id_text(value, "id").map(|id| ("id".to_owned(), Value::from(id))));
        Value::Object(rest)
    })
}

/// Converts a forwarded message to the form of Discord.
pub(crate) fn snapshot(value: Value) -> Value {
    let Value::Object(mut fields) = value else { return json!({"content": "", "forwarded": value}) };
    for (ours, theirs) in [("timestamp", "timestamp"), ("edited_timestamp", "timestampEdited")] {
        // If Discord gives no time, the exporter writes the first moment of the year 1.
        let time =
            fields.remove(theirs).filter(|time| !time.as_str().is_some_and(|time| time.starts_with("0001-01-01")));
        fields.insert(ours.to_owned(), time.unwrap_or(Value::Null));
    }
    let mut each = |key: &str, make: fn(Value) -> Value| {
        if let Some(Value::Array(items)) = fields.get_mut(key) {
            for item in items {
                *item = make(item.take());
            }
        }
    };
    each("embeds", embed);
    each("attachments", attachment);
    each("stickers", |item| if item.is_object() { merged(sticker(&item), sticker_rest(&item)) } else { item });
    Value::Object(fields)
}

fn attachment(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let renamed = fields.into_iter().map(|(key, value)| match key.as_str() {
        "fileName" => ("filename".to_owned(), value),
        "fileSizeBytes" => ("size".to_owned(), value),
        "id" => (key, value.as_u64().map_or(value, |id| id.to_string().into())),
        _ => (key, value),
    });
    Value::Object(renamed.collect())
}

fn merged(mut value: Value, more: Option<Value>) -> Value {
    if let (Some(fields), Some(Value::Object(more))) = (value.as_object_mut(), more) {
        fields.extend(more);
    }
    value
}
