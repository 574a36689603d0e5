mod memory;

use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Activity, ActivityPlan, MessagePage, Newest, PageError, PageOutcome, Replaced, StoredState, StoredStats,
    StoredVersion, Write, WritePlan,
};
use crate::channel::ChannelId;
use crate::coverage::{Coverage, Interval, NearSegments, Observation, Segments, StoredCoverage};
use crate::day::DayCounts;
use crate::message::{Author, Deletion, Message, MessageId, Origin, Version};
use crate::pseudonym::Pseudonym;
use crate::removal::Removal;
use crate::retention::{Retention, RetentionPeriod};
use crate::timestamp::Timestamp;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn message(raw: u64, content: &str, observed_at: i64) -> Message {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at(observed_at), origin: Origin::Export };
    Message::new(ChannelId(Uuid::nil()), id(raw), author, content.to_owned(), version)
}

fn row(message: &Message) -> StoredVersion {
    StoredVersion {
        id: message.id,
        kind: message.kind,
        version: message.version,
        digest: message.digest(),
        deletion: None,
        counts: DayCounts::of(message),
    }
}

fn whole(low: u64, high: u64, observed_at: i64, messages: Vec<Message>) -> MessagePage {
    MessagePage::new(Interval::new(id(low), id(high)), at(observed_at), messages).unwrap()
}

/// The number of messages that the channel is said to have.
const COUNT: u64 = 100;

fn stats(newest: Option<u64>) -> StoredStats {
    let newest = newest.map(|raw| Newest::from_stored(id(raw), None));
    StoredStats { platform_id: "7".parse().unwrap(), message_count: COUNT, newest }
}

fn planned<'a>(page: &'a MessagePage, rows: &[StoredVersion], proven: &Segments) -> WritePlan<'a> {
    let near = NearSegments::from_stored(proven.segments().collect()).unwrap();
    let (coverage, stats) = (StoredCoverage::default(), stats(None));
    let before = StoredState { rows: rows.to_vec(), near, coverage, stats, has_unreadable: false };
    WritePlan::new(ChannelId(Uuid::nil()), page, &before)
}

/// The change to the number of messages shown to readers.
fn growth(plan: &WritePlan<'_>) -> i64 {
    plan.stats.map_or(0, |stats| stats.message_count.cast_signed() - COUNT.cast_signed())
}

fn writes_no_message(plan: &WritePlan<'_>) -> bool {
    plan.insert.is_empty() && plan.update.is_empty() && plan.touch.is_empty() && plan.delete.is_empty()
}

fn ids<'a>(writes: impl IntoIterator<Item = &'a Write<'a>>) -> Vec<u64> {
    writes.into_iter().map(|write| write.message.id.get()).collect()
}

#[test]
fn a_page_ascends_and_stays_inside_its_interval() {
    let twice = vec![message(5, "a", 1), message(5, "b", 1)];
    assert_eq!(MessagePage::new(None, at(1), twice), Err(PageError::Order(id(5))));
    let outside = vec![message(5, "a", 1), message(9, "b", 1)];
    assert_eq!(MessagePage::new(Interval::new(id(1), id(8)), at(1), outside), Err(PageError::Outside(id(9))));
}

#[test]
fn new_rows_go_in_and_the_same_page_again_changes_nothing() {
    let page = whole(1, 9, 1, vec![message(3, "a", 1), message(5, "b", 1)]);
    assert_eq!(ids(&planned(&page, &[], &Segments::default()).insert), [3, 5]);
    let stored: Vec<_> = page.messages().iter().map(row).collect();
    let again = planned(&page, &stored, &Segments::default());
    assert!(writes_no_message(&again) && again.stats.is_none());
    assert_eq!(again.outcome, PageOutcome { unchanged: 2, ..PageOutcome::default() });
}

#[test]
fn a_newer_version_replaces_and_an_older_one_does_not() {
    let (old, new) = (message(3, "old", 1), message(3, "new", 2));
    let newer = whole(1, 9, 2, vec![new.clone()]);
    assert_eq!(ids(&planned(&newer, &[row(&old)], &Segments::default()).update), [3]);
    let older = whole(1, 9, 1, vec![old]);
    assert_eq!(planned(&older, &[row(&new)], &Segments::default()).outcome.unchanged, 1);
}

#[test]
fn a_later_edit_wins_over_a_later_look() {
    let edited = |millis, observed_at| {
        let mut edited = message(3, "edited", observed_at);
        edited.version.edited_at = Some(at(millis));
        edited
    };
    let page = whole(1, 9, 9, vec![edited(5, 9)]);
    assert_eq!(planned(&page, &[row(&edited(6, 1))], &Segments::default()).outcome.unchanged, 1);
}

fn gone(message: &Message, deletion: Deletion) -> StoredVersion {
    StoredVersion { deletion: Some(deletion), ..row(message) }
}

#[test]
fn an_inferred_deletion_yields_to_an_observation_that_is_not_older() {
    let stored = [gone(&message(3, "a", 1), Deletion::inferred(at(5)))];
    for (time, back) in [(4, false), (5, true), (6, true)] {
        for page in [whole(1, 9, time, vec![message(3, "a", time)]), whole(1, 9, time, vec![message(3, "new", time)])] {
            let plan = planned(&page, &stored, &Segments::default());
            assert_eq!((plan.outcome.updated, growth(&plan)), (u64::from(back), i64::from(back)), "{time}");
        }
    }
    // The deletion is of 5, and 8 lacked it, too.
    let proven = Segments::new([Observation::new(Interval::new(id(1), id(9)).unwrap(), at(8))]);
    for (time, back) in [(7, 0), (8, 1)] {
        let page = whole(1, 9, time, vec![message(3, "a", time)]);
        assert_eq!(planned(&page, &stored, &proven).outcome.updated, back, "{time}");
    }
}

#[test]
fn an_explicit_deletion_is_final() {
    let stored = [gone(&message(3, "a", 1), Deletion::explicit(at(5)))];
    let page = whole(1, 9, 9, vec![message(3, "back", 9)]);
    let back = planned(&page, &stored, &Segments::default());
    assert_eq!((writes_no_message(&back), &back.changes[1..]), (true, &[][..]), "only the coverage changes");
    assert_eq!(back.outcome, PageOutcome { unchanged: 1, superseded: vec![id(3)], ..PageOutcome::default() });
    let lacking = whole(1, 9, 9, vec![]);
    let lacking = planned(&lacking, &stored, &Segments::default());
    assert_eq!((writes_no_message(&lacking), lacking.outcome), (true, PageOutcome::default()));
}

#[test]
fn a_message_that_the_platform_says_is_deleted_is_whatever_was_known() {
    let page = MessagePage::deleted(ChannelId(Uuid::nil()), [id(3)], at(5));
    assert_eq!(page.observation(), None, "it covers nothing");
    let final_one = Some(Deletion::explicit(at(5)));
    let cleared = [(id(3), Deletion::explicit(at(5)))];
    let live = [row(&message(3, "a", 9))];
    let plan = planned(&page, &live, &Segments::default());
    assert_eq!((&plan.clear[..], growth(&plan)), (&cleared[..], -1));
    assert_eq!((plan.outcome.deleted, plan.changes.len()), (1, 1));
    let inferred = [gone(&message(3, "a", 1), Deletion::inferred(at(7)))];
    let plan = planned(&page, &inferred, &Segments::default());
    assert_eq!((&plan.clear[..], growth(&plan)), (&cleared[..], 0));
    assert_eq!((plan.outcome.deleted, &plan.changes[..]), (0, &[][..]), "readers had lost it before");
    let unknown = planned(&page, &[], &Segments::default());
    assert_eq!((unknown.insert[0].message.id, unknown.insert[0].deletion), (id(3), final_one));
    assert_eq!((unknown.outcome.added, growth(&unknown), &unknown.changes[..]), (1, 0, &[][..]));
    let again = [gone(&message(3, "", 1), Deletion::explicit(at(9)))];
    let again = planned(&page, &again, &Segments::default());
    assert_eq!((writes_no_message(&again), again.outcome.unchanged), (true, 1));
}

#[test]
fn the_content_of_an_inferred_deletion_is_removed_after_30_days() {
    const MONTH: i64 = 30 * 86_400_000;
    let absent = whole(1, 9, 5, vec![]);
    let live = [row(&message(3, "a", 1))];
    let here = ChannelId(Uuid::nil());
    let due = Removal { channel: here, message: Some(id(3)), due_at: at(MONTH + 5) };
    assert_eq!(planned(&absent, &live, &Segments::default()).removals(here), [due]);
    let stored = [
        gone(&message(3, "a", 1), Deletion::inferred(at(5))),
        gone(&message(4, "a", 1), Deletion::inferred(at(6))),
        gone(&message(5, "a", 1), Deletion::explicit(at(6))),
        row(&message(6, "a", 1)),
    ];
    let page = MessagePage::due(ChannelId(Uuid::nil()), (3..8).map(id), at(MONTH + 5));
    let plan = planned(&page, &stored, &Segments::default());
    assert_eq!(plan.clear, [(id(3), Deletion::inferred(at(5))), (id(5), Deletion::explicit(at(6)))]);
    assert_eq!((writes_no_message(&plan), growth(&plan), &plan.changes[..]), (true, 0, &[][..]));
    // A late observation that is older than the deletion shows a newer text: it is hidden, and due like the first one.
    let mut late = message(3, "b", 2);
    late.version.edited_at = Some(at(2));
    let page = MessagePage::new(None, at(2), vec![late]).unwrap();
    let plan = planned(&page, &stored[..1], &Segments::default());
    assert_eq!((ids(&plan.update), plan.removals(here)), (vec![3], vec![due]));
}

#[test]
fn messages_that_a_deleted_channel_gets_are_removed_again() {
    let here = ChannelId(Uuid::nil());
    let deleted = StoredCoverage {
        reason: Some(Coverage::DELETED.to_owned()),
        checked_at: Some(at(5)),
        ..StoredCoverage::default()
    };
    let state = |coverage: &StoredCoverage, rows| StoredState {
        rows,
        near: NearSegments::from_stored(Vec::new()).unwrap(),
        coverage: coverage.clone(),
        stats: stats(None),
        has_unreadable: false,
    };
    let page = MessagePage::new(None, at(9), vec![message(3, "a", 9)]).unwrap();
    let again = [Removal { channel: here, message: None, due_at: at(6) }];
    assert_eq!(WritePlan::new(here, &page, &state(&deleted, vec![])).removals(here), again);
    let hidden = vec![gone(&message(3, "a", 1), Deletion::inferred(at(5)))];
    assert_eq!(WritePlan::new(here, &page, &state(&deleted, hidden.clone())).removals(here), again);
    assert_eq!(WritePlan::new(here, &page, &state(&StoredCoverage::default(), vec![])).removals(here), []);
    for page in [MessagePage::deleted(here, [id(3)], at(9)), MessagePage::due(here, [id(3)], at(9))] {
        assert_eq!(WritePlan::new(here, &page, &state(&deleted, hidden.clone())).removals(here), []);
    }
    let seen = vec![row(&message(3, "a", 9))];
    assert_eq!(WritePlan::new(here, &page, &state(&deleted, seen)).removals(here), [], "nothing is written");
}

#[test]
fn a_plan_names_the_texts_that_the_retention_of_a_tenant_wants() {
    let forever = RetentionPeriod::Forever;
    let mut edited = message(3, "b", 7);
    edited.version.edited_at = Some(at(6));
    // The embeds of the other one arrived later, which is not an edit.
    let mut unfurled = message(4, "a", 7);
    unfurled.flags = 4;
    let page = MessagePage::new(None, at(7), vec![edited, unfurled]).unwrap();
    let live = [row(&message(3, "a", 1)), row(&message(4, "a", 1))];
    let plan = planned(&page, &live, &Segments::default());
    assert_eq!(ids(&plan.update), [3, 4]);
    assert!(plan.replaces_texts());
    assert_eq!(plan.replaced(&page, Retention::NONE), []);
    let of_edits = plan.replaced(&page, Retention { edited: forever, ..Retention::NONE });
    assert_eq!(of_edits, [Replaced { at: at(7), is_deletion: false, messages: vec![id(3)] }]);
    assert_eq!(plan.replaced(&page, Retention { deleted: forever, ..Retention::NONE }), []);
    let page = MessagePage::deleted(ChannelId(Uuid::nil()), [id(3), id(4)], at(9));
    let plan = planned(&page, &live, &Segments::default());
    assert_eq!(plan.replaced(&page, Retention { edited: forever, ..Retention::NONE }), []);
    let of_deletions = plan.replaced(&page, Retention { deleted: forever, ..Retention::NONE });
    assert_eq!(of_deletions, [Replaced { at: at(9), is_deletion: true, messages: vec![id(3), id(4)] }]);
}

#[test]
fn of_two_events_at_the_same_time_the_later_to_be_stored_wins() {
    let event = |text: &str| {
        let message = message(3, text, 5);
        Message { version: Version { origin: Origin::Event, ..message.version }, ..message }
    };
    let stored = [row(&event("first"))];
    let page = MessagePage::new(None, at(5), vec![event("second")]).unwrap();
    assert_eq!(planned(&page, &stored, &Segments::default()).update.len(), 1);
    let page = MessagePage::new(None, at(5), vec![message(3, "of a page", 5)]).unwrap();
    assert_eq!(planned(&page, &stored, &Segments::default()).update.len(), 0, "an event comes after a page");
}

#[test]
fn each_message_without_an_interval_has_its_own_time() {
    let stored = [row(&message(3, "new", 1)), row(&message(4, "new", 1))];
    let mut proven = Segments::default();
    proven.insert(Observation::new(Interval::new(id(1), id(9)).unwrap(), at(5)));
    let page = MessagePage::new(None, at(9), vec![message(3, "before", 4), message(4, "after", 6)]).unwrap();
    let plan = planned(&page, &stored, &proven);
    assert_eq!(plan.update.iter().map(|write| write.message.id).collect::<Vec<_>>(), [id(4)]);
}

#[test]
fn what_a_page_without_evidence_lacks_is_counted_and_stays() {
    let stored: Vec<_> = [2, 4, 6, 8].map(|raw| row(&message(raw, "a", 1))).into();
    let page = whole(3, 7, 2, vec![message(4, "a", 2)]).without_evidence();
    assert_eq!(page.observation(), None);
    let plan = planned(&page, &stored, &Segments::default());
    assert_eq!((&plan.delete[..], &plan.outcome.absent[..], plan.outcome.lacking), (&[][..], &[id(6)][..], 1));
    // Only that row proves that it still existed then.
    let touch = super::Touch { observed_at: at(2), origin: Origin::Export, deletion: None };
    assert_eq!(plan.touch, [(touch, vec![id(4)])]);
    let spared = whole(3, 7, 2, vec![]).sparing([id(4)].into());
    let plan = planned(&spared, &stored, &Segments::default());
    assert_eq!((&plan.delete[..], plan.outcome.lacking), (&[id(6)][..], 2));
}

#[test]
fn a_message_that_was_observed_since_is_not_deleted_by_an_older_page() {
    let first = message(4, "a", 1);
    let filtered = MessagePage::new(None, at(5), vec![message(4, "a", 5)]).unwrap();
    let stored = [row(&first)];
    let plan = planned(&filtered, &stored, &Segments::default());
    let observed_at = plan.touch[0].0.observed_at;
    let stored = [StoredVersion { version: Version { observed_at, ..first.version }, ..row(&first) }];
    assert_eq!(planned(&whole(1, 9, 3, vec![]), &stored, &Segments::default()).delete, []);
    assert_eq!(planned(&whole(1, 9, 6, vec![]), &stored, &Segments::default()).delete, [id(4)]);
}

#[test]
fn what_a_whole_page_lacks_is_deleted_inside_its_interval_only() {
    let stored: Vec<_> = [2, 4, 6, 8].map(|raw| row(&message(raw, "a", 1))).into();
    let page = whole(3, 7, 2, vec![message(4, "a", 2)]);
    assert_eq!(planned(&page, &stored, &Segments::default()).delete, [id(6)]);
    let proves_nothing = MessagePage::new(None, at(2), vec![message(4, "a", 2), message(8, "a", 2)]).unwrap();
    assert_eq!(planned(&proves_nothing, &stored, &Segments::default()).delete, []);
}

#[test]
fn a_row_that_was_seen_after_the_page_is_not_deleted() {
    let page = whole(1, 9, 2, vec![]);
    assert_eq!(planned(&page, &[row(&message(4, "a", 3))], &Segments::default()).delete, []);
}

#[test]
fn an_older_page_adds_only_deleted_messages_where_a_later_look_stands() {
    let later = Observation::new(Interval::new(id(1), id(5)).unwrap(), at(9));
    let stored = [row(&message(3, "kept", 9))];
    let messages = [2, 3, 7].map(|raw| message(raw, "then", 4)).into();
    let page = whole(1, 9, 4, messages);
    let plan = planned(&page, &stored, &Segments::new([later]));
    let deletions: Vec<_> = plan.insert.iter().map(|write| write.deletion).collect();
    assert_eq!((ids(&plan.insert), deletions), (vec![2, 7], vec![Some(Deletion::inferred(at(9))), None]));
    assert_eq!((plan.outcome.unchanged, growth(&plan)), (1, 1));
    let lacking = whole(1, 9, 4, vec![]);
    assert_eq!(planned(&lacking, &stored, &Segments::new([later])).delete, []);
}

proptest! {
    #[test]
    fn every_message_of_a_page_and_every_row_in_its_interval_has_one_fate(
        shown in prop::collection::btree_set(1_u64..40, 0..20),
        held in prop::collection::btree_map(1_u64..40, (0_i64..4, any::<bool>()), 0..20),
        observed_at in 0_i64..4,
    ) {
        let messages: Vec<_> = shown.iter().map(|raw| message(*raw, "shown", observed_at)).collect();
        let stored: Vec<_> = held.iter().map(|(raw, (seen, deleted))| {
            let held = message(*raw, "held", *seen);
            if *deleted { gone(&held, Deletion::inferred(at(*seen))) } else { row(&held) }
        }).collect();
        let page = whole(1, 40, observed_at, messages);
        let plan = planned(&page, &stored, &Segments::default());
        let fates = plan.insert.len() as u64 + plan.outcome.updated + plan.outcome.unchanged;
        prop_assert_eq!(fates, shown.len() as u64);
        for (raw, (seen, deleted)) in &held {
            let gone = !shown.contains(raw) && !deleted && *seen < observed_at;
            prop_assert_eq!(plan.delete.contains(&id(*raw)), gone);
        }
    }
}

/// The messages of a page, with its interval.
fn shown(page: &MessagePage) -> (Option<(u64, u64)>, Vec<u64>) {
    let interval = page.interval().map(|held| (held.low().get(), held.high().get()));
    (interval, page.messages().iter().map(|message| message.id.get()).collect())
}

#[test]
fn the_halves_of_a_page_share_its_messages_and_its_ids() {
    let of = |ids: &[u64]| ids.iter().map(|raw| message(*raw, "a", 1)).collect::<Vec<_>>();
    let (older, newer) = whole(1, 99, 1, of(&[3, 5, 9])).halves().unwrap();
    assert_eq!((shown(&older), shown(&newer)), ((Some((1, 3)), vec![3]), (Some((4, 99)), vec![5, 9])));
    assert_eq!((older.observed_at(), newer.observed_at()), (at(1), at(1)));
    // The halves of a page that proves nothing prove nothing.
    let (older, newer) = MessagePage::new(None, at(1), of(&[3, 5])).unwrap().halves().unwrap();
    assert_eq!((shown(&older), shown(&newer)), ((None, vec![3]), (None, vec![5])));
}

#[test]
fn a_page_of_one_message_or_none_is_split_by_its_ids_down_to_a_single_one() {
    let (older, newer) = whole(1, 8, 1, vec![message(5, "a", 1)]).halves().unwrap();
    assert_eq!((shown(&older), shown(&newer)), ((Some((1, 4)), vec![]), (Some((5, 8)), vec![5])));
    let (older, newer) = whole(4, 5, 1, vec![message(4, "a", 1)]).halves().unwrap();
    assert_eq!((shown(&older), shown(&newer)), ((Some((4, 4)), vec![4]), (Some((5, 5)), vec![])));
    assert_eq!(whole(4, 4, 1, vec![message(4, "a", 1)]).halves(), None);
    assert_eq!(MessagePage::new(None, at(1), vec![message(4, "a", 1)]).unwrap().halves(), None);
    let everything = MessagePage::new(Some(Interval::up_to(MessageId::MAX)), at(1), vec![]).unwrap();
    let (older, newer) = everything.halves().unwrap();
    let ((Some(older), _), (Some(newer), _)) = (shown(&older), shown(&newer)) else { panic!("both are whole") };
    assert_eq!((older.0, older.1 + 1, newer.1), (1, newer.0, MessageId::MAX.get()));
}

proptest! {
    #[test]
    fn the_halves_of_a_page_do_what_the_page_does(
        shown in prop::collection::btree_set(1..60_u64, 0..12),
        held in prop::collection::btree_set(1..60_u64, 0..30),
        is_whole: bool,
    ) {
        let messages = shown.iter().map(|raw| message(*raw, "new", 2)).collect();
        let interval = Interval::new(id(1), id(60)).filter(|_| is_whole);
        let page = MessagePage::new(interval, at(2), messages).unwrap();
        let rows: Vec<_> = held.iter().map(|raw| row(&message(*raw, "old", 1))).collect();
        let of = |page: &MessagePage| {
            let inside: Vec<_> = rows.iter().filter(|row| page.span().is_some_and(|span| span.contains(row.id))).copied().collect();
            let plan = planned(page, &inside, &Segments::default());
            [ids(&plan.insert), ids(&plan.update), plan.delete.iter().map(|id| id.get()).collect()]
        };
        let Some((older, newer)) = page.halves() else { return Ok(()) };
        let parts = [of(&older), of(&newer)];
        let both = [0, 1, 2].map(|list| [&parts[0][list][..], &parts[1][list][..]].concat());
        prop_assert_eq!(both, of(&page));
    }
}

#[test]
fn the_newest_message_is_read_only_if_it_is_not_stored_or_the_page_hides_it() {
    let stored = |rows: &[StoredVersion], newest| StoredState {
        rows: rows.to_vec(),
        near: NearSegments::default(),
        coverage: StoredCoverage::default(),
        stats: stats(newest),
        has_unreadable: false,
    };
    let set = |raw: u64| {
        Some(ActivityPlan::Set(Activity::of(Some(Newest::from_stored(id(raw), None)), "7".parse().unwrap())))
    };
    let activity = |page: &MessagePage, before: &StoredState| {
        WritePlan::new(ChannelId(Uuid::nil()), page, before).stats.map(|stats| stats.activity)
    };
    let (old, new) = (row(&message(3, "a", 1)), row(&message(8, "a", 1)));
    let mut empty = stored(&[], None);
    // An archive of an earlier version has messages and does not store which one is the newest.
    assert_eq!(activity(&whole(1, 9, 2, vec![message(5, "a", 2)]), &empty), Some(ActivityPlan::Reread));
    empty.stats.message_count = 0;
    assert_eq!(activity(&whole(1, 9, 2, vec![message(5, "a", 2)]), &empty), set(5));
    assert_eq!(activity(&whole(1, 6, 2, vec![message(5, "a", 2)]), &stored(&[], Some(8))), set(8));
    let without_new = whole(4, 9, 2, vec![message(5, "a", 2)]);
    assert_eq!(activity(&without_new, &stored(&[new], Some(8))), Some(ActivityPlan::Reread));
    let newer = whole(4, 99, 2, vec![message(20, "a", 2)]);
    assert_eq!(activity(&newer, &stored(&[new], Some(8))), set(20));
    let without_old = whole(1, 6, 2, vec![]);
    assert_eq!(activity(&without_old, &stored(&[old], Some(8))), set(8));
    assert_eq!(activity(&whole(1, 6, 2, vec![message(3, "a", 2)]), &stored(&[old], Some(8))), None);
}
