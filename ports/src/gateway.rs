//! Sessions of the gateway, and how far their events are stored.

use async_trait::async_trait;
use domain::timestamp::Timestamp;

use crate::error::StoreError;
use crate::event::{GatewaySession, ShardId};

/// The last session of each shard of an account (1 to 40 ASCII letters and digits: that of
/// [`GuildSource::account`](crate::guild::GuildSource::account)). They belong to one installation and are not copied.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait GatewaySessionRepository: Send {
    /// Returns the session that was stored last for a shard; `None` if there is none, or if it was one of another
    /// number of shards, which cannot be resumed.
    async fn find(&mut self, account: &str, shard: ShardId) -> Result<Option<GatewaySession>, StoreError>;

    /// Stores the session of a shard, as of `now`, in place of the one with its index. Its sequence is that of the last
    /// event of which every effect is stored, so a caller stores it in the unit that stores these effects, or in a later
    /// one. Idempotent.
    async fn upsert(
        &mut self,
        account: &str,
        shard: ShardId,
        session: &GatewaySession,
        now: Timestamp,
    ) -> Result<(), StoreError>;
}
