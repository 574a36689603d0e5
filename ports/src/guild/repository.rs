//! Stored roles, emoji and stickers of guilds.

use async_trait::async_trait;
use domain::guild::{GuildItems, Role, RoleId};
use domain::tenant::TenantId;

use crate::error::StoreError;

/// The roles, emoji and stickers of tenants, including those that the guild no longer has. They are deleted with their
/// tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait GuildRepository: Send {
    /// Returns everything stored for a tenant, each list ascending by id. Discord allows a few hundred of each, so they
    /// are not paged. Between this call and the end of a unit of work no other unit changes them.
    async fn list(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError>;

    /// Returns the stored roles among `ids` (at most 200), ascending by id, including those that the guild no longer
    /// has.
    async fn find_roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError>;

    /// Stores items, each replacing the row with its id, and the time of the last observation if there is one; no list
    /// has duplicates. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant is not stored.
    async fn upsert_all(&mut self, tenant: TenantId, items: &GuildItems) -> Result<(), StoreError>;
}
