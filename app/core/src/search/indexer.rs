//! Keeps the indexes up to date.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed};
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::message::MessageId;
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use ports::clock::Clock;
use ports::error::StoreError;
use ports::page::Page;
use ports::search::{
    CandidateQuery, IndexBatch, IndexPosition, IndexRange, IndexState, IndexedMessage, MAX_CANDIDATES, SearchError,
    SearchIndex, SearchScope, SearchSort,
};
use ports::store::{Repositories, Store};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::documents::{Place, documents};
use super::progress::IndexProgress;
use crate::follow::Subscriber;

/// The most changes of one batch.
const BATCH: u32 = 1_000;
/// The most messages of one read, and of one batch of a build.
const READ: u32 = 500;
/// The most keys of one read.
const KEYS: usize = 200;
/// The time for a part of the documents that name an author.
const NAMED: Duration = Duration::from_mins(1);
/// The most documents that wait for a batch.
const DOCUMENTS: usize = 1_000;
/// The wait between two looks at a log that did not move: the follower wakes the indexer before.
const IDLE: Duration = Duration::from_secs(1);
/// The time from the first change to its commit: the changes of a while are one commit.
const GATHER: Duration = Duration::from_millis(200);
/// The wait before a failed index is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often deleted words are removed from the files.
const PURGE: Duration = Duration::from_mins(10);
/// How often positions are committed of indexes without changes, so that the log can be trimmed behind them.
const TOUCH: Duration = Duration::from_hours(1);
/// How often the files are checked.
const VERIFY: Duration = Duration::from_hours(24);

/// Wakes the indexer when the follower of the process receives changes. The indexer reads the log by itself, because
/// its position is that of the index, and because a slow disk must not delay other subscribers.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

#[async_trait]
impl Subscriber for Wake {
    async fn receive(&self, _: &[Change]) {
        self.0.notify_one();
    }

    async fn resync(&self) {
        self.0.notify_one();
    }
}

/// Why an index does not follow.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] SearchError),
    /// The log does not cover its position.
    #[error("the change log does not reach back to the index")]
    Behind,
}

impl IndexerError {
    /// Returns whether only a rebuild helps.
    const fn needs_rebuild(&self) -> bool {
        matches!(self, Self::Behind | Self::Index(SearchError::Missing | SearchError::Damaged(_)))
    }
}

/// Keeps the index of each tenant up to date with the change log, as long as this process is the one that writes the
/// indexes. Otherwise it waits to take its place, and watches how far the indexes are.
pub struct Indexer {
    work: Work,
    wake: Wake,
    /// Whether this process writes the indexes.
    writes: bool,
    /// In a process that does not: the position of each index, and one up to which the log has no change for it.
    watched: HashMap<TenantId, (ChangePosition, ChangePosition)>,
    /// The position up to which all healthy indexes have followed.
    position: Option<ChangePosition>,
    /// The tenants that follow the log.
    healthy: HashSet<TenantId>,
    /// The tenants whose index is tried again.
    failing: HashSet<TenantId>,
    /// The tenants whose index must be built, in this order.
    queue: VecDeque<TenantId>,
    /// The build that is under way.
    build: Option<(TenantId, JoinHandle<Result<(), IndexerError>>)>,
    /// The tenants whose files may contain deleted words.
    dirty: HashSet<TenantId>,
}

/// What a build shares with the indexer.
#[derive(Clone)]
struct Work {
    store: Arc<dyn Store>,
    index: Arc<dyn SearchIndex>,
    clock: Arc<dyn Clock>,
    progress: IndexProgress,
}

impl Indexer {
    /// Returns an indexer that reports to `progress`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        index: Arc<dyn SearchIndex>,
        clock: Arc<dyn Clock>,
        progress: IndexProgress,
    ) -> Self {
        Self {
            work: Work { store, index, clock, progress },
            wake: Wake::default(),
            writes: false,
            watched: HashMap::new(),
            position: None,
            healthy: HashSet::new(),
            failing: HashSet::new(),
            queue: VecDeque::new(),
            build: None,
            dirty: HashSet::new(),
        }
    }

    /// Returns the subscriber that wakes it.
    #[must_use]
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// Follows the log until `stop`. Errors are retried.
    pub async fn run(mut self, stop: CancellationToken) {
        let now = Instant::now();
        let (mut retry, mut purge, mut touch, mut verify) = (now + RETRY, now + PURGE, now + TOUCH, now + VERIFY);
        let mut failing = false;
        while !stop.is_cancelled() {
            let done = self.step().await;
            let moved = match done {
                Ok(moved) => {
                    failing = false;
                    moved
                }
                Err(error) => {
                    if !failing {
                        warn!(error = &error as &dyn std::error::Error, "search index cannot follow");
                    }
                    failing = true;
                    false
                }
            };
            let now = Instant::now();
            if now >= retry {
                self.retry().await;
                retry = now + RETRY;
            }
            if now >= purge {
                self.purge().await;
                purge = now + PURGE;
            }
            if now >= touch {
                self.touch().await;
                touch = now + TOUCH;
            }
            if now >= verify {
                self.verify().await;
                verify = now + VERIFY;
            }
            let wait = if moved && !failing { GATHER } else { IDLE };
            let woken = self.wake.0.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = woken.notified(), if !failing && !moved => sleep(GATHER).await,
                done = ended(&mut self.build) => self.built(done).await,
                () = sleep(wait) => {}
            }
        }
        if let Some((_, build)) = self.build.take() {
            build.abort();
        }
        self.touch().await;
    }

    /// Brings every index to the end of the log, and waits for the builds that this needs.
    ///
    /// # Errors
    /// [`IndexerError`]; it can be called again.
    pub async fn settle(&mut self) -> Result<(), IndexerError> {
        loop {
            let moved = self.step().await?;
            if self.build.is_some() {
                let done = ended(&mut self.build).await;
                self.built(done).await;
            } else if !moved {
                return Ok(());
            }
        }
    }

    /// Brings the indexes to the end of the log, and begins the next build; returns whether the log moved.
    ///
    /// # Errors
    /// If the store cannot be read, or the directory of the index not be used: nothing was changed then.
    async fn step(&mut self) -> Result<bool, IndexerError> {
        if !self.work.index.acquire().await? {
            self.leave();
            return self.watch().await.map(|()| false);
        }
        if !self.writes {
            info!("this process writes the search indexes");
            self.writes = true;
            self.watched.clear();
        }
        let Some(position) = self.position.clone() else {
            self.open().await?;
            self.begin_build();
            return Ok(true);
        };
        let as_of = self.work.clock.now();
        let mut read = self.work.store.read().await?;
        let followed = read.changes().follow(&position, BATCH).await?;
        drop(read);
        match followed {
            Followed::Resync { .. } => {
                warn!("change log trimmed or replaced; search indexes are checked again");
                self.position = None;
                Ok(true)
            }
            Followed::Changes { changes, position, behind } => {
                let to = IndexPosition { changes: position.clone(), as_of };
                self.receive(&changes, &to).await?;
                self.position = Some(position);
                if behind == 0 {
                    for tenant in &self.healthy {
                        self.work.progress.reached(*tenant, as_of);
                    }
                }
                self.begin_build();
                Ok(!changes.is_empty())
            }
        }
    }

    /// Stops writing, if it did: another process does.
    fn leave(&mut self) {
        if !self.writes {
            return;
        }
        warn!("another process writes the search indexes now");
        self.writes = false;
        self.position = None;
        self.healthy.clear();
        self.failing.clear();
        self.queue.clear();
        self.dirty.clear();
        if let Some((_, build)) = self.build.take() {
            build.abort();
        }
    }

    /// Finds out how far the indexes are that another process writes.
    async fn watch(&mut self) -> Result<(), IndexerError> {
        let as_of = self.work.clock.now();
        let stored = tenants(&mut *self.work.store.read().await?).await?;
        let mut positions = Vec::new();
        for tenant in stored {
            if let Ok(IndexState::Ready(position)) = self.work.index.state(tenant.id).await {
                positions.push((tenant.id, position.changes));
            }
        }
        // After the positions, so that the log covers them.
        let mut read = self.work.store.read().await?;
        for (tenant, position) in positions {
            let known = self.watched.get(&tenant).filter(|(of, _)| *of == position).map(|(_, to)| to.clone());
            let mut to = known.unwrap_or_else(|| position.clone());
            while let Followed::Changes { changes, position, behind } = read.changes().follow(&to, BATCH).await? {
                if changes.iter().any(|change| change.tenant_id == tenant) {
                    break;
                }
                to = position;
                if behind == 0 {
                    self.work.progress.reached(tenant, as_of);
                    break;
                }
            }
            self.watched.insert(tenant, (position, to));
        }
        Ok(())
    }

    /// Opens all indexes: they follow from where they are, or are queued to be built.
    async fn open(&mut self) -> Result<(), IndexerError> {
        let mut read = self.work.store.read().await?;
        let position = read.changes().position().await?;
        let tenants = tenants(&mut *read).await?;
        drop(read);
        let stored: HashSet<TenantId> = tenants.iter().map(|tenant| tenant.id).collect();
        for gone in self.work.index.tenants().await?.into_iter().filter(|tenant| !stored.contains(tenant)) {
            self.remove(gone).await?;
        }
        for tenant in stored {
            self.resume(tenant).await;
        }
        self.position = Some(position);
        Ok(())
    }

    /// Lets a tenant's index catch up, or queues it.
    async fn resume(&mut self, tenant: TenantId) {
        if self.is_queued(tenant) {
            return;
        }
        let caught_up = self.work.catch_up(tenant).await;
        self.record(tenant, caught_up);
    }

    fn is_queued(&self, tenant: TenantId) -> bool {
        self.queue.contains(&tenant) || self.build.as_ref().is_some_and(|(building, _)| *building == tenant)
    }

    /// Records how following went for a tenant.
    fn record(&mut self, tenant: TenantId, done: Result<(), IndexerError>) {
        match done {
            Ok(()) => {
                self.failing.remove(&tenant);
                self.healthy.insert(tenant);
            }
            Err(error) if error.needs_rebuild() => {
                info!(tenant.id = %tenant, reason = &error as &dyn std::error::Error, "search index is rebuilt");
                self.failing.remove(&tenant);
                self.healthy.remove(&tenant);
                if !self.is_queued(tenant) {
                    self.queue.push_back(tenant);
                }
            }
            Err(error) => {
                self.healthy.remove(&tenant);
                if self.failing.insert(tenant) {
                    error!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index cannot follow");
                }
            }
        }
    }

    /// Applies changes to the indexes of their tenants.
    async fn receive(&mut self, changes: &[Change], to: &IndexPosition) -> Result<(), IndexerError> {
        let mut by_tenant: BTreeMap<TenantId, Vec<ChangeKind>> = BTreeMap::new();
        for change in changes {
            by_tenant.entry(change.tenant_id).or_default().push(change.kind);
        }
        for (tenant, kinds) in by_tenant {
            if kinds.iter().any(|kind| matches!(kind, ChangeKind::Tenant | ChangeKind::TenantGone)) {
                let mut read = self.work.store.read().await?;
                let stored = read.tenants().find(tenant).await?;
                drop(read);
                if stored.is_none_or(|tenant| tenant.deleting_since.is_some()) {
                    self.remove(tenant).await?;
                    continue;
                }
                if !self.healthy.contains(&tenant) {
                    self.resume(tenant).await;
                }
            }
            if !self.healthy.contains(&tenant) {
                continue;
            }
            let applied = self.work.apply(tenant, &kinds, to).await;
            if kinds.iter().any(leaves_words) {
                self.dirty.insert(tenant);
            }
            let is_gone = |kind: &ChangeKind| {
                matches!(kind, ChangeKind::ChannelGone { .. } | ChangeKind::AuthorErased { .. })
            };
            let is_gone = kinds.iter().any(is_gone);
            self.record(tenant, applied);
            if is_gone {
                self.purge_one(tenant).await;
            }
        }
        Ok(())
    }

    async fn remove(&mut self, tenant: TenantId) -> Result<(), IndexerError> {
        if let Some((building, build)) = &self.build
            && *building == tenant
        {
            build.abort();
        }
        self.queue.retain(|queued| *queued != tenant);
        self.healthy.remove(&tenant);
        self.failing.remove(&tenant);
        self.dirty.remove(&tenant);
        self.work.index.remove(tenant).await?;
        self.work.progress.forget(tenant);
        info!(tenant.id = %tenant, "search index removed");
        Ok(())
    }

    /// Starts the next build, if none is under way.
    fn begin_build(&mut self) {
        if self.build.is_some() {
            return;
        }
        if let Some(tenant) = self.queue.pop_front() {
            let work = self.work.clone();
            self.build = Some((tenant, tokio::spawn(async move { work.build(tenant).await })));
        }
    }

    async fn built(&mut self, (tenant, done): (TenantId, Result<(), IndexerError>)) {
        match done {
            Ok(()) => self.resume(tenant).await,
            Err(error) => {
                error!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index not built");
                self.failing.insert(tenant);
            }
        }
    }

    async fn retry(&mut self) {
        if !self.writes {
            return;
        }
        for tenant in self.failing.clone() {
            self.resume(tenant).await;
        }
        // A directory can be removed while nothing changes.
        for tenant in self.healthy.clone() {
            if matches!(self.work.index.state(tenant).await, Ok(IndexState::Damaged | IndexState::Missing)) {
                self.record(tenant, Err(SearchError::Missing.into()));
            }
        }
    }

    async fn purge(&mut self) {
        for tenant in self.dirty.clone() {
            self.purge_one(tenant).await;
        }
    }

    async fn purge_one(&mut self, tenant: TenantId) {
        if !self.healthy.contains(&tenant) {
            return;
        }
        match self.work.index.purge(tenant).await {
            Ok(()) => drop(self.dirty.remove(&tenant)),
            Err(error) => {
                warn!(tenant.id = %tenant, error = &error as &dyn std::error::Error, "search index not purged");
                self.dirty.insert(tenant);
                if let error @ (SearchError::Damaged(_) | SearchError::Missing) = error {
                    self.record(tenant, Err(error.into()));
                }
            }
        }
    }

    /// Commits the position of indexes without changes.
    async fn touch(&mut self) {
        let Some(changes) = self.position.clone() else { return };
        for tenant in self.healthy.clone() {
            let Some(as_of) = self.work.progress.as_of(tenant) else { continue };
            let to = IndexPosition { changes: changes.clone(), as_of };
            let is_current = |state: &IndexState| matches!(state, IndexState::Ready(at) if at.changes == to.changes);
            if self.work.index.state(tenant).await.is_ok_and(|state| is_current(&state)) {
                continue;
            }
            let touched = self.work.index.apply(tenant, IndexBatch::default(), to).await;
            self.record(tenant, touched.map_err(Into::into));
        }
    }

    async fn verify(&mut self) {
        for tenant in self.healthy.clone() {
            if let Ok(false) = self.work.index.verify(tenant).await {
                self.record(tenant, Err(SearchError::Missing.into()));
            }
        }
    }
}

/// Waits for the end of the build that is under way; for ever without one.
async fn ended(
    build: &mut Option<(TenantId, JoinHandle<Result<(), IndexerError>>)>,
) -> (TenantId, Result<(), IndexerError>) {
    let Some((tenant, handle)) = build else { return std::future::pending().await };
    let tenant = *tenant;
    let done = handle.await.unwrap_or_else(|error| Err(SearchError::Backend(error.into()).into()));
    *build = None;
    (tenant, done)
}

/// Returns whether words of a message that changed so may still be in the files.
const fn leaves_words(kind: &ChangeKind) -> bool {
    matches!(
        kind,
        ChangeKind::Page { .. }
            | ChangeKind::Updated { .. }
            | ChangeKind::Deleted { .. }
            | ChangeKind::ChannelGone { .. }
            | ChangeKind::Channel { .. }
            | ChangeKind::AuthorErased { .. }
    )
}

/// Returns all tenants that are not being deleted.
async fn tenants(at: &mut dyn Repositories) -> Result<Vec<Tenant>, StoreError> {
    let (mut tenants, mut after) = (Vec::new(), None::<TenantSlug>);
    loop {
        let page = at.tenants().list(Page { after, limit: 101 }).await?;
        let is_last = page.len() < 101;
        after = page.last().map(|last| last.slug.clone());
        tenants.extend(page);
        if is_last {
            return Ok(tenants);
        }
    }
}

impl Work {
    /// Applies the changes of the log after the position of a tenant's index.
    async fn catch_up(&self, tenant: TenantId) -> Result<(), IndexerError> {
        let mut position = match self.index.state(tenant).await? {
            IndexState::Ready(position) => position.changes,
            IndexState::Damaged => return Err(SearchError::Damaged("it was found damaged".into()).into()),
            IndexState::Missing | IndexState::Outdated => return Err(SearchError::Missing.into()),
        };
        loop {
            let as_of = self.clock.now();
            let mut read = self.store.read().await?;
            let followed = read.changes().follow(&position, BATCH).await?;
            drop(read);
            let Followed::Changes { changes, position: next, behind } = followed else {
                return Err(IndexerError::Behind);
            };
            let own = changes.iter().filter(|change| change.tenant_id == tenant);
            let kinds: Vec<ChangeKind> = own.map(|change| change.kind).collect();
            let to = IndexPosition { changes: next.clone(), as_of };
            if !kinds.is_empty() || behind == 0 && next != position {
                self.apply(tenant, &kinds, &to).await?;
            }
            position = next;
            if behind == 0 {
                self.progress.reached(tenant, as_of);
                return Ok(());
            }
        }
    }

    /// Makes a tenant's index equal to the store where something changed, and moves its position.
    async fn apply(&self, tenant: TenantId, kinds: &[ChangeKind], to: &IndexPosition) -> Result<(), IndexerError> {
        let mut read = self.store.read().await?;
        let mut batch = Batch { work: self, tenant, pending: IndexBatch::default(), places: HashMap::new() };
        batch.collect(&mut *read, kinds).await?;
        self.index.apply(tenant, batch.pending, to.clone()).await?;
        debug!(tenant.id = %tenant, changes = kinds.len(), "search index changed");
        Ok(())
    }

    /// Builds the index of a tenant beside the one that answers.
    async fn build(&self, tenant: TenantId) -> Result<(), IndexerError> {
        let start = Instant::now();
        self.progress.begin(tenant);
        info!(tenant.id = %tenant, "search index build started");
        let built = self.read_all(tenant).await;
        let done = self.progress.end(tenant, built.is_ok());
        built?;
        info!(
            tenant.id = %tenant,
            messages = done.messages,
            channels = done.channels_done,
            duration_ms = start.elapsed().as_millis(),
            "search index built"
        );
        Ok(())
    }

    async fn read_all(&self, tenant: TenantId) -> Result<(), IndexerError> {
        let mut build = self.index.rebuild(tenant).await?;
        let as_of = self.clock.now();
        let changes = self.store.read().await?.changes().position().await?;
        let mut after: Option<ChannelId> = None;
        loop {
            let page = self.store.read().await?.channels().list_all(tenant, Page { after, limit: 101 }).await?;
            for channel in &page {
                self.read_channel(tenant, channel.id, &mut *build).await?;
            }
            after = page.last().map(|channel| channel.id);
            if page.len() < 101 {
                break;
            }
        }
        build.finish(IndexPosition { changes, as_of }).await?;
        Ok(())
    }

    /// Adds the messages of a channel to a build. Each page is read in a snapshot of its own: what changes meanwhile is
    /// in the log after the position of the build.
    async fn read_channel(
        &self,
        tenant: TenantId,
        channel: ChannelId,
        build: &mut dyn ports::search::IndexBuild,
    ) -> Result<(), IndexerError> {
        let mut after: Option<MessageId> = None;
        loop {
            let mut read = self.store.read().await?;
            let Some(place) = Place::load(&mut *read, channel).await? else { break };
            let stored = read.messages().list_stored(channel, after, READ).await?;
            let is_last = stored.len() < READ as usize;
            after = stored.last().map(|last| last.message.id);
            let count = stored.len() as u64;
            let found = documents(&mut *read, &place, stored).await?;
            drop(read);
            build.add(found).await?;
            self.progress.advance(tenant, 0, count);
            if is_last {
                break;
            }
        }
        self.progress.advance(tenant, 1, 0);
        Ok(())
    }
}

/// The changes of a tenant, as the store has their subjects now.
struct Batch<'a> {
    work: &'a Work,
    tenant: TenantId,
    pending: IndexBatch,
    places: HashMap<ChannelId, Option<Place>>,
}

impl Batch<'_> {
    async fn collect(&mut self, at: &mut dyn Repositories, kinds: &[ChangeKind]) -> Result<(), IndexerError> {
        let (mut gone, mut channels, mut erased) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut keys, mut intervals) = (BTreeSet::new(), BTreeMap::<ChannelId, Vec<Interval>>::new());
        for kind in kinds {
            match *kind {
                ChangeKind::Page { channel, interval } => intervals.entry(channel).or_default().push(interval),
                ChangeKind::Created { channel, message }
                | ChangeKind::Updated { channel, message }
                | ChangeKind::Deleted { channel, message } => drop(keys.insert((channel, message))),
                ChangeKind::Channel { channel } => drop(channels.insert(channel)),
                ChangeKind::ChannelGone { channel } => drop(gone.insert(channel)),
                ChangeKind::AuthorErased { author } => drop(erased.insert(author)),
                ChangeKind::Tenant | ChangeKind::TenantGone | ChangeKind::GuildItems | ChangeKind::Files { .. } => {}
            }
        }
        self.pending.delete.extend(gone.into_iter().map(IndexRange::Channel));
        for channel in channels {
            let Some(place) = self.place(at, channel).await? else { continue };
            if !self.work.index.has_root(self.tenant, channel, place.root()).await? {
                self.pending.delete.push(IndexRange::Channel(channel));
                intervals.entry(channel).or_default().push(Interval::ALL);
            }
            // A thread's name is found with the message that started it, and with its opener.
            if let Some(parent) = place.channel.parent_id.filter(|_| place.channel.kind.is_thread()) {
                keys.insert((parent, place.channel.platform_id.cast()));
                keys.insert((channel, place.channel.platform_id.cast()));
            }
        }
        for author in erased {
            keys.extend(self.named(author).await?);
        }
        for (channel, intervals) in intervals {
            for interval in merged(intervals) {
                keys.retain(|(of, id)| *of != channel || !interval.contains(*id));
                self.interval(at, channel, interval).await?;
            }
        }
        let keys: Vec<(ChannelId, MessageId)> = keys.into_iter().collect();
        for keys in keys.chunks(KEYS) {
            self.keys(at, keys).await?;
        }
        Ok(())
    }

    /// Returns the keys of the documents that an author wrote, or whose properties or texts name the author.
    async fn named(&self, author: Pseudonym) -> Result<BTreeSet<(ChannelId, MessageId)>, IndexerError> {
        let queries = [format!("from:{author}"), format!("mentions:{author}"), format!("\"{}\"", author.name())];
        let mut keys = BTreeSet::new();
        for query in queries {
            let query = query.parse().expect("a pseudonym and a generated name are parts of the language");
            let mut request = CandidateQuery {
                query,
                channels: HashMap::new(),
                scope: SearchScope::All,
                within: None,
                sort: SearchSort::Oldest,
                after: None,
                limit: MAX_CANDIDATES,
                time: NAMED,
            };
            loop {
                let found = self.work.index.find(self.tenant, request.clone()).await?;
                keys.extend(found.items.iter().map(|found| (found.channel, found.id)));
                request.after = found.items.last().copied();
                if !found.more {
                    break;
                }
            }
        }
        Ok(keys)
    }

    async fn place(&mut self, at: &mut dyn Repositories, channel: ChannelId) -> Result<Option<Place>, StoreError> {
        if let Some(place) = self.places.get(&channel) {
            return Ok(place.clone());
        }
        let place = Place::load(at, channel).await?.filter(|place| place.channel.tenant_id == self.tenant);
        self.places.insert(channel, place.clone());
        Ok(place)
    }

    /// Replaces the documents of an interval.
    async fn interval(
        &mut self,
        at: &mut dyn Repositories,
        channel: ChannelId,
        interval: Interval,
    ) -> Result<(), IndexerError> {
        self.pending.delete.push(IndexRange::Interval(channel, interval));
        let Some(place) = self.place(at, channel).await? else { return Ok(()) };
        let mut after = interval.low().previous();
        loop {
            let mut stored = at.messages().list_stored(channel, after, READ).await?;
            let is_last = stored.len() < READ as usize;
            after = stored.last().map(|last| last.message.id);
            let is_beyond = after.is_some_and(|last| last >= interval.high());
            stored.retain(|stored| interval.contains(stored.message.id));
            let found = documents(at, &place, stored).await?;
            self.put(found).await?;
            if is_last || is_beyond {
                return Ok(());
            }
        }
    }

    /// Replaces the documents of single messages, which ascend by channel.
    async fn keys(&mut self, at: &mut dyn Repositories, keys: &[(ChannelId, MessageId)]) -> Result<(), IndexerError> {
        for (channel, id) in keys {
            self.pending.delete.push(IndexRange::Interval(*channel, Interval::only(*id)));
        }
        let mut by_channel: BTreeMap<ChannelId, Vec<_>> = BTreeMap::new();
        for stored in at.messages().find_all(keys).await? {
            by_channel.entry(stored.message.channel_id).or_default().push(stored);
        }
        for (channel, stored) in by_channel {
            let Some(place) = self.place(at, channel).await? else { continue };
            let found = documents(at, &place, stored).await?;
            self.put(found).await?;
        }
        Ok(())
    }

    /// Adds documents; commits those before them if there are many, at the old position.
    async fn put(&mut self, found: Vec<IndexedMessage>) -> Result<(), IndexerError> {
        if self.pending.put.len() + found.len() > DOCUMENTS {
            let IndexState::Ready(position) = self.work.index.state(self.tenant).await? else {
                return Err(SearchError::Missing.into());
            };
            let pending = std::mem::take(&mut self.pending);
            self.work.index.apply(self.tenant, pending, position).await?;
        }
        self.pending.put.extend(found);
        Ok(())
    }
}

/// Returns the ids of intervals without duplicates, ascending.
fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable_by_key(|interval| interval.low());
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut().and_then(|last| last.merge(interval).map(|both| (last, both))) {
            Some((last, both)) => *last = both,
            None => merged.push(interval),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
