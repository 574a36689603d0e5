//! Checks every response against Discord's own `OpenAPI` schemas, except for their known gaps.
//!
//! `openapi/discord.json` has the schemas that the responses need, from the file that Discord publishes under the MIT
//! licence, without descriptions.

use std::sync::LazyLock;

use discord_simulator::{
    BotChange, ChannelPlan, GuildSize, MANAGE_THREADS, Options, Origin, Simulator, ThreadPlan, kind,
};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::client::{get, get_json};

static SPEC: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../openapi/discord.json")).unwrap());

/// Checks responses against one schema.
struct Schema {
    name: &'static str,
    validator: Validator,
}

impl Schema {
    fn of(name: &'static str) -> Self {
        Self::built(name, json!({"$ref": format!("#/components/schemas/{name}")}))
    }

    fn list_of(name: &'static str) -> Self {
        Self::built(name, json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{name}")}}))
    }

    fn built(name: &'static str, mut schema: Value) -> Self {
        schema["components"] = SPEC["components"].clone();
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_format("snowflake", |text: &str| text.parse::<u64>().is_ok())
            .with_format("nonce", |text: &str| text.len() <= 25)
            .should_validate_formats(true)
            .build(&schema)
            .unwrap();
        Self { name, validator }
    }

    #[track_caller]
    fn check(&self, value: &Value) {
        let errors: Vec<String> = self
            .validator
            .iter_errors(value)
            .map(|error| {
                format!("{} at {}", error.to_string().chars().take(300).collect::<String>(), error.instance_path())
            })
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", self.name);
    }
}

/// Rewrites the values in known gaps of the schemas into ones that the schemas describe, and no others.
fn within_known_gaps(mut message: Value) -> Value {
    const UNDESCRIBED_TYPES: [u64; 8] = [30, 44, 47, 48, 60, 63, 65, 200];
    let fields = message.as_object_mut().unwrap();
    if fields["type"].as_u64().is_some_and(|kind| UNDESCRIBED_TYPES.contains(&kind)) {
        fields.insert("type".to_owned(), json!(0));
    }
    // Flags are declared to have 32 bits.
    let flags = fields["flags"].as_u64().unwrap();
    fields.insert("flags".to_owned(), json!(flags & 0x7FFF_FFFF));
    // A reference may be a forward.
    if let Some(kind) = fields.get_mut("message_reference").and_then(|to| to.get_mut("type")).filter(|kind| **kind == 1)
    {
        *kind = json!(0);
    }
    // A poll may lack its results and its end.
    if let Some(poll) = fields.get_mut("poll") {
        if poll.get("results").is_none() {
            poll["results"] = json!({"is_finalized": false, "answer_counts": []});
        }
        if poll["expiry"].is_null() {
            poll["expiry"] = json!("2026-01-01T00:00:00+00:00");
        }
    }
    if let Some(components) = fields.get_mut("components").and_then(Value::as_array_mut) {
        components.retain(|component| component["type"] != 99);
    }
    if let Some(inner) = fields.get_mut("referenced_message").filter(|inner| inner.is_object()) {
        *inner = within_known_gaps(inner.take());
    }
    message
}

async fn small() -> Simulator {
    Simulator::start(Options::new(1, GuildSize::Small).manual_clock().unlimited()).await.unwrap()
}

#[tokio::test]
async fn every_simulator_response_validates_messages_of_the_small_guild() {
    assert!(check_messages(&small().await).await > 4_500);
}

#[tokio::test]
async fn every_simulator_response_validates_the_rarest_messages() {
    let plan = vec![
        ChannelPlan::new("general", kind::TEXT, 10_000).threads(vec![ThreadPlan::new(
            kind::PUBLIC_THREAD,
            Origin::Message,
            2_000,
        )]),
        ChannelPlan::new("news", kind::ANNOUNCEMENT, 2_000),
    ];
    let simulator = Simulator::start(Options::planned(7, plan).manual_clock().unlimited()).await.unwrap();
    assert_eq!(check_messages(&simulator).await, 14_000);
}

/// Checks every message that the bot may read; returns their number.
async fn check_messages(simulator: &Simulator) -> usize {
    let schema = Schema::list_of("MessageResponse");
    let mut seen = 0;
    for channel in simulator.channels() {
        let mut before = u64::MAX;
        loop {
            let reply = get(simulator, &format!("/channels/{channel}/messages?limit=100&before={before}")).await;
            if reply.status != 200 {
                break;
            }
            let page: Vec<Value> = reply.json().as_array().unwrap().iter().cloned().map(within_known_gaps).collect();
            let Some(lowest) = page.iter().map(|message| message["id"].as_str().unwrap().parse().unwrap()).min() else {
                break;
            };
            before = lowest;
            seen += page.len();
            schema.check(&Value::Array(page));
        }
    }
    seen
}

#[tokio::test]
async fn every_simulator_response_validates_channels_and_threads() {
    let simulator = small().await;
    let (channel, thread) = (Schema::of("GuildChannelResponse"), Schema::of("ThreadResponse"));
    let mut seen = (0, 0);
    for id in simulator.channels() {
        let reply = get(&simulator, &format!("/channels/{id}")).await;
        if reply.status != 200 {
            continue;
        }
        let mut object = reply.json();
        if object["type"] == kind::MEDIA {
            object["type"] = json!(kind::FORUM);
        }
        if object.get("thread_metadata").is_some() {
            thread.check(&object);
            seen.1 += 1;
        } else {
            channel.check(&object);
            seen.0 += 1;
        }
    }
    assert_eq!(seen, (25, 57));
}

#[tokio::test]
async fn every_simulator_response_validates_the_guild_and_the_bot() {
    let simulator = small().await;
    let guild = simulator.guild_id();
    let owner = get_json(&simulator, &format!("/guilds/{guild}")).await["owner_id"].as_str().unwrap().to_owned();
    for (path, schema) in [
        ("/gateway".to_owned(), Schema::of("GatewayResponse")),
        ("/gateway/bot".to_owned(), Schema::of("GatewayBotResponse")),
        ("/users/@me".to_owned(), Schema::of("UserPIIResponse")),
        ("/applications/@me".to_owned(), Schema::of("PrivateApplicationResponse")),
        ("/oauth2/applications/@me".to_owned(), Schema::of("PrivateApplicationResponse")),
        ("/users/@me/guilds?with_counts=true".to_owned(), Schema::list_of("MyGuildResponse")),
        (format!("/guilds/{guild}?with_counts=true"), Schema::of("GuildWithCountsResponse")),
        (format!("/guilds/{guild}/roles"), Schema::list_of("GuildRoleResponse")),
        (format!("/guilds/{guild}/emojis"), Schema::list_of("EmojiResponse")),
        (format!("/guilds/{guild}/stickers"), Schema::list_of("GuildStickerResponse")),
        (format!("/guilds/{guild}/members?limit=1000"), Schema::list_of("GuildMemberResponse")),
        (format!("/guilds/{guild}/members/{owner}"), Schema::of("GuildMemberResponse")),
        (format!("/guilds/{guild}/threads/active"), Schema::of("ThreadsResponse")),
    ] {
        schema.check(&get_json(&simulator, &path).await);
    }
}

#[tokio::test]
async fn every_simulator_response_validates_lists_below_channels() {
    let simulator = small().await;
    let id = |name: &str| simulator.channel(name).unwrap();
    let threads = Schema::of("ThreadsResponse");
    let archived = |channel: u64, list: &str| format!("/channels/{channel}/{list}/archived/private");
    threads.check(&get_json(&simulator, &format!("/channels/{}/threads/archived/public", id("help"))).await);
    threads.check(&get_json(&simulator, &archived(id("staff-room"), "users/@me/threads")).await);
    Schema::of("ThreadSearchResponse")
        .check(&get_json(&simulator, &format!("/channels/{}/threads/search", id("help"))).await);
    let mut pins = get_json(&simulator, &format!("/channels/{}/messages/pins", id("general"))).await;
    assert!(!pins["items"].as_array().unwrap().is_empty());
    for item in pins["items"].as_array_mut().unwrap() {
        item["message"] = within_known_gaps(item["message"].take());
    }
    Schema::of("PinnedMessagesResponse").check(&pins);
    let path = format!("/guilds/{}/messages/search?channel_id={}", simulator.guild_id(), id("general"));
    let mut found = get_json(&simulator, &path).await;
    for hits in found["messages"].as_array_mut().unwrap() {
        hits[0] = within_known_gaps(hits[0].take());
    }
    Schema::of("GuildSearchResponse").check(&found);

    let (users, voters) = (Schema::list_of("UserResponse"), Schema::of("PollAnswerDetailsResponse"));
    let mut checked = (0, 0);
    for message in simulator.messages(id("general"), 0, 3_000) {
        let id_of = message["id"].as_str().unwrap();
        let here = format!("/channels/{}", id("general"));
        if let Some(name) = message["reactions"][0]["emoji"]["name"].as_str().filter(|name| !name.is_ascii()) {
            let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
            let reply = get(&simulator, &format!("{here}/messages/{id_of}/reactions/{name}")).await;
            if reply.status == 200 {
                users.check(&reply.json());
                checked.0 += 1;
            }
        }
        if message.get("poll").is_some() {
            voters.check(&get_json(&simulator, &format!("{here}/polls/{id_of}/answers/1")).await);
            checked.1 += 1;
        }
    }
    assert!(checked.0 > 50 && checked.1 > 1, "{checked:?}");
}

#[tokio::test]
async fn every_simulator_response_validates_what_needs_more_rights() {
    let simulator = small().await;
    let guild = simulator.guild_id();
    let roles = get_json(&simulator, &format!("/guilds/{guild}/roles")).await;
    let own = roles.as_array().unwrap().iter().find(|role| role["managed"] == true).unwrap()["id"].as_str().unwrap();
    let all = discord_simulator::ADMINISTRATOR | MANAGE_THREADS;
    simulator.act(discord_simulator::Act::SetRole { role_id: own.parse().unwrap(), permissions: all }).unwrap();
    let staff = simulator.channel("staff-room").unwrap();
    Schema::of("ThreadsResponse")
        .check(&get_json(&simulator, &format!("/channels/{staff}/threads/archived/private")).await);
    for path in [format!("/guilds/{guild}/webhooks"), format!("/channels/{staff}/webhooks")] {
        Schema::list_of("GuildIncomingWebhookResponse").check(&get_json(&simulator, &path).await);
    }
    Schema::of("GuildAuditLogResponse").check(&get_json(&simulator, &format!("/guilds/{guild}/audit-logs")).await);
    let joined = simulator.threads(staff)[1];
    Schema::list_of("ThreadMemberResponse")
        .check(&get_json(&simulator, &format!("/channels/{joined}/thread-members")).await);
}

#[tokio::test]
async fn every_simulator_response_validates_refusals() {
    use discord_simulator::{Fault, FaultRule, LimitScope};

    let simulator = small().await;
    let error = Schema::of("ErrorResponse");
    let general = simulator.channel("general").unwrap();
    for path in ["/channels/7", "/nowhere", "/guilds/7", &format!("/channels/{general}/messages?limit=0")] {
        let mut body = get(&simulator, path).await.json();
        // The codes of single fields are words, which the schema declares as numbers.
        if let Some(code) = body.pointer_mut("/errors/limit/_errors/0/code") {
            assert_eq!(code.take(), "NUMBER_TYPE_MIN");
            *code = json!(0);
        }
        error.check(&body);
    }
    let limited = Fault::Limited { scope: LimitScope::User, retry_after: 1.5, header: None };
    simulator.fault(FaultRule::on("/users/@me", 1, limited));
    Schema::of("RatelimitedResponse").check(&get(&simulator, "/users/@me").await.json());
    simulator.fault(FaultRule::on("/channels/{c}/threads/search", 1, Fault::IndexNotReady));
    Schema::of("SearchIndexNotReadyResponse")
        .check(&get(&simulator, &format!("/channels/{general}/threads/search")).await.json());
    let change = BotChange { token_revoked: Some(true), ..BotChange::default() };
    simulator.act(discord_simulator::Act::SetBot { change }).unwrap();
    error.check(&get(&simulator, "/users/@me").await.json());
}

#[tokio::test]
async fn the_schemas_do_refuse_what_they_do_not_describe() {
    let simulator = small().await;
    let general = simulator.channel("general").unwrap();
    let page = get_json(&simulator, &format!("/channels/{general}/messages?limit=1")).await;
    let schema = Schema::of("MessageResponse");
    let message = within_known_gaps(page[0].clone());
    schema.check(&message);
    for (field, bad) in
        [("id", json!("x")), ("timestamp", json!("yesterday")), ("author", Value::Null), ("type", json!(30))]
    {
        let mut broken = message.clone();
        broken[field] = bad;
        assert!(!schema.validator.is_valid(&broken), "{field}");
    }
}
