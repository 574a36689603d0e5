//! Roles, emoji and stickers of guilds.

use domain::guild::{GuildEmoji, Role, Sticker, StoredItem};
use domain::tenant::Color;
use ports::error::StoreError;

use crate::columns::{Columns, ValueError};

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
