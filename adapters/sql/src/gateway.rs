//! Sessions of the gateway.

use async_trait::async_trait;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::event::{GatewaySession, ShardId};
use ports::gateway::GatewaySessionRepository;
use tracing::instrument;

use crate::columns::Columns;
use crate::parameters;
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Value;

/// The statements of a store.
pub trait GatewaySessionStatements: Session {
    /// Finds the session of a shard.
    const FIND: &'static str;
    /// Stores the session of a shard.
    const UPSERT: &'static str;
}

impl FromRow for GatewaySession {
    const TABLE: &'static str = "gateway_sessions";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let (id, resume_url) = (row.text("session_id")?, row.text("resume_url")?);
        Ok(Self { id, resume_url, sequence: row.bits("sequence")? })
    }
}

#[async_trait]
impl<U: GatewaySessionStatements> GatewaySessionRepository for SqlUnit<U> {
    #[instrument(name = "db.gateway_session.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, account: &str, shard: ShardId) -> Result<Option<GatewaySession>, StoreError> {
        let parameters =
            parameters! { "account" => account, "shard_index" => shard.index, "shard_count" => shard.count };
        self.0.select_one(U::FIND, parameters).await
    }

    #[instrument(name = "db.gateway_session.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(
        &mut self,
        account: &str,
        shard: ShardId,
        session: &GatewaySession,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let parameters = parameters! {
            "account" => account,
            "shard_index" => shard.index,
            "shard_count" => shard.count,
            "session_id" => session.id.as_str(),
            "resume_url" => session.resume_url.as_str(),
            "sequence" => Value::Bits(session.sequence),
            "updated_at" => now,
        };
        self.0.execute(U::UPSERT, parameters).await.map(drop)
    }
}
