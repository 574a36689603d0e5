//! The values of operators.

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::channel::{ChannelId, ChannelSnowflake};
use crate::message::Author;
use crate::pseudonym::{GeneratedName, Pseudonym};
use crate::slug::ChannelSlug;
use crate::timestamp::Timestamp;

/// A person as a query names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PersonRef {
    /// By pseudonym.
    Pseudonym(Pseudonym),
    /// By generated name, which several people can have.
    Name(GeneratedName),
}

impl PersonRef {
    /// Parses a generated name or a pseudonym in any case, with or without `@` before it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('@').unwrap_or(text);
        let pseudonym = text.parse().map(Self::Pseudonym).ok();
        pseudonym.or_else(|| text.parse().map(Self::Name).ok())
    }

    /// Returns whether it names `person`.
    #[must_use]
    pub fn names(&self, person: Pseudonym) -> bool {
        match self {
            Self::Pseudonym(pseudonym) => *pseudonym == person,
            Self::Name(name) => *name == GeneratedName::of(person),
        }
    }
}

/// A channel as a query names one; it need not exist.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChannelRef {
    /// By the archive's id.
    Id(ChannelId),
    /// By a number: the platform's id, or else a slug of the same digits.
    Number(ChannelSnowflake),
    /// By slug.
    Slug(ChannelSlug),
}

impl ChannelRef {
    /// Parses an id, or a slug in any case, with or without `#` before it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('#').unwrap_or(text);
        if let Ok(id) = Uuid::try_parse(text) {
            return Some(Self::Id(ChannelId(id)));
        }
        if let Some(id) = text.parse().ok().filter(|id: &ChannelSnowflake| id.to_string() == text) {
            return Some(Self::Number(id));
        }
        let exact = ChannelSlug::new(text).ok().filter(ChannelSlug::is_hidden);
        let lower = || text.nfkc().flat_map(char::to_lowercase).nfc().collect::<String>();
        exact.or_else(|| ChannelSlug::new(&lower()).ok()).map(Self::Slug)
    }
}

/// A thing that a message can contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// An address on the web: in a text, of an embed or of a button.
    Link,
    /// An embed.
    Embed,
    /// A file of any type.
    File,
    /// A picture: as a file, in an embed or in a component.
    Image,
    /// A video: as a file or in an embed.
    Video,
    /// A sound file.
    Sound,
    /// A sticker.
    Sticker,
    /// A poll.
    Poll,
    /// A forwarded message.
    Forward,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Link,
        Self::Embed,
        Self::File,
        Self::Image,
        Self::Video,
        Self::Sound,
        Self::Sticker,
        Self::Poll,
        Self::Forward,
    ];

    /// Returns its name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Embed => "embed",
            Self::File => "file",
            Self::Image => "image",
            Self::Video => "video",
            Self::Sound => "sound",
            Self::Sticker => "sticker",
            Self::Poll => "poll",
            Self::Forward => "forward",
        }
    }
}

/// The things that one message contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FeatureSet(u16);

impl FeatureSet {
    /// Adds `feature`.
    pub const fn insert(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u16;
    }

    /// Returns whether it contains `feature`.
    #[must_use]
    pub const fn contains(self, feature: Feature) -> bool {
        self.0 & 1 << feature as u16 != 0
    }

    /// Returns its members in the order of [`Feature::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.contains(*feature))
    }
}

impl FromIterator<Feature> for FeatureSet {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        let mut set = Self::default();
        features.into_iter().for_each(|feature| set.insert(feature));
        set
    }
}

/// A half-open range of times, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// The first time inside; `None` for no lower bound.
    pub from: Option<Timestamp>,
    /// The first time after it; `None` for no upper bound.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// Returns whether `time` is inside.
    #[must_use]
    pub fn contains(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }

    /// Returns the range of a year, month or day in UTC: `2026`, `2026-03` or `2026-03-01`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let number = |part: Option<&str>, digits: usize| {
            let part = part.filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()));
            part.and_then(|part| part.parse::<u16>().ok())
        };
        let year = number(parts.next(), 4)?;
        let (month, day) = match text.len() {
            4 => (None, None),
            7 => (Some(number(parts.next(), 2)?), None),
            10 => (Some(number(parts.next(), 2)?), Some(number(parts.next(), 2)?)),
            _ => return None,
        };
        let start = |year: u16, month: u16, day: u16| format!("{year:04}-{month:02}-{day:02}T00:00:00Z").parse().ok();
        let from: Timestamp = start(year, month.unwrap_or(1), day.unwrap_or(1))?;
        // The end is unbounded where it is beyond the possible times.
        let until = match (month, day) {
            (Some(_), Some(_)) => Timestamp::from_millis(from.as_millis() + DAY_MS),
            (Some(month), _) if month < 12 => start(year, month + 1, 1),
            _ => start(year + 1, 1, 1),
        };
        Some(Self { from: Some(from), until })
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The kind of an author; each author has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthorKind {
    /// A person.
    Person,
    /// A program with an account.
    Bot,
    /// A webhook.
    Webhook,
}

impl AuthorKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Person, Self::Bot, Self::Webhook];

    /// Returns the kind of `author`: a webhook, although it is a program as well.
    #[must_use]
    pub const fn of(author: &Author) -> Self {
        match (author.webhook, author.bot) {
            (true, _) => Self::Webhook,
            (false, true) => Self::Bot,
            (false, false) => Self::Person,
        }
    }

    /// Returns its name in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
            Self::Webhook => "webhook",
        }
    }
}

/// The name of a host, in lower case: 1 to 253 letters, digits, `-`, `_` and single dots between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(String);

impl HostName {
    /// Returns the host with this name, in any case and with or without a dot at its end; `None` if it cannot be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let name: String = text.strip_suffix('.').unwrap_or(text).nfkc().flat_map(char::to_lowercase).collect();
        let fits = (1..=253).contains(&name.chars().count());
        let label =
            |part: &str| !part.is_empty() && part.chars().all(|char| char.is_alphanumeric() || "-_".contains(char));
        (fits && name.split('.').all(label)).then_some(Self(name))
    }

    /// Returns the host of a web address, without user and port; `None` if it has none, or a numeric one in brackets.
    #[must_use]
    pub fn of_address(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        if !["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) {
            return None;
        }
        let authority = rest.split(['/', '?', '#', '\\']).next()?;
        let host = authority.rsplit('@').next()?;
        Self::new(host.split(':').next()?)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name and the domains that it is in, the longest first: `www.example.org`, `example.org`, `org`.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |name| name.split_once('.').map(|(_, rest)| rest))
    }

    /// Returns whether it is `domain`, or a host in it.
    #[must_use]
    pub fn is_in(&self, domain: &Self) -> bool {
        self.0.strip_suffix(domain.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }
}

/// The extension of a file's name, in lower case and without its dot: 1 to 32 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileExtension(String);

impl FileExtension {
    /// Returns the extension, in any case and with or without a dot before it; `None` if it cannot be one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text: String = text.strip_prefix('.').unwrap_or(text).nfkc().flat_map(char::to_lowercase).collect();
        let fits = (1..=32).contains(&text.chars().count()) && text.chars().all(char::is_alphanumeric);
        fits.then_some(Self(text))
    }

    /// Returns the extension of a file with this name: the part after its last dot.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        Self::new(ending).filter(|_| !stem.is_empty())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
