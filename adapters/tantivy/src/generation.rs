//! A finished index in its directory, and the writers of indexes.

use std::fs;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::channel::ChannelId;
use ports::search::{IndexPosition, IndexedMessage, SearchError};
use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentMeta;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergeCandidate, MergePolicy};
use tantivy::query::{EnableScoring, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED};

use crate::error::{io_error, search_error};
use crate::payload::Payload;
use crate::schema::{Fields, Key, NO_ROOT, ROOT, schema, settings};
use crate::span::bytes;
use crate::walk::Roots;

/// The list of the segments of a generation, with its payload.
pub(crate) const LIST: &str = "meta.json";

/// The memory in bytes for documents that are not yet on the disk.
const ARENA: usize = 50_000_000;
/// Segments with more documents are merged only to remove deleted ones, which bounds the memory and time of a merge.
const MERGED: usize = 2_000_000;
/// The part of deleted documents beyond which a segment is merged.
const DELETED: f32 = 0.1;

/// An index that answers.
pub(crate) struct Generation {
    pub(crate) path: PathBuf,
    pub(crate) index: Index,
    pub(crate) reader: IndexReader,
    pub(crate) fields: Fields,
    pub(crate) roots: Roots,
    pub(crate) position: Mutex<IndexPosition>,
    /// Whether this version of the program made it. Another version's answers until it is rebuilt, if its fields are the
    /// same, and is not changed.
    pub(crate) is_current: bool,
}

/// The files of a generation as they were found.
pub(crate) enum Opened {
    /// It answers.
    Ready(Arc<Generation>),
    /// Another schema made it, with other fields.
    Outdated,
    /// It has no position: its build has not ended.
    Unfinished,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on files that may be broken: the library panics on some of them.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(SearchError::Damaged(text.unwrap_or("the library panicked").into()))
    })
}

impl Generation {
    /// Opens a generation.
    pub(crate) fn open(path: &Path) -> Result<Opened, SearchError> {
        guarded(|| {
            let index = Index::open_in_dir(path).map_err(search_error)?;
            let metas = index.load_metas().map_err(search_error)?;
            let Some(text) = &metas.payload else { return Ok(Opened::Unfinished) };
            let damaged = |what: &str| SearchError::Damaged(what.to_owned().into());
            let payload = Payload::parse(text).ok_or_else(|| damaged("the payload of the commit is broken"))?;
            let (schema, fields) = schema();
            let is_current = payload.is_current();
            if index.schema() != schema || index.settings() != &settings() {
                let wrong = || damaged("the schema is another one");
                return if is_current { Err(wrong()) } else { Ok(Opened::Outdated) };
            }
            // The library ignores a field with a broken name, such as that of the deleted documents of a segment.
            let list = fs::read(path.join(LIST)).map_err(io_error)?;
            let again = serde_json::to_vec_pretty(&metas).map_err(|error| SearchError::Damaged(error.into()))?;
            if is_current && list.trim_ascii_end() != again {
                return Err(damaged("the list of segments is broken"));
            }
            check(&index)?;
            let position = payload.position().ok_or_else(|| damaged("the position is invalid"))?;
            let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(search_error)?;
            let generation = Self {
                path: path.to_owned(),
                index,
                reader,
                fields,
                roots: Roots::default(),
                position: Mutex::new(position),
                is_current,
            };
            generation.check_columns()?;
            Ok(Opened::Ready(Arc::new(generation)))
        })
    }

    /// Checks that each segment has as many documents as the library's list says, which has no checksum.
    fn check_columns(&self) -> Result<(), SearchError> {
        for reader in self.reader.searcher().segment_readers() {
            let ids = crate::span::ids(reader).map_err(search_error)?;
            let alive = reader.alive_bitset().map_or(reader.max_doc() as usize, AliveBitSet::num_alive_docs);
            if ids.num_vals() != reader.max_doc() || alive != reader.num_docs() as usize {
                return Err(SearchError::Damaged("a segment has another number of documents".into()));
            }
        }
        Ok(())
    }

    pub(crate) fn writer(&self) -> Result<IndexWriter, SearchError> {
        writer(&self.index).map_err(search_error)
    }

    /// Makes the last commit of another process visible.
    pub(crate) fn refresh(&self) -> Result<(), SearchError> {
        guarded(|| {
            let damaged = || SearchError::Damaged("the payload of the commit is broken".into());
            let text = self.index.load_metas().map_err(search_error)?.payload.ok_or_else(damaged)?;
            let position = Payload::parse(&text).and_then(|payload| payload.position()).ok_or_else(damaged)?;
            // After the position: the files can be newer than that, never older.
            self.reload()?;
            *locked(&self.position) = position;
            Ok(())
        })
    }

    /// Makes the last commit visible.
    pub(crate) fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload().map_err(search_error)?;
        self.roots.retain(&self.reader.searcher());
        Ok(())
    }
}

/// Compares the checksums of all files.
pub(crate) fn check(index: &Index) -> Result<(), SearchError> {
    let metas = index.load_metas().map_err(search_error)?;
    let directory = index.directory();
    for path in metas.list_segment_files() {
        let exists = tantivy::Directory::exists(directory, &path).map_err(|error| search_error(error.into()))?;
        // Only segments with deleted documents have a list of them, whose absence the library notices.
        let is_optional = path.extension().is_some_and(|ending| ending == "del" || ending == "temp");
        if !exists && !is_optional {
            return Err(SearchError::Damaged(format!("{} is missing", path.display()).into()));
        }
        if exists && !directory.validate_checksum(&path).map_err(|error| search_error(error.into()))? {
            return Err(SearchError::Damaged(format!("{} has another checksum", path.display()).into()));
        }
    }
    Ok(())
}

/// Merges fewer segments at once than the library's policy, so that no merge has many more than [`MERGED`] documents.
#[derive(Debug)]
struct Bounded(LogMergePolicy);

impl MergePolicy for Bounded {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let documents = |id| segments.iter().find(|meta| meta.id() == id).map_or(0, |meta| meta.max_doc() as usize);
        let bounded = |MergeCandidate(mut ids): MergeCandidate| {
            ids.sort_by_key(|id| documents(*id));
            let mut sum = 0;
            let fit = ids.iter().take_while(|id| {
                sum += documents(**id);
                sum <= MERGED
            });
            let fit = fit.count();
            if ids.len() > 1 {
                ids.truncate(fit);
                // A single one of them has no deleted documents to remove.
                return (ids.len() > 1).then_some(MergeCandidate(ids));
            }
            Some(MergeCandidate(ids))
        };
        self.0.compute_merge_candidates(segments).into_iter().filter_map(bounded).collect()
    }
}

pub(crate) fn writer(index: &Index) -> tantivy::Result<IndexWriter> {
    let options = IndexWriterOptions::builder().memory_budget_per_thread(ARENA).num_merge_threads(1).build();
    let writer: IndexWriter = index.writer_with_options(options)?;
    let mut policy = LogMergePolicy::default();
    policy.set_max_docs_before_merge(MERGED / 2);
    policy.set_del_docs_ratio_before_merge(DELETED);
    writer.set_merge_policy(Box::new(Bounded(policy)));
    // The first operation of a writer gets the number of the last commit, up to which a merge applies deletions. Without
    // this, a merge that begins before the next commit would apply the first deletion to a part of its segments only.
    writer.run(std::iter::empty())?;
    Ok(writer)
}

/// Adds a document. If the writer was killed, returns the error that killed it.
pub(crate) fn add(writer: &mut IndexWriter, fields: Fields, message: &IndexedMessage) -> tantivy::Result<()> {
    match writer.add_document(fields.document(message)) {
        Ok(_) => Ok(()),
        Err(killed) => Err(writer.prepare_commit().err().unwrap_or(killed)),
    }
}

pub(crate) fn commit(writer: &mut IndexWriter, position: &IndexPosition) -> tantivy::Result<()> {
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&Payload::new(position).to_text());
    prepared.commit()?;
    Ok(())
}

/// Removes a directory with all its files; a missing one is fine.
pub(crate) fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns whether all documents of a channel and of its threads have this root.
pub(crate) fn has_root(
    fields: Fields,
    searcher: &Searcher,
    channel: ChannelId,
    root: Option<ChannelId>,
) -> tantivy::Result<bool> {
    let all = TermQuery::new(fields.key(Key::In(channel)), IndexRecordOption::Basic);
    let weight = all.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let root = root.map_or(NO_ROOT, |root| root.0.into_bytes());
    for reader in searcher.segment_readers() {
        let column = bytes(reader, ROOT)?;
        let expected = column.dictionary().term_ord(root)?;
        let mut scorer = weight.scorer(reader, 1.0)?;
        while scorer.doc() != TERMINATED {
            let doc = scorer.doc();
            let is_alive = reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc));
            if is_alive && (expected.is_none() || column.ords().first(doc) != expected) {
                return Ok(false);
            }
            scorer.advance();
        }
    }
    Ok(true)
}
