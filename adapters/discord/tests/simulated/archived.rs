//! Archived threads: three lists, pages, and any number of ties.

use std::collections::BTreeSet;

use discord_simulator::{
    Act, Archive, ChannelChange, ChannelPlan, Fault, FaultRule, HISTORY_END_MS, MANAGE_THREADS, Origin, Rights,
    ThreadPlan, VIEW_CHANNEL, kind,
};
use domain::access::{ArchivedList, Denied, GuildChannel};
use ports::guild::{ArchivedCursor, GuildError, GuildSource as _, ThreadPage};

use crate::world::World;

const PUBLIC: &str = "/channels/{c}/threads/archived/public";
const SEARCH: &str = "/channels/{c}/threads/search";

fn thread() -> ThreadPlan {
    ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Message, 2)
}

fn tied() -> ThreadPlan {
    thread().archived(Archive::At(HISTORY_END_MS * 1000 + 7))
}

/// Every page of a list; more than 200 panic.
async fn list(world: &World, parent: &GuildChannel, list: ArchivedList) -> Vec<ThreadPage> {
    let (mut pages, mut cursor) = (Vec::new(), None);
    for _ in 0..200 {
        let page = world.client.archived_threads(&world.scope, parent, list, cursor.take()).await.unwrap();
        cursor.clone_from(&page.next);
        pages.push(page);
        if cursor.is_none() {
            return pages;
        }
    }
    panic!("it does not end");
}

fn ids(pages: &[ThreadPage]) -> Vec<u64> {
    pages.iter().flat_map(|page| &page.threads).map(|thread| thread.channel.platform_id.get()).collect()
}

fn once(pages: &[ThreadPage]) -> BTreeSet<u64> {
    ids(pages).into_iter().collect()
}

fn threads_of(world: &World, parent: &GuildChannel) -> BTreeSet<u64> {
    world.simulator.threads(parent.channel.platform_id.get()).into_iter().collect()
}

/// The queries that were sent to a route.
fn queries(world: &World, route: &str) -> Vec<String> {
    let requests = world.simulator.requests(0).into_iter().filter(|request| request.route == route);
    requests.map(|request| request.query).collect()
}

#[tokio::test(start_paused = true)]
async fn archived_public_250_on_three_pages_by_time_hold_every_thread_once() {
    let (world, general) = World::channel_of(600, vec![thread().archived(Archive::AfterLast); 250]).await;
    let pages = list(&world, &general, ArchivedList::Public).await;
    assert_eq!(once(&pages), threads_of(&world, &general));
    assert_eq!((ids(&pages).len(), pages.len()), (250, 3), "none comes twice");
    assert!(pages.iter().all(|page| page.threads.iter().all(|thread| thread.channel.archived)));
    assert!(queries(&world, PUBLIC).iter().all(|query| query.starts_with("limit=100") && !query.contains('+')));
}

#[tokio::test(start_paused = true)]
async fn ties_that_span_two_pages_are_found_once_each() {
    let mut threads = vec![thread().archived(Archive::AfterLast); 130];
    threads.extend(vec![tied(); 60]);
    threads.extend(vec![thread().archived(Archive::At(HISTORY_END_MS * 1000 + 50_000)); 70]);
    let (world, general) = World::channel_of(700, threads).await;
    let pages = list(&world, &general, ArchivedList::Public).await;
    assert_eq!(once(&pages), threads_of(&world, &general));
    assert_eq!((ids(&pages).len(), world.asked(SEARCH)), (260, 0));
}

#[tokio::test(start_paused = true)]
async fn archived_150_same_archive_timestamp_are_found_by_searching() {
    let mut threads = vec![thread().archived(Archive::AfterLast); 40];
    threads.extend(vec![tied(); 150]);
    let (world, general) = World::channel_of(500, threads).await;
    let pages = list(&world, &general, ArchivedList::Public).await;
    assert_eq!(once(&pages), threads_of(&world, &general));
    assert!(pages.iter().all(|page| !page.incomplete));
}

#[tokio::test(start_paused = true)]
async fn archived_150_same_archive_timestamp_with_a_search_that_is_never_ready_are_told_incomplete() {
    let mut threads = vec![thread().archived(Archive::AfterLast); 40];
    threads.extend(vec![tied(); 150]);
    let (world, general) = World::channel_of(500, threads).await;
    world.simulator.fault(FaultRule::on(SEARCH, 0, Fault::IndexNotReady));
    let pages = list(&world, &general, ArchivedList::Public).await;
    assert_eq!(pages.iter().filter(|page| page.incomplete).count(), 1);
    assert_eq!(once(&pages).len(), 140, "a page of ties, and all that were archived before");
    assert!(world.asked(SEARCH) <= 6);
}

#[tokio::test(start_paused = true)]
async fn archived_has_more_true_empty_page_ends_and_loses_nothing() {
    let (world, general) = World::channel_of(60, vec![thread().archived(Archive::AfterLast); 30]).await;
    world.simulator.fault(FaultRule::on(PUBLIC, 0, Fault::EmptyButMore));
    let pages = list(&world, &general, ArchivedList::Public).await;
    assert_eq!(once(&pages), threads_of(&world, &general));
}

#[tokio::test(start_paused = true)]
async fn joined_private_paged_by_id() {
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 2).archived(Archive::AfterLast);
    let mut threads = vec![private.clone().joined(); 120];
    threads.push(private);
    let (world, general) = World::channel_of(400, threads).await;
    let pages = list(&world, &general, ArchivedList::JoinedPrivate).await;
    assert_eq!((ids(&pages).len(), once(&pages).len(), pages.len()), (120, 120, 2));
    let joined = queries(&world, "/channels/{c}/users/@me/threads/archived/private");
    assert!(joined.iter().all(|query| !query.contains(':') && query.starts_with("limit=100")));
    assert!(joined[1].contains("before="));
}

#[tokio::test(start_paused = true)]
async fn who_manages_threads_is_shown_all_private_ones() {
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 2).archived(Archive::AfterLast);
    let (world, general) = World::channel_of(50, vec![private.clone(), private.joined(), tied()]).await;
    assert_eq!(general.archived_lists(), [ArchivedList::Public, ArchivedList::JoinedPrivate]);
    let role_id = world.structure().await.roles.unwrap()[1].id.get();
    let permissions = VIEW_CHANNEL | discord_simulator::READ_MESSAGE_HISTORY | MANAGE_THREADS;
    world.simulator.act(Act::SetRole { role_id, permissions }).unwrap();
    let general = world.channel("general").await;
    assert_eq!(general.archived_lists(), [ArchivedList::Public, ArchivedList::Private]);
    assert_eq!(ids(&list(&world, &general, ArchivedList::Private).await).len(), 2);
    assert_eq!(ids(&list(&world, &general, ArchivedList::Public).await).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_search_for_private_ties_shows_private_ones_only() {
    let private = ThreadPlan::new(kind::PRIVATE_THREAD, Origin::Standalone, 1).joined();
    let mut threads = vec![private.archived(Archive::At(HISTORY_END_MS * 1000 + 7)); 110];
    threads.push(tied());
    let (world, _) = World::channel_of(400, threads).await;
    let role_id = world.structure().await.roles.unwrap()[1].id.get();
    let permissions = VIEW_CHANNEL | discord_simulator::READ_MESSAGE_HISTORY | MANAGE_THREADS;
    world.simulator.act(Act::SetRole { role_id, permissions }).unwrap();
    let general = world.channel("general").await;
    assert_eq!(once(&list(&world, &general, ArchivedList::Private).await).len(), 110);
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_archived_or_opened_between_the_lists_is_in_one_of_them() {
    let (world, general) = World::channel_of(60, vec![thread(), thread().archived(Archive::AfterLast)]).await;
    let [open, closed] = world.simulator.threads(general.channel.platform_id.get())[..] else { panic!("two") };
    let structure = world.structure().await;
    let active = async || -> BTreeSet<u64> {
        let threads = world.client.active_threads(&world.scope, &structure).await.unwrap();
        threads.iter().map(|thread| thread.channel.platform_id.get()).collect()
    };
    let mut found = active().await;
    for (channel_id, archived) in [(open, true), (closed, false)] {
        let change = ChannelChange { archived: Some(archived), ..ChannelChange::default() };
        world.simulator.act(Act::UpdateChannel { channel_id, change }).unwrap();
    }
    found.extend(once(&list(&world, &general, ArchivedList::Public).await));
    found.extend(active().await);
    assert_eq!(found, BTreeSet::from([open, closed]));
}

#[tokio::test(start_paused = true)]
async fn posts_have_their_tags_and_a_parent_that_cannot_be_read_is_not_asked() {
    let post = ThreadPlan::new(kind::PUBLIC_THREAD, Origin::Post, 2);
    let world = World::of(vec![
        ChannelPlan::new("help", kind::FORUM, 0).threads(vec![post.archived(Archive::AfterLast); 20]),
        ChannelPlan::new("no-history", kind::TEXT, 5).rights(Rights::NoHistory),
    ])
    .await;
    let pages = list(&world, &world.channel("help").await, ArchivedList::Public).await;
    assert!(pages[0].threads.iter().any(|post| !post.channel.applied_tags.is_empty()));
    let closed = world.channel("no-history").await;
    let refused = world.client.archived_threads(&world.scope, &closed, ArchivedList::Public, None).await;
    assert_eq!(refused, Err(GuildError::Forbidden(Denied::History)));
    assert_eq!(world.asked(PUBLIC), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_on_from_a_cursor_that_was_kept() {
    let (world, general) = World::channel_of(600, vec![thread().archived(Archive::AfterLast); 130]).await;
    let first = world.client.archived_threads(&world.scope, &general, ArchivedList::Public, None).await.unwrap();
    let mut kept: serde_json::Value = serde_json::from_str(first.next.as_ref().unwrap().as_str()).unwrap();
    let seen = kept["ArchivedBefore"]["seen"].as_array_mut().unwrap();
    assert_eq!(seen.len(), 1);
    seen.clear();
    let forgetful = Some(ArchivedCursor::new(kept.to_string()));
    let second = world.client.archived_threads(&world.scope, &general, ArchivedList::Public, forgetful).await.unwrap();
    assert_eq!((second.threads.len(), second.next.clone()), (31, None), "the one at the border again");
    assert_eq!(once(&[first, second]).len(), 130);
}
