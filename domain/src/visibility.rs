//! The visibility of a channel.

use std::str::FromStr;

use crate::tenant::UnknownWord;

/// Whether a channel is readable for the public, or only with the admin key. An unknown visibility is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Readable for the public.
    Public,
    /// Readable only with the admin key.
    #[default]
    Private,
}

impl Visibility {
    /// Returns its name in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl FromStr for Visibility {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            _ => Err(UnknownWord::new(text, "public, private")),
        }
    }
}
