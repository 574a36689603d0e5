//! The documents with a word that has a given start.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use tantivy::index::{InvertedIndexReader, SegmentId};
use tantivy::postings::TermInfo;
use tantivy::query::{ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use crate::generation::locked;

/// The number of documents of the first part of a segment that is read, a multiple of 64. Each further part is four times
/// as long, so that there are few.
const PART: DocId = 1 << 14;
/// Words of at most this many documents are read at once: the library decodes that many together.
const BLOCK: u32 = 128;

type Shared = Arc<Mutex<Documents>>;

/// Finds the documents with a word that has a given start, however many words these are. Of frequent words it reads the
/// documents that are visited and some more, once for all scorers of a search. A clone shares them. Its scores are all
/// the same.
#[derive(Debug, Clone)]
pub(crate) struct StartQuery {
    field: Field,
    start: String,
    /// The number of documents of the first part that is read of a segment.
    part: DocId,
    found: Found,
}

#[derive(Clone, Default)]
struct Found(Arc<Mutex<HashMap<SegmentId, Shared>>>);

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Found(..)")
    }
}

impl StartQuery {
    pub(crate) fn new(field: Field, start: String) -> Self {
        Self { field, start, part: PART, found: Found::default() }
    }

    fn documents(&self, reader: &SegmentReader) -> tantivy::Result<Shared> {
        let id = reader.segment_id();
        let known = locked(&self.found.0).get(&id).cloned();
        if let Some(documents) = known {
            return Ok(documents);
        }
        let index = reader.inverted_index(self.field)?;
        let documents = Documents::open(index, reader.max_doc(), &self.start, self.part)?;
        let documents = Arc::new(Mutex::new(documents));
        locked(&self.found.0).insert(id, Arc::clone(&documents));
        Ok(documents)
    }
}

impl Query for StartQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for StartQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let documents = self.documents(reader)?;
        let size = locked(&documents).most;
        let mut visit = Visit { documents, size, doc: 0, rest: 0 };
        visit.find(0);
        Ok(Box::new(ConstScorer::new(visit, boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("the start of a word has no score".to_owned()))
    }
}

/// Returns the bytes after all words that start with `start`; `None` if there is no end.
pub(crate) fn after(start: &str) -> Option<Vec<u8>> {
    let mut end = start.as_bytes().to_vec();
    // No byte of UTF-8 is 255.
    *end.last_mut()? += 1;
    Some(end)
}

/// The documents of a segment that were read.
struct Documents {
    index: Arc<InvertedIndexReader>,
    /// The words with more than [`BLOCK`] documents.
    frequent: Vec<TermInfo>,
    /// A bit for each document. It is set if the document was read and found.
    bits: Vec<u64>,
    /// The documents whose bits are right, from and to a multiple of 64 or the end of the segment.
    read: Range<DocId>,
    /// The number of documents of the next part.
    part: DocId,
    max_doc: DocId,
    /// The largest possible number of documents that are found.
    most: u32,
}

impl Documents {
    fn open(index: Arc<InvertedIndexReader>, max_doc: DocId, start: &str, part: DocId) -> io::Result<Self> {
        let bits = vec![0; max_doc.div_ceil(u64::BITS) as usize];
        let mut documents = Self { index, frequent: Vec::new(), bits, read: 0..0, part, max_doc, most: 0 };
        let index = Arc::clone(&documents.index);
        let mut range = index.terms().range().ge(start.as_bytes());
        if let Some(end) = after(start) {
            range = range.lt(end);
        }
        let mut words = range.into_stream()?;
        while words.advance() {
            let word = words.value();
            documents.most = documents.most.saturating_add(word.doc_freq).min(max_doc);
            if word.doc_freq > BLOCK {
                documents.frequent.push(word.clone());
            } else {
                documents.read_word(word, &(0..max_doc))?;
            }
        }
        Ok(documents)
    }

    /// Reads those documents of a word that are in `range`.
    fn read_word(&mut self, word: &TermInfo, range: &Range<DocId>) -> io::Result<()> {
        let mut postings = self.index.read_block_postings_from_terminfo(word, IndexRecordOption::Basic)?;
        let mut first = postings.seek(range.start);
        while let Some(docs) = postings.docs().get(first..).filter(|docs| !docs.is_empty()) {
            for doc in docs {
                if *doc >= range.end {
                    return Ok(());
                }
                self.bits[(doc / u64::BITS) as usize] |= 1 << (doc % u64::BITS);
            }
            postings.advance();
            first = 0;
        }
        Ok(())
    }

    /// Reads the documents from `doc`, a multiple of 64, to those that are read, or a part if they are before it.
    fn read_from(&mut self, doc: DocId) -> io::Result<()> {
        let end = if doc < self.read.start {
            self.read.start
        } else {
            let end = doc.saturating_add(self.part).min(self.max_doc);
            self.part = self.part.saturating_mul(4);
            end
        };
        let frequent = std::mem::take(&mut self.frequent);
        for word in &frequent {
            self.read_word(word, &(doc..end))?;
        }
        self.frequent = frequent;
        self.read = if end == self.read.start {
            doc..self.read.end
        } else if doc == self.read.end {
            self.read.start..end
        } else {
            doc..end
        };
        Ok(())
    }

    /// Returns the first 64 documents, from a multiple of 64 that is not before `from`, one of which is found.
    fn word(&mut self, from: DocId) -> io::Result<Option<(DocId, u64)>> {
        let mut doc = from / u64::BITS * u64::BITS;
        while doc < self.max_doc {
            if !self.read.contains(&doc) {
                self.read_from(doc)?;
            }
            let bits = &self.bits[(doc / u64::BITS) as usize..self.read.end.div_ceil(u64::BITS) as usize];
            for bits in bits {
                // Those before `from` are not visited again.
                let bits = if doc < from { bits & (u64::MAX << (from - doc)) } else { *bits };
                if bits != 0 {
                    return Ok(Some((doc, bits)));
                }
                doc += u64::BITS;
            }
        }
        Ok(None)
    }
}

/// A visit of the documents, in their order.
struct Visit {
    documents: Shared,
    size: u32,
    doc: DocId,
    /// A bit for each document after `doc` with the same quotient by 64 that is found.
    rest: u64,
}

impl Visit {
    /// Goes on to the first document that is not before `target`.
    ///
    /// # Panics
    /// If the postings cannot be read: a visit has no way to return an error, and the index is damaged.
    fn find(&mut self, target: DocId) {
        let found = locked(&self.documents).word(target);
        match found.unwrap_or_else(|error| panic!("the postings of a word cannot be read: {error}")) {
            Some((first, bits)) => {
                self.doc = first + bits.trailing_zeros();
                self.rest = bits & (bits - 1);
            }
            None => self.doc = TERMINATED,
        }
    }
}

impl DocSet for Visit {
    fn advance(&mut self) -> DocId {
        if self.doc == TERMINATED {
            return TERMINATED;
        }
        if self.rest == 0 {
            self.find((self.doc / u64::BITS + 1) * u64::BITS);
        } else {
            self.doc = self.doc / u64::BITS * u64::BITS + self.rest.trailing_zeros();
            self.rest &= self.rest - 1;
        }
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.find(target);
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.size
    }
}
