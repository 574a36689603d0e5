//! Channels and threads.

mod locked;
mod thread;

use adapter_sql::channel::ChannelStatements;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::lease::Fence;
use ports::error::StoreError;

use crate::message::recount_messages;
use crate::unit::Unit;

pub(crate) use self::locked::{LockedChannel, StoredRange};

impl ChannelStatements for Unit {
    const LOCK: Option<&'static str> = Some(
        r"
        SELECT channel_id
        FROM channels
        WHERE channel_id = :channel_id
        FOR UPDATE
    ",
    );

    const FIND: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE channel_id = :channel_id
    "};

    const FIND_BY_SLUG: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE tenant_id = :tenant_id
            AND slug = :slug
    "};

    const FIND_ALL: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE channel_id IN (…)
    "};

    /// The hints, here and below, keep `TiDB` from reading a whole table and sorting it if it estimates that to be cheaper.
    const LIST_AT: &'static str = sql! {r"
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

    const LIST: &'static str = sql! {r"
        SELECT /*+ ORDER_INDEX(channels, channels_by_position) */
            {channel}, {channel_stats}
        FROM channels
        WHERE tenant_id = :tenant_id
            AND thread = 0
            AND position > :position
        ORDER BY position, platform_id
        LIMIT :limit
    "};

    const LIST_PUBLIC_AT: &'static str = sql! {r"
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

    const LIST_PUBLIC: &'static str = sql! {r"
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

    const LIST_ALL: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels FORCE INDEX (channels_by_tenant)
        WHERE tenant_id = :tenant_id
            AND channel_id > :after
        ORDER BY channel_id
        LIMIT :limit
    "};

    const FIND_COUNTED: &'static str = r"
        SELECT tenant_id, parent_id, kind, visibility
        FROM channels
        WHERE channel_id = :channel_id
        FOR UPDATE
    ";

    /// The table has two unique keys, so an upsert could overwrite the channel that has the same slug.
    /// It has no message: its range is empty, and not unknown.
    const INSERT: &'static str = sql! {r"
        INSERT INTO channels (
            {channel}, thread, message_count, thread_count, active_at, lowest_message_id, highest_message_id
        )
        VALUES ({:channel}, :thread, 0, 0, :created_at, 9223372036854775807, 0)
    "};

    /// A channel has a row of coverage from the beginning, so that a page updates both with one statement.
    const INSERT_COVERAGE: Option<&'static str> = Some(
        r"
        INSERT INTO coverage (channel_id, start_reached)
        VALUES (:channel_id, 0)
    ",
    );

    const UPDATE: &'static str = r"
        UPDATE channels
        SET parent_id = :parent_id, kind = :kind, thread = :thread, name = :name, slug = :slug, topic = :topic,
            position = :position, nsfw = :nsfw, visibility = :visibility, archived = :archived, locked = :locked,
            tags = :tags, applied_tags = :applied_tags, extra = :extra,
            observed_at = :observed_at
        WHERE channel_id = :channel_id
    ";

    const COUNT_THREAD: &'static str = r"
        UPDATE channels
        SET thread_count = thread_count + :change
        WHERE channel_id = :channel_id
    ";

    const DELETE: &'static str = r"
        DELETE FROM channels
        WHERE channel_id = :channel_id
    ";

    async fn raise_fence(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError> {
        self.fence_channel(id, fence).await
    }

    async fn recount_messages(&mut self, id: ChannelId) -> Result<u64, StoreError> {
        recount_messages(self, id).await
    }
}
