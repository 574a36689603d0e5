use super::*;

const EPOCH: Uuid = Uuid::from_u128(7);

/// A log with one partition.
fn log() -> LogExtent {
    LogExtent { epoch: EPOCH, partitions: vec![Partition { first: 4, last: 9 }] }
}

/// Returns a partition by the numbers of its changes inside of it.
fn partition(number: u8, first: u64, last: u64) -> Partition {
    Partition { first: Partition::base(number) + first, last: Partition::base(number) + last }
}

/// A log with three partitions, of which one is empty.
fn divided() -> LogExtent {
    LogExtent { epoch: EPOCH, partitions: vec![partition(0, 4, 9), partition(1, 1, 0), partition(2, 1, 3)] }
}

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<NumberedChange> {
    let change = Change { tenant_id: TenantId(Uuid::nil()), kind: ChangeKind::Tenant };
    numbers.into_iter().map(|number| NumberedChange { number, change }).collect()
}

/// Returns the response to a reader at `position` for which the store found these changes.
fn answer(log: &LogExtent, position: &ChangePosition, limit: u32, found: Vec<NumberedChange>) -> Followed {
    log.answer(log.unread(position, limit).as_deref(), found)
}

/// Returns the number of changes, the next position and the number behind it.
fn received(followed: Followed) -> (usize, ChangePosition, u64) {
    match followed {
        Followed::Changes { changes, position, behind } => (changes.len(), position, behind),
        Followed::Resync { .. } => panic!("the log has them"),
    }
}

#[test]
fn a_reader_gets_what_follows_its_position_and_the_next_position() {
    let log = log();
    let first = answer(&log, &log.position([5]), 3, numbered(6..=8));
    assert_eq!(received(first), (3, log.position([8]), 1));
    assert_eq!(received(answer(&log, &log.end(), 3, numbered([]))), (0, log.end(), 0));
}

#[test]
fn the_first_position_is_the_one_before_the_floor() {
    let after = |log: &LogExtent, number| log.unread(&log.position([number]), 9).map(|unread| unread[0].after);
    assert_eq!((after(&log(), 3), after(&log(), 2)), (Some(3), None));
    let empty = LogExtent { partitions: vec![Partition { first: 10, last: 9 }], ..log() };
    assert_eq!((after(&empty, 9), after(&empty, 8)), (Some(9), None));
    let never = LogExtent { partitions: vec![Partition { first: 1, last: 0 }], ..log() };
    assert_eq!(after(&never, 0), Some(0));
}

#[test]
fn a_hole_is_a_resync() {
    let (log, resync) = (log(), Followed::Resync { position: log().end() });
    for numbers in [vec![], vec![6], vec![7, 8, 9], vec![6, 7, 9], vec![5, 6, 7], vec![6, 6, 7]] {
        assert_eq!(answer(&log, &log.position([5]), 3, numbered(numbers.clone())), resync, "{numbers:?}");
    }
}

#[test]
fn a_position_that_is_not_of_this_log_is_a_resync() {
    let log = log();
    let other = LogExtent { epoch: Uuid::from_u128(8), ..log.clone() };
    let epoch = "00000000000000000000000000000007";
    let texts = ["", "7", ".7", "x.7", epoch].map(str::to_owned).into_iter();
    let texts = texts.chain(["", "x", "10", "18446744073709551615", "5.0", "5."].map(|rest| format!("{epoch}.{rest}")));
    for position in texts.map(ChangePosition::from_text).chain([other.position([5]), divided().end()]) {
        assert_eq!(log.unread(&position, 3), None, "{position:?}");
        assert_eq!(answer(&log, &position, 3, numbered(6..=8)), Followed::Resync { position: log.end() });
    }
}

#[test]
fn each_partition_is_read_from_its_own_number_on() {
    let log = divided();
    let in_last = |number| Partition::base(2) + number;
    let found = numbered([8, 9, in_last(1), in_last(2), in_last(3)]);
    let from = log.position([7, 0, 0]);
    assert_eq!(received(answer(&log, &from, 9, found)), (5, log.end(), 0));
    let hole = numbered([8, 9, in_last(1), in_last(3)]);
    assert_eq!(answer(&log, &from, 9, hole), Followed::Resync { position: log.end() });
    let (trimmed, ahead) = (log.position([2, 0, 0]), log.position([9, 1, 3]));
    assert_eq!((log.unread(&trimmed, 9), log.unread(&ahead, 9)), (None, None));
    assert!(log.partitions.iter().map(Partition::number).eq([0, 1, 2]));
}

#[test]
fn a_busy_partition_does_not_hold_up_the_others() {
    let busy = LogExtent {
        epoch: EPOCH,
        partitions: vec![partition(0, 1, 1_000), partition(1, 1, 2), partition(2, 1, 0), partition(3, 1, 50)],
    };
    let start = busy.position([0; 4]);
    let lengths = |limit| {
        let unread = busy.unread(&start, limit).unwrap();
        unread.iter().map(|unread| unread.to - unread.after).collect::<Vec<_>>()
    };
    assert_eq!(lengths(9), [4, 2, 0, 3]);
    assert_eq!(lengths(100), [49, 2, 0, 49]);
    assert_eq!(lengths(1_000), [948, 2, 0, 50]);
    assert_eq!(lengths(5_000), [1_000, 2, 0, 50]);
    assert_eq!(lengths(1), [1, 0, 0, 0], "there is always a next one");
}

#[test]
fn a_position_survives_its_text() {
    let partitions = (0..16).map(|number| partition(number, 1, (1 << 56) - 1));
    let log = LogExtent { epoch: EPOCH, partitions: partitions.collect() };
    let position = ChangePosition::from_text(log.end().as_text().to_owned());
    assert_eq!(position, log.end());
    assert!(log.unread(&position, 1).is_some());
    assert!(position.as_text().len() <= 32 + 16 * 18);
}

#[test]
fn trimming_keeps_the_newest_and_goes_in_steps() {
    let partition = Partition { first: 4, last: 9 };
    for (kept, limit, last) in [(0, 100, Some(9)), (2, 100, Some(7)), (2, 1, Some(4)), (6, 100, None), (100, 1, None)] {
        assert_eq!(partition.trimmable(kept, limit), last, "{kept} kept, {limit} at a time");
    }
    assert_eq!(
        self::partition(2, 1, 9).trimmable(u64::from(u32::MAX), 9),
        None,
        "its number is not a part of its length"
    );
}

#[test]
fn the_changes_of_a_channel_are_in_one_partition() {
    let partitions = NonZeroU8::new(16).unwrap();
    let channel = ChannelId(Uuid::from_u128(0x1234));
    for (tenant, kind, expected) in [
        (1, ChangeKind::Channel { channel }, 4),
        (2, ChangeKind::Created { channel, message: MessageId::new(7).unwrap() }, 4),
        (0xf3, ChangeKind::Tenant, 3),
        (0xf3, ChangeKind::GuildItems, 3),
    ] {
        let change = Change { tenant_id: TenantId(Uuid::from_u128(tenant)), kind };
        assert_eq!(change.partition(partitions), expected, "{kind:?}");
        assert_eq!(change.partition(NonZeroU8::MIN), 0);
    }
}

#[test]
fn a_change_that_a_unit_makes_twice_is_logged_once() {
    let channel = |raw| ChangeKind::Channel { channel: ChannelId(Uuid::from_u128(raw)) };
    let change = |kind| Change { tenant_id: TenantId(EPOCH), kind };
    let made = [channel(1), channel(2), channel(1), ChangeKind::Tenant, channel(2)].map(change);
    assert_eq!(distinct(made.to_vec()), [channel(1), channel(2), ChangeKind::Tenant].map(change));
}

#[test]
fn every_kind_survives_its_columns() {
    let (channel, message) = (ChannelId(EPOCH), MessageId::new(5).unwrap());
    let interval = Interval::new(message, MessageId::new(6).unwrap()).unwrap();
    let kinds = [
        ChangeKind::Page { channel, interval },
        ChangeKind::Created { channel, message },
        ChangeKind::Updated { channel, message },
        ChangeKind::Deleted { channel, message },
        ChangeKind::Channel { channel },
        ChangeKind::ChannelGone { channel },
        ChangeKind::ChannelClosed { channel },
        ChangeKind::Tenant,
        ChangeKind::TenantGone,
        ChangeKind::GuildItems,
        ChangeKind::Files { channel, interval },
        ChangeKind::AuthorErased { author: Pseudonym::new([0xfe; 16]) },
    ];
    for kind in kinds {
        assert_eq!(ChangeKind::from_stored(kind.as_number(), kind.subject(), kind.interval()), Some(kind));
    }
    let wrong = [(0, None, None), (2, Some(EPOCH), Some(interval)), (5, None, None), (10, None, None)];
    for (number, subject, interval) in wrong {
        assert_eq!(ChangeKind::from_stored(number, subject, interval), None);
    }
}

#[test]
fn a_position_reaches_another_if_it_is_as_far_in_every_partition() {
    let position = |text: &str| ChangePosition::from_text(text.to_owned());
    for (own, other, expected) in [
        ("e.1.2", "e.1.2", true),
        ("e.10.2", "e.9.2", true),
        ("e.10.1", "e.9.2", false),
        ("e.1.2", "f.1.2", false),
        ("e.1.2", "e.1", false),
        ("e.1", "e.1.2", false),
        ("e.x", "e.1", false),
    ] {
        assert_eq!(position(own).reaches(&position(other)), expected, "{own} {other}");
    }
}
