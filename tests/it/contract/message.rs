//! Reading messages.

use domain::channel::{Channel, ChannelKind, ChannelStats};
use domain::json::Json;
use domain::message::{
    Attachment, AttachmentId, Author, Deletion, Emoji, Message, MessageId, MessageKind, Origin, Reaction, Reference,
    Version,
};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use ports::error::StoreError;
use ports::message::{EXAMINED, LISTED_BYTES, size_bytes};
use ports::page::MessageRange;
use ports::store::Store;
use serde_json::json;

use super::contract;
use super::fixture::{
    FIRST, HARD_TEXT, LAST, at, begin, channel, held, held_ids, id, interval, message, one_channel, page, put, thread,
    upsert,
};

contract![
    every_field_of_a_message_comes_back,
    every_field_comes_back_that_its_page_alone_has,
    every_field_is_replaced_by_a_newer_version,
    messages_are_paged_to_the_end_both_ways,
    a_range_begins_next_to_its_bound,
    restricted_kinds_are_left_out_of_lists,
    messages_are_found_deleted_or_not,
    messages_of_several_channels_are_found_at_once,
    a_page_stops_among_many_hidden_messages_and_says_where,
    a_page_of_large_messages_stops_and_says_where,
    a_message_is_found_in_every_channel_of_its_tenant,
    messages_are_removed_for_good_in_steps,
    a_count_that_is_wrong_is_mended,
];

fn author(byte: u8, bot: bool, webhook: bool) -> Author {
    Author { pseudonym: Pseudonym::new([byte; 16]), bot, webhook }
}

fn attachment(number: u64) -> Attachment {
    Attachment {
        id: AttachmentId::new(number).unwrap(),
        filename: String::new(),
        content_type: None,
        size_bytes: 0,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: None,
        local_path: None,
        extra: None,
    }
}

/// A message with a value in every field.
fn full(plain: &Message) -> Message {
    let emoji = |id, name: Option<&str>, animated| Emoji { id, name: name.map(str::to_owned), animated };
    Message {
        kind: MessageKind(i32::MAX),
        author: author(0xff, true, true),
        content: format!("**bold** \u{7f} {HARD_TEXT} <@00000000000000000000000000000000>"),
        sent_at: Some(at(FIRST)),
        version: Version {
            edited_at: Some(at(253_402_207_199_999)),
            observed_at: at(1_772_366_400_001),
            origin: Origin::Event,
        },
        pinned: true,
        flags: u64::MAX,
        reference: Some(Reference {
            kind: Reference::FORWARD,
            message_id: Some(MessageId::MAX),
            channel_id: "1".parse().ok(),
            guild_id: "9223372036854775807".parse().ok(),
        }),
        mentions: vec![author(2, false, false), author(1, true, false), author(3, false, true)],
        attachments: vec![
            Attachment {
                filename: "フォト <1>.png".to_owned(),
                content_type: Some("image/png".to_owned()),
                size_bytes: i64::MAX.cast_unsigned(),
                width: Some(u32::MAX),
                height: Some(0),
                description: Some("what it shows 🖼".to_owned()),
                spoiler: true,
                url: Some("https://example.org/a.png?x=1&y=%20".to_owned()),
                local_path: Some("general_Files/a b.png".to_owned()),
                extra: Some(Json::new(&json!({"waveform": "AAA", "duration_secs": 1.25}))),
                ..attachment(9)
            },
            attachment(3),
            Attachment { id: AttachmentId::MAX, ..attachment(1) },
        ],
        reactions: vec![
            Reaction { emoji: emoji(None, Some("🧵"), false), count: u32::MAX, people: vec![] },
            Reaction {
                emoji: emoji("5".parse().ok(), Some("thimble"), true),
                count: 2,
                people: vec![Pseudonym::new([1; 16]), Pseudonym::new([0; 16])],
            },
            Reaction { emoji: emoji("4".parse().ok(), None, false), count: 0, people: vec![] },
            // These two differ only in their bytes.
            Reaction { emoji: emoji(None, Some("a"), false), count: 1, people: vec![] },
            Reaction { emoji: emoji(None, Some("A"), false), count: 1, people: vec![] },
            Reaction { emoji: emoji(None, Some("🍣"), false), count: 1, people: vec![] },
            Reaction { emoji: emoji(None, Some("🍺"), false), count: 1, people: vec![] },
            Reaction { emoji: emoji(None, None, false), count: 1, people: vec![] },
        ],
        embeds: Some(Json::new(
            &json!([{"title": "a", "fields": [{"name": "n", "value": "v", "inline": true}], "color": 16_777_215}]),
        )),
        stickers: Some(Json::new(&json!([{"id": "1", "name": "wave", "format": 3}]))),
        components: Some(Json::new(&json!([{"type": 17, "components": [{"type": 10, "content": "deep"}]}]))),
        snapshots: Some(Json::new(&json!([{"content": "forwarded", "n": -0.5}]))),
        poll: Some(Json::new(&json!({"question": {"text": "?"}, "answers": []}))),
        extra: Some(Json::new(
            &json!({"z": null, "a": [], "é": {}, "nested": {"b": 1, "a": 2}, "big": u64::MAX, "small": i64::MIN}),
        )),
        ..plain.clone()
    }
}

async fn every_field_of_a_message_comes_back(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let empty_reference = Reference { kind: 0, message_id: None, channel_id: None, guild_id: None };
    let messages = vec![
        message(&here, 1, "", 0),
        Message { kind: MessageKind::UNNUMBERED, reference: Some(empty_reference), ..message(&here, 2, "b", 1) },
        full(&message(&here, 3, "", 1)),
        message(&here, 4, &"🧵".repeat(100_000), 1),
        Message { poll: Some(Json::new(&json!(null))), extra: Some(Json::new(&json!(""))), ..message(&here, 5, "", 1) },
        Message {
            version: Version { edited_at: Some(at(FIRST)), observed_at: at(LAST), origin: Origin::Export },
            ..message(&here, 6, "", 1)
        },
        Message {
            attachments: vec![Attachment { filename: "🧵".repeat(1_024), size_bytes: u64::MAX, ..attachment(1) }],
            ..message(&here, 8, "", 1)
        },
        full(&message(&here, i64::MAX.cast_unsigned(), "", 1)),
    ];
    let page = MessagePage::new(None, at(1_772_366_400_001), messages.clone()).unwrap();
    assert_eq!(put(store, &here, &page).await.added, 8);
    assert_eq!(held(store, &here).await, messages);
    let mut read = store.read().await.unwrap();
    for message in messages {
        let found = read.messages().find(here.id, message.id).await.unwrap().unwrap();
        assert_eq!((found.message, found.deletion), (message, None));
    }
}

/// A store may leave out the columns that a page does not need.
async fn every_field_comes_back_that_its_page_alone_has(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let plain = message(&here, 3, "text", 1);
    let rich = full(&plain);
    let edited = Version { edited_at: rich.version.edited_at, ..plain.version };
    let versions = [
        plain.clone(),
        Message { kind: rich.kind, ..plain.clone() },
        Message { author: rich.author, ..plain.clone() },
        Message { sent_at: rich.sent_at, ..plain.clone() },
        Message { version: edited, ..plain.clone() },
        Message { pinned: true, ..plain.clone() },
        Message { flags: 1, ..plain.clone() },
        Message { reference: rich.reference, ..plain.clone() },
        Message { mentions: rich.mentions.clone(), ..plain.clone() },
        Message { attachments: rich.attachments.clone(), ..plain.clone() },
        Message { reactions: rich.reactions.clone(), ..plain.clone() },
        Message { embeds: rich.embeds.clone(), ..plain.clone() },
        Message { stickers: rich.stickers.clone(), ..plain.clone() },
        Message { components: rich.components.clone(), ..plain.clone() },
        Message { snapshots: rich.snapshots.clone(), ..plain.clone() },
        Message { poll: rich.poll.clone(), ..plain.clone() },
        Message { extra: rich.extra.clone(), ..plain.clone() },
    ];
    let alone = (10..).map(id).zip(versions).map(|(id, version)| Message { id, ..version });
    let alone: Vec<_> = alone.collect();
    for message in &alone {
        let page = MessagePage::new(None, message.version.observed_at, vec![message.clone()]).unwrap();
        put(store, &here, &page).await;
    }
    assert_eq!(held(store, &here).await, alone);
}

async fn every_field_is_replaced_by_a_newer_version(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let plain = message(&here, 3, "before", 1);
    let rich = full(&message(&here, 3, "", 1));
    let again = Message { version: Version { observed_at: at(1_772_366_400_002), ..rich.version }, ..plain.clone() };
    for version in [&plain, &rich, &again] {
        let page = MessagePage::new(None, version.version.observed_at, vec![version.clone()]).unwrap();
        put(store, &here, &page).await;
        assert_eq!(held(store, &here).await, std::slice::from_ref(version));
    }
}

async fn messages_are_paged_to_the_end_both_ways(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, (1..=25).map(|number| number * number), "a")).await;
    put(store, &here, &page(&here, interval(16, 25), 2, [], "")).await;
    let expected: Vec<u64> = (1..=25).map(|number| number * number).filter(|raw| ![16, 25].contains(raw)).collect();
    for limit in [1, 2, 3, 7, 22, 23, 24, 101] {
        let mut read = store.read().await.unwrap();
        let (mut upwards, mut range) = (Vec::new(), MessageRange::Oldest);
        loop {
            let page = read.messages().list(here.id, range, true, limit).await.unwrap().messages;
            assert!(page.len() <= limit as usize);
            let Some(last) = page.last() else { break };
            range = MessageRange::After(last.id);
            upwards.extend(page.iter().map(|message| message.id.get()));
        }
        assert_eq!(upwards, expected, "{limit} at a time, upwards");
        let (mut downwards, mut range) = (Vec::new(), MessageRange::Newest);
        loop {
            let page = read.messages().list(here.id, range, true, limit).await.unwrap().messages;
            let Some(first) = page.first() else { break };
            range = MessageRange::Before(first.id);
            downwards.splice(0..0, page.iter().map(|message| message.id.get()));
        }
        assert_eq!(downwards, expected, "{limit} at a time, downwards");
    }
}

async fn a_range_begins_next_to_its_bound(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let largest = MessageId::MAX.get();
    put(store, &here, &page(&here, None, 1, [1, 10, 20, 30, largest], "a")).await;
    let cases: [(MessageRange, &[u64]); 11] = [
        (MessageRange::Newest, &[30, largest]),
        (MessageRange::Oldest, &[1, 10]),
        (MessageRange::Before(id(20)), &[1, 10]),
        (MessageRange::Before(id(21)), &[10, 20]),
        (MessageRange::Before(id(1)), &[]),
        (MessageRange::After(id(10)), &[20, 30]),
        (MessageRange::After(id(30)), &[largest]),
        (MessageRange::After(MessageId::MAX), &[]),
        (MessageRange::From(id(20)), &[20, 30]),
        (MessageRange::From(id(21)), &[30, largest]),
        (MessageRange::From(MessageId::MAX), &[largest]),
    ];
    let mut read = store.read().await.unwrap();
    for (range, expected) in cases {
        let page = read.messages().list(here.id, range, true, 2).await.unwrap().messages;
        assert_eq!(page.iter().map(|message| message.id.get()).collect::<Vec<_>>(), expected, "{range:?}");
        let nearest = read.messages().nearest(here.id, range, true).await.unwrap().map(MessageId::get);
        let is_before = matches!(range, MessageRange::Newest | MessageRange::Before(_));
        let expected = if is_before { expected.last() } else { expected.first() };
        assert_eq!(nearest, expected.copied(), "{range:?}");
    }
}

async fn restricted_kinds_are_left_out_of_lists(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let mut messages = vec![message(&here, 1, "first", 1)];
    // Moderators' alerts, purchases, and types that no release knows yet.
    let hidden = [24, 25, 26, 32, 36, 39, 44, 58, 62, 70, -1, i32::MAX];
    let kinds = (2..).zip(hidden.map(MessageKind));
    messages.extend(kinds.map(|(raw, kind)| Message { kind, ..message(&here, raw, "hidden", 1) }));
    messages.push(message(&here, 99, "last", 1));
    put(store, &here, &MessagePage::new(None, at(1), messages.clone()).unwrap()).await;
    let mut read = store.read().await.unwrap();
    for range in [MessageRange::Newest, MessageRange::Oldest, MessageRange::From(id(1)), MessageRange::Before(id(100))]
    {
        let public = read.messages().list(here.id, range, false, 2).await.unwrap().messages;
        assert_eq!(public.iter().map(|message| message.id.get()).collect::<Vec<_>>(), [1, 99], "{range:?}");
        assert_eq!(read.messages().list(here.id, range, true, 101).await.unwrap().messages, messages);
    }
    for range in [MessageRange::After(id(1)), MessageRange::Before(id(99))] {
        assert!(read.messages().nearest(here.id, range, false).await.unwrap().is_some(), "{range:?}");
    }
    drop(read);
    put(store, &here, &page(&here, interval(99, 99), 2, [], "")).await;
    let (mut read, hidden) = (store.read().await.unwrap(), MessageRange::From(id(2)));
    assert!(read.messages().nearest(here.id, hidden, false).await.unwrap().is_none());
    assert!(read.messages().nearest(here.id, hidden, true).await.unwrap().is_some());
}

async fn messages_are_found_deleted_or_not(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, 1..=200, "a")).await;
    put(store, &here, &page(&here, interval(2, 2), 7, [], "")).await;
    let ids: Vec<MessageId> = [2].into_iter().chain((1..300).rev().step_by(2)).map(id).collect();
    let mut read = store.read().await.unwrap();
    let keys: Vec<_> = ids.into_iter().map(|id| (here.id, id)).collect();
    let found = read.messages().find_all(&keys).await.unwrap();
    let expected: Vec<u64> = [1, 2].into_iter().chain((3..=199).step_by(2)).collect();
    assert_eq!(found.iter().map(|stored| stored.message.id.get()).collect::<Vec<_>>(), expected);
    let deleted: Vec<_> = found.iter().filter(|stored| stored.is_deleted()).collect();
    assert_eq!(
        (deleted.len(), deleted[0].message.id, deleted[0].deletion),
        (1, id(2), Some(Deletion::inferred(at(7))))
    );
    assert_eq!(deleted[0].message.content, "a");
    assert_eq!(read.messages().find_all(&[]).await.unwrap(), []);
    assert_eq!(read.messages().find(here.id, id(201)).await.unwrap(), None);
}

async fn a_message_is_found_in_every_channel_of_its_tenant(store: &dyn Store) {
    let ((tenant, here), (other, theirs)) = (one_channel(store).await, one_channel(store).await);
    let threads: Vec<_> = (50..60).map(|number| thread(&here, number)).collect();
    upsert(store, &threads.iter().collect::<Vec<_>>()).await;
    for channel in threads[..2].iter().chain([&here, &theirs]) {
        put(store, channel, &page(channel, None, 1, [5, 6], "a")).await;
    }
    put(store, &here, &page(&here, interval(5, 5), 2, [], "")).await;
    let mut read = store.read().await.unwrap();
    let found = read.messages().find_in_tenant(tenant.id, id(5)).await.unwrap();
    let mut expected = [here.id, threads[0].id, threads[1].id];
    expected.sort();
    assert_eq!(found.iter().map(|stored| stored.message.channel_id).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|stored| stored.is_deleted() == (stored.message.channel_id == here.id)));
    assert_eq!(read.messages().find_in_tenant(other.id, id(5)).await.unwrap().len(), 1);
    assert_eq!(read.messages().find_in_tenant(other.id, id(7)).await.unwrap(), []);
    drop(read);
    for channel in &threads[2..] {
        put(store, channel, &page(channel, None, 1, [5], "a")).await;
    }
    assert_eq!(store.read().await.unwrap().messages().find_in_tenant(tenant.id, id(5)).await.unwrap().len(), 8);
}

async fn a_count_that_is_wrong_is_mended(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let other = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&other]).await;
    put(store, &here, &page(&here, interval(1, 9), 1, [1, 2, 3, 4, 5], "a")).await;
    put(store, &here, &page(&here, interval(4, 4), 2, [], "")).await;
    put(store, &other, &page(&other, None, 1, [1, 2], "a")).await;
    let stats = async |id| store.read().await.unwrap().channels().find(id).await.unwrap().unwrap().stats;
    let recount = async |id| {
        let mut unit = begin(store).await;
        let off = unit.channels().recount(id).await?;
        unit.commit().await.map(|()| off)
    };
    let right = stats(here.id).await;
    assert_eq!((right.message_count, recount(here.id).await.unwrap(), stats(here.id).await), (4, 0, right));
    // A permanent removal is not counted.
    let mut unit = begin(store).await;
    unit.messages().delete_first(here.id, 3).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!((stats(here.id).await.message_count, recount(here.id).await.unwrap()), (4, 3));
    assert_eq!(stats(here.id).await, ChannelStats { message_count: 1, ..right });
    assert_eq!((recount(here.id).await.unwrap(), stats(other.id).await.message_count), (0, 2));
    let nowhere = channel(&tenant, 9, ChannelKind::TEXT).id;
    assert!(matches!(recount(nowhere).await, Err(StoreError::Missing { what: "channel" })));
}

async fn messages_are_removed_for_good_in_steps(store: &dyn Store) {
    let (tenant, here) = one_channel(store).await;
    let other = channel(&tenant, 8, ChannelKind::TEXT);
    upsert(store, &[&other]).await;
    let messages: Vec<Message> = (1..=7).map(|raw| full(&message(&here, raw, "", 1))).collect();
    put(store, &here, &MessagePage::new(None, at(1_772_366_400_001), messages).unwrap()).await;
    put(store, &here, &page(&here, interval(1, 1), 1_772_366_400_002, [], "")).await;
    put(store, &other, &page(&other, None, 1, [1, 2], "a")).await;
    for expected in [3, 3, 1, 0] {
        let mut unit = begin(store).await;
        assert_eq!(unit.messages().delete_first(here.id, 3).await.unwrap(), expected);
        unit.commit().await.unwrap();
    }
    let mut read = store.read().await.unwrap();
    assert_eq!(read.messages().find(here.id, id(1)).await.unwrap(), None);
    assert_eq!(held_ids(store, &other).await, [1, 2]);
    drop(read);
    // No file or reaction remains for a later message under the same id.
    put(store, &here, &page(&here, None, 3, [7], "new")).await;
    assert_eq!(held(store, &here).await, [message(&here, 7, "new", 3)]);
}

async fn messages_of_several_channels_are_found_at_once(store: &dyn Store) {
    let (_, here) = one_channel(store).await;
    let threads: Vec<_> = (50..53).map(|number| thread(&here, number)).collect();
    upsert(store, &threads.iter().collect::<Vec<_>>()).await;
    let with_children = |channel: &Channel, raw: u64| Message {
        attachments: vec![attachment(raw * 10), attachment(raw * 10 + 1)],
        reactions: vec![Reaction {
            emoji: Emoji { id: None, name: Some(format!("emoji {raw}")), animated: false },
            count: 1,
            people: vec![],
        }],
        ..message(channel, raw, "a", 1)
    };
    let mut expected = Vec::new();
    for (number, channel) in (1..).zip(threads.iter().chain([&here])) {
        let messages = vec![with_children(channel, number), with_children(channel, 9)];
        put(store, channel, &MessagePage::new(None, at(1), messages.clone()).unwrap()).await;
        expected.extend(messages);
    }
    expected.sort_by_key(|message| (message.channel_id, message.id));
    let mut keys: Vec<_> = expected.iter().rev().map(|message| (message.channel_id, message.id)).collect();
    keys.push(keys[0]);
    keys.push((here.id, id(77)));
    let found = store.read().await.unwrap().messages().find_all(&keys).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|stored| stored.message).collect();
    assert_eq!(found, expected);
}

async fn a_page_of_large_messages_stops_and_says_where(store: &dyn Store) {
    const LAST: u64 = 7;
    let (_, here) = one_channel(store).await;
    let embeds = Json::new(&json!([{"description": "a".repeat(LISTED_BYTES / 3)}]));
    for raw in 1..=LAST {
        let large = Message { embeds: Some(embeds.clone()), ..message(&here, raw, "large", 1) };
        put(store, &here, &MessagePage::new(None, at(1), vec![large]).unwrap()).await;
    }
    let mut read = store.read().await.unwrap();
    for downwards in [true, false] {
        let mut range = if downwards { MessageRange::Newest } else { MessageRange::Oldest };
        let (mut found, mut pages) = (Vec::new(), Vec::new());
        loop {
            let list = read.messages().list(here.id, range, false, 100).await.unwrap();
            let mut ids: Vec<u64> = list.messages.iter().map(|message| message.id.get()).collect();
            assert!(ids.is_sorted());
            let smaller = list.messages.len().saturating_sub(1);
            let bytes = list.messages.iter().map(size_bytes).take(smaller).sum::<usize>();
            assert!(bytes < LISTED_BYTES, "only the last message reaches beyond");
            pages.push(ids.len());
            let edge = if downwards { ids.first() } else { ids.last() }.copied();
            found.append(&mut ids);
            let Some(reached) = list.examined_to else { break };
            assert_eq!(Some(reached.get()), edge, "it says where it stopped");
            range = if downwards { MessageRange::Before(reached) } else { MessageRange::After(reached) };
        }
        found.sort_unstable();
        assert_eq!(found, (1..=LAST).collect::<Vec<_>>(), "nothing is left out");
        assert_eq!(pages, [3, 3, 1]);
    }
    // The byte limit does not shorten a list that is already full.
    let list = read.messages().list(here.id, MessageRange::Newest, false, 3).await.unwrap();
    assert_eq!((list.messages.len(), list.examined_to), (3, None));
}

async fn a_page_stops_among_many_hidden_messages_and_says_where(store: &dyn Store) {
    const HIDDEN: u64 = 3_000;
    let (_, here) = one_channel(store).await;
    put(store, &here, &page(&here, None, 1, [1, HIDDEN + 2], "shown")).await;
    for first in (2..HIDDEN + 2).step_by(500) {
        let messages = (first..first + 500).map(|raw| {
            // Every second one is deleted below; the others are of a hidden type.
            let kind = if raw % 2 == 0 { MessageKind::DEFAULT } else { MessageKind(70) };
            Message { kind, ..message(&here, raw, "hidden", 1) }
        });
        let seen = MessagePage::new(None, at(1), messages.collect()).unwrap();
        put(store, &here, &seen).await;
        let left = MessagePage::new(interval(first, first + 499), at(2), {
            let odd = (first..first + 500).filter(|raw| raw % 2 == 1);
            odd.map(|raw| Message { kind: MessageKind(70), ..message(&here, raw, "hidden", 1) }).collect()
        });
        put(store, &here, &left.unwrap()).await;
    }
    let mut read = store.read().await.unwrap();
    for downwards in [true, false] {
        let mut range = if downwards { MessageRange::Newest } else { MessageRange::Oldest };
        let (mut found, mut calls, mut before) = (Vec::new(), 0, if downwards { HIDDEN + 3 } else { 0 });
        loop {
            let list = read.messages().list(here.id, range, false, 2).await.unwrap();
            calls += 1;
            found.extend(list.messages.iter().map(|message| message.id.get()));
            let Some(reached) = list.examined_to else { break };
            assert!(reached.get().abs_diff(before) <= u64::from(EXAMINED) + 2, "{reached} after {before}");
            before = reached.get();
            range = if downwards { MessageRange::Before(reached) } else { MessageRange::After(reached) };
        }
        found.sort_unstable();
        assert_eq!(found, [1, HIDDEN + 2], "nothing is left out");
        assert!((3..=5).contains(&calls), "{calls} calls");
    }
    // A channel that is not known to be empty may have messages.
    assert!(read.messages().nearest(here.id, MessageRange::Before(id(HIDDEN + 2)), false).await.unwrap().is_some());
    assert!(read.messages().nearest(here.id, MessageRange::Before(id(1)), false).await.unwrap().is_none());
    let short = MessageRange::From(id(HIDDEN + 3));
    assert!(read.messages().nearest(here.id, short, false).await.unwrap().is_none());
    // The admin sees the other half.
    let list = read.messages().list(here.id, MessageRange::After(id(1)), true, 101).await.unwrap();
    assert_eq!((list.messages.len(), list.examined_to), (101, None));
}
