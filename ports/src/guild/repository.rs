//! What a guild has beside channels, as it is held.

use async_trait::async_trait;
use domain::guild::{GuildItems, Role, RoleId};
use domain::tenant::TenantId;

use crate::error::StoreError;

/// The roles, emoji and stickers of tenants, those that the guild has no more included. They go with their tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait GuildRepository: Send {
    /// All that is held of a tenant, each list ascending by id. Discord allows a few hundred of each, so they come
    /// whole. Between this and the end of a unit of work no other unit changes them.
    async fn list(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError>;

    /// Those of `ids` that are held, ascending by id, whether or not the guild still has them; at most 200 are asked for.
    async fn find_roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError>;

    /// Stores items, each replacing what its id held, and the moment of the last look if there is one; no id stands in a
    /// list twice. Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant is not stored.
    async fn upsert_all(&mut self, tenant: TenantId, items: &GuildItems) -> Result<(), StoreError>;
}
