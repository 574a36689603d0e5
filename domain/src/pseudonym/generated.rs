//! A generated name that a person typed.

use std::fmt;
use std::str::FromStr;

use super::{ADJECTIVES, ANIMALS, NUMBERS, Pseudonym};

/// The readable name of one or more pseudonyms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GeneratedName {
    adjective: usize,
    animal: usize,
    /// Less than [`NUMBERS`].
    number: u32,
}

impl GeneratedName {
    /// Returns the name of `person`.
    #[must_use]
    pub fn of(person: Pseudonym) -> Self {
        let [adjective, animal, number @ ..] = *person.as_bytes().first_chunk::<6>().expect("a pseudonym has 16 bytes");
        Self {
            adjective: usize::from(adjective) % ADJECTIVES.len(),
            animal: usize::from(animal) % ANIMALS.len(),
            number: u32::from_be_bytes(number) % NUMBERS,
        }
    }
}

impl fmt::Display for GeneratedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:05}", ADJECTIVES[self.adjective], ANIMALS[self.animal], self.number)
    }
}

/// A text that is not a generated name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a generated name such as Amber Otter 48213")]
pub struct ParseNameError;

impl FromStr for GeneratedName {
    type Err = ParseNameError;

    /// Parses the two words in any case, and a number of up to five digits, with any blanks between.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = text.split_whitespace();
        let (Some(adjective), Some(animal), Some(number), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(ParseNameError);
        };
        let find = |list: &[&str], word: &str| list.iter().position(|entry| entry.eq_ignore_ascii_case(word));
        let digits = number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self {
            adjective: find(&ADJECTIVES, adjective).ok_or(ParseNameError)?,
            animal: find(&ANIMALS, animal).ok_or(ParseNameError)?,
            number: Some(number).filter(|_| digits).and_then(|number| number.parse().ok()).ok_or(ParseNameError)?,
        })
    }
}
