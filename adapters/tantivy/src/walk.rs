//! Visits the documents that match a query in the order of their ids.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::channel::ChannelId;
use tantivy::columnar::BytesColumn;
use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DocId, Searcher, SegmentReader, TantivyError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::compile::FixedStatistics;
use crate::segment::{Next, Segment, Weights};

/// The number of documents of each segment that are found for a batch.
const BATCH: usize = 1 << 10;

/// The roots of each segment by ordinal. They are few, and never change.
#[derive(Default)]
pub(crate) struct Roots(Mutex<HashMap<SegmentId, Arc<Vec<ChannelId>>>>);

impl Roots {
    /// Returns whether each root of a segment is in `scope`.
    pub(crate) fn allowed(
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
    pub(crate) segment: usize,
    pub(crate) doc: DocId,
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
        let query = route.query.weight(plain)?.into();
        let excluded = route.excluded.iter().map(|query| query.weight(plain)).collect::<tantivy::Result<_>>()?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&FixedStatistics, searcher);
        let scored = route.scored.iter().map(|part| part.weight(scoring)).collect::<tantivy::Result<_>>()?;
        let weights = Weights { query, excluded, scored };
        let readers = searcher.segment_readers().iter();
        let opened = readers.map(|reader| Segment::open(reader, &weights, roots, route));
        let segments = opened.filter_map(Result::transpose).collect::<tantivy::Result<_>>()?;
        let (oldest, deadline) = (route.oldest, route.deadline);
        Ok(Self { segments, run: None, ties: Vec::new(), oldest, deadline, is_late: false })
    }

    /// Returns whether the visit ended because of its deadline.
    pub(crate) const fn is_late(&self) -> bool {
        self.is_late
    }

    /// Returns the channel of a document.
    pub(crate) fn channel(&self, hit: Hit) -> tantivy::Result<ChannelId> {
        let column = self.segments[hit.segment].channels();
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

    /// Returns the next documents, the newest first: they come before all later ones, and are in no order. Empty at the
    /// end, or if the visit is late.
    pub(crate) fn batch(&mut self) -> tantivy::Result<Vec<Hit>> {
        let (mut hits, mut size) = (Vec::new(), BATCH);
        while hits.is_empty() && !self.is_late {
            // The documents before this one have all been found.
            let mut horizon = None;
            for segment in &mut self.segments {
                if !segment.find(size, self.deadline)? {
                    self.is_late = true;
                }
                horizon = horizon.max(segment.last_of_more());
            }
            for (index, segment) in self.segments.iter_mut().enumerate() {
                segment.take_after(horizon, index, &mut hits);
            }
            if horizon.is_none() {
                break;
            }
            // Only if all that was found has one id.
            size += BATCH;
        }
        if self.is_late {
            hits.clear();
        }
        Ok(hits)
    }

    /// Compares two documents: the newest first, ties by channel.
    pub(crate) fn by_id(&self, a: Hit, b: Hit) -> Ordering {
        b.id.cmp(&a.id).then_with(|| self.channel(a).ok().cmp(&self.channel(b).ok()))
    }

    /// Compares two documents: the greatest score first, ties by id.
    pub(crate) fn by_score(&self, a: Hit, b: Hit) -> Ordering {
        b.score.cmp(&a.score).then_with(|| self.by_id(a, b))
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
