//! Tenants.

use async_trait::async_trait;
use domain::domain_name::DomainName;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};

use crate::error::StoreError;
use crate::page::Page;

/// The tenants of an installation, including those that are being deleted.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait TenantRepository: Send {
    /// Returns the tenant, or `None` if it was never stored or is removed.
    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError>;

    /// Returns the tenant with this slug, case-sensitively.
    async fn find_by_slug(&mut self, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError>;

    /// Returns tenants by slug, ascending, without those that are being deleted.
    async fn list(&mut self, page: Page<TenantSlug>) -> Result<Vec<Tenant>, StoreError>;

    /// Returns the tenants that have a domain by their domain, ascending, without those that are being deleted.
    async fn list_by_domain(&mut self, page: Page<DomainName>) -> Result<Vec<Tenant>, StoreError>;

    /// Returns those of `ids` (at most 200) that have a channel, threads aside, whose own visibility is public; in any order.
    /// The number of statements, and of rows for each, does not depend on what they hold.
    async fn find_public(&mut self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError>;

    /// Stores a new tenant.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] with `tenant` if its id is stored, with `tenant slug` if another has its slug,
    /// with `tenant domain` if another has its domain.
    async fn insert(&mut self, tenant: &Tenant) -> Result<(), StoreError>;

    /// Replaces every field of a stored tenant except `platform`, `platform_id` and `created_at`.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if it is not stored; [`StoreError::Duplicate`] as for [`TenantRepository::insert`] if another has
    /// its slug or its domain.
    async fn update(&mut self, tenant: &Tenant) -> Result<(), StoreError>;

    /// Removes a tenant that has no channels, with its roles, emoji and stickers, and the error texts of its jobs. A
    /// missing tenant is not an error.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if channels are left.
    async fn delete(&mut self, id: TenantId) -> Result<(), StoreError>;
}
