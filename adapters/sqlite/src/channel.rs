//! Channels and threads.

mod thread;

use adapter_sql::channel::ChannelStatements;
use adapter_sql::sql;
use domain::channel::ChannelId;
use domain::lease::Fence;
use ports::error::StoreError;
use rusqlite::named_params;

use crate::error::store_error;
use crate::message::recount_messages;
use crate::row::{Text, execute};
use crate::unit::Unit;

const FENCE: &str = r"
    UPDATE channels
    SET fence = :fence
    WHERE channel_id = :channel_id
        AND fence <= :fence
";

impl ChannelStatements for Unit {
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
        WHERE channel_id = :channel_id
    "};

    const LIST_AT: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE tenant_id = :tenant_id
            AND thread = 0
            AND position = :position
            AND platform_id > :platform_id
        ORDER BY platform_id
        LIMIT :limit
    "};

    const LIST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE tenant_id = :tenant_id
            AND thread = 0
            AND position > :position
        ORDER BY position, platform_id
        LIMIT :limit
    "};

    const LIST_PUBLIC_AT: &'static str = sql! {r"
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

    const LIST_PUBLIC: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
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
        FROM channels
        WHERE tenant_id = :tenant_id
            AND channel_id > :after
        ORDER BY channel_id
        LIMIT :limit
    "};

    const FIND_COUNTED: &'static str = r"
        SELECT tenant_id, parent_id, kind, visibility
        FROM channels
        WHERE channel_id = :channel_id
    ";

    const INSERT: &'static str = sql! {r"
        INSERT INTO channels ({channel}, thread, message_count, thread_count, active_at)
        VALUES ({:channel}, :thread, 0, 0, :created_at)
    "};

    const UPDATE: &'static str = r"
        UPDATE channels
        SET parent_id = :parent_id, kind = :kind, thread = :thread, name = :name, slug = :slug, topic = :topic,
            position = :position, nsfw = :nsfw, visibility = :visibility, archived = :archived, locked = :locked,
            tags = :tags, applied_tags = :applied_tags, extra = :extra, observed_at = :observed_at
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
        self.run(move |connection| {
            let parameters = named_params! {":channel_id": Text(id.0), ":fence": fence.get()};
            execute(connection, FENCE, parameters).map(|rows| rows == 1).map_err(store_error)
        })
        .await
    }

    async fn recount_messages(&mut self, id: ChannelId) -> Result<u64, StoreError> {
        self.write_logged(move |connection, changes| recount_messages(connection, changes, id)).await
    }
}
