//! An interrupted run, and the next one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use discord_simulator::{ChannelPlan, kind};
use domain::job::{JobKind, JobState};
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, cases};
use super::with::{Company, With};
use super::world::{MESSAGES, SyncOptions, When, World};

cases![
    a_cancelled_run_is_gone_on_with_and_no_page_is_fetched_twice,
    runs_that_are_dropped_anywhere_lose_a_page_at_most,
    kill_9_after_db_commit_before_cursor,
    commits_whose_answer_is_lost_are_made_once,
    a_full_run_that_was_ended_is_gone_on_with_by_a_plain_one,
];

async fn guild(backend: Backend) -> World {
    let plan = ["one", "two", "three"].map(|name| ChannelPlan::new(name, kind::TEXT, 850)).to_vec();
    World::of(backend, plan).await
}

async fn assert_whole(world: &World) {
    for name in ["one", "two", "three"] {
        world.assert_whole(world.id(name)).await;
    }
}

async fn a_cancelled_run_is_gone_on_with_and_no_page_is_fetched_twice(backend: Backend) {
    let world = guild(backend).await;
    let stop = CancellationToken::new();
    let job = world.run_with(SyncOptions::default(), &stop, &When::stored(900, || stop.cancel())).await;
    assert_eq!(job.state, JobState::Cancelled);
    assert!(job.ended_at.is_some() && job.progress.messages < 2_550, "{job:?}");
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_whole(&world).await;
    let mut asked = HashMap::new();
    for request in world.simulator.requests(0).into_iter().filter(|request| request.route == MESSAGES) {
        *asked.entry((request.path, request.query)).or_insert(0) += 1;
    }
    assert!(asked.values().all(|times| *times == 1), "{asked:?}");
}

async fn runs_that_are_dropped_anywhere_lose_a_page_at_most(backend: Backend) {
    let world = guild(backend).await;
    let ends = 20_u32;
    for end in 1..=ends {
        let killed = Notify::new();
        let (stop, options) = (CancellationToken::new(), SyncOptions::default());
        let when = When::stored(u64::from(end % 4 * 100), || killed.notify_one());
        tokio::select! {
            biased;
            () = killed.notified() => {}
            _ = world.run_with(options, &stop, &when) => {}
        }
    }
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Done);
    assert_whole(&world).await;
    // Ten pages a channel with their ends, and for each end the requests that were under way.
    let asked = world.asked(MESSAGES);
    assert!(asked <= 3 * 10 + 3 * usize::try_from(ends).unwrap(), "{asked}");
}

/// A store whose commits happen, but some of whose responses are lost.
struct Deaf {
    store: Arc<dyn Store>,
    commits: Arc<AtomicUsize>,
    ear: Ear,
}

/// The fate of the response to a commit.
#[derive(Clone)]
enum Ear {
    /// This one is never received, because the run is cut off there.
    Ends(usize, Arc<Notify>),
    /// Every third one ends with a lost connection.
    Lost,
}

/// The number of a commit, assigned when it happens.
struct Counted(Arc<AtomicUsize>, Ear);

#[async_trait]
impl Company for Counted {
    async fn committed(self, outcome: Result<(), StoreError>) -> Result<(), StoreError> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        match self.1 {
            Ear::Ends(last, end) if number == last => {
                end.notify_one();
                std::future::pending().await
            }
            Ear::Lost if number.is_multiple_of(3) && outcome.is_ok() => {
                Err(StoreError::Unavailable("the connection was lost".into()))
            }
            _ => outcome,
        }
    }
}

#[async_trait]
impl Store for Deaf {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        self.store.read().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        let company = Counted(Arc::clone(&self.commits), self.ear.clone());
        Ok(Box::new(With(self.store.begin().await?, company)))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.store.status().await
    }
}

fn deaf(store: &Arc<dyn Store>, ear: Ear) -> Arc<dyn Store> {
    Arc::new(Deaf { store: Arc::clone(store), commits: Arc::default(), ear })
}

async fn kill_9_after_db_commit_before_cursor(backend: Backend) {
    let mut world = guild(backend).await;
    let store = Arc::clone(&world.store);
    let mut ends = 0;
    for last in 1..=16 {
        let end = Arc::new(Notify::new());
        world.store = deaf(&store, Ear::Ends(last, Arc::clone(&end)));
        tokio::select! {
            biased;
            () = end.notified() => ends += 1,
            _ = world.sync() => {}
        }
    }
    world.store = store;
    assert!(ends >= 10, "{ends} runs were ended behind a commit");
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_whole(&world).await;
    // Committed pages are not fetched again; at most those that the other two channels had under way.
    let asked = world.asked(MESSAGES);
    assert!(asked <= 3 * 10 + 2 * ends, "{asked} for {ends}");
}

async fn commits_whose_answer_is_lost_are_made_once(backend: Backend) {
    let mut world = guild(backend).await;
    let store = Arc::clone(&world.store);
    world.store = deaf(&store, Ear::Lost);
    let job = world.sync().await;
    world.store = store;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 2_550));
    assert_whole(&world).await;
    assert_eq!(world.asked(MESSAGES), 3 * 10, "a page is stored again and not fetched again");
}

async fn a_full_run_that_was_ended_is_gone_on_with_by_a_plain_one(backend: Backend) {
    let world = guild(backend).await;
    assert_eq!(world.sync().await.kind, JobKind::Incremental);
    let killed = Notify::new();
    let (stop, options) = (CancellationToken::new(), SyncOptions { full: true, ..SyncOptions::default() });
    let when = When::stored(900, || killed.notify_one());
    tokio::select! {
        biased;
        () = killed.notified() => {}
        _ = world.run_with(options, &stop, &when) => {}
    }
    let job = world.sync().await;
    assert_eq!((job.kind, job.state), (JobKind::Full, JobState::Done));
    assert!(world.asked(MESSAGES) < 3 * 10 * 2 + 10, "what it had read is not read again");
    assert_whole(&world).await;
    assert_eq!(world.sync().await.kind, JobKind::Incremental);
}
