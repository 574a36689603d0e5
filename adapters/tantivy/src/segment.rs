//! The matching documents of one segment.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::BytesColumn;
use tantivy::query::{Scorer, Weight};
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED};
use tokio::time::Instant;

use crate::schema::{CHANNEL, ROOT};
use crate::span::{Ids, bytes, docs, ids};
use crate::walk::{Hit, Roots, Route};

/// The number of documents that are taken from a scorer at once.
const TAKEN: usize = 64;
/// The number of documents that are visited between two looks at the clock.
const VISITED: u32 = 1 << 14;
/// The numbers of documents of the first and of the longest range that is visited backwards.
const WINDOW: (u32, u32) = (1 << 10, 1 << 18);
/// Scores are compared as multiples of this part of one.
const QUANTA: f32 = 1_000.0;

/// What comes next in a segment.
pub(crate) enum Next {
    /// The document with this id.
    Document(u64),
    /// Nothing.
    End,
    /// It was not found before the deadline.
    Late,
}

/// The parts of a query, for all segments.
pub(crate) struct Weights {
    pub(crate) query: Arc<dyn Weight>,
    pub(crate) excluded: Arc<[Box<dyn Weight>]>,
    pub(crate) scored: Vec<Box<dyn Weight>>,
}

/// The matching documents of one segment.
pub(crate) struct Segment {
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
    /// Returns the documents of a segment that a route visits; `None` if their ids are not in its range.
    pub(crate) fn open(
        reader: &SegmentReader,
        weights: &Weights,
        roots: &Roots,
        route: &Route<'_>,
    ) -> tantivy::Result<Option<Self>> {
        let ids = ids(reader)?;
        let docs = docs(&ids, route.ids.0, route.ids.1);
        if docs.is_empty() {
            return Ok(None);
        }
        let root = bytes(reader, ROOT)?;
        let allowed = route.scope.map(|scope| roots.allowed(reader, &root, scope)).transpose()?;
        let scored = weights.scored.iter().map(|part| part.scorer(reader, 1.0)).collect::<tantivy::Result<_>>()?;
        Ok(Some(Self {
            channel: bytes(reader, CHANNEL)?,
            reader: reader.clone(),
            weight: Arc::clone(&weights.query),
            excluded: Arc::clone(&weights.excluded),
            excluding: Vec::new(),
            ids,
            scope: allowed.map(|allowed| (root, allowed)),
            docs,
            scored,
            scorer: None,
            window: WINDOW.0,
            found: VecDeque::new(),
            oldest: route.oldest,
        }))
    }

    /// Returns the channels of the documents.
    pub(crate) const fn channels(&self) -> &BytesColumn {
        &self.channel
    }

    /// Finds the next document.
    pub(crate) fn peek(&mut self, deadline: Instant) -> tantivy::Result<Next> {
        while self.found.is_empty() && !self.docs.is_empty() {
            if Instant::now() >= deadline {
                return Ok(Next::Late);
            }
            if self.oldest { self.fill_backwards()? } else { self.fill(TAKEN)? }
        }
        Ok(self.found.front().map_or(Next::End, |(id, _)| Next::Document(*id)))
    }

    /// Returns the next document, if it was found already. `index` is the number of this segment.
    pub(crate) fn take(&mut self, index: usize) -> Option<Hit> {
        let (id, doc) = self.found.pop_front()?;
        let mut score = 0;
        for part in &mut self.scored {
            if is_at(part, doc) {
                score += quantised(part.score());
            }
        }
        Some(Hit { id, score, segment: index, doc })
    }

    /// Finds documents from the newest on until there are `wanted` that were not taken. Returns false if it was not
    /// done before the deadline.
    pub(crate) fn find(&mut self, wanted: usize, deadline: Instant) -> tantivy::Result<bool> {
        while self.found.len() < wanted && !self.docs.is_empty() {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.fill(wanted)?;
        }
        Ok(true)
    }

    /// Returns the id of the last document that was found, unless it is the last one that matches.
    pub(crate) fn last_of_more(&self) -> Option<u64> {
        self.found.back().filter(|_| !self.docs.is_empty()).map(|(id, _)| *id)
    }

    /// Takes the documents with ids after `horizon`, all if it is `None`.
    pub(crate) fn take_after(&mut self, horizon: Option<u64>, index: usize, hits: &mut Vec<Hit>) {
        while self.found.front().is_some_and(|(id, _)| horizon.is_none_or(|horizon| *id > horizon)) {
            hits.extend(self.take(index));
        }
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

    /// Finds the next documents, the newest first, until `wanted` are found.
    fn fill(&mut self, wanted: usize) -> tantivy::Result<()> {
        let mut scorer = match self.scorer.take() {
            Some(scorer) => scorer,
            None => self.scorer()?,
        };
        let mut doc = scorer.doc();
        if doc < self.docs.start {
            doc = scorer.seek(self.docs.start);
        }
        let mut left = VISITED;
        while doc < self.docs.end && self.found.len() < wanted && left > 0 {
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
