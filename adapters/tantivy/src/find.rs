//! One search in a generation.

use std::collections::HashSet;
use std::time::Duration;

use domain::channel::ChannelId;
use ports::search::{COUNTED, Candidate, CandidateQuery, Candidates, RANKED, SearchScope, SearchSort};
use tantivy::{Searcher, TantivyError};
use tokio::time::Instant;

use crate::compile::{Compiled, compile};
use crate::generation::{Generation, locked};
use crate::walk::{Hit, Route, Walk};

/// One search.
struct Finder<'a> {
    generation: &'a Generation,
    searcher: Searcher,
    query: &'a CandidateQuery,
    start: Instant,
}

/// The matching documents as they were counted.
#[derive(Default)]
struct Count {
    /// Their number, up to [`COUNTED`].
    total: u64,
    /// Whether the number is right: there was time for it.
    is_whole: bool,
    /// The first page of the newest ones, and one more.
    newest: Vec<Candidate>,
}

/// Returns the candidates; `None` if the time was over before the first.
pub(crate) fn find(generation: &Generation, query: &CandidateQuery) -> tantivy::Result<Option<Candidates>> {
    // Before the searcher, which may be newer then.
    let position = locked(&generation.position).clone();
    let finder = Finder { generation, searcher: generation.reader.searcher(), query, start: Instant::now() };
    let compiled = compile(generation.fields, query, &finder.searcher)?;
    let count = if query.is_counted { finder.count(&compiled)? } else { Count::default() };
    let (total, exact) = (count.total, compiled.exact && count.is_whole && generation.is_current);
    let found = match query.sort {
        SearchSort::Newest if query.after.is_none() && count.is_whole => Some(page(count.newest, query.limit)),
        SearchSort::Newest | SearchSort::Oldest => finder.by_id(&compiled)?,
        SearchSort::Relevance => finder.by_score(&compiled)?,
    };
    Ok(found.map(|(items, more)| Candidates { items, more, total, exact, position }))
}

/// Returns the first `limit` of `items`, and whether there are more.
fn page(mut items: Vec<Candidate>, limit: usize) -> (Vec<Candidate>, bool) {
    let more = items.len() > limit;
    items.truncate(limit);
    (items, more)
}

impl Finder<'_> {
    /// Visits the matching documents, with or without scores, until a time after the start.
    fn walk(
        &self,
        compiled: &Compiled,
        ids: (u64, u64),
        oldest: bool,
        scored: bool,
        time: Duration,
    ) -> tantivy::Result<Walk> {
        let in_scope = match &self.query.scope {
            SearchScope::All => None,
            SearchScope::Channels(channels) => {
                let channels: HashSet<ChannelId> = channels.iter().copied().collect();
                Some(move |root: ChannelId| channels.contains(&root))
            }
        };
        let route = Route {
            query: &*compiled.query,
            excluded: &compiled.excluded,
            scored: if scored { &compiled.scored } else { &[] },
            scope: in_scope.as_ref().map(|scope| scope as &dyn Fn(ChannelId) -> bool),
            ids,
            oldest,
            deadline: self.start + time,
        };
        Walk::new(&self.searcher, &self.generation.roots, &route)
    }

    /// Counts the matching documents, in half of the time that the search may take.
    fn count(&self, compiled: &Compiled) -> tantivy::Result<Count> {
        let mut walk = self.walk(compiled, compiled.ids, false, false, self.query.time / 2)?;
        let mut count = Count::default();
        while count.total < COUNTED
            && let Some(hit) = walk.next()?
        {
            count.total += 1;
            if count.newest.len() <= self.query.limit {
                count.newest.push(candidate(&walk, hit)?);
            }
        }
        count.is_whole = !walk.is_late();
        Ok(count)
    }

    fn by_id(&self, compiled: &Compiled) -> tantivy::Result<Option<(Vec<Candidate>, bool)>> {
        let oldest = self.query.sort == SearchSort::Oldest;
        let (mut low, mut high) = compiled.ids;
        if let Some(after) = self.query.after {
            if oldest { low = low.max(after.id.get()) } else { high = high.min(after.id.get()) }
        }
        let mut walk = self.walk(compiled, (low, high), oldest, false, self.query.time)?;
        let mut items = Vec::new();
        while let Some(hit) = walk.next()? {
            let candidate = candidate(&walk, hit)?;
            let is_before = |after: Candidate| candidate.id == after.id && candidate.channel <= after.channel;
            if self.query.after.is_some_and(is_before) {
                continue;
            }
            if items.len() == self.query.limit {
                return Ok(Some((items, true)));
            }
            items.push(candidate);
        }
        // What was found in time is the start of the page.
        let is_late = walk.is_late();
        Ok(if is_late && items.is_empty() { None } else { Some((items, is_late)) })
    }

    /// Sorts the newest [`RANKED`] matching documents by score.
    fn by_score(&self, compiled: &Compiled) -> tantivy::Result<Option<(Vec<Candidate>, bool)>> {
        let mut walk = self.walk(compiled, compiled.ids, false, true, self.query.time)?;
        let (wanted, mut left) = (self.query.limit + 1, RANKED);
        let (mut best, mut least): (Vec<Hit>, Option<u32>) = (Vec::new(), None);
        while left > 0 {
            let mut batch = walk.batch()?;
            if batch.is_empty() {
                break;
            }
            if batch.len() > left {
                batch.sort_unstable_by(|a, b| walk.by_id(*a, *b));
                batch.truncate(left);
            }
            left -= batch.len();
            // Of those with the same score, the ones of earlier batches come first.
            let is_next = |hit: &Hit| {
                least.is_none_or(|least| hit.score > least)
                    && self.query.after.is_none_or(|after| hit.score <= after.score && !is_before(&walk, *hit, after))
            };
            best.extend(batch.into_iter().filter(is_next));
            if best.len() > wanted {
                best.select_nth_unstable_by(wanted - 1, |a, b| walk.by_score(*a, *b));
                best.truncate(wanted);
                least = best.last().map(|hit| hit.score);
            }
        }
        if walk.is_late() {
            return Ok(None);
        }
        best.sort_unstable_by(|a, b| walk.by_score(*a, *b));
        best.truncate(wanted);
        let more = best.len() == wanted;
        best.truncate(self.query.limit);
        let items = best.into_iter().map(|hit| Ok(Candidate { score: hit.score, ..candidate(&walk, hit)? }));
        Ok(Some((items.collect::<tantivy::Result<_>>()?, more)))
    }
}

/// Returns whether a document with the score of `after` is not after it.
fn is_before(walk: &Walk, hit: Hit, after: Candidate) -> bool {
    let (same, id) = (hit.score == after.score, after.id.get());
    same && (hit.id > id || hit.id == id && walk.channel(hit).is_ok_and(|channel| channel <= after.channel))
}

fn candidate(walk: &Walk, hit: Hit) -> tantivy::Result<Candidate> {
    let invalid = || TantivyError::InternalError("the index has an invalid id".to_owned());
    let id = domain::message::MessageId::new(hit.id).ok_or_else(invalid)?;
    Ok(Candidate { score: 0, id, channel: walk.channel(hit)? })
}
