//! Lists of threads. Each statement reads one range of an index that has its filter, so that a page costs the same however
//! many threads the filter leaves out. The hints keep `TiDB` from reading a whole table and sorting it.

use adapter_sql::channel::channel;
use adapter_sql::range::left;
use adapter_sql::sql;
use domain::channel::{Channel, ChannelId};
use mysql_async::params;
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::page::Page;

use crate::row::{datetime, of};
use crate::unit::Unit;

const LIST_NEWEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

/// Threads with exactly the time of the cursor, which come before those with an earlier one.
const LIST_AT: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND active_at = :active_at
        AND platform_id < :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_BEFORE: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND active_at < :active_at
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_LATEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_platform_id) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND platform_id < :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_OLDEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_by_platform_id) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

const LIST_PUBLIC_NEWEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_AT: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND active_at = :active_at
        AND platform_id < :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_BEFORE: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_activity) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND active_at < :active_at
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_LATEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_platform_id) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND platform_id < :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_OLDEST: &str = sql! {r"
    SELECT /*+ ORDER_INDEX(channels, channels_visible_by_platform_id) */
        {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

pub(super) async fn list(
    unit: &mut Unit,
    parent: ChannelId,
    filter: ThreadFilter,
    page: Page<ThreadCursor>,
) -> Result<Vec<Channel>, StoreError> {
    let [newest, at, before, latest, oldest] = if filter.with_private {
        [LIST_NEWEST, LIST_AT, LIST_BEFORE, LIST_LATEST, LIST_OLDEST]
    } else {
        [LIST_PUBLIC_NEWEST, LIST_PUBLIC_AT, LIST_PUBLIC_BEFORE, LIST_PUBLIC_LATEST, LIST_PUBLIC_OLDEST]
    };
    let (parent_id, limit) = (parent.to_string(), page.limit);
    match (filter.order, page.after) {
        (ThreadOrder::Activity, None) => unit.rows(newest, params! { parent_id, limit }, of("channels", channel)).await,
        (ThreadOrder::Activity, Some(after)) => {
            let (active_at, platform_id) = (datetime(after.active_at), after.platform_id.get());
            let parameters = params! {
                "parent_id" => parent_id.clone(), "active_at" => active_at.clone(), platform_id, limit,
            };
            let mut threads = unit.rows(at, parameters, of("channels", channel)).await?;
            let limit = left(limit, &threads);
            if limit > 0 {
                threads
                    .extend(unit.rows(before, params! { parent_id, active_at, limit }, of("channels", channel)).await?);
            }
            Ok(threads)
        }
        (ThreadOrder::Created | ThreadOrder::Oldest, after) => {
            let known = after.map(|after| after.platform_id.get());
            let (sql, platform_id) = match filter.order {
                ThreadOrder::Oldest => (oldest, known.unwrap_or(0)),
                _ => (latest, known.unwrap_or(u64::MAX)),
            };
            unit.rows(sql, params! { parent_id, platform_id, limit }, of("channels", channel)).await
        }
    }
}
