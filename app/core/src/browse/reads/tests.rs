use domain::channel::ChannelSnowflake;
use uuid::Uuid;

use super::*;

fn channel(raw: u64) -> ChannelId {
    ChannelId::of(TenantId(Uuid::nil()), ChannelSnowflake::new(raw).unwrap())
}

fn messages(of: u64, low: u64, high: u64) -> Part {
    let id = |raw| MessageId::new(raw).unwrap();
    (Topic::Messages(channel(of)), Interval::new(id(low), id(high)).unwrap())
}

#[test]
fn a_response_is_left_by_changes_to_other_parts_alone() {
    let reads = Reads::of([messages(1, 10, 20), whole(Topic::Counts(channel(2)))]);
    let left = |touch: Part| {
        let mut recent = Recent::default();
        recent.add(&[touch]);
        recent.has_left(&reads, 0)
    };
    assert!(left(messages(1, 1, 9)) && left(messages(1, 21, 30)) && left(messages(2, 10, 20)));
    assert!(left(whole(Topic::Counts(channel(1)))) && left(whole(Topic::Channel(channel(2)))));
    assert!(!left(messages(1, 1, 10)) && !left(messages(1, 20, 20)) && !left(messages(1, 12, 13)));
    assert!(!left(whole(Topic::Counts(channel(2)))));
}

#[test]
fn only_changes_after_the_snapshot_count() {
    let (reads, mut recent) = (Reads::of([messages(1, 1, 5)]), Recent::default());
    recent.add(&[messages(1, 3, 3)]);
    let after = recent.position();
    assert!(!recent.has_left(&reads, 0) && recent.has_left(&reads, after));
    recent.add(&[messages(2, 3, 3)]);
    assert!(recent.has_left(&reads, after));
    recent.reset();
    assert!(!recent.has_left(&reads, after), "whatever changed before a reset is unknown");
    assert!(recent.has_left(&reads, recent.position()));
}

#[test]
fn a_snapshot_that_is_older_than_the_remembered_changes_may_lack_any() {
    let (reads, mut recent) = (Reads::of([messages(1, 1, 5)]), Recent::default());
    recent.add(&vec![messages(2, 1, 1); REMEMBERED]);
    assert!(recent.has_left(&reads, 0));
    recent.add(&[messages(2, 1, 1)]);
    assert!(!recent.has_left(&reads, 0) && recent.has_left(&reads, 1));
}

#[test]
fn a_response_of_too_many_parts_is_not_traced() {
    let part = |raw: usize| messages(1, 2 * raw as u64 + 1, 2 * raw as u64 + 1);
    assert!(Reads::of((0..MOST).map(part)).is_traced());
    assert!(!Reads::of((0..=MOST).map(part)).is_traced());
}

#[tokio::test]
async fn the_snapshots_of_one_response_record_together() {
    let work = async {
        let recorder = Recorder::current().unwrap();
        recorder.add([messages(1, 1, 5)]);
        recorder.add([messages(1, 2, 3)]);
        Recorder::current().unwrap().add_relative_time();
    };
    let ((), reads) = recorded(work).await;
    assert_eq!(reads.parts().collect::<Vec<_>>(), [messages(1, 1, 5)]);
    assert!(reads.is_traced() && reads.has_relative_times() && Recorder::current().is_none());
}
