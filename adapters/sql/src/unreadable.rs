//! Entries that could not be read or stored.

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::unreadable::{Unreadable, UnreadableId};
use ports::error::StoreError;
use ports::unreadable::UnreadableRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;

/// The statements of a store.
pub trait UnreadableStatements: Session {
    /// Lists the entries of a part of a channel.
    const LIST: &'static str;
    /// Lists the ids of a channel's entries.
    const LIST_IDS: &'static str;
    /// Stores an entry; the earlier first time and the later last time stay.
    const UPSERT: &'static str;
    /// Removes an entry.
    const DELETE: &'static str;

    /// Records that a channel has entries, in a store in which it costs a request to find that there are none.
    fn note_unreadable(&mut self, _channel: ChannelId) {}
}

impl FromRow for Unreadable {
    const TABLE: &'static str = "unreadable_messages";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            channel_id: ChannelId(row.uuid("channel_id")?),
            id: UnreadableId(row.uuid("unreadable_id")?),
            message_id: row.optional_id("message_id")?,
            place: row.interval()?,
            reason: row.text("reason")?,
            raw: row.json("raw")?,
            first_seen_at: row.time("first_seen_at")?,
            last_seen_at: row.time("last_seen_at")?,
        })
    }
}

impl FromRow for UnreadableId {
    const TABLE: &'static str = Unreadable::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.uuid("unreadable_id").map(Self)
    }
}

/// Returns the parameters of the statement that stores an unreadable entry of a channel.
fn parameters(channel: ChannelId, entry: &Unreadable) -> Parameters<'_> {
    parameters! {
        "channel_id" => channel.0,
        "unreadable_id" => entry.id.0,
        "message_id" => entry.message_id,
        "low" => entry.place.low(),
        "high" => entry.place.high(),
        "reason" => &entry.reason,
        "raw" => entry.raw.as_ref(),
        "first_seen_at" => entry.first_seen_at,
        "last_seen_at" => entry.last_seen_at,
    }
}

#[async_trait]
impl<U: UnreadableStatements> UnreadableRepository for SqlUnit<U> {
    #[instrument(name = "db.unreadable.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, part: Interval) -> Result<Vec<Unreadable>, StoreError> {
        let parameters = parameters! { "channel_id" => channel.0, "low" => part.low(), "high" => part.high() };
        self.0.select(U::LIST, parameters).await
    }

    #[instrument(name = "db.unreadable.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError> {
        self.0.lock_channel(channel).await?;
        let held: Vec<UnreadableId> = self.0.select(U::LIST_IDS, parameters! { "channel_id" => channel.0 }).await?;
        let taken: Vec<_> = Unreadable::taken(&held, all).map(|entry| parameters(channel, entry)).collect();
        let count = taken.len() as u64;
        if count > 0 {
            self.0.execute_all("channel", U::UPSERT, taken).await?;
            self.0.note_unreadable(channel);
            self.0.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        }
        Ok(count)
    }

    #[instrument(name = "db.unreadable.delete_all", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_all(&mut self, channel: ChannelId, ids: &[UnreadableId]) -> Result<(), StoreError> {
        let keys = ids.iter().map(|id| parameters! { "channel_id" => channel.0, "unreadable_id" => id.0 }).collect();
        if self.0.execute_all("channel", U::DELETE, keys).await? > 0 {
            self.0.log_in(channel, [ChangeKind::Channel { channel }]).await?;
        }
        Ok(())
    }
}
