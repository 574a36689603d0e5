//! Channels and threads.

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelStats};
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::Columns;

/// Returns a channel.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn channel(row: &mut impl Columns) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: ChannelId(row.uuid("channel_id")?),
        tenant_id: TenantId(row.uuid("tenant_id")?),
        platform_id: row.id("platform_id")?,
        parent_id: row.optional_uuid("parent_id")?.map(ChannelId),
        kind: ChannelKind(row.number("kind")?),
        name: row.text("name")?,
        slug: row.check("slug", ChannelSlug::new)?,
        topic: row.optional_text("topic")?,
        position: row.number("position")?,
        nsfw: row.flag("nsfw")?,
        visibility: row.parse("visibility")?,
        archived: row.flag("archived")?,
        locked: row.flag("locked")?,
        tags: row.list("tags")?,
        applied_tags: row.list("applied_tags")?,
        extra: row.json("extra")?,
        observed_at: row.optional_time("observed_at")?,
        stats: ChannelStats {
            message_count: row.number("message_count")?,
            thread_count: row.number("thread_count")?,
            last_activity_at: row.optional_time("last_activity_at")?,
        },
    })
}

/// Returns the parent that counts a stored channel as a thread, from its columns `parent_id`, `kind` and `visibility`.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn counting_parent(row: &mut impl Columns) -> Result<Option<ChannelId>, StoreError> {
    let parent = row.optional_uuid("parent_id")?.map(ChannelId);
    Ok(ChannelKind(row.number("kind")?).counting_parent(row.parse("visibility")?, parent))
}

/// Returns a statement with the numbers of the types that hold no messages in the place of `:silent`.
#[must_use]
pub fn silent_sql(sql: &str) -> String {
    sql.replace(":silent", &ChannelKind::SILENT.map(|kind| kind.0.to_string()).join(", "))
}
