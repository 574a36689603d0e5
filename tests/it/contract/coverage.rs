//! The coverage of channels.

use domain::channel::{ChannelId, ChannelKind};
use domain::coverage::{Coverage, CoverageState, Interval, Observation, Part};
use domain::message::MessageId;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;

use super::contract;
use super::fixture::{
    FIRST, HARD_TEXT, LAST, at, begin, channel, id, interval, one_channel, page, put, thread, upsert,
};

contract![
    a_channel_that_was_never_read_has_an_empty_coverage,
    intervals_that_touch_become_one,
    the_newest_run_is_the_interval,
    a_run_goes_down_through_any_number_of_segments,
    a_page_over_many_segments_joins_them,
    a_start_is_reached_by_the_smallest_id,
    segments_tell_when_each_part_was_seen,
    a_gap_below_the_newest_run_is_never_complete,
    what_a_source_without_proof_covers_is_recorded_by_itself,
    a_channel_was_read_whole_when_its_oldest_part_was,
    a_channel_is_observed_any_number_of_times_in_pieces,
    a_note_keeps_the_latest_look,
    a_channel_that_was_seen_empty_is_complete,
    an_earlier_look_than_the_noted_one_changes_nothing,
    a_later_look_keeps_what_was_seen_from_the_start,
    an_empty_page_proves_as_much_as_any,
    a_note_takes_every_moment_and_text,
    a_channel_that_is_deleted_stays_so,
    coverage_is_listed_to_the_end_without_what_has_no_messages,
];

async fn find(store: &dyn Store, channel: ChannelId) -> Coverage {
    store.read().await.unwrap().coverage().find(channel).await.unwrap().unwrap()
}

async fn record_check(
    store: &dyn Store,
    channel: ChannelId,
    checked_at: i64,
    start_reached: bool,
    reason: Option<&str>,
) {
    let mut unit = begin(store).await;
    unit.coverage().record_check(channel, at(checked_at), start_reached, reason.map(str::to_owned)).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_channel_that_was_never_read_has_an_empty_coverage(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let empty = Coverage {
        channel_id: here.id,
        interval: None,
        start_reached: false,
        message_count: 0,
        unreadable_count: 0,
        reason: None,
        checked_at: None,
        read_whole_at: None,
    };
    assert_eq!(find(store, here.id).await, empty);
    let mut unit = begin(store).await;
    let unknown = ChannelId::of(tenant.id, "404".parse().unwrap());
    assert_eq!(unit.coverage().find(unknown).await.unwrap(), None);
    assert!(unit.coverage().segments(unknown).await.unwrap().parts().is_empty());
    let refused = unit.coverage().record_check(unknown, at(1), false, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { what: "channel" }), "{refused:?}");
}

async fn intervals_that_touch_become_one(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 19), 1, [10, 15], "a")).await;
    put(store, &here, &page(&here, interval(20, 29), 1, [20, 25], "a")).await;
    put(store, &here, &page(&here, interval(5, 12), 2, [10], "a")).await;
    let held = find(store, here.id).await;
    assert_eq!((held.interval, held.start_reached, held.message_count), (interval(5, 29), false, 4));
    assert_eq!((held.state(), held.checked_at), (CoverageState::Partial, Some(at(2))));
}

async fn the_newest_run_is_the_interval(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 19), 1, [15], "a")).await;
    put(store, &here, &page(&here, interval(40, 49), 1, [45], "a")).await;
    assert_eq!(find(store, here.id).await.interval, interval(40, 49));
    put(store, &here, &page(&here, interval(20, 39), 1, [], "")).await;
    assert_eq!(find(store, here.id).await.interval, interval(10, 49));
    // A page that does not show any interval completely proves nothing.
    put(store, &here, &page(&here, None, 9, [60], "a")).await;
    assert_eq!(find(store, here.id).await.interval, interval(10, 49));
}

async fn a_run_goes_down_through_any_number_of_segments(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    // Each part was observed at a different time, so no two of them merge.
    for low in (1..=401).rev().step_by(2).filter(|low| *low != 201) {
        let seen = 1000 - i64::try_from(low).unwrap();
        put(store, &here, &page(&here, interval(low, low + 1), seen, [low], "a")).await;
    }
    assert_eq!(find(store, here.id).await.interval, interval(203, 402));
    put(store, &here, &page(&here, interval(201, 201), 1, [], "")).await;
    assert_eq!(find(store, here.id).await.interval, interval(203, 402));
    put(store, &here, &page(&here, interval(202, 202), 1, [], "")).await;
    let held = find(store, here.id).await;
    assert_eq!((held.interval, held.start_reached), (interval(1, 402), true));
}

async fn a_page_over_many_segments_joins_them(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let lows = (10..=400).step_by(10);
    for low in lows.clone() {
        put(store, &here, &page(&here, interval(low, low + 4), 1, [low], "a")).await;
    }
    // It touches the one below, and ends inside of another.
    put(store, &here, &page(&here, interval(105, 333), 2, [], "")).await;
    let joined = |low: &u64| (110..=330).contains(low);
    let expected =
        lows.filter(|low| !joined(low)).map(|low| interval(low, if low == 100 { 334 } else { low + 4 }).unwrap());
    let segments = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
    assert_eq!(segments.segments().map(|segment| segment.interval()).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(find(store, here.id).await.message_count, 17, "what the page lacks is deleted");
}

async fn a_start_is_reached_by_the_smallest_id(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let from_start = Interval::new(MessageId::MIN, id(19));
    put(store, &here, &page(&here, from_start, 1, [15], "a")).await;
    let held = find(store, here.id).await;
    assert_eq!((held.interval, held.start_reached, held.state()), (interval(15, 19), true, CoverageState::Complete));
    put(store, &here, &page(&here, Interval::new(id(20), MessageId::MAX), 1, [], "")).await;
    assert_eq!(find(store, here.id).await.interval, Interval::new(id(15), MessageId::MAX));
}

async fn segments_tell_when_each_part_was_seen(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 100), 5, [], "")).await;
    put(store, &here, &page(&here, interval(40, 60), 9, [], "")).await;
    // An observation earlier than both adds only the ids outside of them.
    put(store, &here, &page(&here, interval(50, 200), 2, [], "")).await;
    let expected = [(1, 39, 5), (40, 60, 9), (61, 100, 5), (101, 200, 2)]
        .map(|(low, high, seen)| Part::from(Observation::new(interval(low, high).unwrap(), at(seen))));
    let segments = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
    assert_eq!(segments.parts(), expected);
    assert_eq!(segments.segments().count(), 1, "what touches is one segment");
    assert_eq!(find(store, here.id).await.checked_at, Some(at(9)));
}

async fn a_gap_below_the_newest_run_is_never_complete(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, Interval::new(MessageId::MIN, id(19)), 1, [15], "a")).await;
    assert_eq!(find(store, here.id).await.state(), CoverageState::Complete);
    put(store, &here, &page(&here, interval(40, 49), 2, [45], "a")).await;
    let found = find(store, here.id).await;
    assert_eq!((found.interval, found.start_reached, found.state()), (interval(40, 49), false, CoverageState::Partial));
    put(store, &here, &page(&here, interval(20, 39), 3, [], "")).await;
    let found = find(store, here.id).await;
    assert_eq!((found.interval, found.state()), (interval(15, 49), CoverageState::Complete));
}

async fn a_channel_is_observed_any_number_of_times_in_pieces(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    for (seen, cut) in [(1, 30), (2, 30), (3, 30), (4, 20), (5, 40), (5, 41), (3, 10), (6, 30), (6, 30)] {
        put(store, &here, &page(&here, Interval::new(MessageId::MIN, id(cut)), seen, [9], "a")).await;
        put(store, &here, &page(&here, interval(cut + 1, 50), seen, [50], "a")).await;
        let found = find(store, here.id).await;
        assert_eq!((found.interval, found.state()), (interval(9, 50), CoverageState::Complete), "{seen}, cut at {cut}");
    }
}

async fn record(store: &dyn Store, channel: ChannelId, observations: &[Observation]) {
    let mut unit = begin(store).await;
    unit.coverage().record(channel, observations).await.unwrap();
    unit.commit().await.unwrap();
}

async fn what_a_source_without_proof_covers_is_recorded_by_itself(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 20), 5, [15], "a")).await;
    let claim =
        |low, high| Observation { interval: interval(low, high).unwrap(), observed_at: at(9), proves_absence: false };
    for _ in 0..2 {
        record(store, here.id, &[claim(1, 30), claim(32, 40)]).await;
        let held = find(store, here.id).await;
        assert_eq!((held.interval, held.start_reached, held.checked_at), (interval(32, 40), false, Some(at(9))));
        let segments = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
        let rows: Vec<Interval> = segments.segments().map(|segment| segment.interval()).collect();
        assert_eq!(rows, [interval(1, 30).unwrap(), interval(32, 40).unwrap()]);
        assert_eq!([9, 15, 21].map(|raw| segments.absent_at(id(raw))), [None, Some(at(5)), None]);
    }
    record(store, here.id, &[claim(31, 31)]).await;
    assert_eq!(find(store, here.id).await.state(), CoverageState::Complete);
    let unknown = ChannelId::of(tenant.id, "404".parse().unwrap());
    let refused = begin(store).await.coverage().record(unknown, &[claim(1, 2)]).await.unwrap_err();
    assert!(matches!(refused, StoreError::Missing { what: "channel" }), "{refused:?}");
}

async fn a_channel_was_read_whole_when_its_oldest_part_was(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 20), 5, [15], "a")).await;
    assert_eq!(find(store, here.id).await.read_whole_at, None, "the start is not reached");
    put(store, &here, &page(&here, Interval::new(MessageId::MIN, id(9)), 6, [], "")).await;
    put(store, &here, &page(&here, interval(21, 30), 9, [25], "a")).await;
    let whole = find(store, here.id).await;
    assert_eq!(whole.read_whole_at, Some(at(5)));
    let listed = store.read().await.unwrap().coverage().list(tenant.id, Page { after: None, limit: 10 }).await.unwrap();
    assert_eq!(listed, [whole]);
    put(store, &here, &page(&here, interval(10, 30), 8, [15, 25], "a")).await;
    assert_eq!(find(store, here.id).await.read_whole_at, Some(at(6)));
}

async fn a_note_keeps_the_latest_look(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let seen = async || {
        let held = find(store, here.id).await;
        (held.checked_at, held.reason, held.start_reached)
    };
    record_check(store, here.id, 5, false, Some("no permission")).await;
    assert_eq!(find(store, here.id).await.state(), CoverageState::Unreadable);
    record_check(store, here.id, 4, false, None).await;
    assert_eq!(seen().await, (Some(at(5)), Some("no permission".to_owned()), false));
    record_check(store, here.id, 6, false, Some("truncated")).await;
    record_check(store, here.id, 6, false, Some("truncated")).await;
    assert_eq!(seen().await, (Some(at(6)), Some("truncated".to_owned()), false));
    let quoted = r#"it's "" :low; -- ? %s 🧵"#;
    record_check(store, here.id, 6, false, Some(quoted)).await;
    assert_eq!(seen().await, (Some(at(6)), Some(quoted.to_owned()), false));
    record_check(store, here.id, 7, false, None).await;
    assert_eq!(seen().await, (Some(at(7)), None, false));
    // If there are intervals, they alone decide whether the start is reached.
    put(store, &here, &page(&here, interval(5, 9), 8, [5], "a")).await;
    record_check(store, here.id, 9, true, None).await;
    assert_eq!(seen().await, (Some(at(9)), None, false));
}

async fn a_channel_that_was_seen_empty_is_complete(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    record_check(store, here.id, 5, true, None).await;
    let held = find(store, here.id).await;
    assert_eq!((held.start_reached, held.interval, held.state()), (true, None, CoverageState::Complete));
}

async fn coverage_is_listed_to_the_end_without_what_has_no_messages(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let bare = [ChannelKind::CATEGORY, ChannelKind::FORUM, ChannelKind::MEDIA, ChannelKind::DIRECTORY];
    let bare: Vec<_> = (20..).zip(bare).map(|(number, kind)| channel(&tenant, number, kind)).collect();
    let full = [channel(&tenant, 30, ChannelKind::VOICE), channel(&tenant, 31, ChannelKind(99)), thread(&here, 32)];
    upsert(store, &bare.iter().chain(&full).collect::<Vec<_>>()).await;
    put(store, &full[2], &page(&full[2], interval(1, 9), 1, [5], "a")).await;
    let mut expected: Vec<ChannelId> = full.iter().chain([&here]).map(|channel| channel.id).collect();
    expected.sort();
    for limit in 1..=5 {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let mut read = store.read().await.unwrap();
            let page = read.coverage().list(tenant.id, Page { after, limit }).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.channel_id);
            for one in page {
                assert_eq!(read.coverage().find(one.channel_id).await.unwrap().as_ref(), Some(&one));
                found.push(one.channel_id);
            }
        }
        assert_eq!(found, expected, "{limit} at a time");
    }
}

async fn an_earlier_look_than_the_noted_one_changes_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    record_check(store, here.id, 5, false, Some("truncated")).await;
    let checked = find(store, here.id).await;
    record_check(store, here.id, 4, true, None).await;
    assert_eq!(find(store, here.id).await, checked);
    put(store, &here, &page(&here, interval(1, 9), 8, [5], "a")).await;
    let paged = find(store, here.id).await;
    record_check(store, here.id, 7, false, Some("no permission")).await;
    assert_eq!(find(store, here.id).await, paged);
}

async fn a_later_look_keeps_what_was_seen_from_the_start(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    record_check(store, here.id, 5, true, None).await;
    record_check(store, here.id, 6, false, Some("no permission")).await;
    let held = find(store, here.id).await;
    assert_eq!((held.start_reached, held.reason.as_deref()), (true, Some("no permission")));
}

async fn an_empty_page_proves_as_much_as_any(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let nothing = page(&here, Interval::new(MessageId::MIN, MessageId::MAX), 3, [], "");
    assert!(put(store, &here, &nothing).await.is_unchanged());
    let held = find(store, here.id).await;
    assert_eq!(held.interval, Interval::new(MessageId::MIN, MessageId::MAX));
    assert_eq!((held.start_reached, held.message_count, held.checked_at), (true, 0, Some(at(3))));
    assert_eq!(held.state(), CoverageState::Complete);
}

async fn a_channel_that_is_deleted_stays_so(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    record_check(store, here.id, 5, false, Some("truncated")).await;
    // At whatever time it was observed, and whatever is observed later.
    record_check(store, here.id, 4, false, Some(Coverage::DELETED)).await;
    assert!(find(store, here.id).await.is_deleted());
    for reason in [None, Some("truncated")] {
        record_check(store, here.id, 6, false, reason).await;
        assert!(find(store, here.id).await.is_deleted());
    }
    let other = Coverage { reason: None, checked_at: Some(at(9)), ..find(store, here.id).await };
    let mut unit = begin(store).await;
    unit.coverage().restore(&other, &domain::coverage::Segments::default()).await.unwrap();
    unit.commit().await.unwrap();
    assert!(find(store, here.id).await.is_deleted());
}

async fn a_note_takes_every_moment_and_text(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    for (moment, reason) in [(FIRST, ""), (LAST, HARD_TEXT)] {
        record_check(store, here.id, moment, false, Some(reason)).await;
        let held = find(store, here.id).await;
        assert_eq!((held.checked_at, held.reason.as_deref()), (Some(at(moment)), Some(reason)));
    }
}
