//! The submissions of changed pages to search engines, on a store of their own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_sqlite::SqliteStore;
use app_core::process::Process;
use app_core::submissions::Submissions;
use app_web::address::PublicAddress;
use domain::channel::{Channel, ChannelKind};
use domain::day::Day;
use domain::domain_name::DomainName;
use domain::lease::{Fence, Holder, Lease};
use domain::page::MessagePage;
use domain::slug::TenantSlug;
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::clock::Clock;
use ports::engine::{MockSearchEngines, SubmitError};
use ports::store::Store;

use crate::contract::fixture::{at, begin, channel, id, interval, page, put, retried, tenant, thread, upsert};
use crate::server::Database;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = super::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                    super::$case(std::sync::Arc::new(store)).await;
                }
            )*
        }

        mod tidb {
            $(
                #[tokio::test]
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
    exactly_the_changed_pages_that_are_listed_are_submitted,
    a_long_day_and_a_long_thread_have_the_pages_that_changed,
    a_day_whose_messages_were_all_deleted_is_submitted,
    a_closed_channel_is_not_submitted,
    a_site_is_submitted_once_an_hour_and_by_the_next_process_after_it,
    an_endpoint_that_is_busy_gets_the_same_pages_later,
    rejected_pages_are_not_submitted_again,
    each_host_has_submissions_of_its_own,
    one_process_submits,
];

const SITE: &str = "https://archive.example.org";
const TEXT: &str =
    "a text that has enough words for three of them to be a day that is worth a place in a search engine";

/// A clock that a case sets.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::Relaxed))
    }
}

/// The calls of the engines, and the answers to the next of them; it accepts all others.
#[derive(Default)]
struct Engines {
    calls: Mutex<Vec<(String, Vec<String>)>>,
    answers: Mutex<VecDeque<SubmitError>>,
}

impl Engines {
    fn take(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Returns the paths of the only submission so far.
    fn paths(&self) -> Vec<String> {
        let mut calls = self.take();
        let (site, addresses) = calls.pop().expect("there was a submission");
        assert!(calls.is_empty() && site == SITE, "{site} and {calls:?}");
        addresses.iter().map(|address| address.strip_prefix(SITE).unwrap().to_owned()).collect()
    }
}

/// A process that submits, and what it is given.
struct Setup {
    store: Arc<dyn Store>,
    engines: Arc<Engines>,
    clock: Arc<TestClock>,
}

impl Setup {
    fn new(store: Arc<dyn Store>) -> Self {
        Self { store, engines: Arc::default(), clock: Arc::new(TestClock(AtomicI64::new(1_800_000_000_000))) }
    }

    fn submissions(&self) -> Submissions {
        let (engines, mut mock) = (Arc::clone(&self.engines), MockSearchEngines::new());
        mock.expect_submit().returning(move |site, addresses| {
            engines.calls.lock().unwrap().push((site.to_owned(), addresses.to_vec()));
            engines.answers.lock().unwrap().pop_front().map_or(Ok(()), Err)
        });
        let addresses = Arc::new(PublicAddress::new(Some(SITE.to_owned())));
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock) as Arc<dyn Clock>);
        Submissions::new(store, Arc::new(mock), addresses, clock, Process::current())
    }

    /// Returns a process whose sites have bookmarks at the end of the log.
    async fn begun(&self) -> Submissions {
        let mut submissions = self.submissions();
        submissions.round().await.unwrap();
        assert_eq!(self.engines.take(), [], "what is there already is left to the sitemaps");
        submissions
    }

    fn pass(&self, time: Duration) {
        self.clock.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

/// Returns the id of the message with this number on a day.
fn of(day: &str, number: u64) -> u64 {
    day.parse::<Day>().unwrap().interval().low().get() + number
}

fn public(channel: Channel) -> Channel {
    Channel { visibility: Visibility::Public, ..channel }
}

async fn insert(store: &dyn Store, tenant: &Tenant) {
    retried(store, async |unit| unit.tenants().insert(tenant).await).await.unwrap();
}

/// Stores a community named `needles` with a public channel.
async fn community(store: &dyn Store) -> (Tenant, Channel) {
    let tenant = Tenant { slug: TenantSlug::new("needles").unwrap(), ..tenant() };
    let here = public(channel(&tenant, 7, ChannelKind::TEXT));
    insert(store, &tenant).await;
    upsert(store, &[&here]).await;
    (tenant, here)
}

async fn put_all(store: &dyn Store, channel: &Channel, day: &str, numbers: impl IntoIterator<Item = u64>) {
    put(store, channel, &page(channel, None, 1, numbers.into_iter().map(|number| of(day, number)), TEXT)).await;
}

async fn exactly_the_changed_pages_that_are_listed_are_submitted(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (tenant, here) = community(&*store).await;
    let private = channel(&tenant, 8, ChannelKind::TEXT);
    let gated = Channel { nsfw: true, ..public(channel(&tenant, 9, ChannelKind::TEXT)) };
    let forum = public(channel(&tenant, 10, ChannelKind::FORUM));
    upsert(&*store, &[&private, &gated, &forum]).await;
    let (post, quiet, in_gated, in_private) =
        (thread(&forum, 11), thread(&forum, 12), thread(&gated, 13), thread(&private, 14));
    upsert(&*store, &[&post, &quiet, &in_gated, &in_private]).await;
    put_all(&*store, &here, "2024-02-28", 1..=3).await;
    let mut submissions = setup.begun().await;
    for place in [&here, &private, &gated, &post, &in_gated, &in_private] {
        put_all(&*store, place, "2024-02-29", 1..=3).await;
    }
    put_all(&*store, &here, "2024-03-01", 1..=2).await;
    put(&*store, &quiet, &page(&quiet, None, 1, [of("2024-02-29", 1)], "short")).await;
    submissions.round().await.unwrap();
    let expected = ["/needles/channel-10", "/needles/channel-7", "/needles/channel-7/2024-02-29", "/needles/thread-11"];
    assert_eq!(setup.engines.paths(), expected);
}

async fn a_long_day_and_a_long_thread_have_the_pages_that_changed(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let talk = thread(&here, 11);
    upsert(&*store, &[&talk]).await;
    put_all(&*store, &here, "2024-02-29", 1..=450).await;
    put_all(&*store, &talk, "2024-02-29", 1..=150).await;
    put_all(&*store, &talk, "2024-03-01", 1..=300).await;
    let mut submissions = setup.begun().await;
    let edit = |place: &Channel, day: &str, number: u64| page(place, None, 2, [of(day, number)], "edited");
    for (place, day, number) in [
        (&here, "2024-02-29", 201),
        (&here, "2024-02-29", 400),
        (&here, "2024-02-29", 450),
        (&talk, "2024-03-01", 51),
        (&talk, "2024-03-01", 300),
    ] {
        put(&*store, place, &edit(place, day, number)).await;
    }
    submissions.round().await.unwrap();
    let expected = [
        "/needles/channel-7",
        "/needles/channel-7/2024-02-29/2",
        "/needles/channel-7/2024-02-29/3",
        "/needles/thread-11/p/2",
        "/needles/thread-11/p/3",
    ];
    assert_eq!(setup.engines.paths(), expected);
}

async fn a_day_whose_messages_were_all_deleted_is_submitted(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    for (day, count) in [("2024-02-28", 3), ("2024-02-29", 3), ("2024-03-01", 2)] {
        put_all(&*store, &here, day, 1..=count).await;
    }
    let mut submissions = setup.begun().await;
    // An explicit deletion removes the texts, too.
    let ids = (1..=3).map(|number| id(of("2024-02-29", number)));
    put(&*store, &here, &MessagePage::deleted(here.id, ids, at(5))).await;
    let whole = interval(of("2024-03-01", 0), of("2024-03-01", 9));
    put(&*store, &here, &page(&here, whole, 6, [], "")).await;
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths(), ["/needles/channel-7", "/needles/channel-7/2024-02-29"]);
}

async fn a_closed_channel_is_not_submitted(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (tenant, here) = community(&*store).await;
    let open = public(channel(&tenant, 8, ChannelKind::TEXT));
    upsert(&*store, &[&open]).await;
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-03-01", 1..=3).await;
    put_all(&*store, &open, "2024-03-01", 1..=3).await;
    upsert(&*store, &[&Channel { visibility: Visibility::Private, observed_at: Some(at(9)), ..here }]).await;
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths(), ["/needles/channel-8", "/needles/channel-8/2024-03-01"]);
}

async fn a_site_is_submitted_once_an_hour_and_by_the_next_process_after_it(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-02-28", 1..=3).await;
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths(), ["/needles/channel-7", "/needles/channel-7/2024-02-28"]);
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    setup.pass(Duration::from_mins(59));
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.take(), []);
    drop(submissions);
    // Nothing is lost with a process, and nothing is submitted twice.
    let mut next = setup.submissions();
    next.round().await.unwrap();
    assert_eq!(setup.engines.take(), []);
    setup.pass(Duration::from_mins(1));
    next.round().await.unwrap();
    assert_eq!(setup.engines.paths(), ["/needles/channel-7", "/needles/channel-7/2024-02-29"]);
    setup.pass(Duration::from_hours(2));
    next.round().await.unwrap();
    assert_eq!(setup.engines.take(), [], "nothing changed");
}

async fn an_endpoint_that_is_busy_gets_the_same_pages_later(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    let busy = SubmitError::Later { wait: Some(Duration::from_hours(3)), source: "busy".into() };
    setup.engines.answers.lock().unwrap().push_back(busy);
    submissions.round().await.unwrap();
    let first = setup.engines.paths();
    setup.pass(Duration::from_hours(2));
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.take(), []);
    setup.pass(Duration::from_hours(1));
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths(), first);
}

async fn rejected_pages_are_not_submitted_again(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-02-28", 1..=3).await;
    setup.engines.answers.lock().unwrap().push_back(SubmitError::Rejected { status: 403, advice: "no key" });
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths().len(), 2);
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    setup.pass(Duration::from_hours(1));
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths(), ["/needles/channel-7", "/needles/channel-7/2024-02-29"]);
}

async fn each_host_has_submissions_of_its_own(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let domain = DomainName::new("threads.example").unwrap();
    let other = Tenant { slug: TenantSlug::new("threads").unwrap(), domain: Some(domain), ..tenant() };
    let there = public(channel(&other, 7, ChannelKind::TEXT));
    insert(&*store, &other).await;
    upsert(&*store, &[&there]).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    put_all(&*store, &there, "2024-02-29", 1..=3).await;
    submissions.round().await.unwrap();
    let of = |site: &str, paths: [&str; 2]| (site.to_owned(), paths.map(|path| format!("{site}{path}")).to_vec());
    let expected = [
        of(SITE, ["/needles/channel-7", "/needles/channel-7/2024-02-29"]),
        of("https://threads.example", ["/channel-7", "/channel-7/2024-02-29"]),
    ];
    assert_eq!(setup.engines.take(), expected);
}

async fn one_process_submits(store: Arc<dyn Store>) {
    let setup = Setup::new(Arc::clone(&store));
    let (_, here) = community(&*store).await;
    let mut submissions = setup.begun().await;
    put_all(&*store, &here, "2024-02-29", 1..=3).await;
    let expires_at = setup.clock.now().plus(Duration::from_secs(10));
    let holder = Holder::new("another-machine").unwrap();
    let lease = Lease { holder, fence: Fence::new(1_000_000).unwrap(), expires_at };
    let mut unit = begin(&*store).await;
    let before = unit.leases().find("submissions").await.unwrap().map(|lease| lease.fence);
    assert!(unit.leases().replace("submissions", before, &lease).await.unwrap());
    unit.commit().await.unwrap();
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.take(), []);
    setup.pass(Duration::from_secs(11));
    submissions.round().await.unwrap();
    assert_eq!(setup.engines.paths().len(), 2);
}
