use std::collections::HashMap;

use domain::channel::ChannelId;
use domain::event::{MessageChange, MessagePatch, PollVote};
use domain::message::{Author, Deletion, Message, MessageId, Origin, StoredMessage, Version};
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use uuid::Uuid;

use super::{Folded, named};

const AUTHOR: Author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn message(raw: u64, content: &str, observed_at: i64) -> Message {
    let version = Version { edited_at: None, observed_at: at(observed_at), origin: Origin::Event };
    Message::new(ChannelId(Uuid::nil()), id(raw), AUTHOR, content.to_owned(), version)
}

fn created(raw: u64, content: &str, observed_at: i64) -> MessageChange {
    MessageChange::Created(Box::new(message(raw, content, observed_at)))
}

fn edited(raw: u64, content: &str, edited_at: i64, observed_at: i64) -> MessageChange {
    let patch = MessagePatch::new(ChannelId(Uuid::nil()), id(raw), at(observed_at));
    let edited_at = Some(Some(at(edited_at)));
    let patch =
        MessagePatch { is_whole: true, author: Some(AUTHOR), content: Some(content.to_owned()), edited_at, ..patch };
    MessageChange::Updated(Box::new(patch))
}

/// The changes are received at the times that they have, which are the order of this list.
fn folded(changes: &[MessageChange], stored: &[StoredMessage]) -> Folded {
    let stored: HashMap<_, _> = stored.iter().map(|stored| (stored.message.id, stored.clone())).collect();
    Folded::new(changes.iter().map(|change| (at(9), change)), &stored)
}

fn contents(folded: &Folded) -> Vec<&str> {
    folded.shown.values().map(|message| message.content.as_str()).collect()
}

#[test]
fn a_message_is_folded_into_its_last_state() {
    let changes = [created(1, "a", 1), created(2, "b", 2), edited(1, "c", 3, 3)];
    let folded = folded(&changes, &[]);
    assert_eq!((contents(&folded), folded.unclear.len()), (vec!["c", "b"], 0));
    assert_eq!(folded.observed_at, Some(at(9)));
    assert_eq!(named(&changes).into_iter().collect::<Vec<_>>(), [id(1), id(2)]);
}

#[test]
fn of_two_edits_the_newer_one_wins_in_any_order() {
    for changes in [[edited(1, "b", 5, 6), edited(1, "a", 4, 7)], [edited(1, "a", 4, 6), edited(1, "b", 5, 7)]] {
        let stored = StoredMessage { message: message(1, "stored", 1), deletion: None };
        assert_eq!(contents(&folded(&changes, &[stored])), ["b"]);
    }
}

#[test]
fn what_is_deleted_stays_deleted_in_any_order() {
    let deleted = || MessageChange::Deleted(vec![id(1)]);
    for changes in [
        [created(1, "a", 1), edited(1, "b", 2, 2), deleted()],
        [deleted(), created(1, "a", 2), edited(1, "b", 3, 3)],
        [edited(1, "b", 2, 2), deleted(), created(1, "a", 3)],
    ] {
        let folded = folded(&changes, &[]);
        assert_eq!((contents(&folded), folded.unclear.len()), (vec![], 0));
        assert!(folded.deleted.contains(&id(1)));
    }
    let gone = StoredMessage { message: message(1, "", 1), deletion: Some(Deletion::explicit(at(1))) };
    assert_eq!(
        folded(&[created(1, "a", 2), edited(1, "b", 3, 3)], &[gone]),
        Folded { observed_at: Some(at(9)), ..Folded::default() }
    );
}

#[test]
fn the_first_form_of_a_message_is_older_than_any_other() {
    let stored = StoredMessage { message: message(1, "unfurled", 1), deletion: None };
    assert_eq!(contents(&folded(&[created(1, "a", 5)], std::slice::from_ref(&stored))), Vec::<&str>::new());
    let exported = Version { origin: Origin::Export, ..stored.message.version };
    let exported = StoredMessage { message: Message { version: exported, ..stored.message }, deletion: None };
    assert_eq!(contents(&folded(&[created(1, "a", 5)], &[exported])), ["a"]);
    assert_eq!(contents(&folded(&[edited(1, "b", 3, 3), created(1, "a", 5)], &[])), ["b"]);
}

#[test]
fn a_part_of_an_unknown_message_is_requested_and_the_whole_is_stored_too() {
    let patch = MessagePatch::new(ChannelId(Uuid::nil()), id(1), at(3));
    let part = MessageChange::Updated(Box::new(MessagePatch { pinned: Some(true), ..patch }));
    let of_part = folded(&[part], &[]);
    assert_eq!((contents(&of_part).len(), of_part.unclear.contains(&id(1))), (0, true));
    let of_whole = folded(&[edited(1, "b", 3, 3)], &[]);
    assert_eq!((contents(&of_whole), of_whole.unclear.contains(&id(1))), (vec!["b"], true));
}

#[test]
fn an_event_that_comes_after_a_newer_page_changes_nothing() {
    let newer = Version { edited_at: None, observed_at: at(20), origin: Origin::Page };
    let stored = StoredMessage { message: Message { version: newer, ..message(1, "of the page", 20) }, deletion: None };
    let patch = MessagePatch::new(ChannelId(Uuid::nil()), id(1), at(10));
    let late = MessageChange::Updated(Box::new(MessagePatch { pinned: Some(true), ..patch }));
    assert_eq!(contents(&folded(&[late], &[stored])), Vec::<&str>::new());
}

#[test]
fn a_vote_names_its_message_unless_that_is_deleted() {
    let vote = || MessageChange::VoteAdded(PollVote { message: id(1), answer: 1, person: Pseudonym::new([1; 16]) });
    let changed = folded(&[vote(), vote()], &[]);
    assert_eq!((changed.unclear.len(), changed.shown.len()), (1, 0));
    assert!(folded(&[vote(), MessageChange::Deleted(vec![id(1)]), vote()], &[]).unclear.is_empty());
}

#[test]
fn what_is_for_one_person_or_still_empty_is_not_stored() {
    for flags in [1 << 6, 1 << 7] {
        let passing = Message { flags, ..message(1, "", 1) };
        assert!(folded(&[MessageChange::Created(Box::new(passing))], &[]).shown.is_empty());
    }
    assert_eq!(contents(&folded(&[edited(1, "an answer", 3, 3)], &[])), ["an answer"]);
}

#[test]
fn the_payload_of_a_deleted_message_is_not_stored_in_any_order() {
    let unreadable = || {
        let payload = Unreadable::refused(ChannelId(Uuid::nil()), id(1), "too long".to_owned(), at(1));
        MessageChange::Unreadable(Box::new(payload))
    };
    let deleted = || MessageChange::Deleted(vec![id(1)]);
    for changes in [[unreadable(), deleted()], [deleted(), unreadable()]] {
        let folded = folded(&changes, &[]);
        assert_eq!((folded.unreadable.len(), folded.unclear.len()), (0, 0));
    }
    let folded = folded(&[unreadable()], &[]);
    assert_eq!((folded.unreadable.len(), folded.unclear.contains(&id(1))), (1, true));
}

#[test]
fn a_part_of_a_message_that_seems_deleted_is_not_added_to_what_is_left_of_it() {
    let hidden = StoredMessage { message: message(1, "", 1), deletion: Some(Deletion::inferred(at(2))) };
    let patch = MessagePatch::new(ChannelId(Uuid::nil()), id(1), at(3));
    let part = MessageChange::Updated(Box::new(MessagePatch { pinned: Some(true), ..patch }));
    let folded = folded(&[part], &[hidden]);
    assert_eq!((contents(&folded).len(), folded.unclear.contains(&id(1))), (0, true));
}
