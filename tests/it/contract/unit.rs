//! Units and snapshots.

use domain::channel::ChannelKind;
use domain::job::{Job, JobId, JobKind};
use futures::FutureExt;
use ports::page::MessageRange;
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, begin, channel, held_ids, one_channel, page, put, tenant};

contract![
    dropping_a_unit_rolls_back,
    a_unit_that_met_an_error_rolls_back,
    only_the_unit_itself_sees_what_it_wrote,
    a_snapshot_stays_at_its_moment,
    nothing_that_is_written_to_a_snapshot_stays,
    the_store_says_what_it_is,
    a_unit_that_is_given_up_in_the_middle_of_a_call_rolls_back,
    work_on_the_store_runs_to_its_end,
];

async fn dropping_a_unit_rolls_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let (new, job) = (tenant(), Job::new(JobId(Uuid::new_v4()), tenant().id, JobKind::Full, at(1)));
    let theirs = channel(&new, 1, ChannelKind::TEXT);
    let mut unit = begin(store).await;
    unit.tenants().insert(&new).await.unwrap();
    unit.channels().upsert(&theirs).await.unwrap();
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [5], "a")).await.unwrap();
    unit.coverage().record_check(here.id, at(9), true, None).await.unwrap();
    unit.jobs().upsert(&job).await.unwrap();
    drop(unit);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.tenants().find(new.id).await.unwrap(), None);
    assert_eq!(read.channels().find(theirs.id).await.unwrap(), None);
    assert_eq!(read.coverage().find(here.id).await.unwrap().unwrap().checked_at, None);
    assert_eq!(read.jobs().find(job.id).await.unwrap(), None);
    assert_eq!(read.channels().find(here.id).await.unwrap().unwrap().stats, here.stats);
    assert_eq!(held_ids(store, &here).await, [0; 0]);
}

async fn a_unit_that_met_an_error_rolls_back(store: &dyn Store) {
    let (known, _) = one_channel(store).await;
    let new = tenant();
    let mut unit = begin(store).await;
    unit.tenants().insert(&new).await.unwrap();
    unit.tenants().insert(&known).await.unwrap_err();
    drop(unit);
    assert_eq!(store.read().await.unwrap().tenants().find(new.id).await.unwrap(), None);
}

async fn only_the_unit_itself_sees_what_it_wrote(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [5], "a")).await.unwrap();
    assert_eq!(unit.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages.len(), 1);
    assert_eq!(held_ids(store, &here).await, [0; 0]);
    unit.commit().await.unwrap();
    assert_eq!(held_ids(store, &here).await, [5]);
}

async fn a_snapshot_stays_at_its_moment(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [5], "a")).await;
    let mut before = store.read().await.unwrap();
    assert_eq!(before.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages.len(), 1);
    put(store, &here, &page(&here, None, 2, [5, 6], "b")).await;
    let seen = before.messages().list(here.id, MessageRange::Oldest, true, 9).await.unwrap().messages;
    assert_eq!(seen.iter().map(|message| message.content.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(before.channels().find(here.id).await.unwrap().unwrap().stats.message_count, 1);
    assert_eq!(held_ids(store, &here).await, [5, 6]);
}

async fn nothing_that_is_written_to_a_snapshot_stays(store: &dyn Store) {
    let new = tenant();
    let mut read = store.read().await.unwrap();
    // Whether the store rejects or discards the write is up to the store.
    read.tenants().insert(&new).await.ok();
    drop(read);
    assert_eq!(store.read().await.unwrap().tenants().find(new.id).await.unwrap(), None);
}

async fn the_store_says_what_it_is(store: &dyn Store) {
    let status = store.status().await.unwrap();
    assert!(["sqlite", "tidb"].contains(&status.store), "{status:?}");
    assert!(!status.server_version.is_empty() && status.schema_version >= 6, "{status:?}");
}

async fn a_unit_that_is_given_up_in_the_middle_of_a_call_rolls_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let many = page(&here, None, 1, 1..=1_000, "a");
    let mut unit = begin(store).await;
    // Polled once and then dropped, as by a caller that gives up.
    assert!(unit.messages().replace_interval(here.id, &many).now_or_never().is_none());
    drop(unit);
    put(store, &here, &page(&here, None, 1, [2_000], "a")).await;
    assert_eq!(held_ids(store, &here).await, [2_000]);
}

async fn work_on_the_store_runs_to_its_end(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut unit = begin(store).await;
    let (done, waiting) = tokio::sync::oneshot::channel();
    let first = page(&here, None, 1, [5], "a");
    let work = async move {
        unit.messages().replace_interval(here.id, &first).await.unwrap();
        unit.commit().await.unwrap();
        done.send(here).unwrap();
    };
    store.run(work.boxed()).await;
    assert_eq!(held_ids(store, &waiting.await.unwrap()).await, [5]);
}
