use uuid::Uuid;

use super::{RECHECK, Repair, SyncState};
use crate::channel::ChannelId;
use crate::coverage::{Coverage, Interval};
use crate::message::MessageId;
use crate::timestamp::Timestamp;

const CHANNEL: ChannelId = ChannelId(Uuid::nil());

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_sync_repairs_the_stored_messages_since_a_day_before_the_last_recheck() {
    let rechecked_at = at("2026-03-02T12:00:00Z");
    let newest = MessageId::first_at(at("2026-03-02T18:00:00Z"));
    let coverage = Coverage {
        channel_id: CHANNEL,
        interval: Interval::new(MessageId::first_at(at("2026-01-01T00:00:00Z")), newest),
        start_reached: true,
        message_count: 2,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
        read_whole_at: None,
    };
    let state = SyncState { rechecked_at: Some(rechecked_at), ..SyncState::new(CHANNEL) };
    let requested_at = at("2026-03-02T20:00:00Z");
    let low = MessageId::first_at(rechecked_at.minus(RECHECK));
    let repair = Repair { since: requested_at, interval: Interval::new(low, newest).unwrap() };
    assert_eq!(Repair::of(&coverage, Some(&state), requested_at), Some(repair));
    let done = SyncState { rechecked_at: Some(requested_at), ..state };
    assert_eq!(Repair::of(&coverage, Some(&done), requested_at), None, "it has rechecked the channel");
    assert_eq!(Repair::of(&coverage, None, requested_at), None, "the channel is read for the first time");
    let old = Coverage {
        interval: Some(Interval::up_to(MessageId::first_at(at("2026-02-01T00:00:00Z")))),
        ..coverage.clone()
    };
    assert_eq!(Repair::of(&old, Some(&state), requested_at), None, "it has no recent message");
    let deleted = Coverage { reason: Some(Coverage::DELETED.to_owned()), ..coverage };
    assert_eq!(Repair::of(&deleted, Some(&state), requested_at), None);
}
