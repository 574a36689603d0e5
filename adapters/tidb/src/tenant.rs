//! Tenants.

use adapter_sql::columns::Columns;
use adapter_sql::sql;
use adapter_sql::tenant::{parameters, tenant};
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use mysql_async::{Value, params};
use ports::error::StoreError;
use ports::page::Page;
use ports::tenant::TenantRepository;
use tracing::instrument;

use crate::batch::{padded, union_sql};
use crate::error::{DUPLICATE_KEY, code, store_error};
use crate::row::{named, of};
use crate::unit::Unit;

const FIND: &str = sql! {r"
    SELECT {tenant}
    FROM tenants
    WHERE tenant_id = :tenant_id
"};

const FIND_BY_SLUG: &str = sql! {r"
    SELECT {tenant}
    FROM tenants
    WHERE slug = :slug
"};

const LIST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(tenants, tenants_listed) */
        {tenant}
    FROM tenants
    WHERE slug > :after
        AND deleting_since IS NULL
    ORDER BY slug
    LIMIT :limit
"};

const LOCK: &str = r"
    SELECT tenant_id
    FROM tenants
    WHERE tenant_id = :tenant_id
    FOR UPDATE
";

const FIND_PUBLIC: &str = r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_visibility) */
        tenant_id
    FROM channels
    WHERE tenant_id = ?
        AND thread = 0
        AND visibility = 'public'
    ORDER BY channel_id
    LIMIT 1
";

/// The error text of a job can contain names of channels.
const CLEAR_ERRORS: &str = r"
    UPDATE jobs
    SET error = NULL
    WHERE tenant_id = :tenant_id
        AND error IS NOT NULL
";

const INSERT: &str = sql! {r"
    INSERT INTO tenants ({tenant})
    VALUES ({:tenant})
"};

const UPDATE: &str = r"
    UPDATE tenants
    SET slug = :slug, name = :name, status = :status, logo_url = :logo_url, primary_color = :primary_color,
        secondary_color = :secondary_color, accent_color = :accent_color, updated_at = :updated_at,
        deleting_since = :deleting_since
    WHERE tenant_id = :tenant_id
";

const DELETE: &str = r"
    DELETE FROM tenants
    WHERE tenant_id = :tenant_id
";

impl Unit {
    /// Returns the error for a rejected row: whether its id or its slug is taken.
    async fn duplicate(&mut self, tenant: &Tenant, error: mysql_async::Error) -> StoreError {
        if code(&error) != Some(DUPLICATE_KEY) {
            return self.given_up(store_error(&error));
        }
        let (id, slug) = (tenant.id.to_string(), tenant.slug.to_string());
        match self.row(FIND_BY_SLUG, params! { "slug" => tenant.slug.as_str() }, of("tenants", self::tenant)).await {
            Ok(Some(other)) if other.id != tenant.id => self.taken(&[slug], "tenant slug", &error),
            Ok(_) => self.taken(&[id, slug], "tenant", &error),
            Err(error) => error,
        }
    }
}

#[async_trait]
impl TenantRepository for Unit {
    #[instrument(name = "db.tenant.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.lock(LOCK, params! { "tenant_id" => id.to_string() }).await?;
        let found = self.row(FIND, params! { "tenant_id" => id.to_string() }, of("tenants", tenant)).await?;
        Ok(self.note_free(id.to_string(), found))
    }

    #[instrument(name = "db.tenant.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError> {
        let found = self.row(FIND_BY_SLUG, params! { "slug" => slug.as_str() }, of("tenants", tenant)).await?;
        Ok(self.note_free(slug.to_string(), found))
    }

    #[instrument(name = "db.tenant.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, page: Page<TenantSlug>) -> Result<Vec<Tenant>, StoreError> {
        let after = page.after.as_ref().map_or("", TenantSlug::as_str);
        self.rows(LIST, params! { "after" => after, "limit" => page.limit }, of("tenants", tenant)).await
    }

    #[instrument(name = "db.tenant.find_public", level = "debug", skip_all, err(level = "trace"))]
    async fn find_public(&mut self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        let mut found = Vec::new();
        for ids in padded(ids) {
            let parameters: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            let id = of("channels", |row| row.uuid("tenant_id").map(TenantId));
            found.extend(self.rows(&union_sql(FIND_PUBLIC, ids.len()), parameters, id).await?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    #[instrument(name = "db.tenant.insert", level = "debug", skip_all, err(level = "trace"))]
    async fn insert(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        match self.attempt(INSERT, named(parameters(tenant))).await? {
            Ok(_) => {
                self.log(tenant.id, [ChangeKind::Tenant]);
                Ok(())
            }
            Err(error) => Err(self.duplicate(tenant, error).await),
        }
    }

    #[instrument(name = "db.tenant.update", level = "debug", skip_all, err(level = "trace"))]
    async fn update(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        match self.attempt(UPDATE, named(parameters(tenant))).await? {
            Ok(0) => Err(StoreError::Missing { what: "tenant" }),
            Ok(_) => {
                self.log(tenant.id, [ChangeKind::Tenant]);
                Ok(())
            }
            Err(error) => Err(self.duplicate(tenant, error).await),
        }
    }

    #[instrument(name = "db.tenant.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: TenantId) -> Result<(), StoreError> {
        self.run(CLEAR_ERRORS, params! { "tenant_id" => id.to_string() }).await?;
        if self.run(DELETE, params! { "tenant_id" => id.to_string() }).await? > 0 {
            self.log(id, [ChangeKind::TenantGone]);
        }
        Ok(())
    }
}
