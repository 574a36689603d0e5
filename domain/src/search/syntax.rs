//! The syntax of queries.

use std::str::FromStr;

use super::query::{Filter, Operator, SearchQuery, Term};
use super::text::Phrase;
use super::value::{AuthorKind, ChannelRef, Feature, FileExtension, HostName, PersonRef, TimeRange};

/// The maximum number of terms of a query.
pub const MAX_TERMS: usize = 16;

/// The maximum length of a query, in code points.
pub const MAX_CHARACTERS: usize = 1_024;

/// The operators, in an error.
const OPERATORS: &str = "from:, in:, mentions:, has:, before:, after:, during:, pinned:, author:, host: or ext:";

/// Names of operators elsewhere, and ours.
const SYNONYMS: [(&str, Operator); 22] = [
    ("by", Operator::From),
    ("user", Operator::From),
    ("sender", Operator::From),
    ("channel", Operator::In),
    ("thread", Operator::In),
    ("post", Operator::In),
    ("to", Operator::Mentions),
    ("mention", Operator::Mentions),
    ("contains", Operator::Has),
    ("with", Operator::Has),
    ("until", Operator::Before),
    ("since", Operator::After),
    ("on", Operator::During),
    ("date", Operator::During),
    ("year", Operator::During),
    ("author-type", Operator::Author),
    ("is", Operator::Pinned),
    ("site", Operator::Host),
    ("domain", Operator::Host),
    ("extension", Operator::Ext),
    ("filetype", Operator::Ext),
    ("type", Operator::Has),
];

/// Names of features and kinds of authors elsewhere, and ours.
const VALUE_SYNONYMS: [(&str, &str); 18] = [
    ("url", "link"),
    ("attachment", "file"),
    ("picture", "image"),
    ("photo", "image"),
    ("gif", "image"),
    ("movie", "video"),
    ("audio", "sound"),
    ("music", "sound"),
    ("vote", "poll"),
    ("snapshot", "forward"),
    ("human", "person"),
    ("user", "person"),
    ("member", "person"),
    ("app", "bot"),
    ("yes", "true"),
    ("1", "true"),
    ("no", "false"),
    ("0", "false"),
];

/// Why a text is not a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at character {})", .at + 1)]
pub struct QueryError {
    /// The offset of the wrong part, in code points of the query.
    pub at: usize,
    /// The length of the wrong part, in code points; 0 where something is missing.
    pub length: usize,
    /// What is wrong.
    pub problem: QueryProblem,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryProblem {
    /// It has nothing to search for.
    #[error("there is nothing to search for: expected a word, a \"phrase\" or a filter such as has:image")]
    Empty,
    /// It is longer than [`MAX_CHARACTERS`].
    #[error("the query is too long: expected at most {MAX_CHARACTERS} characters")]
    TooLong,
    /// It has more than [`MAX_TERMS`] terms; the first of them that is too many is named by the offset.
    #[error("the query has too many terms: expected at most {MAX_TERMS}")]
    TooManyTerms,
    /// A quote is not closed.
    #[error("the quote is not closed: expected another \" after the text")]
    UnclosedQuote,
    /// A word before a colon is not an operator.
    #[error(
        "unknown operator \"{found}:\"{}; to search for the text, put it in quotes",
        suggestion.map_or_else(
            || format!(": expected {OPERATORS}"),
            |operator| format!(" (did you mean \"{}:\"?)", operator.as_str()),
        )
    )]
    UnknownOperator {
        /// The word, cut to 64 characters.
        found: String,
        /// The operator that was probably meant.
        suggestion: Option<Operator>,
    },
    /// An operator has no value.
    #[error("\"{}:\" has no value: expected {} directly after the colon", .0.as_str(), .0.expected())]
    MissingValue(Operator),
    /// The value of an operator is not one of its values.
    #[error(
        "{found:?} is not a value of \"{}:\"{}: expected {}",
        operator.as_str(),
        suggestion.map(|value| format!(" (did you mean \"{value}\"?)")).unwrap_or_default(),
        operator.expected()
    )]
    InvalidValue {
        /// The operator.
        operator: Operator,
        /// The value, cut to 64 characters.
        found: String,
        /// The value that was probably meant.
        suggestion: Option<&'static str>,
    },
}

impl FromStr for SearchQuery {
    type Err = QueryError;

    /// Parses a query.
    ///
    /// Terms are separated by blanks. A term is a word, a phrase in quotes (`"`, or typographic ones), or an operator,
    /// a colon and a value, which can be in quotes; `-` before it negates it. `*` at the end of a word makes it the
    /// start of a word. Operators and their values are in any case. A word before `//` or `::` is not an operator. What
    /// has no letter, digit or emoji is no term, so that `rock & roll` has two.
    ///
    /// # Errors
    /// The first [`QueryProblem`], with its position.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: Vec<char> = text.chars().take(MAX_CHARACTERS + 1).collect();
        if text.len() > MAX_CHARACTERS {
            return Err(QueryError { at: MAX_CHARACTERS, length: 0, problem: QueryProblem::TooLong });
        }
        let mut reader = Reader { text: &text, at: 0 };
        let mut terms = Vec::new();
        while let Some((from, negated, filter)) = reader.term()? {
            let Some(filter) = filter else { continue };
            let source = &text[from..reader.at];
            if terms.len() == MAX_TERMS {
                return Err(QueryError { at: from, length: source.len(), problem: QueryProblem::TooManyTerms });
            }
            terms.push(Term { negated, filter, source: source.iter().collect(), at: from });
        }
        if terms.is_empty() {
            return Err(QueryError { at: 0, length: text.len(), problem: QueryProblem::Empty });
        }
        Ok(Self { terms })
    }
}

fn is_quote(char: char) -> bool {
    matches!(char, '"' | '“' | '”' | '„' | '‟')
}

struct Reader<'a> {
    text: &'a [char],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    /// Returns the characters up to the first that `ends`, and goes there.
    fn take_until(&mut self, ends: impl Fn(char) -> bool) -> String {
        let taken: String = self.text[self.at..].iter().take_while(|char| !ends(**char)).collect();
        self.at += taken.chars().count();
        taken
    }

    /// Returns the next term: where it starts, whether it is negated, and its filter, `None` for a text without letters
    /// and digits. `None` at the end.
    fn term(&mut self) -> Result<Option<(usize, bool, Option<Filter>)>, QueryError> {
        self.take_until(|char| !char.is_whitespace());
        let from = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let negated = first == '-';
        self.at += usize::from(negated);
        let filter = match (self.peek(), self.operator()) {
            (Some(quote), _) if is_quote(quote) => Phrase::new(&self.quoted()?).map(Filter::Text),
            (_, Some(name)) => Some(self.filter(&name)?),
            _ => {
                let word = self.take_until(|char| char.is_whitespace() || is_quote(char));
                match word.strip_suffix('*') {
                    Some(start) => Phrase::prefix(start),
                    None => Phrase::new(&word),
                }
                .map(Filter::Text)
            }
        };
        Ok(Some((from, negated, filter)))
    }

    /// Returns the word before a colon, which is or looks like an operator.
    fn operator(&self) -> Option<String> {
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|char| !(char.is_ascii_alphanumeric() || matches!(char, '_' | '-')))?;
        let after = &rest[length..];
        let is_operator = rest[0].is_ascii_alphabetic() && after.starts_with(&[':']);
        let is_text = after.starts_with(&[':', '/', '/']) || after.starts_with(&[':', ':']);
        (is_operator && !is_text).then(|| rest[..length].iter().collect())
    }

    /// Returns the text between two quotes, and goes behind the second.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let from = self.at;
        let straight = self.peek() == Some('"');
        self.at += 1;
        let closes = |char: char| if straight { char == '"' } else { is_quote(char) };
        let inside = self.take_until(closes);
        if self.peek().is_none() {
            let length = self.text.len() - from;
            return Err(QueryError { at: from, length, problem: QueryProblem::UnclosedQuote });
        }
        self.at += 1;
        Ok(inside)
    }

    fn filter(&mut self, name: &str) -> Result<Filter, QueryError> {
        let from = self.at;
        let length = name.chars().count() + 1;
        self.at += length;
        let Some(operator) = Operator::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(name)) else {
            let problem = QueryProblem::UnknownOperator { found: shown(name), suggestion: suggest_operator(name) };
            return Err(QueryError { at: from, length, problem });
        };
        let value_from = self.at;
        let value = match self.peek() {
            Some(quote) if is_quote(quote) => self.quoted()?,
            _ => self.take_until(char::is_whitespace),
        };
        if value.trim().is_empty() {
            return Err(QueryError { at: value_from, length: 0, problem: QueryProblem::MissingValue(operator) });
        }
        filter(operator, value.trim()).ok_or_else(|| QueryError {
            at: value_from,
            length: self.at - value_from,
            problem: QueryProblem::InvalidValue {
                operator,
                found: shown(&value),
                suggestion: suggest_value(operator, &value),
            },
        })
    }
}

fn filter(operator: Operator, value: &str) -> Option<Filter> {
    let is = |name: &str| name.eq_ignore_ascii_case(value);
    Some(match operator {
        Operator::From => Filter::From(PersonRef::parse(value)?),
        Operator::Mentions => Filter::Mentions(PersonRef::parse(value)?),
        Operator::In => Filter::In(ChannelRef::parse(value)?),
        Operator::Has if is("snapshot") => Filter::Has(Feature::Forward),
        Operator::Has => Filter::Has(Feature::ALL.into_iter().find(|feature| is(feature.as_str()))?),
        // Before it starts; after it ends.
        Operator::Before => Filter::Sent(TimeRange { from: None, until: TimeRange::parse(value)?.from }),
        Operator::After => Filter::Sent(after(TimeRange::parse(value)?)),
        Operator::During => Filter::Sent(TimeRange::parse(value)?),
        Operator::Pinned if is("true") => Filter::Pinned(true),
        Operator::Pinned if is("false") => Filter::Pinned(false),
        Operator::Pinned => return None,
        Operator::Author => Filter::Author(AuthorKind::ALL.into_iter().find(|kind| is(kind.as_str()))?),
        Operator::Host => Filter::Host(HostName::new(value)?),
        Operator::Ext => Filter::Extension(FileExtension::new(value)?),
    })
}

/// Returns the times after `range`; an empty range if it has no end.
fn after(range: TimeRange) -> TimeRange {
    match range.until {
        Some(end) => TimeRange { from: Some(end), until: None },
        None => TimeRange { from: range.from, until: range.from },
    }
}

fn suggest_operator(found: &str) -> Option<Operator> {
    let found = found.to_ascii_lowercase();
    let synonym = SYNONYMS.iter().find(|(name, _)| *name == found).map(|(_, operator)| *operator);
    synonym.or_else(|| {
        let name = nearest(&found, Operator::ALL.map(Operator::as_str))?;
        Operator::ALL.into_iter().find(|operator| operator.as_str() == name)
    })
}

fn suggest_value(operator: Operator, found: &str) -> Option<&'static str> {
    let found = found.to_lowercase();
    let known: Vec<&'static str> = match operator {
        Operator::Has => Feature::ALL.map(Feature::as_str).to_vec(),
        Operator::Author => AuthorKind::ALL.map(AuthorKind::as_str).to_vec(),
        Operator::Pinned => vec!["true", "false"],
        _ => return None,
    };
    let stem = found.strip_suffix('s').unwrap_or(&found);
    let synonym = VALUE_SYNONYMS.iter().find(|(name, value)| [stem, &found].contains(name) && known.contains(value));
    synonym.map(|(_, value)| *value).or_else(|| nearest(&found, known))
}

/// Returns the name that differs from `found` by the fewest letters that are added, missing, wrong or swapped; at most
/// a third of them, and at least one is allowed.
fn nearest(found: &str, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    // The distance takes time proportional to the product of the lengths.
    let found = Some(found).filter(|found| found.len() <= 64)?;
    let distance = |name: &&'static str| strsim::osa_distance(found, name);
    let name = names.into_iter().min_by_key(distance)?;
    let allowed = (found.chars().count().max(name.len()) / 3).max(1);
    (distance(&name) <= allowed && distance(&name) < name.len()).then_some(name)
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}
