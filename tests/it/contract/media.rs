//! The state of files: recorded once, replaced by outcomes, listed by the time they are due and by position.

use domain::channel::{Channel, ChannelId};
use domain::media::{ContentHash, File, FileContent, FileFormat, FileKey, FileState};
use domain::message::{AttachmentId, Message};
use domain::page::MessagePage;
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::page::MessageRange;
use ports::store::{Ahead, Store};
use uuid::Uuid;

use super::contract;
use super::fixture::{FIRST, LAST, at, attachment, begin, id, interval, one_channel, page, put, retried};

contract![
    every_state_of_a_file_is_stored_as_it_is,
    a_file_that_is_noted_again_stays_what_it_was,
    files_are_due_by_their_time_then_by_their_key_and_for_their_tenant_alone,
    files_are_listed_by_message_and_walked_to_the_end,
    a_list_of_messages_has_their_files,
    what_became_of_a_file_outlives_the_versions_of_its_message,
    files_of_a_channel_that_is_not_stored_are_refused,
    files_go_in_steps_and_the_rest_goes_with_the_channel,
];

pub(crate) fn file(channel: ChannelId, message: u64, attachment: u64, state: FileState) -> File {
    let key = FileKey { channel, message: id(message), attachment: AttachmentId::new(attachment).unwrap() };
    File { key, state }
}

fn waiting(tries: u32, due_at: i64) -> FileState {
    FileState::Waiting { tries, due_at: at(due_at) }
}

async fn upsert(store: &dyn Store, tenant: TenantId, files: &[File]) {
    retried(store, async |unit| unit.media().upsert_all(tenant, files).await).await.unwrap();
}

async fn insert(store: &dyn Store, tenant: TenantId, files: &[File]) {
    retried(store, async |unit| unit.media().insert_all(tenant, files).await).await.unwrap();
}

async fn all(store: &dyn Store, channel: &Channel) -> Vec<File> {
    store.read().await.unwrap().media().list(channel.id, id(1), domain::message::MessageId::MAX).await.unwrap()
}

async fn due(store: &dyn Store, tenant: TenantId, now: i64, limit: u32) -> Vec<File> {
    store.read().await.unwrap().media().list_due(tenant, at(now), limit).await.unwrap()
}

async fn every_state_of_a_file_is_stored_as_it_is(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let largest = i64::MAX.cast_unsigned();
    let stored = |content| FileState::Stored { hash: ContentHash::new([0xAB; 32]), size_bytes: largest, content };
    let picture = stored(Some(FileContent { format: FileFormat::Png, size: Some((1, u32::MAX)) }));
    let video = stored(Some(FileContent { format: FileFormat::QuickTime, size: None }));
    let (gone, failed) = (FileState::Gone, FileState::Failed);
    let states = [waiting(0, FIRST), waiting(5, LAST), picture, video, stored(None), gone, failed];
    let files: Vec<_> = (1..).zip(states).map(|(message, state)| file(here.id, message, largest, state)).collect();
    upsert(store, tenant.id, &files).await;
    assert_eq!(all(store, &here).await, files);
    // Every state can follow every other.
    for shift in 1..states.len() {
        let next =
            files.iter().enumerate().map(|(index, old)| File { state: states[(index + shift) % states.len()], ..*old });
        let next: Vec<_> = next.collect();
        upsert(store, tenant.id, &next).await;
        upsert(store, tenant.id, &next).await;
        assert_eq!(all(store, &here).await, next);
    }
}

async fn a_file_that_is_noted_again_stays_what_it_was(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let first = file(here.id, 1, 1, waiting(0, 5));
    insert(store, tenant.id, &[first]).await;
    insert(store, tenant.id, &[file(here.id, 1, 1, waiting(0, 9)), file(here.id, 1, 2, waiting(0, 9))]).await;
    assert_eq!(all(store, &here).await, [first, file(here.id, 1, 2, waiting(0, 9))]);
    let gone = File { state: FileState::Gone, ..first };
    upsert(store, tenant.id, &[gone]).await;
    insert(store, tenant.id, &[first]).await;
    assert_eq!(all(store, &here).await[0], gone);
    insert(store, tenant.id, &[]).await;
}

async fn files_are_due_by_their_time_then_by_their_key_and_for_their_tenant_alone(store: &dyn Store) {
    let ((tenant, here), (other, there)) = (one_channel(store).await, one_channel(store).await);
    let files = [
        file(here.id, 1, 1, waiting(0, 30)),
        file(here.id, 2, 2, waiting(0, 20)),
        file(here.id, 2, 1, waiting(0, 20)),
        file(here.id, 9, 1, waiting(3, 10)),
        file(here.id, 3, 1, waiting(0, 31)),
        file(here.id, 4, 1, FileState::Gone),
    ];
    upsert(store, tenant.id, &files).await;
    upsert(store, other.id, &[file(there.id, 1, 1, waiting(0, 1))]).await;
    let order = [files[3], files[2], files[1], files[0]];
    assert_eq!(due(store, tenant.id, 30, 1000).await, order);
    assert_eq!(due(store, tenant.id, 30, 3).await, order[..3]);
    assert_eq!(due(store, tenant.id, 9, 3).await, []);
    assert_eq!(due(store, other.id, 30, 1000).await.len(), 1);
}

async fn files_are_listed_by_message_and_walked_to_the_end(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let files: Vec<_> =
        (1..=9).flat_map(|message| [1, 2].map(|of| file(here.id, message, of, waiting(0, 1)))).collect();
    insert(store, tenant.id, &files).await;
    let mut at = store.read().await.unwrap();
    assert_eq!(at.media().list(here.id, id(3), id(4)).await.unwrap(), files[4..8]);
    let (mut walked, mut after) = (Vec::new(), None);
    while let Some(last) = {
        let page = at.media().list_after(here.id, after, 4).await.unwrap();
        walked.extend(page.iter().copied());
        page.last().copied()
    } {
        after = Some(last.key.message);
    }
    assert_eq!(walked, files);
}

async fn a_list_of_messages_has_their_files(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let with_files = |message: &mut Message| {
        message.attachments = if message.id == id(3) { vec![] } else { vec![attachment(1), attachment(2)] };
    };
    let messages = page(&here, interval(1, 5), 1, 1..=5, "a").messages().to_vec();
    let messages = messages.into_iter().map(|mut message| {
        with_files(&mut message);
        message
    });
    put(store, &here, &MessagePage::new(interval(1, 5), at(1), messages.collect()).unwrap()).await;
    let content = Some(FileContent { format: FileFormat::Png, size: Some((4, 3)) });
    let stored = FileState::Stored { hash: ContentHash::new([7; 32]), size_bytes: 5, content };
    let states = [(1, stored), (2, waiting(3, LAST)), (4, FileState::Failed), (5, FileState::Gone)];
    let files = states.map(|(message, state)| file(here.id, message, 1, state));
    upsert(store, tenant.id, &files).await;
    // No message has it.
    upsert(store, tenant.id, &[file(here.id, 3, 9, FileState::Gone)]).await;
    for (range, expected) in [
        (MessageRange::Newest, &files[..]),
        (MessageRange::Before(id(4)), &files[..2]),
        (MessageRange::From(id(2)), &files[1..]),
        (MessageRange::After(id(5)), &[]),
    ] {
        let mut at = store.read().await.unwrap();
        at.ahead(&[Ahead::Messages(here.id, range, 10), Ahead::Nearest(here.id, MessageRange::Newest)]).await.unwrap();
        let mut list = at.messages().list(here.id, range, false, 10).await.unwrap();
        list.files.retain(|file| file.key.attachment != AttachmentId::new(9).unwrap());
        list.files.sort_unstable_by_key(|file| file.key);
        assert_eq!(list.files, expected, "{range:?}");
    }
    let one = store.read().await.unwrap().messages().list(here.id, MessageRange::Oldest, false, 1).await.unwrap();
    assert_eq!((one.messages.len(), one.files), (1, files[..1].to_vec()));
}

async fn what_became_of_a_file_outlives_the_versions_of_its_message(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 1), 1, [1], "first")).await;
    let gone = file(here.id, 1, 1, FileState::Gone);
    upsert(store, tenant.id, &[gone]).await;
    assert_eq!(put(store, &here, &page(&here, interval(1, 1), 2, [1], "second")).await.updated, 1);
    assert_eq!(all(store, &here).await, [gone]);
}

async fn files_of_a_channel_that_is_not_stored_are_refused(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let files = [file(ChannelId(Uuid::new_v4()), 1, 1, waiting(0, 1))];
    for noted in [true, false] {
        let mut unit = begin(store).await;
        let refused = if noted {
            unit.media().insert_all(tenant.id, &files).await
        } else {
            unit.media().upsert_all(tenant.id, &files).await
        };
        assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
    }
}

async fn files_go_in_steps_and_the_rest_goes_with_the_channel(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let files: Vec<_> = (1..=5).map(|message| file(here.id, message, 1, waiting(0, 1))).collect();
    insert(store, tenant.id, &files).await;
    let removed = retried(store, async |unit| unit.media().delete_first(here.id, 3).await).await.unwrap();
    assert_eq!((removed, all(store, &here).await), (3, files[3..].to_vec()));
    retried(store, async |unit| unit.channels().delete(here.id).await).await.unwrap();
    assert_eq!((all(store, &here).await, due(store, tenant.id, 9, 9).await), (vec![], vec![]));
}
