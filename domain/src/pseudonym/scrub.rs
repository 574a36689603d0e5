//! The choke point: scrubs the data of a source before it may be stored.

mod embed;
mod keys;
mod label;
mod text;
mod view;

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

pub use self::embed::each_program_text;
use self::keys::{Class, class, is_user_id, may_name_person, snake};
pub(super) use self::keys::{is_id_word, is_person_word};
use self::text::{ID_DIGITS, Rules, may_name, scan};
use super::Pseudonymizer;

/// Keys that only an object of a person has; one of them beside an `id` makes the object one.
const PERSON_KEYS: [&str; 11] = [
    "username",
    "global_name",
    "discriminator",
    "nickname",
    "nick",
    "avatar_url",
    "avatar",
    "is_bot",
    "display_name",
    "avatar_decoration_data",
    "public_flags",
];

/// The part of a message that a JSON value belongs to, which decides how much of it is shown to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Discord's embeds.
    Embed,
    /// Discord's components.
    Component,
    /// Discord's poll.
    Poll,
    /// Forwarded messages.
    Snapshot,
    /// Data that is not shown to readers: in it, every id is a person's unless its key rules that out.
    Hidden,
}

impl Part {
    /// Returns the part under `key`.
    fn inner(self, key: &str) -> Self {
        let keys: &[&str] = match self {
            Self::Embed => {
                &["author", "footer", "fields", "provider", "thumbnail", "image", "images", "video", "media"]
            }
            Self::Component => &["components", "accessory", "items", "component", "options", "media", "file", "emoji"],
            Self::Poll => &["question", "answers", "poll_media", "results", "answer_counts", "emoji"],
            Self::Snapshot => match key {
                "message" => &["message"],
                "embeds" => return Self::Embed,
                "components" => return Self::Component,
                "poll" => return Self::Poll,
                _ => &[],
            },
            Self::Hidden => &[],
        };
        if keys.contains(&key) { self } else { Self::Hidden }
    }

    /// Returns whether the text under `key` is shown to readers.
    fn shows(self, key: &str) -> bool {
        let keys: &[&str] = match self {
            Self::Embed => {
                &["title", "description", "name", "value", "text", "url", "proxy_url", "icon_url", "proxy_icon_url"]
            }
            Self::Component => &["content", "label", "placeholder", "description", "title", "name", "text", "url"],
            Self::Poll => &["text"],
            Self::Snapshot => &["content"],
            Self::Hidden => &[],
        };
        keys.contains(&key)
    }
}

impl Pseudonymizer {
    /// Returns `text` with every person as `<@pseudonym>`: `<@id>` and `<@!id>` in any spelling, and addresses that
    /// contain a person's id. A mention in our own form is broken up. Plain text that people typed stays.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let edits = scan(text, Rules { hidden: false, known: None, own: None, fresh: true });
        if edits.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(self.edited(text, &edits)) }
    }

    /// Returns `value`, which is not shown to readers, with every person as a pseudonym: see [`MessageScrub::value`].
    #[must_use]
    pub fn json(&self, value: Value) -> Value {
        let mut scrub = self.message();
        scrub.learn(&value);
        scrub.value(Part::Hidden, value)
    }

    /// Returns a scrubber for the parts of one message, or of one channel.
    #[must_use]
    pub fn message(&self) -> MessageScrub<'_> {
        MessageScrub { people: self, ids: HashSet::new(), names: Vec::new(), fresh: true }
    }
}

/// Scrubs the parts of one message. It knows the people in it, whose ids become pseudonyms wherever they occur.
#[derive(Debug, Clone)]
pub struct MessageScrub<'a> {
    people: &'a Pseudonymizer,
    /// Ids of the people in the message.
    ids: HashSet<String>,
    /// Their names, each with its person's id.
    names: Vec<(String, String)>,
    /// Whether the values come from a source, and were not scrubbed before.
    fresh: bool,
}

impl MessageScrub<'_> {
    /// Learns the people in `value`: a whole message, or a part of one.
    pub fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.learn_text(text),
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(fields) => self.learn_fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Learns the people in an object with these `fields`.
    pub fn learn_fields(&mut self, fields: &Map<String, Value>) {
        if is_person(fields) {
            self.learn_object(fields);
        }
        for (key, value) in fields {
            match class(&snake(key)) {
                Class::PersonId | Class::Person => self.learn_ids(value),
                _ => self.learn(value),
            }
        }
    }

    /// Learns the people that `text` mentions.
    pub fn learn_text(&mut self, text: &str) {
        let edits = scan(text, Rules { hidden: false, known: None, own: None, fresh: true });
        self.ids.extend(edits.iter().filter_map(|edit| edit.what.id()).filter(|id| is_id(id)).map(str::to_owned));
    }

    /// Learns the id and the names of a person in the message.
    pub fn learn_person<'n>(&mut self, platform_id: &str, names: impl IntoIterator<Item = &'n str>) {
        self.learn_id(platform_id);
        self.names.extend(names.into_iter().map(|name| (name.to_owned(), platform_id.to_owned())));
    }

    fn learn_id(&mut self, platform_id: &str) {
        if is_id(platform_id) {
            self.ids.insert(platform_id.to_owned());
        }
    }

    fn learn_ids(&mut self, value: &Value) {
        match value {
            Value::String(id) => {
                self.learn_id(id);
                self.learn_text(id);
            }
            Value::Number(id) => self.learn_id(&id.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.learn_ids(item)),
            Value::Object(fields) => {
                self.learn_object(fields);
                self.learn(value);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn learn_object(&mut self, fields: &Map<String, Value>) {
        let id = match fields.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => return,
        };
        let nick = fields.get("member").and_then(|member| member.get("nick"));
        let keys = ["username", "global_name", "nick", "nickname", "display_name", "globalName", "displayName", "name"];
        let names = keys.iter().filter_map(|key| fields.get(*key)).chain(nick).filter_map(Value::as_str);
        self.learn_person(&id, names);
    }

    /// Returns a text that is shown to readers, as [`Pseudonymizer::text`] does, and with the ids of the people in the
    /// message as their pseudonyms.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.rewritten(text, false, None)
    }

    /// Returns the scrubbed name or address of a file, or a text that is not shown to readers: every 17 to 20 digits
    /// are the id of a person, unless an address or markup rules that out.
    #[must_use]
    pub fn hidden_text(&self, text: &str) -> String {
        self.rewritten(text, true, None)
    }

    fn rewritten(&self, text: &str, hidden: bool, own: Option<&str>) -> String {
        if !may_name(text) {
            return text.to_owned();
        }
        let rules = Rules { hidden, known: Some(&self.ids), own, fresh: self.fresh };
        let edits = scan(text, rules);
        if edits.is_empty() { text.to_owned() } else { self.people.edited(text, &edits) }
    }

    /// Returns a part of a message, or a list of such parts, with every person as a pseudonym, at any depth and under
    /// any key: objects of people become `{"bot", "id"}`, ids of people become pseudonyms, names and pictures of people
    /// are removed. In a text, number or key that is not shown to readers, 17 to 20 digits are the id of a person,
    /// except under a key that is known not to name one.
    #[must_use]
    pub fn value(&self, part: Part, value: Value) -> Value {
        self.walk(part, Class::Other, value)
    }

    /// Returns a list of items with ids of their own, which do not name people: stickers.
    #[must_use]
    pub fn things(&self, value: Value) -> Value {
        self.walk(Part::Hidden, Class::Thing, value)
    }

    fn walk(&self, part: Part, class: Class, value: Value) -> Value {
        match value {
            Value::String(text)
                if matches!(class, Class::ThingId | Class::Things | Class::Number)
                    && is_digits(&text)
                    && !self.ids.contains(&text) =>
            {
                text.into()
            }
            Value::String(text) => self.hidden_text(&text).into(),
            Value::Number(number)
                if matches!(class, Class::ThingId | Class::Things | Class::Number)
                    && !self.ids.contains(&number.to_string()) =>
            {
                number.into()
            }
            Value::Number(number) => self.number(number),
            Value::Array(items) => {
                // A text beside the id of a person, as in `[id, "name"]`.
                let is_pair = part == Part::Hidden && class == Class::Other && items.iter().any(is_person_id);
                let is_name = |item: &Value| is_pair && item.is_string() && !self.changes(item);
                let walk = |item| if is_name(&item) { Value::Null } else { self.walk(part, class, item) };
                items.into_iter().map(walk).collect()
            }
            Value::Object(fields) if is_person(&fields) => self.person_object(&fields),
            Value::Object(fields) => self.object(part, class, fields),
            Value::Null | Value::Bool(_) => value,
        }
    }

    fn object(&self, part: Part, of: Class, fields: Map<String, Value>) -> Value {
        let (part, fields) = match part {
            Part::Embed if embed::is_alert(&fields) => (Part::Hidden, embed::alert(fields)),
            Part::Embed if embed::is_embed(&fields) => (part, self.embed(fields)),
            _ => (part, fields),
        };
        let is_thing = matches!(of, Class::Thing | Class::Things);
        let own = fields.get("id").and_then(Value::as_str).filter(|_| is_thing).map(str::to_owned);
        let names_person = !is_thing && fields.get("id").is_some_and(is_person_id);
        let is_option = fields.contains_key("label") && fields.contains_key("value");
        let is_personal_option =
            is_option && !fields.contains_key("type") && fields.get("value").is_some_and(|value| self.changes(value));
        let is_component = matches!(part, Part::Component | Part::Hidden);
        let links_person = is_component && fields.get("url").is_some_and(|url| self.shows_person(url));
        let loses_picture = fields.iter().any(|(key, value)| embed::is_picture(key) && self.shows_person(value));
        let is_avatar = part == Part::Component || fields.get("media").is_some_and(|media| self.shows_person(media));
        let is_of_user = part == Part::Hidden
            && !is_thing
            && fields.iter().any(|(key, value)| is_person_id(value) && is_user_id(&snake(key)));
        let is_beside_id = part == Part::Hidden
            && !is_thing
            && fields.iter().any(|(key, value)| {
                is_person_id(value) && !matches!(class(&snake(key)), Class::ThingId | Class::Thing | Class::Things)
            });
        let named_value = part == Part::Hidden && fields.get("name").is_some_and(Value::is_string) && !is_option;
        let named_value =
            named_value.then(|| fields.get("name").and_then(Value::as_str).map(|name| class(&snake(name))));
        let mut kept = Map::new();
        for (key, value) in fields {
            let name = snake(&key);
            let class = match (name.as_ref(), named_value.flatten()) {
                ("value", Some(class)) => class,
                ("id" | "key", _) if is_thing => Class::ThingId,
                ("author", _) if part == Part::Embed && value.get("id").is_none() => Class::Other,
                _ => class(&name),
            };
            let is_gone = class == Class::Name
                || names_person && matches!(name.as_ref(), "name" | "label" | "title")
                || is_personal_option && matches!(name.as_ref(), "label" | "description")
                || embed::is_picture(&key) && self.shows_person(&value)
                || loses_picture && name == "description" && is_avatar && is_component
                || is_of_user && name == "name"
                || is_beside_id && value.is_string() && may_name_person(&name)
                || links_person && name == "label"
                || self.is_asset(&name, &value);
            if is_gone {
                continue;
            }
            let value = match (&own, value) {
                // An address of a thing has the thing's id.
                (Some(own), Value::String(text)) if class == Class::Other && name.ends_with("url") => {
                    self.rewritten(&text, true, Some(own)).into()
                }
                // In `{id: {"name": …}}` or `{id: "name"}`, the key is the id of a person.
                (_, value)
                    if part == Part::Hidden
                        && !is_thing
                        && class == Class::Other
                        && is_digits(&key)
                        && ID_DIGITS.contains(&key.len()) =>
                {
                    self.person(value)
                }
                (_, value) => self.field(part, class, &name, is_option, value),
            };
            kept.insert(self.hidden_text(&key), value);
        }
        Value::Object(kept)
    }

    fn field(&self, part: Part, class: Class, name: &str, is_option: bool, value: Value) -> Value {
        match (name, value) {
            // The user who installed the program is under "1", the guild under "0".
            ("authorizing_integration_owners", Value::Object(mut owners)) => {
                let guild = owners.remove("0");
                let mut owners = match self.ids(Value::Array(owners.into_iter().map(|(_, id)| id).collect())) {
                    Value::Array(ids) => ids.into_iter().map(|id| ("1".to_owned(), id)).collect(),
                    _ => Map::new(),
                };
                owners.extend(guild.map(|guild| ("0".to_owned(), self.walk(Part::Hidden, Class::ThingId, guild))));
                Value::Object(owners)
            }
            ("application", Value::Object(mut fields)) => {
                let id = fields.remove("id").map_or(Value::Null, |id| self.ids(id));
                Value::Object(Map::from_iter([("id".to_owned(), id)]))
            }
            ("permission_overwrites", Value::Array(items)) => {
                items.into_iter().map(|item| self.overwrite(item)).collect()
            }
            ("embeds", Value::Array(items)) if part == Part::Hidden => {
                let made = items.into_iter().map(|item| match item {
                    Value::Object(fields) if embed::is_alert(&fields) => embed::alert(fields).into(),
                    Value::Object(fields) => self.embed(fields).into(),
                    other => other,
                });
                self.walk(Part::Hidden, class, made.collect())
            }
            ("party", Value::Object(mut fields)) => {
                fields.entry("id").and_modify(|id| *id = Value::Null);
                self.object(Part::Hidden, Class::Other, fields)
            }
            ("default_values" | "values", Value::Array(_)) if part == Part::Component => Value::Array(Vec::new()),
            ("value", _) if part == Part::Component || is_option => Value::Null,
            (_, _) if class == Class::Emptied => Value::Null,
            (_, value) if class == Class::PersonId => self.ids(value),
            (_, value) if class == Class::Person => self.person(value),
            // A program wrote the text of its components.
            ("content", Value::String(text)) if part == Part::Component => {
                self.text(&self.unlabelled(&self.unlinked(&text, &mut Vec::new()), "")).into()
            }
            (_, Value::String(text)) if part.shows(name) => self.text(&text).into(),
            (_, value) => self.walk(part.inner(name), class, value),
        }
    }

    /// Scrubs a right of a role or of a person: types other than 0 are not roles.
    fn overwrite(&self, item: Value) -> Value {
        let Value::Object(mut fields) = item else { return Value::Null };
        let id = fields.remove("id");
        let is_role = fields.get("type").is_some_and(|kind| *kind == 0 || *kind == "0" || *kind == "role");
        let mut overwrite = match self.object(Part::Hidden, Class::Other, fields) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        if let Some(id) = id {
            let id = if is_role { self.walk(Part::Hidden, Class::ThingId, id) } else { self.ids(id) };
            overwrite.insert("id".to_owned(), id);
        }
        Value::Object(overwrite)
    }

    /// Scrubs a value in the place of a person: objects with an id are people, texts that are not ids are their names.
    fn person(&self, value: Value) -> Value {
        match value {
            Value::Object(fields) if fields.contains_key("id") => self.person_object(&fields),
            Value::Object(mut fields) => {
                for name in ["name", "label", "title"] {
                    fields.remove(name);
                }
                self.object(Part::Hidden, Class::Other, fields)
            }
            Value::Array(items) => items.into_iter().map(|item| self.person(item)).collect(),
            Value::String(text) if is_id(&text) || self.is_scrubbed(&text) => self.ids(text.into()),
            Value::String(text) => {
                let edits = scan(&text, Rules { hidden: true, known: Some(&self.ids), own: None, fresh: self.fresh });
                match edits.iter().find_map(|edit| edit.what.id()) {
                    Some(id) => self.people.person(id).to_string().into(),
                    None => Value::Null,
                }
            }
            Value::Number(number) => self.number(number),
            Value::Null | Value::Bool(_) => value,
        }
    }

    fn person_object(&self, fields: &Map<String, Value>) -> Value {
        let bot = ["isBot", "is_bot", "bot"].iter().any(|key| fields.get(*key) == Some(&Value::Bool(true)));
        let mut person = Map::new();
        person.insert("bot".to_owned(), bot.into());
        if let Some(id) = fields.get("id") {
            person.insert("id".to_owned(), self.ids(id.clone()));
        }
        Value::Object(person)
    }

    /// Scrubs ids of people, alone or in a list.
    fn ids(&self, value: Value) -> Value {
        match value {
            Value::String(id) if self.is_scrubbed(&id) => id.into(),
            Value::String(id) => self.people.person(&id).to_string().into(),
            Value::Number(id) => self.people.person(&whole(&id).unwrap_or_else(|| id.to_string())).to_string().into(),
            Value::Array(ids) => ids.into_iter().map(|id| self.ids(id)).collect(),
            Value::Object(fields) => self.person(Value::Object(fields)),
            Value::Null | Value::Bool(_) => value,
        }
    }

    /// Returns a number, or the pseudonym of the person whose id it may be.
    fn number(&self, number: Number) -> Value {
        let may_be = |digits: &String| ID_DIGITS.contains(&digits.len()) || self.ids.contains(digits);
        match whole(&number).filter(may_be) {
            Some(digits) => self.people.person(&digits).to_string().into(),
            None => number.into(),
        }
    }

    /// Returns whether an earlier pass wrote the text for an id.
    fn is_scrubbed(&self, text: &str) -> bool {
        !self.fresh && text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Returns whether a value has an id of a person, judging by its form.
    fn changes(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                let rules = Rules { hidden: true, known: Some(&self.ids), own: None, fresh: self.fresh };
                !scan(text, rules).is_empty()
            }
            value => is_person_id(value),
        }
    }
}

fn is_person(fields: &Map<String, Value>) -> bool {
    let keys = fields.keys().filter(|key| PERSON_KEYS.contains(&snake(key).as_ref())).count();
    keys > usize::from(!fields.contains_key("id"))
}

/// Returns whether a value has the form of an id.
fn is_person_id(value: &Value) -> bool {
    match value {
        Value::String(id) => is_digits(id) && ID_DIGITS.contains(&id.len()),
        Value::Number(id) => whole(id).is_some_and(|digits| ID_DIGITS.contains(&digits.len())),
        _ => false,
    }
}

/// Returns whether a text can be an id that is also searched for in other texts.
fn is_id(text: &str) -> bool {
    (15..=20).contains(&text.len()) && is_digits(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the digits of a number before its point, without its sign; `None` if it has no significant ones.
fn whole(number: &Number) -> Option<String> {
    if let Some(number) = number.as_u64() {
        return Some(number.to_string());
    }
    if let Some(number) = number.as_i64() {
        return Some(number.unsigned_abs().to_string());
    }
    let number = number.as_f64().map(f64::abs).filter(|number| (1e14..1e21).contains(number))?;
    Some(format!("{:.0}", number.trunc()))
}

#[cfg(test)]
mod tests;
