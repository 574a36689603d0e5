//! Content that is due to be removed.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::removal::Removal;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::removal::RemovalRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::{Parameters, Value};

/// The statements of a store.
pub trait RemovalStatements: Session {
    /// Enters a removal.
    const UPSERT: &'static str;
    /// Lists the removals that are due.
    const LIST_DUE: &'static str;
    /// Removes an entry that has a time.
    const DELETE: &'static str;
    /// Removes the first entries of a channel.
    const DELETE_FIRST: &'static str;
}

impl FromRow for Removal {
    const TABLE: &'static str = "removals";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let channel = ChannelId(row.uuid("channel_id")?);
        Ok(Self { channel, message: MessageId::new(row.bits("message_id")?), due_at: row.time("due_at")? })
    }
}

/// Returns the parameters of the statements about a removal. The message id 0 stands for all messages.
fn parameters(removal: &Removal) -> Parameters<'static> {
    parameters! {
        "channel_id" => removal.channel.0,
        "message_id" => Value::Bits(removal.message.map_or(0, MessageId::get)),
        "due_at" => removal.due_at,
    }
}

#[async_trait]
impl<U: RemovalStatements> RemovalRepository for SqlUnit<U> {
    #[instrument(name = "db.removal.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, removals: &[Removal]) -> Result<(), StoreError> {
        self.0.execute_all("channel", U::UPSERT, removals.iter().map(parameters).collect()).await.map(drop)
    }

    #[instrument(name = "db.removal.list_due", level = "debug", skip_all, err(level = "trace"))]
    async fn list_due(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Removal>, StoreError> {
        self.0.select(U::LIST_DUE, parameters! { "now" => now, "limit" => limit }).await
    }

    #[instrument(name = "db.removal.delete_all", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_all(&mut self, removals: &[Removal]) -> Result<(), StoreError> {
        self.0.execute_all("channel", U::DELETE, removals.iter().map(parameters).collect()).await.map(drop)
    }

    #[instrument(name = "db.removal.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        self.0.execute(U::DELETE_FIRST, parameters! { "channel_id" => channel.0, "limit" => limit }).await
    }
}
