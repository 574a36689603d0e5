//! Pages of messages: their content, the intervals that they prove, and their ends.

use discord_simulator::{Act, BotChange, ChannelPlan, Fault, FaultRule, Rights, kind, snowflake};
use domain::access::Denied;
use domain::coverage::Interval;
use domain::message::{Message, MessageId, MessageKind};
use ports::guild::{FetchedPage, GuildError, GuildSource as _, MessageCursor};
use serde_json::{Map, Value, json};

use crate::world::{World, ids, true_ids};

const MESSAGES: &str = "/channels/{c}/messages";

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

/// Returns all intervals as one; a gap panics.
fn proven(pages: &[FetchedPage]) -> Interval {
    let intervals = pages.iter().filter_map(|fetched| fetched.page.interval());
    intervals.reduce(|one, other| one.merge(other).expect("no gap between pages")).unwrap()
}

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("fields") };
    fields
}

#[tokio::test(start_paused = true)]
async fn empty_channel_takes_one_call_and_reaches_its_start() {
    let (world, general) = World::channel_of(0, Vec::new()).await;
    let fetched = world.newest(&general).await.unwrap();
    assert!(fetched.page.messages().is_empty() && fetched.next.is_none());
    assert!(fetched.page.interval().unwrap().reaches_start());
    assert_eq!(world.asked(MESSAGES), 1);
}

#[tokio::test(start_paused = true)]
async fn pages_downwards_hold_every_message_once_and_leave_no_gap() {
    for (count, calls) in [(1, 2), (99, 2), (100, 2), (101, 3), (250, 4)] {
        let (world, general) = World::channel_of(count, Vec::new()).await;
        let pages = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
        assert_eq!(ids(&pages), true_ids(&world.simulator, general.channel.platform_id.get()));
        assert_eq!(pages.len(), calls, "{count}");
        assert!(proven(&pages).reaches_start());
        let newest = true_ids(&world.simulator, general.channel.platform_id.get()).pop().unwrap();
        assert!(proven(&pages).high() >= id(newest));
        assert!(pages.iter().all(|fetched| fetched.page.messages().is_sorted_by_key(|message| message.id)));
    }
}

#[tokio::test(start_paused = true)]
async fn after_walk_newest_first_pages_hold_every_message_once() {
    let (world, general) = World::channel_of(250, Vec::new()).await;
    let pages = world.walk(&general, MessageCursor::After(MessageId::MIN)).await;
    let all = true_ids(&world.simulator, general.channel.platform_id.get());
    assert_eq!(ids(&pages), all);
    assert_eq!(proven(&pages).high(), id(*all.last().unwrap()));
    assert_eq!((pages.len(), pages[3].page.interval(), pages[3].next), (4, None, None));
}

#[tokio::test(start_paused = true)]
async fn a_page_around_a_message_shows_both_sides_and_misses_the_deleted_one() {
    let (world, general) = World::channel_of(250, Vec::new()).await;
    let channel_id = general.channel.platform_id.get();
    let middle = true_ids(&world.simulator, channel_id)[120];
    let fetched = world.fetch(&general, MessageCursor::Around(id(middle))).await.unwrap();
    assert_eq!((fetched.page.messages().len(), fetched.next), (100, None));
    assert!(fetched.page.messages().iter().any(|message| message.id == id(middle)));
    world.simulator.act(Act::Delete { channel_id, message_ids: vec![middle], bulk: false }).unwrap();
    let fetched = world.fetch(&general, MessageCursor::Around(id(middle))).await.unwrap();
    assert!(fetched.page.interval().unwrap().contains(id(middle)));
    assert!(fetched.page.messages().iter().all(|message| message.id != id(middle)));
}

#[tokio::test(start_paused = true)]
async fn same_millisecond_ties_out_of_id_order_are_all_there() {
    let (world, general) = World::channel_of(0, Vec::new()).await;
    let channel_id = general.channel.platform_id.get();
    for _ in 0..120 {
        // The time does not advance between two acts: they fall into one millisecond.
        world.simulator.act(Act::Send { channel_id, content: "at once".to_owned(), raw: Map::new() }).unwrap();
    }
    let general = world.channel("general").await;
    let pages = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
    assert_eq!(ids(&pages).len(), 120);
    assert_eq!(ids(&pages), true_ids(&world.simulator, channel_id));
}

#[tokio::test(start_paused = true)]
async fn short_page_mid_history_is_no_end() {
    let (world, general) = World::channel_of(300, Vec::new()).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::ShortPage { keep: 7 }).from_nth(2));
    let pages = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
    assert_eq!(pages[1].page.messages().len(), 7);
    assert_eq!(ids(&pages), true_ids(&world.simulator, general.channel.platform_id.get()));
    assert!(proven(&pages).reaches_start());
}

#[tokio::test(start_paused = true)]
async fn malformed_message_in_page_does_not_fail_it() {
    let (world, general) = World::channel_of(100, Vec::new()).await;
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::MalformedMessage));
    let fetched = world.newest(&general).await.unwrap();
    assert_eq!((fetched.page.messages().len(), fetched.unreadable.len()), (100, 0), "it has an id, and that is enough");
    let broken = fetched
        .page
        .messages()
        .iter()
        .filter(|message| message.extra.as_ref().is_some_and(|extra| extra.to_value()["embeds"] == "text"));
    assert_eq!(broken.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn malformed_message_in_page_without_an_id_takes_its_proof_and_not_its_other_messages() {
    let (world, general) = World::channel_of(100, Vec::new()).await;
    let channel_id = general.channel.platform_id.get();
    let ids = true_ids(&world.simulator, channel_id);
    let raw = fields(json!({"id": null}));
    world.simulator.act(Act::Edit { channel_id, message_id: ids[50], content: None, raw }).unwrap();
    let pages = world.walk(&general, MessageCursor::Before(MessageId::MAX)).await;
    assert_eq!((pages[0].page.messages().len(), pages[0].page.interval()), (99, None));
    let [unreadable] = &pages[0].unreadable[..] else { panic!("one of them") };
    assert_eq!((unreadable.reason.as_str(), unreadable.message_id), ("a message has no id", None));
    let raw = unreadable.raw.as_ref().unwrap().to_value();
    assert!(raw["content"].is_string() && !raw.to_string().contains("username"), "{raw}");
    let (low, high) = (unreadable.place.low().get(), unreadable.place.high().get());
    assert_eq!((low, high), (ids[49] + 1, ids[51] - 1), "between the two beside it");
    assert!(pages[1].page.interval().unwrap().reaches_start(), "and the walk goes on below");
}

#[tokio::test(start_paused = true)]
async fn hostile_messages_are_read_with_the_others() {
    let (world, general) = World::channel_of(5, Vec::new()).await;
    let channel_id = general.channel.platform_id.get();
    let deep = (0..100).fold(json!("x"), |inner, _| json!([inner]));
    for raw in [
        json!({"type": 300, "flags": 1_u64 << 40, "components": [{"type": 99, "content": "of tomorrow"}]}),
        json!({"author": null, "mentions": {"a": 1}, "attachments": "none", "reactions": [null]}),
        json!({"content": null, "embeds": [null, 5, {"type": "rich"}]}),
        json!({"edited_timestamp": "2026-02-30T99:00:00Z", "flags": "12"}),
        json!({"deep": deep}),
        json!({"content": "\u{0}\u{202e}אבג 👩‍👩‍👧‍👦"}),
    ] {
        world.simulator.act(Act::Send { channel_id, content: "hi".to_owned(), raw: fields(raw) }).unwrap();
    }
    let fetched = world.newest(&general).await.unwrap();
    assert_eq!((fetched.page.messages().len(), fetched.unreadable.len()), (11, 0));
    let [.., first, _, _, flagged, _, last] = fetched.page.messages() else { panic!("six of them") };
    assert_eq!((first.kind, first.flags), (MessageKind(300), 1 << 40));
    assert_eq!((flagged.flags, last.content.as_str()), (12, "\u{0}\u{202e}אבג 👩‍👩‍👧‍👦"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_proven_of_what_is_yet_to_come() {
    let (world, general) = World::channel_of(10, Vec::new()).await;
    let fetched = world.newest(&general).await.unwrap();
    let future = snowflake(world.now_ms() + 2000, 0);
    assert!(!fetched.page.interval().unwrap().contains(id(future)));
    assert!(fetched.page.interval().unwrap().contains(id(snowflake(world.now_ms() - 5000, 0))));
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_messages_or_without_rights_is_never_asked() {
    let world = World::of(vec![
        ChannelPlan::new("Community", kind::CATEGORY, 0),
        ChannelPlan::new("help", kind::FORUM, 0),
        ChannelPlan::new("hub", kind::DIRECTORY, 0),
        ChannelPlan::new("no-history", kind::TEXT, 5).rights(Rights::NoHistory),
        ChannelPlan::new("locked-room", kind::VOICE, 5).rights(Rights::NoConnect),
    ])
    .await;
    let structure = world.structure().await;
    let mut denied = Vec::new();
    for channel in &structure.channels {
        let Err(GuildError::Forbidden(why)) = world.newest(channel).await else { panic!("it cannot be read") };
        denied.push(why);
    }
    assert_eq!(denied, [Denied::Other, Denied::Other, Denied::Other, Denied::History, Denied::Connect]);
    assert_eq!(world.asked(MESSAGES), 0);
}

#[tokio::test(start_paused = true)]
async fn content_intent_lost_mid_run_is_an_error_and_not_a_page_of_blanks() {
    let (world, general) = World::channel_of(150, Vec::new()).await;
    let first = world.newest(&general).await.unwrap();
    let change = |content| BotChange { content: Some(content), ..BotChange::default() };
    world.simulator.act(Act::SetBot { change: change(false) }).unwrap();
    assert!(!world.client.identify().await.unwrap().reads_content);
    assert_eq!(world.fetch(&general, first.next.unwrap()).await, Err(GuildError::ContentOff));
    assert!(GuildError::ContentOff.is_fatal());
    world.simulator.act(Act::SetBot { change: change(true) }).unwrap();
    assert_eq!(world.fetch(&general, first.next.unwrap()).await.unwrap().page.messages().len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_empty_by_itself_is_read() {
    let (world, general) = World::channel_of(0, Vec::new()).await;
    let channel_id = general.channel.platform_id.get();
    world.simulator.act(Act::Send { channel_id, content: String::new(), raw: Map::new() }).unwrap();
    let fetched = world.newest(&world.channel("general").await).await.unwrap();
    assert_eq!(fetched.page.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reading_the_same_part_again_changes_nothing() {
    let (world, general) = World::channel_of(100, Vec::new()).await;
    let digests = |fetched: FetchedPage| -> Vec<u64> { fetched.page.messages().iter().map(Message::digest).collect() };
    let first = digests(world.newest(&general).await.unwrap());
    world.simulator.clock().advance(3_600_000 * 30);
    assert_eq!(digests(world.newest(&general).await.unwrap()), first, "signatures of addresses change daily");
}
