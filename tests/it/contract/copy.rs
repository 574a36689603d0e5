//! Copying the content of one archive unchanged into another.

use domain::coverage::{Coverage, Observation, Segments};
use domain::message::{Attachment, Deletion, Emoji, Message, MessageMark, Reaction, StoredMessage};
use domain::pseudonym::Pseudonym;
use ports::error::StoreError;
use ports::store::Store;

use super::contract;
use super::fixture::{
    HARD_TEXT, at, begin, changes_since, channel, held_ids, id, interval, log_start, message, one_channel, page, put,
    stored,
};
use domain::change::Change;
use domain::channel::{Channel, ChannelKind};
use domain::message::MessageKind;
use domain::page::MessagePage;

contract! {
    every_message_of_a_channel_is_listed_as_it_is_held,
    marks_tell_of_every_message_how_it_is_held,
    messages_of_another_archive_are_stored_as_they_are,
    storing_a_copy_twice_changes_nothing_the_second_time,
    a_copy_replaces_older_versions_and_knows_what_is_deleted_for_good,
    coverage_of_another_archive_is_stored_as_it_is,
    a_copy_for_a_channel_that_is_not_stored_is_refused,
    of_two_histories_the_latest_observation_decides_whether_a_message_is_deleted,
    what_either_archive_proves_decides_between_two_versions,
}

/// Three messages: one with every field, one that is deleted, one that only moderators see.
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
    restore_proven(store, channel, copies, &Segments::default()).await
}

async fn restore_proven(store: &dyn Store, channel: &Channel, copies: &[StoredMessage], proven: &Segments) -> u64 {
    let mut unit = begin(store).await;
    let written = unit.messages().restore(channel.id, copies, proven).await.unwrap();
    unit.commit().await.unwrap();
    written
}

async fn all(store: &dyn Store, channel: &Channel) -> Vec<StoredMessage> {
    store.read().await.unwrap().messages().list_stored(channel.id, None, 1000).await.unwrap()
}

/// Returns the number of message changes of the channel.
async fn changes(store: &dyn Store, channel: &Channel) -> usize {
    let (changes, _) = changes_since(store, log_start(store).await, 1_000).await;
    let of_messages = |change: &&Change| change.kind.channel() == Some(channel.id) && change.kind.interval().is_some();
    changes.iter().filter(of_messages).count()
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
    assert_eq!((stats.message_count, stats.last_activity_at), (1, Some(id(10).created_at())));
    assert_eq!(changes(store, &channel).await, 3);
}

async fn storing_a_copy_twice_changes_nothing_the_second_time(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let copies = copies(&channel);
    restore(store, &channel, &copies).await;
    let before = stored(store, &channel).await;
    assert_eq!(restore(store, &channel, &copies).await, 0);
    assert_eq!(all(store, &channel).await, copies);
    assert_eq!(stored(store, &channel).await, before);
    assert_eq!(changes(store, &channel).await, 3);
}

async fn a_copy_replaces_older_versions_and_knows_what_is_deleted_for_good(store: &dyn Store) {
    let (_, channel) = one_channel(store).await;
    let mut first = copies(&channel);
    restore(store, &channel, &first).await;
    let older = StoredMessage { message: message(&channel, 10, "older", 499), deletion: None };
    let earlier = StoredMessage { message: message(&channel, 20, "earlier", 599), deletion: None };
    let newer =
        StoredMessage { message: message(&channel, 30, "newer", 501), deletion: Some(Deletion::explicit(at(700))) };
    // The text of 599 is newer than that of 400, and the deletion of 600 newer than both.
    assert_eq!(restore(store, &channel, &[older, earlier.clone(), newer.clone()]).await, 2);
    (first[1].message, first[2]) = (earlier.message, newer);
    assert_eq!(all(store, &channel).await, first);
    assert_eq!(held_ids(store, &channel).await, [10]);
    assert_eq!(stored(store, &channel).await.stats.message_count, 1);
    // An inferred deletion yields to a later observation, an explicit one does not.
    let back = [20, 30].map(|raw| StoredMessage { message: message(&channel, raw, "back", 900), deletion: None });
    assert_eq!(restore(store, &channel, &back).await, 1);
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
        message_count: 1,
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
    let refused = begin(store).await.messages().restore(missing.id, &copies(&missing), &Segments::default()).await;
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

/// The proof of an archive that observed the ids from 1 to 9 at this time.
fn proof(time: i64) -> Segments {
    Segments::new([Observation::new(interval(1, 9).unwrap(), at(time))])
}

async fn of_two_histories_the_latest_observation_decides_whether_a_message_is_deleted(store: &dyn Store) {
    let live = |channel: &Channel, time| StoredMessage { message: message(channel, 5, "a", time), deletion: None };
    let gone = |channel: &Channel, at_time| StoredMessage {
        deletion: Some(Deletion::inferred(at(at_time))),
        ..live(channel, 1)
    };
    let nothing = Segments::default();
    // Present here at 1 and, unchanged, at 10, which only the coverage records.
    for (copied_at, stays) in [(5, true), (10, true), (11, false)] {
        let (_, here) = one_channel(store).await;
        for time in [1, 10] {
            put(store, &here, &page(&here, interval(1, 9), time, [5], "a")).await;
        }
        let copy = gone(&here, copied_at);
        restore(store, &here, std::slice::from_ref(&copy)).await;
        let expected: &[u64] = if stays { &[5] } else { &[] };
        assert_eq!(held_ids(store, &here).await, expected, "deleted there at {copied_at}");
        assert_eq!(stored(store, &here).await.stats.message_count, u64::from(stays));
        assert_eq!(restore(store, &here, std::slice::from_ref(&copy)).await, 0, "a second time");
        assert_eq!(held_ids(store, &here).await, expected);
    }
    // Absent here at 5, and present there from 1 until the time of that archive's proof.
    for (proven, comes_back) in [(nothing.clone(), false), (proof(4), false), (proof(5), true), (proof(9), true)] {
        let (_, here) = one_channel(store).await;
        put(store, &here, &page(&here, interval(1, 9), 1, [5], "a")).await;
        put(store, &here, &page(&here, interval(1, 9), 5, [], "")).await;
        restore_proven(store, &here, &[live(&here, 1)], &proven).await;
        assert_eq!(held_ids(store, &here).await.len(), usize::from(comes_back), "{proven:?}");
        assert_eq!(restore_proven(store, &here, &[live(&here, 1)], &proven).await, 0, "a second time");
    }
    // Absent here at 2 and at 10, which only the coverage records.
    for (seen_at, comes_back) in [(5, false), (10, true), (11, true)] {
        let (_, here) = one_channel(store).await;
        put(store, &here, &page(&here, None, 1, [5], "a")).await;
        for time in [2, 10] {
            put(store, &here, &page(&here, interval(1, 9), time, [], "")).await;
        }
        restore(store, &here, &[live(&here, seen_at)]).await;
        assert_eq!(held_ids(store, &here).await.len(), usize::from(comes_back), "shown there at {seen_at}");
    }
    // Never stored here, and absent at 10.
    for (proven, exists) in [(nothing.clone(), false), (proof(9), false), (proof(10), true), (proof(11), true)] {
        let (_, here) = one_channel(store).await;
        put(store, &here, &page(&here, interval(1, 9), 10, [3], "a")).await;
        assert_eq!(restore_proven(store, &here, &[live(&here, 5)], &proven).await, 1);
        let expected: &[u64] = if exists { &[3, 5] } else { &[3] };
        assert_eq!(held_ids(store, &here).await, expected, "{proven:?}");
        assert_eq!(stored(store, &here).await.stats.message_count, expected.len() as u64);
    }
    // An explicit deletion in either archive is final.
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [5], "a")).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(5)], at(2))).await;
    restore_proven(store, &here, &[live(&here, 20)], &proof(30)).await;
    assert_eq!(held_ids(store, &here).await, [0; 0]);
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 30, [5], "a")).await;
    restore(store, &here, &[StoredMessage { deletion: Some(Deletion::explicit(at(2))), ..live(&here, 1) }]).await;
    assert_eq!(held_ids(store, &here).await, [0; 0]);
}

async fn what_either_archive_proves_decides_between_two_versions(store: &dyn Store) {
    for (proven, expected) in [(Segments::default(), "here"), (proof(10), "there"), (proof(9), "here")] {
        let (_, here) = one_channel(store).await;
        for time in [1, 10] {
            put(store, &here, &page(&here, interval(1, 9), time, [5], "here")).await;
        }
        // Here it has one text until 10, and there another from 5 until the time of that archive's proof.
        let copy = StoredMessage { message: message(&here, 5, "there", 5), deletion: None };
        restore_proven(store, &here, std::slice::from_ref(&copy), &proven).await;
        assert_eq!(all(store, &here).await[0].message.content, expected, "{proven:?}");
        assert_eq!(restore_proven(store, &here, std::slice::from_ref(&copy), &proven).await, 0, "a second time");
        assert_eq!(all(store, &here).await[0].message.content, expected, "{proven:?}");
    }
}
