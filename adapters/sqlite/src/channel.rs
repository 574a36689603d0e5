//! Channels and threads.

mod thread;

use adapter_sql::channel::{channel, counting_parent, parameters};
use adapter_sql::range::left;
use adapter_sql::sql;
use async_trait::async_trait;
use domain::change::{Change, ChangeKind};
use domain::channel::{Channel, ChannelId};
use domain::lease::Fence;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use ports::channel::{ChannelCursor, ChannelRepository, ThreadCursor, ThreadFilter};
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};
use tracing::instrument;

use crate::change;
use crate::error::{is_missing, store_error, taken};
use crate::message::recount_messages;
use crate::row::{Text, execute, number, query, query_one, store};
use crate::unit::Unit;

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

/// Channels with exactly the position of the cursor, which come before those with a larger one.
const LIST_AT: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND position = :position
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

const LIST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE tenant_id = :tenant_id
        AND thread = 0
        AND position > :position
    ORDER BY position, platform_id
    LIMIT :limit
"};

const LIST_PUBLIC_AT: &str = sql! {r"
    SELECT {channel}, {channel_stats}
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
    SELECT {channel}, {channel_stats}
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
    FROM channels
    WHERE tenant_id = :tenant_id
        AND channel_id > :after
    ORDER BY channel_id
    LIMIT :limit
"};

const FIND_COUNTED: &str = r"
    SELECT parent_id, kind, visibility
    FROM channels
    WHERE channel_id = :channel_id
";

const UPSERT: &str = sql! {r"
    INSERT INTO channels ({channel}, thread, message_count, thread_count, active_at)
    VALUES ({:channel}, :thread, 0, 0, :created_at)
    ON CONFLICT (channel_id) DO UPDATE
    SET parent_id = excluded.parent_id, kind = excluded.kind, thread = excluded.thread, name = excluded.name,
        slug = excluded.slug, topic = excluded.topic, position = excluded.position, nsfw = excluded.nsfw,
        visibility = excluded.visibility, archived = excluded.archived, locked = excluded.locked,
        tags = excluded.tags, applied_tags = excluded.applied_tags, extra = excluded.extra,
        observed_at = excluded.observed_at
"};

const COUNT_THREAD: &str = r"
    UPDATE channels
    SET thread_count = thread_count + :change
    WHERE channel_id = :channel_id
";

const FENCE: &str = r"
    UPDATE channels
    SET fence = :fence
    WHERE channel_id = :channel_id
        AND fence <= :fence
";

const DELETE: &str = r"
    DELETE FROM channels
    WHERE channel_id = :channel_id
";

fn counted_for(connection: &Connection, id: ChannelId) -> Result<Option<ChannelId>, StoreError> {
    let parameters = named_params! {":channel_id": Text(id.0)};
    Ok(query_one(connection, "channels", FIND_COUNTED, parameters, |row| counting_parent(row))?.flatten())
}

/// Moves the count of one thread from the parent that counted it to the one that counts it now; returns the parents
/// whose count changed.
fn recount(
    connection: &Connection,
    before: Option<ChannelId>,
    after: Option<ChannelId>,
) -> Result<Vec<ChannelId>, StoreError> {
    let mut changed = Vec::new();
    if before != after {
        for (parent, change) in [(before, -1), (after, 1)] {
            let Some(parent) = parent else { continue };
            let parameters = named_params! {":channel_id": Text(parent.0), ":change": change};
            execute(connection, COUNT_THREAD, parameters).map_err(store_error)?;
            changed.push(parent);
        }
    }
    Ok(changed)
}

/// Stores a channel; returns the parents whose count of threads changed.
fn upsert(connection: &Connection, channel: &Channel) -> Result<Vec<ChannelId>, StoreError> {
    let before = counted_for(connection, channel.id)?;
    let stored = store(connection, UPSERT, parameters(channel));
    stored.map_err(|error| refused(connection, channel, error))?;
    recount(connection, before, channel.kind.counting_parent(channel.visibility, channel.parent_id))
}

/// Removes a channel; returns the parents whose count of threads changed.
fn delete(connection: &Connection, id: ChannelId) -> Result<Vec<ChannelId>, StoreError> {
    let before = counted_for(connection, id)?;
    let parents = recount(connection, before, None)?;
    execute(connection, DELETE, named_params! {":channel_id": Text(id.0)}).map_err(store_error)?;
    Ok(parents)
}

/// Returns why a channel was not stored. SQLite does not report which of two references is missing.
fn refused(connection: &Connection, channel: &Channel, error: rusqlite::Error) -> StoreError {
    match taken(&error) {
        Some(_) => StoreError::Duplicate { what: "channel slug" },
        None if !is_missing(&error) => store_error(error),
        None => match channel.parent_id.map(|parent| find(connection, parent)) {
            Some(Ok(None)) => StoreError::Missing { what: "parent channel" },
            Some(Err(error)) => error,
            Some(Ok(Some(_))) | None => StoreError::Missing { what: "tenant" },
        },
    }
}

fn find(connection: &Connection, id: ChannelId) -> Result<Option<Channel>, StoreError> {
    query_one(connection, "channels", FIND, named_params! {":channel_id": Text(id.0)}, |row| channel(row))
}

fn list_page(
    connection: &Connection,
    tenant: TenantId,
    with_private: bool,
    page: Page<ChannelCursor>,
) -> Result<Vec<Channel>, StoreError> {
    let [at, after] = if with_private { [LIST_AT, LIST] } else { [LIST_PUBLIC_AT, LIST_PUBLIC] };
    let (tenant, position) = (Text(tenant.0), page.after.map_or(i64::MIN, |cursor| cursor.position.into()));
    let mut channels = Vec::new();
    if let Some(cursor) = page.after {
        let parameters = named_params! {
            ":tenant_id": tenant, ":position": position, ":platform_id": number(cursor.platform_id),
            ":limit": page.limit,
        };
        channels = query(connection, "channels", at, parameters, |row| channel(row))?;
    }
    let left = left(page.limit, &channels);
    if left > 0 {
        let parameters = named_params! {":tenant_id": tenant, ":position": position, ":limit": left};
        channels.extend(query(connection, "channels", after, parameters, |row| channel(row))?);
    }
    Ok(channels)
}

#[async_trait]
impl ChannelRepository for Unit {
    #[instrument(name = "db.channel.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.run(move |connection| find(connection, id)).await
    }

    #[instrument(name = "db.channel.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, tenant: TenantId, slug: &ChannelSlug) -> Result<Option<Channel>, StoreError> {
        let slug = slug.clone();
        self.run(move |connection| {
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":slug": slug.as_str()};
            query_one(connection, "channels", FIND_BY_SLUG, parameters, |row| channel(row))
        })
        .await
    }

    #[instrument(name = "db.channel.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        self.run(move |connection| ids.into_iter().filter_map(|id| find(connection, id).transpose()).collect()).await
    }

    #[instrument(name = "db.channel.list", level = "debug", skip_all, err(level = "trace"))]
    async fn list(
        &mut self,
        tenant: TenantId,
        with_private: bool,
        page: Page<ChannelCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        self.run(move |connection| list_page(connection, tenant, with_private, page)).await
    }

    #[instrument(name = "db.channel.list_threads", level = "debug", skip_all, err(level = "trace"))]
    async fn list_threads(
        &mut self,
        parent: ChannelId,
        filter: ThreadFilter,
        page: Page<ThreadCursor>,
    ) -> Result<Vec<Channel>, StoreError> {
        self.run(move |connection| thread::list(connection, parent, filter, page)).await
    }

    #[instrument(name = "db.channel.list_all", level = "debug", skip_all, err(level = "trace"))]
    async fn list_all(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Channel>, StoreError> {
        self.run(move |connection| {
            let after = page.after.map_or_else(String::new, |after| after.to_string());
            let parameters = named_params! {":tenant_id": Text(tenant.0), ":after": after, ":limit": page.limit};
            query(connection, "channels", LIST_ALL, parameters, |row| channel(row))
        })
        .await
    }

    #[instrument(name = "db.channel.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, channel: &Channel) -> Result<(), StoreError> {
        let channel = channel.clone();
        self.write_logged(move |connection, changes| {
            let parents = upsert(connection, &channel)?;
            let tenant_id = channel.tenant_id;
            let changed = std::iter::once(channel.id).chain(parents);
            changes.extend(changed.map(|channel| Change { tenant_id, kind: ChangeKind::Channel { channel } }));
            Ok(())
        })
        .await
    }

    #[instrument(name = "db.channel.fence", level = "debug", skip_all, err(level = "trace"))]
    async fn fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError> {
        self.run(move |connection| {
            let parameters = named_params! {":channel_id": Text(id.0), ":fence": fence.get()};
            execute(connection, FENCE, parameters).map(|rows| rows == 1).map_err(store_error)
        })
        .await
    }

    #[instrument(name = "db.channel.recount", level = "debug", skip_all, err(level = "trace"))]
    async fn recount(&mut self, id: ChannelId) -> Result<u64, StoreError> {
        self.write_logged(move |connection, changes| recount_messages(connection, changes, id)).await
    }

    #[instrument(name = "db.channel.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: ChannelId) -> Result<(), StoreError> {
        self.write_logged(move |connection, changes| {
            change::log(connection, changes, id, [ChangeKind::ChannelGone { channel: id }])?;
            let parents = delete(connection, id)?;
            for channel in parents {
                change::log(connection, changes, channel, [ChangeKind::Channel { channel }])?;
            }
            Ok(())
        })
        .await
    }
}
