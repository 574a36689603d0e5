//! The sync states of channels.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::sync::SyncState;
use ports::error::StoreError;
use ports::sync::SyncStateRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait SyncStateStatements: Session {
    /// Finds the states of channels.
    const FIND_ALL: &'static str;
    /// Stores a state; a time that is later stays.
    const UPSERT: &'static str;
}

impl FromRow for SyncState {
    const TABLE: &'static str = "sync_states";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            channel_id: ChannelId(row.uuid("channel_id")?),
            rechecked_at: row.optional_time("rechecked_at")?,
            listed_at: row.optional_time("listed_at")?,
            listed_whole_at: row.optional_time("listed_whole_at")?,
            requested_at: row.optional_time("requested_at")?,
        })
    }
}

/// Returns the parameters of the statement that stores a sync state.
fn parameters(state: &SyncState) -> Parameters<'static> {
    parameters! {
        "channel_id" => state.channel_id.0,
        "rechecked_at" => state.rechecked_at,
        "listed_at" => state.listed_at,
        "listed_whole_at" => state.listed_whole_at,
        "requested_at" => state.requested_at,
    }
}

#[async_trait]
impl<U: SyncStateStatements> SyncStateRepository for SqlUnit<U> {
    #[instrument(name = "db.sync_state.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<SyncState>, StoreError> {
        let keys = ids.iter().map(|id| values![id.0]).collect();
        let mut found: Vec<SyncState> = self.0.select_each(U::FIND_ALL, None, keys).await?;
        found.sort_unstable_by_key(|state| state.channel_id);
        found.dedup_by_key(|state| state.channel_id);
        Ok(found)
    }

    #[instrument(name = "db.sync_state.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, states: &[SyncState]) -> Result<(), StoreError> {
        self.0.execute_all("channel", U::UPSERT, states.iter().map(parameters).collect()).await.map(drop)
    }
}
