//! Tenants.

use domain::slug::TenantSlug;
use domain::tenant::{Branding, Color, LogoUrl, PlatformId, Tenant, TenantId, TenantName};
use ports::error::StoreError;

use crate::columns::Columns;
use crate::parameters;
use crate::values::Parameter;

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

/// Returns the parameters of a statement that stores a tenant.
#[must_use]
pub fn parameters(tenant: &Tenant) -> Vec<Parameter<'_>> {
    let color = |color: Option<Color>| color.map(|color| color.to_string());
    parameters! {
        "tenant_id" => tenant.id.0,
        "platform" => tenant.platform.to_string(),
        "platform_id" => tenant.platform_id.as_str(),
        "slug" => tenant.slug.as_str(),
        "name" => tenant.name.as_str(),
        "status" => tenant.status.as_str(),
        "logo_url" => tenant.branding.logo_url.as_ref().map(LogoUrl::as_str),
        "primary_color" => color(tenant.branding.primary_color),
        "secondary_color" => color(tenant.branding.secondary_color),
        "accent_color" => color(tenant.branding.accent_color),
        "created_at" => tenant.created_at,
        "updated_at" => tenant.updated_at,
        "deleting_since" => tenant.deleting_since,
    }
}
