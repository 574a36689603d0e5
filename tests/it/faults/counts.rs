//! The number of requests of a unit: on a cluster each costs a round trip.

use std::sync::Arc;

use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::lease::Fence;
use domain::media::{File, FileKey, FileState};
use domain::message::{Emoji, Message, Reaction};
use domain::page::MessagePage;
use domain::visibility::Visibility;
use ports::page::MessageRange;
use ports::store::Store;

use super::{Rig, open, through, upstream};
use crate::cache::{Site, World};
use crate::contract::fixture::{at, attachment, channel, interval, message, put, upsert};
use crate::proxy::Proxy;
use crate::server::Database;

/// The maximum for a page of 100 messages, with the requests of its transaction.
const MOST: usize = 7;

/// Returns the page of the ids from `low` to `high`; every third message has a file, and every message reactions.
fn full_page(rig: &Rig, low: u64, high: u64, millis: i64) -> MessagePage {
    let reaction = |name: &str| Reaction {
        emoji: Emoji { id: None, name: Some(name.to_owned()), animated: false },
        count: 1,
        people: vec![],
    };
    let messages = (low..=high).map(|raw| Message {
        attachments: raw.is_multiple_of(3).then(|| attachment(raw)).into_iter().collect(),
        reactions: if raw.is_multiple_of(2) { vec![reaction("a"), reaction("b")] } else { vec![reaction("a")] },
        ..message(&rig.channel, raw, "text", millis)
    });
    MessagePage::new(interval(low, high), at(millis), messages.collect()).unwrap()
}

/// Returns the same page without files and reactions.
fn plain(page: &MessagePage) -> MessagePage {
    let messages = page.messages().iter().cloned();
    let messages = messages.map(|message| Message { attachments: vec![], reactions: vec![], ..message });
    MessagePage::new(page.interval(), page.observed_at(), messages.collect()).unwrap()
}

/// Stores a page as a sync does; returns its statements.
async fn store(rig: &Rig, page: &MessagePage, fence: u64) -> Vec<String> {
    let before = rig.proxy.statements();
    let channel = rig.channel.id;
    let mut unit = rig.store.begin().await.unwrap();
    assert!(unit.channels().fence(channel, Fence::new(fence).unwrap()).await.unwrap());
    let outcome = unit.messages().replace_interval(channel, page).await.unwrap();
    assert!(!outcome.has_unreadable, "a sync lists unreadable entries only if there are any");
    let files: Vec<File> = page
        .messages()
        .iter()
        .flat_map(|message| message.attachments.iter().map(|file| (message.id, file.id)))
        .map(|(message, attachment)| File {
            key: FileKey { channel, message, attachment },
            state: FileState::seen(at(1)),
        })
        .collect();
    if !files.is_empty() {
        unit.media().insert_all(rig.channel.tenant_id, &files).await.unwrap();
    }
    unit.commit().await.unwrap();
    rig.proxy.statements_after(before)
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_page_of_100_messages_costs_at_most_7_requests() {
    for is_full in [false, true] {
        let rig = Rig::new(1).await;
        // The first unit of a connection prepares it.
        rig.store.begin().await.unwrap().commit().await.unwrap();
        let page = |low, high, millis| {
            let page = full_page(&rig, low, high, millis);
            if is_full { page } else { plain(&page) }
        };
        for (name, low, high, millis, fence) in [
            ("the first page, under a new fence", 2_001, 2_100, 1, 1),
            ("a backfill that touches an older segment", 1_901, 2_000, 2, 1),
            ("a backfill under a new fence", 1_801, 1_900, 3, 2),
            ("a page behind a gap", 1_001, 1_100, 4, 2),
            ("a backfill that closes the gap", 1_101, 1_800, 5, 2),
            ("catching up", 2_101, 2_200, 6, 2),
            ("a page that has been stored", 2_101, 2_200, 7, 2),
        ] {
            let page = page(low, high, millis);
            let shown = if high - low > 100 { page.messages()[..100].to_vec() } else { page.messages().to_vec() };
            let page = MessagePage::new(page.interval(), page.observed_at(), shown).unwrap();
            let statements = store(&rig, &page, fence).await;
            println!("{name}, full: {is_full}: {} {statements:#?}", statements.len());
            assert!(statements.len() <= MOST, "{name}: {} {statements:#?}", statements.len());
        }
        let stored = rig.direct.read().await.unwrap().coverage().find(rig.channel.id).await.unwrap().unwrap();
        assert_eq!(stored.interval, interval(1_001, 2_200));
        let mut unit = rig.direct.begin().await.unwrap();
        assert!(!unit.channels().fence(rig.channel.id, Fence::new(1).unwrap()).await.unwrap(), "the fence was raised");
        unit.commit().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_fence_that_no_other_update_stores_is_stored_by_the_commit() {
    let rig = Rig::new(1).await;
    let fence = |raw| Fence::new(raw).unwrap();
    for (raw, raises) in [(2, true), (2, true), (1, false)] {
        let mut unit = rig.store.begin().await.unwrap();
        assert_eq!(unit.channels().fence(rig.channel.id, fence(raw)).await.unwrap(), raises);
        unit.commit().await.unwrap();
    }
    let mut dropped = rig.store.begin().await.unwrap();
    assert!(dropped.channels().fence(rig.channel.id, fence(9)).await.unwrap());
    assert!(!dropped.channels().fence(rig.channel.id, fence(8)).await.unwrap(), "the same unit");
    drop(dropped);
    let mut unit = rig.store.begin().await.unwrap();
    assert!(unit.channels().fence(rig.channel.id, fence(3)).await.unwrap());
    unit.commit().await.unwrap();
}

#[tokio::test]
#[ignore = "needs a MySQL-protocol server"]
async fn a_page_of_a_channel_is_read_by_2_requests_in_one_snapshot() {
    let rig = Rig::new(1).await;
    store(&rig, &full_page(&rig, 1, 100, 1), 1).await;
    // The first snapshot of a connection prepares it, and its end is a statement.
    drop(rig.store.read().await.unwrap());
    let before = rig.proxy.statements();
    let mut read = rig.store.read().await.unwrap();
    let list = read.messages().list(rig.channel.id, MessageRange::Newest, false, 50).await.unwrap();
    let mut statements = rig.proxy.statements_after(before);
    statements.retain(|statement| statement != "ROLLBACK");
    assert_eq!((list.messages.len(), statements.len()), (50, 3), "{statements:#?}");
    assert_eq!(Interval::new(list.messages[0].id, list.messages[49].id), interval(51, 100));
}

/// Pages of a channel without threads, of which another page has all messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MySQL-protocol server"]
async fn a_page_of_messages_in_memory_costs_no_request() {
    let database = Database::new().await;
    let direct: Arc<dyn Store> = Arc::new(database.store().await);
    let world = World::new(Arc::clone(&direct)).await;
    let quiet = Channel { visibility: Visibility::Public, ..channel(&world.tenant, 12, ChannelKind::TEXT) };
    upsert(&*direct, &[&quiet]).await;
    let said = |raw: u64| Message {
        attachments: raw.is_multiple_of(5).then(|| attachment(raw)).into_iter().collect(),
        ..message(&quiet, raw, "text", 1)
    };
    put(&*direct, &quiet, &MessagePage::new(None, at(1), (1..=200).map(said).collect()).unwrap()).await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let store: Arc<dyn Store> = Arc::new(open(&through(&proxy, &database), 1).await);
    let site = Site::following(&store, &direct, Some(1 << 20)).await;
    let (slug, quiet) = (&world.tenant.slug, &quiet.slug);
    let messages = format!("/api/v1/tenants/{slug}/channels/{quiet}/messages");
    assert_eq!(site.get(&format!("{messages}?before=190&limit=100")).await.status, 200);
    for path in [format!("{messages}?before=180"), format!("/{slug}/{quiet}?before=170")] {
        let before = proxy.statements();
        let answer = site.get(&path).await;
        let mut statements = proxy.statements_after(before);
        statements.retain(|statement| statement != "ROLLBACK");
        assert_eq!((answer.status, statements), (200, vec![]), "{path}");
        assert!(String::from_utf8_lossy(&answer.body).contains("a.png"), "{path}");
    }
}

/// The round trips of a response that is made from the store, of a channel with threads, files, roles, mentions and
/// replies, and of a forum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MySQL-protocol server"]
async fn a_page_in_json_costs_at_most_4_requests_and_one_in_html_5() {
    let database = Database::new().await;
    let direct: Arc<dyn Store> = Arc::new(database.store().await);
    let world = World::new(Arc::clone(&direct)).await;
    let proxy = Proxy::start(upstream(&database).await).await;
    let store: Arc<dyn Store> = Arc::new(open(&through(&proxy, &database), 1).await);
    let (slug, text, forum) = (&world.tenant.slug, &world.text.slug, &world.forum.slug);
    let messages = format!("/api/v1/tenants/{slug}/channels/{text}/messages");
    for (path, most) in [
        (messages.clone(), 4),
        (format!("{messages}?before=1080"), 4),
        (format!("{messages}?after=1050"), 4),
        (format!("{messages}?around=1060&limit=100"), 4),
        (format!("/{slug}/{text}"), 5),
        (format!("/{slug}/{text}/2015-01-01"), 5),
        (format!("/{slug}/{text}?before=1080"), 5),
        (format!("/{slug}/{text}?before=1120"), 5),
        (format!("/{slug}/{forum}"), 5),
        (format!("/{slug}/{forum}?sort=created"), 5),
        (format!("/{slug}/{forum}?tag=1"), 5),
        (format!("/api/v1/tenants/{slug}/channels/{forum}/threads?limit=100"), 5),
    ] {
        let site = Site::following(&store, &direct, Some(1 << 20)).await;
        // The structure of the tenant is loaded once.
        assert_eq!(site.get(&format!("/{slug}/search")).await.status, 200);
        let before = proxy.statements();
        assert_eq!(site.get(&path).await.status, 200, "{path}");
        let mut statements = proxy.statements_after(before);
        statements.retain(|statement| statement != "ROLLBACK");
        println!("{path}: {} {statements:#?}", statements.len());
        assert!((2..=most).contains(&statements.len()), "{path}: {} {statements:#?}", statements.len());
    }
}
