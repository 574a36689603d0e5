//! Lists of threads. Each statement reads one range of an index that has its filter, so that a page costs the same however
//! many threads the filter leaves out.

use adapter_sql::channel::thread::ThreadStatements;
use adapter_sql::sql;

use crate::unit::Unit;

impl ThreadStatements for Unit {
    const LIST_NEWEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
        ORDER BY active_at DESC, platform_id DESC
        LIMIT :limit
    "};

    /// Threads with exactly the time of the cursor, which come before those with an earlier one.
    const LIST_TIED: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND active_at = :active_at
            AND platform_id < :platform_id
        ORDER BY platform_id DESC
        LIMIT :limit
    "};

    const LIST_BEFORE: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND active_at < :active_at
        ORDER BY active_at DESC, platform_id DESC
        LIMIT :limit
    "};

    const LIST_LATEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND platform_id <= :platform_id
        ORDER BY platform_id DESC
        LIMIT :limit
    "};

    const LIST_OLDEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND platform_id > :platform_id
        ORDER BY platform_id
        LIMIT :limit
    "};

    const LIST_PUBLIC_NEWEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND visibility = 'public'
        ORDER BY active_at DESC, platform_id DESC
        LIMIT :limit
    "};

    const LIST_PUBLIC_TIED: &'static str = sql! {r"
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

    const LIST_PUBLIC_BEFORE: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND visibility = 'public'
            AND active_at < :active_at
        ORDER BY active_at DESC, platform_id DESC
        LIMIT :limit
    "};

    const LIST_PUBLIC_LATEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND visibility = 'public'
            AND platform_id <= :platform_id
        ORDER BY platform_id DESC
        LIMIT :limit
    "};

    const LIST_PUBLIC_OLDEST: &'static str = sql! {r"
        SELECT {channel}, {channel_stats}
        FROM channels
        WHERE parent_id = :parent_id
            AND thread = 1
            AND visibility = 'public'
            AND platform_id > :platform_id
        ORDER BY platform_id
        LIMIT :limit
    "};
}
