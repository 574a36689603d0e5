//! Search over a store and an index: the indexer, the candidates, and the comparison with the store.

mod builds;
mod kills;
mod naive;
mod results;
mod traces;
mod upkeep;

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_media::MediaFolder;
use adapter_tantivy::TantivyIndex;
use app_core::browse::{Audience, Browse};
use app_core::process::Process;
use app_core::search::{IndexProgress, Indexer, Search, SearchPage, SearchRequest, Snapshots, Total};
use async_trait::async_trait;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::message::MessageId;
use domain::page::MessagePage;
use domain::search::SearchQuery;
use domain::tenant::{Tenant, TenantId};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::search::{
    Candidate, CandidateQuery, Candidates, IndexBatch, IndexBuild, IndexPosition, IndexState, SearchError, SearchIndex,
    SearchScope, SearchSort,
};
use ports::snapshot::SnapshotStore;
use ports::store::Store;
use tempfile::TempDir;

use crate::contract::fixture::{at, begin, channel, interval, message, tenant, upsert};

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = adapter_sqlite::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                    super::$case(std::sync::Arc::new(store)).await;
                }
            )*
        }

        mod tidb {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    let database = $crate::server::Database::new().await;
                    super::$case(std::sync::Arc::new(database.store().await)).await;
                }
            )*
        }
    };
}
use cases;

/// A clock that stands still.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(1_790_000_000_000)
    }
}

/// An index that fails on request.
struct Failing {
    index: TantivyIndex,
    /// The number of batches until all fail, and of searches until all are late.
    batches: AtomicI64,
    searches: AtomicI64,
    /// The tenant whose build never begins.
    stuck: Mutex<Option<TenantId>>,
}

impl Failing {
    const NEVER: i64 = i64::MAX;

    fn fail_after(&self, batches: i64) {
        self.batches.store(batches, Ordering::SeqCst);
    }

    fn has_failed(&self) -> bool {
        self.batches.load(Ordering::SeqCst) < 0
    }

    fn be_late_after(&self, searches: i64) {
        self.searches.store(searches, Ordering::SeqCst);
    }
}

#[async_trait]
impl SearchIndex for Failing {
    async fn acquire(&self) -> Result<bool, SearchError> {
        self.index.acquire().await
    }

    async fn state(&self, tenant: TenantId) -> Result<IndexState, SearchError> {
        self.index.state(tenant).await
    }

    async fn verify(&self, tenant: TenantId) -> Result<bool, SearchError> {
        self.index.verify(tenant).await
    }

    async fn apply(&self, tenant: TenantId, batch: IndexBatch, to: IndexPosition) -> Result<(), SearchError> {
        if self.batches.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(SearchError::Backend("on request".into()));
        }
        self.index.apply(tenant, batch, to).await
    }

    async fn find(&self, tenant: TenantId, query: CandidateQuery) -> Result<Candidates, SearchError> {
        if self.searches.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(SearchError::TimedOut);
        }
        self.index.find(tenant, query).await
    }

    async fn has_root(&self, tenant: TenantId, of: ChannelId, root: Option<ChannelId>) -> Result<bool, SearchError> {
        self.index.has_root(tenant, of, root).await
    }

    async fn rebuild(&self, tenant: TenantId) -> Result<Box<dyn IndexBuild>, SearchError> {
        if *self.stuck.lock().unwrap() == Some(tenant) {
            return std::future::pending().await;
        }
        self.index.rebuild(tenant).await
    }

    async fn purge(&self, tenant: TenantId) -> Result<(), SearchError> {
        self.index.purge(tenant).await
    }

    async fn remove(&self, tenant: TenantId) -> Result<(), SearchError> {
        self.index.remove(tenant).await
    }

    async fn tenants(&self) -> Result<Vec<TenantId>, SearchError> {
        self.index.tenants().await
    }
}

/// A store and the directory of its index, while no process runs.
struct Closed {
    store: Arc<dyn Store>,
    folder: TempDir,
}

/// A store with its index.
struct World {
    store: Arc<dyn Store>,
    index: Arc<Failing>,
    indexer: Indexer,
    search: Search,
    folder: TempDir,
}

impl World {
    fn new(store: Arc<dyn Store>) -> Self {
        Self::of(store, tempfile::tempdir().unwrap())
    }

    /// Returns a world with a community of one public channel.
    async fn of_one_channel(store: Arc<dyn Store>) -> (Self, Tenant, Channel) {
        let world = Self::new(store);
        let here = public(channel(&tenant(), 1, ChannelKind::TEXT));
        let tenant = create(&*world.store, &[&here]).await;
        (world, tenant, here)
    }

    fn of(store: Arc<dyn Store>, folder: TempDir) -> Self {
        let (index, indexer, search) = Self::opened(&store, &folder);
        Self { store, index, indexer, search, folder }
    }

    fn opened(store: &Arc<dyn Store>, folder: &TempDir) -> (Arc<Failing>, Indexer, Search) {
        let index = TantivyIndex::new(folder.path().join("index"));
        let [batches, searches] = [0; 2].map(|_| AtomicI64::new(Failing::NEVER));
        let index = Arc::new(Failing { index, batches, searches, stuck: Mutex::default() });
        let progress = IndexProgress::default();
        let of_indexer = Arc::clone(&index) as Arc<dyn SearchIndex>;
        let indexer = Indexer::new(
            Arc::clone(store),
            Arc::clone(&of_indexer),
            Arc::new(Still),
            progress.clone(),
            Process::current(),
        );
        let search =
            Search::new(Browse::new(Arc::clone(store)), of_indexer, progress).with_time(Duration::from_mins(10));
        (index, indexer, search)
    }

    /// Ends the process that has the index.
    fn closed(self) -> Closed {
        Closed { store: self.store, folder: self.folder }
    }

    /// Ends the process that has the index, and starts another one.
    fn restarted(self) -> Self {
        let Closed { store, folder } = self.closed();
        Self::of(store, folder)
    }

    /// Makes it store snapshots in `media`, and start from them.
    fn with_snapshots(self, media: &MediaFolder) -> Self {
        self.with_snapshots_in(Arc::new(media.clone()))
    }

    fn with_snapshots_in(self, store: Arc<dyn SnapshotStore>) -> Self {
        let snapshots = Snapshots::new(Arc::new(self.index.index.clone()), store);
        Self { indexer: self.indexer.with_snapshots(snapshots), ..self }
    }

    /// Returns the number of indexes that were read from the store since the start of the process.
    fn builds(&self) -> u64 {
        self.search.progress().builds()
    }

    /// Returns whether a word is in the files of the index: as it is, or as a term of a segment.
    async fn has(&self, tenant: &Tenant, word: &str) -> bool {
        let query = request(&format!("\"{word}\"")).query;
        let of_terms = CandidateQuery {
            query,
            channels: HashMap::new(),
            scope: SearchScope::All,
            within: None,
            sort: SearchSort::Newest,
            after: None,
            limit: 1,
            is_counted: false,
            time: Duration::from_mins(1),
        };
        let found = self.index.find(tenant.id, of_terms).await.unwrap();
        let contents = contents(self.folder.path());
        let in_files = contents.iter().any(|bytes| bytes.windows(word.len()).any(|part| part == word.as_bytes()));
        in_files || !found.items.is_empty()
    }

    async fn page(&self, tenant: &Tenant, audience: Audience, request: &SearchRequest) -> SearchPage {
        self.search.page(audience, tenant.slug.as_str(), request).await.unwrap()
    }

    /// Returns the keys of all matches, page by page.
    async fn all(
        &self,
        tenant: &Tenant,
        audience: Audience,
        mut request: SearchRequest,
    ) -> Vec<(MessageId, ChannelId, Candidate)> {
        let mut found = Vec::new();
        loop {
            let page = self.page(tenant, audience, &request).await;
            assert!(!page.timed_out && page.hits.len() <= request.limit);
            assert!(page.next.is_none() || page.hits.len() == request.limit, "{request:?}");
            if let (None, Total::Exactly(total)) = (request.after, page.total) {
                let rest = page.next.is_some();
                assert!(rest || total == page.hits.len() as u64, "{total} {request:?}");
            }
            found.extend(page.hits.iter().map(|hit| (hit.entry.message.id, hit.channel.channel.id, hit.at)));
            let Some(next) = page.next else { return found };
            request.after = Some(next);
        }
    }

    async fn found(&self, tenant: &Tenant, query: &str) -> Vec<u64> {
        let found = self.all(tenant, Audience::Public, request(query)).await;
        found.into_iter().map(|(id, ..)| id.get()).collect()
    }
}

fn request(query: &str) -> SearchRequest {
    let query: SearchQuery = query.parse().unwrap_or_else(|error| panic!("{query}: {error}"));
    SearchRequest { query, channel: None, sort: SearchSort::Newest, after: None, limit: 50 }
}

fn public(mut channel: Channel) -> Channel {
    channel.visibility = Visibility::Public;
    channel
}

async fn create(store: &dyn Store, channels: &[&Channel]) -> Tenant {
    let tenant = Tenant { id: channels[0].tenant_id, ..tenant() };
    let mut unit = begin(store).await;
    unit.tenants().insert(&tenant).await.unwrap();
    unit.commit().await.unwrap();
    upsert(store, channels).await;
    tenant
}

/// Returns a page of all ids up to 99, with these messages.
fn texts(here: &Channel, observed_at: i64, all: &[(u64, &str)]) -> MessagePage {
    let messages = all.iter().map(|(raw, text)| message(here, *raw, text, observed_at)).collect();
    MessagePage::new(interval(1, 99), at(observed_at), messages).unwrap()
}

/// Reads the files below a folder, again if a merge removes one of them meanwhile.
fn contents(folder: &Path) -> Vec<Vec<u8>> {
    loop {
        let files = walkdir::WalkDir::new(folder)
            .into_iter()
            .filter(|entry| !matches!(entry, Ok(entry) if entry.file_type().is_dir()));
        let read = files.map(|entry| std::fs::read(entry.map_err(std::io::Error::from)?.path()));
        match read.collect::<std::io::Result<_>>() {
            Ok(contents) => return contents,
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{error}"),
        }
    }
}
