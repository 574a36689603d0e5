//! The lock of a channel.

use adapter_sql::columns::Columns;
use adapter_sql::message::stored_stats;
use adapter_sql::session::Session;
use domain::channel::ChannelId;
use domain::lease::Fence;
use domain::page::StoredStats;
use domain::tenant::TenantId;
use mysql_async::params;
use ports::error::StoreError;

use crate::row::{NamedRow, of};
use crate::unit::Unit;

/// Two writers of a channel wait for each other on its row. All other rows that a page is compared with are read after
/// it is locked.
const LOCK: &str = r"
    SELECT channel_id, tenant_id, platform_id, fence, message_count, newest_message_id, last_activity_at
    FROM channels
    WHERE channel_id = :channel_id
    FOR UPDATE
";

const RAISE_FENCE: &str = r"
    UPDATE channels
    SET fence = :fence
    WHERE channel_id = :channel_id
";

/// A channel as read when it was locked.
#[derive(Debug, Clone)]
pub(crate) struct LockedChannel {
    pub(crate) id: ChannelId,
    tenant: TenantId,
    pub(crate) fence: u64,
    pub(crate) stats: StoredStats,
}

fn locked(row: &mut NamedRow) -> Result<LockedChannel, StoreError> {
    Ok(LockedChannel {
        id: ChannelId(row.uuid("channel_id")?),
        tenant: TenantId(row.uuid("tenant_id")?),
        fence: row.number("fence")?,
        stats: stored_stats(row)?,
    })
}

impl Unit {
    /// Makes every other writer of the channel wait; returns the channel as it is now, or `None` if it is not stored.
    pub(crate) async fn lock_channel(&mut self, id: ChannelId) -> Result<Option<LockedChannel>, StoreError> {
        if let Some(locked) = self.locked.take_if(|locked| locked.id == id) {
            return Ok(Some(locked));
        }
        let found = self.row(LOCK, params! { "channel_id" => id.to_string() }, of("channels", locked)).await?;
        if let Some(locked) = &found {
            self.know_tenant(id, locked.tenant);
        }
        Ok(found)
    }

    pub(super) async fn fence_channel(&mut self, id: ChannelId, fence: Fence) -> Result<bool, StoreError> {
        let Some(locked) = self.lock_channel(id).await? else { return Ok(false) };
        let held = self.fences.get(&id).map_or(locked.fence, |fence| fence.get());
        self.locked = Some(locked);
        if held < fence.get() {
            self.fences.insert(id, fence);
        }
        Ok(held <= fence.get())
    }

    /// Stores the fences that no other update has stored.
    pub(crate) fn raise_fences(&mut self) {
        while let Some((id, fence)) = self.fences.pop_first() {
            let parameters = params! { "channel_id" => id.to_string(), "fence" => fence.get() };
            self.defer(RAISE_FENCE, &parameters);
        }
    }
}
