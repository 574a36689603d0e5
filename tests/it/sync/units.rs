//! The number of write units of a run, and their locks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use discord_simulator::{Archive, ChannelPlan, Origin, ThreadPlan, kind};
use domain::job::JobState;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};

use super::backend::{Backend, cases};
use super::with::{Company, With};
use super::world::World;

cases![an_unchanged_archived_thread_costs_no_write_and_no_lock, no_unit_holds_the_lease_while_it_stores_channels,];

/// The repositories that the units of work used, one set of names for each unit.
type Used = Arc<Mutex<Vec<Vec<&'static str>>>>;

/// A store that records the repositories used by its units of work.
struct Watched(Arc<dyn Store>, Used);

struct Unit {
    used: Mutex<Vec<&'static str>>,
    all: Used,
}

impl Company for Unit {
    fn used(&self, repositories: &'static str) {
        self.used.lock().unwrap().push(repositories);
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        self.all.lock().unwrap().push(std::mem::take(&mut *self.used.lock().unwrap()));
    }
}

#[async_trait]
impl Store for Watched {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        self.0.read().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        let unit = Unit { used: Mutex::default(), all: Arc::clone(&self.1) };
        Ok(Box::new(With(self.0.begin().await?, unit)))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.0.status().await
    }
}

/// A guild with `threads` archived threads, whose store is recorded from now on.
async fn watched(backend: Backend, threads: usize) -> (World, Used) {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 2).archived(Archive::AfterLast);
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 20).threads(vec![thread; threads])];
    let mut world = World::of(backend, plan).await;
    let used = Used::default();
    world.store = Arc::new(Watched(Arc::clone(&world.store), Arc::clone(&used)));
    (world, used)
}

async fn an_unchanged_archived_thread_costs_no_write_and_no_lock(backend: Backend) {
    let (world, used) = watched(backend, 120).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    used.lock().unwrap().clear();
    let again = world.sync().await;
    assert_eq!((again.state, again.progress.messages), (JobState::Done, 0));
    let units = std::mem::take(&mut *used.lock().unwrap());
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in units.iter().flatten() {
        *counts.entry(name).or_default() += 1;
    }
    for name in ["channels", "messages", "coverage"] {
        assert_eq!(counts.get(name), None, "{counts:?}");
    }
    assert_eq!(counts["sync_states"], 1, "one for the parent: {counts:?}");
    assert_eq!(again.progress.channels_total, 1, "no thread is read");
}

async fn no_unit_holds_the_lease_while_it_stores_channels(backend: Backend) {
    let (world, used) = watched(backend, 60).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let units = std::mem::take(&mut *used.lock().unwrap());
    assert!(units.iter().any(|used| used.contains(&"channels")));
    let both = |used: &&Vec<&str>| used.contains(&"leases") && used.contains(&"channels");
    assert_eq!(units.iter().find(both), None);
}
