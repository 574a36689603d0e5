use std::sync::Mutex;

use domain::channel::{Channel, ChannelKind};
use domain::coverage::{Coverage, CoverageFacts, Interval, StoredCoverage};
use domain::media::ContentHash;
use domain::message::{Attachment, AttachmentId, Author, Message, MessageId, Origin, Version};
use domain::picture::{Picture, SeenPicture};
use domain::pseudonym::Pseudonym;
use domain::sync::SyncState;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use domain::visibility::Visibility;
use ports::mock::{FakeClock, FakeStore, FakeUnitOfWork};
use uuid::Uuid;

use super::*;

const TENANT: TenantId = TenantId(Uuid::from_u128(2));

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn channel() -> Channel {
    let channel = Channel::new(TENANT, "7".parse().unwrap(), ChannelKind::TEXT, "general".to_owned());
    Channel { visibility: Visibility::Public, ..channel }
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

/// A page of everything up to 100 with these messages, each with a file on the web.
fn page(ids: impl IntoIterator<Item = u64>) -> Arc<MessagePage> {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at(20), origin: Origin::Page };
    let file = |raw| Attachment {
        id: AttachmentId::new(raw).unwrap(),
        filename: "a.png".to_owned(),
        content_type: None,
        size_bytes: 1,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: Some("https://files.example/a.png".to_owned()),
        local_path: None,
        extra: None,
    };
    let message = |raw| {
        let message = Message::new(channel().id, id(raw), author, String::new(), version);
        Message { attachments: vec![file(raw + 1000)], ..message }
    };
    let messages = ids.into_iter().map(message).collect();
    Arc::new(MessagePage::new(Some(Interval::up_to(id(100))), at(20), messages).unwrap())
}

/// A unit on a channel whose fence is lower, or equal.
fn fenced() -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_fence().returning(|_, _| Ok(true));
    unit
}

/// A unit that accepts a page, and records its files in `files`.
fn accepting(files: &Arc<Mutex<Vec<u64>>>) -> FakeUnitOfWork {
    let mut unit = fenced();
    let files = Arc::clone(files);
    unit.messages.expect_replace_interval().returning(|_, _| Ok(PageOutcome::default()));
    unit.media.expect_insert_all().withf(|tenant, _| *tenant == TENANT).returning(move |_, seen| {
        files.lock().unwrap().extend(seen.iter().map(|file| file.key.attachment.get()));
        assert!(seen.iter().all(|file| file.state == FileState::seen(at(30))));
        Ok(())
    });
    unit
}

/// A unit that rejects a page for a value.
fn rejecting() -> FakeUnitOfWork {
    let mut unit = fenced();
    unit.messages.expect_replace_interval().returning(|_, _| Err(StoreError::Refused("error 1406".into())));
    unit
}

/// A unit that records these messages as unreadable.
fn recording(ids: &'static [u64]) -> FakeUnitOfWork {
    let mut unit = fenced();
    unit.unreadable.expect_upsert_all().times(1).returning(move |_, all| {
        let found: Vec<_> = all.iter().filter_map(|one| one.message_id.map(MessageId::get)).collect();
        assert_eq!(found, ids);
        Ok(all.len() as u64)
    });
    unit
}

fn ingest(units: impl IntoIterator<Item = FakeUnitOfWork>) -> (Ingest, Arc<FakeStore>) {
    let store = Arc::new(FakeStore::new(units));
    let (clock, fence) = (Arc::new(FakeClock(at(30))), Fence::new(5).unwrap());
    (Ingest::new(Arc::clone(&store) as _, clock, TENANT, fence, CancellationToken::new()), store)
}

/// A unit on a channel to which a writer with a higher fence has written, or on one that is not stored.
fn outrun(stored: Option<Channel>) -> FakeUnitOfWork {
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_fence().withf(|_, fence| fence.get() == 5).returning(|_, _| Ok(false));
    unit.channels.expect_find().return_once(move |_| Ok(stored));
    unit
}

#[tokio::test]
async fn a_page_is_stored_with_the_files_of_its_messages_in_one_unit() {
    let files = Arc::default();
    let (ingest, store) = ingest([accepting(&files)]);
    assert_eq!(ingest.store_page(channel().id, page([3, 5]), &[]).await.unwrap(), 0);
    assert_eq!((store.committed(), files.lock().unwrap().as_slice()), (1, &[1003, 1005][..]));
}

#[tokio::test]
async fn a_writer_with_a_lower_fence_stores_nothing_and_is_deposed() {
    // The mocks panic at any call after the fence.
    let (page_ingest, store) = ingest([outrun(Some(channel()))]);
    let outcome = page_ingest.store_page(channel().id, page([3]), &[]).await;
    assert!(matches!(outcome, Err(IngestError::Deposed)), "{outcome:?}");
    assert_eq!(store.committed(), 0);

    let (reason_ingest, store) = ingest([outrun(Some(channel()))]);
    let outcome = reason_ingest.write_reason(channel().id, Some("forbidden")).await;
    assert!(matches!(outcome, Err(IngestError::Deposed)), "{outcome:?}");
    assert_eq!(store.committed(), 0);

    let mut stored = FakeUnitOfWork::default();
    stored.channels.expect_find_all().return_once(|_| Ok(vec![]));
    let (channel_ingest, store) = ingest([stored, outrun(Some(channel()))]);
    let outcome = channel_ingest.store_channels(&[&channel()]).await;
    assert!(matches!(outcome, Err(IngestError::Deposed)), "{outcome:?}");
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_page_of_a_channel_that_is_not_stored_is_an_error_of_the_store() {
    let (ingest, store) = ingest([outrun(None)]);
    let outcome = ingest.store_page(channel().id, page([3]), &[]).await;
    assert!(matches!(outcome, Err(IngestError::Store(StoreError::Missing { .. }))), "{outcome:?}");
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_rejected_message_is_recorded_as_unreadable_and_the_others_are_stored() {
    let files = Arc::default();
    // The whole page, its older half, its newer half; then the record.
    let (ingest, store) = ingest([rejecting(), accepting(&files), rejecting(), recording(&[5])]);
    assert_eq!(ingest.store_page(channel().id, page([3, 5]), &[]).await.unwrap(), 1);
    assert_eq!((store.committed(), files.lock().unwrap().as_slice()), (2, &[1003][..]));
}

#[tokio::test]
async fn the_unreadable_payloads_of_a_page_are_recorded_even_if_the_store_rejects_all_its_messages() {
    let found = Unreadable::refused(channel().id, id(4), "a message has no author".to_owned(), at(20));
    let (ingest, store) = ingest([rejecting(), recording(&[4, 3])]);
    assert_eq!(ingest.store_page(channel().id, page([3]), &[found]).await.unwrap(), 1);
    assert_eq!(store.committed(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_stored_again_after_a_lost_race_and_after_an_outage() {
    let files = Arc::default();
    let failing = |error| {
        let mut unit = accepting(&files);
        unit.commit_error = Some(error);
        unit
    };
    let (aborted, lost) = (StoreError::Aborted("race".into()), StoreError::Unavailable("gone".into()));
    let (ingest, store) = ingest([failing(aborted), failing(lost), accepting(&files)]);
    assert_eq!(ingest.store_page(channel().id, page([3]), &[]).await.unwrap(), 0);
    assert_eq!(store.committed(), 1);
}

#[tokio::test]
async fn after_the_stop_an_outage_ends_the_call() {
    let files = Arc::default();
    let mut lost = accepting(&files);
    lost.commit_error = Some(StoreError::Unavailable("gone".into()));
    let (ingest, store) = ingest([lost, accepting(&files)]);
    ingest.stop.cancel();
    let outcome = ingest.store_page(channel().id, page([3]), &[]).await;
    assert!(matches!(outcome, Err(IngestError::Store(StoreError::Unavailable(_)))), "{outcome:?}");
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_reason_that_is_recorded_already_costs_no_write() {
    let coverage = |reason: Option<&str>| Coverage {
        reason: reason.map(str::to_owned),
        ..Coverage::from_stored(channel().id, StoredCoverage::default(), CoverageFacts::default())
    };
    let (quiet, store) = ingest([]);
    quiet.record_reason(channel().id, Some(&coverage(Some("forbidden"))), Some("forbidden")).await.unwrap();
    quiet.record_reason(channel().id, None, None).await.unwrap();
    assert_eq!(store.committed(), 0);

    let mut unit = fenced();
    unit.coverage
        .expect_record_check()
        .withf(|_, _, _, reason| reason.is_none())
        .times(1)
        .returning(|_, _, _, _| Ok(()));
    let (cleared, store) = ingest([unit]);
    cleared.record_reason(channel().id, Some(&coverage(Some("forbidden"))), None).await.unwrap();
    assert_eq!(store.committed(), 1);
}

#[tokio::test]
async fn a_count_that_is_right_is_not_written() {
    let mut right = FakeUnitOfWork::default();
    right.channels.expect_recount().returning(|_| Ok(0));
    let (ingest, store) = ingest([right]);
    ingest.recount(channel().id).await.unwrap();
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn a_count_is_corrected_by_the_writer_with_the_highest_fence_only() {
    let wrong = |mut unit: FakeUnitOfWork| {
        unit.channels.expect_recount().returning(|_| Ok(1));
        unit
    };
    let (deposed, store) = ingest([wrong(outrun(Some(channel())))]);
    let outcome = deposed.recount(channel().id).await;
    assert!(matches!(outcome, Err(IngestError::Deposed)), "{outcome:?}");
    assert_eq!(store.committed(), 0);
    let (leading, store) = ingest([wrong(fenced())]);
    leading.recount(channel().id).await.unwrap();
    assert_eq!(store.committed(), 1);
}

#[tokio::test]
async fn the_sync_state_of_a_deleted_channel_is_not_recorded() {
    let mut unit = FakeUnitOfWork::default();
    unit.sync_states.expect_upsert_all().returning(|_| Err(StoreError::Missing { what: "channel" }));
    let (ingest, store) = ingest([unit]);
    ingest.record_sync_states(&[SyncState::new(channel().id)]).await.unwrap();
    assert_eq!(store.committed(), 0);
}

#[tokio::test]
async fn the_result_for_a_file_of_a_message_that_was_deleted_meanwhile_is_not_recorded() {
    let stored = |byte| FileState::Stored { hash: ContentHash::new([byte; 32]), size_bytes: 5, content: None };
    let file = |message: u64, state| {
        let attachment = AttachmentId::new(message + 1000).unwrap();
        File { key: FileKey { channel: channel().id, message: id(message), attachment }, state }
    };
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_find().once().returning(|_| Ok(Some(channel())));
    unit.messages.expect_find_all().once().returning(|_| {
        let shown = page([1, 2]).messages().to_vec();
        let cleared = shown[1].cleared();
        Ok([shown[0].clone(), cleared].map(|message| StoredMessage { message, deletion: None }).into())
    });
    // A message that no longer lists a file keeps its row, and a deleted one does not.
    unit.media.expect_find_all().once().returning(move |_| Ok(vec![file(4, FileState::seen(at(1)))]));
    let lost = [ContentHash::new([2; 32])];
    unit.unused_files.expect_upsert_all().withf(move |_, hashes| hashes == lost).once().returning(|_, _| Ok(()));
    let expected = [file(1, stored(1)), file(4, FileState::Failed)];
    unit.media.expect_upsert_all().withf(move |_, files| files == expected).once().returning(|_, _| Ok(()));
    let results = [file(1, stored(1)), file(2, stored(2)), file(3, FileState::Gone), file(4, FileState::Failed)];
    record_results(&mut unit, TENANT, &results).await.unwrap();
}

#[tokio::test]
async fn pictures_that_messages_show_are_recorded_once_and_at_most_a_thousand() {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at(20), origin: Origin::Page };
    let message = |content: String| Message::new(channel().id, id(3), author, content, version);
    let recorded: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = async |messages: Vec<Message>, known: Vec<Picture>| {
        let mut unit = FakeUnitOfWork::default();
        unit.pictures.expect_find_all().returning(move |_, _| Ok(known.clone()));
        let to = Arc::clone(&recorded);
        unit.pictures.expect_insert_all().returning(move |_, new| {
            to.lock().unwrap().extend(new.iter().map(|picture| picture.name.as_str().to_owned()));
            Ok(())
        });
        record_pictures(&mut unit, TENANT, at(30), &messages).await.unwrap();
        std::mem::take(&mut *recorded.lock().unwrap())
    };
    let content = "<:wool:5> <a:purl:6> <:wool:5> <:no name:7> <:x:0> <:y:8";
    let mut shown = message(content.to_owned());
    let stickers = serde_json::json!([{"id": "9", "name": "knit", "format": "lottie"}, {"id": "10", "format": "12"}]);
    shown.stickers = Some(domain::json::Json::new(&stickers));
    let known = SeenPicture::emoji("5".parse().unwrap(), false);
    assert_eq!(record(vec![shown], vec![Picture::waiting(known, at(1))]).await, ["6.gif", "9.json"]);
    assert_eq!(record(vec![message("no picture".to_owned())], vec![]).await, [""; 0]);
    let emoji = |number: u64| format!("<:a:{}>", number + 1);
    let many = |first: u64| message((first..first + 10_000).map(emoji).collect());
    assert_eq!(record(vec![many(0)], vec![]).await.len(), 200);
    assert_eq!(record((0..100).map(|number| many(number * 10_000)).collect(), vec![]).await.len(), 1_000);
}
