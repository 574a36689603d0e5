//! Tenants.

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::domain_name::DomainName;
use domain::media::ContentHash;
use domain::profile::{Contact, Description, Footer, Icon, Links, Profile};
use domain::retention::{Retention, RetentionPeriod};
use domain::slug::TenantSlug;
use domain::solved::SolvedTags;
use domain::tenant::{Branding, Color, LogoUrl, PlatformId, Tenant, TenantId, TenantName};
use ports::error::StoreError;
use ports::page::Page;
use ports::tenant::TenantRepository;
use tracing::instrument;

use crate::columns::{Columns, ValueError, list_text};
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait TenantStatements: Session {
    /// Locks a tenant.
    const LOCK: Option<&'static str> = None;
    /// Finds a tenant.
    const FIND: &'static str;
    /// Finds a tenant by its slug.
    const FIND_BY_SLUG: &'static str;
    /// Finds a tenant by its domain.
    const FIND_BY_DOMAIN: &'static str;
    /// Lists the tenants after a slug.
    const LIST: &'static str;
    /// Lists the tenants with a domain, after one.
    const LIST_BY_DOMAIN: &'static str;
    /// Finds the id of each tenant that has a public channel.
    const FIND_PUBLIC: &'static str;
    /// Removes the error texts of a tenant's jobs, which can contain names of channels.
    const CLEAR_ERRORS: &'static str;
    /// Stores a new tenant.
    const INSERT: &'static str;
    /// Replaces a tenant.
    const UPDATE: &'static str;
    /// Removes a tenant.
    const DELETE: &'static str;
}

impl FromRow for Tenant {
    const TABLE: &'static str = "tenants";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: TenantId(row.uuid("tenant_id")?),
            platform: row.parse("platform")?,
            platform_id: row.check("platform_id", PlatformId::new)?,
            slug: row.check("slug", TenantSlug::new)?,
            domain: row.check_optional("domain", DomainName::new)?,
            name: row.check("name", TenantName::new)?,
            status: row.parse("status")?,
            branding: Branding {
                logo_url: row.check_optional("logo_url", LogoUrl::new)?,
                primary_color: row.parse_optional("primary_color")?,
                secondary_color: row.parse_optional("secondary_color")?,
                accent_color: row.parse_optional("accent_color")?,
            },
            profile: profile(row)?,
            retention: retention(row)?,
            solved_tags: solved_tags(row)?,
            ai_training: row.parse("ai_training")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
            deleting_since: row.optional_time("deleting_since")?,
        })
    }
}

/// Returns the retention from its two columns.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn retention(row: &mut impl Columns) -> Result<Retention, StoreError> {
    let mut period = |column| {
        let days = row.optional_number(column)?;
        RetentionPeriod::new(days).map_err(|error| row.corrupt(column, error))
    };
    Ok(Retention { deleted: period("retention_deleted_days")?, edited: period("retention_edited_days")? })
}

fn profile(row: &mut impl Columns) -> Result<Profile, StoreError> {
    let icon: Option<ContentHash> = row.parse_optional("icon_hash")?;
    let kind = row.parse_optional("icon_kind")?;
    let icon = match (icon, kind) {
        (Some(hash), Some(kind)) => Some(Icon { hash, kind }),
        (None, None) => None,
        _ => return Err(row.corrupt("icon_kind", ValueError::Together)),
    };
    Ok(Profile {
        description: row.check_optional("description", Description::new)?,
        footer: row.check_optional("footer", Footer::new)?,
        links: Links::new(row.list("links")?).map_err(|error| row.corrupt("links", error))?,
        contact: row.check_optional("contact", Contact::new)?,
        icon,
    })
}

fn solved_tags(row: &mut impl Columns) -> Result<SolvedTags, StoreError> {
    let names: Vec<String> = row.list("solved_tags")?;
    SolvedTags::new(names).map_err(|error| row.corrupt("solved_tags", error))
}

/// The tenant of a channel.
struct OfChannel(TenantId);

impl FromRow for OfChannel {
    const TABLE: &'static str = "channels";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self(TenantId(row.uuid("tenant_id")?)))
    }
}

/// Returns the parameters of a statement that stores a tenant.
fn parameters(tenant: &Tenant) -> Parameters<'_> {
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
        "description" => tenant.profile.description.as_ref().map(Description::as_str),
        "footer" => tenant.profile.footer.as_ref().map(Footer::as_str),
        "links" => list_text(tenant.profile.links.as_slice()),
        "contact" => tenant.profile.contact.as_ref().map(Contact::as_str),
        "icon_hash" => tenant.profile.icon.map(|icon| icon.hash.to_string()),
        "icon_kind" => tenant.profile.icon.map(|icon| icon.kind.as_str()),
        "retention_deleted_days" => tenant.retention.deleted.days().map(u32::from),
        "retention_edited_days" => tenant.retention.edited.days().map(u32::from),
        "solved_tags" => list_text(tenant.solved_tags.as_slice()),
        "domain" => tenant.domain.as_ref().map(DomainName::as_str),
        "ai_training" => tenant.ai_training.as_str(),
        "created_at" => tenant.created_at,
        "updated_at" => tenant.updated_at,
        "deleting_since" => tenant.deleting_since,
    }
}

impl<U: TenantStatements> SqlUnit<U> {
    /// Stores a tenant; returns the number of rows.
    async fn write(&mut self, sql: &'static str, tenant: &Tenant) -> Result<u64, StoreError> {
        match self.0.attempt(sql, parameters(tenant)).await? {
            Ok(rows) => Ok(rows),
            Err(error) if U::is_taken(&error) => Err(self.duplicate(tenant, error).await),
            Err(error) => Err(self.0.failed(error)),
        }
    }

    /// Returns the error for a rejected row: whether its id, its slug or its domain is taken.
    async fn duplicate(&mut self, tenant: &Tenant, error: U::Error) -> StoreError {
        let (id, slug) = (tenant.id.to_string(), tenant.slug.to_string());
        let with_slug = self.0.select_one(U::FIND_BY_SLUG, parameters! { "slug" => tenant.slug.as_str() }).await;
        let with_domain = match &tenant.domain {
            Some(domain) => self.0.select_one(U::FIND_BY_DOMAIN, parameters! { "domain" => domain.as_str() }).await,
            None => Ok(None),
        };
        let is_other = |found: Option<Tenant>| found.is_some_and(|found| found.id != tenant.id);
        match (with_slug.map(is_other), with_domain.map(is_other)) {
            (Ok(true), _) => self.0.taken(&[slug], "tenant slug", error),
            (Ok(false), Ok(true)) => self.0.taken(&[], "tenant domain", error),
            (Ok(false), Ok(false)) => self.0.taken(&[id, slug], "tenant", error),
            (Err(error), _) | (_, Err(error)) => error,
        }
    }
}

#[async_trait]
impl<U: TenantStatements> TenantRepository for SqlUnit<U> {
    #[instrument(name = "db.tenant.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.0.lock(U::LOCK, parameters! { "tenant_id" => id.0 }).await?;
        let found = self.0.select_one(U::FIND, parameters! { "tenant_id" => id.0 }).await?;
        Ok(self.0.note_free(id.to_string(), found))
    }

    #[instrument(name = "db.tenant.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError> {
        let found = self.0.select_one(U::FIND_BY_SLUG, parameters! { "slug" => slug.as_str() }).await?;
        Ok(self.0.note_free(slug.to_string(), found))
    }

    #[instrument(name = "db.tenant.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, page: Page<TenantSlug>) -> Result<Vec<Tenant>, StoreError> {
        let after = page.after.as_ref().map_or("", TenantSlug::as_str);
        self.0.select(U::LIST, parameters! { "after" => after, "limit" => page.limit }).await
    }

    #[instrument(name = "db.tenant.list_by_domain", level = "debug", skip_all, err(level = "trace"))]
    async fn list_by_domain(&mut self, page: Page<DomainName>) -> Result<Vec<Tenant>, StoreError> {
        let after = page.after.as_ref().map_or("", DomainName::as_str);
        self.0.select(U::LIST_BY_DOMAIN, parameters! { "after" => after, "limit" => page.limit }).await
    }

    #[instrument(name = "db.tenant.find_public", level = "debug", skip_all, err(level = "trace"))]
    async fn find_public(&mut self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        let keys = ids.iter().map(|id| values![id.0]).collect();
        let found = self.0.select_each(U::FIND_PUBLIC, None, keys).await?;
        let mut found: Vec<TenantId> = found.into_iter().map(|OfChannel(tenant)| tenant).collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    #[instrument(name = "db.tenant.insert", level = "debug", skip_all, err(level = "trace"))]
    async fn insert(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.write(U::INSERT, tenant).await?;
        self.0.log(tenant.id, [ChangeKind::Tenant]);
        Ok(())
    }

    #[instrument(name = "db.tenant.update", level = "debug", skip_all, err(level = "trace"))]
    async fn update(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        if self.write(U::UPDATE, tenant).await? == 0 {
            return Err(StoreError::Missing { what: "tenant" });
        }
        self.0.log(tenant.id, [ChangeKind::Tenant]);
        Ok(())
    }

    #[instrument(name = "db.tenant.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: TenantId) -> Result<(), StoreError> {
        self.0.execute(U::CLEAR_ERRORS, parameters! { "tenant_id" => id.0 }).await?;
        if self.0.execute(U::DELETE, parameters! { "tenant_id" => id.0 }).await? > 0 {
            self.0.log(id, [ChangeKind::TenantGone]);
        }
        Ok(())
    }
}
