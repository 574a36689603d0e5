//! Conversion of names that an exporter rendered back to mentions.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use serde_json::Value;

use super::people::{Identity, KnownPeople, ends_name};
use super::scrub::{is_id_word, is_person_word};
use super::{Pseudonym, Pseudonymizer};
use crate::markup::address_ranges;

/// Characters between a name and an id in the text of a program.
const SEPARATORS: [char; 13] = ['|', '•', '·', '(', ')', ':', ',', ';', '=', '/', '—', '–', '\n'];

/// Characters around a name that do not belong to it.
const MARKUP: [char; 10] = [' ', '*', '_', '~', '`', '"', '<', '>', '@', '|'];

/// The maximum number of such characters before a name.
const LONGEST_MARKUP: usize = 8;

/// The maximum length of a name with a tag, in characters: that of Discord's names.
const LONGEST_NAME: usize = 32;

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

    /// Returns the scrubbed text of a program with names of people replaced by generated ones, as far as their context
    /// says that they are names: with a tag (`Name#1234`), beside a pseudonym on the same line (`Name (pseudonym)`), or
    /// after the word for a person (`User: Name`). `label` is before the text, as the name of an embed's field is.
    #[must_use]
    pub fn program_text(&self, text: &str, label: &str) -> String {
        let is_labelled = is_label(label);
        let text = self.without_tags(text);
        text.split_inclusive('\n').map(|line| self.without_names(line, is_labelled)).collect()
    }

    /// Returns a line of a program's text with the names at the start of its parts replaced; `is_labelled` states whether
    /// a word for a person is before it.
    fn without_names(&self, line: &str, is_labelled: bool) -> String {
        let has_pseudonym = has_pseudonym(line);
        let (mut written, mut from, mut start) = (String::with_capacity(line.len()), 0, 0);
        let mut is_named = has_pseudonym || is_labelled;
        loop {
            if is_named && let Some((name, person)) = self.name_at(line, start) {
                written.push_str(&line[from..name.start]);
                written.push_str(&person.name().to_string());
                (from, start) = (name.end, name.end);
            }
            let Some((at, length)) = separator(&line[start..]) else { break };
            is_named = has_pseudonym || is_label(&line[start..start + at]);
            start += at + length;
        }
        written.push_str(&line[from..]);
        written
    }

    /// Returns the name that is the whole part of a line from `start` on, without the markup around it, and its person.
    fn name_at(&self, line: &str, start: usize) -> Option<(Range<usize>, Pseudonym)> {
        for (at, letter) in line[start..].char_indices().take(LONGEST_MARKUP) {
            let at = start + at;
            if let Some((length, person)) = self.find(&line[at..]) {
                let name = at..at + length;
                let rest = line[name.end..].trim_start_matches(MARKUP);
                let is_whole = rest.is_empty()
                    || separator(&line[name.end..])
                        .is_some_and(|(next, _)| line[name.end..name.end + next].trim_matches(MARKUP).is_empty());
                // A member can have the name of a label.
                let is_of_label = |word: String| is_person_word(&word) || is_id_word(&word);
                if is_whole && !last_word(&line[name.clone()]).is_some_and(is_of_label) {
                    return Some((name, person));
                }
            }
            if !MARKUP.contains(&letter) {
                return None;
            }
        }
        None
    }

    /// Returns a text with generated names in the place of `Name#1234` and `Name#0`.
    fn without_tags<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let (mut written, mut from) = (String::new(), 0);
        for (at, _) in text.match_indices('#') {
            let digits = text[at + 1..].bytes().take(5).take_while(u8::is_ascii_digit).count();
            if digits != 4 && &text[at + 1..at + 1 + digits] != "0" {
                continue;
            }
            let starts = text[from..at].char_indices().rev().take(LONGEST_NAME).map(|(start, _)| from + start);
            let names = starts.filter(|start| !text[..*start].ends_with(char::is_alphanumeric));
            let found = names.filter_map(|start| Some((start, self.find(&text[start..])?)));
            // An export with tags makes the whole tag known, too.
            let is_tagged = |start: usize, length: usize| [at, at + 1 + digits].contains(&(start + length));
            if let Some((start, (_, person))) = found.filter(|(start, (length, _))| is_tagged(*start, *length)).last() {
                written.push_str(&text[from..start]);
                written.push_str(&person.name().to_string());
                from = at + 1 + digits;
            }
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        written.push_str(&text[from..]);
        Cow::Owned(written)
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

/// Returns the position of the first separator in a text, and its length: one of [`SEPARATORS`], or a hyphen between
/// blanks.
fn separator(text: &str) -> Option<(usize, usize)> {
    let is_hyphen = |at: usize| text[..at].ends_with(' ') && text[at + 1..].starts_with(' ');
    let found =
        text.char_indices().find(|(at, letter)| SEPARATORS.contains(letter) || *letter == '-' && is_hyphen(*at));
    found.map(|(at, letter)| (at, letter.len_utf8()))
}

/// Returns the last word of a text, in lower case.
fn last_word(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).rfind(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Returns whether a text ends with a word for a person.
fn is_label(text: &str) -> bool {
    last_word(text).is_some_and(|word| is_person_word(&word))
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
