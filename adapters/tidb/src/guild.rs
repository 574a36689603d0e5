//! Roles, emoji and stickers of guilds.

use adapter_sql::columns::Columns;
use adapter_sql::guild::{emoji, emoji_parameters, role, role_parameters, sticker, sticker_parameters, stored_item};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::guild::{GuildItems, Role, RoleId};
use domain::tenant::TenantId;
use mysql_async::{Params, Value, params};
use ports::error::StoreError;
use ports::guild::repository::GuildRepository;
use tracing::instrument;

use crate::batch::{list_sql, padded};
use crate::error::{NO_REFERENCED_ROW, code, store_error};
use crate::row::{datetime, named, of};
use crate::unit::Unit;

const FIND: &str = r"
    SELECT observed_at
    FROM guilds
    WHERE tenant_id = :tenant_id
";

const LIST_ROLES: &str = sql! {r"
    SELECT {role}, {stored_item}
    FROM roles
    WHERE tenant_id = :tenant_id
    ORDER BY role_id
"};

const LIST_EMOJIS: &str = sql! {r"
    SELECT {emoji}, {stored_item}
    FROM emojis
    WHERE tenant_id = :tenant_id
    ORDER BY emoji_id
"};

const LIST_STICKERS: &str = sql! {r"
    SELECT {sticker}, {stored_item}
    FROM stickers
    WHERE tenant_id = :tenant_id
    ORDER BY sticker_id
"};

/// Other writers of the tenant's items wait from here on.
const LOCK: &str = r"
    SELECT tenant_id
    FROM tenants
    WHERE tenant_id = :tenant_id
    FOR UPDATE
";

const FIND_ROLES: &str = sql! {r"
    SELECT {role}
    FROM roles
    WHERE tenant_id = ?
        AND role_id IN (…)
"};

const UPSERT: &str = r"
    INSERT INTO guilds (tenant_id, observed_at)
    VALUES (:tenant_id, :observed_at)
    ON DUPLICATE KEY UPDATE
        observed_at = VALUES(observed_at)
";

const UPSERT_ROLE: &str = sql! {r"
    INSERT INTO roles (tenant_id, {role}, {stored_item})
    VALUES (:tenant_id, {:role}, {:stored_item})
    ON DUPLICATE KEY UPDATE
        name = VALUES(name), color = VALUES(color), position = VALUES(position), observed_at = VALUES(observed_at),
        deleted_at = VALUES(deleted_at)
"};

const UPSERT_EMOJI: &str = sql! {r"
    INSERT INTO emojis (tenant_id, {emoji}, {stored_item})
    VALUES (:tenant_id, {:emoji}, {:stored_item})
    ON DUPLICATE KEY UPDATE
        name = VALUES(name), animated = VALUES(animated), observed_at = VALUES(observed_at),
        deleted_at = VALUES(deleted_at)
"};

const UPSERT_STICKER: &str = sql! {r"
    INSERT INTO stickers (tenant_id, {sticker}, {stored_item})
    VALUES (:tenant_id, {:sticker}, {:stored_item})
    ON DUPLICATE KEY UPDATE
        name = VALUES(name), format = VALUES(format), description = VALUES(description),
        observed_at = VALUES(observed_at), deleted_at = VALUES(deleted_at)
"};

impl Unit {
    async fn upsert_item(&mut self, sql: &str, parameters: Params) -> Result<(), StoreError> {
        match self.attempt(sql, parameters).await? {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == Some(NO_REFERENCED_ROW) => Err(StoreError::Missing { what: "tenant" }),
            Err(error) => Err(self.given_up(store_error(&error))),
        }
    }
}

#[async_trait]
impl GuildRepository for Unit {
    #[instrument(name = "db.guild.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError> {
        let parameters = params! { "tenant_id" => tenant.to_string() };
        self.lock(LOCK, parameters.clone()).await?;
        let moment = of("guilds", |row| row.time("observed_at"));
        Ok(GuildItems {
            observed_at: self.row(FIND, parameters.clone(), moment).await?,
            roles: self.rows(LIST_ROLES, parameters.clone(), of("roles", |row| stored_item(row, role))).await?,
            emojis: self.rows(LIST_EMOJIS, parameters.clone(), of("emojis", |row| stored_item(row, emoji))).await?,
            stickers: self.rows(LIST_STICKERS, parameters, of("stickers", |row| stored_item(row, sticker))).await?,
        })
    }

    #[instrument(name = "db.guild.find_roles", level = "debug", skip_all, err(level = "trace"))]
    async fn find_roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in padded(ids) {
            let keys = ids.iter().map(|id| id.get().into());
            let parameters: Vec<Value> = std::iter::once(tenant.to_string().into()).chain(keys).collect();
            found.extend(self.rows(&list_sql(FIND_ROLES, ids.len()), parameters, of("roles", role)).await?);
        }
        found.sort_unstable_by_key(|role| role.id);
        found.dedup_by_key(|role| role.id);
        Ok(found)
    }

    #[instrument(name = "db.guild.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, items: &GuildItems) -> Result<(), StoreError> {
        if let Some(observed_at) = items.observed_at {
            let parameters = params! { "tenant_id" => tenant.to_string(), "observed_at" => datetime(observed_at) };
            self.upsert_item(UPSERT, parameters).await?;
        }
        for role in &items.roles {
            self.upsert_item(UPSERT_ROLE, named(role_parameters(tenant, role))).await?;
        }
        for emoji in &items.emojis {
            self.upsert_item(UPSERT_EMOJI, named(emoji_parameters(tenant, emoji))).await?;
        }
        for sticker in &items.stickers {
            self.upsert_item(UPSERT_STICKER, named(sticker_parameters(tenant, sticker))).await?;
        }
        if items.has_items() {
            self.log(tenant, [ChangeKind::GuildItems]);
        }
        Ok(())
    }
}
