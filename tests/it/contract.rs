//! What every store owes its port.

use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::message::{Author, Message, MessageId, MessageKind, Origin, Version};
use domain::page::MessagePage;
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::page::MessageRange;
use ports::store::Store;
use uuid::Uuid;

/// Makes a test of each case for each store; a case that is not listed is dead code.
macro_rules! contract {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test]
                async fn $case() {
                    let folder = tempfile::tempdir().unwrap();
                    let store = adapter_sqlite::SqliteStore::open(&folder.path().join("verta.db"), 4).unwrap();
                    super::$case(&store).await;
                }
            )+
        }
    };
}

contract![
    a_unit_that_is_dropped_leaves_nothing,
    a_page_twice_equals_a_page_once,
    what_a_whole_page_lacks_is_deleted_and_stays_deleted,
    two_tenants_never_see_each_other,
    a_slug_is_taken_once_in_a_tenant,
];

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

fn tenant() -> Tenant {
    let name = Uuid::new_v4().simple().to_string();
    let slug = TenantSlug::from_name(&name);
    Tenant::new(Platform::Discord, PlatformId::new(&name).unwrap(), slug, TenantName::new(&name).unwrap(), at(1))
}

fn message(channel: &Channel, raw: u64, content: &str, observed_at: i64) -> Message {
    Message {
        channel_id: channel.id,
        id: id(raw),
        kind: MessageKind::DEFAULT,
        author: Author { pseudonym: Pseudonym::new([7; 16]), bot: true, webhook: false },
        content: content.to_owned(),
        version: Version { edited_at: None, observed_at: at(observed_at), origin: Origin::Page },
        pinned: true,
        flags: u64::MAX,
        reference: None,
        mentions: vec![],
        attachments: vec![],
        reactions: vec![],
        embeds: None,
        stickers: None,
        components: None,
        snapshots: None,
        poll: None,
        extra: None,
    }
}

async fn channel(store: &dyn Store) -> (Tenant, Channel) {
    let tenant = tenant();
    let channel = Channel::new(tenant.id, "7".parse().unwrap(), ChannelKind::TEXT, "general".to_owned());
    let mut unit = store.begin().await.unwrap();
    unit.tenants().insert(&tenant).await.unwrap();
    unit.channels().upsert(&channel).await.unwrap();
    unit.commit().await.unwrap();
    (tenant, channel)
}

async fn list(store: &dyn Store, channel: &Channel) -> Vec<Message> {
    store.read().await.unwrap().messages().list(channel.id, MessageRange::Oldest, true, 100).await.unwrap()
}

async fn put(store: &dyn Store, channel: &Channel, page: &MessagePage) -> ports::message::PageOutcome {
    let mut unit = store.begin().await.unwrap();
    let outcome = unit.messages().replace_interval(channel.id, page).await.unwrap();
    unit.commit().await.unwrap();
    outcome
}

async fn a_unit_that_is_dropped_leaves_nothing(store: &dyn Store) {
    let (_, channel) = channel(store).await;
    let page = MessagePage::new(None, at(1), vec![message(&channel, 5, "a", 1)]).unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.messages().replace_interval(channel.id, &page).await.unwrap();
    drop(unit);
    assert_eq!(list(store, &channel).await, []);
}

async fn a_page_twice_equals_a_page_once(store: &dyn Store) {
    let (_, channel) = channel(store).await;
    let messages = vec![message(&channel, 5, "a", 1), message(&channel, i64::MAX.cast_unsigned(), "b", 1)];
    let page = MessagePage::new(Interval::new(MessageId::MIN, MessageId::MAX), at(1), messages.clone()).unwrap();
    assert_eq!(put(store, &channel, &page).await.added, 2);
    assert_eq!(put(store, &channel, &page).await.unchanged, 2);
    assert_eq!(list(store, &channel).await, messages);
    let stored = store.read().await.unwrap().channels().find(channel.id).await.unwrap().unwrap();
    assert_eq!(stored.stats.message_count, 2);
    let coverage = store.read().await.unwrap().coverage().find(channel.id).await.unwrap().unwrap();
    assert!(coverage.start_reached);
    assert_eq!(coverage.interval, Interval::new(id(5), MessageId::MAX));
}

async fn what_a_whole_page_lacks_is_deleted_and_stays_deleted(store: &dyn Store) {
    let (_, channel) = channel(store).await;
    let whole = |at_ms, messages| MessagePage::new(Interval::new(id(1), id(9)), at(at_ms), messages).unwrap();
    put(store, &channel, &whole(1, vec![message(&channel, 3, "a", 1), message(&channel, 5, "b", 1)])).await;
    assert_eq!(put(store, &channel, &whole(2, vec![message(&channel, 3, "new", 2)])).await.deleted, 1);
    put(store, &channel, &whole(3, vec![message(&channel, 5, "back", 3)])).await;
    assert_eq!(list(store, &channel).await, []);
    let found = store.read().await.unwrap().messages().find(channel.id, id(5)).await.unwrap().unwrap();
    assert_eq!((found.message.content.as_str(), found.deleted_at), ("b", Some(at(2))));
}

async fn two_tenants_never_see_each_other(store: &dyn Store) {
    let ((one, here), (other, _)) = (channel(store).await, channel(store).await);
    let page = MessagePage::new(None, at(1), vec![message(&here, 5, "a", 1)]).unwrap();
    put(store, &here, &page).await;
    let mut read = store.read().await.unwrap();
    assert_eq!(read.messages().find_in_tenant(one.id, id(5)).await.unwrap().len(), 1);
    assert_eq!(read.messages().find_in_tenant(other.id, id(5)).await.unwrap(), []);
    assert!(read.channels().list(other.id).await.unwrap().iter().all(|channel| channel.tenant_id == other.id));
}

async fn a_slug_is_taken_once_in_a_tenant(store: &dyn Store) {
    let (tenant, channel) = channel(store).await;
    let second = Channel {
        slug: channel.slug.clone(),
        ..Channel::new(tenant.id, "8".parse().unwrap(), ChannelKind::TEXT, "b".into())
    };
    let mut unit = store.begin().await.unwrap();
    let refused = unit.channels().upsert(&second).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate { what: "channel slug" }), "{refused:?}");
}
