//! Starter messages of threads, and posts of forums.

use discord_simulator::{Act, Archive, ChannelChange, ChannelPlan, Fault, FaultRule, Origin, ThreadPlan, kind};
use domain::job::JobState;
use domain::message::MessageKind;
use serde_json::json;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    forum_post_starter_same_id,
    text_thread_starter,
    starter_deleted,
    thread_create_before_starter_exists,
    parent_channel_deleted,
    forum_tag_deleted,
    pinned_then_archived,
];

fn post() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 4)
}

async fn forum(backend: Backend, posts: Vec<ThreadPlan>) -> World {
    World::of(backend, vec![ChannelPlan::new("help", kind::FORUM, 0).threads(posts)]).await
}

/// A text channel with a thread that was started from one of its messages, and has that message's id.
async fn thread_of_a_message(backend: Backend) -> (World, u64, u64) {
    let thread = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, 5);
    let world = World::of(backend, vec![ChannelPlan::new("general", kind::TEXT, 150).threads(vec![thread])]).await;
    let general = world.id("general");
    let thread = world.simulator.threads(general)[0];
    (world, general, thread)
}

fn change(world: &World, channel_id: u64, change: ChannelChange) {
    world.simulator.act(Act::UpdateChannel { channel_id, change }).unwrap();
}

async fn full(world: &World) {
    let job = world.run(SyncOptions { full: true, ..SyncOptions::default() }).await;
    assert_eq!((job.state, job.error), (JobState::Done, None));
}

async fn forum_post_starter_same_id(backend: Backend) {
    let world = forum(backend, vec![post(), post().archived(Archive::AfterLast)]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let (_installation, server) = world.serve();
    for post in world.simulator.threads(world.id("help")) {
        world.assert_whole(post).await;
        assert_eq!(world.held(post).await[0], post, "the first message of a post has the id of the post");
        let held = world.channel(post).await.unwrap();
        assert_eq!(world.simulator.channel(&held.name), Some(post), "its title is its name");
        let threads = server.get("/api/v1/tenants/simulated/channels/help/threads").json();
        let listed = threads["items"].as_array().unwrap().iter().find(|item| item["id"] == json!(held.id)).unwrap();
        assert_eq!((&listed["name"], &listed["starter"]["id"]), (&json!(held.name), &json!(post.to_string())));
    }
}

async fn text_thread_starter(backend: Backend) {
    let (world, general, thread) = thread_of_a_message(backend).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world.assert_whole(thread).await;
    world.assert_whole(general).await;
    let starter = world.find(general, thread).await.unwrap().message;
    assert_eq!(starter.id.get(), thread, "it stands in the channel above");
    let first = world.held(thread).await[0];
    let row = world.find(thread, first).await.unwrap().message;
    let reference = row.reference.unwrap();
    assert_eq!(row.kind, MessageKind::THREAD_STARTER);
    assert_eq!(reference.message_id.map(domain::snowflake::Id::get), Some(thread));
    assert_eq!(reference.channel_id.map(domain::snowflake::Id::get), Some(general));
}

async fn starter_deleted(backend: Backend) {
    let (world, general, thread) = thread_of_a_message(backend).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world.delete(general, &[thread]);
    full(&world).await;
    world.assert_whole(general).await;
    world.assert_whole(thread).await;
    assert!(world.find(general, thread).await.unwrap().is_deleted());
    assert_eq!(world.channel(thread).await.unwrap().parent_id, Some(world.of_channel(general)), "the thread stays");
    // A post whose starter was deleted before the first observation.
    let world = forum(backend, vec![ThreadPlan { starter_deleted: true, ..post() }]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let orphan = world.simulator.threads(world.id("help"))[0];
    world.assert_whole(orphan).await;
    assert!(world.held(orphan).await.len() == 3 && world.find(orphan, orphan).await.is_none());
}

async fn thread_create_before_starter_exists(backend: Backend) {
    let world = forum(backend, vec![post()]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let (channel_id, name, content) = (world.id("help"), "uploading".to_owned(), "here it is".to_owned());
    let act = Act::CreateThread { channel_id, name, message_id: None, private: false, content };
    let made = world.simulator.act(act).unwrap()["id"].as_str().unwrap().parse().unwrap();
    // The thread is listed before its first message exists.
    world.simulator.fault(FaultRule::on(MESSAGES, 1, Fault::ShortPage { keep: 0 }).in_channel(made));
    assert_eq!(world.sync().await.state, JobState::Done);
    assert!(world.channel(made).await.is_some() && world.find(made, made).await.is_none(), "nothing is tombstoned");
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.find(made, made).await.unwrap().message.content, "here it is");
    world.assert_whole(made).await;
}

async fn parent_channel_deleted(backend: Backend) {
    let (world, general, thread) = thread_of_a_message(backend).await;
    world.sync().await;
    let paths = [general, thread].map(|id| format!("/api/v1/tenants/simulated/channels/{id}/messages"));
    let (_installation, server) = world.serve();
    assert!(paths.iter().all(|path| server.get(path).status == 200));
    world.simulator.act(Act::DeleteChannel { channel_id: general }).unwrap();
    assert_eq!(world.sync().await.state, JobState::Done);
    for id in [general, thread] {
        assert_eq!(world.coverage(id).await.unwrap().reason.as_deref(), Some("deleted"));
        assert!(!world.held(id).await.is_empty(), "the archive keeps what it has");
    }
    assert!(paths.iter().all(|path| server.get(path).status == 404), "and shows it to no reader");
}

async fn forum_tag_deleted(backend: Backend) {
    let world = forum(backend, vec![post(); 20]).await;
    world.sync().await;
    let help = world.id("help");
    let mut tagged = None;
    for id in world.simulator.threads(help) {
        let found = world.channel(id).await.unwrap();
        tagged = tagged.or_else(|| Some((id, found.applied_tags.first()?.clone())));
    }
    let (id, tag) = tagged.unwrap();
    change(&world, help, ChannelChange { delete_tag: Some(tag.parse().unwrap()), ..ChannelChange::default() });
    assert_eq!(world.sync().await.state, JobState::Done);
    assert!(world.channel(help).await.unwrap().tags.iter().all(|known| known.id != tag));
    assert!(world.channel(id).await.unwrap().applied_tags.contains(&tag));
    let (_installation, server) = world.serve();
    let shown = server.get(&format!("/api/v1/tenants/simulated/channels/{id}")).json();
    assert!(shown["applied_tags"].as_array().unwrap().contains(&json!(tag)));
    for path in [format!("/simulated/{}", shown["slug"].as_str().unwrap()), "/simulated/help".to_owned()] {
        assert_eq!(server.get(&path).status, 200, "{path}");
    }
}

async fn pinned_then_archived(backend: Backend) {
    let world = forum(backend, vec![post(), post()]).await;
    let thread = world.simulator.threads(world.id("help"))[1];
    let flags = async || {
        let extra = world.channel(thread).await.unwrap().extra;
        extra.map_or(0, |extra| extra.to_value()["flags"].as_u64().unwrap_or(0))
    };
    change(&world, thread, ChannelChange { pinned: Some(true), ..ChannelChange::default() });
    world.sync().await;
    assert_eq!(flags().await, 1 << 1);
    change(&world, thread, ChannelChange { archived: Some(true), ..ChannelChange::default() });
    world.sync().await;
    assert_eq!(flags().await, 0);
    assert!(world.channel(thread).await.unwrap().archived);
}
