//! Lists of threads. Each statement reads one range of an index that has its filter, so that a page costs the same however
//! many threads the filter leaves out.

use domain::channel::{Channel, ChannelId, ChannelSnowflake};
use ports::channel::{ThreadCursor, ThreadFilter, ThreadOrder};
use ports::error::StoreError;
use ports::page::Page;

use crate::parameters;
use crate::range::left;
use crate::session::Session;
use crate::values::Value;

/// The statements of a store.
pub trait ThreadStatements: Session {
    /// Lists threads by activity, the newest first.
    const LIST_NEWEST: &'static str;
    /// Lists threads with exactly the time of the cursor, which come before those with an earlier one.
    const LIST_TIED: &'static str;
    /// Lists threads whose activity is earlier than that of the cursor.
    const LIST_BEFORE: &'static str;
    /// Lists threads by id, descending from the bound.
    const LIST_LATEST: &'static str;
    /// Lists threads by id, ascending from above the cursor.
    const LIST_OLDEST: &'static str;
    /// [`ThreadStatements::LIST_NEWEST`] of public threads.
    const LIST_PUBLIC_NEWEST: &'static str;
    /// [`ThreadStatements::LIST_TIED`] of public threads.
    const LIST_PUBLIC_TIED: &'static str;
    /// [`ThreadStatements::LIST_BEFORE`] of public threads.
    const LIST_PUBLIC_BEFORE: &'static str;
    /// [`ThreadStatements::LIST_LATEST`] of public threads.
    const LIST_PUBLIC_LATEST: &'static str;
    /// [`ThreadStatements::LIST_OLDEST`] of public threads.
    const LIST_PUBLIC_OLDEST: &'static str;
}

pub(super) async fn list<U: ThreadStatements>(
    unit: &mut U,
    parent: ChannelId,
    filter: ThreadFilter,
    page: Page<ThreadCursor>,
) -> Result<Vec<Channel>, StoreError> {
    let [newest, at, before, latest, oldest] = if filter.with_private {
        [U::LIST_NEWEST, U::LIST_TIED, U::LIST_BEFORE, U::LIST_LATEST, U::LIST_OLDEST]
    } else {
        [
            U::LIST_PUBLIC_NEWEST,
            U::LIST_PUBLIC_TIED,
            U::LIST_PUBLIC_BEFORE,
            U::LIST_PUBLIC_LATEST,
            U::LIST_PUBLIC_OLDEST,
        ]
    };
    let limit = page.limit;
    match (filter.order, page.after) {
        (ThreadOrder::Activity, None) => {
            unit.select(newest, parameters! { "parent_id" => parent.0, "limit" => limit }).await
        }
        (ThreadOrder::Activity, Some(ThreadCursor { active_at, platform_id })) => {
            let parameters = parameters! {
                "parent_id" => parent.0, "active_at" => active_at, "platform_id" => platform_id, "limit" => limit,
            };
            let mut threads = unit.select(at, parameters).await?;
            let limit = left(limit, &threads);
            if limit > 0 {
                let parameters = parameters! { "parent_id" => parent.0, "active_at" => active_at, "limit" => limit };
                threads.extend(unit.select::<Channel>(before, parameters).await?);
            }
            Ok(threads)
        }
        (ThreadOrder::Created | ThreadOrder::Oldest, after) => {
            let known = after.map(|after| after.platform_id.get());
            let (sql, platform_id) = match filter.order {
                ThreadOrder::Oldest => (oldest, known.unwrap_or(0)),
                // The bound itself is in the range, so that a first page has the largest id, too.
                _ => (latest, known.map_or(ChannelSnowflake::MAX.get(), |known| known - 1)),
            };
            let platform_id = Value::Bits(platform_id);
            let parameters = parameters! { "parent_id" => parent.0, "platform_id" => platform_id, "limit" => limit };
            unit.select(sql, parameters).await
        }
    }
}
