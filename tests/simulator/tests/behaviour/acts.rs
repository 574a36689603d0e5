//! The actions of people: the objects that REST shows afterwards, the events of the gateway, and the expectation of the
//! ledger.

use discord_simulator::{Act, ChannelPlan, Origin, Simulator, ThreadPlan, kind};
use serde_json::{Value, json};

use crate::client::{channel_of, channel_with, get, get_json, guild, ids};
use crate::socket::Socket;

fn act(simulator: &Simulator, act: Value) -> Value {
    let act: Act = serde_json::from_value(act).unwrap();
    simulator.act(act).unwrap()
}

#[tokio::test]
async fn a_message_is_written_edited_and_deleted() {
    let (simulator, channel) = channel_of(10).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let before = simulator.ledger(channel).unwrap();
    let raw = json!({"type": 300, "components": [{"type": 99}], "flags": 1_u64 << 40});
    let sent = act(&simulator, json!({"op": "send", "channel_id": channel, "content": "one", "raw": raw}));
    let path = format!("/channels/{channel}/messages/{}", sent["id"].as_str().unwrap());
    let created = socket.event("MESSAGE_CREATE").await;
    assert_eq!((&created["guild_id"], &created["type"]), (&json!(simulator.guild_id().to_string()), &json!(300)));
    assert!(created["member"]["joined_at"].is_string());
    assert_eq!(simulator.ledger(channel).unwrap().count, 11);

    simulator.clock().advance(60_000);
    act(&simulator, json!({"op": "edit", "channel_id": channel, "message_id": sent["id"], "content": "two"}));
    let edited = get_json(&simulator, &path).await;
    assert_eq!((&edited["content"], edited["edited_timestamp"].is_string()), (&json!("two"), true));
    let unfurl = json!({"embeds": [{"type": "link"}]});
    act(&simulator, json!({"op": "edit", "channel_id": channel, "message_id": sent["id"], "raw": unfurl}));
    assert_eq!(get_json(&simulator, &path).await["edited_timestamp"], edited["edited_timestamp"]);
    socket.event("MESSAGE_UPDATE").await;
    assert_eq!(socket.event("MESSAGE_UPDATE").await["embeds"][0]["type"], "link");

    act(&simulator, json!({"op": "delete", "channel_id": channel, "message_ids": [sent["id"]]}));
    assert_eq!(socket.event("MESSAGE_DELETE").await["id"], sent["id"]);
    assert_eq!(get(&simulator, &path).await.refusal(), (404, 10008));
    let after = simulator.ledger(channel).unwrap();
    assert_eq!((after.count, &after.sha256), (before.count, &before.sha256));
    assert_eq!(json!(after.tombstones), json!([sent["id"]]));
    assert_eq!(get_json(&simulator, &format!("/channels/{channel}")).await["last_message_id"], sent["id"]);
}

#[tokio::test]
async fn generated_messages_can_be_edited_and_deleted_in_bulk() {
    let (simulator, channel) = channel_of(300).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let all = ids(&Value::Array(simulator.messages(channel, 0, 300)));
    let before = simulator.ledger(channel).unwrap();
    act(&simulator, json!({"op": "edit", "channel_id": channel, "message_id": all[5], "content": "changed"}));
    assert_ne!(simulator.ledger(channel).unwrap().sha256, before.sha256);
    let gone: Vec<u64> = all[10..110].to_vec();
    act(&simulator, json!({"op": "delete", "channel_id": channel, "message_ids": gone, "bulk": true}));
    assert_eq!(socket.event("MESSAGE_DELETE_BULK").await["ids"].as_array().unwrap().len(), 100);
    let ledger = simulator.ledger(channel).unwrap();
    assert_eq!((ledger.count, ledger.tombstones.len()), (200, 100));
    let page = get_json(&simulator, &format!("/channels/{channel}/messages?limit=100&before={}", all[115])).await;
    assert_eq!(ids(&page).len(), 15);
}

#[tokio::test]
async fn who_answered_a_message_that_is_deleted_answers_to_null() {
    let (simulator, channel) = channel_of(10).await;
    let target = act(&simulator, json!({"op": "send", "channel_id": channel, "content": "question"}));
    let raw = json!({"type": 19, "message_reference": {"type": 0, "channel_id": channel.to_string(),
                     "message_id": target["id"]}});
    let reply = act(&simulator, json!({"op": "send", "channel_id": channel, "content": "answer", "raw": raw}));
    let path = format!("/channels/{channel}/messages/{}", reply["id"].as_str().unwrap());
    assert_eq!(get_json(&simulator, &path).await["referenced_message"]["content"], "question");
    act(&simulator, json!({"op": "delete", "channel_id": channel, "message_ids": [target["id"]]}));
    assert_eq!(get_json(&simulator, &path).await["referenced_message"], Value::Null);
}

#[tokio::test]
async fn reactions_are_sets_of_users() {
    let (simulator, channel) = channel_of(10).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let id = ids(&Value::Array(simulator.messages(channel, 0, 1)))[0];
    let path = format!("/channels/{channel}/messages/{id}");
    act(&simulator, json!({"op": "clear_reactions", "channel_id": channel, "message_id": id}));
    socket.event("MESSAGE_REACTION_REMOVE_ALL").await;
    let react = |more: Value| {
        let mut wanted = json!({"op": "react", "channel_id": channel, "message_id": id, "emoji": "🦦"});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        act(&simulator, wanted);
    };
    react(json!({}));
    react(json!({}));
    react(json!({"burst": true}));
    let added = socket.event("MESSAGE_REACTION_ADD").await;
    assert_eq!((&added["emoji"]["name"], &added["type"]), (&json!("🦦"), &json!(0)));
    let details = get_json(&simulator, &path).await["reactions"][0]["count_details"].clone();
    assert_eq!(details, json!({"normal": 1, "burst": 1}));
    react(json!({"remove": true}));
    react(json!({"remove": true, "burst": true}));
    assert_eq!(socket.event("MESSAGE_REACTION_REMOVE").await["user_id"], added["user_id"]);
    assert!(get_json(&simulator, &path).await.get("reactions").is_none());
}

#[tokio::test]
async fn a_pin_is_listed_and_announced_by_a_row() {
    let (simulator, channel) = channel_of(10).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let sent = act(&simulator, json!({"op": "send", "channel_id": channel, "content": "pin me"}));
    act(&simulator, json!({"op": "pin", "channel_id": channel, "message_id": sent["id"]}));
    socket.event("CHANNEL_PINS_UPDATE").await;
    let row = socket.event("MESSAGE_CREATE").await;
    assert_eq!((&row["type"], &row["message_reference"]["message_id"]), (&json!(6), &sent["id"]));
    let pins = get_json(&simulator, &format!("/channels/{channel}/messages/pins")).await;
    assert_eq!(pins["items"][0]["message"]["id"], sent["id"]);
    act(&simulator, json!({"op": "delete", "channel_id": channel, "message_ids": [sent["id"]]}));
    let pins = get_json(&simulator, &format!("/channels/{channel}/messages/pins")).await;
    assert!(pins["items"].as_array().unwrap().iter().all(|pin| pin["message"]["id"] != sent["id"]));
}

#[tokio::test]
async fn votes_are_counted_and_listed() {
    let (simulator, channel) = channel_of(10).await;
    let poll = json!({"poll": {"question": {"text": "Which?"}, "answers": [], "allow_multiselect": false,
                      "layout_type": 1, "expiry": null}});
    let sent = act(&simulator, json!({"op": "send", "channel_id": channel, "raw": poll}));
    act(&simulator, json!({"op": "vote", "channel_id": channel, "message_id": sent["id"], "answer_id": 2}));
    let path = format!("/channels/{channel}/polls/{}/answers/2", sent["id"].as_str().unwrap());
    assert_eq!(get_json(&simulator, &path).await["users"].as_array().unwrap().len(), 1);
    let message = get_json(&simulator, &format!("/channels/{channel}/messages?limit=1")).await;
    assert_eq!(message[0]["poll"]["results"]["answer_counts"], json!([{"id": 2, "count": 1, "me_voted": false}]));
}

#[tokio::test]
async fn threads_are_made_archived_and_opened_by_a_message() {
    let (simulator, channel) = channel_of(10).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let sent = act(&simulator, json!({"op": "send", "channel_id": channel, "content": "let us talk"}));
    let make = json!({"op": "create_thread", "channel_id": channel, "name": "talk", "message_id": sent["id"]});
    let thread = act(&simulator, make);
    assert_eq!(thread["id"], sent["id"]);
    assert_eq!(socket.event("THREAD_CREATE").await["newly_created"], true);
    let id = thread["id"].as_str().unwrap();
    let rows = get_json(&simulator, &format!("/channels/{id}/messages")).await;
    assert_eq!((&rows[0]["type"], &rows[0]["referenced_message"]["content"]), (&json!(21), &json!("let us talk")));
    let active = async || get_json(&simulator, &format!("/guilds/{}/threads/active", simulator.guild_id())).await;
    assert_eq!(ids(&active().await["threads"]).len(), 1);
    act(&simulator, json!({"op": "update_channel", "channel_id": id, "change": {"archived": true, "locked": true}}));
    assert_eq!(socket.event("THREAD_UPDATE").await["thread_metadata"]["archived"], true);
    assert!(ids(&active().await["threads"]).is_empty());
    let archived = get_json(&simulator, &format!("/channels/{channel}/threads/archived/public")).await;
    assert_eq!(archived["threads"][0]["id"], thread["id"]);
    act(&simulator, json!({"op": "send", "channel_id": id, "content": "again"}));
    assert_eq!(socket.event("THREAD_UPDATE").await["thread_metadata"]["archived"], false);
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "again");
    act(&simulator, json!({"op": "delete_channel", "channel_id": id}));
    let deleted = socket.event("THREAD_DELETE").await;
    assert_eq!((&deleted["id"], deleted.as_object().unwrap().len()), (&thread["id"], 4));
    assert_eq!(get(&simulator, &format!("/channels/{id}/messages")).await.refusal(), (404, 10003));
}

#[tokio::test]
async fn a_pinned_post_loses_its_pin_when_archived_and_keeps_the_id_of_a_deleted_tag() {
    let post = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 3);
    let simulator = guild(vec![ChannelPlan::new("forum", kind::FORUM, 0).threads(vec![post; 12])]).await;
    let forum = simulator.channel("forum").unwrap();
    let listed = get_json(&simulator, &format!("/guilds/{}/threads/active", simulator.guild_id())).await;
    let listed = listed["threads"].as_array().unwrap();
    let pinned = listed.iter().find(|thread| thread["flags"] == 2).unwrap();
    act(&simulator, json!({"op": "update_channel", "channel_id": pinned["id"], "change": {"archived": true}}));
    let archived = get_json(&simulator, &format!("/channels/{}", pinned["id"].as_str().unwrap())).await;
    assert_eq!(archived["flags"], 0);
    let tagged = listed.iter().find(|thread| thread["applied_tags"][0].is_string()).unwrap();
    let tag = &tagged["applied_tags"][0];
    act(&simulator, json!({"op": "update_channel", "channel_id": forum, "change": {"delete_tag": tag}}));
    let known = get_json(&simulator, &format!("/channels/{forum}")).await["available_tags"].clone();
    assert!(known.as_array().unwrap().iter().all(|known| known["id"] != *tag));
    let still = get_json(&simulator, &format!("/channels/{}", tagged["id"].as_str().unwrap())).await;
    assert_eq!(still["applied_tags"], tagged["applied_tags"]);
}

#[tokio::test]
async fn a_deleted_channel_takes_its_threads_along_and_a_category_leaves_its_channels() {
    let simulator = guild(vec![
        ChannelPlan::new("Category", kind::CATEGORY, 0),
        ChannelPlan::new("general", kind::TEXT, 20).threads(vec![
            ThreadPlan::new(
                kind::PUBLIC_THREAD,
                Origin::Message,
                2
            );
            2
        ]),
        ChannelPlan::new("other", kind::TEXT, 2),
    ])
    .await;
    let (category, general, other) = (
        simulator.channel("Category").unwrap(),
        simulator.channel("general").unwrap(),
        simulator.channel("other").unwrap(),
    );
    act(&simulator, json!({"op": "delete_channel", "channel_id": general}));
    assert_eq!(simulator.channels(), [category, other]);
    act(&simulator, json!({"op": "delete_channel", "channel_id": category}));
    assert_eq!(get_json(&simulator, &format!("/channels/{other}")).await["parent_id"], Value::Null);
    let made = act(&simulator, json!({"op": "create_channel", "name": "new", "type": 5}));
    act(&simulator, json!({"op": "update_channel", "channel_id": made["id"], "change": {"type": 0, "topic": "x"}}));
    let changed = get_json(&simulator, &format!("/channels/{}", made["id"].as_str().unwrap())).await;
    assert_eq!((&changed["type"], &changed["topic"]), (&json!(0), &json!("x")));
}

#[tokio::test]
async fn joining_a_private_thread_shows_it() {
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 3);
    let (simulator, channel) = channel_with(20, vec![private]).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let thread = simulator.threads(channel)[0];
    let path = format!("/channels/{thread}/messages");
    assert_eq!(get(&simulator, &path).await.status, 403);
    act(&simulator, json!({"op": "join_thread", "channel_id": thread}));
    assert_eq!(socket.event("THREAD_CREATE").await.get("newly_created"), None);
    assert_eq!(get(&simulator, &path).await.status, 200);
    act(&simulator, json!({"op": "join_thread", "channel_id": thread, "leave": true}));
    assert_eq!(get(&simulator, &path).await.status, 403);
}
