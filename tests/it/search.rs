//! Search over a store and an index: the indexer, the candidates, and the comparison with the store.

mod kills;

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use adapter_media::MediaFolder;
use adapter_sqlite::SqliteStore;
use adapter_tantivy::TantivyIndex;
use app_core::browse::{Audience, Browse};
use app_core::process::Process;
use app_core::search::{IndexProgress, Indexer, Search, SearchFailure, SearchPage, SearchRequest, Snapshots, Total};
use async_trait::async_trait;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::Interval;
use domain::job::{Job, JobId, JobKind, JobState};
use domain::message::{Author, Message, MessageId, MessageKind};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::search::{SearchDocument, SearchPlace, SearchQuery};
use domain::tenant::{Tenant, TenantId};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::page::Page;
use ports::search::{
    Candidate, CandidateQuery, Candidates, IndexBatch, IndexBuild, IndexPosition, IndexState, SearchError, SearchIndex,
    SearchScope, SearchSort,
};
use ports::snapshot::SnapshotStore;
use ports::store::Store;
use tempfile::TempDir;
use uuid::Uuid;

use crate::contract::fixture::{at, begin, channel, id, message, put, tenant, thread, upsert};
use crate::program::{Installation, examples};
use crate::server::Database;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = super::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                    super::$case(std::sync::Arc::new(store)).await;
                }
            )*
        }

        mod tidb {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    let database = super::Database::new().await;
                    super::$case(std::sync::Arc::new(database.store().await)).await;
                }
            )*
        }
    };
}

cases![
    the_pages_of_every_query_are_those_of_a_naive_search,
    what_is_hidden_or_deleted_is_never_shown_however_old_the_index,
    a_removed_or_damaged_index_is_built_again,
    a_log_that_was_trimmed_makes_the_index_be_built_again,
    a_removed_tenant_leaves_no_file,
    the_name_of_a_thread_is_found_with_its_messages,
    a_total_does_not_count_what_was_deleted_since,
    two_processes_share_a_directory,
    a_thread_that_becomes_private_or_public_is_found_by_its_readers_as_a_whole,
    an_erased_author_leaves_no_byte,
    a_search_that_takes_too_long_ends_with_what_it_found,
    a_deletion_while_no_process_runs_leaves_no_byte,
    a_build_is_a_job,
    a_process_without_files_starts_from_a_snapshot,
    a_snapshot_goes_with_what_must_not_stay,
];

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

    fn of(store: Arc<dyn Store>, folder: TempDir) -> Self {
        let (index, indexer, search) = Self::opened(&store, &folder);
        Self { store, index, indexer, search, folder }
    }

    fn opened(store: &Arc<dyn Store>, folder: &TempDir) -> (Arc<Failing>, Indexer, Search) {
        let index = TantivyIndex::new(folder.path().join("index"));
        let [batches, searches] = [0; 2].map(|_| AtomicI64::new(Failing::NEVER));
        let index = Arc::new(Failing { index, batches, searches });
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
        let snapshots = Snapshots::new(Arc::new(self.index.index.clone()), Arc::new(media.clone()));
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

/// Numbers from a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

const WORDS: [&str; 20] = [
    "quick",
    "Naïve café",
    "Straße",
    "FUSSBALL",
    "İstanbul",
    "λόγος",
    "Ёлка",
    "محمد",
    "שלום",
    "किताब",
    "ภาษาไทย",
    "搜索引擎",
    "東京大学",
    "タワー",
    "한국어 검색",
    "👍🏽",
    "https://example.org/x",
    "<@07070707070707070707070707070707>",
    "**bold** text",
    "quicker",
];

const QUERIES: [&str; 26] = [
    "quick",
    "quick*",
    "-quick",
    "cafe",
    "strasse",
    "fußball",
    "istanbul",
    "λογοσ",
    "елка",
    "محمد",
    "שלום",
    "किताब",
    "ไทย",
    "搜索",
    "京",
    "タワー",
    "검색",
    "👍",
    "has:link",
    "host:example.org",
    "\"bold text\"",
    "\"東京 quick\"",
    "-has:link quick",
    "in:channel-2",
    "during:2015-01",
    "mentions:07070707070707070707070707070707 quick",
];

/// The naive search: every stored message is compared with the query.
async fn expected(
    store: &dyn Store,
    tenant: &Tenant,
    channels: &[Channel],
    audience: Audience,
    request: &SearchRequest,
) -> Vec<(MessageId, ChannelId)> {
    let mut read = store.read().await.unwrap();
    let mut matches = Vec::new();
    for channel in channels {
        let Some(channel) = read.channels().find(channel.id).await.unwrap() else { continue };
        let parent = match channel.parent_id {
            Some(id) => read.channels().find(id).await.unwrap(),
            None => None,
        };
        if audience == Audience::Public && !channel.is_public(parent.as_ref()) {
            continue;
        }
        let limit = request.channel.as_ref();
        let is = |channel: &Channel| limit.is_none_or(|limit| channel.slug.as_str() == limit);
        if !is(&channel) && !parent.as_ref().is_some_and(is) {
            continue;
        }
        for stored in read.messages().list_stored(channel.id, None, 1_000).await.unwrap() {
            let hidden = audience == Audience::Public && !stored.message.kind.is_shown();
            if stored.is_deleted() || hidden {
                continue;
            }
            let started = read.channels().find(ChannelId::of(tenant.id, stored.message.id.cast())).await.unwrap();
            let is_open =
                |thread: &Channel| thread.parent_id == Some(channel.id) && thread.visibility == Visibility::Public;
            let thread = started.filter(is_open);
            let parent = parent.as_ref().filter(|_| channel.kind.is_thread());
            let place = SearchPlace { channel: &channel, parent, thread: thread.as_ref() };
            if request.query.matches(&SearchDocument::new(&stored.message, place)) {
                matches.push((stored.message.id, channel.id));
            }
        }
    }
    matches.sort_unstable();
    matches
}

fn written(numbers: &mut Numbers, of: &Channel, raw: u64, observed_at: i64) -> Message {
    let text: Vec<&str> = (0..numbers.below(5)).map(|_| numbers.of(&WORDS)).collect();
    let mut message =
        message(of, raw, &text.join([" ", ", ", ""][usize::try_from(numbers.below(3)).unwrap()]), observed_at);
    if numbers.below(9) == 0 {
        message.kind = MessageKind(99);
    }
    message
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

async fn the_pages_of_every_query_are_those_of_a_naive_search(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let mut channels: Vec<Channel> = (1..=3).map(|raw| public(channel(&of, raw, ChannelKind::TEXT))).collect();
    channels.push(channel(&of, 4, ChannelKind::TEXT));
    channels.push(thread(&channels[0], 40));
    channels.push(Channel { kind: ChannelKind::PRIVATE_THREAD, ..thread(&channels[0], 60) });
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    let mut numbers = Numbers(0x5eed);
    for step in 1..=10_i64 {
        for _ in 0..=numbers.below(2) {
            let here = channels[usize::try_from(numbers.below(channels.len() as u64)).unwrap()].clone();
            let low = (1 + numbers.below(300)) << 22;
            let ids: BTreeSet<u64> = (0..numbers.below(60)).map(|_| low + (numbers.below(100) << 22)).collect();
            // A thread's opener is in two channels.
            let interval = Interval::new(id(low), id(low + (100 << 22))).filter(|_| numbers.below(2) == 0);
            let opener = interval.is_none().then_some(40);
            let ids = opener.into_iter().chain(ids);
            let messages = ids.map(|raw| written(&mut numbers, &here, raw, step)).collect();
            let page = MessagePage::new(interval, at(step), messages).unwrap();
            put(&*world.store, &here, &page).await;
        }
        if numbers.below(2) == 0 {
            let at = usize::try_from(numbers.below(3)).unwrap();
            let stored = world.store.read().await.unwrap().channels().find(channels[at].id).await.unwrap();
            let mut changed = stored.unwrap();
            changed.visibility =
                if changed.visibility == Visibility::Public { Visibility::Private } else { Visibility::Public };
            changed.observed_at = Some(crate::contract::fixture::at(step + 100));
            upsert(&*world.store, &[&changed]).await;
        }
        if step == 5 {
            world = world.restarted();
        }
        world.indexer.settle().await.unwrap();
        for query in QUERIES {
            let audience = if numbers.below(2) == 0 { Audience::Public } else { Audience::Admin };
            let sort = [SearchSort::Newest, SearchSort::Oldest, SearchSort::Relevance]
                [usize::try_from(numbers.below(3)).unwrap()];
            let limit = [1, 3, 25, 50][usize::try_from(numbers.below(4)).unwrap()];
            let channel =
                (numbers.below(6) == 0).then(|| channels[3].slug.to_string()).filter(|_| audience == Audience::Admin);
            let request = SearchRequest { sort, limit, channel, ..request(query) };
            let wanted = expected(&*world.store, &tenant, &channels, audience, &request).await;
            let found = world.all(&tenant, audience, request.clone()).await;
            let in_order = found.windows(2).all(|pair| match sort {
                SearchSort::Newest => (pair[1].0, pair[0].1) < (pair[0].0, pair[1].1),
                SearchSort::Oldest => (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1),
                SearchSort::Relevance => pair[0].2.score >= pair[1].2.score,
            });
            assert!(in_order, "{query}");
            let mut found: Vec<_> = found.into_iter().map(|(id, channel, _)| (id, channel)).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "step {step}: {query} {audience:?} {sort:?}");
        }
    }
}

async fn a_total_does_not_count_what_was_deleted_since(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |at_: i64, ids: &[u64]| {
        let messages = ids.iter().map(|raw| message(&here, *raw, "zebra", at_)).collect();
        MessagePage::new(Interval::new(id(1), id(99)), at(at_), messages).unwrap()
    };
    let one = SearchRequest { limit: 1, ..request("zebra") };
    put(&*world.store, &here, &page(1, &[5, 6, 7, 8])).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::Exactly(4));
    put(&*world.store, &here, &page(2, &[5, 6, 7])).await;
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::AtLeast(1), "one was deleted since");
    world.indexer.settle().await.unwrap();
    assert_eq!(world.page(&tenant, Audience::Public, &one).await.total, Total::Exactly(3));
    let cursor = world.page(&tenant, Audience::Public, &one).await.next;
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(9)), ..here.clone() };
    upsert(&*world.store, &[&hidden]).await;
    let after = world.page(&tenant, Audience::Public, &SearchRequest { after: cursor, ..one }).await;
    assert_eq!((after.hits.len(), after.next, after.total), (0, None, Total::AtLeast(0)));
}

async fn two_processes_share_a_directory(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |raw: u64| MessagePage::new(None, at(1), vec![message(&here, raw, "word", 1)]).unwrap();
    put(&*world.store, &here, &page(5)).await;
    world.indexer.settle().await.unwrap();
    let (index, mut indexer, search) = World::opened(&world.store, &world.folder);
    let found = async |search: &Search| {
        let page = search.page(Audience::Public, tenant.slug.as_str(), &request("word")).await.unwrap();
        page.hits.iter().map(|hit| hit.entry.message.id.get()).collect::<Vec<_>>()
    };
    indexer.settle().await.unwrap();
    assert_eq!(found(&search).await, [5]);
    put(&*world.store, &here, &page(6)).await;
    indexer.settle().await.unwrap();
    assert_eq!(found(&search).await, [5], "the other process writes");
    world.indexer.settle().await.unwrap();
    assert_eq!(found(&search).await, [6, 5]);
    // The writer ends: the other one takes its place.
    let World { store, index: other, indexer: writer, search: of_writer, folder } = world;
    drop((other, writer, of_writer));
    put(&*store, &here, &page(7)).await;
    indexer.settle().await.unwrap();
    assert_eq!(found(&search).await, [7, 6, 5]);
    drop((index, folder));
}

/// The channel change is applied in many commits; a process that ends after any of them is followed by one that finds
/// all messages.
async fn a_thread_that_becomes_private_or_public_is_found_by_its_readers_as_a_whole(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let below = thread(&here, 30);
    let tenant = create(&*world.store, &[&here, &below]).await;
    let many: Vec<Message> = (31..=2_630).map(|raw| message(&below, raw, "word", 1)).collect();
    for part in many.chunks(500) {
        put(&*world.store, &below, &MessagePage::new(None, at(1), part.to_vec()).unwrap()).await;
    }
    world.indexer.settle().await.unwrap();
    let total = async |world: &World, audience| world.all(&tenant, audience, request("word")).await.len();
    assert_eq!(total(&world, Audience::Public).await, 2_600);
    let mut time = 100;
    for visibility in [Visibility::Private, Visibility::Public] {
        time += 1;
        let changed = Channel { visibility, observed_at: Some(at(time)), ..below.clone() };
        upsert(&*world.store, &[&changed]).await;
        world.index.fail_after(1);
        assert!(world.indexer.settle().await.is_err() || world.index.has_failed());
        world = world.restarted();
        world.indexer.settle().await.unwrap();
        let expected = if visibility == Visibility::Public { 2_600 } else { 0 };
        assert_eq!(total(&world, Audience::Public).await, expected);
        assert_eq!(total(&world, Audience::Admin).await, 2_600);
    }
}

async fn an_erased_author_leaves_no_byte(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let author = Pseudonym::new([0xab; 16]);
    let written = |raw: u64, author: Pseudonym, text: &str| {
        let message = message(&here, raw, text, 1);
        Message { author: Author { pseudonym: author, ..message.author }, ..message }
    };
    let other = Pseudonym::new([0x11; 16]);
    let mut mention = written(7, other, &format!("unerasable <@{author}>"));
    mention.mentions = vec![Author { pseudonym: author, bot: false, webhook: false }];
    let messages = vec![written(5, author, "geheimniskraemerei"), written(6, other, "word"), mention];
    put(&*world.store, &here, &MessagePage::new(None, at(1), messages).unwrap()).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, &format!("from:{author}")).await, [5]);
    assert_eq!(world.found(&tenant, &format!("mentions:{author}")).await, [7]);
    // What the erasure does to the messages is not logged otherwise here, so that only its own change counts.
    let mut unit = begin(&*world.store).await;
    unit.messages().delete_first(here.id, 1_000).await.unwrap();
    unit.commit().await.unwrap();
    let mut unit = begin(&*world.store).await;
    unit.changes().record_erasure(tenant.id, author).await.unwrap();
    unit.commit().await.unwrap();
    put(
        &*world.store,
        &here,
        &MessagePage::new(None, at(2), vec![written(6, other, "word"), written(7, other, "unerasable")]).unwrap(),
    )
    .await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [6]);
    assert_eq!(world.found(&tenant, "unerasable").await, [7]);
    assert_eq!(world.found(&tenant, &format!("mentions:{author}")).await, [0_u64; 0]);
    let name = author.name().to_string().to_lowercase();
    for word in ["geheimniskraemerei", &author.to_string(), name.split(' ').next_back().unwrap()] {
        assert!(!world.has(&tenant, word).await, "{word}");
    }
}

async fn a_deletion_while_no_process_runs_leaves_no_byte(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |at_: i64, all: &[(u64, &str)]| {
        let messages = all.iter().map(|(raw, text)| message(&here, *raw, text, at_)).collect();
        MessagePage::new(Interval::new(id(1), id(99)), at(at_), messages).unwrap()
    };
    put(&*world.store, &here, &page(1, &[(5, "vertraulichkeiten"), (6, "word")])).await;
    world.indexer.settle().await.unwrap();
    assert!(world.has(&tenant, "vertraulichkeiten").await);
    let Closed { store, folder } = world.closed();
    put(&*store, &here, &page(2, &[(6, "word")])).await;
    let mut world = World::of(store, folder);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [6]);
    assert!(!world.has(&tenant, "vertraulichkeiten").await);
}

async fn a_process_without_files_starts_from_a_snapshot(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    let mut world = World::new(Arc::clone(&store)).with_snapshots(&media);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |at_: i64, all: &[(u64, &str)]| {
        let messages = all.iter().map(|(raw, text)| message(&here, *raw, text, at_)).collect();
        MessagePage::new(Interval::new(id(1), id(99)), at(at_), messages).unwrap()
    };
    put(&*store, &here, &page(1, &[(5, "word fuenfzehnhundert"), (6, "word"), (7, "staatsgeheimnisse")])).await;
    world.indexer.settle().await.unwrap();
    put(&*store, &here, &page(2, &[(5, "word fuenfzehnhundert"), (6, "word")])).await;
    world.indexer.settle().await.unwrap();
    assert!(SnapshotStore::find(&media, tenant.id).await.unwrap().is_none());
    world.indexer.save_snapshots().await;
    assert_eq!((world.builds(), world.found(&tenant, "word").await), (1, vec![6, 5]));
    let file = folder.path().join("media").join(tenant.id.0.to_string()).join("index.snapshot");
    let saved = std::fs::read(&file).unwrap();
    assert!(!saved.windows(17).any(|part| part == b"staatsgeheimnisse"), "it was deleted before");
    // A day has not passed.
    put(&*store, &here, &page(3, &[(5, "other"), (6, "word"), (8, "word")])).await;
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    assert_eq!(std::fs::read(&file).unwrap(), saved);
    // On another machine.
    let mut other = World::new(Arc::clone(&store)).with_snapshots(&media);
    other.indexer.settle().await.unwrap();
    assert_eq!((other.builds(), other.found(&tenant, "word").await), (0, vec![8, 6]));
    put(&*store, &here, &page(4, &[(6, "word"), (8, "word"), (9, "word")])).await;
    other.indexer.settle().await.unwrap();
    assert_eq!(other.found(&tenant, "word").await, [9, 8, 6]);
    let mut other = other.restarted();
    other.indexer.settle().await.unwrap();
    assert_eq!((other.builds(), other.found(&tenant, "word").await), (0, vec![9, 8, 6]));
    assert!(!other.has(&tenant, "fuenfzehnhundert").await, "the files of a snapshot are removed like others");
    // One that is not whole is not used, and is replaced.
    for broken in [&saved[..saved.len() / 2], &saved[..10], b"", &[&saved[..], b"x"].concat()] {
        std::fs::write(&file, broken).unwrap();
        let mut third = World::new(Arc::clone(&store)).with_snapshots(&media);
        third.indexer.settle().await.unwrap();
        assert_eq!((third.builds(), third.found(&tenant, "word").await), (1, vec![9, 8, 6]));
        assert!(!file.exists());
    }
    world.indexer.save_snapshots().await;
    assert!(file.exists());
}

async fn a_snapshot_goes_with_what_must_not_stay(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    let mut world = World::new(Arc::clone(&store)).with_snapshots(&media);
    let of = tenant();
    let channels = [1, 2].map(|raw| public(channel(&of, raw, ChannelKind::TEXT)));
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    let exists = async || SnapshotStore::find(&media, tenant.id).await.unwrap().is_some();
    for channel in &channels {
        let page = MessagePage::new(None, at(1), vec![message(channel, 5, "word", 1)]).unwrap();
        put(&*store, channel, &page).await;
    }
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    assert!(exists().await);
    let mut unit = begin(&*store).await;
    unit.changes().record_erasure(tenant.id, Pseudonym::new([0xab; 16])).await.unwrap();
    unit.commit().await.unwrap();
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "an author was erased");
    world.indexer.save_snapshots().await;
    let Closed { store, folder: index } = world.closed();
    let mut unit = begin(&*store).await;
    unit.messages().delete_first(channels[1].id, 1_000).await.unwrap();
    unit.channels().delete(channels[1].id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(exists().await);
    let mut world = World::of(Arc::clone(&store), index).with_snapshots(&media);
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "a channel was removed while no process ran");
    world.indexer.save_snapshots().await;
    let mut unit = begin(&*store).await;
    unit.messages().delete_first(channels[0].id, 1_000).await.unwrap();
    unit.channels().delete(channels[0].id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(exists().await);
    world.indexer.settle().await.unwrap();
    assert!(!exists().await, "the community was removed");
}

async fn a_build_is_a_job(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let channels = [1, 2].map(|raw| public(channel(&of, raw, ChannelKind::TEXT)));
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    let messages = (5..=8).map(|raw| message(&channels[0], raw, "word", 1)).collect();
    put(&*world.store, &channels[0], &MessagePage::new(None, at(1), messages).unwrap()).await;
    // A process was killed while it built.
    let mut stale = Job::new(JobId(Uuid::from_u128(tenant.id.0.as_u128() ^ 1)), tenant.id, JobKind::Index, at(1));
    stale.start(at(1));
    let mut unit = begin(&*world.store).await;
    unit.jobs().upsert(&stale).await.unwrap();
    unit.commit().await.unwrap();
    world.indexer.settle().await.unwrap();
    let jobs = async |world: &World| {
        let mut read = world.store.read().await.unwrap();
        read.jobs().list(tenant.id, Page { after: None, limit: 10 }).await.unwrap()
    };
    let all = jobs(&world).await;
    let [built, stale] = &all[..] else { panic!("{all:?}") };
    assert_eq!((stale.state, stale.ended_at), (JobState::Failed, Some(Still.now())));
    assert!(stale.error.as_ref().unwrap().contains("has ended"));
    assert_eq!((built.kind, built.state, built.ended_at), (JobKind::Index, JobState::Done, Some(Still.now())));
    let progress = built.progress;
    assert_eq!((progress.channels_done, progress.channels_total, progress.messages), (2, 2, 4));
    let mut world = world.restarted();
    world.indexer.settle().await.unwrap();
    assert_eq!(jobs(&world).await.len(), 2, "it is not built again");
}

async fn a_search_that_takes_too_long_ends_with_what_it_found(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |at_: i64, ids: &[u64]| {
        let messages = ids.iter().map(|raw| message(&here, *raw, "word", at_)).collect();
        MessagePage::new(Interval::new(id(1), id(99)), at(at_), messages).unwrap()
    };
    put(&*world.store, &here, &page(1, &(5..=40).collect::<Vec<_>>())).await;
    world.indexer.settle().await.unwrap();
    let two = SearchRequest { limit: 2, ..request("word") };
    // The index has three candidates of which the store has one, and no time for more.
    put(&*world.store, &here, &page(2, &(5..=38).collect::<Vec<_>>())).await;
    world.index.be_late_after(1);
    let page = world.page(&tenant, Audience::Public, &two).await;
    assert!(page.timed_out);
    let ids: Vec<u64> = page.hits.iter().map(|hit| hit.entry.message.id.get()).collect();
    assert_eq!((ids, page.total), (vec![38], Total::AtLeast(1)));
    assert_eq!(page.next.unwrap().id.get(), 38, "it goes on there");
    world.index.be_late_after(1);
    let rest = world.page(&tenant, Audience::Public, &SearchRequest { after: page.next, ..two.clone() }).await;
    assert_eq!(rest.hits[0].entry.message.id.get(), 37);
    world.index.be_late_after(0);
    let failed = world.search.page(Audience::Public, tenant.slug.as_str(), &two).await;
    assert!(matches!(failed, Err(SearchFailure::TimedOut)), "{failed:?}");
    // The time is also that of a store or an index that does not respond.
    let impatient = world.search.clone().with_time(Duration::ZERO);
    let failed = impatient.page(Audience::Public, tenant.slug.as_str(), &two).await;
    assert!(matches!(failed, Err(SearchFailure::TimedOut)), "{failed:?}");
}

async fn what_is_hidden_or_deleted_is_never_shown_however_old_the_index(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let (one, other) = (public(channel(&of, 1, ChannelKind::TEXT)), public(channel(&of, 2, ChannelKind::TEXT)));
    let below = thread(&other, 30);
    let tenant = create(&*world.store, &[&one, &other, &below]).await;
    let page = |of: &Channel, at_: i64, ids: &[u64], text: &str| {
        let messages = ids.iter().map(|raw| message(of, *raw, text, at_)).collect();
        MessagePage::new(Interval::new(id(1), id(99)), at(at_), messages).unwrap()
    };
    put(&*world.store, &one, &page(&one, 1, &[5, 6, 7], "word")).await;
    put(&*world.store, &other, &page(&other, 1, &[8, 9], "word")).await;
    put(&*world.store, &below, &page(&below, 1, &[31], "word")).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7, 6, 5]);
    // The index is not told of anything from here on.
    put(&*world.store, &one, &page(&one, 2, &[5, 7], "word")).await;
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7, 5]);
    let edited = vec![message(&one, 5, "other", 3), message(&one, 7, "word", 3)];
    let edited = MessagePage::new(None, at(3), edited).unwrap();
    put(&*world.store, &one, &edited).await;
    assert_eq!(world.found(&tenant, "word").await, [31, 9, 8, 7]);
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(9)), ..other.clone() };
    upsert(&*world.store, &[&hidden]).await;
    assert_eq!(world.found(&tenant, "word").await, [7]);
    assert_eq!(world.all(&tenant, Audience::Admin, request("word")).await.len(), 4);
    for channel in [&below, &other] {
        let mut unit = begin(&*world.store).await;
        unit.messages().delete_first(channel.id, 1_000).await.unwrap();
        unit.channels().delete(channel.id).await.unwrap();
        unit.commit().await.unwrap();
    }
    assert_eq!(world.all(&tenant, Audience::Admin, request("word")).await.len(), 1);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [7]);
}

async fn a_removed_or_damaged_index_is_built_again(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |raw: u64| MessagePage::new(None, at(1), vec![message(&here, raw, "word", 1)]).unwrap();
    let failed = world.search.page(Audience::Public, tenant.slug.as_str(), &request("word")).await;
    assert!(matches!(failed, Err(SearchFailure::Building)), "{failed:?}");
    put(&*world.store, &here, &page(5)).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [5]);
    let root = world.folder.path().join("index");
    std::fs::remove_dir_all(&root).unwrap();
    put(&*world.store, &here, &page(6)).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [6, 5]);
    // While the process is down.
    for entry in walkdir::WalkDir::new(&root) {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|ending| ending == "term" || ending == "idx") {
            let mut bytes = std::fs::read(entry.path()).unwrap();
            bytes[0] ^= 1;
            std::fs::remove_file(entry.path()).unwrap();
            std::fs::write(entry.path(), bytes).unwrap();
        }
    }
    let mut world = world.restarted();
    put(&*world.store, &here, &page(7)).await;
    assert_eq!(world.index.state(tenant.id).await.unwrap(), IndexState::Damaged);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [7, 6, 5]);
}

async fn a_log_that_was_trimmed_makes_the_index_be_built_again(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |raw: u64| MessagePage::new(None, at(1), vec![message(&here, raw, "word", 1)]).unwrap();
    put(&*world.store, &here, &page(5)).await;
    world.indexer.settle().await.unwrap();
    let mut world = world.restarted();
    put(&*world.store, &here, &page(6)).await;
    let mut unit = begin(&*world.store).await;
    unit.changes().trim(at(4_000_000_000_000), 0, 1_000).await.unwrap();
    unit.commit().await.unwrap();
    put(&*world.store, &here, &page(7)).await;
    // The old one answers until the new one is built.
    assert_eq!(world.found(&tenant, "word").await, [5]);
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [7, 6, 5]);
    put(&*world.store, &here, &page(8)).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "word").await, [8, 7, 6, 5]);
}

async fn a_removed_tenant_leaves_no_file(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let written = |raw: u64, text: &str| message(&here, raw, text, 1);
    let page = MessagePage::new(None, at(1), vec![written(5, "hausgeheimnis"), written(6, "hinterlassenschaft")]);
    put(&*world.store, &here, &page.unwrap()).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "hausgeheimnis").await, [5]);
    let hidden = Channel { visibility: Visibility::Private, observed_at: Some(at(2)), ..here.clone() };
    upsert(&*world.store, &[&hidden]).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "hausgeheimnis").await, [0_u64; 0]);
    let folder = world.folder.path().join("index").join(tenant.id.0.to_string());
    assert!(folder.exists());
    let mut unit = begin(&*world.store).await;
    unit.channels().delete(here.id).await.unwrap();
    unit.tenants().delete(tenant.id).await.unwrap();
    unit.commit().await.unwrap();
    world.indexer.settle().await.unwrap();
    assert!(!folder.exists());
    let left: Vec<TenantId> = world.index.tenants().await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    for word in ["hausgeheimnis", "hinterlassenschaft"] {
        let holds = |bytes: &Vec<u8>| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(!contents(world.folder.path()).iter().any(holds), "{word}");
    }
}

async fn the_name_of_a_thread_is_found_with_its_messages(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let starter = MessagePage::new(None, at(1), vec![message(&here, 30, "starter", 1)]).unwrap();
    put(&*world.store, &here, &starter).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [0_u64; 0]);
    let below = Channel { name: "About pancakes".to_owned(), ..thread(&here, 30) };
    upsert(&*world.store, &[&below]).await;
    let opener = MessagePage::new(None, at(1), vec![message(&below, 30, "", 1), message(&below, 31, "x", 1)]).unwrap();
    put(&*world.store, &below, &opener).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [30, 30]);
    let renamed = Channel { name: "About waffles".to_owned(), observed_at: Some(at(50)), ..below };
    upsert(&*world.store, &[&renamed]).await;
    world.indexer.settle().await.unwrap();
    assert_eq!(world.found(&tenant, "pancakes").await, [0_u64; 0]);
    assert_eq!(world.found(&tenant, "waffles").await, [30, 30]);
}

#[test]
fn search_over_http_pages_and_explains() {
    let installation = Installation::new();
    let server = installation.serve(&["--import", examples().to_str().unwrap()]);
    server.wait_for("search index built");
    let base = "/api/v1/tenants/thimble-firmware/search";
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{base}?q=the&limit=7{cursor}"));
        assert_eq!(page.status, 200, "{}", page.text());
        assert_eq!((page.header("cache-control"), page.header("etag")), (Some("no-store"), None));
        let page = page.json();
        for item in page["items"].as_array().unwrap() {
            ids.push(item["message"]["id"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let whole = server.get(&format!("{base}?q=the&limit=50")).json();
    assert_eq!(whole["total"]["value"].as_u64().unwrap(), ids.len() as u64, "{whole}");
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    assert!(unique.len() == ids.len() && ids.len() > 7, "{}", ids.len());
    // As a form sends it: two words, not a phrase.
    let [form, escaped] =
        ["that+the", "that%20the"].map(|text| server.get(&format!("{base}?q={text}&limit=50")).json()["items"].clone());
    assert!(form == escaped && form.as_array().unwrap().len() > 1, "{form}");
    let phrase = server.get(&format!("{base}?q=that%2Bthe&limit=50")).json()["items"].as_array().unwrap().len();
    assert!(phrase < form.as_array().unwrap().len());
    let started = server.get(&format!("{base}?q=the+f*&limit=1")).json();
    assert_eq!(started["total"]["relation"], "eq", "{started}");
    let swapped = server.get(&format!("{base}?q=the&sort=relevant&cursor={}", whole["next"].as_str().unwrap()));
    assert_eq!(swapped.status, 400);
    let wrong = server.get(&format!("{base}?q=form:x"));
    assert_eq!(wrong.status, 400);
    let reason = wrong.json()["errors"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("\"from:\"") && reason.contains("character 1"), "{reason}");
    let page = server.get("/thimble-firmware/search?q=the");
    assert_eq!(page.status, 200);
    let text = page.text();
    for part in ["<mark>", "noindex", "name=\"q\" value=\"the\"", "class=\"open\""] {
        assert!(text.contains(part), "{part}");
    }
    let (empty, wrong) = (server.get("/thimble-firmware/search"), server.get("/thimble-firmware/search?q=form:x"));
    assert_eq!((empty.status, wrong.status), (200, 400));
    assert!(wrong.text().contains("did you mean") && empty.text().contains("What you can search for"));
    assert_eq!(server.get("/thimble-firmware/search?q=zzzzqqq").status, 200);
    assert!(server.get("/thimble-firmware/general").text().contains("/thimble-firmware/search?channel=general"));
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
