//! What one archive holds, stored in another as it is.

use domain::coverage::{Coverage, Observation, Segments};
use domain::message::{Attachment, Deletion, Emoji, Message, Reaction};
use domain::pseudonym::Pseudonym;
use ports::error::StoreError;
use ports::message::{MessageMark, StoredMessage};
use ports::page::Page;
use ports::store::Store;

use super::contract;
use super::fixture::{HARD_TEXT, at, begin, channel, held_ids, id, interval, message, one_channel, page, put, stored};
use domain::change::ChangeId;
use domain::channel::{Channel, ChannelKind};
use domain::message::MessageKind;

contract! {
    every_message_of_a_channel_is_listed_as_it_is_held,
    marks_tell_of_every_message_how_it_is_held,
    messages_of_another_archive_are_stored_as_they_are,
    storing_a_copy_twice_changes_nothing_the_second_time,
    a_copy_replaces_older_versions_and_knows_what_is_deleted_for_good,
    coverage_of_another_archive_is_stored_as_it_is,
    a_copy_for_a_channel_that_is_not_stored_is_refused,
}

/// Three messages: one with everything, one that is deleted, one that only moderators see.
fn copies(channel: &Channel) -> Vec<StoredMessage> {
    let file = |raw: u64| Attachment {
        id: raw.to_string().parse().unwrap(),
        filename: HARD_TEXT.to_owned(),
        content_type: None,
        size_bytes: 5,
        width: Some(1),
        height: None,
        description: Some(String::new()),
        spoiler: true,
        url: None,
        local_path: Some("a/b".to_owned()),
        extra: None,
    };
    let reaction = |name: &str| Reaction {
        emoji: Emoji { id: None, name: Some(name.to_owned()), animated: false },
        count: 3,
        people: vec![Pseudonym::new([9; 16])],
    };
    let full = Message {
        attachments: vec![file(9), file(8)],
        reactions: vec![reaction("🧶"), reaction("a")],
        ..message(channel, 10, HARD_TEXT, 500)
    };
    let restricted = Message { kind: MessageKind(24), ..message(channel, 30, "stopped", 500) };
    vec![
        StoredMessage { message: full, deletion: None },
        StoredMessage { message: message(channel, 20, "gone", 400), deletion: Some(Deletion::inferred(at(600))) },
        StoredMessage { message: restricted, deletion: None },
    ]
}

async fn restore(store: &dyn Store, channel: &Channel, copies: &[StoredMessage]) -> u64 {
    let mut unit = begin(store).await;
    let written = unit.messages().restore(channel.id, copies).await.unwrap();
    unit.commit().await.unwrap();
    written
}

async fn all(store: &dyn Store, channel: &Channel) -> Vec<StoredMessage> {
    store.read().await.unwrap().messages().list_stored(channel.id, None, 1000).await.unwrap()
}

/// How many changes of the channel there are.
async fn changes(store: &dyn Store, channel: &Channel) -> usize {
    let (mut found, mut after) = (0, None::<ChangeId>);
    loop {
        let mut read = store.read().await.unwrap();
        let page = read.changes().list(Page { after, limit: 101 }).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = Some(last.id);
        found += page.iter().filter(|change| change.channel_id == channel.id).count();
    }
}

async fn every_message_of_a_channel_is_listed_as_it_is_held(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    put(store, &channel, &page(&channel, interval(1, 50), 100, [10, 20, 30], "first")).await;
    put(store, &channel, &page(&channel, interval(1, 50), 200, [10, 30], "first")).await;
    let held = all(store, &channel).await;
    let shown: Vec<_> = held.iter().map(|held| (held.message.id.get(), held.deletion)).collect();
    assert_eq!(shown, [(10, None), (20, Some(Deletion::inferred(at(200)))), (30, None)]);
    let mut read = store.read().await.unwrap();
    let behind = read.messages().list_stored(channel.id, Some(id(10)), 1).await.unwrap();
    assert_eq!(behind, held[1..2]);
    assert_eq!(read.messages().list_stored(channel.id, Some(id(30)), 1000).await.unwrap(), []);
}

async fn marks_tell_of_every_message_how_it_is_held(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let copies = copies(&channel);
    restore(store, &channel, &copies).await;
    let expected: Vec<_> = copies
        .iter()
        .map(|copy| MessageMark {
            id: copy.message.id,
            version: copy.message.version,
            digest: copy.message.digest(),
            deletion: copy.deletion,
        })
        .collect();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.messages().list_marks(channel.id, None, 1000).await.unwrap(), expected);
    assert_eq!(read.messages().list_marks(channel.id, None, 2).await.unwrap(), expected[..2]);
    assert_eq!(read.messages().list_marks(channel.id, Some(id(10)), 1).await.unwrap(), expected[1..2]);
    assert_eq!(read.messages().list_marks(channel.id, Some(id(30)), 1000).await.unwrap(), []);
}

async fn messages_of_another_archive_are_stored_as_they_are(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let copies = copies(&channel);
    assert_eq!(restore(store, &channel, &copies).await, 3);
    assert_eq!(all(store, &channel).await, copies);
    let stats = stored(store, &channel).await.stats;
    assert_eq!((stats.message_count, stats.last_activity_at), (2, Some(id(30).created_at())));
    assert_eq!(changes(store, &channel).await, 1);
}

async fn storing_a_copy_twice_changes_nothing_the_second_time(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let copies = copies(&channel);
    restore(store, &channel, &copies).await;
    let before = stored(store, &channel).await;
    assert_eq!(restore(store, &channel, &copies).await, 0);
    assert_eq!(all(store, &channel).await, copies);
    assert_eq!(stored(store, &channel).await, before);
    assert_eq!(changes(store, &channel).await, 1);
}

async fn a_copy_replaces_older_versions_and_knows_what_is_deleted_for_good(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let mut first = copies(&channel);
    restore(store, &channel, &first).await;
    let older = StoredMessage { message: message(&channel, 10, "older", 499), deletion: None };
    let earlier = StoredMessage { message: message(&channel, 20, "earlier", 599), deletion: None };
    let newer =
        StoredMessage { message: message(&channel, 30, "newer", 501), deletion: Some(Deletion::explicit(at(700))) };
    // A text of 599 is newer than that of 400, and the deletion of 600 newer than both.
    assert_eq!(restore(store, &channel, &[older, earlier.clone(), newer.clone()]).await, 2);
    (first[1].message, first[2]) = (earlier.message, newer);
    assert_eq!(all(store, &channel).await, first);
    assert_eq!(held_ids(store, &channel).await, [10]);
    assert_eq!(stored(store, &channel).await.stats.message_count, 1);
    // What was only inferred yields to a later observation, what is explicit does not.
    let back = [20, 30].map(|raw| StoredMessage { message: message(&channel, raw, "back", 900), deletion: None });
    assert_eq!(restore(store, &channel, &back).await, 2);
    assert_eq!(held_ids(store, &channel).await, [10, 20]);
    let gone = StoredMessage { deletion: Some(Deletion::explicit(at(1))), ..back[0].clone() };
    assert_eq!(restore(store, &channel, std::slice::from_ref(&gone)).await, 1, "however early that was");
    assert_eq!(restore(store, &channel, &back).await, 0);
    assert_eq!(held_ids(store, &channel).await, [10]);
    assert_eq!(stored(store, &channel).await.stats.message_count, 1);
}

async fn coverage_of_another_archive_is_stored_as_it_is(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    restore(store, &channel, &copies(&channel)).await;
    let segment = |low, high, time| Observation::new(interval(low, high).unwrap(), at(time));
    let claimed = Observation { proves_absence: false, ..segment(5, 98, 900) };
    let segments = Segments::new([segment(1, 25, 300), segment(26, 90, 200), segment(100, 110, 250), claimed]);
    let coverage = Coverage {
        channel_id: channel.id,
        interval: interval(10, 90),
        start_reached: true,
        message_count: 2,
        unreadable_count: 0,
        reason: Some("truncated".to_owned()),
        checked_at: Some(at(300)),
        read_whole_at: Some(at(200)),
    };
    for changed in [true, false] {
        let mut unit = begin(store).await;
        assert_eq!(unit.coverage().restore(&coverage, &segments).await.unwrap(), changed);
        unit.commit().await.unwrap();
        let mut read = store.read().await.unwrap();
        assert_eq!(read.coverage().find(channel.id).await.unwrap().unwrap(), coverage);
        assert_eq!(read.coverage().segments(channel.id).await.unwrap(), segments);
    }
    let earlier = Coverage { checked_at: Some(at(299)), start_reached: false, ..coverage.clone() };
    let mut unit = begin(store).await;
    assert!(!unit.coverage().restore(&earlier, &Segments::default()).await.unwrap());
    assert_eq!(unit.coverage().segments(channel.id).await.unwrap(), segments);
}

async fn a_copy_for_a_channel_that_is_not_stored_is_refused(store: &dyn Store) {
    let (tenant, _) = one_channel(store).await;
    let missing = channel(&tenant, 999, ChannelKind::TEXT);
    let refused = begin(store).await.messages().restore(missing.id, &copies(&missing)).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
    let coverage = Coverage {
        channel_id: missing.id,
        interval: None,
        start_reached: false,
        message_count: 0,
        unreadable_count: 0,
        reason: None,
        checked_at: Some(at(1)),
        read_whole_at: None,
    };
    let refused = begin(store).await.coverage().restore(&coverage, &Segments::default()).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
}
