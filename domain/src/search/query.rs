//! A query, and its operators.

use std::fmt;

use super::text::Phrase;
use super::value::{AuthorKind, ChannelRef, Feature, FileExtension, HostName, PersonRef, TimeRange};

/// A query: 1 to 16 terms.
///
/// A message matches if it matches every term; but terms with `from:` that are not negated are alternatives, and so are
/// those with `in:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    pub(super) terms: Vec<Term>,
}

impl SearchQuery {
    /// Returns the terms in their order.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Returns whether a term excludes all that another one demands, so that no message matches.
    #[must_use]
    pub fn is_contradictory(&self) -> bool {
        let excludes = |term: &&Term| term.negated && !matches!(term.filter, Filter::From(_) | Filter::In(_));
        let demands = |filter: &Filter| self.terms.iter().any(|term| !term.negated && term.filter == *filter);
        self.terms.iter().filter(excludes).any(|term| demands(&term.filter))
    }

    /// Returns the text of the query without the term at `index`; for a link that removes a filter.
    #[must_use]
    pub fn without(&self, index: usize) -> String {
        let others = self.terms.iter().enumerate().filter(|(at, _)| *at != index);
        written(others.map(|(_, term)| term)).collect()
    }
}

/// Returns the parts of the text of some terms of a query, in their order, which is no longer than the query.
fn written<'a>(terms: impl Iterator<Item = &'a Term>) -> impl Iterator<Item = &'a str> {
    // The offset after the term before; one directly behind it, such as a phrase after a word, has no blank before it.
    let mut end = None;
    terms.flat_map(move |term| {
        let blank = if end.is_none_or(|end| end == term.at) { "" } else { " " };
        end = Some(term.at + term.source.chars().count());
        [blank, &term.source]
    })
}

impl fmt::Display for SearchQuery {
    /// Writes the terms as they were written, with one blank between if there was any; parsing it returns an equal query
    /// but for the terms' offsets. It is no longer than the text of the query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(self.terms.iter()).try_for_each(|part| f.write_str(part))
    }
}

/// One term of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether messages that match `filter` are excluded.
    pub negated: bool,
    /// What it demands.
    pub filter: Filter,
    /// The text of the term, with its `-`.
    pub source: String,
    /// Its offset in the query, in code points.
    pub at: usize,
}

/// What a term demands of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// A word, the start of a word, or a phrase, in one of its texts.
    Text(Phrase),
    /// `from:`: its author.
    From(PersonRef),
    /// `in:`: its channel, or the channel that its thread belongs to.
    In(ChannelRef),
    /// `mentions:`: a person whom it mentions.
    Mentions(PersonRef),
    /// `has:`: a thing that it contains.
    Has(Feature),
    /// `before:`, `after:` or `during:`: when it was sent.
    Sent(TimeRange),
    /// `pinned:`: whether it is pinned.
    Pinned(bool),
    /// `author:`: the kind of its author.
    Author(AuthorKind),
    /// `host:`: the host, or a domain of the host, of an address that it contains.
    Host(HostName),
    /// `ext:`: the extension of a file that it contains.
    Extension(FileExtension),
}

/// The operators, each written with `:` and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// An author.
    From,
    /// A channel.
    In,
    /// A mentioned person.
    Mentions,
    /// A thing in the message.
    Has,
    /// Sent before a day, month or year.
    Before,
    /// Sent after a day, month or year.
    After,
    /// Sent in a day, month or year.
    During,
    /// Pinned or not.
    Pinned,
    /// A kind of author.
    Author,
    /// The host of an address.
    Host,
    /// The extension of a file.
    Ext,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::From,
        Self::In,
        Self::Mentions,
        Self::Has,
        Self::Before,
        Self::After,
        Self::During,
        Self::Pinned,
        Self::Author,
        Self::Host,
        Self::Ext,
    ];

    /// Returns its name, without the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::In => "in",
            Self::Mentions => "mentions",
            Self::Has => "has",
            Self::Before => "before",
            Self::After => "after",
            Self::During => "during",
            Self::Pinned => "pinned",
            Self::Author => "author",
            Self::Host => "host",
            Self::Ext => "ext",
        }
    }

    /// Returns a description of its values, to stand after "expected".
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::From | Self::Mentions => {
                "a generated name in quotes, such as \"Amber Otter 48213\", or 32 hexadecimal digits"
            }
            Self::In => "the slug or the id of a channel",
            Self::Has => "link, embed, file, image, video, sound, sticker, poll or forward",
            Self::Before | Self::After | Self::During => {
                "a date from 0001-01-01 to 9999-12-30 as YYYY, YYYY-MM or YYYY-MM-DD"
            }
            Self::Pinned => "true or false",
            Self::Author => "person, bot or webhook",
            Self::Host => "the name of a host, such as example.org",
            Self::Ext => "the extension of a file, such as pdf",
        }
    }
}
