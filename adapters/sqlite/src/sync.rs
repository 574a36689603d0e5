//! The sync states of channels.

use adapter_sql::sql;
use adapter_sql::sync::{parameters, sync_state};
use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::sync::SyncState;
use ports::error::StoreError;
use ports::sync::SyncStateRepository;
use rusqlite::named_params;
use tracing::instrument;

use crate::error::{is_missing, store_error};
use crate::row::{Text, query_one, store};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {sync_state}
    FROM sync_states
    WHERE channel_id = :channel_id
"};

const UPSERT: &str = sql! {r"
    INSERT INTO sync_states ({sync_state})
    VALUES ({:sync_state})
    ON CONFLICT (channel_id) DO UPDATE
    SET rechecked_at = COALESCE(MAX(rechecked_at, excluded.rechecked_at), rechecked_at, excluded.rechecked_at),
        listed_at = COALESCE(MAX(listed_at, excluded.listed_at), listed_at, excluded.listed_at),
        listed_whole_at = COALESCE(
            MAX(listed_whole_at, excluded.listed_whole_at), listed_whole_at, excluded.listed_whole_at
        ),
        requested_at = COALESCE(MAX(requested_at, excluded.requested_at), requested_at, excluded.requested_at)
"};

#[async_trait]
impl SyncStateRepository for Unit {
    #[instrument(name = "db.sync_state.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<SyncState>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        self.run(move |connection| {
            let find = |id: ChannelId| {
                query_one(connection, "sync_states", FIND, named_params! {":channel_id": Text(id.0)}, |row| {
                    sync_state(row)
                })
                .transpose()
            };
            ids.into_iter().filter_map(find).collect()
        })
        .await
    }

    #[instrument(name = "db.sync_state.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, states: &[SyncState]) -> Result<(), StoreError> {
        let states = states.to_vec();
        self.run(move |connection| {
            for state in states {
                store(connection, UPSERT, parameters(&state)).map_err(|error| {
                    if is_missing(&error) { StoreError::Missing { what: "channel" } } else { store_error(error) }
                })?;
            }
            Ok(())
        })
        .await
    }
}
