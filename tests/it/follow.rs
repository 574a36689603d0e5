//! The follower of the change log, on a store of its own that is opened twice, as by two processes.

use std::sync::{Arc, Mutex};

use adapter_sqlite::SqliteStore;
use app_core::follow::{Follower, Subscriber};
use async_trait::async_trait;
use domain::change::{Change, ChangeKind, ChangePosition, Followed};
use ports::store::Store;

use crate::contract::fixture::{at, changes_since, id, log_start, one_channel, page, put};
use crate::server::Database;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let open = || std::sync::Arc::new(super::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap());
                    super::$case(open(), open()).await;
                }
            )*
        }

        mod tidb {
            $(
                #[tokio::test]
                #[ignore = "needs a MySQL-protocol server"]
                async fn $case() {
                    let database = super::Database::new().await;
                    let (one, other) = (database.store().await, database.store().await);
                    super::$case(std::sync::Arc::new(one), std::sync::Arc::new(other)).await;
                }
            )*
        }
    };
}

cases![
    a_follower_passes_on_each_change_of_another_process_once,
    a_trimmed_log_makes_a_follower_behind_it_begin_again_and_no_other,
    a_log_is_trimmed_in_steps_from_the_oldest_on,
];

/// The calls that a subscriber received: changes, or a resync.
#[derive(Default)]
struct Received(Mutex<Vec<Option<Vec<ChangeKind>>>>);

impl Received {
    fn take(&self) -> Vec<Option<Vec<ChangeKind>>> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[async_trait]
impl Subscriber for Received {
    async fn receive(&self, changes: &[Change], _: &ChangePosition) {
        self.0.lock().unwrap().push(Some(changes.iter().map(|change| change.kind).collect()));
    }

    async fn resync(&self, _: &ChangePosition) {
        self.0.lock().unwrap().push(None);
    }
}

fn follower(store: Arc<dyn Store>) -> (Follower, Arc<Received>) {
    let received = Arc::new(Received::default());
    (Follower::new(store, vec![Arc::clone(&received) as Arc<dyn Subscriber>]), received)
}

/// Trims all but the newest `kept` changes of a partition, regardless of their age.
async fn trim(store: &dyn Store, kept: u64, limit: u32) -> u64 {
    let mut unit = store.begin().await.unwrap();
    let removed = unit.changes().trim(at(4_000_000_000_000), kept, limit).await.unwrap();
    unit.commit().await.unwrap();
    removed
}

async fn a_follower_passes_on_each_change_of_another_process_once(one: Arc<dyn Store>, other: Arc<dyn Store>) {
    let (mut follower, received) = follower(one);
    follower.step().await.unwrap();
    let (_, here) = one_channel(&*other).await;
    follower.step().await.unwrap();
    let mut first = received.take();
    // They can be in different partitions.
    for kinds in first.iter_mut().flatten() {
        kinds.sort_by_key(|kind| kind.channel());
    }
    assert_eq!(first, [None, Some(vec![ChangeKind::Tenant, ChangeKind::Channel { channel: here.id }])]);
    for raw in [1, 2] {
        put(&*other, &here, &page(&here, None, 1, [raw], "a")).await;
    }
    follower.step().await.unwrap();
    follower.step().await.unwrap();
    let created = [1, 2].map(|raw| ChangeKind::Created { channel: here.id, message: id(raw) });
    assert_eq!(received.take(), [Some(created.to_vec())]);
    assert_eq!((follower.lag().behind(), follower.lag().resyncs()), (0, 0));
}

async fn a_trimmed_log_makes_a_follower_behind_it_begin_again_and_no_other(one: Arc<dyn Store>, other: Arc<dyn Store>) {
    let (mut slow, of_slow) = follower(Arc::clone(&one));
    let (mut quick, of_quick) = follower(Arc::clone(&one));
    slow.step().await.unwrap();
    quick.step().await.unwrap();
    let (_, here) = one_channel(&*other).await;
    quick.step().await.unwrap();
    while trim(&*other, 0, 1_000).await > 0 {}
    put(&*other, &here, &page(&here, None, 1, [1], "a")).await;
    slow.step().await.unwrap();
    quick.step().await.unwrap();
    let created = vec![ChangeKind::Created { channel: here.id, message: id(1) }];
    assert_eq!(of_slow.take(), [None, None]);
    assert_eq!(slow.lag().resyncs(), 1);
    assert_eq!(of_quick.take().last().unwrap(), &Some(created));
    // After its resync it misses no further change.
    put(&*other, &here, &page(&here, None, 1, [2], "a")).await;
    slow.step().await.unwrap();
    assert_eq!(of_slow.take(), [Some(vec![ChangeKind::Created { channel: here.id, message: id(2) }])]);
}

async fn a_log_is_trimmed_in_steps_from_the_oldest_on(one: Arc<dyn Store>, other: Arc<dyn Store>) {
    let (_, here) = one_channel(&*one).await;
    for raw in 1..=8 {
        put(&*one, &here, &page(&here, None, 1, [raw], "a")).await;
    }
    let start = log_start(&*one).await;
    let (all, _) = changes_since(&*one, start.clone(), 1_000).await;
    assert_eq!(all.len(), 10);
    let tenth = one.read().await.unwrap().changes().follow(&start, 6).await.unwrap();
    let Followed::Changes { position: sixth, .. } = tenth else { panic!("{tenth:?}") };
    let steps = [trim(&*one, 4, 4).await, trim(&*other, 4, 4).await, trim(&*one, 4, 4).await];
    assert!([[4, 2, 0], [4, 1, 0]].contains(&steps), "the change of the tenant can be in another partition: {steps:?}");
    let (left, _) = changes_since(&*other, sixth, 1_000).await;
    let newest = (5..=8).map(|raw| ChangeKind::Created { channel: here.id, message: id(raw) });
    assert!(left.iter().map(|change| change.kind).eq(newest), "{left:?}");
    let followed = other.read().await.unwrap().changes().follow(&start, 9).await.unwrap();
    assert!(matches!(followed, Followed::Resync { .. }), "{followed:?}");
    put(&*other, &here, &page(&here, None, 1, [9], "a")).await;
}
