//! Channels and threads.

mod locked;
mod thread;

use adapter_sql::channel::{channel as channel_of, counting_parent, parameters};
use adapter_sql::columns::Columns;
use adapter_sql::range::left;
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::{Channel, ChannelId};
use domain::lease::Fence;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use mysql_async::{Value, params};
use ports::channel::{ChannelCursor, ChannelRepository, ThreadCursor, ThreadFilter};
use ports::error::StoreError;
use ports::page::Page;
use tracing::instrument;

use crate::batch::{list_sql, padded};
use crate::error::{DUPLICATE_KEY, NO_REFERENCED_ROW, code, lost_race, store_error};
use crate::message::recount_messages;
use crate::row::{NamedRow, named as to_params, of};
use crate::unit::Unit;

pub(crate) use self::locked::LockedChannel;

const FIND: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE channel_id = :channel_id
"};

const FIND_BY_SLUG: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND slug = :slug
"};

const FIND_ALL: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE channel_id IN (…)
"};

/// Channels with exactly the position of the cursor, which come before those with a larger one. The hints, here and
/// below, keep `TiDB` from reading a whole table and sorting it if it estimates that to be cheaper.
const LIST_AT: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_position) */
        {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND position = :position
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

const LIST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_position) */
        {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND position > :position
    ORDER BY position, platform_id
    LIMIT :limit
"};

const LIST_PUBLIC_AT: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_position) */
        {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND visibility = 'public'
        AND position = :position
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

const LIST_PUBLIC: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_position) */
        {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND visibility = 'public'
        AND position > :position
    ORDER BY position, platform_id
    LIMIT :limit
"};

const LIST_ALL: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels FORCE INDEX (channels_by_tenant)
    WHERE tenant_id = :tenant_id
        AND channel_id > :after
    ORDER BY channel_id
    LIMIT :limit
"};

const LOCK: &str = r"
    SELECT channel_id
    FROM channels
    WHERE channel_id = :channel_id
    FOR UPDATE
";

/// Whether the channel is stored, and the parent that counts it as a thread.
const FIND_COUNTED: &str = r"
    SELECT tenant_id, parent_id, kind, visibility
    FROM channels
    WHERE channel_id = :channel_id
    FOR UPDATE
";

/// The table has two unique keys, so an upsert could overwrite the channel that has the same slug.
const INSERT: &str = sql! {r"
    INSERT INTO channels ({channel}, thread, message_count, thread_count, active_at)
    VALUES ({:channel}, :thread, 0, 0, :created_at)
"};

/// A channel has a row of coverage from the beginning, so that a page updates both with one statement.
const INSERT_COVERAGE: &str = r"
    INSERT INTO coverage (channel_id, start_reached)
    VALUES (:channel_id, 0)
";

const UPDATE: &str = r"
    UPDATE channels
    SET parent_id = :parent_id, kind = :kind, thread = :thread, name = :name, slug = :slug, topic = :topic,
        position = :position, nsfw = :nsfw, visibility = :visibility, archived = :archived, locked = :locked,
        tags = :tags, applied_tags = :applied_tags, extra = :extra,
        observed_at = :observed_at
    WHERE channel_id = :channel_id
";

const COUNT_THREAD: &str = r"
    UPDATE channels
    SET thread_count = thread_count + :change
    WHERE channel_id = :channel_id
";

const DELETE: &str = r"
    DELETE FROM channels
    WHERE channel_id = :channel_id
";

/// Returns a tenant's slug in the form in which a unit records free names.
fn named(tenant: TenantId, slug: &ChannelSlug) -> String {
    format!("{tenant}/{slug}")
}

/// Returns the tenant of a channel, and the parent that counts it as a thread.
fn counted(row: &mut NamedRow) -> Result<(TenantId, Option<ChannelId>), StoreError> {
    Ok((TenantId(row.uuid("tenant_id")?), counting_parent(row)?))
}

impl Unit {
    /// Moves the count of one thread from the parent that counted it to the one that counts it now.
    async fn recount(
        &mut self,
        tenant: TenantId,
        before: Option<ChannelId>,
        after: Option<ChannelId>,
    ) -> Result<(), StoreError> {
        if before == after {
            return Ok(());
        }
        let mut changes: Vec<_> =
            [(before, -1), (after, 1)].into_iter().filter_map(|(id, by)| Some((id?, by))).collect();
        // Units that move threads in opposite directions between two parents lock them in the same order.
        changes.sort_unstable();
        for (parent, change) in changes {
            let parameters = params! { "channel_id" => parent.to_string(), "change" => change };
            self.run(COUNT_THREAD, parameters).await?;
            self.log(tenant, [ChangeKind::Channel { channel: parent }]);
        }
        Ok(())
    }

    async fn missing_parent(&mut self, channel: &Channel) -> Result<bool, StoreError> {
        match channel.parent_id {
            Some(parent) => Ok(ChannelRepository::find(self, parent).await?.is_none()),
            None => Ok(false),
        }
    }

    /// Returns the error for a rejected row. Another unit can have stored the same channel a moment ago; then the retry
    /// finds it.
    async fn refused(&mut self, channel: &Channel, error: mysql_async::Error) -> StoreError {
        let meaning = store_error(&error);
        match code(&error) {
            Some(NO_REFERENCED_ROW) => match self.missing_parent(channel).await {
                Ok(true) => StoreError::Missing { what: "parent channel" },
                Ok(false) => StoreError::Missing { what: "tenant" },
                Err(error) => error,
            },
            Some(DUPLICATE_KEY) => {
                let parameters = params! {
                    "tenant_id" => channel.tenant_id.to_string(), "slug" => channel.slug.as_str(),
                };
                match self.row(FIND_BY_SLUG, parameters, of("channels", channel_of)).await {
                    Ok(Some(other)) if other.id != channel.id => {
                        self.taken(&[named(channel.tenant_id, &channel.slug)], "channel slug", &error)
                    }
                    Ok(_) => self.given_up(lost_race(&error)),
                    Err(error) => error,
                }
            }
            _ => self.given_up(meaning),
        }
    }
}

#[async_trait]
impl ChannelRepository for Unit {
    #[instrument(name = "db.channel.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.lock(LOCK, params! { "channel_id" => id.to_string() }).await?;
        self.row(FIND, params! { "channel_id" => id.to_string() }, of("channels", channel_of)).await
    }

    #[instrument(name = "db.channel.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, tenant: TenantId, slug: &ChannelSlug) -> Result<Option<Channel>, StoreError> {
        let parameters = params! { "tenant_id" => tenant.to_string(), "slug" => slug.as_str() };
        let found = self.row(FIND_BY_SLUG, parameters, of("channels", channel_of)).await?;
        Ok(self.note_free(named(tenant, slug), found))
    }

    #[instrument(name = "db.channel.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in padded(ids) {
            let parameters: Vec<Value> = ids.iter().map(|id| id.to_string().into()).collect();
            found.extend(self.rows(&list_sql(FIND_ALL, ids.len()), parameters, of("channels", channel_of)).await?);
        }
        found.sort_unstable_by_key(|channel| channel.id);
        found.dedup_by_key(|channel| channel.id);
        Ok(found)
    }

    #[instrument(name = "db.channel.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        tenant: TenantId,
        with_private: bool,
        page: Page<ChannelCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        let [at, after] = if with_private { [LIST_AT, LIST] } else { [LIST_PUBLIC_AT, LIST_PUBLIC] };
        let (tenant_id, limit) = (tenant.to_string(), page.limit);
        let position = page.after.map_or(i64::MIN, |cursor| cursor.position.into());
        let mut channels = Vec::new();
        if let Some(cursor) = page.after {
            let platform_id = cursor.platform_id.get();
            let parameters = params! { "tenant_id" => tenant_id.clone(), position, platform_id, limit };
            channels = self.rows(at, parameters, of("channels", channel_of)).await?;
        }
        let limit = left(limit, &channels);
        if limit > 0 {
            channels
                .extend(self.rows(after, params! { tenant_id, position, limit }, of("channels", channel_of)).await?);
        }
        Ok(channels)
    }

    #[instrument(name = "db.channel.list_threads", level = "debug", skip_all, err(level = "trace"))]
    async fn list_threads(
        &mut self,
        parent: ChannelId,
        filter: ThreadFilter,
        page: Page<ThreadCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        thread::list(self, parent, filter, page).await
    }

    #[instrument(name = "db.channel.list_all", level = "debug", skip_all, err(level = "trace"))]
    async fn list_all(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Channel>, StoreError> {
        let after = page.after.map_or_else(String::new, |after| after.to_string());
        let parameters = params! { "tenant_id" => tenant.to_string(), "after" => after, "limit" => page.limit };
        self.rows(LIST_ALL, parameters, of("channels", channel_of)).await
    }

    #[instrument(name = "db.channel.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, channel: &Channel) -> Result<(), StoreError> {
        let id = channel.id.to_string();
        let before = self.row(FIND_COUNTED, params! { "channel_id" => id }, of("channels", counted)).await?;
        let sql = if before.is_some() { UPDATE } else { INSERT };
        if let Err(error) = self.attempt(sql, to_params(parameters(channel))).await? {
            return Err(self.refused(channel, error).await);
        }
        if before.is_none() {
            self.run(INSERT_COVERAGE, params! { "channel_id" => channel.id.to_string() }).await?;
        }
        self.know_tenant(channel.id, channel.tenant_id);
        self.log(channel.tenant_id, [ChangeKind::Channel { channel: channel.id }]);
        let counted = before.and_then(|(_, counted)| counted);
        self.recount(channel.tenant_id, counted, channel.kind.counting_parent(channel.visibility, channel.parent_id))
            .await
    }

    #[instrument(name = "db.channel.fence", level = "debug", skip_all, err(level = "trace"))]
    async fn fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError> {
        self.fence_channel(id, fence).await
    }

    #[instrument(name = "db.channel.recount", level = "debug", skip_all, err(level = "trace"))]
    async fn recount(&mut self, id: ChannelId) -> Result<u64, StoreError> {
        recount_messages(self, id).await
    }

    #[instrument(name = "db.channel.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: ChannelId) -> Result<(), StoreError> {
        let before =
            self.row(FIND_COUNTED, params! { "channel_id" => id.to_string() }, of("channels", counted)).await?;
        let Some((tenant, counted)) = before else { return Ok(()) };
        self.log(tenant, [ChangeKind::ChannelGone { channel: id }]);
        self.recount(tenant, counted, None).await?;
        self.run(DELETE, params! { "channel_id" => id.to_string() }).await.map(drop)
    }
}
