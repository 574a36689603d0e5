//! The contents of messages, however unusual.

use std::time::Duration;

use discord_simulator::{Act, Fault, FaultRule, Simulator};
use domain::job::JobState;
use domain::media::{ContentHash, FileContent, FileFormat, FileState, TRIES};
use domain::message::{DeletionKind, MessageKind};
use futures::TryStreamExt;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, Media, Quiet, SyncOptions, World};

cases![
    malformed_message_in_page_is_held_as_far_as_it_can_be_read,
    malformed_message_in_page_without_an_id_fails_no_other_and_is_kept_aside_until_it_can_be_read,
    malformed_messages_are_kept_aside_as_they_are_now,
    unknown_message_type_300_component_99_flag_1_shl_40,
    a_4000_char_emoji_content,
    attachment_expired_url_is_stored_without_what_expires,
    attachment_expired_url_is_made_fresh_and_its_bytes_arrive_once,
    attachment_expired_url_is_read_with_its_message_where_nothing_else_makes_it_fresh,
    attachment_whose_message_is_404_deletes_that_message_for_good,
    attachment_with_the_id_of_a_person_in_its_name_is_read_with_its_message_and_no_other_is,
    attachment_expired_url_404_file_is_marked_gone_and_asked_for_no_more,
    attachment_expired_url_that_cannot_be_made_fresh_is_tried_again_later_and_fails_no_run,
    attachment_expired_url_files_of_a_run_that_was_cancelled_are_fetched_by_the_next,
    attachment_expired_url_files_that_take_long_are_left_to_the_next_run,
    attachment_expired_url_files_that_all_fail_are_left_to_the_next_run,
    reaction_10014_keeps_its_count_and_is_never_requested,
];

fn fields(value: Value) -> Map<String, Value> {
    let Value::Object(fields) = value else { panic!("fields") };
    fields
}

/// Sends a message with these fields; returns its id.
fn send(world: &World, channel_id: u64, raw: Value) -> u64 {
    let act = Act::Send { channel_id, content: String::new(), raw: fields(raw) };
    world.simulator.act(act).unwrap()["id"].as_str().unwrap().parse().unwrap()
}

/// Replaces fields of a message.
fn bend(world: &World, channel_id: u64, message_id: u64, raw: Value) {
    world.simulator.act(Act::Edit { channel_id, message_id, content: None, raw: fields(raw) }).unwrap();
}

async fn malformed_message_in_page_is_held_as_far_as_it_can_be_read(backend: Backend) {
    let world = World::channel_of(backend, 100).await;
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

async fn malformed_message_in_page_without_an_id_fails_no_other_and_is_kept_aside_until_it_can_be_read(
    backend: Backend,
) {
    let world = World::channel_of(backend, 250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    let author = world.simulator.messages(general, 0, usize::MAX)[200]["author"].clone();
    bend(&world, general, ids[200], json!({"id": null, "content": "lost and found"}));
    let job = world.sync().await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 249));
    assert_eq!(world.held(general).await.len(), 249);
    // Its page proves nothing, so the next run reads it again.
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

async fn malformed_messages_are_kept_aside_as_they_are_now(backend: Backend) {
    let world = World::channel_of(backend, 250).await;
    let general = world.id("general");
    let ids = world.true_ids(general);
    // The last of a page, the one after it, and two adjacent ones.
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

async fn unknown_message_type_300_component_99_flag_1_shl_40(backend: Backend) {
    let world = World::channel_of(backend, 5).await;
    let general = world.id("general");
    let component = json!([{"content": "of tomorrow", "nested": [1, {"a": 1.5}], "type": 99}]);
    let unknown = json!({"deep": [null, true, {"text": "é"}], "number": 1_234_567_890_123_456_u64});
    let raw = json!({"type": 300, "flags": 1_u64 << 40, "components": component, "field_of_tomorrow": unknown});
    let id = send(&world, general, raw);
    assert_eq!(world.sync().await.state, JobState::Done);
    let held = world.find(general, id).await.unwrap().message;
    assert_eq!((held.kind, held.flags), (MessageKind(300), 1 << 40));
    assert_eq!(held.components.unwrap().as_str(), component.to_string(), "byte by byte");
    assert_eq!(held.extra.unwrap().to_value()["field_of_tomorrow"].to_string(), unknown.to_string());
}

async fn a_4000_char_emoji_content(backend: Backend) {
    let world = World::channel_of(backend, 3).await;
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

async fn attachment_expired_url_is_stored_without_what_expires(backend: Backend) {
    let world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    let path = format!("/attachments/{general}/1100000000000000009/otter.png");
    let file = json!({"id": "1100000000000000009", "filename": "otter.png", "size": 7, "url": path, "proxy_url": path});
    let id = send(&world, general, json!({"attachments": [file]}));
    world.sync().await;
    let before = world.find(general, id).await.unwrap();
    let url = before.message.attachments[0].url.clone().unwrap();
    assert!(url.ends_with(&path) && !url.contains('?'), "{url}");
    let shown = |world: &World| world.simulator.clock().now_ms();
    let (then, end) = (shown(&world), world.last_change().await);
    // A week later every address has a new signature, and the row is unchanged.
    world.simulator.clock().advance(7 * 24 * 3_600_000);
    let job = world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!((job.state, job.progress.messages), (JobState::Done, 1));
    assert!(shown(&world) > then);
    let changes = world.changes_since(end).await;
    assert!(changes.iter().all(|change| change.kind.interval().is_none()), "{changes:?}");
    assert_eq!(world.find(general, id).await.unwrap().message.attachments, before.message.attachments);
}

/// The route that refreshes addresses.
const REFRESH: &str = "/attachments/refresh-urls";

/// Sends a message with a file of this id.
fn send_file(world: &World, channel: u64, file: u64) -> u64 {
    let path = format!("/attachments/{channel}/{file}/otter.png");
    let kind = "image/png";
    let size = Simulator::file(file).map_or(9, |bytes| bytes.len());
    let file =
        json!({"id": file.to_string(), "filename": "otter.png", "size": size, "content_type": kind, "url": path});
    send(world, channel, json!({"attachments": [file]}))
}

/// Returns ids of files that the simulator has, or that it has lost.
fn files(lost: bool) -> impl Iterator<Item = u64> {
    (1_100_000_000_000_000_000..).filter(move |id| Simulator::file(*id).is_none() == lost)
}

/// Returns the bytes stored under a hash.
async fn kept(world: &World, hash: ContentHash) -> Vec<u8> {
    let media = &world.media.as_ref().unwrap().store;
    let kept = media.open(world.tenant.id, hash, 0, u64::MAX).await.unwrap().expect("it is kept");
    kept.bytes.try_collect::<Vec<_>>().await.unwrap().concat()
}

async fn states(world: &World, channel: u64) -> Vec<FileState> {
    world.files_of(channel).await.into_iter().map(|file| file.state).collect()
}

async fn attachment_expired_url_is_made_fresh_and_its_bytes_arrive_once(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    let ids: Vec<u64> = files(false).take(3).collect();
    for id in &ids {
        send_file(&world, general, *id);
    }
    world.sync().await;
    let waiting = states(&world, general).await;
    assert!(waiting.iter().all(|state| matches!(state, FileState::Waiting { tries: 0, .. })), "{waiting:?}");
    assert_eq!(world.simulator.served_files(), [0; 0]);
    // The addresses observed with them have expired by now.
    world.simulator.clock().advance(7 * 24 * 3_600_000);
    world.media = Some(Media::new());
    assert_eq!(world.sync().await.state, JobState::Done);
    for (file, id) in world.files_of(general).await.into_iter().zip(&ids) {
        let bytes = Simulator::file(*id).unwrap();
        let FileState::Stored { hash, size_bytes, content } = file.state else { panic!("{file:?}") };
        assert_eq!((file.key.attachment.get(), size_bytes), (*id, bytes.len() as u64));
        assert_eq!(content, Some(FileContent { format: FileFormat::Png, size: Some((1, 1)) }));
        assert_eq!(kept(&world, hash).await, bytes);
    }
    let mut served = world.simulator.served_files();
    served.sort_unstable();
    assert_eq!((served, world.asked(REFRESH)), (ids.clone(), 1));
    // Neither a new version of a message nor a full reread fetches a file.
    let message = world.true_ids(general)[0];
    world.edit(general, message, "look");
    let job = world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!(job.state, JobState::Done);
    assert_eq!(world.find(general, message).await.unwrap().message.content, "look");
    assert_eq!((world.simulator.served_files().len(), world.asked(REFRESH)), (ids.len(), 1));
    assert!(states(&world, general).await.iter().all(|state| matches!(state, FileState::Stored { .. })));
}

async fn attachment_expired_url_is_read_with_its_message_where_nothing_else_makes_it_fresh(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    for id in files(false).take(3) {
        send_file(&world, general, id);
    }
    world.simulator.fault(FaultRule::on(REFRESH, 0, Fault::NoAccess));
    assert_eq!(world.sync().await.state, JobState::Done);
    let found = states(&world, general).await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|state| matches!(state, FileState::Stored { .. })), "{found:?}");
    assert_eq!((world.asked(REFRESH), world.asked("/channels/{c}/messages/{m}")), (1, 3));
}

async fn attachment_whose_message_is_404_deletes_that_message_for_good(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    let ids: Vec<u64> = files(false).take(2).collect();
    let messages: Vec<u64> = ids.iter().map(|id| send_file(&world, general, *id)).collect();
    world.sync().await;
    // Two runs later the messages are older than anything that a run reads again.
    for _ in 0..2 {
        world.simulator.clock().advance(7 * 24 * 3_600_000);
        world.sync().await;
    }
    world.delete(general, &messages[..1]);
    world.media = Some(Media::new());
    world.simulator.fault(FaultRule::on(REFRESH, 0, Fault::NoAccess));
    assert_eq!(world.sync().await.state, JobState::Done);
    let gone = world.find(general, messages[0]).await.unwrap();
    assert_eq!(gone.deletion.map(|deletion| deletion.kind), Some(DeletionKind::Explicit));
    assert!(!world.find(general, messages[1]).await.unwrap().is_deleted());
    let found = states(&world, general).await;
    assert!(matches!(found[..], [FileState::Stored { .. }]), "the other one went with its message: {found:?}");
    let tombstones = world.run(SyncOptions { full: true, ..Default::default() }).await;
    assert_eq!(tombstones.state, JobState::Done);
    world.assert_whole(general).await;
}

async fn attachment_with_the_id_of_a_person_in_its_name_is_read_with_its_message_and_no_other_is(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    let ids: Vec<u64> = files(false).take(4).collect();
    for id in &ids[..3] {
        send_file(&world, general, *id);
    }
    let path = format!("/attachments/{general}/{}/rank-123456789012345678.png", ids[3]);
    let file = json!({"id": ids[3].to_string(), "filename": "rank-123456789012345678.png", "size": 9, "url": path});
    send(&world, general, json!({"attachments": [file]}));
    world.sync().await;
    world.simulator.clock().advance(7 * 24 * 3_600_000);
    world.media = Some(Media::new());
    assert_eq!(world.sync().await.state, JobState::Done);
    let found = states(&world, general).await;
    assert!(found.len() == 4 && found.iter().all(|state| matches!(state, FileState::Stored { .. })), "{found:?}");
    assert_eq!((world.asked(REFRESH), world.asked("/channels/{c}/messages/{m}")), (1, 1));
}

async fn attachment_expired_url_404_file_is_marked_gone_and_asked_for_no_more(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    let (lost, good) = (files(true).next().unwrap(), files(false).next().unwrap());
    send_file(&world, general, lost);
    send_file(&world, general, good);
    assert_eq!(world.sync().await.state, JobState::Done);
    let found = states(&world, general).await;
    assert_eq!(found[0], FileState::Gone);
    assert!(matches!(found[1], FileState::Stored { .. }), "{found:?}");
    let asked = |world: &World| (world.simulator.served_files(), world.asked(REFRESH));
    let before = asked(&world);
    assert_eq!(before.0.iter().filter(|id| **id == lost).count(), 1);
    for full in [false, true] {
        world.simulator.clock().advance(7 * 24 * 3_600_000);
        world.run(SyncOptions { full, ..Default::default() }).await;
        assert_eq!(asked(&world), before, "no loop");
    }
    assert_eq!(states(&world, general).await[0], FileState::Gone);
}

async fn attachment_expired_url_that_cannot_be_made_fresh_is_tried_again_later_and_fails_no_run(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    let raw = json!({"attachments": [{"id": "7", "filename": "a", "size": 1, "url": "https://example.org/a"}]});
    send(&world, general, raw);
    for tries in 1..TRIES {
        assert_eq!(world.sync().await.state, JobState::Done);
        let found = states(&world, general).await;
        assert!(matches!(found[..], [FileState::Waiting { tries: held, .. }] if held == tries), "{found:?}");
        // It is not retried before its time.
        world.sync().await;
        assert_eq!(states(&world, general).await, found);
        world.simulator.clock().advance(7 * 24 * 3_600_000);
    }
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(states(&world, general).await, [FileState::Failed]);
    assert_eq!((world.simulator.served_files(), world.asked(REFRESH)), (vec![], 0), "it is none of the platform's");
}

fn stored(states: &[FileState]) -> usize {
    states.iter().filter(|state| matches!(state, FileState::Stored { .. })).count()
}

async fn attachment_expired_url_files_that_take_long_are_left_to_the_next_run(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    let mut media = Media::new();
    media.time = Some(Duration::ZERO);
    world.media = Some(media);
    let general = world.id("general");
    for id in files(false).take(120) {
        send_file(&world, general, id);
    }
    for expected in [50, 100, 120, 120] {
        assert_eq!(world.sync().await.state, JobState::Done);
        assert_eq!(stored(&states(&world, general).await), expected);
    }
    assert_eq!(world.simulator.served_files().len(), 120);
}

async fn attachment_expired_url_files_that_all_fail_are_left_to_the_next_run(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    for number in 1..=60 {
        let file = json!({"id": number.to_string(), "filename": "a", "size": 1, "url": "https://example.org/a"});
        send(&world, general, json!({"attachments": [file]}));
    }
    let tried = |states: &[FileState]| {
        states.iter().filter(|state| matches!(state, FileState::Waiting { tries: 1, .. })).count()
    };
    for expected in [50, 60] {
        assert_eq!(world.sync().await.state, JobState::Done);
        assert_eq!(tried(&states(&world, general).await), expected);
    }
}

async fn attachment_expired_url_files_of_a_run_that_was_cancelled_are_fetched_by_the_next(backend: Backend) {
    let mut world = World::channel_of(backend, 0).await;
    world.media = Some(Media::new());
    let general = world.id("general");
    for id in files(false).take(120) {
        send_file(&world, general, id);
    }
    let stop = CancellationToken::new();
    world.simulator.on_file(60, {
        let stop = stop.clone();
        move || stop.cancel()
    });
    let job = world.run_with(SyncOptions::default(), &stop, &Quiet).await;
    assert_eq!(job.state, JobState::Cancelled);
    let before = stored(&states(&world, general).await);
    assert!((50..120).contains(&before), "{before}");
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(stored(&states(&world, general).await), 120);
    // Only the files that were under way at the cancellation are fetched once more.
    let again = world.simulator.served_files().len() - 120;
    assert!(again <= 8, "{again}");
}

async fn reaction_10014_keeps_its_count_and_is_never_requested(backend: Backend) {
    let world = World::channel_of(backend, 0).await;
    let general = world.id("general");
    let unknown = json!({"id": "700000000000000002", "name": null});
    let reaction = json!({"emoji": unknown, "count": 7, "count_details": {"normal": 7, "burst": 0}, "me": false});
    let id = send(&world, general, json!({"reactions": [reaction]}));
    assert_eq!(world.sync().await.state, JobState::Done);
    let held = world.find(general, id).await.unwrap().message.reactions;
    assert_eq!((held.len(), held[0].count, held[0].emoji.key().as_str()), (1, 7, "700000000000000002"));
    assert!(!world.simulator.requests(0).iter().any(|request| request.route.contains("reactions")));
}
