//! Stores texts that a page replaces, and removes the content of deleted messages.

use adapter_sql::tenant::retention;
use domain::channel::ChannelId;
use domain::message::MessageId;
use domain::page::{MessagePage, Replaced, Write, WritePlan};
use domain::removal::Removal;
use ports::error::StoreError;
use rusqlite::{Connection, named_params};

use super::read;
use super::write::{insert, remove};
use crate::error::store_error;
use crate::row::{Text, execute, millis, number, query_one};

const RETENTION: &str = r"
    SELECT retention_deleted_days, retention_edited_days
    FROM channels
    JOIN tenants ON tenants.tenant_id = channels.tenant_id
    WHERE channel_id = :channel_id
";

/// The text of an unedited message has the edit time 0.
const STORE_TEXT: &str = r"
    INSERT INTO message_versions (
        tenant_id, channel_id, message_id, edited_at, content, embeds, observed_at, replaced_at, is_deletion
    )
    SELECT tenant_id, channels.channel_id, message_id, COALESCE(edited_at, 0), content, embeds, messages.observed_at,
        :replaced_at, :is_deletion
    FROM messages
    JOIN channels ON channels.channel_id = messages.channel_id
    WHERE messages.channel_id = :channel_id
        AND message_id = :message_id
        AND (content <> '' OR embeds IS NOT NULL)
    ON CONFLICT (channel_id, message_id, edited_at) DO UPDATE
    SET content = excluded.content, embeds = excluded.embeds, observed_at = excluded.observed_at,
        replaced_at = excluded.replaced_at, is_deletion = excluded.is_deletion
";

/// Enters the stored files of a message that its attachments lack.
const ENTER_FILES: &str = r"
    INSERT INTO unused_files (tenant_id, hash)
    SELECT DISTINCT tenant_id, hash
    FROM media
    WHERE channel_id = :channel_id
        AND message_id = :message_id
        AND hash IS NOT NULL
        AND attachment_id NOT IN (
            SELECT attachment_id
            FROM attachments
            WHERE channel_id = :channel_id
                AND message_id = :message_id
        )
    ON CONFLICT (tenant_id, hash) DO UPDATE
    SET removed_at = NULL
";

const DELETE_FILES: &str = r"
    DELETE FROM media
    WHERE channel_id = :channel_id
        AND message_id = :message_id
        AND attachment_id NOT IN (
            SELECT attachment_id
            FROM attachments
            WHERE channel_id = :channel_id
                AND message_id = :message_id
        )
";

const ENTER_REMOVAL: &str = r"
    INSERT INTO removals (channel_id, message_id, due_at)
    VALUES (:channel_id, :message_id, :due_at)
    ON CONFLICT (channel_id, message_id) DO UPDATE
    SET due_at = excluded.due_at
";

/// Stores the texts that the plan of `page` replaces, as far as the tenant wants to keep them.
pub(super) fn store_texts(
    connection: &Connection,
    channel: ChannelId,
    page: &MessagePage,
    plan: &WritePlan<'_>,
) -> Result<(), StoreError> {
    if !plan.replaces_texts() {
        return Ok(());
    }
    let parameters = named_params! {":channel_id": Text(channel.0)};
    let Some(retention) = query_one(connection, "tenants", RETENTION, parameters, |row| retention(row))? else {
        return Ok(());
    };
    for Replaced { at, is_deletion, messages } in plan.replaced(page, retention) {
        for id in messages {
            let parameters = named_params! {
                ":channel_id": Text(channel.0),
                ":message_id": number(id),
                ":replaced_at": millis(at),
                ":is_deletion": is_deletion,
            };
            execute(connection, STORE_TEXT, parameters).map_err(store_error)?;
        }
    }
    Ok(())
}

/// Removes the content of deleted messages.
pub(super) fn clear(connection: &Connection, channel: ChannelId, plan: &WritePlan<'_>) -> Result<(), StoreError> {
    for (id, deletion) in &plan.clear {
        let Some(stored) = read::find(connection, channel, *id)? else { continue };
        let message = stored.message.cleared();
        let write = Write { message: &message, digest: message.digest(), deletion: Some(*deletion) };
        remove(connection, channel, [*id]).and_then(|()| insert(connection, &[write])).map_err(store_error)?;
        discard_files(connection, channel, &[*id])?;
    }
    Ok(())
}

/// Removes the states of the files that messages no longer list, and enters their bytes as unused.
pub(super) fn discard_files(connection: &Connection, channel: ChannelId, ids: &[MessageId]) -> Result<(), StoreError> {
    for id in ids {
        let parameters = named_params! {":channel_id": Text(channel.0), ":message_id": number(*id)};
        execute(connection, ENTER_FILES, parameters)
            .and_then(|_| execute(connection, DELETE_FILES, parameters))
            .map_err(store_error)?;
    }
    Ok(())
}

/// Enters removals. The message id 0 stands for all messages of the channel.
pub(super) fn enter_removals(
    connection: &Connection,
    removals: impl IntoIterator<Item = Removal>,
) -> Result<(), StoreError> {
    for Removal { channel, message, due_at } in removals {
        let parameters = named_params! {
            ":channel_id": Text(channel.0), ":message_id": message.map_or(0, number), ":due_at": millis(due_at),
        };
        execute(connection, ENTER_REMOVAL, parameters).map_err(store_error)?;
    }
    Ok(())
}
