//! Tenants.

use domain::slug::TenantSlug;
use domain::tenant::{Branding, LogoUrl, PlatformId, Tenant, TenantId, TenantName};
use ports::error::StoreError;

use crate::columns::Columns;

/// Returns a tenant.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn tenant(row: &mut impl Columns) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId(row.uuid("tenant_id")?),
        platform: row.parse("platform")?,
        platform_id: row.check("platform_id", PlatformId::new)?,
        slug: row.check("slug", TenantSlug::new)?,
        name: row.check("name", TenantName::new)?,
        status: row.parse("status")?,
        branding: Branding {
            logo_url: row.check_optional("logo_url", LogoUrl::new)?,
            primary_color: row.parse_optional("primary_color")?,
            secondary_color: row.parse_optional("secondary_color")?,
            accent_color: row.parse_optional("accent_color")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        deleting_since: row.optional_time("deleting_since")?,
    })
}
