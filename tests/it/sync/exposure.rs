//! The visibility of content over HTTP.

use discord_simulator::{
    ADMINISTRATOR, Act, BotChange, ChannelChange, ChannelPlan, Origin, READ_MESSAGE_HISTORY, Rights, ThreadPlan,
    VIEW_CHANNEL, kind,
};
use domain::coverage::CoverageState;
use domain::job::JobState;
use serde_json::{Value, json};

use super::backend::{Backend, cases};
use super::world::World;
use crate::program::Server;

cases![
    everyone_denied_in_channel_but_category_open,
    category_denied_channel_unsynced_allowed,
    admin_everyone_role,
    role_update_removes_view,
    channel_missing_from_rest_list,
    nsfw_parent_thread,
    nsfw_level_3_guild,
    automod_type_24_and_purchase_types,
];

const API: &str = "/api/v1/tenants/simulated";

/// Returns the public status of a channel: that of the channel, its messages and its page, which must be equal.
fn status(server: &Server, channel: &str) -> u16 {
    let paths = [
        format!("{API}/channels/{channel}"),
        format!("{API}/channels/{channel}/messages"),
        format!("/simulated/{channel}"),
    ];
    let [one, other, page] = paths.map(|path| server.get(&path).status);
    assert!(one == other && other == page, "{channel}: {one} {other} {page}");
    let listed = server.get(&format!("{API}/channels?limit=100")).json();
    let found = listed["items"].as_array().unwrap().iter().any(|item| item["slug"] == channel);
    assert_eq!(found, one == 200, "{channel} in the list");
    one
}

/// Gives `@everyone` these rights.
fn grant_everyone(world: &World, permissions: u64) {
    world.simulator.act(Act::SetRole { role_id: world.simulator.guild_id(), permissions }).unwrap();
}

async fn everyone_denied_in_channel_but_category_open(backend: Backend) {
    let plan = vec![
        ChannelPlan::new("open", kind::CATEGORY, 0),
        ChannelPlan::new("staff", kind::TEXT, 20).rights(Rights::Staff),
        ChannelPlan::new("general", kind::TEXT, 20),
    ];
    let world = World::of(backend, plan).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(world.id("staff")).await;
    let (_installation, server) = world.serve();
    assert_eq!((status(&server, "staff"), status(&server, "general")), (404, 200));
}

async fn category_denied_channel_unsynced_allowed(backend: Backend) {
    let plan = vec![
        ChannelPlan::new("closed", kind::CATEGORY, 0).rights(Rights::Staff),
        ChannelPlan::new("general", kind::TEXT, 20),
    ];
    let world = World::of(backend, plan).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    assert_eq!(status(&server, "general"), 200);
    assert_eq!(server.get(&format!("{API}/channels/closed")).status, 404);
}

async fn admin_everyone_role(backend: Backend) {
    let plan = vec![
        ChannelPlan::new("staff", kind::TEXT, 20).rights(Rights::Staff),
        ChannelPlan::new("no-history", kind::TEXT, 20).rights(Rights::NoHistory),
        ChannelPlan::new("room", kind::VOICE, 20).rights(Rights::NoConnect),
    ];
    let world = World::of(backend, plan).await;
    world.sync().await;
    let (_installation, server) = world.serve();
    for name in ["staff", "no-history", "room"] {
        assert_eq!(status(&server, name), 404, "{name}");
    }
    grant_everyone(&world, ADMINISTRATOR);
    assert_eq!(world.sync().await.state, JobState::Done);
    for name in ["staff", "no-history", "room"] {
        assert_eq!(status(&server, name), 200, "{name}");
        world.assert_whole(world.id(name)).await;
    }
}

async fn role_update_removes_view(backend: Backend) {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 20), ChannelPlan::new("help", kind::TEXT, 20)];
    let world = World::of(backend, plan).await;
    world.sync().await;
    let (_installation, server) = world.serve();
    assert_eq!((status(&server, "general"), status(&server, "help")), (200, 200));
    // One of the overwrites alone opens the channel to `@everyone`.
    let act = Act::SetOverwrite {
        channel_id: world.id("help"),
        id: world.simulator.guild_id(),
        subject: discord_simulator::Subject::Role,
        allow: VIEW_CHANNEL,
        deny: 0,
    };
    world.simulator.act(act).unwrap();
    grant_everyone(&world, READ_MESSAGE_HISTORY);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!((status(&server, "general"), status(&server, "help")), (404, 200));
    grant_everyone(&world, READ_MESSAGE_HISTORY | VIEW_CHANNEL);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!((status(&server, "general"), status(&server, "help")), (200, 200));
}

async fn channel_missing_from_rest_list(backend: Backend) {
    let plan = vec![ChannelPlan::new("general", kind::TEXT, 120), ChannelPlan::new("help", kind::TEXT, 20)];
    let world = World::of(backend, plan).await;
    world.sync().await;
    let general = world.id("general");
    let before = world.channel(general).await.unwrap();
    world.close(general);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.held(general).await, world.true_ids(general), "nothing of it is deleted");
    let coverage = world.coverage(general).await.unwrap();
    assert_eq!((coverage.state(), coverage.reason.as_deref()), (CoverageState::Partial, Some("no_permission")));
    let after = world.channel(general).await.unwrap();
    assert_eq!((after.name, after.topic, after.extra), (before.name, before.topic, before.extra));
    let (_installation, server) = world.serve();
    assert_eq!((status(&server, "general"), status(&server, "help")), (404, 200));
}

/// Returns whether a channel is shown as age-restricted.
fn gated(server: &Server, channel: &str) -> bool {
    let answer = server.get(&format!("{API}/channels/{channel}"));
    assert_eq!(answer.status, 200);
    answer.json()["nsfw"].as_bool().unwrap()
}

fn thread() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 2)
}

async fn nsfw_parent_thread(backend: Backend) {
    let plan = vec![
        ChannelPlan::new("dark", kind::TEXT, 20).threads(vec![thread()]),
        ChannelPlan::new("general", kind::TEXT, 20).threads(vec![thread()]),
    ];
    let world = World::of(backend, plan).await;
    let gate = |nsfw| {
        let change = ChannelChange { nsfw: Some(nsfw), ..ChannelChange::default() };
        world.simulator.act(Act::UpdateChannel { channel_id: world.id("dark"), change }).unwrap();
    };
    let [dark, general] = ["dark", "general"].map(|name| world.simulator.threads(world.id(name))[0].to_string());
    gate(true);
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    assert!(gated(&server, "dark") && gated(&server, &dark));
    let held = world.channel(dark.parse().unwrap()).await.unwrap();
    assert!(held.nsfw, "the thread itself says so, too");
    assert!(!gated(&server, "general") && !gated(&server, &general));
    gate(false);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert!(!gated(&server, "dark") && !gated(&server, &dark));
}

async fn nsfw_level_3_guild(backend: Backend) {
    let world = World::of(backend, vec![ChannelPlan::new("general", kind::TEXT, 20).threads(vec![thread()])]).await;
    let inside = world.simulator.threads(world.id("general"))[0].to_string();
    for (level, expected) in [(0, false), (1, true), (2, false), (3, true)] {
        world.change_bot(BotChange { nsfw_level: Some(level), ..BotChange::default() });
        assert_eq!(world.sync().await.state, JobState::Done);
        let (_installation, server) = world.serve();
        assert_eq!((gated(&server, "general"), gated(&server, &inside)), (expected, expected), "{level}");
    }
}

async fn automod_type_24_and_purchase_types(backend: Backend) {
    let world = World::channel_of(backend, 0).await;
    let channel_id = world.id("general");
    let secret = "what the filter stopped";
    let send = |kind: u64| {
        let embeds = json!([{"type": "auto_moderation_message", "description": secret}]);
        let Value::Object(raw) = json!({"type": kind, "embeds": embeds}) else { panic!("fields") };
        let sent = world.simulator.act(Act::Send { channel_id, content: secret.to_owned(), raw }).unwrap();
        sent["id"].as_str().unwrap().to_owned()
    };
    let restricted = [24, 25, 26, 32, 44, 58].map(send);
    world.send(channel_id, "hello");
    world.pass();
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(channel_id).await;
    let (_installation, server) = world.serve();
    let page = server.get(&format!("{API}/channels/general/messages")).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    for id in &restricted {
        assert_eq!(server.get(&format!("{API}/messages/{id}")).status, 404);
        assert_eq!(server.get(&format!("/simulated/general/{id}")).status, 404);
    }
    for path in ["/simulated/general".to_owned(), format!("{API}/channels/general/messages?around={}", restricted[2])] {
        let answer = server.get(&path);
        assert!(answer.status == 200 && !answer.text().contains(secret), "{path}");
    }
}
