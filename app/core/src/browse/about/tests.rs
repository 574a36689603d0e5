use domain::coverage::Interval;
use domain::message::MessageId;
use uuid::Uuid;

use super::*;

#[test]
fn an_archive_begins_with_the_oldest_message_of_a_channel_that_has_any() {
    let id = |raw: u64| raw.to_string().parse::<MessageId>().unwrap();
    let channel = |message_count, interval| Coverage {
        channel_id: ChannelId(Uuid::nil()),
        interval,
        start_reached: true,
        message_count,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
        read_whole_at: None,
    };
    let (old, new) = (id(3 << 40), id(7 << 40));
    let mut extent = Extent::default();
    extent.add(&channel(0, Some(Interval::up_to(new))));
    assert_eq!((extent.since, extent.messages), (None, 0));
    for low in [new, old, new] {
        extent.add(&channel(2, Interval::new(low, new)));
    }
    assert_eq!((extent.since, extent.messages), (Some(old.created_at()), 6));
}
