use domain::channel::{ChannelId, ChannelKind, ChannelSnowflake};
use domain::export::ExportChannel;
use domain::message::{Author, Origin, Version};
use domain::pseudonym::Pseudonym;
use domain::tenant::{Platform, PlatformId, TenantId};
use domain::timestamp::Timestamp;
use ports::source::{ExportEnd, ExportGuild, ExportPart, MessageOrder};

use super::*;

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn interval(low: u64, high: u64) -> Interval {
    Interval::new(id(low), id(high)).unwrap()
}

fn message(raw: u64) -> Message {
    let guild = PlatformId::new("1").unwrap();
    let channel = ChannelId::of(TenantId::of(Platform::Discord, &guild), ChannelSnowflake::new(5).unwrap());
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let observed_at = Timestamp::from_millis(0).unwrap();
    let version = Version { edited_at: None, observed_at, origin: Origin::Export };
    Message::new(channel, id(raw), author, String::new(), version)
}

/// A part of an export with messages from `low` to `high`, requested after `after`.
fn summary(number: u32, (low, high): (u64, u64), after: Option<u64>) -> ExportSummary {
    ExportSummary {
        guild: ExportGuild { platform_id: PlatformId::new("1").unwrap(), name: "Guild".to_owned() },
        channel: ExportChannel {
            platform_id: ChannelSnowflake::new(5).unwrap(),
            kind: ChannelKind::TEXT,
            name: "general".to_owned(),
            topic: None,
            parent: None,
            extra: None,
        },
        exported_at: Timestamp::from_millis(0).unwrap(),
        has_range: true,
        after: after.map(id),
        part: ExportPart { of: "a".to_owned(), number },
        messages: 2,
        ids: Some((id(low), id(high))),
        order: MessageOrder::Ascending,
        roles: Vec::new(),
        end: ExportEnd::Whole,
        unreadable: Vec::new(),
        size_bytes: 0,
    }
}

/// The shares of batches of messages with these ids.
fn shares(proof: Proof, batches: &[&[u64]]) -> Vec<Option<(u64, u64)>> {
    let mut tiles = Tiles::new(proof);
    let share = |(index, batch): (usize, &&[u64])| {
        let messages: Vec<Message> = batch.iter().map(|raw| message(*raw)).collect();
        let share = tiles.next(&messages, index + 1 == batches.len())?;
        Some((share.low().get(), share.high().get()))
    };
    batches.iter().enumerate().map(share).collect()
}

#[test]
fn a_proof_begins_where_the_file_was_asked_to_begin() {
    let rising = |number, after, before: Option<&ExportSummary>| {
        Proof::rising(&summary(number, (50, 90), after), number, before)
    };
    assert_eq!(rising(1, None, None), Proof::Rising(interval(1, 90)));
    assert_eq!(rising(1, Some(20), None), Proof::Rising(interval(21, 90)));
    assert_eq!(rising(1, Some(60), None), Proof::Rising(interval(50, 90)), "it may hold more than it was asked for");
    assert_eq!(rising(2, None, None), Proof::Rising(interval(50, 90)));
    assert_eq!(rising(2, None, Some(&summary(1, (10, 30), None))), Proof::Rising(interval(31, 90)));
    assert_eq!(rising(2, None, Some(&summary(1, (10, 70), None))), Proof::Rising(interval(50, 90)));
}

#[test]
fn a_proof_of_falling_messages_ends_where_the_file_was_asked_to_begin() {
    let falling =
        |parted, after, before: Option<&ExportSummary>| Proof::falling(&summary(1, (50, 90), after), before, parted);
    assert_eq!(falling(false, None, None), Proof::Falling(interval(1, 90)));
    assert_eq!(falling(false, Some(20), None), Proof::Falling(interval(21, 90)));
    assert_eq!(falling(true, None, None), Proof::Falling(interval(50, 90)));
    assert_eq!(falling(true, None, Some(&summary(1, (100, 200), None))), Proof::Falling(interval(50, 99)));
    assert_eq!(falling(true, None, Some(&summary(1, (10, 30), None))), Proof::Falling(interval(50, 90)));
}

#[test]
fn the_shares_of_the_batches_leave_no_gap() {
    let rising = Proof::Rising(interval(1, 90));
    assert_eq!(shares(rising, &[&[10, 20], &[50], &[60, 90]]), [Some((1, 20)), Some((21, 50)), Some((51, 90))]);
    let falling = Proof::Falling(interval(1, 95));
    assert_eq!(shares(falling, &[&[60, 90], &[50], &[10, 20]]), [Some((60, 95)), Some((50, 59)), Some((1, 49))]);
    assert_eq!(shares(Proof::Nothing, &[&[60, 90], &[50]]), [None, None]);
}
