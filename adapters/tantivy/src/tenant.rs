//! The index of one tenant: a directory with one finished generation, and at most one that is being built.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use domain::channel::ChannelId;
use ports::search::{
    COUNTED, Candidate, CandidateQuery, Candidates, IndexBatch, IndexPosition, IndexRange, IndexState, IndexedMessage,
    RANKED, SearchError, SearchScope, SearchSort,
};
use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentMeta;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, MergeCandidate, MergePolicy};
use tantivy::query::{BooleanQuery, EnableScoring, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TERMINATED, TantivyError};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::compile::{Compiled, compile};
use crate::error::{io_error, search_error};
use crate::lock::{DirectoryLock, create_dir};
use crate::payload::Payload;
use crate::schema::{Fields, Key, NO_ROOT, ROOT, schema, settings};
use crate::snapshot::{Part, unpack};
use crate::span::{SpanQuery, bytes};
use crate::walk::{Hit, Roots, Route, Walk, by_score};

/// The memory in bytes for documents that are not yet on the disk.
const ARENA: usize = 50_000_000;
/// Segments with more documents are merged only to remove deleted ones, which bounds the memory and time of a merge.
const MERGED: usize = 2_000_000;
/// The part of deleted documents beyond which a segment is merged.
const DELETED: f32 = 0.1;
/// The number of times that a purge begins again because a merge took one of its segments.
const PURGES: u32 = 100;

/// The least time between two checks of the files because of searches that failed.
const CHECKED: Duration = Duration::from_mins(10);
/// The number of times that a process reads a directory which another one changes at the same time.
const FOLLOWED: u32 = 5;

/// The list of the segments of a generation, with its payload.
const LIST: &str = "meta.json";

/// The directory of a generation whose files are being taken from a snapshot.
const RESTORING: &str = "restoring";

/// The prefix of the directory of a generation, before its number.
const GENERATION: &str = "generation-";

/// An index that answers.
pub(crate) struct Generation {
    path: PathBuf,
    index: Index,
    reader: IndexReader,
    fields: Fields,
    roots: Roots,
    position: Mutex<IndexPosition>,
    /// Whether this version of the program made it. Another version's answers until it is rebuilt, if its fields are the
    /// same, and is not changed.
    is_current: bool,
}

/// The state of the directory.
#[derive(Clone)]
enum Slot {
    /// It was not read yet.
    Unopened,
    Ready(Arc<Generation>),
    Missing,
    Outdated,
    Damaged,
}

/// The files of the generations at one time, as far as a commit changes them: the number of each, and the identity of
/// its list of segments, which every commit replaces.
type Stamp = Vec<(u64, Option<(u64, i64, i64)>)>;

/// The index of one tenant.
pub(crate) struct Tenant {
    path: PathBuf,
    lock: Arc<DirectoryLock>,
    slot: RwLock<Slot>,
    /// What `slot` was read from, in a process that only searches.
    seen: Mutex<Option<Stamp>>,
    /// When a search that failed last made the files be checked.
    checked: Mutex<Option<Instant>>,
    /// Serializes writers. The writer of the generation that answers, while one is open.
    writer: Mutex<Option<Writer>>,
    /// Held while a snapshot is taken, which may go on for a moment after its caller has stopped waiting.
    restoring: Mutex<()>,
}

struct Writer {
    generation: Arc<Generation>,
    writer: IndexWriter,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on files that may be broken: the library panics on some of them.
fn guarded<T>(work: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(SearchError::Damaged(text.unwrap_or("the library panicked").into()))
    })
}

impl Generation {
    /// Opens a finished generation; `None` if it was not finished.
    fn open(path: &Path) -> Result<Option<Result<Self, Slot>>, SearchError> {
        guarded(|| {
            let index = Index::open_in_dir(path).map_err(search_error)?;
            let metas = index.load_metas().map_err(search_error)?;
            let Some(text) = &metas.payload else { return Ok(None) };
            let damaged = |what: &str| SearchError::Damaged(what.to_owned().into());
            let payload = Payload::parse(text).ok_or_else(|| damaged("the payload of the commit is broken"))?;
            let (schema, fields) = schema();
            let is_current = payload.is_current();
            if index.schema() != schema || index.settings() != &settings() {
                let wrong = || damaged("the schema is another one");
                return if is_current { Err(wrong()) } else { Ok(Some(Err(Slot::Outdated))) };
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
            Ok(Some(Ok(generation)))
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

    fn writer(&self) -> Result<IndexWriter, SearchError> {
        writer(&self.index).map_err(search_error)
    }

    /// Makes the last commit of another process visible.
    fn refresh(&self) -> Result<(), SearchError> {
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
    fn reload(&self) -> Result<(), SearchError> {
        self.reader.reload().map_err(search_error)?;
        self.roots.retain(&self.reader.searcher());
        Ok(())
    }
}

/// Compares the checksums of all files.
fn check(index: &Index) -> Result<(), SearchError> {
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

fn writer(index: &Index) -> tantivy::Result<IndexWriter> {
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
fn add(writer: &mut IndexWriter, fields: Fields, message: &IndexedMessage) -> tantivy::Result<()> {
    match writer.add_document(fields.document(message)) {
        Ok(_) => Ok(()),
        Err(killed) => Err(writer.prepare_commit().err().unwrap_or(killed)),
    }
}

fn commit(writer: &mut IndexWriter, position: &IndexPosition) -> tantivy::Result<()> {
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(&Payload::new(position).to_text());
    prepared.commit()?;
    Ok(())
}

/// Removes a directory with all its files; a missing one is fine.
fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

impl Tenant {
    pub(crate) fn new(path: PathBuf, lock: Arc<DirectoryLock>) -> Self {
        Self {
            path,
            lock,
            slot: RwLock::new(Slot::Unopened),
            seen: Mutex::new(None),
            checked: Mutex::new(None),
            writer: Mutex::new(None),
            restoring: Mutex::new(()),
        }
    }

    /// Reads the directory again at the next call.
    pub(crate) fn reopen(&self) {
        self.set(Slot::Unopened);
    }

    /// Returns the numbers of the generations, the newest first.
    fn generations(&self) -> Result<Vec<u64>, SearchError> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_error)?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(io_error)?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_prefix(GENERATION)?.parse::<u64>().ok()));
        }
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    fn generation(&self, number: u64) -> PathBuf {
        self.path.join(format!("{GENERATION}{number}"))
    }

    /// Opens the newest finished generation and removes all others.
    fn open(&self) -> Result<Slot, SearchError> {
        remove_dir(&self.path.join(RESTORING)).map_err(io_error)?;
        let mut slot = Slot::Missing;
        for number in self.generations()? {
            let path = self.generation(number);
            let found = match Generation::open(&path) {
                Ok(None) => None,
                Ok(Some(Ok(generation))) => Some(Slot::Ready(Arc::new(generation))),
                Ok(Some(Err(slot))) => Some(slot),
                Err(SearchError::Damaged(source)) => {
                    warn!(path = %path.display(), error = &*source, "search index damaged");
                    Some(Slot::Damaged)
                }
                Err(error) => return Err(error),
            };
            match (&slot, found) {
                // An older one is finished, too: it was about to be removed.
                (Slot::Ready(_), _) | (_, None) => remove_dir(&path).map_err(io_error)?,
                (_, Some(found)) => slot = found,
            }
        }
        Ok(slot)
    }

    /// Returns the files of the generations, the newest first.
    fn stamp(&self) -> Result<Stamp, SearchError> {
        let identity = |number: &u64| {
            let list = fs::metadata(self.generation(*number).join(LIST)).ok()?;
            Some((list.ino(), list.mtime(), list.mtime_nsec()))
        };
        Ok(self.generations()?.into_iter().map(|number| (number, identity(&number))).collect())
    }

    /// Follows the process that writes: makes its last commit visible here.
    fn follow(&self) -> Result<Slot, SearchError> {
        let mut seen = locked(&self.seen);
        for _ in 0..FOLLOWED {
            let stamp = self.stamp()?;
            let current = self.current();
            if seen.as_ref() == Some(&stamp) && !matches!(current, Slot::Unopened) {
                return Ok(current);
            }
            let slot = self.newest(&stamp, &current)?;
            // Files that the writer removed meanwhile are no damage.
            if matches!(slot, Slot::Damaged) && self.stamp()? != stamp {
                continue;
            }
            self.set(slot.clone());
            *seen = Some(stamp);
            return Ok(slot);
        }
        Err(SearchError::Missing)
    }

    /// Returns the newest finished generation, in a process that only searches. That of `current` is not opened again.
    fn newest(&self, stamp: &Stamp, current: &Slot) -> Result<Slot, SearchError> {
        for (number, list) in stamp {
            // The writer has just begun it, or removes it.
            if list.is_none() {
                continue;
            }
            let path = self.generation(*number);
            let found = match current {
                Slot::Ready(generation) if generation.path == path => {
                    generation.refresh().map(|()| Some(Ok(Arc::clone(generation))))
                }
                _ => Generation::open(&path).map(|found| found.map(|found| found.map(Arc::new))),
            };
            match found {
                Ok(None) => {}
                Ok(Some(Ok(generation))) => return Ok(Slot::Ready(generation)),
                Ok(Some(Err(slot))) => return Ok(slot),
                Err(SearchError::Damaged(_)) => return Ok(Slot::Damaged),
                Err(error) => return Err(error),
            }
        }
        Ok(Slot::Missing)
    }

    fn current(&self) -> Slot {
        self.slot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn slot(&self) -> Result<Slot, SearchError> {
        if !self.lock.is_held() {
            return self.follow();
        }
        let current = self.current();
        if !matches!(current, Slot::Unopened) {
            return Ok(current);
        }
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*slot, Slot::Unopened) {
            *slot = self.open()?;
        }
        Ok(slot.clone())
    }

    fn set(&self, slot: Slot) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = slot;
    }

    /// Returns the generation that answers.
    fn ready(&self) -> Result<Arc<Generation>, SearchError> {
        match self.slot()? {
            Slot::Ready(generation) => Ok(generation),
            Slot::Damaged => Err(SearchError::Damaged("it was found damaged before".into())),
            Slot::Unopened | Slot::Missing | Slot::Outdated => Err(SearchError::Missing),
        }
    }

    /// Runs `work` on the generation that answers; one that it finds damaged answers no more.
    fn watched<T>(&self, work: impl FnOnce(&Arc<Generation>) -> Result<T, SearchError>) -> Result<T, SearchError> {
        let generation = self.ready()?;
        let done = guarded(|| work(&generation));
        if let Err(SearchError::Damaged(source)) = &done {
            self.damaged(&generation, &**source);
        }
        done
    }

    /// Makes a generation answer no more, if it still does.
    fn damaged(&self, generation: &Arc<Generation>, error: &(dyn std::error::Error + 'static)) {
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*slot, Slot::Ready(current) if Arc::ptr_eq(current, generation)) {
            error!(path = %generation.path.display(), error, "search index damaged");
            *slot = Slot::Damaged;
        }
    }

    pub(crate) fn state(&self) -> Result<IndexState, SearchError> {
        let mut slot = self.slot()?;
        if let Slot::Ready(generation) = &slot
            && !generation.path.join(LIST).exists()
        {
            self.damaged(generation, &io::Error::from(ErrorKind::NotFound));
            slot = self.current();
        }
        Ok(match slot {
            Slot::Ready(generation) if generation.is_current => IndexState::Ready(locked(&generation.position).clone()),
            Slot::Ready(_) | Slot::Outdated => IndexState::Outdated,
            Slot::Unopened | Slot::Missing => IndexState::Missing,
            Slot::Damaged => IndexState::Damaged,
        })
    }

    pub(crate) fn verify(&self) -> Result<bool, SearchError> {
        match self.watched(|generation| check(&generation.index)) {
            Ok(()) => Ok(true),
            Err(SearchError::Damaged(_) | SearchError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Calls `work` with the writer of the generation that answers. After an error the writer is closed: what it did
    /// not commit is lost.
    fn write<T>(
        &self,
        work: impl FnOnce(&Arc<Generation>, &mut IndexWriter) -> Result<T, SearchError>,
    ) -> Result<T, SearchError> {
        let mut held = locked(&self.writer);
        self.watched(|generation| {
            if !generation.is_current {
                return Err(SearchError::Missing);
            }
            let open = held.take().filter(|open| Arc::ptr_eq(&open.generation, generation));
            let mut writer = match open {
                Some(open) => open.writer,
                None => generation.writer()?,
            };
            let done = work(generation, &mut writer)?;
            *held = Some(Writer { generation: Arc::clone(generation), writer });
            Ok(done)
        })
    }

    pub(crate) fn apply(&self, batch: &IndexBatch, to: &IndexPosition) -> Result<(), SearchError> {
        self.write(|generation, writer| {
            let applied = (|| {
                for range in &batch.delete {
                    writer.delete_query(query_of(generation.fields, *range))?;
                }
                for message in &batch.put {
                    let (id, channel) = (message.id.get(), message.document.channel.id);
                    let old = SpanQuery { channel: Some(channel), low: id, high: id };
                    writer.delete_query(Box::new(old))?;
                    add(writer, generation.fields, message)?;
                }
                commit(writer, to)
            })();
            applied.map_err(search_error)?;
            generation.reload()?;
            *locked(&generation.position) = to.clone();
            Ok(())
        })
    }

    /// Closes the writer after its merges.
    pub(crate) fn rest(&self) {
        if let Some(open) = locked(&self.writer).take()
            && let Err(error) = open.writer.wait_merging_threads()
        {
            warn!(error = &error as &dyn std::error::Error, "search index not merged");
        }
    }

    pub(crate) fn is_writing(&self) -> bool {
        self.writer.try_lock().map_or(true, |held| held.is_some())
    }

    /// Writes the segments with deleted documents without them. Batches are written meanwhile.
    pub(crate) fn purge(&self) -> Result<(), SearchError> {
        let is_dirty = |generation: &Arc<Generation>| {
            let metas = generation.index.searchable_segment_metas().map_err(search_error)?;
            Ok(metas.iter().any(|meta| meta.num_deleted_docs() > 0))
        };
        if !self.watched(is_dirty)? {
            return Ok(());
        }
        for _ in 0..PURGES {
            let merge = self.write(|generation, writer| {
                let metas = generation.index.searchable_segment_metas().map_err(search_error)?;
                let dirty = metas.iter().find(|meta| meta.num_deleted_docs() > 0);
                Ok(dirty.map(|dirty| writer.merge(&[dirty.id()])))
            })?;
            let Some(merge) = merge else {
                return self.write(|generation, writer| {
                    generation.reload()?;
                    writer.garbage_collect_files().wait().map_err(search_error)?;
                    Ok(())
                });
            };
            match merge.wait() {
                Ok(_) => {}
                // A merge in the background has taken the segment.
                Err(TantivyError::InvalidArgument(_)) => self.rest(),
                Err(error) => return Err(search_error(error)),
            }
        }
        Err(SearchError::Backend("documents are deleted faster than their remains".into()))
    }

    pub(crate) fn remove(&self) -> Result<(), SearchError> {
        let _restored = locked(&self.restoring);
        self.rest();
        let _held = locked(&self.writer);
        self.set(Slot::Missing);
        remove_dir(&self.path).map_err(io_error)
    }

    /// Begins a new generation.
    pub(crate) fn build(self: &Arc<Self>) -> Result<Build, SearchError> {
        self.slot()?;
        let number = self.generations()?.first().map_or(1, |newest| newest + 1);
        let path = self.generation(number);
        create_dir(&path).map_err(io_error)?;
        let (schema, fields) = schema();
        let open = || {
            let index = Index::builder().schema(schema).settings(settings()).create_in_dir(&path)?;
            let writer = writer(&index)?;
            Ok((index, writer))
        };
        match open() {
            Ok((index, writer)) => {
                Ok(Build { tenant: self.clone(), path, fields, index, writer: Some(writer), finished: false })
            }
            Err(error) => {
                remove_dir(&path).ok();
                Err(search_error(error))
            }
        }
    }

    /// Opens the files of the generation that answers, as of its last commit.
    pub(crate) fn parts(&self) -> Result<Vec<Part>, SearchError> {
        for _ in 0..FOLLOWED {
            let generation = self.ready()?;
            if !generation.is_current {
                return Err(SearchError::Missing);
            }
            let list = || fs::read(generation.path.join(LIST)).map_err(io_error);
            let before = list()?;
            let metas = guarded(|| generation.index.load_metas().map_err(search_error))?;
            let names = metas.list_segment_files();
            let parts = names.iter().filter_map(|path| match Part::open(&generation.path, path.to_str()?) {
                // Only some segments have all of them. If a commit has removed it, the list is another one.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                part => Some(part.map_err(io_error)),
            });
            let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
            if list()? == before {
                parts.push(Part::of(LIST, before));
                return Ok(parts);
            }
        }
        Err(SearchError::Backend("the index changed too often to be saved".into()))
    }

    /// Makes a snapshot the generation that answers, if there is none.
    pub(crate) fn restore(&self, from: &mut dyn Read) -> Result<IndexPosition, SearchError> {
        let _restoring = locked(&self.restoring);
        if !matches!(self.slot()?, Slot::Missing) {
            return Err(SearchError::Backend("the tenant has an index".into()));
        }
        let (made, number) = (self.path.join(RESTORING), self.generations()?.first().map_or(1, |newest| newest + 1));
        let path = self.generation(number);
        let restored = (|| {
            remove_dir(&made).map_err(io_error)?;
            create_dir(&made).map_err(io_error)?;
            unpack(from, &made)?;
            let metas =
                guarded(|| Index::open_in_dir(&made).and_then(|index| index.load_metas()).map_err(search_error))?;
            let payload = metas.payload.as_deref().and_then(Payload::parse);
            let payload = payload.ok_or_else(|| SearchError::Damaged("the snapshot has no position".into()))?;
            if !payload.is_current() {
                return Err(SearchError::Missing);
            }
            fs::rename(&made, &path).map_err(io_error)?;
            self.swap(&path)?;
            payload.position().ok_or_else(|| SearchError::Damaged("the position is invalid".into()))
        })();
        if restored.is_err() {
            self.set(Slot::Missing);
            for left in [&made, &path] {
                remove_dir(left).map_err(io_error)?;
            }
        }
        restored
    }

    /// Makes a finished generation answer, and removes all others; those that cannot be removed now go when the
    /// directory is opened again.
    fn swap(&self, path: &Path) -> Result<(), SearchError> {
        self.rest();
        let _held = locked(&self.writer);
        let Some(Ok(generation)) = Generation::open(path)? else {
            return Err(SearchError::Damaged("the new index has no position".into()));
        };
        self.set(Slot::Ready(Arc::new(generation)));
        for number in self.generations().unwrap_or_default() {
            let other = self.generation(number);
            if other != path
                && let Err(error) = remove_dir(&other)
            {
                warn!(path = %other.display(), error = &error as &dyn std::error::Error, "old index not removed");
            }
        }
        Ok(())
    }

    pub(crate) fn has_root(&self, channel: ChannelId, root: Option<ChannelId>) -> Result<bool, SearchError> {
        self.watched(|generation| {
            has_root(generation.fields, &generation.reader.searcher(), channel, root).map_err(search_error)
        })
    }

    pub(crate) fn find(&self, query: &CandidateQuery) -> Result<Candidates, SearchError> {
        let generation = self.ready()?;
        let find = || {
            // Before the searcher, which may be newer then.
            let position = locked(&generation.position).clone();
            let searcher = generation.reader.searcher();
            let finder = Finder { generation: &generation, searcher, query, start: Instant::now() };
            finder.find(position).map_err(search_error)?.ok_or(SearchError::TimedOut)
        };
        match guarded(find) {
            Err(SearchError::Damaged(source)) => {
                // The library also panics on some queries. Only the files decide whether the index is damaged.
                let suspicion = format!("{source}");
                if !self.is_suspected() {
                    return Err(SearchError::Backend(source));
                }
                match self.watched(|generation| check(&generation.index)) {
                    Ok(()) => Err(SearchError::Backend(suspicion.into())),
                    Err(error) => Err(error),
                }
            }
            found => found,
        }
    }

    /// Returns whether a search that failed is a reason to check the files: once in a while.
    fn is_suspected(&self) -> bool {
        let mut checked = locked(&self.checked);
        let now = Instant::now();
        let is_due = checked.is_none_or(|last| now.duration_since(last) > CHECKED);
        if is_due {
            *checked = Some(now);
        }
        is_due
    }
}

/// Returns the query of the documents in a range.
fn query_of(fields: Fields, range: IndexRange) -> Box<dyn Query> {
    match range {
        IndexRange::Channel(channel) => {
            // The threads of the channel have the key, too.
            let all: Box<dyn Query> = Box::new(TermQuery::new(fields.key(Key::In(channel)), IndexRecordOption::Basic));
            let own = SpanQuery { channel: Some(channel), low: 0, high: u64::MAX };
            Box::new(BooleanQuery::intersection(vec![all, Box::new(own)]))
        }
        IndexRange::Interval(channel, interval) => {
            Box::new(SpanQuery { channel: Some(channel), low: interval.low().get(), high: interval.high().get() })
        }
    }
}

/// Returns whether all documents of a channel and of its threads have this root.
fn has_root(fields: Fields, searcher: &Searcher, channel: ChannelId, root: Option<ChannelId>) -> tantivy::Result<bool> {
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

/// One search.
struct Finder<'a> {
    generation: &'a Generation,
    searcher: Searcher,
    query: &'a CandidateQuery,
    start: Instant,
}

impl Finder<'_> {
    /// Returns the candidates; `None` if the time was over before the first.
    fn find(&self, position: IndexPosition) -> tantivy::Result<Option<Candidates>> {
        let compiled = compile(self.generation.fields, self.query, &self.searcher)?;
        let (total, is_counted) = if self.query.is_counted { self.total(&compiled)? } else { (0, false) };
        let found = match self.query.sort {
            SearchSort::Newest | SearchSort::Oldest => self.by_id(&compiled)?,
            SearchSort::Relevance => self.by_score(&compiled)?,
        };
        let exact = compiled.exact && is_counted && self.generation.is_current;
        Ok(found.map(|(items, more)| Candidates { items, more, total, exact, position }))
    }

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

    /// Counts the matching documents, up to [`COUNTED`]; returns whether the half of the time that it may take was
    /// enough.
    fn total(&self, compiled: &Compiled) -> tantivy::Result<(u64, bool)> {
        let mut walk = self.walk(compiled, compiled.ids, false, false, self.query.time / 2)?;
        let mut total = 0;
        while total < COUNTED && walk.next()?.is_some() {
            total += 1;
        }
        Ok((total, !walk.is_late()))
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
        let wanted = self.query.limit + 1;
        let mut best: Vec<(Hit, usize)> = Vec::new();
        for index in 0..RANKED {
            let Some(hit) = walk.next()? else { break };
            if self.query.after.is_some_and(|after| hit.score > after.score || is_before(&walk, hit, after)) {
                continue;
            }
            best.push((hit, index));
            if best.len() >= 2 * wanted {
                best.select_nth_unstable_by(wanted, |a, b| by_score(*a, *b));
                best.truncate(wanted);
            }
        }
        if walk.is_late() {
            return Ok(None);
        }
        best.sort_unstable_by(|a, b| by_score(*a, *b));
        best.truncate(wanted);
        let more = best.len() == wanted;
        best.truncate(self.query.limit);
        let items = best.into_iter().map(|(hit, _)| Ok(Candidate { score: hit.score, ..candidate(&walk, hit)? }));
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

/// A generation that is being built. Dropping it removes its files.
pub(crate) struct Build {
    tenant: Arc<Tenant>,
    path: PathBuf,
    fields: Fields,
    #[expect(dead_code, reason = "the writer's directory")]
    index: Index,
    writer: Option<IndexWriter>,
    finished: bool,
}

impl Build {
    pub(crate) fn add(&mut self, documents: &[IndexedMessage]) -> Result<(), SearchError> {
        let fields = self.fields;
        let killed = || SearchError::Backend("the build failed before".into());
        let writer = self.writer.as_mut().ok_or_else(killed)?;
        let added =
            guarded(|| documents.iter().try_for_each(|message| add(writer, fields, message)).map_err(search_error));
        if added.is_err() {
            self.writer = None;
        }
        added
    }

    pub(crate) fn finish(&mut self, position: &IndexPosition) -> Result<(), SearchError> {
        let killed = || SearchError::Backend("the build failed before".into());
        let mut writer = self.writer.take().ok_or_else(killed)?;
        guarded(|| {
            commit(&mut writer, position).map_err(search_error)?;
            writer.wait_merging_threads().map_err(search_error)
        })?;
        self.tenant.swap(&self.path)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        self.writer = None;
        if let Err(error) = remove_dir(&self.path) {
            warn!(path = %self.path.display(), error = &error as &dyn std::error::Error, "unfinished index not removed");
        }
    }
}
