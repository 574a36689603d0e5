//! Conversion of names that an exporter rendered back to mentions.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

use super::people::{Identity, KnownPeople, ends_name};
use super::{Pseudonym, Pseudonymizer};
use crate::markup::address_ranges;

/// Characters between a name and an id in the text of a program.
const SEPARATORS: [char; 9] = ['|', '•', '·', '(', ')', ':', ',', '—', '\n'];

/// The names that can follow an `@` in the texts of one message.
#[derive(Debug)]
pub struct RenderedNames<'a> {
    people: &'a Pseudonymizer,
    known: &'a KnownPeople,
    /// The people that the message itself names, who take precedence over others of the same name.
    mentioned: Vec<(Cow<'a, str>, Pseudonym)>,
}

impl<'a> RenderedNames<'a> {
    /// Returns the names of the people that a message mentions, and of all `known` ones.
    #[must_use]
    pub fn new(
        people: &'a Pseudonymizer,
        known: &'a KnownPeople,
        mentioned: impl IntoIterator<Item = (Cow<'a, str>, Pseudonym)>,
    ) -> Self {
        let mut mentioned: Vec<_> = mentioned.into_iter().filter(|(name, _)| !name.is_empty()).collect();
        mentioned.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self { people, known, mentioned }
    }

    /// Returns the scrubbed `text` with every `@Name` as `<@pseudonym>`, the longest name first. Mail and web addresses
    /// stay: no exporter renders a name inside them.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        self.replaced(&text).unwrap_or(text)
    }

    /// Returns `text` with its names replaced; `None` if it has none.
    fn replaced(&self, text: &str) -> Option<String> {
        let mut addresses = address_ranges(text).peekable();
        let (mut written, mut from) = (String::new(), 0);
        for (at, _) in text.match_indices('@') {
            while addresses.next_if(|range| range.end <= at).is_some() {}
            if at < from {
                continue;
            }
            // A name that was replaced is not the user of a mail address.
            let (before, rest) = (&text[from..at], &text[at + 1..]);
            let in_address = addresses.peek().is_some_and(|range| range.start < at)
                && before.ends_with(|letter: char| letter.is_alphanumeric() || "/=:".contains(letter));
            if in_address || is_mention(before, rest) || is_mail(before, rest) {
                continue;
            }
            if let Some((length, pseudonym)) = self.find(rest) {
                written.push_str(&text[from..at]);
                write!(written, "<@{pseudonym}>").expect("a string takes every write");
                from = at + 1 + length;
            }
        }
        written.push_str(&text[from..]);
        (from > 0).then_some(written)
    }

    /// Returns whether `text` is a name and nothing else.
    #[must_use]
    pub fn is_name(&self, text: &str) -> bool {
        self.find(text).is_some_and(|(length, _)| length == text.len())
    }

    /// Returns the scrubbed text of a program with the names beside a pseudonym, on the same line, replaced by generated
    /// ones: `ID: pseudonym | Name`, `Name (pseudonym)`.
    #[must_use]
    pub fn beside_ids(&self, text: &str) -> String {
        let lines = text.split_inclusive('\n').map(|line| {
            if !has_pseudonym(line) {
                return Cow::Borrowed(line);
            }
            let parts = line.split_inclusive(SEPARATORS).map(|part| {
                let name = part.trim_matches(|letter: char| !letter.is_alphanumeric());
                match self.find(name) {
                    Some((length, person)) if length == name.len() => {
                        Cow::Owned(part.replacen(name, &person.name().to_string(), 1))
                    }
                    _ => Cow::Borrowed(part),
                }
            });
            Cow::Owned(parts.collect::<String>())
        });
        lines.collect()
    }

    /// Returns `value` with [`RenderedNames::text`] applied to every text in it.
    #[must_use]
    pub fn json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (key, self.json(value))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Returns the length of the longest name at the start of `text`, and its person.
    fn find(&self, text: &str) -> Option<(usize, Pseudonym)> {
        let ends = |name: &str| name.chars().next_back().is_some_and(|last| ends_name(last, &text[name.len()..]));
        let mentioned = self.mentioned.iter().find(|(name, _)| text.starts_with(name.as_ref()) && ends(name));
        let known = self.known.find(text);
        match (mentioned, known) {
            (Some((name, pseudonym)), known) if known.as_ref().is_none_or(|(other, _)| other.len() <= name.len()) => {
                Some((name.len(), *pseudonym))
            }
            (_, Some((name, person))) => Some((name.len(), self.people.identity(&person))),
            (_, None) => None,
        }
    }
}

impl Pseudonymizer {
    /// Returns the pseudonym of a person by id, or by name if a source has no id.
    #[must_use]
    pub fn identity(&self, person: &Identity<'_>) -> Pseudonym {
        match person {
            Identity::Id(id) => self.person(id),
            Identity::Name(name) => self.named(name),
        }
    }
}

fn has_pseudonym(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_hexdigit()).any(|word| word.len() == 32)
}

/// Returns whether an `@` belongs to Discord's own markup: `<@pseudonym>` or `<@&role>`.
fn is_mention(before: &str, rest: &str) -> bool {
    let inside = before.ends_with('<').then(|| rest.split_once('>')).flatten();
    inside.is_some_and(|(inside, _)| {
        let digits = inside.strip_prefix(['&', '!']).unwrap_or(inside);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Returns whether an `@` is part of a mail address: between words of ASCII, with a dot after it.
fn is_mail(before: &str, rest: &str) -> bool {
    let of_user = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let user = before.bytes().rev().take_while(of_user);
    let mut labels = rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '.');
    let host = labels.next().unwrap_or_default();
    let mut parts = host.trim_end_matches('.').split('.');
    user.into_iter().any(|byte| byte.is_ascii_alphanumeric())
        && parts.next().is_some_and(|first| !first.is_empty())
        && parts.next().is_some_and(|second| !second.is_empty())
}

#[cfg(test)]
mod tests;
