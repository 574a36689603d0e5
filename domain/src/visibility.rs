//! The visibility of a channel.

use std::str::FromStr;

use crate::channel::Channel;
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

/// Returns whether `channel` is readable for the public; `parent` is its parent, if stored.
///
/// A thread follows its parent. Every other channel has its own visibility, because Discord copies a category's rights
/// into its channels instead of consulting the category. Private threads and direct messages are never public.
#[must_use]
pub fn is_public(channel: &Channel, parent: Option<&Channel>) -> bool {
    let own = channel.visibility == Visibility::Public && !channel.kind.is_always_private();
    own && (!channel.kind.is_thread() || parent.is_some_and(|parent| is_public(parent, None)))
}

#[cfg(test)]
mod tests;
