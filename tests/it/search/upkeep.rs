//! Upkeep of many communities, and of their snapshots and leases.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_media::MediaFolder;
use app_core::browse::Audience;
use app_core::jobs::Jobs;
use app_core::search::Snapshots;
use async_trait::async_trait;
use domain::channel::{Channel, ChannelKind};
use domain::job::{Job, JobId, JobKind, JobState};
use domain::pseudonym::Pseudonym;
use domain::tenant::{Tenant, TenantId};
use domain::timestamp::Timestamp;
use ports::clock::Clock;
use ports::snapshot::{Snapshot, SnapshotBytes, SnapshotStore};
use ports::store::Store;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Still, World, cases, create, public, request, texts};
use crate::contract::fixture::{at, begin, channel, put, tenant};

cases![
    a_snapshot_that_could_not_be_deleted_is_deleted_later,
    a_community_whose_snapshot_takes_for_ever_holds_up_no_other,
    a_community_whose_build_takes_for_ever_holds_up_no_other,
    a_snapshot_that_no_process_replaces_is_deleted_after_three_days,
    the_leases_of_search_go_with_their_community,
];

/// The longest time of a step that must not wait for a stuck community.
const PATIENCE: Duration = Duration::from_mins(1);

/// A store of snapshots that fails on request.
struct Faulty {
    media: MediaFolder,
    /// Whether no snapshot can be deleted.
    undeletable: AtomicBool,
    /// The tenant whose snapshot is never whole.
    stuck: Mutex<Option<TenantId>>,
    /// Told of each snapshot that is stored, or stuck.
    stored: UnboundedSender<TenantId>,
}

impl Faulty {
    fn new() -> (TempDir, Arc<Self>, UnboundedReceiver<TenantId>) {
        let folder = tempfile::tempdir().unwrap();
        let media = MediaFolder::new(folder.path().join("media"));
        let (stored, told) = unbounded_channel();
        let faulty = Self { media, undeletable: AtomicBool::default(), stuck: Mutex::default(), stored };
        (folder, Arc::new(faulty), told)
    }

    async fn has(&self, tenant: &Tenant) -> bool {
        SnapshotStore::find(&self.media, tenant.id).await.unwrap().is_some()
    }
}

#[async_trait]
impl SnapshotStore for Faulty {
    async fn replace(&self, tenant: TenantId, bytes: SnapshotBytes) -> std::io::Result<u64> {
        let is_stuck = *self.stuck.lock().unwrap() == Some(tenant);
        if is_stuck {
            self.stored.send(tenant).unwrap();
            return std::future::pending().await;
        }
        let size = self.media.replace(tenant, bytes).await?;
        self.stored.send(tenant).unwrap();
        Ok(size)
    }

    async fn find(&self, tenant: TenantId) -> std::io::Result<Option<Snapshot>> {
        SnapshotStore::find(&self.media, tenant).await
    }

    async fn delete(&self, tenant: TenantId) -> std::io::Result<()> {
        if self.undeletable.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("on request"));
        }
        self.media.delete(tenant).await
    }

    async fn delete_before(&self, time: Timestamp) -> std::io::Result<u64> {
        self.media.delete_before(time).await
    }
}

/// Creates three communities, each with a channel that has the message 5, "word".
async fn three(store: &dyn Store) -> [Tenant; 3] {
    let here: [Channel; 3] = [(); 3].map(|()| public(channel(&tenant(), 1, ChannelKind::TEXT)));
    let mut tenants = Vec::new();
    for here in &here {
        tenants.push(create(store, &[here]).await);
        put(store, here, &texts(here, 1, &[(5, "word")])).await;
    }
    tenants.try_into().unwrap()
}

async fn erase(store: &dyn Store, tenant: &Tenant) {
    let mut unit = begin(store).await;
    unit.changes().record_erasure(tenant.id, Pseudonym::new([0xab; 16])).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_snapshot_that_could_not_be_deleted_is_deleted_later(store: Arc<dyn Store>) {
    let (_folder, faulty, _stored) = Faulty::new();
    let (world, tenant, here) = World::of_one_channel(store).await;
    let mut world = world.with_snapshots_in(faulty.clone());
    put(&*world.store, &here, &texts(&here, 1, &[(5, "word")])).await;
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    faulty.undeletable.store(true, Ordering::SeqCst);
    erase(&*world.store, &tenant).await;
    put(&*world.store, &here, &texts(&here, 2, &[(6, "word")])).await;
    world.indexer.settle().await.unwrap();
    assert_eq!((faulty.has(&tenant).await, world.found(&tenant, "word").await), (true, vec![6]), "the index follows");
    faulty.undeletable.store(false, Ordering::SeqCst);
    world.indexer.settle().await.unwrap();
    assert!(!faulty.has(&tenant).await);
}

async fn a_community_whose_snapshot_takes_for_ever_holds_up_no_other(store: Arc<dyn Store>) {
    let (_folder, faulty, mut stored) = Faulty::new();
    let mut world = World::new(Arc::clone(&store)).with_snapshots_in(faulty.clone());
    let [stuck, ..] = three(&*store).await;
    world.indexer.settle().await.unwrap();
    *faulty.stuck.lock().unwrap() = Some(stuck.id);
    // The upkeep of the stuck one goes on while others become due.
    let is_stuck = async { while stored.recv().await.unwrap() != stuck.id {} };
    tokio::select! {
        () = world.indexer.save_snapshots() => panic!("the snapshot of one of them takes for ever"),
        is_stuck = timeout(PATIENCE, is_stuck) => is_stuck.unwrap(),
    }
    let [second, third, _] = three(&*store).await;
    world.indexer.settle().await.unwrap();
    let others = async {
        let mut left = vec![second.id, third.id];
        while !left.is_empty() {
            let of = stored.recv().await.unwrap();
            left.retain(|other| *other != of);
        }
    };
    tokio::select! {
        () = world.indexer.save_snapshots() => panic!("the snapshot of one of them takes for ever"),
        others = timeout(PATIENCE, others) => others.unwrap(),
    }
    // What is urgent does not wait for it, either.
    erase(&*store, &second).await;
    timeout(PATIENCE, world.indexer.settle()).await.unwrap().unwrap();
    assert_eq!([faulty.has(&second).await, faulty.has(&third).await], [false, true]);
}

async fn a_community_whose_build_takes_for_ever_holds_up_no_other(store: Arc<dyn Store>) {
    let tenants = three(&*store).await;
    // Each in turn, since they are built in some order.
    for stuck in &tenants {
        let mut world = World::new(Arc::clone(&store));
        *world.index.stuck.lock().unwrap() = Some(stuck.id);
        let World { indexer, search, .. } = &mut world;
        let others_found = async {
            for tenant in tenants.iter().filter(|tenant| tenant.id != stuck.id) {
                loop {
                    let found = search.page(Audience::Public, tenant.slug.as_str(), &request("word")).await;
                    if found.is_ok_and(|page| page.hits.len() == 1) {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        };
        tokio::select! {
            settled = indexer.settle() => panic!("one of them is never built: {settled:?}"),
            found = timeout(PATIENCE, others_found) => found.unwrap(),
        }
    }
}

async fn a_snapshot_that_no_process_replaces_is_deleted_after_three_days(store: Arc<dyn Store>) {
    let (folder, faulty, _stored) = Faulty::new();
    let mut world = World::new(Arc::clone(&store)).with_snapshots_in(faulty.clone());
    let tenants = three(&*store).await;
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    let days = |days: u64| Still.now().minus(Duration::from_hours(days * 24));
    for (tenant, stored_at) in tenants.iter().zip([days(1), days(3), days(3).minus(Duration::from_millis(1))]) {
        let file = folder.path().join("media").join(tenant.id.to_string()).join("index.snapshot");
        let modified = std::time::UNIX_EPOCH + Duration::from_millis(stored_at.as_millis().try_into().unwrap());
        std::fs::OpenOptions::new().write(true).open(file).unwrap().set_modified(modified).unwrap();
    }
    Snapshots::new(Arc::new(world.index.index.clone()), faulty.clone()).sweep(Still.now()).await;
    let mut left = Vec::new();
    for tenant in &tenants {
        left.push(faulty.has(tenant).await);
    }
    assert_eq!(left, [true, true, false]);
}

async fn the_leases_of_search_go_with_their_community(store: Arc<dyn Store>) {
    let (_folder, faulty, _stored) = Faulty::new();
    let mut world = World::new(Arc::clone(&store)).with_snapshots_in(faulty);
    let [removed, other, _] = three(&*store).await;
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    let leases = async |tenant: &Tenant| {
        let mut read = store.read().await.unwrap();
        let names = [format!("index/{}", tenant.id), format!("snapshot/{}", tenant.id)];
        let mut stored = Vec::new();
        for name in names {
            stored.push(read.leases().find(&name).await.unwrap().is_some());
        }
        stored
    };
    assert_eq!(leases(&removed).await, [true, true]);
    let mut unit = begin(&*store).await;
    unit.tenants().update(&Tenant { deleting_since: Some(at(1)), ..removed.clone() }).await.unwrap();
    unit.commit().await.unwrap();
    let job = Job::new(JobId(Uuid::from_u128(removed.id.0.as_u128() ^ 1)), removed.id, JobKind::Delete, at(1));
    let jobs = Jobs::new(Arc::clone(&store), Arc::new(Still));
    let done = jobs.delete(job, &CancellationToken::new(), |_| {}).await.unwrap();
    assert_eq!(done.state, JobState::Done);
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    assert_eq!((leases(&removed).await, leases(&other).await), (vec![false, false], vec![true, true]));
}
