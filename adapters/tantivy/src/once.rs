//! Queries that are evaluated once for each segment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::query::{BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

type Documents = Arc<Mutex<HashMap<SegmentId, BitSet>>>;

/// A query whose scorers read all postings when they are made: the documents of each segment are found by the first
/// scorer, and the later ones of the same search have them. A clone shares them. Its scores are all the same.
#[derive(Debug, Clone)]
pub(crate) struct Once<Q> {
    query: Q,
    documents: Found,
}

#[derive(Clone, Default)]
struct Found(Documents);

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Found(..)")
    }
}

impl<Q> Once<Q> {
    pub(crate) fn new(query: Q) -> Self {
        Self { query, documents: Found::default() }
    }
}

impl<Q: Query + Clone> Query for Once<Q> {
    fn weight(&self, scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(OnceWeight { weight: self.query.weight(scoring)?, documents: Arc::clone(&self.documents.0) }))
    }
}

struct OnceWeight {
    weight: Box<dyn Weight>,
    documents: Documents,
}

impl OnceWeight {
    fn find(&self, reader: &SegmentReader) -> tantivy::Result<BitSet> {
        let mut found = BitSet::with_max_value(reader.max_doc());
        let mut scorer = self.weight.scorer(reader, 1.0)?;
        while scorer.doc() != TERMINATED {
            found.insert(scorer.doc());
            scorer.advance();
        }
        Ok(found)
    }
}

impl Weight for OnceWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let id = reader.segment_id();
        let known = self.documents.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let found = if let Some(found) = known {
            found
        } else {
            let found = self.find(reader)?;
            self.documents.lock().unwrap_or_else(PoisonError::into_inner).insert(id, found.clone());
            found
        };
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(found), boost)))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("the start of a word has no score".to_owned()))
    }
}
