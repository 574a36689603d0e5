//! The index of one tenant: a directory with one finished generation, and at most one that is being built.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::channel::ChannelId;
use ports::search::{CandidateQuery, Candidates, IndexBatch, IndexPosition, IndexRange, IndexState, SearchError};
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, IndexWriter, TantivyError};
use tokio::time::Instant;
use tracing::{error, warn};

use crate::build::Build;
use crate::error::{io_error, search_error};
use crate::find::find;
use crate::generation::{Generation, LIST, Opened, add, check, commit, guarded, has_root, locked, remove_dir};
use crate::lock::{DirectoryLock, create_dir};
use crate::payload::Payload;
use crate::schema::{Fields, Key};
use crate::snapshot::{Part, unpack};
use crate::span::SpanQuery;

/// The number of times that a purge begins again because a merge took one of its segments.
const PURGES: u32 = 100;

/// The least time between two checks of the files because of searches that failed.
const CHECKED: Duration = Duration::from_mins(10);
/// The number of times that a process reads a directory which another one changes at the same time.
const FOLLOWED: u32 = 5;

/// The directory of a generation whose files are being taken from a snapshot.
const RESTORING: &str = "restoring";

/// The prefix of the directory of a generation, before its number.
const GENERATION: &str = "generation-";

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
                Ok(Opened::Unfinished) => None,
                Ok(Opened::Ready(generation)) => Some(Slot::Ready(generation)),
                Ok(Opened::Outdated) => Some(Slot::Outdated),
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
                    generation.refresh().map(|()| Opened::Ready(Arc::clone(generation)))
                }
                _ => Generation::open(&path),
            };
            match found {
                Ok(Opened::Unfinished) => {}
                Ok(Opened::Ready(generation)) => return Ok(Slot::Ready(generation)),
                Ok(Opened::Outdated) => return Ok(Slot::Outdated),
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
        Build::new(Arc::clone(self), path)
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
    pub(crate) fn swap(&self, path: &Path) -> Result<(), SearchError> {
        self.rest();
        let _held = locked(&self.writer);
        let Opened::Ready(generation) = Generation::open(path)? else {
            return Err(SearchError::Damaged("the new index has no position".into()));
        };
        self.set(Slot::Ready(generation));
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
        match guarded(|| find(&generation, query).map_err(search_error)?.ok_or(SearchError::TimedOut)) {
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
