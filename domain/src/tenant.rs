//! A tenant: one community on one platform.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

pub use crate::color::Color;
use crate::crawling::AiTraining;
use crate::domain_name::DomainName;
use crate::guild::GuildSnowflake;
use crate::profile::Profile;
use crate::retention::Retention;
use crate::slug::TenantSlug;
use crate::solved::SolvedTags;
use crate::timestamp::Timestamp;

/// The namespace of every UUID derived from a platform's ids; chosen once and permanent.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_5c0e_93b7_4a52_8e44_b0d9_27ac_71f3);

/// The id of a tenant: UUID v5 of its platform and platform id, so the same community has the same id in every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

impl TenantId {
    /// Returns the id of the community of `platform` with this platform id.
    #[must_use]
    pub fn of(platform: Platform, platform_id: &PlatformId) -> Self {
        Self(Uuid::new_v5(&NAMESPACE, format!("{platform}/{platform_id}").as_bytes()))
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The platform of a community.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// Discord: a tenant is a guild.
    Discord,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discord => "discord",
        })
    }
}

/// A word that is not the name of a variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not one of {expected}")]
pub struct UnknownWord {
    /// The word, cut to 64 characters.
    pub found: String,
    /// The valid words.
    pub expected: &'static str,
}

impl UnknownWord {
    /// Returns the error that `found` is not one of `expected`.
    #[must_use]
    pub fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.chars().take(64).collect(), expected }
    }
}

impl FromStr for Platform {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "discord" => Ok(Self::Discord),
            _ => Err(UnknownWord::new(text, "discord")),
        }
    }
}

/// Why a field of a tenant was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// The platform's id.
    #[error("a platform id has 1 to 255 printable characters")]
    PlatformId,
    /// The id of a guild.
    #[error("a guild's id is a decimal number from 1 to 9223372036854775807, without zeros in front")]
    GuildId,
    /// The name.
    #[error("a name has 1 to 255 characters that are not all blank")]
    Name,
    /// The address of the logo.
    #[error("a logo is an http or https address of at most 2048 characters")]
    Logo,
}

/// The platform's id of a community: for Discord the guild's id, or `0` for direct messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PlatformId(String);

impl PlatformId {
    /// Checks a text of 1 to 255 printable characters.
    ///
    /// # Errors
    /// [`TenantError::PlatformId`].
    pub fn new(text: &str) -> Result<Self, TenantError> {
        let fits = (1..=255).contains(&text.chars().count());
        if fits && text.chars().all(|letter| !letter.is_control() && !letter.is_whitespace()) {
            return Ok(Self(text.to_owned()));
        }
        Err(TenantError::PlatformId)
    }

    /// Checks the id of a guild that an operator gives: a snowflake, written as Discord writes it. Direct messages have
    /// none.
    ///
    /// # Errors
    /// [`TenantError::GuildId`].
    pub fn guild(text: &str) -> Result<Self, TenantError> {
        let id = text.parse::<GuildSnowflake>().ok().filter(|id| id.to_string() == text);
        id.map(|id| Self(id.to_string())).ok_or(TenantError::GuildId)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant's name: 1 to 255 characters without blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TenantName(String);

impl TenantName {
    /// Checks a name after removing the blanks around it.
    ///
    /// # Errors
    /// [`TenantError::Name`] if nothing that can be seen, or more than 255 characters are left.
    pub fn new(text: &str) -> Result<Self, TenantError> {
        let text = text.trim();
        let is_seen = text.chars().any(|character| !character.is_whitespace() && !character.is_control());
        if is_seen && text.chars().count() <= 255 { Ok(Self(text.to_owned())) } else { Err(TenantError::Name) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a tenant is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TenantStatus {
    /// Served.
    Active,
    /// Temporarily not served.
    Maintenance,
    /// No longer served.
    Cancelled,
}

impl TenantStatus {
    /// Returns its name in stores and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Maintenance => "MAINTENANCE",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl FromStr for TenantStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ACTIVE" => Ok(Self::Active),
            "MAINTENANCE" => Ok(Self::Maintenance),
            "CANCELLED" => Ok(Self::Cancelled),
            _ => Err(UnknownWord::new(text, "ACTIVE, MAINTENANCE, CANCELLED")),
        }
    }
}

/// The address of a tenant's logo: http or https, at most 2048 characters, no blanks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct LogoUrl(String);

impl LogoUrl {
    /// Checks an address.
    ///
    /// # Errors
    /// [`TenantError::Logo`].
    pub fn new(text: &str) -> Result<Self, TenantError> {
        let scheme = text.starts_with("https://") || text.starts_with("http://");
        let plain = text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control());
        let host = text.split("://").nth(1).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
        if scheme && plain && host && text.chars().count() <= 2048 {
            Ok(Self(text.to_owned()))
        } else {
            Err(TenantError::Logo)
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The appearance of a tenant's pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Branding {
    /// Its logo.
    pub logo_url: Option<LogoUrl>,
    /// The colour of the header and of links.
    pub primary_color: Option<Color>,
    /// The second colour.
    pub secondary_color: Option<Color>,
    /// The colour of highlights.
    pub accent_color: Option<Color>,
}

/// One community on one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id, derived from `platform` and `platform_id`.
    pub id: TenantId,
    /// Its platform.
    pub platform: Platform,
    /// Its platform id.
    pub platform_id: PlatformId,
    /// Its name in addresses; unique in an installation.
    pub slug: TenantSlug,
    /// The domain of its site, which has no other community's pages; unique in an installation. Without one, its pages are
    /// below its slug on the installation's own host.
    pub domain: Option<DomainName>,
    /// Its name.
    pub name: TenantName,
    /// Whether it is served.
    pub status: TenantStatus,
    /// The appearance of its pages.
    pub branding: Branding,
    /// How it presents its archive.
    pub profile: Profile,
    /// How long earlier texts of its messages are stored.
    pub retention: Retention,
    /// The forum tags that mark posts as solved.
    pub solved_tags: SolvedTags,
    /// Whether programs may collect its text to train models.
    pub ai_training: AiTraining,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// When one of these fields last changed.
    pub updated_at: Timestamp,
    /// When its deletion began: from then on it is hidden from all readers until its rows are removed.
    pub deleting_since: Option<Timestamp>,
}

impl Tenant {
    /// Returns an active tenant without branding, which stores no earlier texts.
    #[must_use]
    pub fn new(
        platform: Platform,
        platform_id: PlatformId,
        slug: TenantSlug,
        name: TenantName,
        now: Timestamp,
    ) -> Self {
        Self {
            id: TenantId::of(platform, &platform_id),
            platform,
            platform_id,
            slug,
            domain: None,
            name,
            status: TenantStatus::Active,
            branding: Branding::default(),
            profile: Profile::default(),
            retention: Retention::NONE,
            solved_tags: SolvedTags::default(),
            ai_training: AiTraining::default(),
            created_at: now,
            updated_at: now,
            deleting_since: None,
        }
    }
}

#[cfg(test)]
mod tests;
