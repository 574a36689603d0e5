//! The names of hosts in the DNS, as the addresses of sites.

use std::fmt;

use serde::Serialize;

/// Why a text is not the domain of a site: the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainNameError {
    /// It has other characters than those of domains.
    #[error(
        "{0:?} has other characters than a-z, 0-9, hyphens and dots: leave out scheme, port and path, and write other \
         scripts in Punycode (xn--…)"
    )]
    Characters(String),
    /// It is too long.
    #[error("{0:?} has more than {max} characters", max = DomainName::MAX)]
    Long(String),
    /// One of the parts between its dots breaks the rule for them.
    #[error("{0:?} has a part that is empty, has more than 63 characters, or begins or ends with a hyphen")]
    Label(String),
    /// It has no dot, or its last part begins with a digit, as that of an IP address does.
    #[error("{0:?} is not a domain such as community.example.org: an IP address or a single word is none")]
    Name(String),
}

/// A domain, such as `community.example.org`: ASCII in lower case, at least two labels, no dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct DomainName(String);

impl DomainName {
    /// The maximum length, in characters (RFC 1035, section 2.3.4).
    pub const MAX: usize = 253;
    /// The maximum length of a label, in characters.
    const LABEL_MAX: usize = 63;

    /// Checks a domain in any letter case.
    ///
    /// # Errors
    /// [`DomainNameError`] with the first 64 characters of `text`.
    pub fn new(text: &str) -> Result<Self, DomainNameError> {
        let shown = || text.chars().take(64).collect::<String>();
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
            return Err(DomainNameError::Characters(shown()));
        }
        if text.len() > Self::MAX {
            return Err(DomainNameError::Long(shown()));
        }
        let is_label = |label: &str| {
            (1..=Self::LABEL_MAX).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
        };
        if !text.split('.').all(is_label) {
            return Err(DomainNameError::Label(shown()));
        }
        // Browsers take a name whose last label is a number for an IPv4 address.
        let last = text.rsplit_once('.').map(|(_, last)| last);
        if !last.is_some_and(|last| last.starts_with(|first: char| first.is_ascii_alphabetic())) {
            return Err(DomainNameError::Name(shown()));
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// Returns the domain of an authority as clients send it, with a port or without, and with the dot of the root or
    /// without; `None` if it has none.
    #[must_use]
    pub fn of_authority(text: &str) -> Option<Self> {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Self::new(host.strip_suffix('.').unwrap_or(host)).ok()
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
