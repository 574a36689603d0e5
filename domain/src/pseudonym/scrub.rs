//! The choke point: what somebody wrote or exported becomes what may be stored.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Pseudonymizer;

/// Keys that only an object of a person has; one of them beside an `id` makes the object one.
const PERSON_KEYS: [&str; 14] = [
    "username",
    "globalName",
    "global_name",
    "discriminator",
    "nickname",
    "nick",
    "avatarUrl",
    "avatar_url",
    "avatar",
    "isBot",
    "displayName",
    "display_name",
    "avatar_decoration_data",
    "public_flags",
];

/// Keys whose value names a person wherever it stands, and so is left out.
const NAME_KEYS: [&str; 11] = [
    "username",
    "userName",
    "globalName",
    "global_name",
    "nickname",
    "nick",
    "displayName",
    "display_name",
    "discriminator",
    "avatarUrl",
    "avatar_url",
];

/// Keys whose value is the id of a person, or a list of them.
const ID_KEYS: [&str; 16] = [
    "userId",
    "user_id",
    "userIds",
    "user_ids",
    "authorId",
    "author_id",
    "ownerId",
    "owner_id",
    "memberId",
    "member_id",
    "creatorId",
    "creator_id",
    "inviterId",
    "inviter_id",
    "recipientId",
    "recipient_id",
];

/// Path segments of web addresses behind which the id of a person stands.
const ADDRESS_KEYS: [&str; 3] = ["avatars/", "users/", "user/"];

/// A person whom a message mentions, as far as an export with rendered text shows them.
#[derive(Debug, Clone)]
pub struct MentionedPerson<'a> {
    /// What the platform calls them.
    pub platform_id: Cow<'a, str>,
    /// Every name that can stand behind an `@`.
    pub names: Vec<Cow<'a, str>>,
}

impl Pseudonymizer {
    /// `text` with every person as `<@pseudonym>`: `<@id>` and `<@!id>`, an `@name` of somebody in `mentioned`, and
    /// addresses that hold a person's id. What people typed as plain text stays.
    #[must_use]
    pub fn text<'t>(&self, text: &'t str, mentioned: &[MentionedPerson<'_>]) -> Cow<'t, str> {
        if !text.contains('@') && !text.contains('/') {
            return Cow::Borrowed(text);
        }
        let mut names: Vec<(&str, &str)> = mentioned
            .iter()
            .flat_map(|person| person.names.iter().map(|name| (name.as_ref(), person.platform_id.as_ref())))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        names.sort_unstable_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let mut scrubbed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['@', '<', '/']) {
            let (before, from) = rest.split_at(at);
            scrubbed.push_str(before);
            let (written, length) = self
                .mention(from)
                .or_else(|| self.rendered(before, from, &names))
                .or_else(|| self.address(from))
                .unwrap_or_else(|| (from[..1].to_owned(), 1));
            scrubbed.push_str(&written);
            rest = &from[length..];
        }
        scrubbed.push_str(rest);
        Cow::Owned(scrubbed)
    }

    /// `<@id>` or `<@!id>` at the start of `text`, as it is written here, and its length.
    fn mention(&self, text: &str) -> Option<(String, usize)> {
        let inside = text.strip_prefix("<@")?;
        let inside = inside.strip_prefix('!').unwrap_or(inside);
        let digits = leading_digits(inside);
        let length = text.len() - inside.len() + digits.len() + 1;
        let closed = !digits.is_empty() && inside[digits.len()..].starts_with('>');
        closed.then(|| (format!("<@{}>", self.person(digits)), length))
    }

    /// `@name` at the start of `text`.
    fn rendered(&self, before: &str, text: &str, names: &[(&str, &str)]) -> Option<(String, usize)> {
        let behind = text.strip_prefix('@')?;
        if before.ends_with(char::is_alphanumeric) {
            return None;
        }
        let (name, id) = names.iter().find(|(name, _)| {
            let ends = |rest: &str| !name.ends_with(char::is_alphanumeric) || !rest.starts_with(char::is_alphanumeric);
            behind.strip_prefix(name).is_some_and(ends)
        })?;
        Some((format!("<@{}>", self.person(id)), name.len() + 1))
    }

    /// A segment of an address that is followed by a person's id: `/avatars/80351110224678912`.
    fn address(&self, text: &str) -> Option<(String, usize)> {
        let behind = text.strip_prefix('/')?;
        let key = ADDRESS_KEYS.iter().find(|key| behind.starts_with(**key))?;
        let digits = leading_digits(&behind[key.len()..]);
        (digits.len() >= 15).then(|| (format!("/{key}{}", self.person(digits)), 1 + key.len() + digits.len()))
    }

    /// `value` with every person as a pseudonym, at any depth and under any key: objects of people become
    /// `{"bot", "id"}`, ids of people become pseudonyms, names and avatars of people go.
    #[must_use]
    pub fn json(&self, value: Value, mentioned: &[MentionedPerson<'_>]) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text, mentioned).into_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.json(item, mentioned)).collect(),
            Value::Object(fields) if is_person(&fields) => self.person_object(&fields),
            Value::Object(fields) => self.object(fields, mentioned),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn object(&self, fields: Map<String, Value>, mentioned: &[MentionedPerson<'_>]) -> Value {
        let fields = fields.into_iter().filter(|(key, _)| !NAME_KEYS.contains(&key.as_str())).map(|(key, value)| {
            let value = if ID_KEYS.contains(&key.as_str()) { self.ids(value) } else { self.json(value, mentioned) };
            (self.text(&key, mentioned).into_owned(), value)
        });
        Value::Object(fields.collect())
    }

    fn person_object(&self, fields: &Map<String, Value>) -> Value {
        let bot = ["isBot", "bot"].iter().any(|key| fields.get(*key) == Some(&Value::Bool(true)));
        let mut person = Map::new();
        person.insert("bot".to_owned(), bot.into());
        if let Some(id) = fields.get("id") {
            person.insert("id".to_owned(), self.ids(id.clone()));
        }
        Value::Object(person)
    }

    /// Ids of people, alone or in a list.
    fn ids(&self, value: Value) -> Value {
        match value {
            Value::String(id) => self.person(&id).to_string().into(),
            Value::Number(id) => self.person(&id.to_string()).to_string().into(),
            Value::Array(ids) => ids.into_iter().map(|id| self.ids(id)).collect(),
            Value::Object(_) => Value::Null,
            Value::Null | Value::Bool(_) => value,
        }
    }
}

fn is_person(fields: &Map<String, Value>) -> bool {
    PERSON_KEYS.iter().filter(|key| fields.contains_key(**key)).count() > usize::from(!fields.contains_key("id"))
}

fn leading_digits(text: &str) -> &str {
    let end = text.bytes().take(20).take_while(u8::is_ascii_digit).count();
    &text[..end]
}

#[cfg(test)]
mod tests;
