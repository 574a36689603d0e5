//! The documents of a segment by their ids, which descend.

use std::ops::Range;
use std::sync::Arc;

use domain::channel::ChannelId;
use tantivy::columnar::{BytesColumn, ColumnValues};
use tantivy::query::{ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use crate::schema::{CHANNEL, ID};

/// The column of ids of a segment.
pub(crate) type Ids = Arc<dyn ColumnValues<u64>>;

/// Returns the ids of a segment.
pub(crate) fn ids(reader: &SegmentReader) -> tantivy::Result<Ids> {
    Ok(reader.fast_fields().u64(ID)?.first_or_default_col(0))
}

/// Returns the column of bytes with this name.
pub(crate) fn bytes(reader: &SegmentReader, name: &str) -> tantivy::Result<BytesColumn> {
    let column = reader.fast_fields().bytes(name)?;
    Ok(column.unwrap_or_else(|| BytesColumn::empty(reader.max_doc())))
}

/// Returns the documents of a segment whose ids are in `low..=high`.
pub(crate) fn docs(ids: &Ids, low: u64, high: u64) -> Range<DocId> {
    let first = partition(ids, |id| id > high);
    first..partition(ids, |id| id >= low).max(first)
}

/// Returns the first document whose id is not `before` the boundary.
fn partition(ids: &Ids, before: impl Fn(u64) -> bool) -> DocId {
    let (mut low, mut high) = (0, ids.num_vals());
    while low < high {
        let middle = low + (high - low) / 2;
        if before(ids.get_val(middle)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Finds the documents with ids in a range, of one channel or of all. It reads no postings: the ids are sorted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpanQuery {
    pub(crate) channel: Option<ChannelId>,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Query for SpanQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(*self))
    }
}

impl Weight for SpanQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let docs = docs(&ids(reader)?, self.low, self.high);
        let only = match self.channel {
            Some(channel) => {
                let column = bytes(reader, CHANNEL)?;
                match column.dictionary().term_ord(channel.0.as_bytes())? {
                    Some(ord) => Some((column, ord)),
                    None => return Ok(Box::new(EmptyScorer)),
                }
            }
            None => None,
        };
        let mut span = Span { doc: docs.start, end: docs.end, only };
        span.settle();
        Ok(Box::new(ConstScorer::new(span, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("a range of ids has no score".to_owned()))
    }
}

/// Successive documents, or those of them with one channel.
struct Span {
    doc: DocId,
    end: DocId,
    only: Option<(BytesColumn, u64)>,
}

impl Span {
    /// Goes on to the first document from here that belongs to it.
    fn settle(&mut self) {
        if let Some((column, ord)) = &self.only {
            while self.doc < self.end && column.ords().first(self.doc) != Some(*ord) {
                self.doc += 1;
            }
        }
        if self.doc >= self.end {
            self.doc = TERMINATED;
        }
    }
}

impl DocSet for Span {
    fn advance(&mut self) -> DocId {
        self.seek(self.doc.saturating_add(1))
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc != TERMINATED && self.doc < target {
            self.doc = target;
            self.settle();
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.end.saturating_sub(self.doc)
    }
}
