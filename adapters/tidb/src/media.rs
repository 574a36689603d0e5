//! The download state of attachments.

use adapter_sql::media::{file, key, row};
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::ChannelId;
use domain::media::{File, file_changes, new_file_changes};
use domain::message::MessageId;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;
use mysql_async::{Value, params};
use ports::error::StoreError;
use ports::media::MediaRepository;
use tracing::instrument;

use crate::batch::{insert_sql, keys_sql, padded, padded_size, pieces};
use crate::error::{NO_REFERENCED_ROW, code, store_error};
use crate::row::{datetime, of, values};
use crate::unit::Unit;

const INSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES
"};

/// Existing rows stay; `IGNORE` would also accept a file of a channel that is not stored.
const INSERT_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        tries = tries
";

const UPSERT: &str = sql! {r"
    INSERT INTO media ({file}, tenant_id)
    VALUES
"};

const UPSERT_TAIL: &str = r"
    ON DUPLICATE KEY UPDATE
        state = VALUES(state), tries = VALUES(tries), due_at = VALUES(due_at), hash = VALUES(hash),
        size_bytes = VALUES(size_bytes)
";

const LIST_DUE: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(media, media_due) */
        {file}
    FROM media
    WHERE tenant_id = :tenant_id
        AND due_at <= :due_at
    ORDER BY due_at, channel_id, message_id, attachment_id
    LIMIT :limit
"};

const LIST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(media, PRIMARY) */
        {file}
    FROM media
    WHERE channel_id = :channel_id
        AND message_id BETWEEN :low AND :high
    ORDER BY message_id, attachment_id
"};

const FIND_ALL: &str = sql! {r"
    SELECT {file}
    FROM media
    WHERE (…)
"};

const LIST_AFTER: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(media, PRIMARY) */
        {file}
    FROM media
    WHERE channel_id = :channel_id
        AND message_id >= :bound
    ORDER BY message_id, attachment_id
    LIMIT :limit
"};

const FIRST: &str = r"
    SELECT /*+ ORDER_INDEX(media, PRIMARY) */
        channel_id, message_id, attachment_id
    FROM media
    WHERE channel_id = :channel_id
    ORDER BY message_id, attachment_id
    LIMIT :limit
";

const DELETE_FIRST: &str = r"
    DELETE /*+ ORDER_INDEX(media, PRIMARY) */
    FROM media
    WHERE channel_id = :channel_id
    ORDER BY message_id, attachment_id
    LIMIT :limit
";

impl Unit {
    async fn write_media(
        &mut self,
        [head, tail]: [&str; 2],
        tenant: TenantId,
        files: &[File],
        changes: Vec<ChangeKind>,
    ) -> Result<(), StoreError> {
        self.log(tenant, changes);
        for piece in pieces(files, |_| 160) {
            let count = padded_size(piece.len());
            let filling = piece.iter().take(1).cycle().take(count - piece.len());
            let parameters: Vec<Value> =
                piece.iter().chain(filling).flat_map(|file| values(row(tenant, file))).collect();
            match self.attempt(&insert_sql(head, 9, count, tail), parameters).await? {
                Ok(_) => {}
                Err(error) if code(&error) == Some(NO_REFERENCED_ROW) => {
                    return Err(StoreError::Missing { what: "channel" });
                }
                Err(error) => return Err(self.given_up(store_error(&error))),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl MediaRepository for Unit {
    #[instrument(name = "db.media.insert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn insert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        let changes = new_file_changes(files.iter().map(|file| (file.key, file.state)));
        self.write_media([INSERT, INSERT_TAIL], tenant, files, changes).await
    }

    #[instrument(name = "db.media.upsert_all", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert_all(&mut self, tenant: TenantId, files: &[File]) -> Result<(), StoreError> {
        let changes = file_changes(files.iter().map(|file| file.key));
        self.write_media([UPSERT, UPSERT_TAIL], tenant, files, changes).await
    }

    #[instrument(name = "db.media.list_due", level = "debug", skip_all, err(level = "trace"))]
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<File>, StoreError> {
        let parameters = params! { "tenant_id" => tenant.to_string(), "due_at" => datetime(now), limit };
        self.rows(LIST_DUE, parameters, of("media", file)).await
    }

    #[instrument(name = "db.media.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(&mut self, channel: ChannelId, low: MessageId, high: MessageId) -> Result<Vec<File>, StoreError> {
        let parameters = params! { "channel_id" => channel.to_string(), "low" => low.get(), "high" => high.get() };
        self.rows(LIST, parameters, of("media", file)).await
    }

    #[instrument(name = "db.media.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, keys: &[(ChannelId, MessageId)]) -> Result<Vec<File>, StoreError> {
        let mut found = Vec::new();
        for keys in padded(keys) {
            let values = keys.iter().flat_map(|(channel, id)| [Value::from(channel.to_string()), id.get().into()]);
            let values: Vec<Value> = values.collect();
            found.extend(self.rows(&keys_sql(FIND_ALL, keys.len()), values, of("media", file)).await?);
        }
        found.sort_unstable_by_key(|file| file.key);
        found.dedup_by_key(|file| file.key);
        Ok(found)
    }

    #[instrument(name = "db.media.list_after", level = "debug", skip_all, err(level = "trace"))]
    async fn list_after(
        &mut self,
        channel: ChannelId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<File>, StoreError> {
        let Some(bound) = after.map_or(Some(MessageId::MIN), MessageId::next).map(MessageId::get) else {
            return Ok(Vec::new());
        };
        self.rows(LIST_AFTER, params! { "channel_id" => channel.to_string(), bound, limit }, of("media", file)).await
    }

    #[instrument(name = "db.media.delete_first", level = "debug", skip_all, err(level = "trace"))]
    async fn delete_first(&mut self, channel: ChannelId, limit: u32) -> Result<u64, StoreError> {
        let parameters = params! { "channel_id" => channel.to_string(), limit };
        let first = self.rows(FIRST, parameters.clone(), of("media", key)).await?;
        self.log_in(channel, file_changes(first)).await?;
        self.run(DELETE_FIRST, parameters).await
    }
}
