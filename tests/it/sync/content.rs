//! What messages say, however odd it is.

use discord_simulator::{Act, Fault, FaultRule};
use domain::job::JobState;
use domain::message::MessageKind;
use serde_json::{Map, Value, json};

use super::place::{Place, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    malformed_message_in_page_is_held_as_far_as_it_can_be_read,
    malformed_message_in_page_without_an_id_fails_no_other_and_is_kept_aside_until_it_can_be_read,
    malformed_messages_are_kept_aside_as_they_are_now,
    unknown_message_type_300_component_99_flag_1_shl_40,
    a_4000_char_emoji_content,
    attachment_expired_url_is_stored_without_what_expires,
    reaction_10014_keeps_its_count_and_is_asked_for_by_nobody,
];

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("fields") };
    fields
}

/// Sends a message with these fields, and gives its id.
fn send(world: &World, channel_id: u64, raw: Value) -> u64 {
    let act = Act::Send { channel_id, content: String::new(), raw: fields(raw) };
    world.simulator.act(act).unwrap()["id"].as_str().unwrap().parse().unwrap()
}

/// Replaces fields of a message.
fn bend(world: &World, channel_id: u64, message_id: u64, raw: Value) {
    world.simulator.act(Act::Edit { channel_id, message_id, content: None, raw: fields(raw) }).unwrap();
}

async fn malformed_message_in_page_is_held_as_far_as_it_can_be_read(place: Place) {
    let world = World::channel_of(place, 100).await;
    let general = world.id("general");
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::MalformedMessage));
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 100));
    assert_eq!(world.held(general).await, world.true_ids(general));
    let mut broken = Vec::new();
    for id in world.true_ids(general) {
        let message = world.find(general, id).await.unwrap().message;
        broken.extend(message.extra.map(|extra| extra.to_value()["embeds"].clone()).filter(|embeds| !embeds.is_null()));
    }
    assert_eq!(broken, [json!("text")], "what has no place is kept as it was sent");
}

async fn malformed_message_in_page_without_an_id_fails_no_other_and_is_kept_aside_until_it_can_be_read(place: Place) {
    let world = World::channel_of(place, 250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    let author = world.simulator.messages(general, 0, usize::MAX)[200]["author"].clone();
    bend(&world, general, ids[200], json!({"id": null, "content": "lost and found"}));
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 249));
    assert_eq!(world.held(general).await.len(), 249);
    // The page that it stands in proves nothing, so the next run reads it again.
    let held = world.coverage(general).await.unwrap().interval.unwrap();
    assert_eq!((held.low().get(), held.high().get()), (ids[0], ids[150] - 1));
    let [kept] = &world.unreadable(general).await[..] else { panic!("one is kept aside") };
    assert_eq!((kept.reason.as_str(), kept.message_id), ("a message has no id", None));
    assert_eq!((kept.place.low().get(), kept.place.high().get()), (ids[199] + 1, ids[201] - 1));
    let raw = kept.raw.as_ref().unwrap();
    assert_eq!(raw.to_value()["content"], "lost and found");
    for key in ["id", "username"] {
        let said = author[key].as_str().unwrap();
        assert!(!raw.as_str().contains(said), "{said} is in {raw}");
    }
    assert_eq!(world.coverage(general).await.unwrap().unreadable_count, 1);
    world.sync().await;
    let [again] = &world.unreadable(general).await[..] else { panic!("it is still one") };
    assert_eq!((again.id, again.first_seen_at), (kept.id, kept.first_seen_at));
    assert!(again.last_seen_at > kept.last_seen_at);
    bend(&world, general, ids[200], json!({"id": ids[200].to_string()}));
    assert_eq!(world.sync().await.progress.messages, 100);
    assert_eq!(world.held(general).await, ids);
    assert_eq!(world.unreadable(general).await, []);
    assert_eq!(world.coverage(general).await.unwrap().unreadable_count, 0);
    assert_eq!(world.coverage(general).await.unwrap().interval.unwrap().high().get(), ids[249]);
}

async fn malformed_messages_are_kept_aside_as_they_are_now(place: Place) {
    let world = World::channel_of(place, 250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    // The last of a page, the one behind it, and two side by side.
    for index in [150, 149, 70, 71] {
        bend(&world, general, ids[index], json!({"id": null, "content": format!("number {index}")}));
    }
    let contents = async || {
        let kept = world.unreadable(general).await;
        let of_kept = kept.iter().map(|one| one.raw.as_ref().unwrap().to_value()["content"].clone());
        let mut contents: Vec<_> = of_kept.map(|content| content.as_str().unwrap().to_owned()).collect();
        contents.sort();
        contents
    };
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(general).await.len(), 246);
    assert_eq!(contents().await, ["number 149", "number 150", "number 70", "number 71"]);
    bend(&world, general, ids[70], json!({"id": null, "content": "edited"}));
    bend(&world, general, ids[71], json!({"id": ids[71].to_string()}));
    bend(&world, general, ids[150], json!({"id": ids[150].to_string()}));
    world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!(world.held(general).await.len(), 248);
    assert_eq!(contents().await, ["edited", "number 149"]);
    bend(&world, general, ids[149], json!({"id": ids[149].to_string()}));
    world.delete(general, &[ids[70]]);
    world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!(contents().await, [""; 0]);
    world.assert_whole(general).await;
}

async fn unknown_message_type_300_component_99_flag_1_shl_40(place: Place) {
    let world = World::channel_of(place, 5).await;
    let general = world.id("general");
    let component = json!([{"content": "of tomorrow", "nested": [1, {"a": 1.5}], "type": 99}]);
    let unknown = json!({"deep": [null, true, {"text": "é"}], "number": 12_345_678_901_234_567_u64});
    let raw = json!({"type": 300, "flags": 1_u64 << 40, "components": component, "field_of_tomorrow": unknown});
    let id = send(&world, general, raw);
    assert_eq!(world.sync().await.state, JobState::Done);
    let held = world.find(general, id).await.unwrap().message;
    assert_eq!((held.kind, held.flags), (MessageKind(300), 1 << 40));
    assert_eq!(held.components.unwrap().as_str(), component.to_string(), "byte by byte");
    assert_eq!(held.extra.unwrap().to_value()["field_of_tomorrow"].to_string(), unknown.to_string());
}

async fn a_4000_char_emoji_content(place: Place) {
    let world = World::channel_of(place, 3).await;
    let general = world.id("general");
    let texts = [
        "🧶".repeat(4000),
        "👩\u{200d}👩\u{200d}👧\u{200d}👦".repeat(571),
        "a\u{0}b \u{202e}שלום\u{202c} \u{feff} e\u{301} \\ ' \" % _ \r\n\t".to_owned(),
        "\u{10FFFF}".repeat(4000),
    ];
    let sent: Vec<u64> = texts.iter().map(|text| send(&world, general, json!({"content": text}))).collect();
    assert_eq!(world.sync().await.state, JobState::Done);
    for (id, text) in sent.into_iter().zip(&texts) {
        assert_eq!(world.find(general, id).await.unwrap().message.content, *text);
    }
    world.assert_whole(general).await;
}

async fn attachment_expired_url_is_stored_without_what_expires(place: Place) {
    let world = World::channel_of(place, 0).await;
    let general = world.id("general");
    let path = format!("/attachments/{general}/1100000000000000009/otter.png");
    let file = json!({"id": "1100000000000000009", "filename": "otter.png", "size": 7, "url": path, "proxy_url": path});
    let id = send(&world, general, json!({"attachments": [file]}));
    world.sync().await;
    let before = world.find(general, id).await.unwrap();
    let url = before.message.attachments[0].url.clone().unwrap();
    assert!(url.ends_with(&path) && !url.contains('?'), "{url}");
    let shown = |world: &World| world.simulator.clock().now_ms();
    let (then, changed) = (shown(&world), world.last_change().await);
    // A week later every address is signed anew, and the row is the same.
    world.simulator.clock().advance(7 * 24 * 3_600_000);
    let job = world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 1));
    assert!(shown(&world) > then);
    assert_eq!(world.last_change().await, changed);
    assert_eq!(world.find(general, id).await.unwrap().message.attachments, before.message.attachments);
}

async fn reaction_10014_keeps_its_count_and_is_asked_for_by_nobody(place: Place) {
    let world = World::channel_of(place, 0).await;
    let general = world.id("general");
    let unknown = json!({"id": "700000000000000002", "name": null});
    let reaction = json!({"emoji": unknown, "count": 7, "count_details": {"normal": 7, "burst": 0}, "me": false});
    let id = send(&world, general, json!({"reactions": [reaction]}));
    assert_eq!(world.sync().await.state, JobState::Done);
    let held = world.find(general, id).await.unwrap().message.reactions;
    assert_eq!((held.len(), held[0].count, held[0].emoji.key().as_str()), (1, 7, "700000000000000002"));
    assert!(!world.simulator.requests(0).iter().any(|request| request.route.contains("reactions")));
}
