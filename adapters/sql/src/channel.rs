//! Channels and threads.

pub mod thread;

use std::future::Future;

use async_trait::async_trait;
use domain::change::ChangeKind;
use domain::channel::{Channel, ChannelId, ChannelKind, ChannelStats};
use domain::lease::Fence;
use domain::slug::ChannelSlug;
use domain::tenant::TenantId;
use domain::visibility::Visibility;
use ports::channel::{ChannelCursor, ChannelRepository, ThreadCursor, ThreadFilter};
use ports::error::StoreError;
use ports::page::Page;
use tracing::instrument;

use self::thread::ThreadStatements;
use crate::columns::{Columns, list_text};
use crate::range::left;
use crate::session::FromRow;
use crate::unit::SqlUnit;
use crate::values::Parameters;
use crate::{parameters, values};

/// The statements of a store.
pub trait ChannelStatements: ThreadStatements {
    /// Locks a channel.
    const LOCK: Option<&'static str> = None;
    /// Finds a channel.
    const FIND: &'static str;
    /// Finds a channel of a tenant by its slug.
    const FIND_BY_SLUG: &'static str;
    /// Finds channels.
    const FIND_ALL: &'static str;
    /// Lists channels with exactly the position of the cursor, which come before those with a larger one.
    const LIST_AT: &'static str;
    /// Lists channels with a larger position than the cursor.
    const LIST: &'static str;
    /// [`ChannelStatements::LIST_AT`] of public channels.
    const LIST_PUBLIC_AT: &'static str;
    /// [`ChannelStatements::LIST`] of public channels.
    const LIST_PUBLIC: &'static str;
    /// Lists channels and threads by id.
    const LIST_ALL: &'static str;
    /// Finds and locks the tenant of a channel, and what decides whether its parent counts it as a thread.
    const FIND_COUNTED: &'static str;
    /// Stores a new channel.
    const INSERT: &'static str;
    /// Stores the coverage of a new channel, where each channel has a row of it.
    const INSERT_COVERAGE: Option<&'static str> = None;
    /// Replaces a channel, except its stats.
    const UPDATE: &'static str;
    /// Changes the number of a channel's threads.
    const COUNT_THREAD: &'static str;
    /// Removes a channel.
    const DELETE: &'static str;

    /// Raises the fence of a channel like [`ChannelRepository::fence`].
    fn raise_fence(&mut self, id: ChannelId, fence: Fence) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Recounts the messages of a channel like [`ChannelRepository::recount`].
    fn recount_messages(&mut self, id: ChannelId) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

impl FromRow for Channel {
    const TABLE: &'static str = "channels";

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        Ok(Self {
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
}

/// The tenant of a channel, and the parent that counts it as a thread.
struct Counted {
    tenant: TenantId,
    parent: Option<ChannelId>,
    is_thread: bool,
    /// Whether readers may read it; a thread, if they may read its parent.
    is_open: bool,
}

impl FromRow for Counted {
    const TABLE: &'static str = Channel::TABLE;

    fn from_row(row: &mut impl Columns) -> Result<Self, StoreError> {
        let tenant = TenantId(row.uuid("tenant_id")?);
        let parent = row.optional_uuid("parent_id")?.map(ChannelId);
        let (kind, visibility) = (ChannelKind(row.number("kind")?), row.parse("visibility")?);
        Ok(Self {
            tenant,
            parent: kind.counting_parent(visibility, parent),
            is_thread: kind.is_thread(),
            is_open: is_open(kind, visibility),
        })
    }
}

/// Returns whether readers may read a channel; a thread, if they may read its parent.
fn is_open(kind: ChannelKind, visibility: Visibility) -> bool {
    visibility == Visibility::Public && !kind.is_always_private()
}

/// Returns a statement with the numbers of the types that hold no messages in the place of `:silent`.
#[must_use]
pub fn silent_sql(sql: &str) -> String {
    sql.replace(":silent", &ChannelKind::SILENT.map(|kind| kind.0.to_string()).join(", "))
}

/// Returns the parameters of a statement that stores a channel.
fn parameters(channel: &Channel) -> Parameters<'_> {
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

/// Returns a tenant's slug in the form in which a unit records free names.
fn named(tenant: TenantId, slug: &ChannelSlug) -> String {
    format!("{tenant}/{slug}")
}

impl<U: ChannelStatements> SqlUnit<U> {
    /// Moves the count of one thread from the parent that counted it to the one that counts it now.
    async fn move_count(
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
            let parameters = parameters! { "channel_id" => parent.0, "change" => change };
            self.0.execute(U::COUNT_THREAD, parameters).await?;
            self.0.log(tenant, [ChangeKind::Channel { channel: parent }]);
        }
        Ok(())
    }

    /// Records that a channel closes, if readers could read it `before`.
    async fn close(&mut self, id: ChannelId, before: &Counted) -> Result<(), StoreError> {
        let mut was_open = before.is_open;
        if was_open && before.is_thread {
            let Some(parent) = before.parent else { return Ok(()) };
            let parent: Option<Counted> =
                self.0.select_one(U::FIND_COUNTED, parameters! { "channel_id" => parent.0 }).await?;
            was_open = parent.is_some_and(|parent| parent.is_open);
        }
        if was_open {
            self.0.log(before.tenant, [ChangeKind::ChannelClosed { channel: id }]);
        }
        Ok(())
    }

    /// Returns the error for a rejected row. Another unit can have stored the same channel a moment ago; then the retry
    /// finds it. A store does not report which of two references is missing.
    async fn refused(&mut self, channel: &Channel, error: U::Error) -> StoreError {
        let found = if U::is_missing(&error) {
            let Some(parent) = channel.parent_id else { return StoreError::Missing { what: "tenant" } };
            self.0.select_one(U::FIND, parameters! { "channel_id" => parent.0 }).await.map(|parent| match parent {
                Some(Channel { .. }) => StoreError::Missing { what: "tenant" },
                None => StoreError::Missing { what: "parent channel" },
            })
        } else if U::is_taken(&error) {
            let parameters = parameters! { "tenant_id" => channel.tenant_id.0, "slug" => channel.slug.as_str() };
            self.0.select_one(U::FIND_BY_SLUG, parameters).await.map(|other| match other {
                Some(Channel { id, .. }) if id != channel.id => {
                    self.0.taken(&[named(channel.tenant_id, &channel.slug)], "channel slug", error)
                }
                _ => self.0.lost_race(error),
            })
        } else {
            Ok(self.0.failed(error))
        };
        found.unwrap_or_else(|error| error)
    }
}

#[async_trait]
impl<U: ChannelStatements> ChannelRepository for SqlUnit<U> {
    #[instrument(name = "db.channel.find", level = "debug", skip_all, err(level = "trace"))]
    async fn find(&mut self, id: ChannelId) -> Result<Option<Channel>, StoreError> {
        self.0.lock(U::LOCK, parameters! { "channel_id" => id.0 }).await?;
        self.0.select_one(U::FIND, parameters! { "channel_id" => id.0 }).await
    }

    #[instrument(name = "db.channel.find_by_slug", level = "debug", skip_all, err(level = "trace"))]
    async fn find_by_slug(&mut self, tenant: TenantId, slug: &ChannelSlug) -> Result<Option<Channel>, StoreError> {
        let parameters = parameters! { "tenant_id" => tenant.0, "slug" => slug.as_str() };
        let found = self.0.select_one(U::FIND_BY_SLUG, parameters).await?;
        Ok(self.0.note_free(named(tenant, slug), found))
    }

    #[instrument(name = "db.channel.find_all", level = "debug", skip_all, err(level = "trace"))]
    async fn find_all(&mut self, ids: &[ChannelId]) -> Result<Vec<Channel>, StoreError> {
        let keys = ids.iter().map(|id| values![id.0]).collect();
        let mut found: Vec<Channel> = self.0.select_each(U::FIND_ALL, None, keys).await?;
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
        let [at, after] = if with_private { [U::LIST_AT, U::LIST] } else { [U::LIST_PUBLIC_AT, U::LIST_PUBLIC] };
        let position = page.after.map_or(i64::MIN, |cursor| cursor.position.into());
        let mut channels = Vec::new();
        if let Some(ChannelCursor { platform_id, .. }) = page.after {
            let parameters = parameters! {
                "tenant_id" => tenant.0, "position" => position, "platform_id" => platform_id, "limit" => page.limit,
            };
            channels = self.0.select(at, parameters).await?;
        }
        let limit = left(page.limit, &channels);
        if limit > 0 {
            let parameters = parameters! { "tenant_id" => tenant.0, "position" => position, "limit" => limit };
            channels.extend(self.0.select::<Channel>(after, parameters).await?);
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
        thread::list(&mut self.0, parent, filter, page).await
    }

    #[instrument(name = "db.channel.list_all", level = "debug", skip_all, err(level = "trace"))]
    async fn list_all(&mut self, tenant: TenantId, page: Page<ChannelId>) -> Result<Vec<Channel>, StoreError> {
        let after = page.after.map_or_else(String::new, |after| after.to_string());
        let parameters = parameters! { "tenant_id" => tenant.0, "after" => after, "limit" => page.limit };
        self.0.select(U::LIST_ALL, parameters).await
    }

    #[instrument(name = "db.channel.upsert", level = "debug", skip_all, err(level = "trace"))]
    async fn upsert(&mut self, channel: &Channel) -> Result<(), StoreError> {
        let id = || parameters! { "channel_id" => channel.id.0 };
        let before: Option<Counted> = self.0.select_one(U::FIND_COUNTED, id()).await?;
        let sql = if before.is_some() { U::UPDATE } else { U::INSERT };
        if let Err(error) = self.0.attempt(sql, parameters(channel)).await? {
            return Err(self.refused(channel, error).await);
        }
        if before.is_none()
            && let Some(sql) = U::INSERT_COVERAGE
        {
            self.0.execute(sql, id()).await?;
        }
        self.0.know_tenant(channel.id, channel.tenant_id);
        self.0.log(channel.tenant_id, [ChangeKind::Channel { channel: channel.id }]);
        if let Some(before) = before.as_ref().filter(|_| !is_open(channel.kind, channel.visibility)) {
            self.close(channel.id, before).await?;
        }
        let after = channel.kind.counting_parent(channel.visibility, channel.parent_id);
        self.move_count(channel.tenant_id, before.and_then(|before| before.parent), after).await
    }

    #[instrument(name = "db.channel.fence", level = "debug", skip_all, err(level = "trace"))]
    async fn fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError> {
        self.0.raise_fence(id, fence).await
    }

    #[instrument(name = "db.channel.recount", level = "debug", skip_all, err(level = "trace"))]
    async fn recount(&mut self, id: ChannelId) -> Result<u64, StoreError> {
        self.0.recount_messages(id).await
    }

    #[instrument(name = "db.channel.delete", level = "debug", skip_all, err(level = "trace"))]
    async fn delete(&mut self, id: ChannelId) -> Result<(), StoreError> {
        let before: Option<Counted> = self.0.select_one(U::FIND_COUNTED, parameters! { "channel_id" => id.0 }).await?;
        let Some(before) = before else { return Ok(()) };
        self.close(id, &before).await?;
        self.0.log(before.tenant, [ChangeKind::ChannelGone { channel: id }]);
        self.move_count(before.tenant, before.parent, None).await?;
        self.0.execute(U::DELETE, parameters! { "channel_id" => id.0 }).await.map(drop)
    }
}
