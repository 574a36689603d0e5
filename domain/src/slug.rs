//! Names in addresses: short, stable, unique within their owner.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

/// First path segments that the site uses itself, so that no tenant can have them.
const RESERVED: [&str; 12] =
    ["about", "admin", "api", "assets", "docs", "healthz", "help", "metrics", "readyz", "search", "sitemap", "static"];

/// Path segments after the tenant's that the site uses itself, so that no channel has them. On the domain of a tenant they
/// are the first ones, so those that the server answers on every host are among them.
const RESERVED_CHANNELS: [&str; 12] =
    ["about", "api", "assets", "feed", "files", "healthz", "metrics", "p", "privacy", "readyz", "search", "sitemap"];

/// The longest slug of a channel, in characters; Discord allows 100 in a name.
const CHANNEL_SLUG_MAX: usize = 100;

/// Why a text is not a slug: the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// The rule for a tenant's slug.
    #[error("{0:?} is not a tenant slug: 3 to 50 of a-z and 0-9, with single hyphens between")]
    Tenant(String),
    /// A word that the site uses itself.
    #[error("{0:?} is taken by the site itself")]
    Reserved(String),
    /// The rule for a channel's slug.
    #[error("{0:?} is not a channel slug: 1 to 100 lower-case letters and digits, with single hyphens between")]
    Channel(String),
}

/// A tenant's name in addresses: 3 to 50 of `a-z` and `0-9`, single hyphens between, none of the site's own words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantSlug(String);

impl TenantSlug {
    /// The minimum length, in characters.
    pub const MIN: usize = 3;
    /// The maximum length, in characters.
    pub const MAX: usize = 50;

    /// Checks a slug that a person wrote.
    ///
    /// # Errors
    /// [`SlugError::Tenant`] or [`SlugError::Reserved`] with the first 64 characters of `text`.
    pub fn new(text: &str) -> Result<Self, SlugError> {
        let letters = text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !letters || !(Self::MIN..=Self::MAX).contains(&text.len()) || !hyphens_are_single(text) {
            return Err(SlugError::Tenant(shown(text)));
        }
        if RESERVED.contains(&text) {
            return Err(SlugError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns a slug made from a name: other scripts are transliterated to Latin letters, all else becomes hyphens,
    /// and a name that leaves too little, or a reserved word, gets the prefix `community`.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let slug = hyphenate(&deunicode::deunicode(name), |letter| letter.is_ascii_alphanumeric(), Self::MAX);
        Self::new(&slug).unwrap_or_else(|_| {
            let slug = hyphenate(&format!("community-{slug}"), |letter| letter.is_ascii_alphanumeric(), Self::MAX);
            Self(slug)
        })
    }

    /// Returns the same slug with the suffix `-number`, cut so that it fits.
    #[must_use]
    pub fn with_suffix(&self, number: u32) -> Self {
        Self(suffixed(&self.0, number, Self::MAX))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A channel's name in addresses: 1 to 100 lower-case letters and digits of any script, single hyphens between.
///
/// It is assigned once, when the channel is first stored, and outlives every rename. It cannot be read as a UUID or a
/// snowflake, which are used in the same position of an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChannelSlug(String);

impl ChannelSlug {
    /// Checks a slug from a store or an address.
    ///
    /// # Errors
    /// [`SlugError::Channel`] with the first 64 characters of `text`.
    pub fn new(text: &str) -> Result<Self, SlugError> {
        let fits = (1..=CHANNEL_SLUG_MAX).contains(&text.chars().count());
        let letters = text.chars().all(|letter| letter == '-' || letter.is_alphanumeric());
        if fits && letters && hyphens_are_single(text) && !reads_as_id(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(SlugError::Channel(shown(text)))
    }

    /// Returns whether the site uses it itself: a channel can have it from before the site did.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        RESERVED_CHANNELS.contains(&self.0.as_str())
    }

    /// Returns a slug made from a channel's name: letters and digits of any script in lower case, hyphens for the rest;
    /// `channel` if nothing is left, and before a word that the site uses itself.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let lower: String = name.nfkc().flat_map(char::to_lowercase).nfc().collect();
        let slug = hyphenate(&lower, char::is_alphanumeric, CHANNEL_SLUG_MAX);
        match slug.as_str() {
            "" => Self("channel".to_owned()),
            text if reads_as_id(text) || RESERVED_CHANNELS.contains(&text) => Self(suffixed_front(text)),
            _ => Self(slug),
        }
    }

    /// Returns a slug for a channel that is hidden from readers. It begins with a capital letter, which a slug made
    /// from a name never has, so that the number in a public channel's slug cannot reveal it.
    #[must_use]
    pub fn hidden(name: &str) -> Self {
        let text = format!("{HIDDEN}{}", Self::from_name(name).0);
        Self(text.chars().take(CHANNEL_SLUG_MAX).collect::<String>().trim_end_matches('-').to_owned())
    }

    /// Returns whether it was made by [`ChannelSlug::hidden`].
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.0.starts_with(HIDDEN)
    }

    /// Returns the same slug with the suffix `-number`, cut so that it fits.
    #[must_use]
    pub fn with_suffix(&self, number: u32) -> Self {
        Self(suffixed(&self.0, number, CHANNEL_SLUG_MAX))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChannelSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The prefix of the slugs of channels that are hidden from readers.
const HIDDEN: &str = "Private-";

/// The minimum number of digits that are read as a snowflake: ids of 2015 already had 17.
const SNOWFLAKE_DIGITS: usize = 15;

fn reads_as_id(text: &str) -> bool {
    let number = text.len() >= SNOWFLAKE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    number || Uuid::try_parse(text).is_ok()
}

fn hyphens_are_single(text: &str) -> bool {
    !text.starts_with('-') && !text.ends_with('-') && !text.contains("--")
}

fn hyphenate(text: &str, keep: impl Fn(char) -> bool, max: usize) -> String {
    let mut slug = String::new();
    let mut length = 0;
    let mut gap = false;
    for letter in text.chars() {
        if !keep(letter) {
            gap = true;
            continue;
        }
        let hyphen = gap && length > 0;
        if length + usize::from(hyphen) + 1 > max {
            break;
        }
        if hyphen {
            slug.push('-');
        }
        slug.extend(letter.to_lowercase());
        length = slug.chars().count();
        gap = false;
    }
    slug
}

fn suffixed(slug: &str, number: u32, max: usize) -> String {
    let suffix = format!("-{number}");
    let stem: String = slug.chars().take(max - suffix.len()).collect();
    format!("{}{suffix}", stem.trim_end_matches('-'))
}

fn suffixed_front(text: &str) -> String {
    format!("channel-{text}").chars().take(CHANNEL_SLUG_MAX).collect::<String>().trim_end_matches('-').to_owned()
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
