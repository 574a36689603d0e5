//! The archive in which is searched.

use std::path::{Path, PathBuf};

use adapter_sqlite::SqliteStore;
use domain::channel::{Channel, ChannelId, ChannelKind};
use domain::coverage::Interval;
use domain::message::{Message, MessageId};
use domain::page::MessagePage;
use domain::slug::TenantSlug;
use domain::snowflake::Id;
use domain::tenant::{Platform, PlatformId, Tenant, TenantName};
use domain::timestamp::Timestamp;
use domain::visibility::Visibility;
use ports::store::Store;
use rusqlite::Connection;

use super::corpus::{channel_of, message};
use crate::{Failure, generate};

/// The number of messages in one unit.
const BATCH: usize = 500;

/// Returns the time at which all generated data was observed.
fn now() -> Result<Timestamp, Failure> {
    Timestamp::from_millis(1_790_000_000_000).ok_or_else(|| "a bad time".into())
}

/// Returns the tenant, and its channels by index: `channel-0` and so on.
fn tenant(channels: u64) -> Result<(Tenant, Vec<Channel>), Failure> {
    let guild = PlatformId::new("1100000000000000001")?;
    let slug = TenantSlug::from_name("bench");
    let tenant = Tenant::new(Platform::Discord, guild, slug, TenantName::new("Bench")?, now()?);
    let channel = |index: u64| {
        let id = Id::new(1_200_000_000_000_000_000 + index).ok_or("no id left")?;
        let mut channel = Channel::new(tenant.id, id, ChannelKind::TEXT, format!("channel-{index}"));
        channel.visibility = Visibility::Public;
        Ok(channel)
    };
    let channels = (0..channels).map(channel).collect::<Result<_, Failure>>()?;
    Ok((tenant, channels))
}

/// Returns an archive of that many messages, created if it does not exist.
pub(super) async fn archive(folder: &Path, messages: u64, channels: u64) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("search-{messages}-{channels}.db"));
    if path.exists() {
        return Ok(path);
    }
    let made = folder.join("search.part");
    let store = SqliteStore::open(&made, 1)?;
    let (tenant, channels) = tenant(channels)?;
    let mut unit = store.begin().await?;
    unit.tenants().insert(&tenant).await?;
    for channel in &channels {
        unit.channels().upsert(channel).await?;
    }
    unit.commit().await?;
    let mut pending: Vec<Pending> = channels.iter().map(|channel| Pending::new(channel.id)).collect();
    for number in 0..messages {
        let of = channel_of(number, channels.len() as u64);
        let pending = &mut pending[usize::try_from(of)?];
        pending.messages.push(message(pending.channel, number, now()?));
        if pending.messages.len() == BATCH {
            pending.store(&store).await?;
        }
    }
    for mut pending in pending {
        pending.store(&store).await?;
    }
    drop(store);
    std::fs::rename(&made, &path)?;
    Ok(path)
}

/// The messages of a channel that are not stored yet.
struct Pending {
    channel: ChannelId,
    messages: Vec<Message>,
    low: MessageId,
}

impl Pending {
    const fn new(channel: ChannelId) -> Self {
        Self { channel, messages: Vec::new(), low: MessageId::MIN }
    }

    async fn store(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let messages = std::mem::take(&mut self.messages);
        let Some(high) = messages.last().map(|last| last.id) else { return Ok(()) };
        let page = MessagePage::new(Interval::new(self.low, high), now()?, messages)?;
        self.low = high.next().ok_or("no id left")?;
        let mut unit = store.begin().await?;
        unit.messages().replace_interval(self.channel, &page).await?;
        Ok(unit.commit().await?)
    }
}

/// Adds messages to an archive, one a unit, as they arrive.
pub(super) struct Arriving {
    store: SqliteStore,
    channels: Vec<Channel>,
    next: u64,
}

impl Arriving {
    /// Opens an archive with so many channels; the messages come after the last one of an earlier run.
    pub(super) fn open(path: &Path, channels: u64) -> Result<Self, Failure> {
        let newest: i64 =
            Connection::open(path)?.query_row("SELECT MAX(message_id) FROM messages", [], |row| row.get(0))?;
        let mut next = 0;
        while generate::message_id(next).get() <= newest.cast_unsigned() {
            next += 1;
        }
        Ok(Self { store: SqliteStore::open(path, 1)?, channels: tenant(channels)?.1, next })
    }

    /// Stores the next message, with this text in place of its own.
    pub(super) async fn add(&mut self, text: Option<String>) -> Result<(), Failure> {
        let (number, count) = (self.next, self.channels.len() as u64);
        self.next += 1;
        let channel = self.channels[usize::try_from(channel_of(number, count))?].id;
        let mut one = message(channel, number, now()?);
        if let Some(text) = text {
            one.content = text;
        }
        let page = MessagePage::new(None, now()?, vec![one])?;
        let mut unit = self.store.begin().await?;
        unit.messages().replace_interval(channel, &page).await?;
        Ok(unit.commit().await?)
    }
}
