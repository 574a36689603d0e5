//! The days of channels.

use domain::channel::{Channel, ChannelKind};
use domain::coverage::Segments;
use domain::day::{Day, DayCounts, DayStats, PAGE};
use domain::message::{Author, Message, MessageId, MessageKind, StoredMessage, Version};
use domain::page::MessagePage;
use ports::store::Store;

use super::contract;
use super::fixture::{HARD_TEXT, at, channel, id, interval, message, one_channel, page, put, retried, thread};

contract![
    the_days_of_a_channel_are_counted,
    changes_to_messages_change_their_days,
    a_copy_counts_its_days,
    days_have_neighbours_and_months,
    pages_begin_after_every_200_messages,
    channels_have_totals,
    days_go_with_their_channel,
];

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Returns the id of the message with this number on a day.
fn of(day: Day, number: u64) -> u64 {
    day.interval().low().get() + number
}

fn stats(day: Day, messages: u64, by_people: u64, text_bytes: u64, changed_at: i64) -> DayStats {
    DayStats { day, counts: DayCounts { messages, by_people, text_bytes }, changed_at: at(changed_at) }
}

async fn days(store: &dyn Store, here: &Channel) -> Vec<DayStats> {
    let (first, last) = (Day::of(MessageId::MIN), Day::of(MessageId::MAX));
    store.read().await.unwrap().days().list(here.id, first, last).await.unwrap()
}

async fn the_days_of_a_channel_are_counted(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let (one, other) = (day("2024-02-29"), day("2024-03-01"));
    let bot = |message: Message| Message { author: Author { bot: true, ..message.author }, ..message };
    let hook = |message: Message| Message { author: Author { webhook: true, ..message.author }, ..message };
    let hidden = |message: Message| Message { kind: MessageKind(24), ..message };
    let all = vec![
        message(&here, one.interval().low().get(), "first", 1),
        bot(message(&here, of(one, 1), "a bot", 1)),
        hook(message(&here, of(one, 2), "a hook", 1)),
        hidden(message(&here, of(one, 3), "restricted", 1)),
        message(&here, one.interval().high().get(), HARD_TEXT, 1),
        message(&here, other.interval().low().get(), "ü", 1),
    ];
    put(store, &here, &MessagePage::new(None, at(7), all).unwrap()).await;
    let text_bytes = "firsta bota hook".len() + HARD_TEXT.len();
    let expected = [stats(one, 4, 2, text_bytes as u64, 7), stats(other, 1, 1, 2, 7)];
    assert_eq!(days(store, &here).await, expected);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.days().find(here.id, one).await.unwrap(), Some(expected[0]));
    assert_eq!(read.days().find(here.id, day("2024-03-02")).await.unwrap(), None);
    assert_eq!(read.days().list(here.id, other, other).await.unwrap(), expected[1..]);
    assert_eq!(read.days().list(here.id, day("2024-03-02"), day("2024-03-31")).await.unwrap(), []);
}

async fn changes_to_messages_change_their_days(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let (one, other) = (day("2024-02-29"), day("2024-03-01"));
    let span = interval(of(one, 0), other.interval().high().get());
    put(store, &here, &page(&here, span, 1, [of(one, 1), of(one, 2), of(other, 1)], "text")).await;
    assert_eq!(days(store, &here).await, [stats(one, 2, 2, 8, 1), stats(other, 1, 1, 4, 1)]);
    // The same again is no change, and an older observation of a later state is none, either.
    put(store, &here, &page(&here, span, 5, [of(one, 1), of(one, 2), of(other, 1)], "text")).await;
    put(store, &here, &page(&here, None, 2, [of(one, 1)], "older")).await;
    assert_eq!(days(store, &here).await, [stats(one, 2, 2, 8, 1), stats(other, 1, 1, 4, 1)]);
    // An edit, a message that is missing, and the same that is back.
    let edited = |edited_at| {
        let edited = message(&here, of(one, 2), "other text", edited_at);
        let version = Version { edited_at: Some(at(edited_at)), ..edited.version };
        MessagePage::new(None, at(edited_at), vec![Message { version, ..edited }]).unwrap()
    };
    put(store, &here, &edited(6)).await;
    assert_eq!(days(store, &here).await, [stats(one, 2, 2, 14, 6), stats(other, 1, 1, 4, 1)]);
    put(store, &here, &page(&here, interval(of(other, 0), of(other, 9)), 8, [], "")).await;
    assert_eq!(days(store, &here).await, [stats(one, 2, 2, 14, 6), stats(other, 0, 0, 0, 8)]);
    put(store, &here, &page(&here, interval(of(other, 0), of(other, 9)), 9, [of(other, 1)], "text")).await;
    assert_eq!(days(store, &here).await, [stats(one, 2, 2, 14, 6), stats(other, 1, 1, 4, 9)]);
    for _ in 0..2 {
        let gone = [of(one, 2), of(one, 3)].map(id);
        put(store, &here, &MessagePage::deleted(here.id, gone, at(10))).await;
        assert_eq!(days(store, &here).await, [stats(one, 1, 1, 4, 10), stats(other, 1, 1, 4, 9)]);
    }
}

async fn a_copy_counts_its_days(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let one = day("2024-02-29");
    put(store, &here, &page(&here, None, 3, [of(one, 1)], "text")).await;
    let copies = [("text, edited", 1, 5), ("another", 2, 2)].map(|(content, number, observed_at)| StoredMessage {
        message: message(&here, of(one, number), content, observed_at),
        deletion: None,
    });
    for _ in 0..2 {
        let restore = async |unit: &mut dyn ports::store::UnitOfWork| {
            unit.messages().restore(here.id, &copies, &Segments::default()).await
        };
        retried(store, restore).await.unwrap();
        assert_eq!(days(store, &here).await, [stats(one, 2, 2, 19, 5)]);
    }
}

async fn days_have_neighbours_and_months(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let all = ["2023-12-31", "2024-02-01", "2024-02-29", "2024-03-01"].map(day);
    let ids = all.iter().flat_map(|day| [of(*day, 1), of(*day, 2)]);
    put(store, &here, &page(&here, None, 1, ids, "text")).await;
    let gone = [of(all[2], 1), of(all[2], 2)].map(id);
    put(store, &here, &MessagePage::deleted(here.id, gone, at(2))).await;
    let mut read = store.read().await.unwrap();
    for (of, expected) in [
        ("2023-01-01", (None, Some(all[0]))),
        ("2023-12-31", (None, Some(all[1]))),
        ("2024-02-01", (Some(all[0]), Some(all[3]))),
        ("2024-02-29", (Some(all[1]), Some(all[3]))),
        ("2024-03-01", (Some(all[1]), None)),
        ("2024-05-05", (Some(all[3]), None)),
    ] {
        assert_eq!(read.days().neighbours(here.id, day(of)).await.unwrap(), expected, "{of}");
    }
    let months = read.days().months(here.id).await.unwrap();
    assert_eq!(months, [(all[0], 2), (all[1], 2), (all[3], 2)]);
}

async fn pages_begin_after_every_200_messages(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let one = day("2024-02-29");
    put(store, &here, &page(&here, None, 1, (1..=500).map(|number| of(one, number)), "a")).await;
    put(store, &here, &MessagePage::deleted(here.id, [id(of(one, 1)), id(of(one, 300))], at(2))).await;
    let starts = async |before| {
        let starts = store.read().await.unwrap().days().page_starts(here.id, one.interval(), before).await.unwrap();
        starts.iter().map(|id| id.get() - of(one, 0)).collect::<Vec<_>>()
    };
    assert_eq!(starts(0).await, [2, 202, 403]);
    assert_eq!(starts(2 * PAGE).await, [2, 202, 403]);
    assert_eq!(starts(150).await, [52, 252, 453]);
    assert_eq!(starts(PAGE + 199).await, [3, 203, 404]);
    let nothing = day("2024-03-01").interval();
    let mut read = store.read().await.unwrap();
    assert_eq!(read.days().page_starts(here.id, nothing, 0).await.unwrap(), []);
}

async fn channels_have_totals(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let (busy, silent) = (thread(&here, 8), channel(&tenant, 9, ChannelKind::TEXT));
    for channel in [&busy, &silent] {
        retried(store, async |unit| unit.channels().upsert(channel).await).await.unwrap();
    }
    let (one, other) = (day("2024-02-29"), day("2024-03-01"));
    put(store, &here, &page(&here, None, 1, [of(one, 1)], "text")).await;
    put(store, &busy, &page(&busy, None, 2, [of(one, 1), of(other, 1)], "text")).await;
    let ids = [here.id, busy.id, silent.id];
    let mut totals = store.read().await.unwrap().days().totals(&ids).await.unwrap();
    totals.sort_by_key(|totals| totals.counts.messages);
    let found: Vec<_> = totals.iter().map(|one| (one.channel, one.counts.messages, one.changed_at)).collect();
    assert_eq!(found, [(here.id, 1, at(1)), (busy.id, 2, at(2))]);
    assert_eq!(totals[1].counts, DayCounts { messages: 2, by_people: 2, text_bytes: 8 });
    assert_eq!(store.read().await.unwrap().days().totals(&[]).await.unwrap(), []);
}

async fn days_go_with_their_channel(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [of(day("2024-02-29"), 1)], "text")).await;
    assert_eq!(days(store, &here).await.len(), 1);
    retried(store, async |unit| unit.channels().delete(here.id).await).await.unwrap();
    assert_eq!(days(store, &here).await, []);
}
