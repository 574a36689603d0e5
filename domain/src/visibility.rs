//! Who may read a channel.

use std::str::FromStr;

use crate::channel::Channel;
use crate::tenant::UnknownWord;

/// Whether anybody, or only who holds the admin key, may read. What is unknown is private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Everybody may read.
    Public,
    /// Only who holds the admin key.
    #[default]
    Private,
}

impl Visibility {
    /// The word that stores use.
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

/// Whether everybody may read `channel`, whose parent, if it is stored, is `parent`.
///
/// A thread follows its parent; every other channel stands for itself, because Discord copies a category's rights
/// into its channels instead of asking the category. Private threads and direct messages are never public.
#[must_use]
pub fn is_public(channel: &Channel, parent: Option<&Channel>) -> bool {
    let own = channel.visibility == Visibility::Public && !channel.kind.is_always_private();
    own && (!channel.kind.is_thread() || parent.is_some_and(|parent| is_public(parent, None)))
}

#[cfg(test)]
mod tests;
