//! Roles, emoji and stickers of guilds.

use adapter_sql::columns::Columns;
use adapter_sql::guild::{emoji, emoji_parameters, role, role_parameters, sticker, sticker_parameters, stored_item};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::{Change, ChangeKind};
use domain::guild::{GuildItems, Role, RoleId};
use domain::tenant::TenantId;
use ports::error::StoreError;
use ports::guild::repository::GuildRepository;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::error::{is_missing, store_error};
use crate::row::{Text, execute, millis, number, query, query_one, store};
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

const FIND_ROLE: &str = sql! {r"
    SELECT {role}
    FROM roles
    WHERE tenant_id = :tenant_id
        AND role_id = :role_id
"};

const UPSERT: &str = r"
    INSERT INTO guilds (tenant_id, observed_at)
    VALUES (:tenant_id, :observed_at)
    ON CONFLICT (tenant_id) DO UPDATE
    SET observed_at = excluded.observed_at
";

const UPSERT_ROLE: &str = sql! {r"
    INSERT INTO roles (tenant_id, {role}, {stored_item})
    VALUES (:tenant_id, {:role}, {:stored_item})
    ON CONFLICT (tenant_id, role_id) DO UPDATE
    SET name = excluded.name, color = excluded.color, position = excluded.position,
        observed_at = excluded.observed_at, deleted_at = excluded.deleted_at
"};

const UPSERT_EMOJI: &str = sql! {r"
    INSERT INTO emojis (tenant_id, {emoji}, {stored_item})
    VALUES (:tenant_id, {:emoji}, {:stored_item})
    ON CONFLICT (tenant_id, emoji_id) DO UPDATE
    SET name = excluded.name, animated = excluded.animated, observed_at = excluded.observed_at,
        deleted_at = excluded.deleted_at
"};

const UPSERT_STICKER: &str = sql! {r"
    INSERT INTO stickers (tenant_id, {sticker}, {stored_item})
    VALUES (:tenant_id, {:sticker}, {:stored_item})
    ON CONFLICT (tenant_id, sticker_id) DO UPDATE
    SET name = excluded.name, format = excluded.format, description = excluded.description,
        observed_at = excluded.observed_at, deleted_at = excluded.deleted_at
"};

fn list(connection: &Connection, tenant: TenantId) -> Result<GuildItems, StoreError> {
    let parameters = named_params! {":tenant_id": Text(tenant.0)};
    Ok(GuildItems {
        observed_at: query_one(connection, "guilds", FIND, parameters, |row| row.time("observed_at"))?,
        roles: query(connection, "roles", LIST_ROLES, parameters, |row| stored_item(row, role))?,
        emojis: query(connection, "emojis", LIST_EMOJIS, parameters, |row| stored_item(row, emoji))?,
        stickers: query(connection, "stickers", LIST_STICKERS, parameters, |row| stored_item(row, sticker))?,
    })
}

fn upsert_all(connection: &Connection, tenant: TenantId, items: &GuildItems) -> rusqlite::Result<()> {
    if let Some(observed_at) = items.observed_at {
        let parameters = named_params! {":tenant_id": Text(tenant.0), ":observed_at": millis(observed_at)};
        execute(connection, UPSERT, parameters)?;
    }
    for role in &items.roles {
        store(connection, UPSERT_ROLE, role_parameters(tenant, role))?;
    }
    for emoji in &items.emojis {
        store(connection, UPSERT_EMOJI, emoji_parameters(tenant, emoji))?;
    }
    for sticker in &items.stickers {
        store(connection, UPSERT_STICKER, sticker_parameters(tenant, sticker))?;
    }
    Ok(())
}

#[async_trait]
impl GuildRepository for Unit {
    #[instrument(name = "db.guild.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError> {
        self.run(move |connection| list(connection, tenant)).await
    }

    #[instrument(name = "db.guild.find_roles", level = "debug", skip_all, err(level = "trace"))]
    async fn find_roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        self.run(move |connection| {
            let find = |id: RoleId| {
                let parameters = named_params! {":tenant_id": Text(tenant.0), ":role_id": number(id)};
                query_one(connection, "roles", FIND_ROLE, parameters, |row| role(row)).transpose()
            };
            ids.into_iter().filter_map(find).collect()
        })
        .await
    }

    #[instrument(name = "db.guild.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, items: &GuildItems) -> Result<(), StoreError> {
        let items = items.clone();
        self.write_logged(move |connection, changes| {
            upsert_all(connection, tenant, &items).map_err(|error| {
                if is_missing(&error) { StoreError::Missing { what: "tenant" } } else { store_error(error) }
            })?;
            if items.has_items() {
                changes.push(Change { tenant_id: tenant, kind: ChangeKind::GuildItems });
            }
            Ok(())
        })
        .await
    }
}
