//! Concurrent writers.

use domain::channel::{Channel, ChannelKind};
use domain::job::{Job, JobId, JobKind};
use domain::tenant::{Tenant, TenantName};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;
use tokio::task::yield_now;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, channel, held_ids, id, interval, one_channel, page, retried, stored, upsert};

contract![
    two_writers_of_one_channel_lose_nothing,
    two_writers_of_the_same_page_store_it_once,
    two_writers_of_two_channels_of_a_tenant_both_succeed,
    two_writers_of_one_name_end_with_one_owner,
    no_other_unit_replaces_a_row_between_read_and_write,
];

async fn two_writers_of_one_channel_lose_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let writer = async |first: u64| {
        for number in 0..10 {
            let page = page(&here, None, 1, [first + 2 * number], "a");
            retried(store, async |unit| unit.messages().replace_interval(here.id, &page).await).await.unwrap();
        }
    };
    tokio::join!(writer(1), writer(2));
    assert_eq!(held_ids(store, &here).await, (1..=20).collect::<Vec<_>>());
    let stats = stored(store, &here).await.stats;
    assert_eq!((stats.message_count, stats.last_activity_at), (20, Some(id(20).created_at())));
}

async fn two_writers_of_the_same_page_store_it_once(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let page = page(&here, interval(1, 99), 1, 1..=60, "a");
    let writer =
        async || retried(store, async |unit| unit.messages().replace_interval(here.id, &page).await).await.unwrap();
    tokio::join!(writer(), writer(), writer());
    assert_eq!(held_ids(store, &here).await, (1..=60).collect::<Vec<_>>());
    assert_eq!(stored(store, &here).await.stats.message_count, 60);
    assert_eq!(store.read().await.unwrap().coverage().segments(here.id).await.unwrap().segments().count(), 1);
}

async fn two_writers_of_two_channels_of_a_tenant_both_succeed(store: &dyn Store) {
    let (tenant, one) = one_channel(store).await;
    let other = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&other]).await;
    let writer = async |here| {
        let page = page(here, None, 1, 1..=50, "a");
        retried(store, async |unit| unit.messages().replace_interval(here.id, &page).await).await.unwrap();
    };
    tokio::join!(writer(&one), writer(&other));
    assert_eq!((held_ids(store, &one).await.len(), held_ids(store, &other).await.len()), (50, 50));
}

async fn two_writers_of_one_name_end_with_one_owner(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let mut rivals = [channel(&tenant, 8, ChannelKind::TEXT), channel(&tenant, 9, ChannelKind::TEXT)];
    rivals[1].slug = rivals[0].slug.clone();
    let writer = async |wanted| retried(store, async |unit| unit.channels().upsert(wanted).await).await;
    let (one, other) = tokio::join!(writer(&rivals[0]), writer(&rivals[1]));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(won.is_ok(), "{won:?}");
    assert!(matches!(lost, Err(StoreError::Duplicate { what: "channel slug" })), "{lost:?}");
    let owner = store.read().await.unwrap().channels().find_by_slug(tenant.id, &rivals[0].slug).await.unwrap();
    assert!(rivals.iter().any(|rival| Some(rival.id) == owner.as_ref().map(|owner| owner.id)));
    // The losing writer left nothing stored.
    let mut read = store.read().await.unwrap();
    let rows = read.channels().list(tenant.id, true, Page { after: None, limit: 9 }).await.unwrap();
    assert_eq!(rows.len(), 2);
}

async fn no_other_unit_replaces_a_row_between_read_and_write(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let tenant = Tenant { name: TenantName::new("0").unwrap(), ..tenant };
    let job = Job::new(JobId(Uuid::new_v4()), tenant.id, JobKind::Full, at(1));
    retried(store, async |unit| {
        unit.tenants().update(&tenant).await?;
        unit.jobs().upsert(&job).await
    })
    .await
    .unwrap();
    let count_up = async || {
        retried(store, async |unit| {
            let tenant = unit.tenants().find(tenant.id).await?.unwrap();
            let channel = unit.channels().find(here.id).await?.unwrap();
            let mut job = unit.jobs().find(job.id).await?.unwrap();
            yield_now().await;
            let name = (tenant.name.as_str().parse::<u32>().unwrap() + 1).to_string();
            unit.tenants().update(&Tenant { name: TenantName::new(&name).unwrap(), ..tenant }).await?;
            unit.channels().upsert(&Channel { position: channel.position + 1, ..channel }).await?;
            job.progress.requests += 1;
            unit.jobs().upsert(&job).await
        })
        .await
        .unwrap();
    };
    tokio::join!(count_up(), count_up(), count_up(), count_up());
    let mut read = store.read().await.unwrap();
    assert_eq!(read.tenants().find(tenant.id).await.unwrap().unwrap().name.as_str(), "4");
    assert_eq!(read.channels().find(here.id).await.unwrap().unwrap().position, 4);
    assert_eq!(read.jobs().find(job.id).await.unwrap().unwrap().progress.requests, 4);
}
