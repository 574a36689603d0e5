//! Indexes that are built, taken over and restored.

use std::sync::Arc;

use adapter_media::MediaFolder;
use app_core::browse::Audience;
use app_core::search::{Search, SearchFailure};
use domain::channel::ChannelKind;
use domain::job::{Job, JobId, JobKind, JobState};
use ports::clock::Clock;
use ports::page::Page;
use ports::search::{IndexState, SearchIndex};
use ports::snapshot::SnapshotStore;
use ports::store::Store;
use uuid::Uuid;

use super::{Closed, Still, World, cases, create, public, request, texts};
use crate::contract::fixture::{at, begin, channel, page, put, tenant};

cases![
    two_processes_share_a_directory,
    a_process_without_files_starts_from_a_snapshot,
    a_build_is_a_job,
    a_removed_or_damaged_index_is_built_again,
    a_log_that_was_trimmed_makes_the_index_be_built_again,
    an_index_of_the_archive_before_does_not_answer_and_is_built_again,
];

async fn two_processes_share_a_directory(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |raw: u64| page(&here, None, 1, [raw], "word");
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

async fn a_process_without_files_starts_from_a_snapshot(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    let mut world = World::new(Arc::clone(&store)).with_snapshots(&media);
    let of = tenant();
    let here = public(channel(&of, 1, ChannelKind::TEXT));
    let tenant = create(&*world.store, &[&here]).await;
    let page = |at_: i64, all: &[(u64, &str)]| texts(&here, at_, all);
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

async fn a_build_is_a_job(store: Arc<dyn Store>) {
    let mut world = World::new(store);
    let of = tenant();
    let channels = [1, 2].map(|raw| public(channel(&of, raw, ChannelKind::TEXT)));
    let tenant = create(&*world.store, &channels.iter().collect::<Vec<_>>()).await;
    put(&*world.store, &channels[0], &page(&channels[0], None, 1, 5..=8, "word")).await;
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

async fn a_removed_or_damaged_index_is_built_again(store: Arc<dyn Store>) {
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |raw: u64| page(&here, None, 1, [raw], "word");
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
    let (mut world, tenant, here) = World::of_one_channel(store).await;
    let page = |raw: u64| page(&here, None, 1, [raw], "word");
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

/// The archive is replaced by a copy, or by a backup, while no process runs.
async fn an_index_of_the_archive_before_does_not_answer_and_is_built_again(store: Arc<dyn Store>) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaFolder::new(folder.path().join("media"));
    let before = adapter_sqlite::SqliteStore::open(&folder.path().join("before.db"), 4).unwrap();
    let mut world = World::new(Arc::new(before)).with_snapshots(&media);
    let here = public(channel(&tenant(), 1, ChannelKind::TEXT));
    create(&*world.store, &[&here]).await;
    put(&*world.store, &here, &texts(&here, 1, &[(5, "word"), (6, "word")])).await;
    world.indexer.settle().await.unwrap();
    world.indexer.save_snapshots().await;
    let Closed { folder: index, .. } = world.closed();
    let tenant = create(&*store, &[&here]).await;
    put(&*store, &here, &texts(&here, 1, &[(5, "word"), (7, "word")])).await;
    let mut world = World::of(Arc::clone(&store), index).with_snapshots(&media);
    assert!(matches!(world.index.state(tenant.id).await.unwrap(), IndexState::Ready(_)));
    let failed = world.search.page(Audience::Public, tenant.slug.as_str(), &request("word")).await;
    assert!(matches!(failed, Err(SearchFailure::Building)), "{failed:?}");
    // Without files, there is the snapshot of that archive.
    let mut other = World::new(Arc::clone(&store)).with_snapshots(&media);
    assert!(SnapshotStore::find(&media, tenant.id).await.unwrap().is_some());
    for world in [&mut other, &mut world] {
        world.indexer.settle().await.unwrap();
        assert_eq!((world.builds(), world.found(&tenant, "word").await), (1, vec![7, 5]));
    }
    assert!(SnapshotStore::find(&media, tenant.id).await.unwrap().is_none());
}
