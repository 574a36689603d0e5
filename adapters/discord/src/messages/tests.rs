use domain::coverage::Interval;
use domain::message::MessageId;
use domain::timestamp::Timestamp;
use ports::guild::MessageCursor::{After, Around, Before};

use super::proven;

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_132_800_000).unwrap()
}

fn interval(low: u64, high: u64) -> Option<Interval> {
    Interval::new(id(low), id(high))
}

#[test]
fn a_page_proves_what_lies_between_its_cursor_and_its_farthest_message() {
    let ends = Some((id(10), id(20)));
    assert_eq!(proven(Before(id(30)), ends, now()), interval(10, 29));
    assert_eq!(proven(After(id(5)), ends, now()), interval(6, 20));
    assert_eq!(proven(Around(id(15)), ends, now()), interval(10, 20));
    assert_eq!(proven(Around(id(25)), ends, now()), interval(10, 25), "the one in the middle is gone");
    assert_eq!(proven(Before(id(1)), None, now()), None);
}

#[test]
fn an_empty_page_reaches_the_start_or_proves_nothing() {
    assert_eq!(proven(Before(id(30)), None, now()), Some(Interval::up_to(id(29))));
    assert_eq!(proven(Around(id(30)), None, now()), Some(Interval::up_to(id(30))));
    assert_eq!(proven(After(id(30)), None, now()), None);
}

#[test]
fn nothing_is_proven_of_the_future() {
    let present = MessageId::first_at(now());
    assert_eq!(proven(Before(MessageId::MAX), None, now()), Some(Interval::up_to(present)));
    let low = id(10);
    assert_eq!(proven(Before(MessageId::MAX), Some((low, id(20))), now()), Interval::new(low, present));
    let newer = present.next().unwrap();
    let proof = proven(Before(MessageId::MAX), Some((low, newer)), now());
    assert_eq!(proof, Interval::new(low, newer), "their clock is ahead, and shows it");
    assert_eq!(proven(Around(MessageId::MAX), None, now()), Some(Interval::up_to(present)));
}
