//! Stores texts that a page replaces, and removes the content of deleted messages.

use std::collections::BTreeMap;

use adapter_sql::tenant::retention;
use domain::channel::ChannelId;
use domain::message::{Deletion, MessageId};
use domain::page::{MessagePage, Replaced, Write, WritePlan};
use domain::removal::Removal;
use mysql_async::{Value, params};
use ports::error::StoreError;

use super::read;
use super::write::{keys, remove_children, upsert, upsert_messages};
use crate::batch::{list_sql, padded};
use crate::channel::LockedChannel;
use crate::row::{datetime, of};
use crate::unit::Unit;

const RETENTION: &str = r"
    SELECT retention_deleted_days, retention_edited_days
    FROM tenants
    WHERE tenant_id = :tenant_id
";

/// The text of an unedited message has the edit time 1970-01-01.
const STORE_TEXTS: &str = r"
    INSERT INTO message_versions (
        tenant_id, replaced_at, is_deletion, channel_id, message_id, edited_at, content, embeds, observed_at
    )
    SELECT ?, ?, ?, channel_id, message_id, COALESCE(edited_at, CAST('1970-01-01' AS DATETIME(3))), content, embeds,
        observed_at
    FROM messages
    WHERE channel_id = ?
        AND message_id IN (…)
        AND (content <> '' OR embeds IS NOT NULL)
    ON DUPLICATE KEY UPDATE
        content = VALUES(content), embeds = VALUES(embeds), observed_at = VALUES(observed_at),
        replaced_at = VALUES(replaced_at), is_deletion = VALUES(is_deletion)
";

/// Enters the stored files of messages that their attachments lack.
const ENTER_FILES: &str = r"
    INSERT INTO unused_files (tenant_id, hash)
    SELECT DISTINCT tenant_id, hash
    FROM media
    WHERE channel_id = ?
        AND message_id IN (…)
        AND hash IS NOT NULL
        AND NOT EXISTS (
            SELECT 1
            FROM attachments
            WHERE attachments.channel_id = media.channel_id
                AND attachments.message_id = media.message_id
                AND attachments.attachment_id = media.attachment_id
        )
    ON DUPLICATE KEY UPDATE
        removed_at = NULL
";

const DELETE_FILES: &str = r"
    DELETE FROM media
    WHERE channel_id = ?
        AND message_id IN (…)
        AND NOT EXISTS (
            SELECT 1
            FROM attachments
            WHERE attachments.channel_id = media.channel_id
                AND attachments.message_id = media.message_id
                AND attachments.attachment_id = media.attachment_id
        )
";

const ENTER_REMOVALS: &str = r"
    INSERT INTO removals (channel_id, message_id, due_at)
    VALUES
";

const ENTER_REMOVALS_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        due_at = VALUES(due_at)
";

/// Stores the texts that the plan of `page` replaces, as far as the tenant wants to keep them.
pub(super) async fn store_texts(
    unit: &mut Unit,
    locked: &LockedChannel,
    page: &MessagePage,
    plan: &WritePlan<'_>,
) -> Result<(), StoreError> {
    if !plan.replaces_texts() {
        return Ok(());
    }
    let tenant = locked.tenant.to_string();
    let parameters = params! { "tenant_id" => &tenant };
    let Some(retention) = unit.row(RETENTION, parameters, of("tenants", retention)).await? else { return Ok(()) };
    for Replaced { at, is_deletion, messages } in plan.replaced(page, retention) {
        for ids in padded(&messages) {
            let first = [tenant.as_str().into(), datetime(at), is_deletion.into()];
            unit.run(&list_sql(STORE_TEXTS, ids.len()), keys(first, locked.id, &ids)).await?;
        }
    }
    Ok(())
}

/// Removes the content of deleted messages.
pub(super) async fn clear(unit: &mut Unit, channel: ChannelId, plan: &WritePlan<'_>) -> Result<(), StoreError> {
    if plan.clear.is_empty() {
        return Ok(());
    }
    let ids: Vec<MessageId> = plan.clear.iter().map(|(id, _)| *id).collect();
    let stored = read::find_all(unit, channel, &ids).await?;
    let deletions: BTreeMap<MessageId, Deletion> = plan.clear.iter().copied().collect();
    let cleared: Vec<_> = stored.iter().map(|stored| stored.message.cleared()).collect();
    let writes: Vec<_> = cleared
        .iter()
        .map(|message| Write { message, digest: message.digest(), deletion: deletions.get(&message.id).copied() })
        .collect();
    remove_children(unit, channel, &ids).await?;
    discard_files(unit, channel, &ids).await?;
    upsert_messages(unit, &writes, false).await
}

/// Removes the states of the files that messages no longer list, and enters their bytes as unused.
pub(super) async fn discard_files(unit: &mut Unit, channel: ChannelId, ids: &[MessageId]) -> Result<(), StoreError> {
    for ids in padded(ids) {
        unit.run(&list_sql(ENTER_FILES, ids.len()), keys([], channel, &ids)).await?;
        unit.run(&list_sql(DELETE_FILES, ids.len()), keys([], channel, &ids)).await?;
    }
    Ok(())
}

/// Enters removals. The message id 0 stands for all messages of the channel.
pub(super) async fn enter_removals(
    unit: &mut Unit,
    removals: impl IntoIterator<Item = Removal>,
) -> Result<(), StoreError> {
    let row = |Removal { channel, message, due_at }: Removal| {
        [channel.to_string().into(), message.map_or(0, MessageId::get).into(), datetime(due_at)]
    };
    let rows: Vec<[Value; 3]> = removals.into_iter().map(row).collect();
    upsert(unit, ENTER_REMOVALS, &rows, ENTER_REMOVALS_TAIL).await
}
