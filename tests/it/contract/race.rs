//! Writers at the same time.

use domain::channel::ChannelKind;
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{channel, held_ids, id, interval, one_channel, page, stored, upsert};

contract![
    two_writers_of_one_channel_lose_nothing,
    two_writers_of_the_same_page_store_it_once,
    two_writers_of_two_channels_of_a_tenant_both_succeed,
    two_writers_of_one_name_end_with_one_owner,
];

/// Runs a unit as use cases do: from its first statement again when it lost a race.
macro_rules! retried {
    ($store:expr, $unit:ident => $work:expr) => {{
        let mut tries = 0;
        loop {
            let attempt = async {
                let mut $unit = $store.begin().await?;
                $work;
                $unit.commit().await
            };
            match attempt.await {
                Err(StoreError::Aborted(_)) if tries < 50 => tries += 1,
                other => break other,
            }
        }
    }};
}

async fn two_writers_of_one_channel_lose_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let writer = async |first: u64| {
        for number in 0..10 {
            let page = page(&here, None, 1, [first + 2 * number], "a");
            retried!(store, unit => unit.messages().replace_interval(here.id, &page).await?).unwrap();
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
    let writer = async || retried!(store, unit => unit.messages().replace_interval(here.id, &page).await?).unwrap();
    tokio::join!(writer(), writer(), writer());
    assert_eq!(held_ids(store, &here).await, (1..=60).collect::<Vec<_>>());
    assert_eq!(stored(store, &here).await.stats.message_count, 60);
    assert_eq!(store.read().await.unwrap().coverage().segments(here.id).await.unwrap().as_slice().len(), 1);
}

async fn two_writers_of_two_channels_of_a_tenant_both_succeed(store: &dyn Store) {
    let (tenant, one) = one_channel(store).await;
    let other = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&other]).await;
    let writer = async |here| {
        let page = page(here, None, 1, 1..=50, "a");
        retried!(store, unit => unit.messages().replace_interval(here.id, &page).await?).unwrap();
    };
    tokio::join!(writer(&one), writer(&other));
    assert_eq!((held_ids(store, &one).await.len(), held_ids(store, &other).await.len()), (50, 50));
}

async fn two_writers_of_one_name_end_with_one_owner(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let mut rivals = [channel(&tenant, 8, ChannelKind::TEXT), channel(&tenant, 9, ChannelKind::TEXT)];
    rivals[1].slug = rivals[0].slug.clone();
    let writer = async |wanted| retried!(store, unit => unit.channels().upsert(wanted).await?);
    let (one, other) = tokio::join!(writer(&rivals[0]), writer(&rivals[1]));
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(won.is_ok(), "{won:?}");
    assert!(matches!(lost, Err(StoreError::Duplicate { what: "channel slug" })), "{lost:?}");
    let owner = store.read().await.unwrap().channels().find_by_slug(tenant.id, &rivals[0].slug).await.unwrap();
    assert!(rivals.iter().any(|rival| Some(rival.id) == owner.as_ref().map(|owner| owner.id)));
    // The one who lost left nothing behind.
    let rows = store.read().await.unwrap().channels().list(tenant.id).await.unwrap();
    assert_eq!(rows.len(), 2);
}
