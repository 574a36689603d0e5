//! The configuration of a client.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::{HeaderValue, Uri};
use sha2::{Digest, Sha256};

/// A bot's token, which is never printed.
#[derive(Clone)]
pub struct Token(HeaderValue);

/// The error of an invalid token. It does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has 1 to 200 letters, digits, dots, hyphens and underscores")]
pub struct ParseTokenError;

impl Token {
    /// Returns the value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Returns the token, with the prefix `Bot`.
    pub(crate) fn reveal(&self) -> &str {
        self.0.to_str().expect("it is plain ASCII")
    }

    /// Returns the first 64 bits of its SHA-256, in hexadecimal: enough to tell tokens apart, and too little to find
    /// one by.
    pub(crate) fn fingerprint(&self) -> String {
        let hash = Sha256::digest(self.0.as_bytes());
        format!("{:016x}", u64::from_be_bytes(*hash.first_chunk().expect("a SHA-256 has 32 bytes")))
    }
}

impl FromStr for Token {
    type Err = ParseTokenError;

    /// Parses a token with or without the prefix `Bot`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let token = text.trim();
        let token = token.strip_prefix("Bot ").unwrap_or(token);
        let plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !plain || !(1..=200).contains(&token.len()) {
            return Err(ParseTokenError);
        }
        let mut header = HeaderValue::try_from(format!("Bot {token}")).map_err(|_| ParseTokenError)?;
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The address of the REST API, with its version: Discord's, or a simulator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(String);

/// The error of an invalid address of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API's address is http or https, with a host and a path, and without user, query and fragment")]
pub struct ParseApiUrlError;

impl ApiUrl {
    /// Returns the address of `path`, which begins with `/` and may have a query.
    pub(crate) fn join(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.0).parse().ok()
    }

    /// Returns whether it is reached over TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https"))
    }

    /// Returns the host and port.
    pub(crate) fn authority(&self) -> Option<String> {
        self.0.parse::<Uri>().ok()?.authority().map(ToString::to_string)
    }
}

impl Default for ApiUrl {
    /// Returns Discord's address, version 10.
    fn default() -> Self {
        Self("https://discord.com/api/v10".to_owned())
    }
}

impl FromStr for ApiUrl {
    type Err = ParseApiUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_end_matches('/');
        let uri: Uri = text.parse().map_err(|_| ParseApiUrlError)?;
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let hosted = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        let plain = uri.query().is_none() && !text.contains('#');
        if web && hosted && plain { Ok(Self(text.to_owned())) } else { Err(ParseApiUrlError) }
    }
}

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The token that it uses.
    pub token: Token,
    /// The address of the API.
    pub api: ApiUrl,
    /// The number of requests per second, over all routes. Discord allows 50 to all processes with one token; evenly
    /// spread, 47 stay below that in every second although the latencies of requests and responses vary.
    pub requests_per_second: u32,
    /// The time limit of a request, from the connection to the last byte of the response.
    pub timeout: Duration,
}

impl ClientConfig {
    /// Returns the settings for Discord, at the highest permitted rate.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self { token, api: ApiUrl::default(), requests_per_second: 47, timeout: Duration::from_secs(30) }
    }
}

#[cfg(test)]
mod tests;
