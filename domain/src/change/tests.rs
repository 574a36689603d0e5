use super::*;

const EPOCH: Uuid = Uuid::from_u128(7);
const LOG: LogExtent = LogExtent { epoch: EPOCH, first: 4, last: 9 };

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<NumberedChange> {
    let change = Change { tenant_id: TenantId(Uuid::nil()), kind: ChangeKind::Tenant };
    numbers.into_iter().map(|number| NumberedChange { number, change }).collect()
}

fn resync() -> Followed {
    Followed::Resync { position: LOG.end() }
}

#[test]
fn a_reader_gets_what_follows_its_position_and_the_next_position() {
    let Followed::Changes { changes, position, behind } = LOG.answer(&LOG.position(5), numbered(6..=8), 3) else {
        panic!("the log has them")
    };
    assert_eq!((changes.len(), position, behind), (3, LOG.position(8), 1));
    let Followed::Changes { changes, position, behind } = LOG.answer(&LOG.end(), numbered([]), 3) else {
        panic!("this is the end")
    };
    assert_eq!((changes.len(), position, behind), (0, LOG.end(), 0));
}

#[test]
fn the_first_position_is_the_one_before_the_floor() {
    assert_eq!(LOG.number_at(&LOG.position(3)), Some(3));
    assert_eq!(LOG.number_at(&LOG.position(2)), None);
    let empty = LogExtent { first: 10, ..LOG };
    assert_eq!((empty.number_at(&LOG.end()), empty.number_at(&LOG.position(8))), (Some(9), None));
    let never = LogExtent { first: 1, last: 0, ..LOG };
    assert_eq!(never.number_at(&never.end()), Some(0));
}

#[test]
fn a_hole_is_a_resync() {
    for numbers in [vec![], vec![6], vec![7, 8, 9], vec![6, 7, 9], vec![5, 6, 7]] {
        assert_eq!(LOG.answer(&LOG.position(5), numbered(numbers.clone()), 3), resync(), "{numbers:?}");
    }
}

#[test]
fn a_position_that_is_not_of_this_log_is_a_resync() {
    let other = LogExtent { epoch: Uuid::from_u128(8), ..LOG };
    let texts = ["", "7", ".7", "x.7", "00000000000000000000000000000007.", "00000000000000000000000000000007.x"];
    let broken = texts.map(|text| ChangePosition::from_text(text.to_owned()));
    for position in broken.into_iter().chain([other.position(5), LOG.position(10), LOG.position(u64::MAX)]) {
        assert_eq!(LOG.answer(&position, numbered(6..=8), 3), resync(), "{position:?}");
    }
}

#[test]
fn a_position_survives_its_text() {
    let position = LOG.position(u64::MAX - 1);
    assert_eq!(ChangePosition::from_text(position.as_text().to_owned()), position);
    assert!(position.as_text().len() <= 60);
}

#[test]
fn trimming_keeps_the_newest_and_goes_in_steps() {
    for (kept, limit, last) in [(0, 100, Some(9)), (2, 100, Some(7)), (2, 1, Some(4)), (6, 100, None), (100, 1, None)] {
        assert_eq!(LOG.trimmable(kept, limit), last, "{kept} kept, {limit} at a time");
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
        ChangeKind::Tenant,
        ChangeKind::TenantGone,
        ChangeKind::GuildItems,
        ChangeKind::Files { channel, interval },
    ];
    for kind in kinds {
        assert_eq!(ChangeKind::from_stored(kind.as_number(), kind.channel(), kind.interval()), Some(kind));
    }
    for (number, channel, interval) in [(0, None, None), (2, Some(channel), Some(interval)), (5, None, None)] {
        assert_eq!(ChangeKind::from_stored(number, channel, interval), None);
    }
}
