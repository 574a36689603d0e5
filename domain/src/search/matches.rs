//! Which messages match a query, and where: the definition that every index must agree with.

use super::query::{Filter, SearchQuery};
use super::shown::SearchText;
use super::text::{BREAK, FoldedText, Phrase, Token};
use super::value::{AuthorKind, ChannelRef, FeatureSet, FileExtension, HostName};
use crate::channel::{Channel, ChannelId, ChannelSnowflake};
use crate::message::Author;
use crate::pseudonym::Pseudonym;
use crate::slug::ChannelSlug;
use crate::timestamp::Timestamp;

/// A part of a text, in code points of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Highlight {
    /// The first code point.
    pub from: usize,
    /// The code point after the last.
    pub to: usize,
}

impl Highlight {
    /// Joins parts that overlap or touch; `parts` ascend by `from`.
    pub(super) fn joined(parts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::new();
        for part in parts {
            match joined.last_mut() {
                Some(before) if part.from <= before.to => before.to = before.to.max(part.to),
                _ => joined.push(part),
            }
        }
        joined
    }
}

/// The names of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelKeys {
    /// The archive's id.
    pub id: ChannelId,
    /// The platform's id.
    pub platform_id: ChannelSnowflake,
    /// The slug.
    pub slug: ChannelSlug,
}

impl ChannelKeys {
    /// Returns whether `reference` names the channel.
    #[must_use]
    pub fn is_named_by(&self, reference: &ChannelRef) -> bool {
        match reference {
            ChannelRef::Id(id) => *id == self.id,
            ChannelRef::Number(number) => *number == self.platform_id || number.to_string() == self.slug.as_str(),
            ChannelRef::Slug(slug) => *slug == self.slug,
        }
    }
}

impl From<&Channel> for ChannelKeys {
    fn from(channel: &Channel) -> Self {
        Self { id: channel.id, platform_id: channel.platform_id, slug: channel.slug.clone() }
    }
}

/// Everything by which a message can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchDocument {
    /// Its channel.
    pub channel: ChannelKeys,
    /// The channel that its thread belongs to; `None` outside threads.
    pub parent: Option<ChannelKeys>,
    /// Its author.
    pub author: Author,
    /// The people whom it mentions.
    pub mentions: Vec<Pseudonym>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// Whether it is pinned.
    pub pinned: bool,
    /// What it contains.
    pub features: FeatureSet,
    /// The hosts of the addresses that it contains, without duplicates.
    pub hosts: Vec<HostName>,
    /// The extensions of its files, without duplicates.
    pub extensions: Vec<FileExtension>,
    /// Its texts: first the message's own, which can be empty, then those of its parts.
    pub texts: Vec<SearchText>,
}

impl SearchDocument {
    /// Returns the document for an index, which needs no highlights in the raw texts: a third of the size.
    #[must_use]
    pub fn without_origins(mut self) -> Self {
        self.texts.iter_mut().for_each(SearchText::forget_origins);
        self
    }

    /// Returns the tokens of all texts. Their positions ascend, with one left out between two texts, so that no phrase
    /// reaches from one into the next; their offsets are those in their own text.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        for text in &self.texts {
            let next = tokens.last().map_or(0, |last| last.position + 2);
            tokens.extend(FoldedText::new(text.as_str()).tokens(next));
        }
        tokens
    }
}

impl SearchQuery {
    /// Returns whether `document` matches. The time is proportional to the length of its texts, once for folding them and
    /// once for each term with text.
    #[must_use]
    pub fn matches(&self, document: &SearchDocument) -> bool {
        let has_text = self.terms.iter().any(|term| matches!(term.filter, Filter::Text(_)));
        let texts: Vec<FoldedText> = (document.texts.iter().filter(|_| has_text))
            .map(|text| FoldedText::new(text.as_str()))
            .filter(|text| !text.is_empty())
            .collect();
        let is_match = |filter: &Filter| filter.matches(document, &texts);
        let (mut from, mut within) = (None, None);
        for term in &self.terms {
            let found = is_match(&term.filter);
            match (&term.filter, term.negated) {
                (Filter::From(_), false) => from = Some(from.unwrap_or(false) || found),
                (Filter::In(_), false) => within = Some(within.unwrap_or(false) || found),
                (_, negated) if found == negated => return false,
                _ => {}
            }
        }
        from.unwrap_or(true) && within.unwrap_or(true)
    }

    /// Returns the parts of the content of a message, raw as it is stored, that words and phrases of the query match;
    /// see [`SearchQuery::highlights`] and [`SearchText::in_raw`].
    #[must_use]
    pub fn highlights_in_content(&self, document: &SearchDocument) -> Vec<Highlight> {
        document.texts.first().map(|text| text.in_raw(&self.highlights(text.as_str()))).unwrap_or_default()
    }

    /// Returns the parts of `text` that words and phrases of the query match, ascending; parts that overlap or touch
    /// are one. The start of a word (`pre*`) marks the whole word. Negated terms mark nothing.
    #[must_use]
    pub fn highlights(&self, text: &str) -> Vec<Highlight> {
        let text = FoldedText::new(text);
        let mut parts = Vec::new();
        for term in self.terms.iter().filter(|term| !term.negated) {
            if let Filter::Text(phrase) = &term.filter {
                parts.extend(phrase.parts_of(&text));
            }
        }
        parts.sort_unstable();
        Highlight::joined(parts)
    }
}

impl Filter {
    fn matches(&self, document: &SearchDocument, texts: &[FoldedText]) -> bool {
        match self {
            Self::Text(phrase) => texts.iter().any(|text| phrase.is_in(text)),
            Self::From(person) => person.names(document.author.pseudonym),
            Self::In(channel) => {
                let mut channels = std::iter::once(&document.channel).chain(&document.parent);
                channels.any(|keys| keys.is_named_by(channel))
            }
            Self::Mentions(person) => document.mentions.iter().any(|mentioned| person.names(*mentioned)),
            Self::Has(feature) => document.features.contains(*feature),
            Self::Sent(range) => range.contains(document.sent_at),
            Self::Pinned(pinned) => document.pinned == *pinned,
            Self::Author(kind) => AuthorKind::of(&document.author) == *kind,
            Self::Host(domain) => document.hosts.iter().any(|host| host.is_in(domain)),
            Self::Extension(extension) => document.extensions.contains(extension),
        }
    }
}

impl Phrase {
    /// Returns whether `text` contains it.
    #[must_use]
    pub fn is_in(&self, text: &FoldedText) -> bool {
        occurrences(text.letters(), self.needle()).next().is_some()
    }

    /// Returns the parts of `text` that it matches, ascending by their folded characters.
    fn parts_of(&self, text: &FoldedText) -> impl Iterator<Item = Highlight> {
        let needle = self.needle();
        let blank = |letter: Option<&char>| usize::from(letter == Some(&BREAK));
        let (before, after) = (blank(needle.first()), blank(needle.last()));
        let to_end_of_word = self.is_prefix() && !self.ends_in_run();
        // In folded characters. Only those that overlap are one: each is looked at once, however many there are.
        let mut parts: Vec<Highlight> = Vec::new();
        for at in occurrences(text.letters(), needle) {
            let (from, to) = (at + before, at + needle.len() - after);
            let to = if to_end_of_word { text.segment_end(to) } else { to };
            match parts.last_mut() {
                Some(before) if from < before.to => before.to = before.to.max(to),
                _ => parts.push(Highlight { from, to }),
            }
        }
        let source = |part: Highlight| text.source(part.from, part.to).map(|(from, to)| Highlight { from, to });
        parts.into_iter().filter_map(source)
    }
}

/// Returns the indexes in `text` at which `needle` starts, ascending; they can overlap. The search never goes back
/// (Knuth, Morris and Pratt), so that the time is proportional to both lengths.
fn occurrences(text: &[char], needle: &[char]) -> impl Iterator<Item = usize> {
    // Many short texts must not each cost the length of the needle.
    let text = if text.len() < needle.len() { &[] } else { text };
    // For each start of the needle, the length of the longest shorter one that it ends with.
    let mut borders = vec![0; needle.len().min(text.len())];
    for at in 1..borders.len() {
        borders[at] = extend(needle, &borders, borders[at - 1], needle[at]);
    }
    let mut matched = 0;
    text.iter().enumerate().filter_map(move |(at, letter)| {
        if matched == needle.len() {
            matched = borders.last().copied().unwrap_or(0);
        }
        matched = extend(needle, &borders, matched, *letter);
        (matched == needle.len()).then(|| at + 1 - matched)
    })
}

/// Returns how much of the needle matches after one more letter.
fn extend(needle: &[char], borders: &[usize], mut matched: usize, letter: char) -> usize {
    loop {
        if needle.get(matched) == Some(&letter) {
            return matched + 1;
        }
        if matched == 0 {
            return 0;
        }
        matched = borders[matched - 1];
    }
}
