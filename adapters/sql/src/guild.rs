//! Roles, emoji and stickers of guilds.

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::guild::{GuildEmoji, GuildItems, Role, RoleId, Sticker, StoredItem};
use domain::tenant::{Color, TenantId};
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::guild::repository::GuildRepository;
use tracing::instrument;

use crate::columns::{Columns, ValueError};
use crate::session::{FromRow, Session};
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait GuildStatements: Session {
    /// Makes other writers of a tenant's items wait.
    const LOCK: Option<&'static str> = None;
    /// Finds the time of the last observation of a tenant's items.
    const FIND: &'static str;
    /// Lists the roles of a tenant.
    const LIST_ROLES: &'static str;
    /// Lists the emoji of a tenant.
    const LIST_EMOJIS: &'static str;
    /// Lists the stickers of a tenant.
    const LIST_STICKERS: &'static str;
    /// Finds roles of a tenant.
    const FIND_ROLES: &'static str;
    /// Stores the time of an observation.
    const UPSERT: &'static str;
    /// Stores a role.
    const UPSERT_ROLE: &'static str;
    /// Stores an emoji.
    const UPSERT_EMOJI: &'static str;
    /// Stores a sticker.
    const UPSERT_STICKER: &'static str;
}

/// The time of the last observation of a tenant's items.
struct ObservedAt(Timestamp);

impl FromRow for ObservedAt {
    const TABLE: &'static str = "guilds";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        row.time("observed_at").map(Self)
    }
}

impl FromRow for Role {
    const TABLE: &'static str = "roles";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let (id, name) = (row.id("role_id")?, row.text("name")?);
        let color = match row.optional_number::<u32>("color")? {
            Some(rgb) => {
                Some(Color::from_rgb(rgb).ok_or_else(|| row.corrupt("color", ValueError::Number(rgb.into())))?)
            }
            None => None,
        };
        Ok(Self { id, name, color, position: row.number("position")? })
    }
}

impl FromRow for GuildEmoji {
    const TABLE: &'static str = "emojis";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self { id: row.id("emoji_id")?, name: row.text("name")?, animated: row.flag("animated")? })
    }
}

impl FromRow for Sticker {
    const TABLE: &'static str = "stickers";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id("sticker_id")?,
            name: row.text("name")?,
            format: row.text("format")?,
            description: row.optional_text("description")?,
        })
    }
}

impl<T: FromRow> FromRow for StoredItem<T> {
    const TABLE: &'static str = T::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
            item: T::from_row(row)?,
            observed_at: row.time("observed_at")?,
            deleted_at: row.optional_time("deleted_at")?,
        })
    }
}

/// Returns the parameters of the statement that stores a role.
fn role_parameters(tenant: TenantId, role: &StoredItem<Role>) -> Parameters<'_> {
    let StoredItem { item, observed_at, deleted_at } = role;
    parameters! {
        "tenant_id" => tenant.0,
        "role_id" => item.id,
        "name" => &item.name,
        "color" => item.color.map(Color::rgb),
        "position" => item.position,
        "observed_at" => *observed_at,
        "deleted_at" => *deleted_at,
    }
}

/// Returns the parameters of the statement that stores an emoji.
fn emoji_parameters(tenant: TenantId, emoji: &StoredItem<GuildEmoji>) -> Parameters<'_> {
    let StoredItem { item, observed_at, deleted_at } = emoji;
    parameters! {
        "tenant_id" => tenant.0,
        "emoji_id" => item.id,
        "name" => &item.name,
        "animated" => item.animated,
        "observed_at" => *observed_at,
        "deleted_at" => *deleted_at,
    }
}

/// Returns the parameters of the statement that stores a sticker.
fn sticker_parameters(tenant: TenantId, sticker: &StoredItem<Sticker>) -> Parameters<'_> {
    let StoredItem { item, observed_at, deleted_at } = sticker;
    parameters! {
        "tenant_id" => tenant.0,
        "sticker_id" => item.id,
        "name" => &item.name,
        "format" => &item.format,
        "description" => item.description.as_deref(),
        "observed_at" => *observed_at,
        "deleted_at" => *deleted_at,
    }
}

#[async_trait]
impl<U: GuildStatements> GuildRepository for SqlUnit<U> {
    #[instrument(name = "db.guild.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, tenant: TenantId) -> Result<GuildItems, StoreError> {
        let tenant = || parameters! { "tenant_id" => tenant.0 };
        self.0.lock(U::LOCK, tenant()).await?;
        let observed_at: Option<ObservedAt> = self.0.select_one(U::FIND, tenant()).await?;
        Ok(GuildItems {
            observed_at: observed_at.map(|ObservedAt(time)| time),
            roles: self.0.select(U::LIST_ROLES, tenant()).await?,
            emojis: self.0.select(U::LIST_EMOJIS, tenant()).await?,
            stickers: self.0.select(U::LIST_STICKERS, tenant()).await?,
        })
    }

    #[instrument(name = "db.guild.find_roles", level = "debug", skip_all, err(level = "trace"))]
    async fn find_roles(&mut self, tenant: TenantId, ids: &[RoleId]) -> Result<Vec<Role>, StoreError> {
        let keys = ids.iter().map(|id| values![*id]).collect();
        let mut found: Vec<Role> = self.0.select_each(U::FIND_ROLES, Some(tenant.0.into()), keys).await?;
        found.sort_unstable_by_key(|role| role.id);
        found.dedup_by_key(|role| role.id);
        Ok(found)
    }

    #[instrument(name = "db.guild.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, items: &GuildItems) -> Result<(), StoreError> {
        let seen = items.observed_at.map(|time| parameters! { "tenant_id" => tenant.0, "observed_at" => time });
        let roles = items.roles.iter().map(|role| role_parameters(tenant, role)).collect();
        let emojis = items.emojis.iter().map(|emoji| emoji_parameters(tenant, emoji)).collect();
        let stickers = items.stickers.iter().map(|sticker| sticker_parameters(tenant, sticker)).collect();
        for (sql, batch) in [
            (U::UPSERT, seen.into_iter().collect()),
            (U::UPSERT_ROLE, roles),
            (U::UPSERT_EMOJI, emojis),
            (U::UPSERT_STICKER, stickers),
        ] {
            self.0.execute_all("tenant", sql, batch).await?;
        }
        if items.has_items() {
            self.0.log(tenant, [ChangeKind::GuildItems]);
        }
        Ok(())
    }
}
