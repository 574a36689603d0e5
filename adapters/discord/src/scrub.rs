//! What Discord's objects hold of people, in the places that only Discord has; the domain knows the others.

use domain::json::Json;
use domain::pseudonym::Pseudonymizer;
use serde_json::{Map, Value};

/// Keys whose value is the id of a program, which can be the id of a bot's user.
const PROGRAM_KEYS: [&str; 3] = ["application_id", "webhook_id", "bot_id"];

/// Endings of keys whose value is the id of a person.
const PERSON_ENDINGS: [&str; 3] = ["_user_id", "_author_id", "_member_id"];

/// Keys whose value is a person, or a list of them, even where no more than an id is said.
const PERSON_PLACES: [&str; 10] = [
    "user",
    "author",
    "owner",
    "creator",
    "inviter",
    "member",
    "recipient",
    "recipients",
    "mentions",
    "clip_participants",
];

/// Keys that speak of the bot that reads, and so change with the reader.
const OWN_KEYS: [&str; 4] = ["me", "me_burst", "burst_me", "me_voted"];

/// Parameters that sign an address of a file; they change with every look.
const SIGNATURE: [&str; 3] = ["ex", "is", "hm"];

/// Makes what may be stored of what Discord sends.
#[derive(Clone, Copy)]
pub(crate) struct Scrub<'a> {
    pub(crate) people: &'a Pseudonymizer,
}

impl Scrub<'_> {
    /// A text.
    pub(crate) fn text(self, text: &str) -> String {
        self.people.text(text, &[]).into_owned()
    }

    /// Any value.
    pub(crate) fn value(self, value: Value) -> Value {
        self.people.json(self.tidy(value), &[])
    }

    /// Any value, in the form that is stored.
    pub(crate) fn json(self, value: Value) -> Json {
        Json::new(&self.value(value))
    }

    fn tidy(self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(unsigned(text)),
            Value::Array(items) => items.into_iter().map(|item| self.tidy(item)).collect(),
            Value::Object(fields) => Value::Object(self.object(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn object(self, fields: Map<String, Value>) -> Map<String, Value> {
        let kept = fields.into_iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str()));
        kept.map(|(key, value)| {
            let value = self.field(&key, value);
            (key, value)
        })
        .collect()
    }

    fn field(self, key: &str, value: Value) -> Value {
        match (key, value) {
            // The user who installed the program stands under "1".
            ("authorizing_integration_owners", Value::Object(mut owners)) => {
                if let Some(user) = owners.remove("1") {
                    owners.insert("1".to_owned(), self.ids(user));
                }
                Value::Object(owners)
            }
            ("application", Value::Object(mut fields)) => {
                let id = fields.remove("id").map_or(Value::Null, |id| self.ids(id));
                Value::Object(Map::from_iter([("id".to_owned(), id)]))
            }
            // People under their ids.
            ("users" | "members", Value::Object(people)) => {
                people.into_iter().map(|(id, _)| self.person(&id)).collect()
            }
            ("permission_overwrites", Value::Array(items)) => {
                items.into_iter().map(|item| self.subject(item, |kind| kind != 0)).collect()
            }
            ("default_values", Value::Array(items)) => {
                items.into_iter().map(|item| self.subject(item, |kind| kind == "user")).collect()
            }
            (key, Value::Object(fields)) if is_place(key) && fields.contains_key("id") => self.somebody(fields),
            (key, Value::Array(items)) if is_place(key) => {
                let each = items.into_iter().map(|item| match item {
                    Value::Object(fields) if fields.contains_key("id") => self.somebody(fields),
                    other => self.tidy(other),
                });
                each.collect()
            }
            ("participants", value) => self.ids(value),
            // Programs put what they like into it, ids of people among it, and nobody is shown it.
            ("custom_id", _) => Value::Null,
            (key, value) if is_id(key) => self.ids(value),
            (_, value) => self.tidy(value),
        }
    }

    /// A person, of whom no more is kept than a pseudonym and whether it is a program.
    fn somebody(self, mut fields: Map<String, Value>) -> Value {
        let id = fields.remove("id").map_or(Value::Null, |id| self.ids(id));
        let bot = fields.get("bot") == Some(&Value::Bool(true));
        Value::Object(Map::from_iter([("bot".to_owned(), bot.into()), ("id".to_owned(), id)]))
    }

    /// An object whose id is a person's if its type says so.
    fn subject(self, item: Value, is_person: impl Fn(&Value) -> bool) -> Value {
        let Value::Object(mut fields) = item else { return Value::Null };
        if fields.get("type").is_none_or(is_person)
            && let Some(id) = fields.remove("id")
        {
            fields.insert("id".to_owned(), self.ids(id));
        }
        Value::Object(self.object(fields))
    }

    /// Ids, alone or in a list.
    fn ids(self, value: Value) -> Value {
        match value {
            Value::String(id) => self.person(&id),
            Value::Number(id) => self.person(&id.to_string()),
            Value::Array(ids) => ids.into_iter().map(|id| self.ids(id)).collect(),
            Value::Object(_) => self.tidy(value),
            Value::Null | Value::Bool(_) => value,
        }
    }

    fn person(self, id: &str) -> Value {
        self.people.person(id).to_string().into()
    }
}

fn is_place(key: &str) -> bool {
    PERSON_PLACES.contains(&key) || key.ends_with("_user")
}

fn is_id(key: &str) -> bool {
    PROGRAM_KEYS.contains(&key) || PERSON_ENDINGS.iter().any(|ending| key.ends_with(ending))
}

/// An address without the signature that lets it expire; any other text as it is.
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
