//! Roles, emoji and stickers of guilds.

use domain::guild::{GuildEmoji, Role, Sticker, StoredItem};
use domain::tenant::{Color, TenantId};
use ports::error::StoreError;

use crate::columns::{Columns, ValueError};
use crate::parameters;
use crate::values::Parameter;

/// Returns a role.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn role(row: &mut impl Columns) -> Result<Role, StoreError> {
    let (id, name) = (row.id("role_id")?, row.text("name")?);
    let color = match row.optional_number::<u32>("color")? {
        Some(rgb) => Some(Color::from_rgb(rgb).ok_or_else(|| row.corrupt("color", ValueError::Number(rgb.into())))?),
        None => None,
    };
    Ok(Role { id, name, color, position: row.number("position")? })
}

/// Returns an emoji.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn emoji(row: &mut impl Columns) -> Result<GuildEmoji, StoreError> {
    Ok(GuildEmoji { id: row.id("emoji_id")?, name: row.text("name")?, animated: row.flag("animated")? })
}

/// Returns a sticker.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn sticker(row: &mut impl Columns) -> Result<Sticker, StoreError> {
    Ok(Sticker {
        id: row.id("sticker_id")?,
        name: row.text("name")?,
        format: row.text("format")?,
        description: row.optional_text("description")?,
    })
}

/// Returns an item with the times of its observation.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn stored_item<R: Columns, T>(
    row: &mut R,
    item: impl Fn(&mut R) -> Result<T, StoreError>,
) -> Result<StoredItem<T>, StoreError> {
    Ok(StoredItem {
        item: item(row)?,
        observed_at: row.time("observed_at")?,
        deleted_at: row.optional_time("deleted_at")?,
    })
}

/// Returns the parameters of the statement that stores a role.
#[must_use]
pub fn role_parameters(tenant: TenantId, role: &StoredItem<Role>) -> Vec<Parameter<'_>> {
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
#[must_use]
pub fn emoji_parameters(tenant: TenantId, emoji: &StoredItem<GuildEmoji>) -> Vec<Parameter<'_>> {
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
#[must_use]
pub fn sticker_parameters(tenant: TenantId, sticker: &StoredItem<Sticker>) -> Vec<Parameter<'_>> {
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
