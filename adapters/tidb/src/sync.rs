//! The sync states of channels.

use adapter_sql::sql;
use adapter_sql::sync::{parameters, sync_state};
use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::sync::SyncState;
use mysql_async::Value;
use ports::error::StoreError;
use ports::sync::SyncStateRepository;
use tracing::instrument;

use crate::batch::{list_sql, padded};
use crate::error::{NO_REFERENCED_ROW, code, store_error};
use crate::row::{named, of};
use crate::unit::Unit;

const FIND_ALL: &str = sql! {r"
    SELECT {sync_state}
    FROM sync_states
    WHERE channel_id IN (…)
"};

const UPSERT: &str = sql! {r"
    INSERT INTO sync_states ({sync_state})
    VALUES ({:sync_state})
    ON DUPLICATE KEY UPDATE
        rechecked_at = COALESCE(GREATEST(rechecked_at, VALUES(rechecked_at)), rechecked_at, VALUES(rechecked_at)),
        listed_at = COALESCE(GREATEST(listed_at, VALUES(listed_at)), listed_at, VALUES(listed_at)),
        listed_whole_at = COALESCE(
            GREATEST(listed_whole_at, VALUES(listed_whole_at)), listed_whole_at, VALUES(listed_whole_at)
        ),
        requested_at = COALESCE(GREATEST(requested_at, VALUES(requested_at)), requested_at, VALUES(requested_at))
"};

#[async_trait]
impl SyncStateRepository for Unit {
    #[instrument(name = "db.sync_state.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<SyncState>, StoreError> {
        let mut found = Vec::new();
        for ids in padded(ids) {
            let keys: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            found.extend(self.rows(&list_sql(FIND_ALL, ids.len()), keys, of("sync_states", sync_state)).await?);
        }
        found.sort_unstable_by_key(|state| state.channel_id);
        found.dedup_by_key(|state| state.channel_id);
        Ok(found)
    }

    #[instrument(name = "db.sync_state.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, states: &[SyncState]) -> Result<(), StoreError> {
        for state in states {
            match self.attempt(UPSERT, named(parameters(state))).await? {
                Ok(_) => {}
                Err(error) if code(&error) == Some(NO_REFERENCED_ROW) => {
                    return Err(StoreError::Missing { what: "channel" });
                }
                Err(error) => return Err(self.given_up(store_error(&error))),
            }
        }
        Ok(())
    }
}
