//! The people of a set of files, by every name that an exporter may have rendered.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The identity of a person in the source of their name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity<'a> {
    /// The platform's id.
    Id(Cow<'a, str>),
    /// The name, if a source has no id.
    Name(Cow<'a, str>),
}

/// Names after an `@` that are never a person's: Discord's mentions of groups.
const GROUPS: [&str; 2] = ["everyone", "here"];

/// The maximum length of a known name, in bytes: a webhook's has up to 80 characters.
const MAX_NAME: usize = 512;

/// The number of tables of names.
const TABLES: usize = 64;

/// Marks a number that is an index of [`KnownPeople::others`] instead of an id.
const OTHER: u64 = 1 << 63;

/// The people of a set of files, found by the names, nicknames and tags (`Name#1234`) that the files give them.
///
/// A name takes 20 to 40 bytes, whatever its length: its 64-bit fingerprint and the number of the person. If two names
/// have the same fingerprint, one of them maps to the pseudonym of the other person, and never to a name.
#[derive(Debug, Default)]
pub struct KnownPeople {
    /// By the lowest bits of the fingerprint, or empty. Many small tables, because a table that grows exists beside its
    /// larger copy for a while.
    names: Vec<HashMap<u64, u64, BuildHasherDefault<AsItIs>>>,
    /// People whose id is not a number below 2⁶³, or who have none.
    others: Vec<Identity<'static>>,
    /// The length of the longest name, in bytes.
    longest: usize,
}

impl KnownPeople {
    /// Adds the names of a person. A name that two people share maps to the one with the smaller id, in whatever order
    /// they are added; a person without an id comes last.
    pub fn add<'n>(&mut self, person: &Identity<'_>, names: impl IntoIterator<Item = &'n str>) {
        let mut number = number(person);
        for name in names {
            if name.is_empty() || name.len() > MAX_NAME || GROUPS.contains(&name) {
                continue;
            }
            self.longest = self.longest.max(name.len());
            let key = fingerprint(name);
            let held = self.get(key);
            if held.is_some_and(|held| held == number.unwrap_or(OTHER) || rank(&self.identity(held)) <= rank(person)) {
                continue;
            }
            let number = *number.get_or_insert_with(|| {
                self.others.push(owned(person));
                OTHER | (self.others.len() as u64 - 1)
            });
            self.names.resize_with(TABLES, HashMap::default);
            self.names[table(key)].insert(key, number);
        }
    }

    /// Returns the longest name at the start of `text`, and its person. A name ends where a word ends, or before a
    /// plural's `s`.
    #[must_use]
    pub fn find<'t>(&self, text: &'t str) -> Option<(&'t str, Identity<'_>)> {
        let (mut hash, mut found) = (BASIS, None);
        for (at, letter) in text.char_indices() {
            let end = at + letter.len_utf8();
            if end > self.longest {
                break;
            }
            hash = text[at..end].bytes().fold(hash, step);
            if ends_name(letter, &text[end..])
                && let Some(number) = self.get(hash)
            {
                found = Some((end, number));
            }
        }
        found.map(|(end, number)| (&text[..end], self.identity(number)))
    }

    /// Returns the people whose names follow an `@` in `text`, each with that name.
    pub fn mentioned<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, Identity<'a>)> {
        let text = if self.names.is_empty() { "" } else { text };
        text.match_indices('@').filter_map(|(at, _)| self.find(&text[at + 1..]))
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.names.get(table(key))?.get(&key).copied()
    }

    fn identity(&self, number: u64) -> Identity<'_> {
        match self.others.get(usize::try_from(number & !OTHER).unwrap_or(usize::MAX)).filter(|_| number & OTHER != 0) {
            Some(Identity::Id(id)) => Identity::Id(Cow::Borrowed(id)),
            Some(Identity::Name(name)) => Identity::Name(Cow::Borrowed(name)),
            None => Identity::Id(number.to_string().into()),
        }
    }
}

fn table(key: u64) -> usize {
    usize::try_from(key % TABLES as u64).unwrap_or_default()
}

/// Returns whether a name that ends with `letter` can end before `rest`: letters and digits continue a word, except
/// those of a script without blanks.
pub(super) fn ends_name(letter: char, rest: &str) -> bool {
    let rest = rest.strip_prefix('s').filter(|rest| !rest.starts_with(char::is_alphanumeric)).unwrap_or(rest);
    let spaced = |letter: char| letter.is_alphanumeric() && !is_unspaced(letter);
    !(spaced(letter) && rest.starts_with(spaced))
}

/// Letters of scripts that write words without blanks between them: Thai to Khmer, and those of East Asia.
const fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}' | '\u{a000}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}' | '\u{20000}'..='\u{3ffff}')
}

fn number(person: &Identity<'_>) -> Option<u64> {
    let Identity::Id(id) = person else { return None };
    let number: u64 = id.parse().ok().filter(|number| *number < OTHER)?;
    // Another spelling is another id.
    (number.to_string() == *id.as_ref()).then_some(number)
}

/// The order of people who share a name: ids by number, other ids, names.
fn rank<'a>(person: &'a Identity<'_>) -> (bool, bool, u64, &'a str) {
    let number = number(person);
    let (is_name, text) = match person {
        Identity::Id(id) => (false, id.as_ref()),
        Identity::Name(name) => (true, name.as_ref()),
    };
    (is_name, number.is_none(), number.unwrap_or_default(), text)
}

fn owned(person: &Identity<'_>) -> Identity<'static> {
    match person {
        Identity::Id(id) => Identity::Id(Cow::Owned(id.to_string())),
        Identity::Name(name) => Identity::Name(Cow::Owned(name.to_string())),
    }
}

/// FNV-1a of 64 bits (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv-30>), computed byte by byte.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

fn fingerprint(name: &str) -> u64 {
    name.bytes().fold(BASIS, step)
}

/// Spreads a fingerprint over the bits that the table uses.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().copied().fold(self.0, step);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests;
