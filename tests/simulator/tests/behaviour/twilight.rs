//! Runs Twilight, unmodified, against the simulator.

use std::collections::BTreeSet;

use discord_simulator::{Act, GatewayFault, GuildSize, Options, Simulator};
use futures::StreamExt as _;
use serde_json::Map;
use twilight_gateway::{ConfigBuilder, Event, EventTypeFlags, Intents, Shard, ShardId, StreamExt as _};
use twilight_http::Client;
use twilight_model::id::Id;

async fn small() -> Simulator {
    Simulator::start(Options::new(1, GuildSize::Small).manual_clock().unlimited()).await.unwrap()
}

fn client(simulator: &Simulator) -> Client {
    Client::builder()
        .token(simulator.token().to_owned())
        .proxy(simulator.address().to_string(), true)
        .ratelimiter(None)
        .build()
}

fn shard(simulator: &Simulator) -> Shard {
    let intents = Intents::GUILDS
        | Intents::GUILD_EMOJIS_AND_STICKERS
        | Intents::GUILD_MESSAGES
        | Intents::GUILD_MESSAGE_REACTIONS
        | Intents::GUILD_MESSAGE_POLLS
        | Intents::MESSAGE_CONTENT;
    let config = ConfigBuilder::new(simulator.token().to_owned(), intents).proxy_url(simulator.gateway_url()).build();
    Shard::with_config(ShardId::ONE, config)
}

fn say(simulator: &Simulator, channel_id: u64, content: &str) {
    simulator.act(Act::Send { channel_id, content: content.to_owned(), raw: Map::new() }).unwrap();
}

/// Returns the next event that is parsed; one that cannot be parsed fails the test.
async fn next(shard: &mut Shard) -> Event {
    shard.next_event(EventTypeFlags::all()).await.unwrap().unwrap()
}

#[tokio::test]
async fn twilight_0_18_reads_the_guild_its_channels_and_every_message() {
    let simulator = small().await;
    let client = client(&simulator);
    let guild = Id::new(simulator.guild_id());
    assert_eq!(client.guild(guild).await.unwrap().model().await.unwrap().id, guild);
    client.current_user().await.unwrap().model().await.unwrap();
    client.roles(guild).await.unwrap().models().await.unwrap();
    client.emojis(guild).await.unwrap().models().await.unwrap();
    let members = client.guild_members(guild).limit(1000).await.unwrap().models().await.unwrap();
    assert!(members.len() > 100);
    let channels = client.guild_channels(guild).await.unwrap().models().await.unwrap();
    assert_eq!(channels.len(), 25);
    let active = client.active_threads(guild).await.unwrap().model().await.unwrap();
    let mut readable: BTreeSet<u64> = channels.iter().chain(&active.threads).map(|channel| channel.id.get()).collect();
    for channel in &channels {
        if let Ok(listed) = client.public_archived_threads(channel.id).limit(100).await {
            readable.extend(listed.model().await.unwrap().threads.iter().map(|thread| thread.id.get()));
        }
    }
    let mut read = 0;
    for channel in readable {
        let mut before = u64::MAX;
        while let Ok(page) = client.channel_messages(Id::new(channel)).before(Id::new(before)).limit(100).await {
            let page = page.models().await.unwrap();
            let Some(lowest) = page.iter().map(|message| message.id.get()).min() else { break };
            before = lowest;
            read += page.len();
        }
    }
    assert!(read > 4_000, "{read}");
}

#[tokio::test]
async fn twilight_0_18_logs_in_hears_messages_and_resumes_without_loss() {
    let simulator = small().await;
    let general = simulator.channel("general").unwrap();
    let mut shard = shard(&simulator);
    assert!(matches!(next(&mut shard).await, Event::GatewayHello(_)));
    let Event::Ready(ready) = next(&mut shard).await else { panic!("no ready") };
    let Event::GuildCreate(guild) = next(&mut shard).await else { panic!("no guild") };
    assert_eq!(guild.id().get(), simulator.guild_id());
    let mut heard = Vec::new();
    for (round, fault) in
        [GatewayFault::Reconnect, GatewayFault::Drop, GatewayFault::InvalidSession { resumable: true }]
            .iter()
            .enumerate()
    {
        say(&simulator, general, &format!("{round} before"));
        simulator.gateway_fault(fault);
        say(&simulator, general, &format!("{round} after"));
        loop {
            match next(&mut shard).await {
                Event::MessageCreate(message) => heard.push(message.content.clone()),
                Event::Resumed => break,
                Event::Ready(_) => panic!("a new session after {fault:?}"),
                _ => {}
            }
        }
    }
    let expected: Vec<String> =
        (0..3).flat_map(|round| [format!("{round} before"), format!("{round} after")]).collect();
    assert_eq!(heard, expected);
    assert_eq!(shard.session().unwrap().id(), ready.session_id);
}

#[tokio::test]
async fn twilight_0_18_parses_every_event_that_people_cause() {
    let simulator = small().await;
    let mut shard = shard(&simulator);
    while !matches!(next(&mut shard).await, Event::GuildCreate(_)) {}
    let (general, forum) = (simulator.channel("general").unwrap(), simulator.channel("help").unwrap());
    let target = simulator.messages(general, 0, 1)[0]["id"].as_str().unwrap().to_owned();
    let everyone = simulator.guild_id();
    let http = client(&simulator);
    let guild = http.guild(Id::new(everyone)).await.unwrap().model().await.unwrap();
    let last_role = guild.roles.iter().max_by_key(|role| role.position).unwrap().id;
    let expressions = (guild.emojis[0].id.get(), guild.stickers[0].id.get());
    for act in [
        serde_json::json!({"op": "send", "channel_id": general, "content": "hi"}),
        serde_json::json!({"op": "edit", "channel_id": general, "message_id": target, "content": "x"}),
        serde_json::json!({"op": "react", "channel_id": general, "message_id": target, "emoji": "🦦"}),
        serde_json::json!({"op": "react", "channel_id": general, "message_id": target, "emoji": "🦦", "remove": true}),
        serde_json::json!({"op": "clear_reactions", "channel_id": general, "message_id": target, "emoji": "🦦"}),
        serde_json::json!({"op": "clear_reactions", "channel_id": general, "message_id": target}),
        serde_json::json!({"op": "pin", "channel_id": general, "message_id": target}),
        serde_json::json!({"op": "create_thread", "channel_id": general, "name": "t", "message_id": target}),
        serde_json::json!({"op": "create_thread", "channel_id": forum, "name": "post", "content": "first"}),
        serde_json::json!({"op": "update_channel", "channel_id": target, "change": {"archived": true}}),
        serde_json::json!({"op": "join_thread", "channel_id": target}),
        serde_json::json!({"op": "send", "channel_id": target, "content": "again"}),
        serde_json::json!({"op": "delete_channel", "channel_id": target}),
        serde_json::json!({"op": "delete", "channel_id": general, "message_ids": [target]}),
        serde_json::json!({"op": "create_channel", "name": "new", "type": 0}),
        serde_json::json!({"op": "update_channel", "channel_id": general, "change": {"name": "g", "nsfw": true}}),
        serde_json::json!({"op": "set_overwrite", "channel_id": general, "id": everyone, "subject": "role", "deny": 1024}),
        serde_json::json!({"op": "remove_overwrite", "channel_id": general, "id": everyone}),
        serde_json::json!({"op": "set_role", "role_id": everyone, "permissions": "1115136"}),
        serde_json::json!({"op": "give_role", "role_id": everyone}),
        serde_json::json!({"op": "create_role", "name": "new"}),
        serde_json::json!({"op": "delete_role", "role_id": last_role}),
        serde_json::json!({"op": "delete_expression", "id": expressions.0}),
        serde_json::json!({"op": "delete_expression", "id": expressions.1}),
        serde_json::json!({"op": "set_bot", "change": {"nsfw_level": 1}}),
        serde_json::json!({"op": "set_bot", "change": {"unavailable": true}}),
        serde_json::json!({"op": "set_bot", "change": {"unavailable": false}}),
        serde_json::json!({"op": "delete_channel", "channel_id": forum}),
        serde_json::json!({"op": "set_bot", "change": {"removed": true}}),
    ] {
        simulator.act(serde_json::from_value(act.clone()).unwrap()).unwrap_or_else(|error| panic!("{act}: {error}"));
    }
    let mut kinds = BTreeSet::new();
    loop {
        let event = next(&mut shard).await;
        kinds.insert(event.kind().name().unwrap_or_default());
        if matches!(event, Event::GuildDelete(_)) && kinds.contains("CHANNEL_DELETE") {
            break;
        }
    }
    // This version of twilight has no type for the name of the event about stickers.
    for kind in [
        "THREAD_LIST_SYNC",
        "THREAD_DELETE",
        "MESSAGE_REACTION_REMOVE_EMOJI",
        "CHANNEL_PINS_UPDATE",
        "THREAD_MEMBERS_UPDATE",
        "GUILD_ROLE_CREATE",
        "GUILD_ROLE_DELETE",
        "GUILD_ROLE_UPDATE",
        "GUILD_EMOJIS_UPDATE",
        "GUILD_MEMBER_UPDATE",
        "GUILD_UPDATE",
        "MESSAGE_DELETE",
        "THREAD_MEMBER_UPDATE",
    ] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
}

#[tokio::test]
async fn twilight_0_18_skips_what_it_does_not_know() {
    let simulator = small().await;
    let mut shard = shard(&simulator);
    while !matches!(next(&mut shard).await, Event::GuildCreate(_)) {}
    simulator.gateway_fault(&GatewayFault::UnknownOp);
    simulator.gateway_fault(&GatewayFault::UnknownEvent);
    say(&simulator, simulator.channel("general").unwrap(), "known");
    let mut texts = 0;
    while let Some(message) = shard.next().await {
        texts += 1;
        let twilight_gateway::Message::Text(text) = message.unwrap() else { panic!("closed") };
        if text.contains("MESSAGE_CREATE") {
            break;
        }
    }
    assert_eq!(texts, 3);
}
