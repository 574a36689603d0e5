use domain::change::ChangeKind;
use domain::tenant::TenantId;
use ports::mock::{FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;

/// The calls that a subscriber received: the number of changes, or `None` for a resync.
#[derive(Default)]
struct Seen(Mutex<Vec<Option<usize>>>);

#[async_trait]
impl Subscriber for Seen {
    async fn receive(&self, changes: &[Change], _: &ChangePosition) {
        self.0.lock().unwrap().push(Some(changes.len()));
    }

    async fn resync(&self, _: &ChangePosition) {
        self.0.lock().unwrap().push(None);
    }
}

/// Stops the follower after the first changes.
struct Stop(CancellationToken);

#[async_trait]
impl Subscriber for Stop {
    async fn receive(&self, _: &[Change], _: &ChangePosition) {
        self.0.cancel();
    }

    async fn resync(&self, _: &ChangePosition) {}
}

fn position(text: &str) -> ChangePosition {
    ChangePosition::from_text(text.to_owned())
}

fn changes(count: usize, end: &str, behind: u64) -> Followed {
    let change = Change { tenant_id: TenantId(Uuid::nil()), kind: ChangeKind::Tenant };
    let changes = vec![change; count];
    Followed::Changes { changes, position: position(end), behind }
}

/// A store whose log begins at `start`, and then answers a reader at each position as given.
fn store(answers: Vec<(&'static str, Result<Followed, StoreError>)>) -> Arc<dyn Store> {
    let mut first = FakeUnitOfWork::default();
    first.changes.expect_position().return_once(|| Ok(position("start")));
    let reads = answers.into_iter().map(|(expected, answer)| {
        let mut read = FakeUnitOfWork::default();
        read.changes.expect_follow().withf(move |at, _| at.as_text() == expected).return_once(|_, _| answer);
        read
    });
    Arc::new(FakeStore::new(std::iter::once(first).chain(reads)))
}

#[tokio::test]
async fn every_batch_is_passed_on_once_and_from_where_the_last_one_ended() {
    let seen = Arc::new(Seen::default());
    let log = store(vec![
        ("start", Ok(changes(1_000, "a", 5))),
        ("a", Ok(changes(5, "b", 0))),
        ("b", Ok(changes(0, "b", 0))),
    ]);
    let mut follower = Follower::new(log, vec![Arc::clone(&seen) as Arc<dyn Subscriber>]);
    let lag = follower.lag();
    assert_eq!(follower.step().await.unwrap(), 0);
    assert_eq!((follower.step().await.unwrap(), lag.behind()), (1_000, 5));
    assert_eq!((follower.step().await.unwrap(), lag.behind()), (5, 0));
    assert_eq!(follower.step().await.unwrap(), 0);
    assert_eq!(*seen.0.lock().unwrap(), [None, Some(1_000), Some(5)]);
    assert_eq!(lag.resyncs(), 0);
}

#[tokio::test]
async fn a_log_that_cannot_say_what_changed_makes_subscribers_begin_again() {
    let seen = Arc::new(Seen::default());
    let resync = Followed::Resync { position: position("x") };
    let log = store(vec![("start", Ok(resync)), ("x", Ok(changes(2, "y", 0)))]);
    let mut follower = Follower::new(log, vec![Arc::clone(&seen) as Arc<dyn Subscriber>]);
    for _ in 0..3 {
        follower.step().await.unwrap();
    }
    assert_eq!(*seen.0.lock().unwrap(), [None, None, Some(2)]);
    assert_eq!(follower.lag().resyncs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_and_nothing_is_skipped() {
    let seen = Arc::new(Seen::default());
    let stop = CancellationToken::new();
    let fail = || Err(StoreError::Unavailable("it is away".into()));
    let log = store(vec![("start", fail()), ("start", fail()), ("start", Ok(changes(3, "a", 0)))]);
    let subscribers: Vec<Arc<dyn Subscriber>> = vec![Arc::clone(&seen) as _, Arc::new(Stop(stop.clone()))];
    Follower::new(log, subscribers).run(stop).await;
    assert_eq!(*seen.0.lock().unwrap(), [None, Some(3)]);
}

/// A subscriber whose readers wait.
struct Waits;

#[async_trait]
impl Subscriber for Waits {
    async fn receive(&self, _: &[Change], _: &ChangePosition) {}

    async fn resync(&self, _: &ChangePosition) {}

    fn is_waiting(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_is_polled_more_often_while_a_reader_waits() {
    for (waits, expected) in [(true, BUSY), (false, IDLE)] {
        let stop = CancellationToken::new();
        let log = store(vec![("start", Ok(changes(0, "start", 0))), ("start", Ok(changes(1, "a", 0)))]);
        let mut subscribers: Vec<Arc<dyn Subscriber>> = vec![Arc::new(Stop(stop.clone()))];
        subscribers.extend(waits.then_some(Arc::new(Waits) as _));
        let start = Instant::now();
        Follower::new(log, subscribers).run(stop).await;
        assert_eq!(start.elapsed(), expected * 2);
    }
}
