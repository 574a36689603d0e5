use std::collections::BTreeMap;

use domain::channel::{ChannelKind, ChannelSnowflake};
use domain::message::{Author, Origin, Version};
use domain::pseudonym::Pseudonym;
use domain::timestamp::Timestamp;
use ports::message::MessageList;
use ports::mock::{FakeStore, FakeUnitOfWork};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::browse::from_memory;

/// The texts of the messages of a channel, by id.
type Texts = BTreeMap<u64, u8>;

fn channel() -> Channel {
    Channel::new(TenantId(Uuid::nil()), ChannelSnowflake::MIN, ChannelKind::TEXT, "a".to_owned())
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn message(raw: u64, text: u8) -> Message {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let observed_at = Timestamp::from_millis(1).unwrap();
    let version = Version { edited_at: None, observed_at, origin: Origin::Page };
    Message::new(channel().id, id(raw), author, text.to_string(), version)
}

/// Lists as a store does that examines all messages.
fn in_range(texts: &Texts, range: MessageRange, limit: u32) -> Vec<Message> {
    let is_in = |raw: u64| match range {
        MessageRange::Newest | MessageRange::Oldest => true,
        MessageRange::Before(bound) => id(raw) < bound,
        MessageRange::After(bound) => id(raw) > bound,
        MessageRange::From(bound) => id(raw) >= bound,
    };
    let all: Vec<_> = texts.iter().filter(|(raw, _)| is_in(**raw)).map(|(raw, text)| message(*raw, *text)).collect();
    let over = all.len().saturating_sub(limit as usize);
    if is_before(range) { all[over..].to_vec() } else { all[..all.len() - over].to_vec() }
}

/// A snapshot of these messages that uses `segments`, and counts the lists that it loads.
fn snapshot(texts: &Texts, segments: &Arc<Segments>, loads: &Arc<Mutex<u32>>) -> Snapshot {
    let (texts, others, loads) = (texts.clone(), texts.clone(), Arc::clone(loads));
    let mut unit = FakeUnitOfWork::default();
    unit.messages.expect_list().returning(move |_, range, _, limit| {
        *loads.lock().unwrap() += 1;
        Ok(MessageList { messages: in_range(&texts, range, limit), ..MessageList::default() })
    });
    unit.messages
        .expect_nearest()
        .returning(move |_, range, _| Ok(in_range(&others, range, 1).first().map(|one| one.id)));
    Snapshot::new(Arc::new(FakeStore::new([unit])), None, Some((Arc::clone(segments), segments.position())))
}

async fn page(at: &mut Snapshot, range: MessageRange, limit: u32) -> Vec<Message> {
    let list = at.messages(&channel(), range, false, limit).await.unwrap();
    assert_eq!(list.examined_to, None);
    list.messages.iter().map(|message| (**message).clone()).collect()
}

fn touched(raw: u64) -> Part {
    (Topic::Messages(channel().id), Interval::only(id(raw)))
}

#[derive(Debug, Clone)]
enum Step {
    Page(MessageRange, u32),
    /// Stores a text, or deletes a message.
    Change(u64, Option<u8>),
    /// The same while a page is read.
    ChangeBeside(u64, Option<u8>, MessageRange, u32),
}

fn ranges() -> impl Strategy<Value = MessageRange> {
    let ids = (1_u64..400).prop_map(id);
    prop_oneof![
        Just(MessageRange::Newest),
        Just(MessageRange::Oldest),
        ids.clone().prop_map(MessageRange::Before),
        ids.clone().prop_map(MessageRange::After),
        ids.prop_map(MessageRange::From),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    let (ids, texts) = (1_u64..400, proptest::option::of(any::<u8>()));
    prop_oneof![
        4 => (ranges(), 1_u32..=101).prop_map(|(range, limit)| Step::Page(range, limit)),
        1 => (ids.clone(), texts.clone()).prop_map(|(id, text)| Step::Change(id, text)),
        1 => (ids, texts, ranges(), 1_u32..=101)
            .prop_map(|(id, text, range, limit)| Step::ChangeBeside(id, text, range, limit)),
    ]
}

fn change(texts: &mut Texts, segments: &Segments, raw: u64, text: Option<u8>) {
    match text {
        Some(text) => texts.insert(raw, text),
        None => texts.remove(&raw),
    };
    segments.touch(&[touched(raw)]);
}

proptest! {
    /// Segments of little memory, too, which are evicted all the time.
    #[test]
    fn pages_are_those_of_the_store(
        first in proptest::collection::btree_map(1_u64..400, any::<u8>(), 0..300),
        steps in proptest::collection::vec(steps(), 1..40),
        kib in prop_oneof![Just(1_usize), Just(200), Just(4_096)],
    ) {
        let (segments, loads) = (Arc::new(Segments::new(kib << 10)), Arc::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut texts = first;
        for step in steps {
            match step {
                Step::Change(id, text) => change(&mut texts, &segments, id, text),
                Step::ChangeBeside(id, text, range, limit) => {
                    let mut at = snapshot(&texts, &segments, &loads);
                    change(&mut texts, &segments, id, text);
                    runtime.block_on(page(&mut at, range, limit));
                }
                Step::Page(range, limit) => {
                    let mut at = snapshot(&texts, &segments, &loads);
                    let any = runtime.block_on(at.any(channel().id, range, false)).unwrap();
                    prop_assert_eq!(any, !in_range(&texts, range, 1).is_empty());
                    let read = runtime.block_on(page(&mut at, range, limit));
                    prop_assert_eq!(read, in_range(&texts, range, limit));
                }
            }
            let state = segments.state();
            let lows: usize = state.lows.values().map(BTreeSet::len).sum();
            prop_assert_eq!(lows, state.held.len());
            prop_assert!(state.held.weight() <= (kib << 10) as u64);
        }
    }
}

#[tokio::test]
async fn pages_beside_each_other_are_loaded_once() {
    let (segments, loads) = (Arc::new(Segments::new(4 << 20)), Arc::default());
    let texts: Texts = (1..=1_000).map(|raw| (raw, 0)).collect();
    for start in 1..=900 {
        let mut at = snapshot(&texts, &segments, &loads);
        assert_eq!(page(&mut at, MessageRange::From(id(start)), 50).await.len(), 50);
    }
    assert_eq!(*loads.lock().unwrap(), 19, "51 messages at a time");
}

#[tokio::test]
async fn what_a_change_of_its_community_may_concern_is_dropped() {
    let (segments, loads) = (Arc::new(Segments::new(4 << 20)), Arc::default());
    let texts: Texts = (1..=10).map(|raw| (raw, 0)).collect();
    page(&mut snapshot(&texts, &segments, &loads), MessageRange::Newest, 5).await;
    for other in [Topic::Tenant(TenantId(Uuid::max())), Topic::Items(channel().tenant_id)] {
        segments.touch(&[whole(other)]);
        assert!(segments.has(channel().id, MessageRange::Newest), "{other:?}");
    }
    segments.touch(&[whole(Topic::Tenant(channel().tenant_id))]);
    assert!(!segments.has(channel().id, MessageRange::Newest));
    assert!(segments.state().channels.is_empty());
    page(&mut snapshot(&texts, &segments, &loads), MessageRange::Newest, 5).await;
    segments.touch(&[whole(Topic::Channel(channel().id))]);
    assert!(!segments.has(channel().id, MessageRange::Newest));
}

#[tokio::test]
async fn a_search_for_shown_messages_that_ended_early_is_continued_by_the_next_page() {
    let (segments, mut unit) = (Arc::new(Segments::new(4 << 20)), FakeUnitOfWork::default());
    unit.messages.expect_list().times(2).returning(|_, range, _, _| {
        let (messages, examined_to) = match range {
            MessageRange::Newest => (vec![message(90, 0)], Some(id(50))),
            range => {
                assert_eq!(range, MessageRange::Before(id(50)));
                (vec![message(10, 0)], None)
            }
        };
        Ok(MessageList { messages, examined_to, ..MessageList::default() })
    });
    let store = Arc::new(FakeStore::new([unit]));
    let mut at = Snapshot::new(store, None, Some((Arc::clone(&segments), segments.position())));
    let mut list = async |limit| {
        let list = at.messages(&channel(), MessageRange::Newest, false, limit).await.unwrap();
        (list.messages.iter().map(|message| message.id.get()).collect::<Vec<_>>(), list.examined_to)
    };
    assert_eq!(list(2).await, (vec![90], Some(id(50))));
    assert_eq!(list(1).await, (vec![90], None));
    assert_eq!(list(2).await, (vec![10, 90], None));
}

#[tokio::test]
async fn messages_in_memory_need_no_store() {
    let (segments, loads) = (Arc::new(Segments::new(4 << 20)), Arc::default());
    let texts: Texts = (1..=100).map(|raw| (raw, 0)).collect();
    page(&mut snapshot(&texts, &segments, &loads), MessageRange::Before(id(80)), 20).await;
    let mut at = Snapshot::new(Arc::new(FakeStore::new([])), None, Some((Arc::clone(&segments), segments.position())));
    let held = from_memory(page(&mut at, MessageRange::Before(id(70)), 10)).await;
    assert_eq!(held.unwrap(), in_range(&texts, MessageRange::Before(id(70)), 10));
    let any = from_memory(at.any(channel().id, MessageRange::Before(id(70)), false)).await;
    assert!(any.unwrap().unwrap());
    // The end of a channel is a segment without messages.
    page(&mut snapshot(&texts, &segments, &loads), MessageRange::After(id(100)), 10).await;
    assert!(from_memory(at.any(channel().id, MessageRange::From(id(70)), false)).await.unwrap().unwrap());
    // Neither opens the store, which has no snapshot.
    assert!(from_memory(page(&mut at, MessageRange::Before(id(20)), 10)).await.is_none());
    assert!(from_memory(at.any(channel().id, MessageRange::From(id(80)), false)).await.is_none());
}
