//! How a community presents its archive: the texts of its pages, its links, its icon, and whom to contact.

mod icon;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::icon::{Icon, IconKind};

/// The longest address of a link or contact, in characters.
const LONGEST_ADDRESS: usize = 2_048;
/// The longest label of a link, in characters.
const LONGEST_LABEL: usize = 100;
/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const LONGEST_MAIL: usize = 254;

/// Why a part of a profile was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The rule for a text, with the largest number of its characters.
    #[error("a text has 1 to {0} characters that are not all blank, and no control characters but line feeds")]
    Text(usize),
    /// The rule for the label of a link.
    #[error("the label of a link has 1 to {LONGEST_LABEL} characters on one line that are not all blank")]
    Label,
    /// The rule for the address of a link.
    #[error("a link leads to an https address of at most {LONGEST_ADDRESS} characters")]
    Address,
    /// Too many links.
    #[error("there are at most {} links", Links::MOST)]
    Many,
    /// The rule for a contact.
    #[error("a contact is an e-mail address, such as archive@example.org, or an https address")]
    Contact,
}

/// A text without markup: 1 to `MOST` characters, without blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct PlainText<const MOST: usize>(String);

/// What a community says of itself.
pub type Description = PlainText<1_000>;
/// The text at the end of each page of a community.
pub type Footer = PlainText<500>;

impl<const MOST: usize> PlainText<MOST> {
    /// Checks a text after removing the blanks around it.
    ///
    /// # Errors
    /// [`ProfileError::Text`].
    pub fn new(text: &str) -> Result<Self, ProfileError> {
        let text = text.trim();
        let is_plain = text.chars().all(|letter| letter == '\n' || !letter.is_control());
        if is_plain && (1..=MOST).contains(&text.chars().count()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProfileError::Text(MOST))
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns its paragraphs: the parts between blank lines.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        self.0.split("\n\n").map(str::trim).filter(|part| !part.is_empty())
    }
}

/// A link to another site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawLink")]
pub struct Link {
    label: String,
    url: String,
}

/// A link that is not checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    label: String,
    url: String,
}

impl TryFrom<RawLink> for Link {
    type Error = ProfileError;

    fn try_from(RawLink { label, url }: RawLink) -> Result<Self, ProfileError> {
        Self::new(&label, &url)
    }
}

impl Link {
    /// Checks a label, after removing the blanks around it, and an address.
    ///
    /// # Errors
    /// [`ProfileError::Label`] or [`ProfileError::Address`].
    pub fn new(label: &str, url: &str) -> Result<Self, ProfileError> {
        let label = label.trim();
        let fits = (1..=LONGEST_LABEL).contains(&label.chars().count());
        if !fits || label.chars().any(char::is_control) {
            return Err(ProfileError::Label);
        }
        if is_address(url) {
            Ok(Self { label: label.to_owned(), url: url.to_owned() })
        } else {
            Err(ProfileError::Address)
        }
    }

    /// Returns the label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Returns whether a text is an https address with a host, in the characters of one (RFC 3986, section 2).
fn is_address(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte));
    let host = text.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    is_plain && text.len() <= LONGEST_ADDRESS && host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
}

/// The links of a community, in its order: at most [`Links::MOST`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Links(Vec<Link>);

impl Links {
    /// The maximum number of links.
    pub const MOST: usize = 10;

    /// Checks the number of links.
    ///
    /// # Errors
    /// [`ProfileError::Many`].
    pub fn new(links: Vec<Link>) -> Result<Self, ProfileError> {
        if links.len() <= Self::MOST { Ok(Self(links)) } else { Err(ProfileError::Many) }
    }

    /// Returns the links.
    #[must_use]
    pub fn as_slice(&self) -> &[Link] {
        &self.0
    }
}

/// Whom to contact about an archive: an e-mail address or an https address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Contact(String);

impl Contact {
    /// Checks an address after removing the blanks around it.
    ///
    /// # Errors
    /// [`ProfileError::Contact`].
    pub fn new(text: &str) -> Result<Self, ProfileError> {
        let text = text.trim();
        if is_address(text) || is_mail(text) { Ok(Self(text.to_owned())) } else { Err(ProfileError::Contact) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address of a link to it.
    #[must_use]
    pub fn address(&self) -> String {
        if is_address(&self.0) { self.0.clone() } else { format!("mailto:{}", self.0) }
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns whether a text is an e-mail address in the form of HTML's input fields
/// (<https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address>), with a domain of two labels or more. No
/// character of it has a meaning in a `mailto:` address but `?`, `%`, `&` and `#`, which are left out.
fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b".!$'*+/=^_`{|}~-".contains(&byte);
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_domain = domain.contains('.') && domain.split('.').all(is_label);
    text.len() <= LONGEST_MAIL && !local.is_empty() && local.bytes().all(is_local) && is_domain
}

/// How a community presents its archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What it says of itself.
    pub description: Option<Description>,
    /// The text at the end of its pages.
    pub footer: Option<Footer>,
    /// Its links.
    pub links: Links,
    /// Whom to contact about the archive.
    pub contact: Option<Contact>,
    /// Its icon, whose bytes are in the media store.
    pub icon: Option<Icon>,
}

#[cfg(test)]
mod tests;
