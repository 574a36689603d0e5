use domain::coverage::Interval;
use domain::message::MessageId;

use super::batch::merged;

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

#[test]
fn intervals_that_touch_are_read_once() {
    let interval = |low, high| Interval::new(id(low), id(high)).unwrap();
    let all = merged(vec![interval(20, 30), interval(1, 5), interval(25, 40), interval(50, 60)]);
    assert_eq!(all, [interval(1, 5), interval(20, 40), interval(50, 60)]);
}
