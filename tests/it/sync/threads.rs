//! Threads: each is found, in whichever list it is.

use discord_simulator::{
    Act, Archive, ChannelChange, ChannelPlan, Fault, FaultRule, GuildSize, MANAGE_THREADS, Options, Origin,
    READ_MESSAGE_HISTORY, ThreadPlan, VIEW_CHANNEL, kind,
};
use domain::job::JobState;
use percent_encoding::percent_decode_str;

use super::backend::{Backend, cases};
use super::world::{MESSAGES, SyncOptions, World};

cases![
    archived_public_250,
    archived_150_same_archive_timestamp,
    archived_150_same_archive_timestamp_with_a_search_that_is_never_ready,
    archived_has_more_true_empty_page,
    joined_private_paged_by_id,
    limit_1_never_sent,
    timestamp_plus_sign_encoded,
    thread_archived_between_lists,
    thread_unarchived_between_lists,
    private_thread_member_and_moderator,
    named_channels_are_read_with_their_threads_and_no_others,
    an_archived_thread_that_is_named_alone_is_read_and_what_there_is_not_is_told,
];

const ACTIVE: &str = "/guilds/{g}/threads/active";
const PUBLIC: &str = "/channels/{c}/threads/archived/public";
const JOINED: &str = "/channels/{c}/users/@me/threads/archived/private";

/// Asserts that every thread of a channel is stored with its messages.
async fn all_are_held(world: &World, parent: &str) {
    let parent = world.id(parent);
    let threads = world.simulator.threads(parent);
    assert!(!threads.is_empty());
    for thread in &threads {
        let held = world.channel(*thread).await.unwrap_or_else(|| panic!("thread {thread} was not found"));
        assert_eq!(held.parent_id, Some(world.of_channel(parent)));
        world.assert_whole(*thread).await;
    }
}

fn public(messages: u64) -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Standalone, messages)
}

fn private() -> ThreadPlan {
    ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 3)
}

/// Threads that were archived at the same time.
fn tied() -> ThreadPlan {
    public(2).archived(Archive::At(1_700_000_000_000_000))
}

async fn of(backend: Backend, threads: Vec<ThreadPlan>) -> World {
    World::of(backend, vec![ChannelPlan::new("general", kind::TEXT, 300).threads(threads)]).await
}

/// Returns the queries that were sent to routes whose name ends like this.
fn queries(world: &World, route: &str) -> Vec<String> {
    let requests = world.simulator.requests(0).into_iter().filter(|request| request.route.ends_with(route));
    requests.map(|request| request.query).collect()
}

async fn archived_public_250(backend: Backend) {
    let world = of(backend, vec![public(2).archived(Archive::AfterLast); 250]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "general").await;
    assert_eq!(world.asked(PUBLIC), 3);
}

async fn archived_150_same_archive_timestamp(backend: Backend) {
    let world = of(backend, vec![tied(); 150]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "general").await;
}

async fn archived_150_same_archive_timestamp_with_a_search_that_is_never_ready(backend: Backend) {
    let world = of(backend, vec![tied(); 150]).await;
    world.simulator.fault(FaultRule::on("/channels/{c}/threads/search", 0, Fault::IndexNotReady));
    let job = world.sync().await;
    assert_eq!(job.state, JobState::Failed, "it is not silently short");
    assert!(job.error.unwrap().contains("archived threads of general"));
}

async fn archived_has_more_true_empty_page(backend: Backend) {
    let world = of(backend, vec![public(2).archived(Archive::AfterLast); 30]).await;
    world.simulator.fault(FaultRule::on(PUBLIC, 0, Fault::EmptyButMore));
    assert_eq!(world.sync().await.state, JobState::Done);
    all_are_held(&world, "general").await;
    assert!(world.asked(PUBLIC) <= 2);
}

async fn joined_private_paged_by_id(backend: Backend) {
    let mut threads = vec![private().joined().archived(Archive::AfterLast); 120];
    threads.push(private().archived(Archive::AfterLast));
    let world = of(backend, threads).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let (mut held, mut hidden) = (0, 0);
    for thread in world.simulator.threads(world.id("general")) {
        match world.channel(thread).await {
            Some(_) => {
                world.assert_whole(thread).await;
                held += 1;
            }
            None => hidden += 1,
        }
    }
    assert_eq!((held, hidden), (120, 1));
    let asked = queries(&world, JOINED);
    let cursor = asked[1].split_once("before=").unwrap().1;
    assert!(asked.len() == 2 && cursor.parse::<u64>().is_ok(), "no moment is sent: {asked:?}");
}

async fn limit_1_never_sent(backend: Backend) {
    let world = World::start(backend, Options::new(7, GuildSize::Small).unlimited()).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let (mut lists, requests) = (0, world.simulator.requests(0));
    for request in requests.iter().filter(|request| request.route.contains("/threads/") && request.route != ACTIVE) {
        let limit = request.query.split('&').find_map(|part| part.strip_prefix("limit="));
        let limit: u32 = limit.unwrap_or_else(|| panic!("{request:?} names none")).parse().unwrap();
        assert!((2..=100).contains(&limit), "{request:?}");
        lists += 1;
    }
    assert!(lists > 15, "{lists}");
}

async fn timestamp_plus_sign_encoded(backend: Backend) {
    let world = of(backend, vec![public(2).archived(Archive::AfterLast); 120]).await;
    assert_eq!(world.sync().await.state, JobState::Done);
    let moments: Vec<String> = queries(&world, PUBLIC)
        .iter()
        .filter_map(|query| query.split('&').find_map(|part| part.strip_prefix("before=")))
        .inspect(|sent| assert!(!sent.contains('+'), "a raw plus is a blank: {sent}"))
        .map(|sent| percent_decode_str(sent).decode_utf8().unwrap().into_owned())
        .collect();
    assert_eq!(moments.len(), 1);
    assert!(moments[0].ends_with('Z') || moments[0].ends_with("+00:00"), "{moments:?}");
    all_are_held(&world, "general").await;
}

/// Two threads, one active and one archived, one of which moves to the other's list after the active list was fetched
/// and before the archived one is.
async fn moved_between_lists(backend: Backend, archived: bool) {
    let world = of(backend, vec![public(3), public(3).archived(Archive::AfterLast)]).await;
    let threads = world.simulator.threads(world.id("general"));
    let moved = if archived { threads[0] } else { threads[1] };
    // The list is built before it is sent; in between the first messages are stored.
    world.simulator.fault(FaultRule::on(ACTIVE, 1, Fault::SlowFirstByte { ms: 5_000 }));
    let change = ChannelChange { archived: Some(archived), ..ChannelChange::default() };
    let act = Act::UpdateChannel { channel_id: moved, change };
    world.sync_when(1, || drop(world.simulator.act(act).unwrap())).await;
    let order: Vec<&str> = world.simulator.requests(0).iter().map(|request| request.route).collect();
    let at = |route: &str| order.iter().position(|other| *other == route).unwrap();
    assert!(at(ACTIVE) < at(PUBLIC));
    all_are_held(&world, "general").await;
    for thread in threads {
        let requests = world.simulator.requests(0);
        let read = requests.iter().filter(|request| request.route == MESSAGES && request.major == thread).count();
        assert_eq!(read, 2, "one page and its end: it is read once");
    }
}

async fn thread_archived_between_lists(backend: Backend) {
    moved_between_lists(backend, true).await;
}

async fn thread_unarchived_between_lists(backend: Backend) {
    moved_between_lists(backend, false).await;
}

async fn private_thread_member_and_moderator(backend: Backend) {
    let threads = vec![private().joined(), private(), private().archived(Archive::AfterLast), public(3)];
    let world = of(backend, threads).await;
    let counts = async || {
        let parent = world.channel(world.id("general")).await.unwrap();
        let (mut closed, mut open) = (0, 0);
        for id in world.simulator.threads(world.id("general")) {
            let Some(thread) = world.channel(id).await else { continue };
            world.assert_whole(id).await;
            if thread.is_public(Some(&parent)) { open += 1 } else { closed += 1 }
        }
        (closed, open)
    };
    world.sync().await;
    assert_eq!(counts().await, (1, 1), "a member sees its own");
    let permissions = VIEW_CHANNEL | READ_MESSAGE_HISTORY | MANAGE_THREADS;
    world.simulator.act(Act::SetRole { role_id: world.simulator.guild_id(), permissions }).unwrap();
    world.sync().await;
    assert_eq!(counts().await, (3, 1), "only a moderator sees all");
    let (_installation, server) = world.serve();
    for id in world.simulator.threads(world.id("general")) {
        let kind = world.channel(id).await.unwrap().kind.0;
        let path = format!("/api/v1/tenants/simulated/channels/{id}/messages");
        assert_eq!(server.get(&path).status, if kind == i32::from(kind::PRIVATE_THREAD) { 404 } else { 200 });
    }
}

async fn named_channels_are_read_with_their_threads_and_no_others(backend: Backend) {
    let plan = vec![
        ChannelPlan::new("one", kind::TEXT, 20).threads(vec![public(3), public(3).archived(Archive::AfterLast)]),
        ChannelPlan::new("two", kind::TEXT, 20).threads(vec![public(3)]),
    ];
    let world = World::of(backend, plan).await;
    let channels = vec![world.id("one").to_string().parse().unwrap()];
    let job = world.run(SyncOptions { channels, ..Default::default() }).await;
    assert_eq!((job.kind, job.progress.channels_total), (domain::job::JobKind::Channels, 3));
    all_are_held(&world, "one").await;
    assert_eq!(world.held(world.id("two")).await, [0_u64; 0]);
}

async fn an_archived_thread_that_is_named_alone_is_read_and_what_there_is_not_is_told(backend: Backend) {
    let threads = vec![public(3).archived(Archive::AfterLast), public(4).archived(Archive::AfterLast)];
    let world = World::of(backend, vec![ChannelPlan::new("one", kind::TEXT, 20).threads(threads)]).await;
    let thread = world.simulator.threads(world.id("one"))[1];
    let named = |id: u64| SyncOptions { channels: vec![id.to_string().parse().unwrap()], ..Default::default() };
    let job = world.run(named(thread)).await;
    assert_eq!((job.state, job.progress.channels_total), (JobState::Done, 1));
    world.assert_whole(thread).await;
    assert!(world.held(world.id("one")).await.is_empty());
    let job = world.run(named(5)).await;
    assert_eq!((job.state, job.error.as_deref()), (JobState::Failed, Some("channel 5: the channel does not exist")));
}
