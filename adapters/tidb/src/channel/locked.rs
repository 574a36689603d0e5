//! The lock of a channel.

use adapter_sql::columns::Columns;
use adapter_sql::message::stored_stats;
use adapter_sql::session::Session;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::lease::Fence;
use domain::message::MessageId;
use domain::page::StoredStats;
use domain::tenant::TenantId;
use mysql_async::params;
use ports::error::StoreError;

use crate::row::{NamedRow, of};
use crate::unit::Unit;

/// Two writers of a channel wait for each other on its row. All other rows that a page is compared with are read after
/// it is locked.
const LOCK: &str = r"
    SELECT channel_id, tenant_id, platform_id, fence, message_count, newest_message_id, last_activity_at,
        lowest_message_id, highest_message_id, has_unreadable
    FROM channels
    WHERE channel_id = :channel_id
    FOR UPDATE
";

/// The range of a channel from a release that did not store it.
const RANGE: &str = r"
    SELECT MIN(message_id) AS lowest_message_id, MAX(message_id) AS highest_message_id
    FROM messages
    WHERE channel_id = :channel_id
";

const SET_RANGE: &str = r"
    UPDATE channels
    SET lowest_message_id = :lowest_message_id, highest_message_id = :highest_message_id
    WHERE channel_id = :channel_id
";

const RAISE_FENCE: &str = r"
    UPDATE channels
    SET fence = :fence
    WHERE channel_id = :channel_id
";

/// The lowest and the highest id of the messages of a channel, deleted ones included. Without a message the lowest one is
/// the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredRange {
    pub(crate) lowest: u64,
    pub(crate) highest: u64,
}

impl StoredRange {
    /// Returns the range of a row, or `None` if it is unknown.
    fn of(row: &mut NamedRow) -> Result<Option<Self>, StoreError> {
        let ends = (row.optional_number("lowest_message_id")?, row.optional_number("highest_message_id")?);
        Ok(ends.0.zip(ends.1).map(|(lowest, highest)| Self { lowest, highest }))
    }

    fn is_outside(self, ids: Interval) -> bool {
        ids.high().get() < self.lowest || ids.low().get() > self.highest
    }

    fn with(self, ids: impl Iterator<Item = MessageId>) -> Self {
        ids.map(MessageId::get)
            .fold(self, |range, id| Self { lowest: range.lowest.min(id), highest: range.highest.max(id) })
    }
}

/// A channel as read when it was locked.
#[derive(Debug, Clone)]
pub(crate) struct LockedChannel {
    pub(crate) id: ChannelId,
    pub(crate) tenant: TenantId,
    pub(crate) fence: u64,
    pub(crate) stats: StoredStats,
    /// `None` if it is unknown.
    pub(crate) range: Option<StoredRange>,
    /// Whether it has or had unreadable items.
    pub(crate) has_unreadable: bool,
}

impl LockedChannel {
    /// Returns whether no message with one of these ids is stored.
    pub(crate) fn has_none_of(&self, ids: Interval) -> bool {
        self.range.is_some_and(|range| range.is_outside(ids))
    }
}

fn locked(row: &mut NamedRow) -> Result<LockedChannel, StoreError> {
    Ok(LockedChannel {
        id: ChannelId(row.uuid("channel_id")?),
        tenant: TenantId(row.uuid("tenant_id")?),
        fence: row.number("fence")?,
        stats: stored_stats(row)?,
        range: StoredRange::of(row)?,
        has_unreadable: row.flag("has_unreadable")?,
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

    /// Returns the range of a locked channel to which messages were added.
    pub(crate) async fn widened(
        &mut self,
        locked: &LockedChannel,
        added: impl Iterator<Item = MessageId>,
    ) -> Result<Option<StoredRange>, StoreError> {
        if let Some(range) = locked.range {
            return Ok(Some(range.with(added)));
        }
        // The added messages are stored already.
        let parameters = params! { "channel_id" => locked.id.to_string() };
        Ok(self.row(RANGE, parameters, of("messages", StoredRange::of)).await?.flatten())
    }

    /// Stores the range of a locked channel, if it differs.
    pub(crate) fn set_range(&mut self, locked: &LockedChannel, range: Option<StoredRange>) {
        if let Some(StoredRange { lowest, highest }) = range.filter(|_| range != locked.range) {
            let parameters = params! {
                "channel_id" => locked.id.to_string(), "lowest_message_id" => lowest, "highest_message_id" => highest,
            };
            self.defer(SET_RANGE, &parameters);
        }
    }

    /// Stores the fences that no other update has stored.
    pub(crate) fn raise_fences(&mut self) {
        while let Some((id, fence)) = self.fences.pop_first() {
            let parameters = params! { "channel_id" => id.to_string(), "fence" => fence.get() };
            self.defer(RAISE_FENCE, &parameters);
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::coverage::Interval;
    use domain::message::MessageId;

    use super::StoredRange;

    fn id(raw: u64) -> MessageId {
        MessageId::new(raw).unwrap()
    }

    #[test]
    fn a_range_widens_to_what_is_added_and_nothing_is_stored_outside() {
        let empty = StoredRange { lowest: MessageId::MAX.get(), highest: 0 };
        assert!(empty.is_outside(Interval::ALL));
        let range = empty.with([5, 3, 9].into_iter().map(id));
        assert_eq!(range, StoredRange { lowest: 3, highest: 9 });
        assert_eq!(range.with(std::iter::empty()), range);
        let is_outside = |low, high| range.is_outside(Interval::new(id(low), id(high)).unwrap());
        assert!(is_outside(1, 2) && is_outside(10, 12));
        assert!(!is_outside(1, 3) && !is_outside(4, 4) && !is_outside(9, 12) && !is_outside(1, 12));
    }
}
