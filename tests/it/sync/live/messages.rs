//! Messages as they are written, changed and deleted.

use std::sync::Arc;
use std::time::Duration;

use discord_simulator::{Act, GatewayFault, Options};
use domain::message::{Deletion, DeletionKind, MessageId, MessageKind};
use domain::retention::{Retention, RetentionPeriod};
use domain::search::{SearchDocument, SearchPlace, SearchQuery};
use domain::tenant::Tenant;
use serde_json::{Map, json};

use super::super::backend::{Backend, cases};
use super::super::slow::Slow;
use super::super::world::World;
use super::{Following, plan};

cases![
    case_41_create_edit_delete,
    case_42_delete_before_create,
    case_44_update_for_unknown_message,
    case_45_duplicate_events,
    case_46_reordered_update_pair,
    case_47_unfurl_update_sub_ms_regression,
    case_48_unfurl_update_null_edited,
    case_49_bulk_delete_100,
    case_50_reactions_have_set_semantics,
    case_51_pins_update,
    case_52_poll_votes_then_result,
    case_53_forward_snapshot,
    case_54_webhook_two_names_one_id,
    case_55_reply_null_vs_absent,
    case_56_loading_then_content,
    messages_of_many_channels_are_stored_in_order,
    events_are_stored_while_a_request_holds_the_only_unit_of_a_store,
];

async fn case_41_create_edit_delete(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let retention = Retention { deleted: RetentionPeriod::Days(7), edited: RetentionPeriod::Forever };
    let mut unit = world.store.begin().await.unwrap();
    unit.tenants().update(&Tenant { retention, ..world.tenant.clone() }).await.unwrap();
    unit.commit().await.unwrap();
    let requests = following.requests();
    let [kept, gone] = ["kept", "gone"].map(|content| following.say(general, content));
    following.until_equal(general).await;
    world.edit(general, kept, "changed");
    following.until_equal(general).await;
    let edited = world.find(general, kept).await.unwrap();
    assert_eq!(edited.message.content, "changed");
    assert!(edited.message.version.edited_at.is_some());
    world.delete(general, &[gone]);
    following.until_equal(general).await;
    let tombstone = world.find(general, gone).await.unwrap();
    assert_eq!(tombstone.deletion.map(|deletion| deletion.kind), Some(DeletionKind::Explicit));
    assert_eq!(tombstone.message, tombstone.message.cleared(), "its content is gone at once");
    world.delete(general, &[kept]);
    following.until_equal(general).await;
    for (id, expected) in [(kept, &[("kept", false), ("changed", true)][..]), (gone, &[("gone", true)])] {
        let (mut at, id) = (world.store.read().await.unwrap(), MessageId::new(id).unwrap());
        let versions = at.versions().list(world.of_channel(general), id, None, 100).await.unwrap();
        let versions: Vec<_> = versions.iter().map(|one| (one.content.as_str(), one.is_deletion)).collect();
        assert_eq!(versions, expected, "moderators can read the texts that were replaced");
    }
    assert_eq!(following.requests(), requests, "events are enough");
}

async fn case_42_delete_before_create(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    following.fault(&GatewayFault::Hold { on: true });
    following.fault(&GatewayFault::Swap);
    let brief = following.say(general, "brief");
    world.delete(general, &[brief]);
    following.fault(&GatewayFault::Hold { on: false });
    following.settle().await;
    following.until_equal(general).await;
    assert!(world.find(general, brief).await.unwrap().is_final());
}

async fn case_44_update_for_unknown_message(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    following.fault(&GatewayFault::Lose { count: 1 });
    let missed = following.say(general, "missed");
    following.settle().await;
    assert_eq!(world.find(general, missed).await, None);
    world.edit(general, missed, "seen at last");
    following.until_equal(general).await;
    assert_eq!(world.find(general, missed).await.unwrap().message.content, "seen at last");
}

async fn case_45_duplicate_events(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    following.fault(&GatewayFault::Duplicate { count: 100 });
    let ids = [1, 2, 3].map(|number| following.say(general, &format!("number {number}")));
    world.edit(general, ids[0], "changed");
    world.edit(general, ids[0], "changed again");
    world.delete(general, &ids[1..2]);
    following.settle().await;
    following.until_equal(general).await;
    assert_eq!(world.find(general, ids[0]).await.unwrap().message.content, "changed again");
}

async fn case_46_reordered_update_pair(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let id = following.say(general, "first");
    following.settle().await;
    following.fault(&GatewayFault::Swap);
    world.edit(general, id, "second");
    world.simulator.clock().advance(10);
    world.edit(general, id, "third");
    following.settle().await;
    following.until_equal(general).await;
    assert_eq!(world.find(general, id).await.unwrap().message.content, "third");
}

async fn case_47_unfurl_update_sub_ms_regression(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let id = following.say(general, "https://example.org/");
    let unfurl = |title: &str, edited_timestamp: &str| {
        let embeds = json!([{"type": "link", "url": "https://example.org/", "title": title}]);
        let raw = json!({"embeds": embeds, "edited_timestamp": edited_timestamp}).as_object().unwrap().clone();
        following.act(Act::Edit { channel_id: general, message_id: id, content: None, raw });
    };
    world.edit(general, id, "https://example.org/ it is");
    unfurl("first", "2026-11-20T08:00:00.123999+00:00");
    unfurl("second", "2026-11-20T08:00:00.123001+00:00");
    following.until_equal(general).await;
    let stored = world.find(general, id).await.unwrap().message;
    assert_eq!(stored.content, "https://example.org/ it is");
    assert!(stored.embeds.unwrap().as_str().contains("second"));
}

async fn case_48_unfurl_update_null_edited(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let id = following.say(general, "https://example.org/");
    let embeds = json!([{"type": "link", "url": "https://example.org/", "title": "An example"}]);
    let raw = Map::from_iter([("embeds".to_owned(), embeds)]);
    following.act(Act::Edit { channel_id: general, message_id: id, content: None, raw });
    following.until_equal(general).await;
    let unfurled = world.find(general, id).await.unwrap().message;
    assert_eq!((unfurled.version.edited_at, unfurled.content.as_str()), (None, "https://example.org/"));
    assert!(unfurled.embeds.unwrap().as_str().contains("An example"));
}

async fn case_49_bulk_delete_100(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let all = world.true_ids(general);
    let message_ids = all[10..110].to_vec();
    following.act(Act::Delete { channel_id: general, message_ids: message_ids.clone(), bulk: true });
    following.until_equal(general).await;
    assert_eq!(world.held(general).await.len(), all.len() - 100);
    for id in message_ids {
        assert!(world.find(general, id).await.unwrap().is_final(), "{id}");
    }
}

async fn case_50_reactions_have_set_semantics(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let id = following.say(general, "what do you think?");
    let react = |user: u64, burst: bool, remove: bool| {
        let emoji = "👍".to_owned();
        following.act(Act::React { channel_id: general, message_id: id, emoji, user_id: Some(user), burst, remove });
    };
    following.fault(&GatewayFault::Duplicate { count: 3 });
    for user in 1..=5 {
        react(user, false, false);
    }
    react(1, true, false);
    react(2, false, true);
    following.until_equal(general).await;
    let count = |stored: &domain::message::StoredMessage| stored.message.reactions.first().map(|found| found.count);
    let before = count(&world.find(general, id).await.unwrap());
    assert!(before >= Some(4), "{before:?}");
    let requests = following.requests();
    for user in 10..40 {
        react(user, false, false);
    }
    following.until_equal(general).await;
    assert!(following.requests() - requests <= 3, "many reactions are one request");
    following.act(Act::ClearReactions { channel_id: general, message_id: id, emoji: None });
    following.until_equal(general).await;
    assert_eq!(count(&world.find(general, id).await.unwrap()), None);
}

async fn case_51_pins_update(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let id = world.true_ids(general)[5];
    following.act(Act::Pin { channel_id: general, message_id: id, remove: false });
    following.until_equal(general).await;
    assert!(world.find(general, id).await.unwrap().message.pinned);
    following.act(Act::Pin { channel_id: general, message_id: id, remove: true });
    following.until_equal(general).await;
    assert!(!world.find(general, id).await.unwrap().message.pinned);
    world.delete(general, &[id]);
    following.until_equal(general).await;
}

async fn case_52_poll_votes_then_result(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let answers =
        json!([{"answer_id": 1, "poll_media": {"text": "yes"}}, {"answer_id": 2, "poll_media": {"text": "no"}}]);
    let poll = json!({"question": {"text": "well?"}, "answers": answers, "expiry": null, "allow_multiselect": false,
                      "layout_type": 1, "results": {"is_finalized": false, "answer_counts": []}});
    let id = following.say_raw(general, "", Map::from_iter([("poll".to_owned(), poll)]));
    following.until_equal(general).await;
    for user in 1..=3 {
        let vote = Act::Vote { channel_id: general, message_id: id, answer_id: 1, user_id: Some(user), remove: false };
        following.act(vote);
    }
    following.until_equal(general).await;
    let poll = world.find(general, id).await.unwrap().message.poll.unwrap().to_value();
    assert_eq!(poll["results"]["answer_counts"][0]["count"], 3);
}

async fn case_53_forward_snapshot(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let snapshot = json!({"type": 0, "content": "an otter was here", "embeds": [], "attachments": [], "mentions": [],
                          "timestamp": "2024-01-01T00:00:00+00:00", "edited_timestamp": null, "flags": 0});
    let reference = json!({"type": 1, "channel_id": "1100000000000000001", "message_id": "1100000000000000002",
                           "guild_id": "1100000000000000003"});
    let raw = json!({"message_reference": reference, "message_snapshots": [{"message": snapshot}]});
    let id = following.say_raw(general, "", raw.as_object().unwrap().clone());
    let plain = following.say(general, "an otter");
    following.until_equal(general).await;
    let (forwarded, plain) = (world.find(general, id).await.unwrap(), world.find(general, plain).await.unwrap());
    let snapshots = forwarded.message.snapshots.as_ref().unwrap().to_value();
    assert_eq!(snapshots[0]["message"]["content"], "an otter was here");
    assert_eq!(snapshots[0]["message"].get("author"), None);
    let query: SearchQuery = "\"otter was here\"".parse().unwrap();
    let channel = world.channel(general).await.unwrap();
    let place = SearchPlace { channel: &channel, parent: None, thread: None };
    let found = [&forwarded, &plain].map(|stored| query.matches(&SearchDocument::new(&stored.message, place)));
    assert_eq!(found, [true, false]);
}

async fn case_54_webhook_two_names_one_id(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let send = |name: &str| {
        let hook = "1100000000000000007";
        let author = json!({"id": hook, "username": name, "discriminator": "0000", "avatar": null, "bot": true});
        let raw = json!({"webhook_id": hook, "author": author});
        following.say_raw(general, "by a program", raw.as_object().unwrap().clone())
    };
    let ids = ["Weather", "News", "Weather"].map(send);
    following.until_equal(general).await;
    let mut authors = Vec::new();
    for id in ids {
        authors.push(world.find(general, id).await.unwrap().message.author);
    }
    assert!(authors.iter().all(|author| author.webhook));
    assert!(authors[0] == authors[2] && authors[0].pseudonym != authors[1].pseudonym, "{authors:?}");
}

async fn case_55_reply_null_vs_absent(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let target = following.say(general, "a question");
    let reply = |kind: u8| {
        let reference = json!({"type": 0, "channel_id": general.to_string(), "message_id": target.to_string()});
        let raw = json!({"type": kind, "message_reference": reference});
        following.say_raw(general, "an answer", raw.as_object().unwrap().clone())
    };
    world.delete(general, &[target]);
    // The simulator shows the target of a reply (19) as deleted, and not at all in a menu's response (23).
    let (deleted, unknown) = (reply(19), reply(23));
    following.until_equal(general).await;
    for (id, shown) in [(deleted, Some(serde_json::Value::Null)), (unknown, None)] {
        let stored = world.find(general, id).await.unwrap().message;
        assert_eq!(stored.reference.and_then(|reference| reference.message_id).map(MessageId::get), Some(target));
        let extra = stored.extra.map(|extra| extra.to_value()).unwrap_or_default();
        assert_eq!(extra.get("referenced_message"), shown.as_ref(), "{id}");
    }
}

async fn case_56_loading_then_content(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    // Only the person who asked sees the one; the other is shown to all once it is written.
    let secret = following.say_raw(general, "only for you", Map::from_iter([("flags".to_owned(), json!(1 << 6))]));
    let loading = following.say_raw(general, "", Map::from_iter([("flags".to_owned(), json!(1 << 7))]));
    following.settle().await;
    assert_eq!((world.find(general, secret).await, world.find(general, loading).await), (None, None));
    let raw = Map::from_iter([("flags".to_owned(), json!(0))]);
    following.act(Act::Edit { channel_id: general, message_id: loading, content: Some("an answer".to_owned()), raw });
    following
        .until("the answer is stored", async |following| {
            let found = following.world.find(general, loading).await;
            found.is_some_and(|found| found.message.content == "an answer")
        })
        .await;
    let answer = world.find(general, loading).await.unwrap();
    assert_eq!((answer.deletion, answer.message.kind), (None::<Deletion>, MessageKind::DEFAULT));
}

async fn messages_of_many_channels_are_stored_in_order(backend: Backend) {
    let following = Following::start(backend).await;
    let (general, other) = (following.world.id("general"), following.world.id("other"));
    let requests = following.requests();
    for number in 0..150 {
        let channel = if number % 3 == 0 { other } else { general };
        let id = following.say(channel, &format!("number {number}"));
        following.world.edit(channel, id, &format!("number {number}, changed"));
        if number % 50 == 0 {
            // So that several units are needed.
            following.until_equal(other).await;
        }
    }
    following.until_equal(general).await;
    following.until_equal(other).await;
    assert_eq!(following.requests(), requests, "events are enough");
}

async fn events_are_stored_while_a_request_holds_the_only_unit_of_a_store(backend: Backend) {
    let mut world = World::start(backend, Options::planned(1, plan()).unlimited()).await;
    world.store = Arc::new(Slow::new(&world.store));
    let mut following = Following::of(world);
    following.run();
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    let general = following.world.id("general");
    let message_id = following.say(general, "what do you think?");
    for number in 0..100 {
        let (emoji, user_id) = ("👍".to_owned(), Some(1 + number));
        let act = Act::React { channel_id: general, message_id, emoji, user_id, burst: false, remove: false };
        following.act(act);
        following.say(general, &format!("number {number}"));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    following.until_equal(general).await;
}
