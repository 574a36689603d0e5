//! The forum tags that say that a post was solved.

use serde::Serialize;

/// Why a list of tags was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SolvedTagsError {
    /// Too many names.
    #[error("at most {} tags can mean that a post was solved", SolvedTags::MOST)]
    Many,
    /// The rule for a name.
    #[error("the name of a tag has 1 to {} characters that are not all blank", SolvedTags::LONGEST)]
    Name,
}

/// The names of the forum tags with which a community marks posts as solved: at most [`SolvedTags::MOST`], without
/// blanks around them, no two the same. Letter case makes no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct SolvedTags(Vec<String>);

impl SolvedTags {
    /// The maximum number of names: that of the tags of a forum.
    pub const MOST: usize = 20;
    /// The maximum length of a name, in characters: more than Discord allows.
    pub const LONGEST: usize = 50;

    /// Checks names after removing the blanks around them; of the same names the first one stays.
    ///
    /// # Errors
    /// [`SolvedTagsError`].
    pub fn new(names: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, SolvedTagsError> {
        let mut tags = Self::default();
        for name in names {
            let name = name.as_ref().trim();
            if name.is_empty() || name.chars().count() > Self::LONGEST {
                return Err(SolvedTagsError::Name);
            }
            if !tags.contains(name) {
                tags.0.push(name.to_owned());
            }
        }
        if tags.0.len() > Self::MOST { Err(SolvedTagsError::Many) } else { Ok(tags) }
    }

    /// Returns whether a post with the tag `name` was solved.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        self.0.iter().any(|tag| tag.to_lowercase() == name)
    }

    /// Returns the names.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests;
