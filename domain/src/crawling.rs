//! The rules of a community for programs that collect its pages.

use std::str::FromStr;

use serde::Serialize;

use crate::tenant::UnknownWord;

/// Whether programs may collect the text of a community to train models. It says nothing about search engines, and about
/// programs that answer a question of the moment and name their sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AiTraining {
    /// They may not: Discord's developer policy does not allow it for messages, unless it says so explicitly
    /// (<https://support-dev.discord.com/hc/en-us/articles/8563934450327>).
    #[default]
    Deny,
    /// They may: the community has what it needs for that.
    Allow,
}

impl AiTraining {
    /// Returns its name in stores and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

impl FromStr for AiTraining {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "deny" => Ok(Self::Deny),
            "allow" => Ok(Self::Allow),
            _ => Err(UnknownWord::new(text, "deny, allow")),
        }
    }
}
