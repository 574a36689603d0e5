//! Discord's message markup: a text becomes a tree that borrows from it.
//!
//! Parsing never fails and never recurses deeper than [`MAX_DEPTH`] of each kind: a marker without its partner, or one
//! nested too deep, is text. The time is proportional to the length of the text.

mod angle;
mod block;
mod code;
mod inline;
mod link;
mod role;
mod ticks;

use std::borrow::Cow;

pub use self::code::{address_ranges, code_ranges};
pub use self::role::{role_ids, role_mentions};
use crate::channel::ChannelSnowflake;
use crate::pseudonym::Pseudonym;
use crate::timestamp::Timestamp;

/// The maximum nesting of lists in lists, and of styles in styles. Deeper markup stays text.
pub const MAX_DEPTH: usize = 16;

/// A part of a message that starts on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block<'a> {
    /// Lines of text; the breaks between them are [`Inline::LineBreak`].
    Paragraph(Vec<Inline<'a>>),
    /// `# `, `## ` or `### `.
    Heading {
        /// 1 to 3.
        level: u8,
        /// Its text.
        content: Vec<Inline<'a>>,
    },
    /// `-# `: a small line.
    Subtext(Vec<Inline<'a>>),
    /// `> ` or `>>> `; contains no further quote.
    Quote(Vec<Self>),
    /// Text between lines of three backticks.
    Code(CodeBlock<'a>),
    /// Items with bullets or numbers.
    List(List<'a>),
}

/// A block of code, verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock<'a> {
    /// The word after the opening backticks: `a-z A-Z 0-9 _ + - . #`.
    pub language: Option<&'a str>,
    /// The lines between the backticks, without the breaks at both ends.
    pub text: Cow<'a, str>,
}

/// A list and its items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<'a> {
    /// The number of the first item; `None` for bullets.
    pub start: Option<u32>,
    /// Each item's blocks: mostly one paragraph, and the lists nested in it.
    pub items: Vec<Vec<Block<'a>>>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline<'a> {
    /// Text without markup.
    Text(&'a str),
    /// The end of a line that is not the last.
    LineBreak,
    /// Text in a style.
    Styled(Style, Vec<Self>),
    /// `` `code` ``.
    Code(Cow<'a, str>),
    /// A code block inside a style, such as a spoiler.
    CodeBlock(CodeBlock<'a>),
    /// A web address.
    Link(Link<'a>),
    /// `<@…>`: a person, or `None` if the id is not a pseudonym.
    Person(Option<Pseudonym>),
    /// `<#…>`: a channel.
    Channel(ChannelSnowflake),
    /// `<@&…>`: the number of a role.
    Role(u64),
    /// `<:name:id>` or `<a:name:id>`: a custom emoji of a guild.
    Emoji {
        /// The name, letters, digits and `_`.
        name: &'a str,
        /// The number.
        id: u64,
        /// Whether it is animated.
        animated: bool,
    },
    /// `<t:seconds:style>`: a time, or `None` beyond the range that Discord's clients can show.
    Time(Option<Moment>, TimeStyle),
    /// `</name:id>`: the name of a slash command, without the slash.
    Command(&'a str),
    /// `<id:…>`: one of the guild's own pages.
    Navigation(Navigation),
    /// `@everyone`.
    Everyone,
    /// `@here`.
    Here,
}

/// A text style.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `**bold**`.
    Bold,
    /// `*italic*` or `_italic_`.
    Italic,
    /// `__underline__`.
    Underline,
    /// `~~strikethrough~~`.
    Strikethrough,
    /// `||spoiler||`.
    Spoiler,
}

/// A web address, always `http://` or `https://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link<'a> {
    /// The address; in `[text](url)`, without the backslashes that escape characters.
    pub url: Cow<'a, str>,
    /// The text of `[text](url "title")`; `None` for a bare address. Contains no further link.
    pub label: Option<Vec<Inline<'a>>>,
    /// The title of `[text](url "title")`, without the escaping backslashes.
    pub title: Option<Cow<'a, str>>,
}

/// A time in a text, in seconds since the Unix epoch: at most 100,000,000 days away from it, as in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(i64);

impl Moment {
    /// <https://tc39.es/ecma262/#sec-time-values-and-time-range>
    const FARTHEST: i64 = 8_640_000_000_000;

    /// Returns the time `seconds` after the Unix epoch, or `None` beyond the possible dates.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds < -Self::FARTHEST || seconds > Self::FARTHEST { None } else { Some(Self(seconds)) }
    }

    /// Returns the seconds since the Unix epoch.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Returns the time as a [`Timestamp`]; `None` outside the years 1 to 9999.
    #[must_use]
    pub const fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_millis(self.0 * 1_000)
    }
}

/// The format of a time in a client
/// (<https://docs.discord.com/developers/reference#message-formatting-timestamp-styles>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeStyle {
    /// `t`: 16:20.
    ShortTime,
    /// `T`: 16:20:30.
    LongTime,
    /// `d`: 20/04/2021.
    ShortDate,
    /// `D`: 20 April 2021.
    LongDate,
    /// `f`, also the default: 20 April 2021 16:20.
    ShortDateTime,
    /// `F`: Tuesday, 20 April 2021 16:20.
    LongDateTime,
    /// `s`: 20/04/2021, 16:20.
    CompactDateTime,
    /// `S`: 20/04/2021, 16:20:30.
    CompactDateTimeSeconds,
    /// `R`: 2 months ago.
    Relative,
}

/// A page of a guild that is not a channel
/// (<https://docs.discord.com/developers/reference#message-formatting-guild-navigation-types>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Navigation {
    /// Channels & Roles.
    Customize,
    /// Browse Channels.
    Browse,
    /// Server Guide.
    Guide,
    /// Linked Roles.
    LinkedRoles,
}

impl Navigation {
    /// Returns the name that clients show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customize => "Channels & Roles",
            Self::Browse => "Browse Channels",
            Self::Guide => "Server Guide",
            Self::LinkedRoles => "Linked Roles",
        }
    }
}

/// Returns the blocks of a message's text. A text without markup is one paragraph; an empty one has no block.
#[must_use]
pub fn parse(text: &str) -> Vec<Block<'_>> {
    block::parse(text)
}

#[cfg(test)]
mod tests;
