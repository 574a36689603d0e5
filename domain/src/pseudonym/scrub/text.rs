//! Mentions, addresses and ids that name a person in a text.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::ops::Range;

use super::super::Pseudonymizer;
use super::view::{Unit, fold, view};

/// The minimum number of digits of an id where a person's id is expected: Discord's first ids have 15.
pub(super) const SHORTEST: usize = 15;
/// The possible numbers of digits of an id without context.
pub(super) const ID_DIGITS: std::ops::RangeInclusive<usize> = 17..=20;

/// Segments of addresses before the id of a person.
const PERSON_SEGMENTS: [&str; 16] = [
    // A direct channel.
    "@me",
    "lookup.guru",
    "user",
    "users",
    "member",
    "members",
    "profile",
    "profiles",
    "author",
    "authors",
    "account",
    "accounts",
    "webhook",
    "webhooks",
    "app-icons",
    "app-assets",
];

/// Segments of addresses before a picture of a person: an id with a hash, or a hash alone.
const ASSET_SEGMENTS: [&str; 7] = [
    "avatars",
    "banners",
    "avatar-decorations",
    "avatar-decoration-presets",
    "clan-badges",
    "guild-tag-badges",
    "nameplates",
];

/// Those of them whose id is not a person's.
const SHARED_ASSETS: [&str; 3] = ["clan-badges", "guild-tag-badges", "nameplates"];

/// Names of parameters and schemes before the id of a person.
const PERSON_PARAMETERS: [&str; 17] = [
    "spotify",
    "user",
    "users",
    "userid",
    "user_id",
    "user-id",
    "uid",
    "member",
    "memberid",
    "member_id",
    "author",
    "author_id",
    "owner",
    "owner_id",
    "client_id",
    "prefill",
    "recipient_id",
];

/// Segments of addresses before ids that do not name a person, and the number of ids that follow.
const THING_SEGMENTS: [(&str, usize); 13] = [
    ("attachments", 2),
    ("ephemeral-attachments", 2),
    ("channels", 3),
    ("emojis", 1),
    ("stickers", 1),
    ("icons", 1),
    ("splashes", 1),
    ("discovery-splashes", 1),
    ("role-icons", 1),
    ("channel-icons", 1),
    ("guild-events", 1),
    ("guilds", 1),
    ("soundboard-sounds", 1),
];

/// The maximum length of a word before an id that is checked.
pub(super) const LONGEST_WORD: usize = 32;

/// The rules of the replacements in a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'r> {
    /// Whether the text is hidden from readers: each run of 17 to 20 digits is a person then.
    pub(super) hidden: bool,
    /// Ids of people, which are replaced wherever they occur.
    pub(super) known: Option<&'r HashSet<String>>,
    /// The id of the item that the text belongs to, which is not a person's.
    pub(super) own: Option<&'r str>,
    /// Whether the text comes from a source. A text that was scrubbed already has mentions in our own form.
    pub(super) fresh: bool,
}

/// The replacement of a part of a text.
#[derive(Debug)]
pub(super) enum What {
    /// A mention of a person.
    Mention(String),
    /// The id of a person.
    Id(String),
    /// A picture of a person, with the person's id if known.
    Asset { before: &'static str, word: &'static str, id: Option<String> },
    /// A mention in our own form that a source contains.
    Forged,
}

impl What {
    /// Returns the id of the person.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Mention(id) | Self::Id(id) => Some(id),
            Self::Asset { id, .. } => id.as_deref(),
            Self::Forged => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Edit {
    range: Range<usize>,
    pub(super) what: What,
}

impl Pseudonymizer {
    /// Returns `text` with `edits` applied.
    pub(super) fn edited(&self, text: &str, edits: &[Edit]) -> String {
        let (mut written, mut from) = (String::with_capacity(text.len()), 0);
        for Edit { range, what } in edits {
            written.push_str(&text[from..range.start]);
            from = range.end;
            let result = match what {
                What::Mention(id) => write!(written, "<@{}>", self.person(id)),
                What::Id(id) => write!(written, "{}", self.person(id)),
                What::Asset { before, word, id: Some(id) } => write!(written, "{before}{word}/{}", self.person(id)),
                What::Asset { before, word, id: None } => write!(written, "{before}{word}/"),
                What::Forged => write!(written, "\u{200b}"),
            };
            result.expect("a String takes any text");
        }
        written.push_str(&text[from..]);
        written
    }
}

/// Returns the parts of `text` that `rules` replace, in its order. In time linear in its length.
pub(super) fn scan(text: &str, rules: Rules<'_>) -> Vec<Edit> {
    if !may_name(text) {
        return Vec::new();
    }
    Scan::new(text, rules).run()
}

/// Returns whether a text has anything that can name a person.
pub(super) fn may_name(text: &str) -> bool {
    let mut digits = 0;
    text.chars().filter_map(fold).any(|letter| {
        digits += usize::from(letter.is_ascii_digit());
        digits >= SHORTEST || matches!(letter, '@' | '/' | '\\' | '%')
    })
}

pub(super) struct Scan<'s> {
    text: &'s str,
    pub(super) units: Vec<Unit>,
    rules: Rules<'s>,
}

/// A match: the edit, and the unit after it.
type Match = (Edit, usize);

impl<'s> Scan<'s> {
    pub(super) fn new(text: &'s str, rules: Rules<'s>) -> Self {
        Self { text, units: view(text), rules }
    }

    fn run(&self) -> Vec<Edit> {
        let mut edits: Vec<Edit> = Vec::new();
        // The start of the current word without blanks and brackets, and the person that it has named.
        let (mut token, mut named) = (0, None);
        let mut at = 0;
        while let Some(unit) = self.units.get(at) {
            if is_boundary(unit.letter) {
                (token, named) = (at + 1, None);
            }
            let found = match unit.letter {
                '<' => self.mention(at).or_else(|| self.forged(at)),
                '@' => self.bare_mention(at),
                '/' | '\\' => self.asset(at, token, named.as_deref()).or_else(|| self.address(at, &PERSON_SEGMENTS)),
                '=' | ':' => self.address(at, &PERSON_PARAMETERS),
                '0'..='9' => {
                    let end = self.digits(at);
                    let found = self.number(at, end);
                    at = if found.is_none() { end } else { at };
                    if found.is_none() {
                        continue;
                    }
                    found
                }
                _ => None,
            };
            let Some((edit, next)) = found else {
                at += 1;
                continue;
            };
            // An edit of a whole address replaces the edits inside it.
            while edits.last().is_some_and(|last| last.range.end > edit.range.start) {
                edits.pop();
            }
            if let Some(id) = edit.what.id() {
                named = Some(id.to_owned());
            }
            edits.push(edit);
            at = next.max(at + 1);
        }
        edits
    }

    pub(super) fn letter(&self, at: usize) -> Option<char> {
        self.units.get(at).map(|unit| unit.letter)
    }

    fn skip_blanks(&self, mut at: usize) -> usize {
        while self.letter(at).is_some_and(char::is_whitespace) {
            at += 1;
        }
        at
    }

    /// Returns the end of the digits at `at`.
    pub(super) fn digits(&self, mut at: usize) -> usize {
        while self.letter(at).is_some_and(|letter| letter.is_ascii_digit()) {
            at += 1;
        }
        at
    }

    pub(super) fn string(&self, units: Range<usize>) -> String {
        self.units[units].iter().map(|unit| unit.letter).collect()
    }

    pub(super) fn edit(&self, units: Range<usize>, what: What) -> Edit {
        Edit { range: self.units[units.start].start..self.units[units.end - 1].end, what }
    }

    /// Finds `<@id>` and `<@!id>`, also with blanks, and without the end.
    fn mention(&self, at: usize) -> Option<Match> {
        let sign = self.skip_blanks(at + 1);
        if self.letter(sign)? != '@' {
            return None;
        }
        let mut first = self.skip_blanks(sign + 1);
        let nick = self.letter(first)? == '!';
        if nick {
            first = self.skip_blanks(first + 1);
        }
        let (spaced, digits) = self.spaced_digits(first);
        let close = self.skip_blanks(spaced);
        if ID_DIGITS.contains(&digits.len()) && self.letter(close) == Some('>') {
            return Some((self.edit(at..close + 1, What::Mention(digits)), close + 1));
        }
        let end = self.digits(first);
        let close = self.skip_blanks(end);
        let is_closed = self.letter(close) == Some('>');
        let is_exact = is_closed && close == end && first == at + 2 + usize::from(nick);
        if end - first < if is_exact { 1 } else { SHORTEST } {
            return None;
        }
        let next = if is_closed { close + 1 } else { end };
        Some((self.edit(at..next, What::Mention(self.string(first..end))), next))
    }

    /// Returns the digits at `first`, up to the length of an id, and their end; blanks between them do not count.
    fn spaced_digits(&self, first: usize) -> (usize, String) {
        let (mut end, mut next, mut digits) = (first, first, String::new());
        while digits.len() <= *ID_DIGITS.end() && self.letter(next).is_some_and(|letter| letter.is_ascii_digit()) {
            digits.extend(self.letter(next));
            end = next + 1;
            next = self.skip_blanks(end);
        }
        (end, digits)
    }

    /// Finds `@id` without brackets.
    fn bare_mention(&self, at: usize) -> Option<Match> {
        let mut first = self.skip_blanks(at + 1);
        if self.letter(first)? == '!' {
            first = self.skip_blanks(first + 1);
        }
        let end = self.digits(first);
        let is_id = ID_DIGITS.contains(&(end - first));
        is_id.then(|| (self.edit(at..end, What::Mention(self.string(first..end))), end))
    }

    /// Finds `<@` with 32 hexadecimal digits, our own form of a mention.
    fn forged(&self, at: usize) -> Option<Match> {
        let unit = self.units[at];
        let inside = self.text[unit.start..].strip_prefix("<@").filter(|_| self.rules.fresh)?;
        let digits = inside.strip_prefix('!').unwrap_or(inside).bytes().take(32);
        let is_forged = digits.clone().count() == 32 && { digits }.all(|byte| byte.is_ascii_hexdigit());
        is_forged.then(|| (Edit { range: unit.end..unit.end, what: What::Forged }, at + 1))
    }

    /// Returns the word that ends before the separators at `at`, and its start.
    fn word_before(&self, at: usize) -> (String, usize) {
        let mut end = at;
        while end > 0 && at - end < LONGEST_WORD && matches!(self.units[end - 1].letter, '/' | '\\') {
            end -= 1;
        }
        let mut start = end;
        let is_of_word = |letter: char| letter.is_ascii_lowercase() || matches!(letter, '_' | '-');
        while start > 0 && end - start < LONGEST_WORD && is_of_word(self.units[start - 1].letter) {
            start -= 1;
        }
        (self.string(start..end), start)
    }

    /// Finds the id of a person after the separator at `at`, if one of `words` is before it.
    fn address(&self, at: usize, words: &[&str]) -> Option<Match> {
        let (first, end) = (at + 1, self.digits(at + 1));
        // An emoji can have one of the names.
        if end - first < SHORTEST || self.letter(at) == Some(':') && self.is_thing(first) {
            return None;
        }
        let (word, start) = self.word_before(at);
        // A host, or `@me`.
        let longer = || {
            let low = start.saturating_sub(LONGEST_WORD);
            let ends = |unit: &Unit| is_boundary(unit.letter) || unit.letter == '/';
            let from = self.units[low..start].iter().rposition(ends).map_or(low, |end| low + end + 1);
            let long = self.string(from..start) + &word;
            words.contains(&long.trim_start_matches("www."))
        };
        if !words.contains(&word.as_str()) && !longer() {
            return None;
        }
        Some((self.edit(first..end, What::Id(self.string(first..end))), end))
    }

    /// Finds the address of a picture of a person: all of it, from the start of its `token`.
    fn asset(&self, at: usize, token: usize, named: Option<&str>) -> Option<Match> {
        let (first, end) = (at + 1, self.digits(at + 1));
        let has_id = end - first >= SHORTEST;
        if !has_id && !self.is_hash(first) {
            return None;
        }
        let (found, start) = self.word_before(at);
        let is_word =
            |word: &&&str| found.strip_suffix(**word).is_some_and(|rest| rest.is_empty() || rest.ends_with('-'));
        // Of words with a common ending, the longest.
        let word = ASSET_SEGMENTS.iter().filter(is_word).max_by_key(|word| word.len())?;
        let mut next = first;
        while self.letter(next).is_some_and(|letter| !is_boundary(letter)) {
            next += 1;
        }
        if !self.rules.fresh && next - first == 32 {
            return None;
        }
        next = self.hash_below(first, next);
        let id = if SHARED_ASSETS.contains(word) {
            None
        } else if has_id {
            Some(self.string(first..end))
        } else {
            named.map(str::to_owned)
        };
        let is_web = token < start && self.units[token..].iter().map(|unit| unit.letter).take(4).eq("http".chars());
        let (start, before) = if is_web { (token, "https://cdn.discordapp.com/") } else { (start, "") };
        Some((self.edit(start..next, What::Asset { before, word, id }), next))
    }

    /// Returns the end of the hash that follows the blanks after an address whose last segment, from `first` to `end`,
    /// is an id; `end` if there is none.
    fn hash_below(&self, first: usize, end: usize) -> usize {
        let is_cut = self.digits(first) == end || self.digits(first) + 1 == end && self.units[end - 1].letter == '/';
        let mut hash = self.skip_blanks(end);
        hash += usize::from(self.letter(hash) == Some('/'));
        if !is_cut || hash == end || !self.is_hash(hash) {
            return end;
        }
        while self.letter(hash).is_some_and(|letter| !is_boundary(letter)) {
            hash += 1;
        }
        hash
    }

    /// Returns whether a hash begins at `at`: hexadecimal digits, after the prefix of an animated one, if present.
    fn is_hash(&self, at: usize) -> bool {
        let mark = (1..=3).find(|length| self.letter(at + length) == Some('_')).map_or(0, |length| length + 1);
        let rest = self.units.get(at + mark..).unwrap_or_default();
        rest.iter().take(16).filter(|unit| unit.letter.is_ascii_hexdigit()).count() == 16
    }

    /// Finds digits without context.
    fn number(&self, at: usize, end: usize) -> Option<Match> {
        let length = end - at;
        if !(SHORTEST..=20).contains(&length) {
            return None;
        }
        let digits = self.string(at..end);
        let is_known = self.rules.known.is_some_and(|known| known.contains(&digits));
        let may_be = self.rules.hidden
            && ID_DIGITS.contains(&length)
            && self.rules.own != Some(digits.as_str())
            && !self.is_thing(at)
            && !self.is_pseudonym(at, end);
        (is_known || may_be).then(|| (self.edit(at..end, What::Id(digits)), end))
    }

    /// Returns whether the id at `at` is that of a channel, role, emoji or command in markup, or that of another item
    /// in an address.
    fn is_thing(&self, at: usize) -> bool {
        let back = |count: usize| at.checked_sub(count).and_then(|at| self.letter(at));
        match (back(1), back(2), back(3)) {
            (Some('#'), Some('<'), _) | (Some('&'), Some('@'), Some('<')) => true,
            (Some(':'), ..) => {
                let from = at.saturating_sub(2 + LONGEST_WORD);
                let before = self.string(from..at - 1);
                let name = before.rsplit(['<', '>', '\n']).next().unwrap_or_default();
                let opens = before.ends_with(&format!("<{name}"));
                opens && [":", "a:", "/"].iter().any(|mark| name.starts_with(mark))
            }
            (Some('/'), ..) => {
                let (mut ids, mut first) = (1, at);
                while ids < 4 {
                    let (word, _) = self.word_before(first - 1);
                    if !word.is_empty() {
                        return THING_SEGMENTS.iter().any(|(segment, most)| *segment == word && ids <= *most);
                    }
                    let mut before = first - 1;
                    while before > 0 && first - before < 22 && self.units[before - 1].letter.is_ascii_digit() {
                        before -= 1;
                    }
                    if before == first - 1 || before == 0 || self.units[before - 1].letter != '/' {
                        return false;
                    }
                    (ids, first) = (ids + 1, before);
                }
                false
            }
            _ => false,
        }
    }

    /// Returns whether the digits are part of a pseudonym that an earlier pass wrote.
    fn is_pseudonym(&self, at: usize, end: usize) -> bool {
        if self.rules.fresh {
            return false;
        }
        let is_hex = |unit: &&Unit| unit.letter.is_ascii_hexdigit();
        let before = self.units[..at].iter().rev().take(33).take_while(is_hex).count();
        let after = self.units[end..].iter().take(33).take_while(is_hex).count();
        before + (end - at) + after == 32
    }
}

/// Returns whether an address ends before the letter.
fn is_boundary(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '"' | '\'' | '`' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '|')
}
