//! Search: how texts become words, the language of queries, and which messages match a query.
//!
//! Everything here is a pure function of its arguments. An index is derived: it stores the [`Token`]s of each message's
//! [`SearchDocument`], and finds candidates by the [`TokenPattern`]s of a [`Phrase`]. [`SearchQuery::matches`] is the
//! definition of a match; it decides about each candidate, and the index must agree with it.

mod fold;
mod matches;
mod query;
mod searchable;
mod shown;
mod syntax;
mod text;
mod value;

pub use self::matches::{ChannelKeys, Highlight, SearchDocument};
pub use self::query::{Filter, Operator, SearchQuery, Term};
pub use self::searchable::{MAX_TEXT, SearchPlace};
pub use self::shown::SearchText;
pub use self::syntax::{MAX_CHARACTERS, MAX_TERMS, QueryError, QueryProblem};
pub use self::text::{FoldedText, MAX_WORD, Phrase, TOKENIZER, Token, TokenPattern, tokenizer_version};
pub use self::value::{AuthorKind, ChannelRef, Feature, FeatureSet, FileExtension, HostName, PersonRef, TimeRange};

#[cfg(test)]
mod tests;
