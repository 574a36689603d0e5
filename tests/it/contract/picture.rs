//! Pictures of guilds and of texts: recorded once, replaced by outcomes, listed by key, by time and by bytes.

use domain::media::{ContentHash, FileContent, FileFormat, FileState};
use domain::picture::{Picture, PictureKey};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{FIRST, LAST, at, one_channel, retried, tenant};

contract![
    every_state_of_a_picture_is_stored_as_it_is,
    a_picture_that_is_noted_again_stays_what_it_was,
    pictures_are_due_by_their_time_then_by_their_key_and_for_their_tenant_alone,
    pictures_are_listed_to_the_end_and_by_their_bytes,
    pictures_of_a_tenant_that_is_not_stored_are_refused,
];

pub(crate) fn picture(key: &str, name: &str, state: FileState) -> Picture {
    Picture { key: key.parse().unwrap(), name: name.parse().unwrap(), state }
}

fn waiting(tries: u32, due_at: i64) -> FileState {
    FileState::Waiting { tries, due_at: at(due_at) }
}

fn stored(byte: u8) -> FileState {
    let content = Some(FileContent { format: FileFormat::Webp, size: Some((48, 48)) });
    FileState::Stored { hash: ContentHash::new([byte; 32]), size_bytes: 5, content }
}

async fn upsert(store: &dyn Store, tenant: TenantId, pictures: &[Picture]) {
    retried(store, async |unit| unit.pictures().upsert_all(tenant, pictures).await).await.unwrap();
}

async fn insert(store: &dyn Store, tenant: TenantId, pictures: &[Picture]) -> Result<(), StoreError> {
    retried(store, async |unit| unit.pictures().insert_all(tenant, pictures).await).await
}

async fn found(store: &dyn Store, tenant: TenantId, pictures: &[Picture]) -> Vec<Picture> {
    let keys: Vec<PictureKey> = pictures.iter().map(|picture| picture.key).collect();
    store.read().await.unwrap().pictures().find_all(tenant, &keys).await.unwrap()
}

async fn every_state_of_a_picture_is_stored_as_it_is(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let content = Some(FileContent { format: FileFormat::Gif, size: None });
    let size_bytes = i64::MAX.cast_unsigned();
    let moving = FileState::Stored { hash: ContentHash::new([0xAB; 32]), size_bytes, content };
    let (gone, failed) = (FileState::Gone, FileState::Failed);
    let states = [waiting(0, FIRST), waiting(5, LAST), stored(1), moving, gone, failed];
    let longest = format!("{}.webp", "a".repeat(80));
    let keys = ["emoji/1", "emoji/9223372036854775807", "icon/2", "role/3", "sticker/4", "sticker/5"];
    let all: Vec<Picture> = keys.into_iter().zip(states).map(|(key, state)| picture(key, &longest, state)).collect();
    upsert(store, tenant.id, &all).await;
    assert_eq!(found(store, tenant.id, &all).await, all);
    for shift in 1..states.len() {
        let next = all.iter().enumerate().map(|(index, old)| {
            let name = format!("{shift}.png").parse().unwrap();
            Picture { key: old.key, name, state: states[(index + shift) % states.len()] }
        });
        let next: Vec<_> = next.collect();
        upsert(store, tenant.id, &next).await;
        upsert(store, tenant.id, &next).await;
        assert_eq!(found(store, tenant.id, &next).await, next);
    }
}

async fn a_picture_that_is_noted_again_stays_what_it_was(store: &dyn Store) {
    let ((tenant, _), (other, _)) = (one_channel(store).await, one_channel(store).await);
    let first = picture("emoji/1", "1.webp", waiting(0, 5));
    let second = picture("emoji/2", "2.gif", waiting(0, 9));
    insert(store, tenant.id, std::slice::from_ref(&first)).await.unwrap();
    insert(store, tenant.id, &[picture("emoji/1", "1.gif", waiting(0, 9)), second.clone()]).await.unwrap();
    let both = [first, second];
    assert_eq!(found(store, tenant.id, &both).await, both);
    assert_eq!(found(store, other.id, &both).await, []);
    insert(store, tenant.id, &[]).await.unwrap();
}

async fn pictures_are_due_by_their_time_then_by_their_key_and_for_their_tenant_alone(store: &dyn Store) {
    let ((tenant, _), (other, _)) = (one_channel(store).await, one_channel(store).await);
    let all = [
        picture("emoji/1", "1.webp", waiting(0, 30)),
        picture("emoji/3", "3.webp", waiting(0, 20)),
        picture("emoji/2", "2.webp", waiting(0, 20)),
        picture("sticker/9", "9.png", waiting(3, 10)),
        picture("emoji/4", "4.webp", waiting(0, 31)),
        picture("emoji/5", "5.webp", FileState::Gone),
    ];
    upsert(store, tenant.id, &all).await;
    upsert(store, other.id, &[picture("emoji/1", "1.webp", waiting(0, 1))]).await;
    let due = async |tenant, now, limit| {
        store.read().await.unwrap().pictures().list_due(tenant, at(now), limit).await.unwrap()
    };
    let order = [3, 2, 1, 0].map(|index: usize| all[index].clone());
    assert_eq!(due(tenant.id, 30, 1000).await, order);
    assert_eq!(due(tenant.id, 30, 3).await, order[..3]);
    assert_eq!(due(tenant.id, 9, 3).await, []);
    assert_eq!(due(other.id, 30, 1000).await.len(), 1);
}

async fn pictures_are_listed_to_the_end_and_by_their_bytes(store: &dyn Store) {
    let ((tenant, _), (other, _)) = (one_channel(store).await, one_channel(store).await);
    let keys = ["emoji/1", "emoji/10", "emoji/2", "icon/1", "sticker/1"];
    let all: Vec<Picture> = keys.iter().map(|key| picture(key, "a.png", stored(u8::from(*key == "icon/1")))).collect();
    upsert(store, tenant.id, &all).await;
    upsert(store, other.id, &all[..1]).await;
    let mut read = store.read().await.unwrap();
    let (mut walked, mut after) = (Vec::new(), None);
    loop {
        let page = read.pictures().list(tenant.id, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        walked.extend(page);
    }
    assert_eq!(walked, all);
    let others: Vec<Picture> = all.iter().filter(|one| one.state == stored(0)).cloned().collect();
    let hash = |byte: u8| ContentHash::new([byte; 32]);
    assert_eq!(read.pictures().list_stored(tenant.id, hash(0), 1000).await.unwrap(), others);
    assert_eq!(read.pictures().list_stored(tenant.id, hash(0), 2).await.unwrap(), others[..2]);
    assert_eq!(read.pictures().list_stored(tenant.id, hash(2), 1000).await.unwrap(), []);
}

async fn pictures_of_a_tenant_that_is_not_stored_are_refused(store: &dyn Store) {
    let outcome = insert(store, tenant().id, &[picture("emoji/1", "1.webp", waiting(0, 1))]).await;
    assert!(matches!(outcome, Err(StoreError::Missing { .. })), "{outcome:?}");
}
