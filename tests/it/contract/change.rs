//! The change log.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::change::{Bookmark, Change, ChangeKind, ChangePosition, Followed};
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::{Coverage, Interval, Observation};
use domain::lease::Fence;
use domain::media::{ContentHash, FileState};
use domain::message::{Deletion, StoredMessage};
use domain::pseudonym::Pseudonym;
use domain::tenant::Tenant;
use domain::unreadable::Unreadable;
use domain::visibility::Visibility;
use ports::error::StoreError;
use ports::store::{Store, UnitOfWork};

use super::contract;
use super::fixture::{
    at, begin, changes_since, channel, guild_items, id, interval, log_start, message, one_channel, page, put, retried,
    tenant, thread, upsert,
};
use super::media::file;
use super::picture::picture;

contract![
    a_page_logs_each_message_up_to_twenty_and_one_interval_for_more,
    a_page_that_changes_nothing_for_readers_logs_nothing,
    every_method_that_changes_an_answer_appends,
    a_channel_that_readers_could_read_closes_once,
    changes_are_followed_to_the_end_in_batches_of_any_size,
    a_unit_that_is_dropped_changed_nothing,
    changes_outlive_their_channel_and_tenant,
    a_position_of_another_log_or_behind_the_end_is_a_resync,
    two_units_that_each_store_two_channels_do_not_wait_for_each_other,
    a_follower_misses_nothing_under_eight_writers_some_of_which_give_up,
    nothing_young_or_among_the_newest_is_trimmed,
    a_commit_that_appends_wakes_who_waits_for_it,
    a_bookmark_comes_back_as_it_was_stored_last,
];

/// Returns the kinds of the changes of a tenant after `position`; those of a channel are in order.
async fn kinds(store: &dyn Store, of: &Tenant, position: &ChangePosition) -> Vec<ChangeKind> {
    let (changes, _) = changes_since(store, position.clone(), 1_000).await;
    changes.into_iter().filter(|change| change.tenant_id == of.id).map(|change| change.kind).collect()
}

/// Returns kinds without the order of the channels, which is open.
fn by_channel(kinds: impl IntoIterator<Item = ChangeKind>) -> BTreeMap<Option<ChannelId>, Vec<ChangeKind>> {
    kinds.into_iter().fold(BTreeMap::new(), |mut channels, kind| {
        channels.entry(kind.channel()).or_insert_with(Vec::new).push(kind);
        channels
    })
}

async fn end(store: &dyn Store) -> ChangePosition {
    store.read().await.unwrap().changes().position().await.unwrap()
}

/// Returns only the changes of messages.
fn of_messages(kinds: Vec<ChangeKind>) -> Vec<ChangeKind> {
    kinds.into_iter().filter(|kind| kind.interval().is_some()).collect()
}

async fn a_page_logs_each_message_up_to_twenty_and_one_interval_for_more(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    let channel = here.id;
    for (number, (shown, expected)) in [
        (
            vec![(3, "a"), (5, "a")],
            vec![ChangeKind::Created { channel, message: id(3) }, ChangeKind::Created { channel, message: id(5) }],
        ),
        (vec![(3, "b"), (5, "a")], vec![ChangeKind::Updated { channel, message: id(3) }]),
        (
            vec![(4, "a"), (5, "c")],
            vec![
                ChangeKind::Deleted { channel, message: id(3) },
                ChangeKind::Created { channel, message: id(4) },
                ChangeKind::Updated { channel, message: id(5) },
            ],
        ),
        (vec![(3, "b"), (4, "a"), (5, "c")], vec![ChangeKind::Created { channel, message: id(3) }]),
        (
            (3..=5).map(|raw| (raw, "d")).chain((10..=26).map(|raw| (raw, "a"))).collect(),
            [3, 4, 5]
                .map(|raw| ChangeKind::Updated { channel, message: id(raw) })
                .into_iter()
                .chain((10..=26).map(|raw| ChangeKind::Created { channel, message: id(raw) }))
                .collect(),
        ),
        (
            (10..=30).map(|raw| (raw, "e")).collect(),
            vec![ChangeKind::Page { channel, interval: Interval::new(id(3), id(30)).unwrap() }],
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let observed_at = 10 + i64::try_from(number).unwrap();
        let messages = shown.iter().map(|(raw, text)| message(&here, *raw, text, observed_at)).collect();
        let before = end(store).await;
        let page = domain::page::MessagePage::new(interval(1, 99), at(observed_at), messages).unwrap();
        put(store, &here, &page).await;
        assert_eq!(of_messages(kinds(store, &owner, &before).await), expected, "step {number}");
    }
}

async fn a_page_that_changes_nothing_for_readers_logs_nothing(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    put(store, &here, &page(&here, interval(2, 9), 1, [3, 5], "a")).await;
    let before = end(store).await;
    put(store, &here, &page(&here, interval(2, 9), 1, [3, 5], "a")).await;
    put(store, &here, &page(&here, interval(2, 9), 2, [3, 5], "a")).await;
    put(store, &here, &page(&here, interval(10, 20), 4, [], "")).await;
    put(store, &here, &page(&here, None, 3, [5], "a")).await;
    assert_eq!(kinds(store, &owner, &before).await, []);
    put(store, &here, &page(&here, interval(1, 1), 4, [], "")).await;
    assert_eq!(kinds(store, &owner, &before).await, [ChangeKind::Channel { channel: here.id }], "its start is reached");
}

/// One call of a method, and the changes that it must append.
struct Call<'a> {
    name: &'static str,
    work: Box<dyn AsyncFnBox<'a> + 'a>,
    expected: Vec<ChangeKind>,
}

/// A call on a unit.
#[async_trait::async_trait(?Send)]
trait AsyncFnBox<'a> {
    async fn call(&self, unit: &mut dyn UnitOfWork) -> Result<(), StoreError>;
}

#[async_trait::async_trait(?Send)]
impl<'a, F: AsyncFn(&mut dyn UnitOfWork) -> Result<(), StoreError> + 'a> AsyncFnBox<'a> for F {
    async fn call(&self, unit: &mut dyn UnitOfWork) -> Result<(), StoreError> {
        self(unit).await
    }
}

fn call<'a>(
    name: &'static str,
    expected: impl IntoIterator<Item = ChangeKind>,
    work: impl AsyncFn(&mut dyn UnitOfWork) -> Result<(), StoreError> + 'a,
) -> Call<'a> {
    Call { name, work: Box::new(work), expected: expected.into_iter().collect() }
}

#[expect(clippy::too_many_lines, reason = "a table of all methods")]
async fn every_method_that_changes_an_answer_appends(store: &dyn Store) {
    let owner = tenant();
    let here = channel(&owner, 10, ChannelKind::TEXT);
    let below = thread(&here, 11);
    let (channel, interval_of) = (here.id, |low, high| Interval::new(id(low), id(high)).unwrap());
    let changed = |channel: ChannelId| ChangeKind::Channel { channel };
    let shown = page(&here, interval(1, 9), 5, [3], "a");
    let odd = Unreadable::refused(channel, id(4), "7".to_owned(), at(9));
    let odd_id = odd.id;
    let author = Pseudonym::new([0xfe; 16]);
    let stored_file =
        file(channel, 3, 8, FileState::Stored { hash: ContentHash::new([1; 32]), size_bytes: 1, content: None });
    let waiting_file = file(channel, 3, 9, FileState::seen(at(1)));
    let copy = StoredMessage { message: message(&here, 6, "copy", 1), deletion: Some(Deletion::inferred(at(2))) };
    let segments = store_segments(interval_of(1, 30));
    let coverage = Coverage {
        channel_id: channel,
        interval: Some(interval_of(1, 30)),
        start_reached: true,
        message_count: 0,
        unreadable_count: 0,
        reason: None,
        checked_at: Some(at(99)),
        read_whole_at: None,
    };
    let calls = [
        call("tenants.insert", [ChangeKind::Tenant], async |unit| unit.tenants().insert(&owner).await),
        call("tenants.update", [ChangeKind::Tenant], async |unit| unit.tenants().update(&owner).await),
        call("channels.upsert", [changed(channel)], async |unit| unit.channels().upsert(&here).await),
        call("channels.upsert of a thread", [changed(below.id), changed(channel)], async |unit| {
            unit.channels().upsert(&below).await
        }),
        call("channels.fence", [], async |unit| unit.channels().fence(channel, Fence::new(1).unwrap()).await.map(drop)),
        call("channels.recount of a right count", [], async |unit| unit.channels().recount(channel).await.map(drop)),
        call("guilds.upsert_all", [ChangeKind::GuildItems], async |unit| {
            unit.guilds().upsert_all(owner.id, &guild_items(2)).await
        }),
        call(
            "messages.replace_interval",
            [ChangeKind::Created { channel, message: id(3) }, changed(channel)],
            async |unit| unit.messages().replace_interval(channel, &shown).await.map(drop),
        ),
        call("messages.restore", [ChangeKind::Deleted { channel, message: id(6) }], async |unit| {
            unit.messages()
                .restore(channel, std::slice::from_ref(&copy), &domain::coverage::Segments::default())
                .await
                .map(drop)
        }),
        call("coverage.record", [changed(channel)], async |unit| {
            unit.coverage().record(channel, &[Observation::new(interval_of(20, 30), at(5))]).await
        }),
        call("coverage.record again", [], async |unit| {
            unit.coverage().record(channel, &[Observation::new(interval_of(20, 30), at(5))]).await
        }),
        call("coverage.record_check", [changed(channel)], async |unit| {
            unit.coverage().record_check(channel, at(6), false, Some("forbidden".to_owned())).await
        }),
        call("coverage.restore", [changed(channel)], async |unit| {
            unit.coverage().restore(&coverage, &segments).await.map(drop)
        }),
        call("unreadable.upsert_all", [changed(channel)], async |unit| {
            unit.unreadable().upsert_all(channel, std::slice::from_ref(&odd)).await.map(drop)
        }),
        call("unreadable.delete_all", [changed(channel)], async |unit| {
            unit.unreadable().delete_all(channel, &[odd_id]).await
        }),
        call("unreadable.delete_all again", [], async |unit| unit.unreadable().delete_all(channel, &[odd_id]).await),
        call("media.insert_all of a file that waits", [], async |unit| {
            unit.media().insert_all(owner.id, &[waiting_file]).await
        }),
        call("media.insert_all", [ChangeKind::Files { channel, interval: Interval::only(id(3)) }], async |unit| {
            unit.media().insert_all(owner.id, &[stored_file]).await
        }),
        call("media.upsert_all", [ChangeKind::Files { channel, interval: Interval::only(id(3)) }], async |unit| {
            unit.media().upsert_all(owner.id, &[stored_file]).await
        }),
        call("media.delete_first", [ChangeKind::Files { channel, interval: Interval::only(id(3)) }], async |unit| {
            unit.media().delete_first(channel, 10).await.map(drop)
        }),
        call("pictures.insert_all", [], async |unit| {
            unit.pictures().insert_all(owner.id, &[picture("emoji/1", "1.webp", FileState::seen(at(1)))]).await
        }),
        call("pictures.upsert_all", [ChangeKind::GuildItems], async |unit| {
            unit.pictures().upsert_all(owner.id, &[picture("emoji/1", "1.webp", FileState::Gone)]).await
        }),
        call("pictures.upsert_all of the guild's icon", [ChangeKind::GuildItems, ChangeKind::Tenant], async |unit| {
            unit.pictures().upsert_all(owner.id, &[picture("icon/1", "1.png", FileState::Gone)]).await
        }),
        call("messages.delete_first", [ChangeKind::Page { channel, interval: interval_of(3, 6) }], async |unit| {
            unit.messages().delete_first(channel, 10).await.map(drop)
        }),
        call("messages.delete_first of none", [], async |unit| {
            unit.messages().delete_first(channel, 10).await.map(drop)
        }),
        call("channels.recount of a wrong count", [changed(channel)], async |unit| {
            unit.channels().recount(channel).await.map(drop)
        }),
        call(
            "channels.delete of a thread",
            [ChangeKind::ChannelGone { channel: below.id }, changed(channel)],
            async |unit| unit.channels().delete(below.id).await,
        ),
        call("channels.delete", [ChangeKind::ChannelGone { channel }], async |unit| {
            unit.channels().delete(channel).await
        }),
        call("channels.delete again", [], async |unit| unit.channels().delete(channel).await),
        call("changes.record_erasure", [ChangeKind::AuthorErased { author }], async |unit| {
            unit.changes().record_erasure(owner.id, author).await
        }),
        call("tenants.delete", [ChangeKind::TenantGone], async |unit| unit.tenants().delete(owner.id).await),
        call("tenants.delete again", [], async |unit| unit.tenants().delete(owner.id).await),
    ];
    for Call { name, work, expected } in calls {
        let before = end(store).await;
        let mut unit = begin(store).await;
        work.call(&mut *unit).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        unit.commit().await.unwrap();
        assert_eq!(by_channel(kinds(store, &owner, &before).await), by_channel(expected), "{name}");
    }
}

fn store_segments(interval: Interval) -> domain::coverage::Segments {
    let mut segments = domain::coverage::Segments::default();
    segments.insert(Observation::new(interval, at(7)));
    segments
}

async fn a_channel_that_readers_could_read_closes_once(store: &dyn Store) {
    let (owner, hidden) = one_channel(store).await;
    let open = Channel { visibility: Visibility::Public, ..channel(&owner, 20, ChannelKind::TEXT) };
    let threads = [thread(&open, 21), thread(&open, 22), thread(&hidden, 23), thread(&hidden, 24)];
    upsert(store, &[&open]).await;
    upsert(store, &threads.each_ref()).await;
    let private = |channel: &Channel| Channel { visibility: Visibility::Private, ..channel.clone() };
    let closing = async |change: &dyn AsyncFnBox<'_>| {
        let before = end(store).await;
        let mut unit = begin(store).await;
        change.call(&mut *unit).await.unwrap();
        unit.commit().await.unwrap();
        let kinds = kinds(store, &owner, &before).await.into_iter();
        kinds.filter(|kind| matches!(kind, ChangeKind::ChannelClosed { .. })).collect::<Vec<_>>()
    };
    let closed = |channel: &Channel| vec![ChangeKind::ChannelClosed { channel: channel.id }];
    let [of_open, other_of_open, of_hidden, other_of_hidden] = &threads;
    for (channel, expected) in [
        (hidden.clone(), vec![]),
        (open.clone(), vec![]),
        (private(of_open), closed(of_open)),
        (private(of_open), vec![]),
        (private(of_hidden), vec![]),
        (private(&open), closed(&open)),
        (private(&open), vec![]),
        (open.clone(), vec![]),
    ] {
        let name = channel.name.clone();
        let change = async |unit: &mut dyn UnitOfWork| unit.channels().upsert(&channel).await;
        assert_eq!(closing(&change).await, expected, "{name}");
    }
    for (channel, expected) in [
        (other_of_open, closed(other_of_open)),
        (other_of_hidden, vec![]),
        (of_open, vec![]),
        (of_hidden, vec![]),
        (&hidden, vec![]),
        (&open, closed(&open)),
        (&open, vec![]),
    ] {
        let change = async |unit: &mut dyn UnitOfWork| unit.channels().delete(channel.id).await;
        assert_eq!(closing(&change).await, expected, "{} is deleted", channel.name);
    }
}

async fn changes_are_followed_to_the_end_in_batches_of_any_size(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    let before = end(store).await;
    for raw in 1..=7 {
        put(store, &here, &page(&here, None, 1, [raw], "a")).await;
    }
    let expected: Vec<_> = (1..=7).map(|raw| ChangeKind::Created { channel: here.id, message: id(raw) }).collect();
    for limit in [1, 2, 3, 7, 1_000] {
        let (changes, _) = changes_since(store, before.clone(), limit).await;
        let ours = changes.iter().filter(|change| change.tenant_id == owner.id).map(|change| change.kind);
        assert_eq!(ours.collect::<Vec<_>>(), expected, "{limit} at a time");
    }
}

async fn a_unit_that_is_dropped_changed_nothing(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    let before = end(store).await;
    let mut unit = begin(store).await;
    unit.messages().replace_interval(here.id, &page(&here, None, 1, [1], "a")).await.unwrap();
    drop(unit);
    assert_eq!(kinds(store, &owner, &before).await, []);
    put(store, &here, &page(&here, None, 1, [2], "a")).await;
    assert_eq!(kinds(store, &owner, &before).await, [ChangeKind::Created { channel: here.id, message: id(2) }]);
}

async fn changes_outlive_their_channel_and_tenant(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    let start = log_start(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    let mut expected = by_channel(kinds(store, &owner, &start).await);
    let mut unit = begin(store).await;
    unit.messages().delete_first(here.id, 10).await.unwrap();
    unit.channels().delete(here.id).await.unwrap();
    unit.tenants().delete(owner.id).await.unwrap();
    unit.commit().await.unwrap();
    let channel = here.id;
    let gone = [ChangeKind::Page { channel, interval: Interval::only(id(1)) }, ChangeKind::ChannelGone { channel }];
    expected.get_mut(&Some(channel)).unwrap().extend(gone);
    expected.get_mut(&None).unwrap().push(ChangeKind::TenantGone);
    assert_eq!(by_channel(kinds(store, &owner, &start).await), expected);
}

async fn a_position_of_another_log_or_behind_the_end_is_a_resync(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    let end = end(store).await.as_text().to_owned();
    let (epoch, numbers) = end.split_once('.').unwrap();
    let (before, _) = end.rsplit_once('.').unwrap();
    let other = format!("{}.{numbers}", uuid::Uuid::nil().simple());
    let beyond = [i64::MAX.unsigned_abs(), u64::MAX].map(|number| format!("{before}.{number}"));
    let wrong = [other, String::new(), "0".to_owned(), epoch.to_owned(), before.to_owned(), format!("{end}.0")];
    for text in wrong.into_iter().chain(beyond) {
        let position = ChangePosition::from_text(text.clone());
        let followed = store.read().await.unwrap().changes().follow(&position, 9).await.unwrap();
        assert!(matches!(followed, Followed::Resync { .. }), "{text}: {followed:?}");
    }
}

async fn two_units_that_each_store_two_channels_do_not_wait_for_each_other(store: &dyn Store) {
    let (owner, one) = one_channel(store).await;
    let two = channel(&owner, 20, ChannelKind::TEXT);
    let mut unit = begin(store).await;
    unit.channels().upsert(&two).await.unwrap();
    unit.commit().await.unwrap();
    let mut both = [one, two];
    both.sort_unstable_by_key(|channel| channel.id);
    let writer = async |observed_at: i64| {
        for round in 0..20 {
            let mut unit = begin(store).await;
            for channel in &both {
                let raw = u64::try_from(observed_at).unwrap() * 100 + round;
                let page = page(channel, None, observed_at, [raw], "a");
                unit.messages().replace_interval(channel.id, &page).await.unwrap();
            }
            unit.commit().await.unwrap();
        }
    };
    // Neither ever loses a race: channels are locked in their order, and the change numbers last.
    futures::join!(writer(1), writer(2));
}

async fn a_follower_misses_nothing_under_eight_writers_some_of_which_give_up(store: &dyn Store) {
    let (owner, _) = one_channel(store).await;
    let channels: Vec<Channel> = (0..8).map(|number| channel(&owner, 100 + number, ChannelKind::TEXT)).collect();
    let mut unit = begin(store).await;
    for channel in &channels {
        unit.channels().upsert(channel).await.unwrap();
    }
    unit.commit().await.unwrap();
    let mut position = end(store).await;
    let (done, mut seen) = (std::cell::Cell::new(0), Vec::new());
    let writer = async |channel: &Channel| {
        for raw in 1..=12 {
            let page = page(channel, interval(raw, raw), 1, [raw], "a");
            if raw % 3 == 0 {
                // Simulates a process that ends before its commit.
                let mut unit = begin(store).await;
                unit.messages().replace_interval(channel.id, &page).await.ok();
            } else {
                let work = async |unit: &mut dyn UnitOfWork| unit.messages().replace_interval(channel.id, &page).await;
                retried(store, work).await.unwrap();
            }
        }
        done.set(done.get() + 1);
    };
    let follow = async {
        loop {
            let ended = done.get() == channels.len();
            let followed = store.read().await.unwrap().changes().follow(&position, 5).await.unwrap();
            let Followed::Changes { changes, position: next, behind } = followed else { panic!("{followed:?}") };
            position = next;
            seen.extend(changes);
            if ended && behind == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    futures::join!(futures::future::join_all(channels.iter().map(writer)), follow);
    let mut created: BTreeMap<ChannelId, Vec<u64>> = BTreeMap::new();
    for Change { kind, .. } in seen.into_iter().filter(|change| change.tenant_id == owner.id) {
        if let ChangeKind::Created { channel, message } = kind {
            created.entry(channel).or_default().push(message.get());
        }
    }
    let committed: Vec<u64> = (1..=12).filter(|raw| raw % 3 != 0).collect();
    assert_eq!(created.len(), 8);
    assert!(created.values().all(|ids| *ids == committed), "{created:?}");
}

async fn nothing_young_or_among_the_newest_is_trimmed(store: &dyn Store) {
    let (owner, here) = one_channel(store).await;
    let before = end(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    for (older_than, kept) in [(1, 0), (i64::from(u32::MAX) * 10_000, u64::MAX)] {
        let mut unit = begin(store).await;
        assert_eq!(unit.changes().trim(at(older_than), kept, 1_000).await.unwrap(), 0);
        unit.commit().await.unwrap();
    }
    assert_eq!(kinds(store, &owner, &before).await.len(), 1);
}

async fn a_commit_that_appends_wakes_who_waits_for_it(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [1], "a")).await;
    // Another case on the same store may have used up that notification, but each case makes commits of its own.
    let woken = tokio::time::timeout(Duration::from_secs(30), store.appended());
    let commits = async {
        for raw in 2..=5 {
            put(store, &here, &page(&here, None, 1, [raw], "a")).await;
        }
    };
    let (woken, ()) = futures::join!(woken, commits);
    woken.expect("a commit of this process appended");
}

async fn a_bookmark_comes_back_as_it_was_stored_last(store: &dyn Store) {
    let [first, other] = [0, 1].map(|_| format!("a case/https://{}", uuid::Uuid::new_v4()));
    let find = async |reader: &str| store.read().await.unwrap().changes().bookmark(reader).await.unwrap();
    let put = async |reader: &str, bookmark: &Bookmark| {
        retried(store, async |unit| unit.changes().store_bookmark(reader, bookmark).await).await.unwrap();
    };
    assert_eq!(find(&first).await, None);
    let longest = ChangePosition::from_text(format!("{:0>32}{}", 7, ".123456789012345678".repeat(16)));
    let here = end(store).await;
    for (position, due_at) in [(&longest, 1), (&longest, 1), (&here, 1_800_000_000_123)] {
        let bookmark = Bookmark { position: position.clone(), due_at: at(due_at) };
        put(&first, &bookmark).await;
        assert_eq!(find(&first).await, Some(bookmark));
    }
    put(&other, &Bookmark { position: longest, due_at: at(2) }).await;
    assert_eq!(find(&first).await.unwrap().position, here, "each reader has its own");
    let mut unit = begin(store).await;
    unit.changes().store_bookmark(&first, &Bookmark { position: here.clone(), due_at: at(9) }).await.unwrap();
    drop(unit);
    assert_eq!(find(&first).await.unwrap().due_at, at(1_800_000_000_123), "a dropped unit stores nothing");
    let (_, after) = changes_since(store, here.clone(), 1_000).await;
    assert!(after.reaches(&here));
}
