//! The effect of a page on the stored messages.

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelStats};
use domain::coverage::{Interval, Segments};
use domain::message::{Deletion, Message, MessageId, MessageKind, Origin, StoredMessage, Version};
use domain::page::{MessagePage, PageOutcome};
use ports::channel::{ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Store;

use super::contract;
use super::fixture::{
    at, begin, channel, held, held_ids, id, interval, message, one_channel, page, put, stored, tenant, thread, upsert,
};

contract![
    a_removed_message_is_no_longer_the_newest,
    a_page_twice_equals_a_page_once,
    a_page_of_the_largest_size_is_stored,
    a_page_needs_its_channel,
    of_two_versions_the_newer_wins_in_any_order,
    what_a_whole_page_lacks_is_deleted_until_it_is_seen_again,
    an_explicit_deletion_is_final,
    what_a_page_without_evidence_lacks_is_counted_and_stays,
    a_message_that_was_seen_since_is_not_deleted_by_an_older_page,
    a_page_without_an_interval_deletes_nothing,
    an_interval_holds_both_of_its_ends,
    an_older_look_adds_only_what_a_later_one_found_gone,
    a_newer_row_is_not_deleted_by_an_older_look,
    the_stats_follow_what_is_held,
    the_stats_leave_out_types_that_readers_are_not_shown,
    threads_are_ordered_by_what_readers_are_shown,
    looks_of_one_moment_add_up,
    a_page_that_fails_leaves_nothing_of_itself,
    two_tenants_never_see_each_others_messages,
];

async fn a_page_twice_equals_a_page_once(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let whole = page(&here, Interval::new(MessageId::MIN, MessageId::MAX), 1, [5, MessageId::MAX.get()], "a");
    assert_eq!(put(store, &here, &whole).await, PageOutcome { added: 2, ..PageOutcome::default() });
    let coverage = store.read().await.unwrap().coverage().find(here.id).await.unwrap();
    let as_it_was = (held(store, &here).await, stored(store, &here).await, coverage);
    let again = put(store, &here, &whole).await;
    assert_eq!(again, PageOutcome { unchanged: 2, ..PageOutcome::default() });
    assert!(again.is_unchanged());
    let coverage = store.read().await.unwrap().coverage().find(here.id).await.unwrap();
    assert_eq!((held(store, &here).await, stored(store, &here).await, coverage), as_it_was);
    // An empty page without proof has no effect.
    assert_eq!(put(store, &here, &page(&here, None, 9, [], "")).await, PageOutcome::default());
}

async fn a_page_of_the_largest_size_is_stored(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let whole = page(&here, interval(1, 1_000), 1, 1..=1_000, "a");
    assert_eq!(put(store, &here, &whole).await.added, 1_000);
    let edited = page(&here, interval(1, 1_000), 2, 1..=1_000, "b");
    assert_eq!(put(store, &here, &edited).await.updated, 1_000);
    assert_eq!(put(store, &here, &page(&here, interval(1, 1_000), 3, [], "")).await.deleted, 1_000);
    assert_eq!(stored(store, &here).await.stats, ChannelStats::default());
}

async fn a_page_needs_its_channel(store: &dyn Store) {
    let nowhere = channel(&tenant(), 1, ChannelKind::TEXT);
    let mut unit = begin(store).await;
    let page = page(&nowhere, None, 1, [1], "a");
    let refused = unit.messages().replace_interval(ChannelId::of(nowhere.tenant_id, "2".parse().unwrap()), &page).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "channel" })), "{refused:?}");
}

async fn of_two_versions_the_newer_wins_in_any_order(store: &dyn Store) {
    let version = |edited_at: Option<i64>, observed_at, origin| Version {
        edited_at: edited_at.map(at),
        observed_at: at(observed_at),
        origin,
    };
    // Ascending: the edit decides, then the time of the observation, then the source.
    let ascending = [
        version(None, 5, Origin::Export),
        version(None, 5, Origin::Page),
        version(None, 5, Origin::Event),
        version(None, 6, Origin::Export),
        version(Some(1), 2, Origin::Page),
        version(Some(1), 3, Origin::Export),
        version(Some(2), 1, Origin::Export),
    ];
    let versioned = |channel: &Channel, index: usize| Message {
        version: ascending[index],
        ..message(channel, 5, &format!("version {index}"), 1)
    };
    for (first, second) in (0..ascending.len()).flat_map(|a| (0..ascending.len()).map(move |b| (a, b))) {
        let (_, here) = one_channel(store).await;
        for index in [first, second] {
            let message = versioned(&here, index);
            put(store, &here, &MessagePage::new(None, message.version.observed_at, vec![message]).unwrap()).await;
        }
        assert_eq!(held(store, &here).await, [versioned(&here, first.max(second))], "{first}, then {second}");
    }
}

async fn deletion(store: &dyn Store, channel: &Channel, raw: u64) -> Option<Deletion> {
    store.read().await.unwrap().messages().find(channel.id, id(raw)).await.unwrap().unwrap().deletion
}

async fn what_a_whole_page_lacks_is_deleted_until_it_is_seen_again(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [3, 5, 7], "a")).await;
    let outcome = put(store, &here, &page(&here, interval(1, 9), 4, [3], "new")).await;
    let absent = vec![id(5), id(7)];
    assert_eq!(outcome, PageOutcome { updated: 1, deleted: 2, absent, lacking: 2, ..PageOutcome::default() });
    // An older page proves nothing against it.
    put(store, &here, &page(&here, None, 3, [3, 5], "older")).await;
    assert_eq!(
        (held_ids(store, &here).await, deletion(store, &here, 5).await),
        (vec![3], Some(Deletion::inferred(at(4))))
    );
    let seen = [page(&here, interval(5, 9), 5, [5], "a"), page(&here, None, 6, [7], "back")];
    for (seen, count) in seen.iter().zip([2, 3]) {
        let outcome = put(store, &here, seen).await;
        assert_eq!(outcome, PageOutcome { updated: 1, ..PageOutcome::default() });
        assert_eq!(stored(store, &here).await.stats.message_count, count);
    }
    let texts: Vec<_> = held(store, &here).await.into_iter().map(|message| message.content).collect();
    assert_eq!(texts, ["new", "a", "back"]);
}

async fn an_explicit_deletion_is_final(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 5, [3, 5, 7], "a")).await;
    put(store, &here, &page(&here, interval(7, 9), 6, [], "")).await;
    let before = store.read().await.unwrap().coverage().segments(here.id).await.unwrap();
    for (raw, deleted) in [(3, 1), (7, 0), (8, 0)] {
        let outcome = put(store, &here, &MessagePage::deleted(here.id, [id(raw)], at(4))).await;
        assert_eq!(outcome.deleted, deleted, "{raw}, though it was seen after that");
    }
    let back = put(store, &here, &page(&here, interval(1, 9), 9, [3, 5, 7, 8], "back")).await;
    assert_eq!(back.superseded, [3, 7, 8].map(id));
    assert_eq!(held_ids(store, &here).await, [5]);
    assert_eq!(deletion(store, &here, 8).await, Some(Deletion::explicit(at(4))), "it was not stored before");
    assert_eq!(deletion(store, &here, 3).await, Some(Deletion::explicit(at(4))));
    assert_eq!(deletion(store, &here, 7).await, Some(Deletion::explicit(at(4))));
    assert_eq!(stored(store, &here).await.stats.message_count, 1);
    assert_eq!(before.segments().count(), 1);
}

async fn what_a_page_without_evidence_lacks_is_counted_and_stays(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [3, 5, 7], "a")).await;
    let lacking = page(&here, interval(1, 9), 2, [5], "a").without_evidence();
    let outcome = put(store, &here, &lacking).await;
    assert_eq!((outcome.absent, outcome.lacking, outcome.deleted), (vec![id(3), id(7)], 2, 0));
    assert_eq!(held_ids(store, &here).await, [3, 5, 7]);
    assert!(store.read().await.unwrap().coverage().segments(here.id).await.unwrap().parts().is_empty());
    let spared = page(&here, interval(1, 9), 3, [5], "a").sparing([id(7)].into());
    let outcome = put(store, &here, &spared).await;
    assert_eq!((outcome.absent, outcome.lacking, outcome.deleted), (vec![id(3)], 2, 1));
    assert_eq!(held_ids(store, &here).await, [5, 7]);
}

async fn a_message_that_was_seen_since_is_not_deleted_by_an_older_page(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [5], "a")).await;
    let before = stored(store, &here).await;
    assert_eq!(put(store, &here, &page(&here, None, 5, [5], "a")).await.unchanged, 1);
    assert_eq!(stored(store, &here).await, before);
    assert_eq!(put(store, &here, &page(&here, interval(1, 9), 3, [], "")).await.deleted, 0);
    assert_eq!(put(store, &here, &page(&here, interval(1, 9), 6, [], "")).await.deleted, 1);
}

async fn a_page_without_an_interval_deletes_nothing(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [3, 5, 7], "a")).await;
    let outcome = put(store, &here, &page(&here, None, 2, [3, 7], "a")).await;
    assert_eq!(outcome, PageOutcome { unchanged: 2, ..PageOutcome::default() });
    assert_eq!(held_ids(store, &here).await, [3, 5, 7]);
}

async fn an_interval_holds_both_of_its_ends(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, 1..=9, "a")).await;
    let outcome = put(store, &here, &page(&here, interval(3, 6), 2, [4], "a")).await;
    assert_eq!((outcome.deleted, outcome.unchanged), (3, 1));
    assert_eq!(held_ids(store, &here).await, [1, 2, 4, 7, 8, 9]);
}

async fn an_older_look_adds_only_what_a_later_one_found_gone(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 20), 5, [12], "late")).await;
    let outcome = put(store, &here, &page(&here, interval(1, 30), 2, [5, 12, 15, 25], "early")).await;
    let superseded = vec![id(12)];
    assert_eq!(outcome, PageOutcome { added: 3, unchanged: 1, superseded, ..PageOutcome::default() });
    assert_eq!(held_ids(store, &here).await, [5, 12, 25]);
    assert_eq!(held(store, &here).await[1].content, "late");
    let gone = store.read().await.unwrap().messages().find(here.id, id(15)).await.unwrap().unwrap();
    // The deletion is dated by the page that lacked the message, not by the one that still showed it.
    assert_eq!((gone.deletion, gone.message.content.as_str()), (Some(Deletion::inferred(at(5))), "early"));
    assert_eq!(stored(store, &here).await.stats.message_count, 3);
}

async fn a_newer_row_is_not_deleted_by_an_older_look(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 5, [12], "seen since")).await;
    assert_eq!(put(store, &here, &page(&here, interval(10, 20), 4, [], "")).await.deleted, 0);
    assert_eq!(held_ids(store, &here).await, [12]);
    assert_eq!(put(store, &here, &page(&here, interval(10, 20), 6, [], "")).await.deleted, 1);
}

async fn the_stats_follow_what_is_held(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let stats = async || {
        let stats = stored(store, &here).await.stats;
        (stats.message_count, stats.last_activity_at)
    };
    assert_eq!(stats().await, (0, None));
    let (older, newer) = (1 << 40, 1 << 41);
    put(store, &here, &page(&here, None, 1, [older, newer], "a")).await;
    assert_eq!(stats().await, (2, Some(id(newer).created_at())));
    put(store, &here, &page(&here, None, 2, [older], "b")).await;
    assert_eq!(stats().await, (2, Some(id(newer).created_at())));
    put(store, &here, &page(&here, interval(newer, newer), 3, [], "")).await;
    assert_eq!(stats().await, (1, Some(id(older).created_at())));
    put(store, &here, &page(&here, interval(1, newer), 4, [], "")).await;
    assert_eq!(stats().await, (0, None));
}

/// The types that only moderators are shown.
const HIDDEN: MessageKind = MessageKind(24);

/// Returns a page of one message of a type.
fn of_kind(channel: &Channel, raw: u64, kind: MessageKind, observed_at: i64) -> MessagePage {
    let message = Message { kind, ..message(channel, raw, "a", observed_at) };
    MessagePage::new(None, at(observed_at), vec![message]).unwrap()
}

async fn the_stats_leave_out_types_that_readers_are_not_shown(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let [first, second, third] = [1_u64 << 40, 1 << 41, 1 << 42];
    let sent = |raw: u64| Some(id(raw).created_at());
    let steps = [
        (of_kind(&here, third, HIDDEN, 1), (0, None)),
        (of_kind(&here, first, MessageKind::DEFAULT, 1), (1, sent(first))),
        (of_kind(&here, second, MessageKind::REPLY, 2), (2, sent(second))),
        // A type that this release does not know is hidden as well.
        (of_kind(&here, second, MessageKind(70), 3), (1, sent(first))),
        (of_kind(&here, second, MessageKind::UNNUMBERED, 4), (1, sent(first))),
        (of_kind(&here, second, MessageKind::REPLY, 5), (2, sent(second))),
        (of_kind(&here, second, HIDDEN, 4), (2, sent(second))),
        (of_kind(&here, third, MessageKind::DEFAULT, 6), (3, sent(third))),
        (of_kind(&here, third, HIDDEN, 7), (2, sent(second))),
        (MessagePage::deleted(here.id, [id(third)], at(8)), (2, sent(second))),
        (of_kind(&here, 5, HIDDEN, 9), (2, sent(second))),
        (page(&here, interval(1, 9), 10, [], ""), (2, sent(second))),
        // Once it is observed again, it is as hidden as before.
        (of_kind(&here, 5, HIDDEN, 11), (2, sent(second))),
        (page(&here, interval(second, second), 12, [], ""), (1, sent(first))),
        (of_kind(&here, second, HIDDEN, 13), (1, sent(first))),
        (MessagePage::deleted(here.id, [id(second)], at(14)), (1, sent(first))),
        (MessagePage::deleted(here.id, [id(first)], at(15)), (0, None)),
    ];
    for (number, (page, (count, newest))) in (1..).zip(steps) {
        put(store, &here, &page).await;
        let stats = stored(store, &here).await.stats;
        assert_eq!((stats.message_count, stats.last_activity_at), (count, newest), "after step {number}");
        let coverage = store.read().await.unwrap().coverage().find(here.id).await.unwrap().unwrap();
        assert_eq!(coverage.message_count, count, "after step {number}");
        assert_eq!(begin(store).await.channels().recount(here.id).await.unwrap(), 0, "after step {number}");
    }
}

async fn threads_are_ordered_by_what_readers_are_shown(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let [one, other, none] = [50, 60, 70].map(|number| thread(&here, number));
    upsert(store, &[&one, &other, &none]).await;
    let [older, newer, newest] = [1_u64 << 40, 1 << 41, 1 << 42];
    put(store, &one, &of_kind(&one, older, MessageKind::DEFAULT, 1)).await;
    put(store, &one, &of_kind(&one, newest, HIDDEN, 1)).await;
    put(store, &other, &of_kind(&other, newer, MessageKind::DEFAULT, 1)).await;
    // A channel with only hidden messages is as active as one without any.
    let hidden = StoredMessage { message: of_kind(&none, newest, HIDDEN, 1).messages()[0].clone(), deletion: None };
    let mut unit = begin(store).await;
    unit.messages().restore(none.id, &[hidden], &Segments::default()).await.unwrap();
    unit.commit().await.unwrap();
    let filter = ThreadFilter { order: ThreadOrder::Activity, with_private: true };
    let mut read = store.read().await.unwrap();
    let listed = read.channels().list_threads(here.id, filter, Page { after: None, limit: 9 }).await.unwrap();
    let found: Vec<_> = listed.iter().map(|thread| (thread.platform_id.get(), thread.stats.message_count)).collect();
    assert_eq!(found, [(60, 1), (50, 1), (70, 0)], "{}", tenant.slug);
}

async fn two_tenants_never_see_each_others_messages(store: &dyn Store) {
    let ((_, here), (_, there)) = (one_channel(store).await, one_channel(store).await);
    put(store, &here, &page(&here, interval(1, 9), 1, [5], "a")).await;
    assert_eq!(held_ids(store, &there).await, [0; 0]);
    put(store, &there, &page(&there, interval(1, 9), 1, [5], "b")).await;
    put(store, &there, &page(&there, interval(1, 9), 2, [], "")).await;
    assert_eq!(held(store, &here).await, [message(&here, 5, "a", 1)]);
    assert_eq!(stored(store, &here).await.stats.message_count, 1);
}

async fn looks_of_one_moment_add_up(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(1, 9), 5, [3], "a")).await;
    // At the same time neither is later: a message shown by either exists.
    let outcome = put(store, &here, &page(&here, interval(5, 20), 5, [7, 15], "a")).await;
    assert_eq!(outcome, PageOutcome { added: 2, ..PageOutcome::default() });
    assert_eq!(held_ids(store, &here).await, [3, 7, 15]);
    assert_eq!(put(store, &here, &page(&here, interval(7, 9), 5, [], "")).await.deleted, 0);
    assert_eq!(put(store, &here, &page(&here, interval(7, 9), 5, [8], "a")).await.added, 1);
    assert_eq!(held_ids(store, &here).await, [3, 7, 8, 15]);
}

async fn a_page_that_fails_leaves_nothing_of_itself(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let before = stored(store, &here).await;
    let mut unit = begin(store).await;
    unit.messages().replace_interval(here.id, &page(&here, interval(1, 9), 1, [5], "a")).await.unwrap();
    let nowhere = ChannelId::of(here.tenant_id, "404".parse().unwrap());
    unit.messages().replace_interval(nowhere, &page(&here, None, 1, [6], "a")).await.unwrap_err();
    drop(unit);
    assert_eq!(held_ids(store, &here).await, [0; 0]);
    assert_eq!(stored(store, &here).await, before);
    assert!(store.read().await.unwrap().coverage().segments(here.id).await.unwrap().parts().is_empty());
}

async fn a_removed_message_is_no_longer_the_newest(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(10, 19), 1, [10, 15], "a")).await;
    let mut unit = begin(store).await;
    assert_eq!(unit.messages().delete_first(here.id, 10).await.unwrap(), 2);
    unit.commit().await.unwrap();
    put(store, &here, &page(&here, interval(1, 9), 2, [5], "a")).await;
    assert_eq!(stored(store, &here).await.stats.last_activity_at, Some(id(5).created_at()));
}
