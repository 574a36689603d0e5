//! The gateway: hello, sessions, the receivers of events, and faults.

use discord_simulator::{Act, BotChange, ChannelPlan, GatewayFault, Rights, Simulator, kind};
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite;

use crate::client::{channel_of, get, guild};
use crate::socket::{INTENTS, Socket, identify, resume};

fn say(simulator: &Simulator, channel_id: u64, content: &str) -> Value {
    simulator.act(Act::Send { channel_id, content: content.to_owned(), raw: Map::new() }).unwrap()
}

#[tokio::test]
async fn who_identifies_is_ready_and_gets_the_guild_as_it_may_see_it() {
    let simulator = guild(vec![
        ChannelPlan::new("general", kind::TEXT, 5),
        ChannelPlan::new("hidden", kind::TEXT, 5).rights(Rights::Hidden),
    ])
    .await;
    let (_socket, ready, created) = Socket::login(&simulator).await;
    assert_eq!(ready["resume_gateway_url"], simulator.gateway_url());
    assert_eq!(ready["guilds"], json!([{"id": simulator.guild_id().to_string(), "unavailable": true}]));
    assert_eq!(created["id"], ready["guilds"][0]["id"]);
    let hidden = simulator.channel("hidden").unwrap().to_string();
    let channels = created["channels"].as_array().unwrap();
    let obfuscated = channels.iter().find(|channel| channel["id"] == hidden.as_str()).unwrap();
    assert_eq!((&obfuscated["name"], &obfuscated["flags"]), (&json!("___hidden___"), &json!(1 << 17)));
    assert_eq!(obfuscated["permission_overwrites"][0]["deny"], "1024");
    assert_eq!(channels.len(), 2);
}

#[tokio::test]
async fn what_a_client_must_not_say_closes_the_connection() {
    let (simulator, _) = channel_of(1).await;
    let wrong_token = json!({"op": 2, "d": {"token": "x", "intents": 1}});
    let with = |intents: u64, shard: Value| json!({"op": 2, "d": {"token": simulator.token(), "intents": intents, "shard": shard}});
    for (payload, code) in [
        (json!({"op": 3, "d": {}}), 4003),
        (json!({"op": 55}), 4001),
        (json!("x".repeat(5000)), 4002),
        (wrong_token, 4004),
        (with(1 << 40, Value::Null), 4013),
        (with(1 << 8, Value::Null), 4014),
        (with(1, json!([2, 2])), 4010),
    ] {
        let mut socket = Socket::connect(&simulator, "").await;
        socket.send(payload.clone()).await;
        assert_eq!(socket.closed().await, Some(code), "{payload}");
    }
    let (mut socket, ..) = Socket::login(&simulator).await;
    socket.send(identify(&simulator, INTENTS)).await;
    assert_eq!(socket.closed().await, Some(4005));
    simulator.act(Act::SetBot { change: BotChange { content: Some(false), ..BotChange::default() } }).unwrap();
    let mut socket = Socket::connect(&simulator, "").await;
    socket.send(identify(&simulator, INTENTS)).await;
    assert_eq!(socket.closed().await, Some(4014), "the application is no longer given content");
}

#[tokio::test]
async fn too_many_payloads_in_a_minute_close_the_connection() {
    let (simulator, _) = channel_of(1).await;
    let mut socket = Socket::connect(&simulator, "").await;
    for _ in 0..120 {
        socket.send(json!({"op": 1, "d": null})).await;
        assert_eq!(socket.receive().await["op"], 11);
    }
    socket.send(json!({"op": 1, "d": null})).await;
    assert_eq!(socket.closed().await, Some(4008));
}

#[tokio::test]
async fn a_dropped_connection_resumes_without_loss() {
    let (simulator, channel) = channel_of(5).await;
    let (mut socket, ready, _) = Socket::login(&simulator).await;
    say(&simulator, channel, "one");
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "one");
    simulator.gateway_fault(&GatewayFault::Drop);
    assert_eq!(socket.closed().await, None);
    say(&simulator, channel, "two");
    say(&simulator, channel, "three");
    let mut socket = Socket::connect(&simulator, "").await;
    socket.send(resume(&simulator, &ready["session_id"], 3)).await;
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "two");
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "three");
    let resumed = socket.receive().await;
    assert_eq!((&resumed["t"], &resumed["s"]), (&json!("RESUMED"), &json!(6)));
    say(&simulator, channel, "four");
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "four");
}

#[tokio::test]
async fn a_session_ends_with_code_1000_and_lives_on_after_4000() {
    let (simulator, _) = channel_of(1).await;
    for (code, op) in [(4000, 0), (4200, 0), (1000, 9), (1001, 9)] {
        let (socket, ready, _) = Socket::login(&simulator).await;
        socket.close(code).await;
        while simulator.connected_sessions() > 0 {
            tokio::task::yield_now().await;
        }
        let mut socket = Socket::connect(&simulator, "").await;
        socket.send(resume(&simulator, &ready["session_id"], 2)).await;
        assert_eq!(socket.receive().await["op"], op, "{code}");
    }
}

#[tokio::test]
async fn sessions_that_are_unknown_too_old_or_forgotten_are_invalid() {
    let (simulator, channel) = channel_of(1).await;
    let mut socket = Socket::connect(&simulator, "").await;
    socket.send(resume(&simulator, &json!("unknown"), 0)).await;
    let invalid = socket.receive().await;
    assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(false)));

    let (mut socket, ready, _) = Socket::login(&simulator).await;
    say(&simulator, channel, "one");
    socket.event("MESSAGE_CREATE").await;
    simulator.gateway_fault(&GatewayFault::ForgetEvents);
    let mut other = Socket::connect(&simulator, "").await;
    other.send(resume(&simulator, &ready["session_id"], 1)).await;
    assert_eq!(other.receive().await["op"], 9);

    simulator.gateway_fault(&GatewayFault::Drop);
    assert_eq!(socket.closed().await, None);
    simulator.clock().advance(300_001);
    let mut other = Socket::connect(&simulator, "").await;
    other.send(resume(&simulator, &ready["session_id"], 3)).await;
    assert_eq!(other.receive().await["op"], 9);
}

#[tokio::test]
async fn the_server_asks_to_reconnect_invalidates_and_closes_on_demand() {
    let (simulator, _) = channel_of(1).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    simulator.gateway_fault(&GatewayFault::Reconnect);
    assert_eq!(socket.receive().await["op"], 7);
    simulator.gateway_fault(&GatewayFault::AskHeartbeat);
    assert_eq!(socket.receive().await["op"], 1);
    simulator.gateway_fault(&GatewayFault::UnknownOp);
    assert_eq!(socket.receive().await["op"], 77);
    simulator.gateway_fault(&GatewayFault::UnknownEvent);
    assert_eq!(socket.receive().await["t"], "EVENT_OF_TOMORROW");
    simulator.gateway_fault(&GatewayFault::Close { code: 4009 });
    assert_eq!(socket.closed().await, Some(4009));
}

#[tokio::test]
async fn an_invalid_session_is_resumed_or_replaced_on_the_same_connection() {
    let (simulator, channel) = channel_of(1).await;
    let (mut socket, ready, _) = Socket::login(&simulator).await;
    simulator.gateway_fault(&GatewayFault::InvalidSession { resumable: true });
    say(&simulator, channel, "meanwhile");
    let invalid = socket.receive().await;
    assert_eq!((&invalid["op"], &invalid["d"]), (&json!(9), &json!(true)));
    socket.send(resume(&simulator, &ready["session_id"], 2)).await;
    assert_eq!(socket.event("MESSAGE_CREATE").await["content"], "meanwhile");
    assert_eq!(socket.receive().await["t"], "RESUMED");
    simulator.gateway_fault(&GatewayFault::InvalidSession { resumable: false });
    assert_eq!(socket.receive().await["d"], false);
    socket.send(resume(&simulator, &ready["session_id"], 4)).await;
    assert_eq!(socket.receive().await["op"], 9);
    socket.send(identify(&simulator, INTENTS)).await;
    assert_ne!(socket.receive().await["d"]["session_id"], ready["session_id"]);
}

#[tokio::test]
async fn a_zombie_is_not_answered_and_a_silent_client_is_closed() {
    let (simulator, _) = channel_of(1).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    simulator.gateway_fault(&GatewayFault::NoAck { on: true });
    socket.send(json!({"op": 1, "d": 2})).await;
    simulator.gateway_fault(&GatewayFault::AskHeartbeat);
    assert_eq!(socket.receive().await["op"], 1, "nothing but what was asked for");
    simulator.gateway_fault(&GatewayFault::NoAck { on: false });
    socket.send(json!({"op": 1, "d": 2})).await;
    assert_eq!(socket.receive().await["op"], 11);
    while simulator.clock().next_wake_ms().is_none() {
        tokio::task::yield_now().await;
    }
    simulator.clock().advance(2 * 41_250);
    assert_eq!(socket.closed().await, Some(4009));
}

#[tokio::test]
async fn events_are_doubled_swapped_lost_and_held_back_on_demand() {
    let (simulator, channel) = channel_of(1).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let mut next = async || {
        let payload = socket.receive().await;
        (payload["s"].as_u64().unwrap(), payload["d"]["content"].as_str().unwrap().to_owned())
    };
    simulator.gateway_fault(&GatewayFault::Duplicate { count: 1 });
    say(&simulator, channel, "a");
    assert_eq!((next().await, next().await), ((3, "a".to_owned()), (3, "a".to_owned())));
    simulator.gateway_fault(&GatewayFault::Swap);
    say(&simulator, channel, "b");
    say(&simulator, channel, "c");
    assert_eq!((next().await, next().await), ((5, "c".to_owned()), (4, "b".to_owned())));
    simulator.gateway_fault(&GatewayFault::Lose { count: 1 });
    say(&simulator, channel, "d");
    say(&simulator, channel, "e");
    assert_eq!(next().await, (7, "e".to_owned()));
    simulator.gateway_fault(&GatewayFault::Hold { on: true });
    say(&simulator, channel, "f");
    simulator.gateway_fault(&GatewayFault::Hold { on: false });
    assert_eq!(next().await, (8, "f".to_owned()));
}

#[tokio::test]
async fn both_transport_compressions_carry_the_same_payloads() {
    let (simulator, channel) = channel_of(1).await;
    for query in ["&compress=zlib-stream", "&compress=zstd-stream", ""] {
        let mut socket = Socket::connect(&simulator, query).await;
        socket.send(identify(&simulator, INTENTS)).await;
        assert_eq!(socket.receive().await["t"], "READY");
        assert_eq!(socket.receive().await["t"], "GUILD_CREATE");
        say(&simulator, channel, query);
        assert_eq!(socket.event("MESSAGE_CREATE").await["content"], query);
    }
}

#[tokio::test]
async fn a_session_hears_only_what_it_asked_for_and_may_see() {
    let simulator = guild(vec![
        ChannelPlan::new("general", kind::TEXT, 5),
        ChannelPlan::new("hidden", kind::TEXT, 5).rights(Rights::Hidden),
    ])
    .await;
    let (general, hidden) = (simulator.channel("general").unwrap(), simulator.channel("hidden").unwrap());
    let mut plain = Socket::connect(&simulator, "").await;
    plain.send(identify(&simulator, 1 << 9)).await;
    assert_eq!(plain.receive().await["t"], "READY");
    let (mut socket, ..) = Socket::login(&simulator).await;
    say(&simulator, hidden, "not delivered");
    let change =
        serde_json::from_value(json!({"op": "update_channel", "channel_id": general, "change": {"name": "g"}}));
    simulator.act(change.unwrap()).unwrap();
    say(&simulator, general, "hello");
    assert_eq!(socket.receive().await["t"], "CHANNEL_UPDATE");
    assert_eq!(socket.receive().await["d"]["content"], "hello");
    let heard = plain.receive().await;
    assert_eq!((&heard["t"], &heard["d"]["content"]), (&json!("MESSAGE_CREATE"), &json!("")), "without content");
}

#[tokio::test]
async fn a_guild_lies_on_one_shard() {
    let (simulator, _) = channel_of(1).await;
    let mut here = 0;
    for shard in 0..2 {
        let mut socket = Socket::connect(&simulator, "").await;
        let mut payload = identify(&simulator, INTENTS);
        payload["d"]["shard"] = json!([shard, 2]);
        socket.send(payload).await;
        here += socket.receive().await["d"]["guilds"].as_array().unwrap().len();
    }
    assert_eq!(here, 1);
}

#[tokio::test]
async fn rights_that_come_and_go_are_told_with_full_and_hidden_channels() {
    let simulator = guild(vec![
        ChannelPlan::new("general", kind::TEXT, 5),
        ChannelPlan::new("hidden", kind::TEXT, 5).rights(Rights::Hidden),
    ])
    .await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let hidden = simulator.channel("hidden").unwrap();
    let everyone = simulator.guild_id();
    simulator.act(Act::RemoveOverwrite { channel_id: hidden, id: everyone }).unwrap();
    assert_eq!(socket.event("CHANNEL_UPDATE").await["name"], "hidden");
    assert_eq!(socket.event("THREAD_LIST_SYNC").await["channel_ids"], json!([hidden.to_string()]));
    assert_eq!(get(&simulator, &format!("/channels/{hidden}/messages")).await.status, 200);
    let deny = json!({"op": "set_overwrite", "channel_id": hidden, "id": everyone, "subject": "role", "deny": "1024"});
    simulator.act(serde_json::from_value(deny).unwrap()).unwrap();
    assert_eq!(socket.event("CHANNEL_UPDATE").await["name"], "___hidden___");
    assert_eq!(get(&simulator, &format!("/channels/{hidden}/messages")).await.refusal(), (403, 50001));
}

#[tokio::test]
async fn an_outage_of_the_guild_is_not_its_end() {
    let (simulator, _) = channel_of(1).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    let change = |unavailable, removed| {
        let change = BotChange { unavailable, removed, ..BotChange::default() };
        simulator.act(Act::SetBot { change }).unwrap();
    };
    change(Some(true), None);
    assert_eq!(socket.event("GUILD_DELETE").await["unavailable"], true);
    change(Some(false), None);
    socket.event("GUILD_CREATE").await;
    change(None, Some(true));
    assert_eq!(socket.event("GUILD_DELETE").await.get("unavailable"), None);
    assert_eq!(get(&simulator, &format!("/guilds/{}", simulator.guild_id())).await.refusal(), (404, 10004));
}

#[tokio::test]
async fn sessions_started_too_fast_are_refused_where_limits_hold() {
    let options = discord_simulator::Options::planned(1, Vec::new()).manual_clock();
    let simulator = Simulator::start(options).await.unwrap();
    let (_first, ..) = Socket::login(&simulator).await;
    let mut second = Socket::connect(&simulator, "").await;
    second.send(identify(&simulator, INTENTS)).await;
    assert_eq!(second.receive().await["op"], 9);
    simulator.clock().advance(5000);
    second.send(identify(&simulator, INTENTS)).await;
    assert_eq!(second.receive().await["t"], "READY");
}

#[tokio::test]
async fn a_gateway_that_refuses_ends_connections_and_accepts_none() {
    let (simulator, _) = channel_of(1).await;
    let (mut socket, ..) = Socket::login(&simulator).await;
    simulator.gateway_fault(&GatewayFault::Refuse { on: true });
    assert_eq!(socket.closed().await, None);
    let Err(tungstenite::Error::Http(response)) = Socket::try_connect(&simulator, "").await else { panic!("accepted") };
    assert_eq!(response.status(), 503);
    simulator.gateway_fault(&GatewayFault::Refuse { on: false });
    Socket::connect(&simulator, "").await;
}
