//! Threads that are no longer in any list.

use discord_simulator::{Act, Archive, ChannelPlan, Fault, FaultRule, Origin, ThreadPlan, kind};
use domain::job::JobState;
use domain::visibility::Visibility;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    a_post_that_is_deleted_is_hidden_by_the_next_run,
    a_thread_that_is_deleted_while_a_run_is_under_way_is_hidden,
    a_thread_that_is_deleted_together_with_its_parent_is_hidden,
    a_list_that_fails_proves_nothing,
    an_archived_thread_that_is_only_slow_to_be_listed_stays,
    a_thread_that_the_bot_may_not_see_any_more_is_hidden_and_not_requested_in_every_run,
    a_named_thread_that_is_gone_is_deleted,
];

const CHANNEL: &str = "/channels/{c}";
const ACTIVE: &str = "/guilds/{g}/threads/active";
const PUBLIC: &str = "/channels/{c}/threads/archived/public";

fn post() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 4)
}

fn public() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, 3)
}

/// A forum `help` and a text channel `general`, each with an active, an archived, and a second archived thread.
async fn guild(backend: Backend) -> World {
    let three = |plan: ThreadPlan| {
        vec![plan.clone(), plan.clone().archived(Archive::AfterLast), plan.archived(Archive::AfterLast)]
    };
    let plan = vec![
        ChannelPlan::new("help", kind::FORUM, 0).threads(three(post())),
        ChannelPlan::new("general", kind::TEXT, 150).threads(three(public())),
    ];
    let world = World::of(backend, plan).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    world
}

fn delete(world: &World, channel_id: u64) {
    world.simulator.act(Act::DeleteChannel { channel_id }).unwrap();
}

async fn reason(world: &World, channel: u64) -> Option<String> {
    world.coverage(channel).await.unwrap().reason
}

/// Asserts that the thread is marked deleted and hidden, and that its messages are still stored.
async fn assert_deleted(world: &World, thread: u64) {
    assert_eq!(reason(world, thread).await.as_deref(), Some("deleted"), "{thread}");
    assert_eq!(world.channel(thread).await.unwrap().visibility, Visibility::Private, "{thread}");
    let mut at = world.store.read().await.unwrap();
    assert_ne!(
        at.messages().list_marks(world.of_channel(thread), None, 1).await.unwrap(),
        [],
        "the rows of {thread} stay"
    );
}

async fn assert_shown(world: &World, thread: u64) {
    assert_eq!(reason(world, thread).await, None, "{thread}");
    assert_eq!(world.channel(thread).await.unwrap().visibility, Visibility::Public, "{thread}");
}

async fn a_post_that_is_deleted_is_hidden_by_the_next_run(backend: Backend) {
    let world = guild(backend).await;
    let (posts, threads) = (world.simulator.threads(world.id("help")), world.simulator.threads(world.id("general")));
    // No thread is requested by its id while all of them are listed.
    assert_eq!(world.asked(CHANNEL), 0);
    for gone in [posts[0], posts[1], threads[0], threads[1]] {
        delete(&world, gone);
    }
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(world.asked(CHANNEL), 4);
    for gone in [posts[0], posts[1], threads[0], threads[1]] {
        assert_deleted(&world, gone).await;
    }
    for stays in [posts[2], threads[2]] {
        assert_shown(&world, stays).await;
        world.assert_whole(stays).await;
    }
    // The deletion is final and costs nothing more: neither a run nor an old export shows the thread again.
    for full in [false, true] {
        assert_eq!(world.run(SyncOptions { full, ..SyncOptions::default() }).await.state, JobState::Done);
    }
    assert_eq!(world.asked(CHANNEL), 4);
    let (_installation, server) = world.serve();
    let messages = |id: u64| format!("/api/v1/tenants/simulated/channels/{id}/messages");
    for gone in [posts[0], posts[1], threads[0], threads[1]] {
        assert_deleted(&world, gone).await;
        assert_eq!(server.get(&messages(gone)).status, 404);
    }
    assert_eq!(server.get(&messages(posts[2])).status, 200);
    let listed = server.get("/api/v1/tenants/simulated/channels/help/threads").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

async fn a_thread_that_is_deleted_while_a_run_is_under_way_is_hidden(backend: Backend) {
    let world = guild(backend).await;
    let [_, gone, stays] = world.simulator.threads(world.id("help"))[..] else { panic!("three posts") };
    world.send(stays, "new");
    // The list of active threads is built before it is sent; the post is deleted in between.
    world.simulator.fault(FaultRule::on(ACTIVE, 1, Fault::SlowFirstByte { ms: 5_000 }));
    world.send(world.id("general"), "new");
    world.pass();
    world.sync_when(1, || delete(&world, gone)).await;
    assert_deleted(&world, gone).await;
    assert_shown(&world, stays).await;
}

async fn a_thread_that_is_deleted_together_with_its_parent_is_hidden(backend: Backend) {
    let world = guild(backend).await;
    let (help, posts) = (world.id("help"), world.simulator.threads(world.id("help")));
    delete(&world, help);
    assert_eq!(world.sync().await.state, JobState::Done);
    assert_eq!(reason(&world, help).await.as_deref(), Some("deleted"));
    for post in posts {
        assert_deleted(&world, post).await;
    }
    assert_eq!(world.asked(CHANNEL), 1, "the parent alone is requested");
}

async fn a_list_that_fails_proves_nothing(backend: Backend) {
    for (route, fault) in [
        (PUBLIC, Fault::Status { status: 400, html: false }),
        (ACTIVE, Fault::Status { status: 400, html: false }),
        (PUBLIC, Fault::NoAccess),
    ] {
        let world = guild(backend).await;
        let [gone, archived, _] = world.simulator.threads(world.id("help"))[..] else { panic!("three posts") };
        delete(&world, gone);
        delete(&world, archived);
        world.simulator.fault(FaultRule::on(route, 0, fault));
        assert_eq!(world.sync().await.state, JobState::Failed);
        assert_eq!(world.asked(CHANNEL), 0, "{route}");
        for gone in [gone, archived] {
            assert_shown(&world, gone).await;
        }
        world.simulator.clear_faults();
        assert_eq!(world.sync().await.state, JobState::Done);
        for gone in [gone, archived] {
            assert_deleted(&world, gone).await;
        }
    }
}

async fn an_archived_thread_that_is_only_slow_to_be_listed_stays(backend: Backend) {
    let world = guild(backend).await;
    let [_, archived, gone] = world.simulator.threads(world.id("help"))[..] else { panic!("three posts") };
    delete(&world, gone);
    world.simulator.fault(FaultRule::on(PUBLIC, 0, Fault::EmptyList).in_channel(world.id("help")));
    for _ in 0..2 {
        assert_eq!(world.sync().await.state, JobState::Done);
        assert_shown(&world, archived).await;
        assert_deleted(&world, gone).await;
    }
}

async fn a_thread_that_the_bot_may_not_see_any_more_is_hidden_and_not_requested_in_every_run(backend: Backend) {
    let world = guild(backend).await;
    let [_, hidden, _] = world.simulator.threads(world.id("general"))[..] else { panic!("three threads") };
    // It is in no list, and the request for it is rejected.
    let act = Act::UpdateChannel {
        channel_id: hidden,
        change: discord_simulator::ChannelChange { kind: Some(kind::PRIVATE_THREAD), ..Default::default() },
    };
    world.simulator.act(act).unwrap();
    for _ in 0..3 {
        assert_eq!(world.sync().await.state, JobState::Done);
        assert_eq!(reason(&world, hidden).await.as_deref(), Some("no_permission"));
        assert_eq!(world.channel(hidden).await.unwrap().visibility, Visibility::Private);
    }
    assert_eq!(world.asked(CHANNEL), 1);
}

async fn a_named_thread_that_is_gone_is_deleted(backend: Backend) {
    let world = guild(backend).await;
    let [gone, stays, _] = world.simulator.threads(world.id("help"))[..] else { panic!("three posts") };
    delete(&world, gone);
    let asked = world.asked(MESSAGES);
    let channels = vec![gone.to_string().parse().unwrap()];
    let job = world.run(SyncOptions { channels, ..SyncOptions::default() }).await;
    assert_eq!((job.state, job.error), (JobState::Done, None));
    assert_deleted(&world, gone).await;
    assert_shown(&world, stays).await;
    assert_eq!(world.asked(MESSAGES), asked);
}

/// An export of the days before the deletion, which an operator imports as public.
#[tokio::test(start_paused = true)]
async fn an_export_of_a_deleted_thread_does_not_show_it_again() {
    let world = guild(Backend::Sqlite).await;
    let [gone, ..] = world.simulator.threads(world.id("help"))[..] else { panic!("three posts") };
    delete(&world, gone);
    world.sync().await;
    assert_deleted(&world, gone).await;
    let (guild, forum) = (world.simulator.guild_id(), world.id("help"));
    let export = serde_json::json!({
        "guild": {"id": guild.to_string(), "name": "Simulated"},
        "channel": {
            "id": gone.to_string(), "type": "GuildPublicThread", "categoryId": forum.to_string(), "category": "help",
            "name": "gone", "topic": null
        },
        "exportedAt": "2040-01-01T00:00:00+00:00",
        "messages": [],
        "messageCount": 0
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gone.json");
    std::fs::write(&file, export.to_string()).unwrap();
    let (installation, server) = world.serve();
    let (code, _) = installation.import(&[&file], &["--visibility", "public"]);
    assert_eq!(code, 0);
    assert_deleted(&world, gone).await;
    assert_eq!(server.get(&format!("/api/v1/tenants/simulated/channels/{gone}/messages")).status, 404);
}

/// Nothing in an export tells that it is filtered. Only the operator can declare it complete.
#[tokio::test(start_paused = true)]
async fn a_sync_reads_what_an_export_may_have_left_out() {
    for (flags, requests) in [(&[][..], 2), (&["--complete"][..], 0)] {
        let world = World::channel_of(Backend::Sqlite, 120).await;
        let (guild, general) = (world.simulator.guild_id(), world.id("general"));
        let ids = world.true_ids(general);
        let is_shown = |index: usize| !flags.is_empty() || index.is_multiple_of(3) || index + 1 == ids.len();
        let messages: Vec<_> = (0..ids.len())
            .filter(|index| is_shown(*index))
            .map(|index| crate::import::fixture::message(ids[index], "shown"))
            .collect();
        let export = serde_json::json!({
            "guild": {"id": guild.to_string(), "name": "Simulated"},
            "channel": {"id": general.to_string(), "type": "GuildTextChat", "name": "general", "topic": null},
            "dateRange": {"after": null, "before": null},
            "exportedAt": "2026-11-20T00:00:00+00:00",
            "messageCount": messages.len(),
            "messages": messages,
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("general.json");
        std::fs::write(&file, export.to_string()).unwrap();
        let (installation, server) = world.serve();
        assert_eq!(installation.import(&[&file], flags).0, 0);
        drop(server);
        assert_eq!(world.held(general).await.len(), messages.len());
        world.sync().await;
        assert_eq!(world.held(general).await, ids, "{flags:?}");
        assert!(world.asked(MESSAGES) >= requests, "{flags:?}: {} requests", world.asked(MESSAGES));
    }
}
