//! The fixtures of the cases. A case owns its tenant, so all of them run concurrently on one database.

use app_core::retry::{LOST_RACE, retry};
use domain::change::{Change, ChangePosition, Followed};
use domain::channel::{Channel, ChannelKind};
use domain::coverage::Interval;
use domain::guild::{GuildEmoji, GuildItems, Role, Sticker, StoredItem};
use domain::message::{Attachment, AttachmentId, Author, Message, MessageId, Origin, Version};
use domain::page::{MessagePage, PageOutcome};
use domain::pseudonym::Pseudonym;
use domain::slug::TenantSlug;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::error::StoreError;
use ports::page::MessageRange;
use ports::store::{Store, UnitOfWork};
use uuid::Uuid;

/// The earliest possible time, in milliseconds.
pub(super) const FIRST: i64 = -62_135_596_800_000;
/// The latest possible time, in milliseconds.
pub(super) const LAST: i64 = 253_402_207_200_000;
/// Text that an encoding, a collation, a quote or a pattern can corrupt.
pub(crate) const HARD_TEXT: &str = " 🧶 👩\u{200d}👩 e\u{301} é ' \" ` \\ % _ \0 \u{feff} \u{202e}שלום \r\n\t ; -- ";

/// The position before the first change of a log that was never trimmed.
pub(crate) async fn log_start(store: &dyn Store) -> ChangePosition {
    let end = store.read().await.unwrap().changes().position().await.unwrap();
    let (epoch, partitions) = end.as_text().split_once('.').unwrap();
    ChangePosition::from_text(format!("{epoch}{}", ".0".repeat(partitions.split('.').count())))
}

/// Returns every change after `position`, read `limit` at a time, and the position after the last of them.
pub(crate) async fn changes_since(
    store: &dyn Store,
    mut position: ChangePosition,
    limit: u32,
) -> (Vec<Change>, ChangePosition) {
    let mut all = Vec::new();
    loop {
        let followed = store.read().await.unwrap().changes().follow(&position, limit).await.unwrap();
        let Followed::Changes { changes, position: next, behind } = followed else { panic!("{followed:?}") };
        assert!(changes.len() <= limit as usize && (behind == 0 || changes.len() == limit as usize));
        let ended = changes.is_empty();
        all.extend(changes);
        position = next;
        if ended {
            return (all, position);
        }
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

pub(crate) fn id(raw: u64) -> MessageId {
    MessageId::new(raw).unwrap()
}

pub(crate) fn interval(low: u64, high: u64) -> Option<Interval> {
    Interval::new(id(low), id(high))
}

/// Returns a tenant with a unique name.
pub(crate) fn tenant() -> Tenant {
    let name = Uuid::new_v4().simple().to_string();
    let slug = TenantSlug::from_name(&name);
    Tenant::new(Platform::Discord, PlatformId::new(&name).unwrap(), slug, TenantName::new(&name).unwrap(), at(1))
}

/// Returns a channel named after its platform id.
pub(crate) fn channel(of: &Tenant, platform_id: u64, kind: ChannelKind) -> Channel {
    let snowflake = platform_id.to_string().parse().unwrap();
    Channel::new(of.id, snowflake, kind, format!("channel {platform_id}"))
}

/// Returns a thread of `parent`, visible to all readers of `parent`.
pub(crate) fn thread(parent: &Channel, platform_id: u64) -> Channel {
    let snowflake = platform_id.to_string().parse().unwrap();
    let name = format!("thread {platform_id}");
    Channel {
        parent_id: Some(parent.id),
        visibility: Visibility::Public,
        ..Channel::new(parent.tenant_id, snowflake, ChannelKind::PUBLIC_THREAD, name)
    }
}

pub(crate) fn message(channel: &Channel, raw: u64, content: &str, observed_at: i64) -> Message {
    let author = Author { pseudonym: Pseudonym::new([7; 16]), bot: false, webhook: false };
    let version = Version { edited_at: None, observed_at: at(observed_at), origin: Origin::Page };
    Message::new(channel.id, id(raw), author, content.to_owned(), version)
}

/// Returns a file of a message that Discord serves.
pub(crate) fn attachment(raw: u64) -> Attachment {
    Attachment {
        id: AttachmentId::new(raw).unwrap(),
        filename: "a.png".to_owned(),
        content_type: None,
        size_bytes: 1,
        width: None,
        height: None,
        description: None,
        spoiler: false,
        url: Some("https://cdn.discordapp.com/a.png".to_owned()),
        local_path: None,
        extra: None,
    }
}

/// Returns a page of messages with these ids, all with the same content.
pub(crate) fn page(
    channel: &Channel,
    interval: Option<Interval>,
    observed_at: i64,
    ids: impl IntoIterator<Item = u64>,
    content: &str,
) -> MessagePage {
    let messages = ids.into_iter().map(|raw| message(channel, raw, content, observed_at)).collect();
    MessagePage::new(interval, at(observed_at), messages).unwrap()
}

/// Returns `count` roles, emoji and stickers with ids from 1 on, observed at 1.
pub(crate) fn guild_items(count: u64) -> GuildItems {
    fn held<T>(item: T) -> StoredItem<T> {
        StoredItem { item, observed_at: at(1), deleted_at: None }
    }
    let role = |raw: u64| Role { id: raw.to_string().parse().unwrap(), name: name(raw), color: None, position: 1 };
    let emoji = |raw: u64| GuildEmoji { id: raw.to_string().parse().unwrap(), name: name(raw), animated: false };
    let sticker = |raw: u64| Sticker {
        id: raw.to_string().parse().unwrap(),
        name: name(raw),
        format: "png".to_owned(),
        description: None,
    };
    GuildItems {
        observed_at: Some(at(1)),
        roles: (1..=count).map(|raw| held(role(raw))).collect(),
        emojis: (1..=count).map(|raw| held(emoji(raw))).collect(),
        stickers: (1..=count).map(|raw| held(sticker(raw))).collect(),
    }
}

fn name(raw: u64) -> String {
    format!("item {raw}")
}

pub(crate) async fn begin(store: &dyn Store) -> Box<dyn UnitOfWork> {
    store.begin().await.unwrap()
}

/// Runs `work` in a unit and commits it; retries the whole of it if another unit won a race, as use cases do.
pub(crate) async fn retried<T>(
    store: &dyn Store,
    work: impl AsyncFn(&mut dyn UnitOfWork) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let once = async || {
        let mut unit = store.begin().await?;
        let done = work(&mut *unit).await?;
        unit.commit().await?;
        Ok(done)
    };
    retry(&LOST_RACE, StoreError::is_retryable, once).await
}

/// Stores a new tenant with a text channel.
pub(crate) async fn one_channel(store: &dyn Store) -> (Tenant, Channel) {
    let tenant = tenant();
    let channel = channel(&tenant, 7, ChannelKind::TEXT);
    let mut unit = begin(store).await;
    unit.tenants().insert(&tenant).await.unwrap();
    unit.channels().upsert(&channel).await.unwrap();
    unit.commit().await.unwrap();
    (tenant, channel)
}

pub(crate) async fn upsert(store: &dyn Store, channels: &[&Channel]) {
    let mut unit = begin(store).await;
    for channel in channels {
        unit.channels().upsert(channel).await.unwrap();
    }
    unit.commit().await.unwrap();
}

/// Returns the channel as it is stored.
pub(crate) async fn stored(store: &dyn Store, channel: &Channel) -> Channel {
    store.read().await.unwrap().channels().find(channel.id).await.unwrap().unwrap()
}

pub(crate) async fn put(store: &dyn Store, channel: &Channel, page: &MessagePage) -> PageOutcome {
    let mut unit = begin(store).await;
    let outcome = unit.messages().replace_interval(channel.id, page).await.unwrap();
    unit.commit().await.unwrap();
    outcome
}

/// Returns the messages of a channel that are not deleted, oldest first; at most 100.
pub(crate) async fn held(store: &dyn Store, channel: &Channel) -> Vec<Message> {
    let (mut read, mut held, mut range) = (store.read().await.unwrap(), Vec::new(), MessageRange::Oldest);
    loop {
        let list = read.messages().list(channel.id, range, true, 100).await.unwrap();
        held.extend(list.messages);
        match list.examined_to {
            Some(reached) if held.len() < 100 => range = MessageRange::After(reached),
            _ => break,
        }
    }
    held.truncate(100);
    held
}

pub(crate) async fn held_ids(store: &dyn Store, channel: &Channel) -> Vec<u64> {
    held(store, channel).await.iter().map(|message| message.id.get()).collect()
}
