//! A slow store that runs one unit after the other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use discord_simulator::{ChannelPlan, Options, kind};
use domain::job::JobState;
use ports::error::StoreError;
use ports::store::{Repositories, Store, StoreStatus, UnitOfWork};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{sleep, timeout};

use super::backend::Backend;
use super::with::{Company, With};
use super::world::World;

/// The time that beginning a unit takes, with all other units locked out.
const BEGINNING: Duration = Duration::from_millis(40);

pub(super) struct Slow(Arc<dyn Store>, Arc<Mutex<()>>);

impl Slow {
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        Self(Arc::clone(store), Arc::default())
    }
}

#[async_trait]
impl Store for Slow {
    async fn read(&self) -> Result<Box<dyn Repositories>, StoreError> {
        self.0.read().await
    }

    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        let turn = Arc::clone(&self.1).lock_owned().await;
        sleep(BEGINNING).await;
        Ok(Box::new(With(self.0.begin().await?, turn)))
    }

    async fn status(&self) -> Result<StoreStatus, StoreError> {
        self.0.status().await
    }
}

impl Company for OwnedMutexGuard<()> {}

#[tokio::test(start_paused = true)]
async fn a_job_is_stored_while_others_wait_for_their_turn() {
    let plan = (0..60).map(|number| ChannelPlan::new(&format!("channel-{number}"), kind::TEXT, 600)).collect();
    let mut world = World::start(Backend::Sqlite, Options::planned(1, plan)).await;
    world.store = Arc::new(Slow::new(&world.store));
    let job = timeout(Duration::from_hours(1), world.sync()).await.expect("the sync ends");
    assert_eq!((job.state, job.error), (JobState::Done, None));
    assert_eq!((job.progress.channels_done, job.progress.messages), (60, 36_000));
    assert_eq!(world.simulator.totals().by_status.keys().copied().collect::<Vec<_>>(), [200]);
}
