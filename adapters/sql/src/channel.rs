//! Channels and threads.

use domain::channel::{Channel, ChannelId, ChannelKind, ChannelStats};
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use ports::error::StoreError;

use crate::columns::Columns;
use crate::columns::list_text;
use crate::parameters;
use crate::values::Parameter;

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

/// Returns the parameters of a statement that stores a channel.
#[must_use]
pub fn parameters(channel: &Channel) -> Vec<Parameter<'_>> {
    parameters! {
        "channel_id" => channel.id.0,
        "tenant_id" => channel.tenant_id.0,
        "platform_id" => channel.platform_id,
        "parent_id" => channel.parent_id.map(|parent| parent.0),
        "kind" => channel.kind.0,
        "thread" => channel.kind.is_thread(),
        "name" => channel.name.as_str(),
        "slug" => channel.slug.as_str(),
        "topic" => channel.topic.as_deref(),
        "position" => channel.position,
        "nsfw" => channel.nsfw,
        "visibility" => channel.visibility.as_str(),
        "archived" => channel.archived,
        "locked" => channel.locked,
        "tags" => list_text(&channel.tags),
        "applied_tags" => list_text(&channel.applied_tags),
        "extra" => channel.extra.as_ref(),
        "created_at" => channel.created_at(),
        "observed_at" => channel.observed_at,
    }
}
