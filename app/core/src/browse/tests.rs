use std::sync::Arc;

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelSnowflake, ForumTag};
use domain::media::FileState;
use domain::message::{Author, Deletion, Message, MessageId, MessageKind, Origin, StoredMessage, Version};
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName, TenantStatus};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::channel::ThreadOrder;
use ports::coverage::MockCoverageRepository;
use ports::message::MessageList;
use ports::mock::{FakeStore, FakeUnitOfWork};
use ports::page::MessageRange;

use super::{
    After, Audience, Browse, BrowseError, ChannelView, Entry, FileStates, Find, Messages, Reading, Roles, Threads,
};

fn tenant() -> Tenant {
    let (id, slug) = (PlatformId::new("1").unwrap(), TenantSlug::new("abc").unwrap());
    Tenant::new(Platform::Discord, id, slug, TenantName::new("Abc").unwrap(), now())
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000).unwrap()
}

fn snowflake(raw: u64) -> ChannelSnowflake {
    ChannelSnowflake::new(raw).unwrap()
}

fn channel(raw: u64, kind: ChannelKind) -> Channel {
    let channel = Channel::new(tenant().id, snowflake(raw), kind, format!("channel {raw}"));
    Channel { visibility: Visibility::Public, ..channel }
}

fn view(channel: Channel) -> ChannelView {
    ChannelView { channel, parent: None, public: true }
}

fn message(channel: ChannelId, raw: u64) -> Message {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: now(), origin: Origin::Export };
    Message::new(channel, MessageId::new(raw).unwrap(), author, format!("message {raw}"), version)
}

fn stored(message: Message, deleted: bool) -> StoredMessage {
    StoredMessage { message, deletion: deleted.then(now).map(Deletion::inferred) }
}

/// A page of `count` messages with others before and after, which keeps the one at `anchor` if it is cut.
pub(super) fn page_of(count: u64, anchor: usize) -> Messages {
    let channel = channel(5, ChannelKind::TEXT).id;
    let entry = |number: u64| Entry::from(message(channel, number * 10));
    let (older, newer) = (MessageId::new(7), MessageId::new(5000).map(After::Message));
    let entries = (1..=count).map(entry).collect();
    Messages { entries, older, newer, anchor, roles: Roles::default(), files: FileStates::default() }
}

async fn reading(unit: FakeUnitOfWork, audience: Audience) -> Reading {
    Browse::new(Arc::new(FakeStore::new([unit]))).open(audience).await
}

/// A channel with the messages 10, 20 … 100.
fn ten_messages(unit: &mut FakeUnitOfWork) -> ChannelView {
    let channel = channel(5, ChannelKind::TEXT);
    let id = channel.id;
    unit.messages.expect_list().returning(move |of, range, _, limit| {
        let all = (1..=10).map(|number| message(of, number * 10)).filter(|_| of == id);
        let mut found: Vec<_> = match range {
            MessageRange::Newest | MessageRange::Oldest => all.collect(),
            MessageRange::Before(bound) => all.filter(|message| message.id < bound).collect(),
            MessageRange::After(bound) => all.filter(|message| message.id > bound).collect(),
            MessageRange::From(bound) => all.filter(|message| message.id >= bound).collect(),
        };
        let extra = found.len().saturating_sub(limit as usize);
        if matches!(range, MessageRange::Newest | MessageRange::Before(_)) {
            found.drain(..extra);
        }
        found.truncate(limit as usize);
        Ok(MessageList { messages: found, ..MessageList::default() })
    });
    unit.messages.expect_nearest().returning(move |of, range, _| {
        let mut all = (1..=10).map(|number| MessageId::new(number * 10).unwrap()).filter(|_| of == id);
        Ok(match range {
            MessageRange::Newest => all.next_back(),
            MessageRange::Before(bound) => all.rfind(|id| *id < bound),
            MessageRange::Oldest => all.next(),
            MessageRange::After(bound) => all.find(|id| *id > bound),
            MessageRange::From(bound) => all.find(|id| *id >= bound),
        })
    });
    view(channel)
}

async fn page(find: Find, limit: u32) -> (Vec<u64>, Option<u64>, Option<u64>) {
    let mut unit = FakeUnitOfWork::default();
    let of = ten_messages(&mut unit);
    let page = reading(unit, Audience::Public).await.messages(&of, find, limit).await.unwrap();
    let ids = page.entries.iter().map(|entry| entry.message.id.get()).collect();
    (ids, page.older.map(MessageId::get), page.newer.map(|after| after.to_string().parse().unwrap()))
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

#[tokio::test]
async fn a_page_says_whether_there_are_older_and_newer_ones() {
    assert_eq!(page(Find::Newest, 3).await, (vec![80, 90, 100], Some(80), None));
    assert_eq!(page(Find::Newest, 10).await, ((1..=10).map(|number| number * 10).collect(), None, None));
    assert_eq!(page(Find::Before(id(30)), 2).await, (vec![10, 20], None, Some(20)));
    assert_eq!(page(Find::Before(id(31)), 2).await, (vec![20, 30], Some(20), Some(30)));
    assert_eq!(page(Find::After(After::Start), 2).await, (vec![10, 20], None, Some(20)));
    assert_eq!(page(Find::After(After::Message(id(80))), 2).await, (vec![90, 100], Some(90), None));
    assert_eq!(page(Find::After(After::Message(id(5))), 2).await, (vec![10, 20], None, Some(20)));
}

#[tokio::test]
async fn half_of_the_page_around_a_message_lies_before_it() {
    assert_eq!(page(Find::Around(id(50)), 4).await, (vec![30, 40, 50, 60], Some(30), Some(60)));
    assert_eq!(page(Find::Around(id(50)), 1).await, (vec![50], Some(50), Some(50)));
    assert_eq!(page(Find::Around(id(55)), 2).await, (vec![50, 60], Some(50), Some(60)));
    assert_eq!(page(Find::Around(id(10)), 4).await, (vec![10, 20], None, Some(20)));
    assert_eq!(page(Find::Around(id(200)), 4).await, (vec![90, 100], Some(90), None));
    assert_eq!(page(Find::At(now()), 4).await, (vec![90, 100], Some(90), None));
}

#[tokio::test]
async fn an_empty_page_leads_back_to_where_the_messages_are() {
    let (none, older, newer) = page(Find::Before(id(10)), 5).await;
    assert_eq!((none.len(), older, newer), (0, None, Some(9)));
    assert_eq!(page(Find::After(After::Message(id(9))), 1).await.0, [10]);
    assert_eq!(page(Find::Before(MessageId::MIN), 5).await.2, Some(0), "the oldest page is behind 0");
    let (none, older, newer) = page(Find::After(After::Message(id(100))), 5).await;
    assert_eq!((none.len(), older, newer), (0, Some(101), None));
    assert_eq!(page(Find::Before(id(101)), 1).await.0, [100]);
    assert_eq!(page(Find::Around(id(200)), 1).await, (vec![], Some(200), None));
}

#[tokio::test]
async fn a_tenant_that_is_not_served_is_for_the_admin_alone() {
    for (status, deleting, public, admin) in [
        (TenantStatus::Active, false, "", ""),
        (TenantStatus::Maintenance, false, "this community is temporarily not served", ""),
        (TenantStatus::Cancelled, false, "this community is no longer served", ""),
        (TenantStatus::Active, true, "there is no such community", "there is no such community"),
    ] {
        for (audience, expected) in [(Audience::Public, public), (Audience::Admin, admin)] {
            let mut unit = FakeUnitOfWork::default();
            let found = Tenant { status, deleting_since: deleting.then(now), ..tenant() };
            unit.tenants.expect_find_by_slug().returning(move |_| Ok(Some(found.clone())));
            unit.pictures.expect_find_all().returning(|_, _| Ok(Vec::new()));
            let outcome = reading(unit, audience).await.tenant("abc").await;
            let said = outcome.map_or_else(|error| error.to_string(), |_| String::new());
            assert_eq!(said, expected, "{status:?} {audience:?}");
        }
    }
}

#[tokio::test]
async fn a_thread_of_a_private_channel_is_private_although_it_says_otherwise() {
    let parent = Channel { visibility: Visibility::Private, ..channel(5, ChannelKind::TEXT) };
    let thread = Channel { parent_id: Some(parent.id), ..channel(6, ChannelKind::PUBLIC_THREAD) };
    for (audience, readable) in [(Audience::Public, false), (Audience::Admin, true)] {
        let mut unit = FakeUnitOfWork::default();
        let held = [parent.clone(), thread.clone()];
        unit.channels.expect_find().returning(move |id| Ok(held.iter().find(|channel| channel.id == id).cloned()));
        let outcome = reading(unit, audience).await.channel(&tenant(), "6").await;
        assert_eq!(outcome.is_ok_and(|view| !view.public), readable, "{audience:?}");
    }
}

#[tokio::test]
async fn a_channel_of_another_tenant_is_not_found_by_its_id() {
    let mut other = channel(5, ChannelKind::TEXT);
    other.tenant_id = domain::tenant::TenantId(uuid::Uuid::from_u128(9));
    let id = other.id;
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_find().returning(move |_| Ok(Some(other.clone())));
    let outcome = reading(unit, Audience::Admin).await.channel(&tenant(), &id.to_string()).await;
    assert!(matches!(outcome, Err(BrowseError::NotFound("channel"))));
}

#[tokio::test]
async fn channels_stand_behind_their_parents_and_private_ones_are_no_parents() {
    let hidden = Channel { visibility: Visibility::Private, ..channel(1, ChannelKind::CATEGORY) };
    let shown = channel(2, ChannelKind::CATEGORY);
    let below = |raw, parent: &Channel| Channel { parent_id: Some(parent.id), ..channel(raw, ChannelKind::TEXT) };
    let all = vec![hidden.clone(), shown.clone(), below(3, &hidden), below(4, &shown), channel(5, ChannelKind::TEXT)];
    for (audience, expected) in [
        (Audience::Public, vec![(2, None), (4, Some(shown.id)), (3, None), (5, None)]),
        (Audience::Admin, vec![(1, None), (3, Some(hidden.id)), (2, None), (4, Some(shown.id)), (5, None)]),
    ] {
        let mut unit = FakeUnitOfWork::default();
        let held = all.clone();
        unit.channels.expect_list().returning(move |_, _, _| Ok(held.clone()));
        let views = reading(unit, audience).await.channels(&tenant()).await.unwrap();
        let order: Vec<_> = views
            .iter()
            .map(|view| (view.channel.platform_id.get(), view.parent.as_ref().map(|parent| parent.id)))
            .collect();
        assert_eq!(order, expected, "{audience:?}");
    }
}

#[tokio::test]
async fn a_thread_begins_with_the_message_above_it_or_else_with_its_own_first() {
    let parent = channel(5, ChannelKind::TEXT);
    let thread = |raw| Channel { parent_id: Some(parent.id), ..channel(raw, ChannelKind::PUBLIC_THREAD) };
    let threads = vec![thread(30), thread(20), thread(10)];
    let mut unit = FakeUnitOfWork::default();
    let listed = threads.clone();
    unit.channels.expect_list_threads().returning(move |_, _, _| Ok(listed.clone()));
    let above = parent.id;
    let own = threads[1].id;
    unit.messages.expect_find_all().once().returning(move |keys| {
        assert_eq!(keys.len(), 6, "one call, whatever the number of threads");
        let inside = stored(message(own, 20), false);
        Ok(vec![stored(message(above, 10), true), stored(message(above, 30), false), inside])
    });
    let filter = Threads::all(ThreadOrder::Activity);
    let page = reading(unit, Audience::Public).await.threads(&view(parent), filter, None, 50).await.unwrap();
    let starters: Vec<_> =
        page.threads.iter().map(|view| view.starter.as_ref().map(|found| found.channel_id)).collect();
    assert_eq!(starters, [Some(above), Some(own), None]);
}

#[tokio::test]
async fn of_two_copies_of_a_message_the_parents_answers_and_a_deleted_one_is_gone() {
    let parent = channel(5, ChannelKind::TEXT);
    let thread = Channel { parent_id: Some(parent.id), ..channel(6, ChannelKind::PUBLIC_THREAD) };
    let (above, inside) = (parent.id, thread.id);
    for (parent_deleted, thread_deleted, expected) in
        [(false, false, Some(above)), (true, false, Some(inside)), (true, true, None)]
    {
        let mut unit = FakeUnitOfWork::default();
        let held = [parent.clone(), thread.clone()];
        unit.channels.expect_find().returning(move |id| Ok(held.iter().find(|channel| channel.id == id).cloned()));
        unit.messages.expect_find_in_tenant().returning(move |_, id| {
            let copy = |place, deleted| stored(message(place, id.get()), deleted);
            Ok(vec![copy(inside, thread_deleted), copy(above, parent_deleted)])
        });
        let found = reading(unit, Audience::Public).await.message(&tenant(), id(6), None).await;
        match (found, expected) {
            (Ok(found), Some(place)) => assert_eq!(found.channel.channel.id, place),
            (Err(BrowseError::Deleted), None) => {}
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn what_only_moderators_see_is_not_there_for_the_public() {
    let parent = channel(5, ChannelKind::TEXT);
    let place = parent.id;
    for (audience, readable) in [(Audience::Public, false), (Audience::Admin, true)] {
        let mut unit = FakeUnitOfWork::default();
        let held = parent.clone();
        unit.channels.expect_find().returning(move |_| Ok(Some(held.clone())));
        unit.channels.expect_find_all().returning(|_| Ok(Vec::new()));
        unit.messages.expect_find_in_tenant().returning(move |_, id| {
            let restricted = Message { kind: MessageKind(24), ..message(place, id.get()) };
            Ok(vec![stored(restricted, false)])
        });
        let found = reading(unit, audience).await.message(&tenant(), id(7), None).await;
        assert_eq!(found.is_ok(), readable, "{audience:?}");
    }
}

#[tokio::test]
async fn a_page_of_coverage_looks_at_a_bounded_number_of_channels() {
    let mut unit = FakeUnitOfWork::default();
    let mut coverage = MockCoverageRepository::new();
    coverage.expect_list().times(10).returning(|_, page| {
        let first = page.after.map_or(0, |after| after.0.as_u128()) + 1;
        let held = |number: u128| domain::coverage::Coverage {
            channel_id: ChannelId(uuid::Uuid::from_u128(number)),
            interval: None,
            start_reached: false,
            message_count: 0,
            unreadable_count: 0,
            reason: None,
            checked_at: None,
            read_whole_at: None,
        };
        Ok((first..first + 100).map(held).collect())
    });
    unit.coverage = coverage;
    unit.channels.expect_find_all().returning(|_| Ok(Vec::new()));
    let (held, next) = reading(unit, Audience::Public).await.coverage(&tenant(), None, 50).await.unwrap();
    assert_eq!((held.len(), next), (0, Some(uuid::Uuid::from_u128(1000))));
}

#[tokio::test]
async fn a_page_that_stopped_among_hidden_messages_leads_on_from_there() {
    for (find, cursors) in [
        (Find::Newest, (Some(30), None)),
        (Find::Before(id(90)), (Some(30), None)),
        (Find::After(After::Start), (None, Some(30))),
        (Find::After(After::Message(id(5))), (None, Some(30))),
        (Find::Around(id(50)), (Some(30), Some(30))),
    ] {
        for kept in [None, Some(40)] {
            let mut unit = FakeUnitOfWork::default();
            unit.messages.expect_list().returning(move |of, _, _, _| {
                let messages = kept.into_iter().map(|raw| message(of, raw)).collect();
                Ok(MessageList { messages, examined_to: Some(id(30)), ..MessageList::default() })
            });
            unit.messages.expect_nearest().returning(|_, _, _| Ok(None));
            let of = view(channel(5, ChannelKind::TEXT));
            let page = reading(unit, Audience::Public).await.messages(&of, find, 5).await.unwrap();
            let found = (page.older.map(MessageId::get), page.newer.map(|after| after.to_string().parse().unwrap()));
            assert_eq!(found, cursors, "{find:?} {kept:?}");
        }
    }
}

#[tokio::test]
async fn a_page_of_threads_looks_at_a_bounded_number_of_them() {
    let parent = channel(5, ChannelKind::TEXT);
    let above = parent.id;
    let mut unit = FakeUnitOfWork::default();
    unit.channels.expect_list_threads().times(10).returning(move |_, filter, page| {
        assert!(!filter.with_private);
        let first = page.after.map_or(100_000, |after| after.platform_id.get() - 1);
        let thread =
            |raw| Channel { parent_id: Some(above), archived: true, ..channel(raw, ChannelKind::PUBLIC_THREAD) };
        Ok((0..u64::from(page.limit)).map(|number| thread(first - number)).collect())
    });
    let filter = Threads { archived: Some(false), ..Threads::all(ThreadOrder::Created) };
    let found = reading(unit, Audience::Public).await.bare_threads(&view(parent), filter, None, 50).await.unwrap();
    assert_eq!((found.0.len(), found.1.map(|next| next.platform_id.get())), (0, Some(100_001 - 51 - 900)));
}

#[tokio::test]
async fn posts_with_a_tag_are_searched_in_one_batch_and_a_page_goes_on_where_it_ends() {
    let tag = ForumTag { id: "77".to_owned(), name: "Solved".to_owned(), emoji: None };
    let forum = Channel { tags: vec![tag], ..channel(5, ChannelKind::FORUM) };
    let above = forum.id;
    // Every `nth` post has the tag.
    for (nth, found, next) in [(1, 50, 9_951), (10, 50, 9_501), (100, 10, 9_001)] {
        let mut unit = FakeUnitOfWork::default();
        unit.channels.expect_list_threads().once().returning(move |_, _, page| {
            let post = |raw: u64| Channel {
                parent_id: Some(above),
                applied_tags: if (10_001 - raw).is_multiple_of(nth) { vec!["77".to_owned()] } else { vec![] },
                ..channel(raw, ChannelKind::PUBLIC_THREAD)
            };
            Ok((0..u64::from(page.limit)).map(|number| post(10_000 - number)).collect())
        });
        let filter = Threads { tag: Some("77"), ..Threads::all(ThreadOrder::Created) };
        let forum = view(forum.clone());
        let page = reading(unit, Audience::Public).await.bare_threads(&forum, filter, None, 50).await.unwrap();
        assert_eq!((page.0.len(), page.1.map(|next| next.platform_id.get())), (found, Some(next)), "each {nth}th");
    }
    let filter = Threads { tag: Some("78"), ..Threads::all(ThreadOrder::Created) };
    let mut at = reading(FakeUnitOfWork::default(), Audience::Public).await;
    let unknown = at.bare_threads(&view(forum), filter, None, 50).await;
    assert!(matches!(unknown, Err(BrowseError::NotFound("tag"))), "{unknown:?}");
}

#[tokio::test]
async fn a_page_of_tenants_looks_at_a_bounded_number_of_them() {
    let mut unit = FakeUnitOfWork::default();
    unit.tenants.expect_list().times(10).returning(|page| {
        let first = page.after.map_or(1000, |after| after.as_str()[1..].parse().unwrap()) + 1;
        let hidden = |number: u32| Tenant { slug: TenantSlug::new(&format!("t{number}")).unwrap(), ..tenant() };
        Ok((first..first + page.limit).map(hidden).collect())
    });
    unit.tenants.expect_find_public().returning(|_| Ok(Vec::new()));
    let (found, next) = reading(unit, Audience::Public).await.tenants(None, 50).await.unwrap();
    assert_eq!((found.len(), next.unwrap().as_str()), (0, "t2000"));
}

#[tokio::test]
async fn the_files_of_messages_of_many_channels_are_found_at_once() {
    let mut unit = FakeUnitOfWork::default();
    unit.media.expect_find_all().once().withf(|keys| keys.len() == 40).returning(|_| Ok(Vec::new()));
    let file = |raw| domain::message::Attachment {
        id: domain::message::AttachmentId::new(raw).unwrap(),
        filename: String::new(),
        content_type: None,
        size_bytes: 0,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: None,
        local_path: None,
        extra: None,
    };
    let messages: Vec<Message> = (1..=40)
        .map(|raw| Message {
            attachments: vec![file(raw)],
            ..message(channel(raw, ChannelKind::PUBLIC_THREAD).id, raw)
        })
        .collect();
    let states = reading(unit, Audience::Public).await.files_of(&messages).await.unwrap();
    assert_eq!(states.len(), 40);
    assert!(states.values().all(|state| *state == FileState::Gone), "they have neither bytes nor an address");
}
