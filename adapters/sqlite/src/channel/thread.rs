//! Lists of threads. Each statement reads one range of an index that has its filter, so that a page costs the same however
//! many threads the filter leaves out.

use adapter_sql::sql;
use domain::channel::{Channel, ChannelId};
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::page::Page;
use rusqlite::{Connection, named_params};

use crate::row::{Text, millis, number, query};
use adapter_sql::channel::channel;
use adapter_sql::range::left;

const LIST_NEWEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

/// Threads with exactly the time of the cursor, which come before those with an earlier one.
const LIST_AT: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND active_at = :active_at
        AND platform_id < :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_BEFORE: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND active_at < :active_at
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_LATEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND platform_id <= :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_OLDEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

const LIST_PUBLIC_NEWEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_AT: &str = sql! {r"
    SELECT {channel}, {channel_stats}
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
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND active_at < :active_at
    ORDER BY active_at DESC, platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_LATEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND platform_id <= :platform_id
    ORDER BY platform_id DESC
    LIMIT :limit
"};

const LIST_PUBLIC_OLDEST: &str = sql! {r"
    SELECT {channel}, {channel_stats}
    FROM channels
    WHERE parent_id = :parent_id
        AND thread = 1
        AND visibility = 'public'
        AND platform_id > :platform_id
    ORDER BY platform_id
    LIMIT :limit
"};

pub(super) fn list(
    connection: &Connection,
    parent: ChannelId,
    filter: ThreadFilter,
    page: Page<ThreadCursor>,
) -> Result<Vec<Channel>, StoreError> {
    let [newest, at, before, latest, oldest] = if filter.with_private {
        [LIST_NEWEST, LIST_AT, LIST_BEFORE, LIST_LATEST, LIST_OLDEST]
    } else {
        [LIST_PUBLIC_NEWEST, LIST_PUBLIC_AT, LIST_PUBLIC_BEFORE, LIST_PUBLIC_LATEST, LIST_PUBLIC_OLDEST]
    };
    let (parent, limit) = (Text(parent.0), page.limit);
    match (filter.order, page.after) {
        (ThreadOrder::Activity, None) => {
            query(connection, "channels", newest, named_params! {":parent_id": parent, ":limit": limit}, |row| {
                channel(row)
            })
        }
        (ThreadOrder::Activity, Some(after)) => {
            let active_at = millis(after.active_at);
            let parameters = named_params! {
                ":parent_id": parent, ":active_at": active_at, ":platform_id": number(after.platform_id),
                ":limit": limit,
            };
            let mut threads = query(connection, "channels", at, parameters, |row| channel(row))?;
            let left = left(limit, &threads);
            if left > 0 {
                let parameters = named_params! {":parent_id": parent, ":active_at": active_at, ":limit": left};
                threads.extend(query(connection, "channels", before, parameters, |row| channel(row))?);
            }
            Ok(threads)
        }
        (ThreadOrder::Created | ThreadOrder::Oldest, after) => {
            let known = after.map(|after| number(after.platform_id));
            let (sql, platform_id) = match filter.order {
                ThreadOrder::Oldest => (oldest, known.unwrap_or(0)),
                // The bound itself is in the range, so that a first page has the largest id, too.
                _ => (latest, known.map_or(i64::MAX, |known| known - 1)),
            };
            let parameters = named_params! {":parent_id": parent, ":platform_id": platform_id, ":limit": limit};
            query(connection, "channels", sql, parameters, |row| channel(row))
        }
    }
}
