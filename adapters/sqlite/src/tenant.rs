//! Tenants.

use adapter_sql::sql;
use adapter_sql::tenant::{parameters, tenant};
use async_trait::async_trait;
use domain::change::{Change, ChangeKind};
use domain::slug::TenantSlug;
use domain::tenant::{Tenant, TenantId};
use ports::error::StoreError;
use ports::page::Page;
use ports::tenant::TenantRepository;
use rusqlite::named_params;
use tracing::instrument;

use crate::error::{store_error, taken};
use crate::row::{Text, execute, query, query_one, store};
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
    SELECT {tenant}
    FROM tenants
    WHERE slug > :after
        AND deleting_since IS NULL
    ORDER BY slug
    LIMIT :limit
"};

const FIND_PUBLIC: &str = r"
    SELECT tenant_id
    FROM channels
    WHERE tenant_id = :tenant_id
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

fn duplicate(error: rusqlite::Error) -> StoreError {
    match taken(&error) {
        Some(columns) if columns.contains("tenants.slug") => StoreError::Duplicate { what: "tenant slug" },
        Some(_) => StoreError::Duplicate { what: "tenant" },
        None => store_error(error),
    }
}

#[async_trait]
impl TenantRepository for Unit {
    #[instrument(name = "db.tenant.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.run(move |connection| {
            query_one(connection, "tenants", FIND, named_params! {":tenant_id": Text(id.0)}, |row| tenant(row))
        })
        .await
    }

    #[instrument(name = "db.tenant.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError> {
        let slug = slug.clone();
        self.run(move |connection| {
            query_one(connection, "tenants", FIND_BY_SLUG, named_params! {":slug": slug.as_str()}, |row| tenant(row))
        })
        .await
    }

    #[instrument(name = "db.tenant.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, page: Page<TenantSlug>) -> Result<Vec<Tenant>, StoreError> {
        self.run(move |connection| {
            let after = page.after.as_ref().map_or("", TenantSlug::as_str);
            query(connection, "tenants", LIST, named_params! {":after": after, ":limit": page.limit}, |row| tenant(row))
        })
        .await
    }

    #[instrument(name = "db.tenant.find_public", level = "debug", skip_all, err(level = "trace"))]
    async fn find_public(&mut self, ids: &[TenantId]) -> Result<Vec<TenantId>, StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection| {
            let mut found = Vec::new();
            for id in ids {
                let parameters = named_params! {":tenant_id": Text(id.0)};
                found.extend(query_one(connection, "channels", FIND_PUBLIC, parameters, |_| Ok(id))?);
            }
            Ok(found)
        })
        .await
    }

    #[instrument(name = "db.tenant.insert", level = "debug", skip_all, err(level = "trace"))]
    async fn insert(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.write_logged(move |connection, changes| {
            store(connection, INSERT, parameters(&tenant)).map_err(duplicate)?;
            changes.push(Change { tenant_id: tenant.id, kind: ChangeKind::Tenant });
            Ok(())
        })
        .await
    }

    #[instrument(name = "db.tenant.update", level = "debug", skip_all, err(level = "trace"))]
    async fn update(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.write_logged(move |connection, changes| {
            if store(connection, UPDATE, parameters(&tenant)).map_err(duplicate)? == 0 {
                return Err(StoreError::Missing { what: "tenant" });
            }
            changes.push(Change { tenant_id: tenant.id, kind: ChangeKind::Tenant });
            Ok(())
        })
        .await
    }

    #[instrument(name = "db.tenant.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: TenantId) -> Result<(), StoreError> {
        self.write_logged(move |connection, changes| {
            execute(connection, CLEAR_ERRORS, named_params! {":tenant_id": Text(id.0)}).map_err(store_error)?;
            if execute(connection, DELETE, named_params! {":tenant_id": Text(id.0)}).map_err(store_error)? > 0 {
                changes.push(Change { tenant_id: id, kind: ChangeKind::TenantGone });
            }
            Ok(())
        })
        .await
    }
}
