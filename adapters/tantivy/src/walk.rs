//! Visits the documents that match a query in the order of their ids.

use std::cmp::Ordering;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use domain::channel::ChannelId;
use tantivy::columnar::BytesColumn;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Searcher, SegmentReader, TERMINATED, TantivyError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::compile::FixedStatistics;
use crate::schema::{CHANNEL, ROOT};
use crate::span::{Ids, bytes, docs, ids};

/// The number of documents that are taken from a scorer at once.
const TAKEN: usize = 64;
/// The number of documents that are visited between two looks at the clock.
const VISITED: u32 = 1 << 14;
/// The numbers of documents of the first and of the longest range that is visited backwards.
const WINDOW: (u32, u32) = (1 << 10, 1 << 18);
/// Scores are compared as multiples of this part of one.
const QUANTA: f32 = 1_000.0;

/// The roots of each segment by ordinal. They are few, and never change.
#[derive(Default)]
pub(crate) struct Roots(Mutex<HashMap<SegmentId, Arc<Vec<ChannelId>>>>);

impl Roots {
    /// Returns whether each root of a segment is in `scope`.
    fn allowed(
        &self,
        reader: &SegmentReader,
        column: &BytesColumn,
        scope: &dyn Fn(ChannelId) -> bool,
    ) -> tantivy::Result<Vec<bool>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&reader.segment_id()).cloned();
        let roots = if let Some(roots) = known {
            roots
        } else {
            let ords = 0..column.num_terms() as u64;
            let roots: Arc<Vec<ChannelId>> = Arc::new(ords.map(|ord| channel(column, ord)).collect::<Result<_, _>>()?);
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(reader.segment_id(), roots.clone());
            roots
        };
        Ok(roots.iter().map(|root| scope(*root)).collect())
    }

    /// Forgets the segments that `searcher` does not have.
    pub(crate) fn retain(&self, searcher: &Searcher) {
        let segments: Vec<SegmentId> = searcher.segment_readers().iter().map(SegmentReader::segment_id).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|segment, _| segments.contains(segment));
    }
}

fn corrupt(what: &str) -> TantivyError {
    TantivyError::InternalError(format!("the index has no valid {what}"))
}

/// Returns the channel with this ordinal.
fn channel(column: &BytesColumn, ord: u64) -> tantivy::Result<ChannelId> {
    let mut text = Vec::new();
    let found = column.ord_to_bytes(ord, &mut text)?;
    let id = Uuid::from_slice(&text).ok().filter(|_| found);
    id.map(ChannelId).ok_or_else(|| corrupt("channel"))
}

/// A document that matches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) id: u64,
    pub(crate) score: u32,
    segment: usize,
    doc: DocId,
}

/// What is visited, and how.
pub(crate) struct Route<'a> {
    pub(crate) query: &'a dyn Query,
    /// What is not visited.
    pub(crate) excluded: &'a [Box<dyn Query>],
    /// The parts of the score; none to visit without scores.
    pub(crate) scored: &'a [Box<dyn Query>],
    /// The roots of the messages that are visited; `None` for all.
    pub(crate) scope: Option<&'a dyn Fn(ChannelId) -> bool>,
    /// The ids that are visited, the first and the last of them included.
    pub(crate) ids: (u64, u64),
    /// Whether the oldest comes first.
    pub(crate) oldest: bool,
    /// When the visit ends, wherever it is.
    pub(crate) deadline: Instant,
}

/// The matching documents of all segments: by id, ties by channel, ascending.
pub(crate) struct Walk {
    segments: Vec<Segment>,
    /// The segment with the next documents, and the next id of the others, if there is one: most of the successive
    /// documents are in one segment.
    run: Option<(usize, Option<u64>)>,
    /// Documents with one id, in reverse order.
    ties: Vec<Hit>,
    oldest: bool,
    deadline: Instant,
    is_late: bool,
}

impl Walk {
    pub(crate) fn new(searcher: &Searcher, roots: &Roots, route: &Route<'_>) -> tantivy::Result<Self> {
        let plain = EnableScoring::disabled_from_searcher(searcher);
        let weight: Arc<dyn Weight> = route.query.weight(plain)?.into();
        let excluded: Arc<[Box<dyn Weight>]> =
            route.excluded.iter().map(|query| query.weight(plain)).collect::<tantivy::Result<_>>()?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&FixedStatistics, searcher);
        let scored = route.scored.iter().map(|part| part.weight(scoring)).collect::<tantivy::Result<Vec<_>>>()?;
        let mut segments = Vec::new();
        for reader in searcher.segment_readers() {
            let ids = ids(reader)?;
            let docs = docs(&ids, route.ids.0, route.ids.1);
            if docs.is_empty() {
                continue;
            }
            let root = bytes(reader, ROOT)?;
            let allowed = route.scope.map(|scope| roots.allowed(reader, &root, scope)).transpose()?;
            let scored = scored.iter().map(|part| part.scorer(reader, 1.0)).collect::<tantivy::Result<_>>()?;
            segments.push(Segment {
                channel: bytes(reader, CHANNEL)?,
                reader: reader.clone(),
                weight: weight.clone(),
                excluded: excluded.clone(),
                excluding: Vec::new(),
                ids,
                scope: allowed.map(|allowed| (root, allowed)),
                docs,
                scored,
                scorer: None,
                window: WINDOW.0,
                found: VecDeque::new(),
                oldest: route.oldest,
            });
        }
        let (oldest, deadline) = (route.oldest, route.deadline);
        Ok(Self { segments, run: None, ties: Vec::new(), oldest, deadline, is_late: false })
    }

    /// Returns whether the visit ended because of its deadline.
    pub(crate) const fn is_late(&self) -> bool {
        self.is_late
    }

    /// Returns the channel of a document.
    pub(crate) fn channel(&self, hit: Hit) -> tantivy::Result<ChannelId> {
        let column = &self.segments[hit.segment].channel;
        channel(column, column.ords().first(hit.doc).unwrap_or(u64::MAX))
    }

    /// Returns the next document.
    pub(crate) fn next(&mut self) -> tantivy::Result<Option<Hit>> {
        if let Some(hit) = self.ties.pop() {
            return Ok(Some(hit));
        }
        loop {
            let (index, others) = match self.run {
                Some(run) => run,
                None => match self.first()? {
                    Some(run) => *self.run.insert(run),
                    None => return Ok(None),
                },
            };
            let Some(id) = self.peek(index)? else {
                if self.is_late || others.is_none() {
                    return Ok(None);
                }
                self.run = None;
                continue;
            };
            if others.is_some_and(|other| self.precedes(other, id)) {
                self.run = None;
                continue;
            }
            let is_shared = others == Some(id);
            let Some(hit) = self.segments[index].take(index) else { return Ok(None) };
            if !is_shared && self.peek(index)? != Some(id) {
                // The visit ends at the next call if it is late.
                return Ok(Some(hit));
            }
            return self.tied(hit);
        }
    }

    /// Returns whether `id` comes before `other`.
    const fn precedes(&self, id: u64, other: u64) -> bool {
        if self.oldest { id < other } else { id > other }
    }

    /// Returns the next id of a segment; `None` at its end, or if the visit is late.
    fn peek(&mut self, index: usize) -> tantivy::Result<Option<u64>> {
        Ok(match self.segments[index].peek(self.deadline)? {
            Next::Document(id) => Some(id),
            Next::End => None,
            Next::Late => {
                self.is_late = true;
                None
            }
        })
    }

    /// Returns the segment with the next document, and the next id of the others; `None` at the end, or if the visit is
    /// late.
    fn first(&mut self) -> tantivy::Result<Option<(usize, Option<u64>)>> {
        let (mut best, mut others): (Option<(usize, u64)>, Option<u64>) = (None, None);
        for index in 0..self.segments.len() {
            let Some(id) = self.peek(index)? else {
                if self.is_late {
                    return Ok(None);
                }
                continue;
            };
            let behind = match best {
                Some((_, first)) if !self.precedes(id, first) => id,
                _ => match best.replace((index, id)) {
                    Some((_, before)) => before,
                    None => continue,
                },
            };
            others = Some(others.filter(|other| self.precedes(*other, behind)).unwrap_or(behind));
        }
        Ok(best.map(|(index, _)| (index, others)))
    }

    /// Returns the first of the documents with the id of `hit`, and keeps the others.
    fn tied(&mut self, hit: Hit) -> tantivy::Result<Option<Hit>> {
        self.run = None;
        let mut ties = vec![hit];
        for index in 0..self.segments.len() {
            while self.peek(index)? == Some(hit.id) {
                ties.extend(self.segments[index].take(index));
            }
        }
        if self.is_late {
            return Ok(None);
        }
        let named = ties.into_iter().map(|hit| Ok((self.channel(hit)?, hit)));
        let mut named = named.collect::<tantivy::Result<Vec<_>>>()?;
        named.sort_unstable_by_key(|(channel, _)| *channel);
        self.ties = named.into_iter().rev().map(|(_, hit)| hit).collect();
        Ok(self.ties.pop())
    }
}

/// What comes next in a segment.
enum Next {
    /// The document with this id.
    Document(u64),
    /// Nothing.
    End,
    /// It was not found before the deadline.
    Late,
}

/// The matching documents of one segment.
struct Segment {
    reader: SegmentReader,
    weight: Arc<dyn Weight>,
    excluded: Arc<[Box<dyn Weight>]>,
    /// Where the visit is in the excluded documents.
    excluding: Vec<Box<dyn Scorer>>,
    ids: Ids,
    channel: BytesColumn,
    /// The roots of the documents, and whether each is visited.
    scope: Option<(BytesColumn, Vec<bool>)>,
    /// The documents that are not visited yet.
    docs: Range<DocId>,
    scored: Vec<Box<dyn Scorer>>,
    /// Where a visit from the newest on is.
    scorer: Option<Box<dyn Scorer>>,
    window: u32,
    found: VecDeque<(u64, DocId)>,
    oldest: bool,
}

impl Segment {
    /// Finds the next document.
    fn peek(&mut self, deadline: Instant) -> tantivy::Result<Next> {
        while self.found.is_empty() && !self.docs.is_empty() {
            if Instant::now() >= deadline {
                return Ok(Next::Late);
            }
            if self.oldest { self.fill_backwards()? } else { self.fill()? }
        }
        Ok(self.found.front().map_or(Next::End, |(id, _)| Next::Document(*id)))
    }

    fn take(&mut self, index: usize) -> Option<Hit> {
        let (id, doc) = self.found.pop_front()?;
        let mut score = 0;
        for part in &mut self.scored {
            if is_at(part, doc) {
                score += quantised(part.score());
            }
        }
        Some(Hit { id, score, segment: index, doc })
    }

    /// Returns the documents that match, from the first on.
    fn scorer(&mut self) -> tantivy::Result<Box<dyn Scorer>> {
        let excluding = self.excluded.iter().map(|weight| weight.scorer(&self.reader, 1.0));
        self.excluding = excluding.collect::<tantivy::Result<_>>()?;
        self.weight.scorer(&self.reader, 1.0)
    }

    /// Returns whether a document is visited; documents ascend from one call to the next.
    fn is_visited(&mut self, doc: DocId) -> bool {
        self.is_in_scope(doc) && !self.excluding.iter_mut().any(|excluded| is_at(excluded, doc))
    }

    fn is_in_scope(&self, doc: DocId) -> bool {
        let alive = self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
        let in_scope = |(column, allowed): &(BytesColumn, Vec<bool>)| {
            let ord = column.ords().first(doc).and_then(|ord| usize::try_from(ord).ok());
            ord.and_then(|ord| allowed.get(ord)).copied().unwrap_or(false)
        };
        alive && self.scope.as_ref().is_none_or(in_scope)
    }

    /// Finds the next documents, the newest first.
    fn fill(&mut self) -> tantivy::Result<()> {
        let mut scorer = match self.scorer.take() {
            Some(scorer) => scorer,
            None => self.scorer()?,
        };
        let mut doc = scorer.doc();
        if doc < self.docs.start {
            doc = scorer.seek(self.docs.start);
        }
        let mut left = VISITED;
        while doc < self.docs.end && self.found.len() < TAKEN && left > 0 {
            if self.is_visited(doc) {
                self.found.push_back((self.ids.get_val(doc), doc));
            }
            doc = scorer.advance();
            left -= 1;
        }
        self.docs.start = doc.min(self.docs.end);
        self.scorer = Some(scorer);
        Ok(())
    }

    /// Finds the documents of the next range, the oldest first. Scorers go forward only, so each range is visited from
    /// its start; ranges grow, so that there are few.
    fn fill_backwards(&mut self) -> tantivy::Result<()> {
        let start = self.docs.end.saturating_sub(self.window).max(self.docs.start);
        let mut scorer = self.scorer()?;
        let mut doc = scorer.doc();
        if doc < start {
            doc = scorer.seek(start);
        }
        while doc < self.docs.end && doc != TERMINATED {
            if self.is_visited(doc) {
                self.found.push_front((self.ids.get_val(doc), doc));
            }
            doc = scorer.advance();
        }
        self.docs.end = start;
        self.window = (self.window * 4).min(WINDOW.1);
        Ok(())
    }
}

/// Returns whether a document matches; documents ascend from one call to the next.
fn is_at(scorer: &mut Box<dyn Scorer>, doc: DocId) -> bool {
    if scorer.doc() < doc {
        scorer.seek(doc);
    }
    scorer.doc() == doc
}

/// Returns a score as a whole number: sums of them do not depend on the order of their parts.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "scores are between 0 and some hundreds")]
fn quantised(score: f32) -> u32 {
    (score * QUANTA).round() as u32
}

/// Compares two documents of a walk by score, the greatest first; ties as in the walk.
pub(crate) fn by_score(a: (Hit, usize), b: (Hit, usize)) -> Ordering {
    b.0.score.cmp(&a.0.score).then(a.1.cmp(&b.1))
}
