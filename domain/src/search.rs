//! Search: how texts become words, the language of queries, and which messages match a query.
//!
//! Everything here is a pure function of its arguments. An index is derived: it stores the [`Token`]s of each message's
//! [`SearchDocument`], and finds candidates by the [`TokenPattern`]s of a [`Phrase`]. [`SearchQuery::matches`] is the
//! definition of a match; it decides about each candidate, and the index must agree with it.
//!
//! ```
//! use domain::search::{FoldedText, Highlight, Phrase, SearchQuery, SearchText, TokenPattern};
//!
//! let query: SearchQuery = "\"quick fox\" strasse -has:poll".parse()?;
//! let text = SearchText::rendered("The **Quick** fox in the Straße");
//! let parts = query.highlights(text.as_str());
//! assert_eq!(parts, [Highlight { from: 4, to: 13 }, Highlight { from: 21, to: 27 }]);
//! // In the message's content: without the asterisks.
//! assert_eq!(text.in_raw(&parts)[0], Highlight { from: 6, to: 11 });
//!
//! let tokens: Vec<String> = FoldedText::new("東京都 Tower").tokens(0).map(|token| token.text).collect();
//! assert_eq!(tokens, ["東京", "京都", "都", "tower"]);
//! let patterns = Phrase::new("京都").map(|phrase| phrase.patterns());
//! assert_eq!(patterns, Some(vec![TokenPattern::Exact("京都".to_owned())]));
//!
//! let error = "form:\"Amber Otter 48213\"".parse::<SearchQuery>().expect_err("the operator is misspelt");
//! assert!(error.to_string().starts_with("unknown operator \"form:\" (did you mean \"from:\"?)"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
