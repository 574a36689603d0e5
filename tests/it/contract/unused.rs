//! Files whose bytes are to be removed.

use domain::channel::Channel;
use domain::media::{ContentHash, FileState, UnusedFile};
use domain::page::MessagePage;
use domain::tenant::{Tenant, TenantId};
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, id, interval, one_channel, page, put, retried};
use super::media::file;

contract![
    the_files_of_a_deleted_message_are_unused,
    bytes_that_another_message_has_are_not_removable,
    a_file_that_is_removed_is_reclaimed_once,
    a_removed_file_is_forgotten_after_a_while,
    a_copied_deletion_discards_files,
];

/// Returns a hash that is unique to a case.
fn hash() -> ContentHash {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    ContentHash::new(bytes)
}

async fn message_with_file(store: &dyn Store, tenant: &Tenant, channel: &Channel, raw: u64, hash: ContentHash) {
    let stored = file(channel.id, raw, raw, FileState::Stored { hash, size_bytes: 5 });
    put(store, channel, &page(channel, None, 1, [raw], "a")).await;
    retried(store, async |unit| unit.media().upsert_all(tenant.id, &[stored]).await).await.unwrap();
}

/// Returns the hashes of the unused files of a tenant that are not removed.
async fn unused(store: &dyn Store, tenant: TenantId) -> Vec<ContentHash> {
    let all = store.read().await.unwrap().unused_files().list(1_000).await.unwrap();
    all.into_iter().filter(|file| file.tenant == tenant).map(|file| file.hash).collect()
}

async fn is_removable(store: &dyn Store, tenant: TenantId, hash: ContentHash) -> bool {
    let file = UnusedFile { tenant, hash };
    retried(store, async |unit| unit.unused_files().is_removable(file).await).await.unwrap()
}

async fn the_files_of_a_deleted_message_are_unused(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (kept, gone) = (hash(), hash());
    message_with_file(store, &tenant, &here, 3, kept).await;
    message_with_file(store, &tenant, &here, 4, gone).await;
    let waiting = file(here.id, 4, 9, FileState::seen(at(1)));
    retried(store, async |unit| unit.media().upsert_all(tenant.id, &[waiting]).await).await.unwrap();
    // An inferred deletion hides the file, and an absence without evidence does not even do that.
    put(store, &here, &page(&here, interval(1, 9), 5, [3], "a")).await;
    assert_eq!(unused(store, tenant.id).await, []);
    for _ in 0..2 {
        put(store, &here, &MessagePage::deleted(here.id, [id(4)], at(9))).await;
        assert_eq!(unused(store, tenant.id).await, [gone]);
    }
    let files = store.read().await.unwrap().media().list(here.id, id(1), id(9)).await.unwrap();
    assert_eq!(files.iter().map(|file| file.key.message).collect::<Vec<_>>(), [id(3)]);
    assert!(is_removable(store, tenant.id, gone).await);
    assert!(!is_removable(store, tenant.id, kept).await, "it is not entered");
}

async fn bytes_that_another_message_has_are_not_removable(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (other, elsewhere) = one_channel(store).await;
    let shared = hash();
    for raw in [3, 4] {
        message_with_file(store, &tenant, &here, raw, shared).await;
    }
    message_with_file(store, &other, &elsewhere, 3, shared).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(3)], at(9))).await;
    assert_eq!(unused(store, tenant.id).await, [shared]);
    assert!(!is_removable(store, tenant.id, shared).await);
    put(store, &here, &MessagePage::deleted(here.id, [id(4)], at(9))).await;
    assert!(is_removable(store, tenant.id, shared).await, "each tenant has bytes of its own");
    assert!(!is_removable(store, other.id, shared).await);
    let file = UnusedFile { tenant: tenant.id, hash: shared };
    retried(store, async |unit| unit.unused_files().delete(file).await).await.unwrap();
    assert_eq!(unused(store, tenant.id).await, []);
}

async fn a_file_that_is_removed_is_reclaimed_once(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (removed, entered, other) = (hash(), hash(), hash());
    for (raw, hash) in [(3, removed), (4, entered)] {
        message_with_file(store, &tenant, &here, raw, hash).await;
        put(store, &here, &MessagePage::deleted(here.id, [id(raw)], at(9))).await;
    }
    let file = UnusedFile { tenant: tenant.id, hash: removed };
    retried(store, async |unit| unit.unused_files().record_removed(file, at(10)).await).await.unwrap();
    assert_eq!(unused(store, tenant.id).await, [entered]);
    let reclaim = async || {
        let hashes = [removed, other, entered, removed];
        retried(store, async |unit| unit.unused_files().reclaim(tenant.id, &hashes).await).await.unwrap()
    };
    assert_eq!(reclaim().await, [removed]);
    assert_eq!((reclaim().await, unused(store, tenant.id).await), (vec![], vec![]));
    // Its bytes are stored again, and the message is deleted again.
    message_with_file(store, &tenant, &here, 5, removed).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(5)], at(9))).await;
    assert_eq!(unused(store, tenant.id).await, [removed]);
}

async fn a_removed_file_is_forgotten_after_a_while(store: &dyn Store) {
    // Before the times of all other cases, which share the database.
    const LONG_AGO: i64 = -60_000_000_000_000;
    let (tenant, here) = one_channel(store).await;
    let (early, late) = (hash(), hash());
    for (raw, hash, removed_at) in [(3, early, LONG_AGO), (4, late, LONG_AGO + 5)] {
        message_with_file(store, &tenant, &here, raw, hash).await;
        put(store, &here, &MessagePage::deleted(here.id, [id(raw)], at(9))).await;
        let file = UnusedFile { tenant: tenant.id, hash };
        retried(store, async |unit| unit.unused_files().record_removed(file, at(removed_at)).await).await.unwrap();
    }
    retried(store, async |unit| unit.unused_files().forget_removed(at(LONG_AGO + 5)).await).await.unwrap();
    let left = retried(store, async |unit| unit.unused_files().reclaim(tenant.id, &[early, late]).await).await;
    assert_eq!(left.unwrap(), [late]);
}

async fn a_copied_deletion_discards_files(store: &dyn Store) {
    use domain::message::{Deletion, StoredMessage};
    let (tenant, here) = one_channel(store).await;
    let gone = hash();
    message_with_file(store, &tenant, &here, 3, gone).await;
    let found = store.read().await.unwrap().messages().find(here.id, id(3)).await.unwrap().unwrap();
    let copy = StoredMessage { message: found.message.cleared(), deletion: Some(Deletion::explicit(at(9))) };
    let proven = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
    for _ in 0..2 {
        let restore = async |unit: &mut dyn ports::store::UnitOfWork| {
            unit.messages().restore(here.id, std::slice::from_ref(&copy), &proven).await
        };
        retried(store, restore).await.unwrap();
        assert_eq!(unused(store, tenant.id).await, [gone]);
        assert_eq!(store.read().await.unwrap().media().list(here.id, id(1), id(9)).await.unwrap(), []);
    }
}
