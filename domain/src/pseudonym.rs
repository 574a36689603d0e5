//! Pseudonyms: keyed ids with readable names, which do not reveal the person.

mod check;
mod generated;
mod people;
mod rendered;
mod scrub;

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Serialize, Serializer};
use sha2::Sha256;

pub use self::check::{KeyCheck, ParseKeyCheckError};
pub use self::generated::{GeneratedName, ParseNameError};
pub use self::people::{Identity, KnownPeople};
pub use self::rendered::RenderedNames;
pub use self::scrub::{MessageScrub, Part, each_program_text};
use crate::tenant::TenantId;

/// The secret of an installation, from which every tenant's key is derived: 32 bytes.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

impl PseudonymKey {
    /// Returns the key with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns whether `other` makes the same pseudonyms. For the operator's own keys only: the comparison is not
    /// constant-time, and reveals how much of the two is equal.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(***)")
    }
}

/// A text that is not a key. The error does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct ParseKeyError;

impl FromStr for PseudonymKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self).ok_or(ParseKeyError)
    }
}

/// A person of one tenant: HMAC-SHA-256 of the platform's id under the tenant's key, cut to 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym([u8; 16]);

impl Pseudonym {
    /// Returns the pseudonym with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns a readable and stable name: `Amber Otter 48213`. There are 410 million of them; among 20,000 people, two
    /// share one in every other community.
    #[must_use]
    pub fn name(&self) -> PseudonymName {
        PseudonymName(*self)
    }
}

impl fmt::Display for Pseudonym {
    /// Writes 32 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A text that is not a pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 32 hexadecimal digits")]
pub struct ParsePseudonymError;

impl FromStr for Pseudonym {
    type Err = ParsePseudonymError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        from_hex(text).map(Self).ok_or(ParsePseudonymError)
    }
}

impl Serialize for Pseudonym {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The readable name of a [`Pseudonym`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PseudonymName(Pseudonym);

impl fmt::Display for PseudonymName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        GeneratedName::of(self.0).fmt(f)
    }
}

impl Serialize for PseudonymName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Makes the pseudonyms of the people of one tenant.
#[derive(Clone)]
pub struct Pseudonymizer {
    keyed: Hmac<Sha256>,
}

impl Pseudonymizer {
    /// Returns that of `tenant`: its key is the HMAC-SHA-256 of the tenant's id under the installation's.
    #[must_use]
    pub fn new(key: &PseudonymKey, tenant: TenantId) -> Self {
        let tenant_key = hmac(&key.0).chain_update(tenant.0.as_bytes()).finalize().into_bytes();
        Self { keyed: hmac(&tenant_key) }
    }

    /// Returns the pseudonym of the person with this platform id.
    #[must_use]
    pub fn person(&self, platform_id: &str) -> Pseudonym {
        self.hash(&[platform_id])
    }

    /// Returns the pseudonym of the speaker that posts as `name` through the webhook `webhook_id`. Bridges and
    /// role-playing bots post for many speakers through one webhook; each name is one of them. Blanks around the name
    /// are ignored.
    #[must_use]
    pub fn webhook(&self, webhook_id: &str, name: &str) -> Pseudonym {
        self.hash(&["\0webhook\0", webhook_id, "\0", name.trim()])
    }

    /// Returns the pseudonym of a person for whom a source has only `name` and no id. Blanks around the name are
    /// ignored.
    #[must_use]
    pub fn named(&self, name: &str) -> Pseudonym {
        self.hash(&["\0name\0", name.trim()])
    }

    fn hash(&self, parts: &[&str]) -> Pseudonym {
        let keyed = parts.iter().fold(self.keyed.clone(), |keyed, part| keyed.chain_update(part.as_bytes()));
        let hash = keyed.finalize().into_bytes();
        Pseudonym(*hash.first_chunk().expect("an HMAC-SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for Pseudonymizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonymizer(***)")
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

/// The number after the two words is less.
const NUMBERS: u32 = 100_000;

const ADJECTIVES: [&str; 64] = [
    "Amber", "Ancient", "Autumn", "Azure", "Bold", "Brave", "Bright", "Brisk", "Bronze", "Calm", "Cheerful", "Clever",
    "Coral", "Cosmic", "Crimson", "Crystal", "Curious", "Dapper", "Daring", "Eager", "Early", "Emerald", "Fearless",
    "Gentle", "Golden", "Grand", "Happy", "Hidden", "Humble", "Indigo", "Ivory", "Jade", "Jolly", "Keen", "Kind",
    "Lively", "Lucky", "Lunar", "Mellow", "Merry", "Misty", "Noble", "Olive", "Patient", "Pearl", "Playful", "Polite",
    "Proud", "Quick", "Quiet", "Rapid", "Ruby", "Rustic", "Scarlet", "Silent", "Silver", "Solar", "Steady", "Sunny",
    "Swift", "Tidy", "Velvet", "Violet", "Winter",
];

const ANIMALS: [&str; 64] = [
    "Badger", "Bat", "Bear", "Beaver", "Bee", "Bison", "Cat", "Cheetah", "Cobra", "Condor", "Coyote", "Crane", "Crow",
    "Deer", "Dingo", "Dolphin", "Dove", "Eagle", "Elk", "Falcon", "Ferret", "Finch", "Fox", "Frog", "Gazelle", "Gecko",
    "Goose", "Hare", "Hawk", "Hedgehog", "Heron", "Ibex", "Jaguar", "Koala", "Lark", "Lemur", "Leopard", "Lynx",
    "Magpie", "Marten", "Mole", "Moose", "Moth", "Narwhal", "Newt", "Ocelot", "Otter", "Owl", "Panda", "Pelican",
    "Penguin", "Puffin", "Quail", "Rabbit", "Raven", "Robin", "Salmon", "Seal", "Sparrow", "Stork", "Swan", "Tiger",
    "Wolf", "Wren",
];

#[cfg(test)]
mod tests;
