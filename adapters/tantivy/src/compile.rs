//! Queries of the domain as queries of tantivy.

use std::collections::BTreeSet;

use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::search::{Filter, Phrase, TimeRange, TokenPattern};
use ports::search::{CandidateQuery, SearchScope};
use tantivy::query::{
    AllQuery, Bm25StatisticsProvider, BooleanQuery, EmptyQuery, PhrasePrefixQuery, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::schema::{Fields, Key};
use crate::span::SpanQuery;
use crate::start::{StartQuery, after};

/// The number of words to which the start of a word at the end of a phrase is expanded. Each needs about 2 kB in each
/// segment. With more of them, the candidates are those that contain the phrase before it and one of the words.
const EXPANDED: u32 = 64;

/// The number of tokens of one text, and of all texts of a query, that the index compares; each costs as much as a word
/// in every segment. The candidates of longer ones are those that contain their start.
const TOKENS: (usize, usize) = (16, 64);

/// A query of tantivy.
pub(crate) struct Compiled {
    /// Finds the candidates, with those of other scopes.
    pub(crate) query: Box<dyn Query>,
    /// Finds documents that are no candidates. The library's own exclusion seeks backwards in phrases, which panics or
    /// is wrong (0.27), so the walk does it.
    pub(crate) excluded: Vec<Box<dyn Query>>,
    /// The parts of which the score consists.
    pub(crate) scored: Vec<Box<dyn Query>>,
    /// Whether all candidates match.
    pub(crate) exact: bool,
    /// The ids of all candidates.
    pub(crate) ids: (u64, u64),
}

/// Compiles a query for the segments of `searcher`.
pub(crate) fn compile(fields: Fields, request: &CandidateQuery, searcher: &Searcher) -> tantivy::Result<Compiled> {
    if request.query.is_contradictory() {
        // Otherwise all that match the one term are visited to find that they match the other.
        let (query, ids) = (Box::new(EmptyQuery), (0, u64::MAX));
        return Ok(Compiled { query, excluded: Vec::new(), scored: Vec::new(), exact: true, ids });
    }
    let mut compiler =
        Compiler { fields, request, searcher, clauses: Vec::new(), excluded: Vec::new(), exact: true, left: TOKENS.1 };
    let (mut from, mut within, mut scored) = (None, None, Vec::new());
    let mut ids = (0, u64::MAX);
    for term in request.query.terms() {
        match (&term.filter, term.negated) {
            (Filter::From(person), false) => {
                from.get_or_insert_with(Vec::new).push(compiler.key(Key::From(*person)));
            }
            (Filter::In(_), false) => {
                let named = compiler.named(&term.filter);
                within.get_or_insert_with(Vec::new).extend(named);
            }
            (Filter::Sent(range), false) => {
                let (low, high) = ids_of(*range);
                ids = (ids.0.max(low), ids.1.min(high));
            }
            (Filter::Text(phrase), negated) => {
                scored.extend(compiler.text(phrase, negated)?);
            }
            (Filter::Pinned(pinned), negated) => {
                let found = compiler.key(Key::Pinned);
                compiler.clause(*pinned == negated, found);
            }
            (filter, negated) => {
                let found = compiler.filter(filter);
                compiler.clause(negated, found);
            }
        }
    }
    for alternatives in [from, within].into_iter().flatten() {
        compiler.clause(false, any(alternatives));
    }
    if let Some(channel) = request.within {
        let within = compiler.key(Key::In(channel));
        compiler.clause(false, within);
    }
    if let SearchScope::Channels(_) = request.scope {
        let shown = compiler.key(Key::Shown);
        compiler.clause(false, shown);
    }
    let Compiler { mut clauses, excluded, exact, .. } = compiler;
    let query: Box<dyn Query> = match clauses.len() {
        0 => Box::new(AllQuery),
        1 => clauses.remove(0),
        _ => Box::new(BooleanQuery::intersection(clauses)),
    };
    Ok(Compiled { query, excluded, scored, exact, ids })
}

/// Returns the ids of messages that were sent in a range: `low > high` for an empty range.
fn ids_of(range: TimeRange) -> (u64, u64) {
    let first = |time| MessageId::first_at(time).get();
    (range.from.map_or(0, first), range.until.map_or(u64::MAX, |until| first(until) - 1))
}

fn any(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::union(queries)),
    }
}

struct Compiler<'a> {
    fields: Fields,
    request: &'a CandidateQuery,
    searcher: &'a Searcher,
    /// What a candidate must match.
    clauses: Vec<Box<dyn Query>>,
    /// What it must not match.
    excluded: Vec<Box<dyn Query>>,
    exact: bool,
    /// The number of tokens that may still be compared.
    left: usize,
}

impl Compiler<'_> {
    fn clause(&mut self, negated: bool, query: Box<dyn Query>) {
        if negated { self.excluded.push(query) } else { self.clauses.push(query) }
    }

    fn key(&self, key: Key<'_>) -> Box<dyn Query> {
        Box::new(TermQuery::new(self.fields.key(key), IndexRecordOption::Basic))
    }

    /// Returns a query for each channel that an `in:` names.
    fn named(&self, filter: &Filter) -> Vec<Box<dyn Query>> {
        let Filter::In(reference) = filter else { return Vec::new() };
        let channels: &[ChannelId] = self.request.channels.get(reference).map(Vec::as_slice).unwrap_or_default();
        channels.iter().map(|channel| self.key(Key::In(*channel))).collect()
    }

    /// Returns the query of a filter without text.
    fn filter(&self, filter: &Filter) -> Box<dyn Query> {
        match filter {
            Filter::Text(_) | Filter::Pinned(_) => Box::new(AllQuery),
            Filter::From(person) => self.key(Key::From(*person)),
            Filter::In(_) => any(self.named(filter)),
            Filter::Mentions(person) => self.key(Key::Mentions(*person)),
            Filter::Has(feature) => self.key(Key::Has(*feature)),
            Filter::Sent(range) => {
                let (low, high) = ids_of(*range);
                Box::new(SpanQuery { channel: None, low, high })
            }
            Filter::Author(kind) => self.key(Key::Author(*kind)),
            Filter::Host(domain) => self.key(Key::Host(domain.as_str())),
            Filter::Extension(extension) => self.key(Key::Extension(extension)),
        }
    }

    /// Adds the clauses of a text, and returns the part of it that has a score: all but the start of a word. A negated
    /// one excludes only what certainly contains it.
    fn text(&mut self, phrase: &Phrase, negated: bool) -> tantivy::Result<Option<Box<dyn Query>>> {
        let (mut words, mut prefix) = split(phrase);
        let count = words.len() + usize::from(prefix.is_some());
        let compared = TOKENS.0.min(self.left);
        if count > compared {
            self.exact = false;
            words.truncate(compared);
            prefix = None;
            if negated || words.is_empty() {
                return Ok(None);
            }
        }
        self.left -= count.min(compared);
        let query: Box<dyn Query> = match (&words[..], prefix) {
            (_, None) => self.phrase(&words),
            ([], Some(prefix)) => Box::new(StartQuery::new(self.fields.body, prefix)),
            (_, Some(prefix)) => match self.expansions(&prefix)? {
                0 => Box::new(EmptyQuery),
                count if count <= EXPANDED => {
                    let terms = words.iter().chain([&prefix]).map(|word| self.fields.word(word));
                    let mut query = PhrasePrefixQuery::new(terms.collect());
                    query.set_max_expansions(count);
                    Box::new(query)
                }
                _ if negated => {
                    self.exact = false;
                    return Ok(None);
                }
                _ => {
                    self.exact = false;
                    self.clause(false, Box::new(StartQuery::new(self.fields.body, prefix)));
                    self.phrase(&words)
                }
            },
        };
        self.clause(negated, query);
        Ok((!negated && !words.is_empty()).then(|| self.phrase(&words)))
    }

    /// Returns the query of successive tokens.
    fn phrase(&self, words: &[String]) -> Box<dyn Query> {
        match words {
            [] => Box::new(EmptyQuery),
            [word] => Box::new(TermQuery::new(self.fields.word(word), IndexRecordOption::WithFreqs)),
            words => Box::new(PhraseQuery::new(words.iter().map(|word| self.fields.word(word)).collect())),
        }
    }

    /// Returns the number of words that start with `prefix`, counted up to [`EXPANDED`] + 1. It is that of all segments
    /// together: how the documents are divided into segments differs from node to node.
    fn expansions(&self, prefix: &str) -> tantivy::Result<u32> {
        let mut words: BTreeSet<Vec<u8>> = BTreeSet::new();
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(self.fields.body)?;
            let mut range = index.terms().range().ge(prefix.as_bytes());
            if let Some(end) = after(prefix) {
                range = range.lt(end);
            }
            let mut stream = range.into_stream()?;
            while words.len() <= EXPANDED as usize && stream.advance() {
                words.insert(stream.key().to_vec());
            }
        }
        Ok(u32::try_from(words.len()).unwrap_or(u32::MAX))
    }
}

/// Returns the tokens of a phrase, and the start of one after them.
fn split(phrase: &Phrase) -> (Vec<String>, Option<String>) {
    let (mut words, mut start) = (Vec::new(), None);
    for pattern in phrase.patterns() {
        match pattern {
            TokenPattern::Exact(word) => words.push(word),
            TokenPattern::Prefix(prefix) => start = Some(prefix),
        }
    }
    (words, start)
}

/// Statistics that do not depend on the documents, so that two indexes with the same documents have the same scores,
/// whatever they have merged. Longer tokens count as rarer.
pub(crate) struct FixedStatistics;

impl Bm25StatisticsProvider for FixedStatistics {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(16_000_000)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(1_000_000)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let length = term.value().as_str().map_or(1, |word| word.chars().count());
        Ok(200_000 >> length.min(12))
    }
}
