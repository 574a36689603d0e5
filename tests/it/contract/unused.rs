//! Files whose bytes are to be removed.

use domain::channel::Channel;
use domain::media::{ContentHash, FileState, UnusedFile};
use domain::message::{Attachment, Deletion, Message, StoredMessage, Version};
use domain::page::MessagePage;
use domain::tenant::{Tenant, TenantId};
use ports::store::Store;
use uuid::Uuid;

use super::contract;
use super::fixture::{at, attachment, id, interval, message, one_channel, page, put, retried};
use super::media::file;

contract![
    the_files_of_a_deleted_message_are_unused,
    a_file_that_an_edit_removes_is_unused,
    the_messages_that_have_equal_bytes_are_listed,
    a_removed_file_is_listed_until_its_entry_goes_or_is_made_again,
    a_copied_deletion_discards_files,
];

/// Returns a hash that is unique to a case.
fn hash() -> ContentHash {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    ContentHash::new(bytes)
}

async fn message_with_file(store: &dyn Store, tenant: &Tenant, channel: &Channel, raw: u64, hash: ContentHash) {
    let stored = file(channel.id, raw, raw, FileState::Stored { hash, size_bytes: 5, content: None });
    put(store, channel, &page(channel, None, 1, [raw], "a")).await;
    retried(store, async |unit| unit.media().upsert_all(tenant.id, &[stored]).await).await.unwrap();
}

/// Returns the hashes of the unused files of a tenant that are not removed.
async fn unused(store: &dyn Store, tenant: TenantId) -> Vec<ContentHash> {
    let all = store.read().await.unwrap().unused_files().list(1_000).await.unwrap();
    all.into_iter().filter(|file| file.tenant == tenant).map(|file| file.hash).collect()
}

async fn is_entered(store: &dyn Store, tenant: TenantId, hash: ContentHash) -> bool {
    let file = UnusedFile { tenant, hash };
    retried(store, async |unit| unit.unused_files().lock(file).await).await.unwrap()
}

/// Returns the messages that have a file.
async fn uses(store: &dyn Store, tenant: TenantId, hash: ContentHash) -> Vec<u64> {
    let files = store.read().await.unwrap().media().list_stored(tenant, hash, 1_000).await.unwrap();
    files.into_iter().map(|file| file.key.message.get()).collect()
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
    assert_eq!((is_entered(store, tenant.id, gone).await, is_entered(store, tenant.id, kept).await), (true, false));
    assert_eq!((uses(store, tenant.id, gone).await, uses(store, tenant.id, kept).await), (vec![], vec![3]));
}

async fn a_file_that_an_edit_removes_is_unused(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (kept, removed, hashes) = (attachment(1), attachment(2), [hash(), hash(), hash()]);
    let edited = |edited_at: Option<i64>, observed_at, attachments: &[Attachment]| {
        let message = message(&here, 3, "a", observed_at);
        let version = Version { edited_at: edited_at.map(at), ..message.version };
        MessagePage::new(None, at(observed_at), vec![Message { version, attachments: attachments.to_vec(), ..message }])
            .unwrap()
    };
    put(store, &here, &edited(None, 1, &[kept.clone(), removed.clone()])).await;
    put(store, &here, &page(&here, None, 1, [4], "a")).await;
    let stored = |message, attachment, hash| {
        file(here.id, message, attachment, FileState::Stored { hash, size_bytes: 5, content: None })
    };
    let files = [stored(3, 1, hashes[0]), stored(3, 2, hashes[1]), stored(4, 9, hashes[2])];
    retried(store, async |unit| unit.media().upsert_all(tenant.id, &files).await).await.unwrap();
    for _ in 0..2 {
        put(store, &here, &edited(Some(5), 6, std::slice::from_ref(&kept))).await;
        assert_eq!(unused(store, tenant.id).await, [hashes[1]]);
    }
    // An older observation brings it back no more: its version is not stored.
    let older = put(store, &here, &edited(None, 4, &[kept, removed])).await;
    assert_eq!(older.superseded, [id(3)]);
    let left = store.read().await.unwrap().media().list(here.id, id(1), id(9)).await.unwrap();
    assert_eq!(left, [files[0], files[2]]);
}

async fn the_messages_that_have_equal_bytes_are_listed(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (other, elsewhere) = one_channel(store).await;
    let shared = hash();
    for raw in [3, 4, 5] {
        message_with_file(store, &tenant, &here, raw, shared).await;
    }
    message_with_file(store, &other, &elsewhere, 3, shared).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(3)], at(9))).await;
    assert_eq!((unused(store, tenant.id).await, uses(store, tenant.id, shared).await), (vec![shared], vec![4, 5]));
    let first = store.read().await.unwrap().media().list_stored(tenant.id, shared, 1).await.unwrap();
    assert_eq!(first.iter().map(|file| file.key.message).collect::<Vec<_>>(), [id(4)]);
    put(store, &here, &MessagePage::deleted(here.id, [id(4), id(5)], at(9))).await;
    assert_eq!((uses(store, tenant.id, shared).await, uses(store, other.id, shared).await), (vec![], vec![3]));
    assert!(!is_entered(store, other.id, shared).await, "each tenant has bytes of its own");
    let file = UnusedFile { tenant: tenant.id, hash: shared };
    for _ in 0..2 {
        retried(store, async |unit| unit.unused_files().delete(file).await).await.unwrap();
        assert!(!is_entered(store, tenant.id, shared).await);
    }
}

async fn a_removed_file_is_listed_until_its_entry_goes_or_is_made_again(store: &dyn Store) {
    // Before the times of all other cases, which share the database.
    const LONG_AGO: i64 = -60_000_000_000_000;
    let (tenant, _) = one_channel(store).await;
    let (early, late) = (hash(), hash());
    let enter = async |hashes: &[ContentHash]| {
        retried(store, async |unit| unit.unused_files().upsert_all(tenant.id, hashes).await).await.unwrap();
    };
    enter(&[early, late]).await;
    for (hash, removed_at) in [(early, LONG_AGO), (late, LONG_AGO + 5)] {
        let file = UnusedFile { tenant: tenant.id, hash };
        retried(store, async |unit| unit.unused_files().record_removed(file, at(removed_at)).await).await.unwrap();
    }
    let removed = async |before| {
        let all = store.read().await.unwrap().unused_files().list_removed(at(before), 1_000).await.unwrap();
        all.into_iter().filter(|file| file.tenant == tenant.id).map(|file| file.hash).collect::<Vec<_>>()
    };
    assert_eq!(unused(store, tenant.id).await, []);
    assert_eq!((removed(LONG_AGO + 5).await, removed(LONG_AGO + 6).await), (vec![early], vec![early, late]));
    enter(&[early]).await;
    assert_eq!((unused(store, tenant.id).await, removed(LONG_AGO + 6).await), (vec![early], vec![late]));
}

async fn a_copied_deletion_discards_files(store: &dyn Store) {
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
