//! Channels, threads, roles and the guild as they change.

use discord_simulator::{Act, BotChange, ChannelChange, Options, Subject, VIEW_CHANNEL};
use domain::coverage::{CoverageState, Interval};
use domain::visibility::Visibility;
use serde_json::json;

use super::super::backend::{Backend, cases};
use super::super::world::World;
use super::{Following, plan};

cases![
    case_13_permission_granted_later,
    case_36_thread_delete_event,
    case_37_parent_channel_deleted,
    case_38_thread_list_sync_partial,
    case_66_guild_unavailable_then_create,
    case_67_guild_delete_removed,
    case_87_role_update_removes_view,
    case_88_obfuscated_gateway_channel,
    a_new_channel_and_a_new_thread_are_followed_at_once,
    a_post_is_stored_with_its_thread,
];

async fn case_13_permission_granted_later(backend: Backend) {
    let mut following = Following::of(World::start(backend, Options::planned(1, plan()).unlimited()).await);
    let general = following.world.id("general");
    following.world.close(general);
    following.run();
    following.until("the first sync is done", async |following| following.is_idle().await).await;
    assert_eq!(following.world.held(general).await, [0; 0]);
    let id = following.world.simulator.guild_id();
    following.act(Act::RemoveOverwrite { channel_id: general, id });
    following.until_equal(general).await;
}

async fn case_36_thread_delete_event(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let made = following.act(Act::CreateThread {
        channel_id: general,
        name: "brief".to_owned(),
        message_id: None,
        private: false,
        content: String::new(),
    });
    let thread: u64 = made["id"].as_str().unwrap().parse().unwrap();
    following.say(thread, "in the thread");
    following.until_equal(thread).await;
    let parent = world.held(general).await;
    following.act(Act::DeleteChannel { channel_id: thread });
    following.settle().await;
    assert!(world.coverage(thread).await.unwrap().is_deleted());
    assert_eq!(world.channel(thread).await.unwrap().visibility, Visibility::Private);
    assert_eq!(world.held(general).await, parent, "the channel above is untouched");
}

async fn case_37_parent_channel_deleted(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let thread = world.simulator.threads(general)[0];
    following.act(Act::DeleteChannel { channel_id: general });
    following.settle().await;
    for channel in [general, thread] {
        assert!(world.coverage(channel).await.unwrap().is_deleted(), "{channel}");
        assert_eq!(world.channel(channel).await.unwrap().visibility, Visibility::Private);
    }
}

async fn case_38_thread_list_sync_partial(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general, other) = (&following.world, following.world.id("general"), following.world.id("other"));
    let thread = world.simulator.threads(general)[0];
    let before = world.channel(thread).await.unwrap();
    let syncs = following.jobs().await.len();
    let data = json!({"channel_ids": [other.to_string()], "threads": [], "members": []});
    following.event("THREAD_LIST_SYNC", data);
    following.settle().await;
    following
        .until("the lists are read", async |following| {
            following.jobs().await.len() > syncs && following.is_idle().await
        })
        .await;
    assert_eq!(world.channel(thread).await.unwrap(), before);
    following.until_equal(thread).await;
}

async fn case_66_guild_unavailable_then_create(backend: Backend) {
    let following = Following::start(backend).await;
    let world = &following.world;
    let change = |down| world.change_bot(BotChange { unavailable: Some(down), ..BotChange::default() });
    let syncs = following.jobs().await.len();
    let before = rows(world).await;
    change(true);
    following.settle().await;
    assert_eq!(rows(world).await, before, "an outage proves nothing");
    change(false);
    following
        .until("the gap is closed", async |following| following.jobs().await.len() > syncs && following.is_idle().await)
        .await;
    assert_eq!(rows(world).await, before, "nothing was deleted or hidden");
    following.until_equal(world.id("general")).await;
}

/// Returns each channel with its visibility, messages and the extent of its coverage; without `other`, in which a case
/// writes.
async fn rows(world: &World) -> Vec<(u64, Visibility, Vec<u64>, CoverageState, Option<Interval>)> {
    let mut rows = Vec::new();
    for id in world.simulator.channels().into_iter().filter(|id| *id != world.id("other")) {
        let (channel, coverage) = (world.channel(id).await.unwrap(), world.coverage(id).await);
        let (state, interval) =
            coverage.map_or((CoverageState::Unknown, None), |found| (found.state(), found.interval));
        rows.push((id, channel.visibility, world.held(id).await, state, interval));
    }
    rows
}

async fn case_67_guild_delete_removed(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let (before, syncs) = (world.held(general).await, following.jobs().await.len());
    following.event("GUILD_DELETE", json!({"id": world.simulator.guild_id().to_string()}));
    following.settle().await;
    assert_eq!(world.held(general).await, before);
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
    assert_eq!(following.jobs().await.len(), syncs);
}

async fn case_87_role_update_removes_view(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    assert_eq!(world.channel(general).await.unwrap().visibility, Visibility::Public);
    following.act(Act::SetRole { role_id: world.simulator.guild_id(), permissions: 0 });
    following
        .until("the channel is hidden", async |following| {
            following.world.channel(general).await.unwrap().visibility == Visibility::Private
        })
        .await;
    assert_eq!(world.channel(world.id("other")).await.unwrap().visibility, Visibility::Private);
}

async fn case_88_obfuscated_gateway_channel(backend: Backend) {
    let following = Following::start(backend).await;
    let (world, general) = (&following.world, following.world.id("general"));
    let before = world.channel(general).await.unwrap();
    let (id, subject) = (world.simulator.guild_id(), Subject::Role);
    following.act(Act::SetOverwrite { channel_id: general, id, subject, allow: 0, deny: VIEW_CHANNEL });
    following
        .until("the channel is hidden", async |following| {
            following.world.channel(general).await.unwrap().visibility == Visibility::Private
        })
        .await;
    let after = world.channel(general).await.unwrap();
    assert_eq!((after.name, after.topic, after.extra), (before.name, before.topic, before.extra));
    let held = world.held(general).await;
    assert_eq!(held, world.true_ids(general), "what was read stays");
}

async fn a_new_channel_and_a_new_thread_are_followed_at_once(backend: Backend) {
    let following = Following::start(backend).await;
    let made = following.act(Act::CreateChannel { name: "new".to_owned(), kind: 0, parent_id: None });
    let channel: u64 = made["id"].as_str().unwrap().parse().unwrap();
    let first = following.say(channel, "first");
    following.until_equal(channel).await;
    let made = following.act(Act::CreateThread {
        channel_id: channel,
        name: "about that".to_owned(),
        message_id: Some(first),
        private: false,
        content: String::new(),
    });
    let thread: u64 = made["id"].as_str().unwrap().parse().unwrap();
    following.say(thread, "in the thread");
    following.until_equal(thread).await;
    following.until_equal(channel).await;
    assert_eq!(following.world.coverage(thread).await.unwrap().state(), CoverageState::Complete);
    let change = ChannelChange { name: Some("renamed".to_owned()), ..ChannelChange::default() };
    following.act(Act::UpdateChannel { channel_id: channel, change });
    following.settle().await;
    assert_eq!(following.world.channel(channel).await.unwrap().name, "renamed");
}

async fn a_post_is_stored_with_its_thread(backend: Backend) {
    let following = Following::start(backend).await;
    let made = following.act(Act::CreateThread {
        channel_id: following.world.id("help"),
        name: "How does it work?".to_owned(),
        message_id: None,
        private: false,
        content: "I cannot find it.".to_owned(),
    });
    let post: u64 = made["id"].as_str().unwrap().parse().unwrap();
    following.until_equal(post).await;
    assert_eq!(following.world.channel(post).await.unwrap().name, "How does it work?");
}
