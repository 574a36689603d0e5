//! Values that are never shown.

use std::fmt;

/// The shortest admin key, in characters: 16 of random letters and digits have 95 bits.
const SHORTEST: usize = 16;
/// The longest admin key, so that it fits in a header with room to spare.
const LONGEST: usize = 512;

/// The key that a caller of the admin API must know.
#[derive(Clone)]
pub(crate) struct AdminKey(String);

impl AdminKey {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("expected printable ASCII without spaces, because it is sent in a header".into());
        }
        if !(SHORTEST..=LONGEST).contains(&text.len()) {
            return Err(format!("expected {SHORTEST} to {LONGEST} characters, found {}", text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the key itself, to compare in constant time; never to show.
    #[must_use]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// The key of submissions to search engines. Readers can request it, but a log need not have it.
#[derive(Clone)]
pub(crate) struct IndexKey(String);

impl IndexKey {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_plain && (8..=128).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected 8 to 128 letters, digits and hyphens, such as `openssl rand -hex 16` prints".into())
        }
    }

    /// Returns the key itself; never to show.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IndexKey(***)")
    }
}

/// The token of the bot that reads guilds; its adapter validates it.
#[derive(Clone)]
pub(crate) struct BotToken(pub(super) String);

impl BotToken {
    /// Returns the token itself; never to show.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret of a bucket's key, or its session token.
#[derive(Clone)]
pub(crate) struct BucketSecret(pub(super) String);

impl BucketSecret {
    /// Returns the secret itself; never to show.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BucketSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BucketSecret(***)")
    }
}

impl fmt::Debug for BotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotToken(***)")
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(***)")
    }
}
