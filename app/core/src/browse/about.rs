//! The extent of the archive of a tenant: how much of it is public, since when, and how complete it is.

use std::collections::{BTreeMap, HashSet};

use domain::channel::{ChannelId, ChannelKind};
use domain::coverage::{Coverage, CoverageState};
use domain::tenant::Tenant;
use domain::timestamp::Timestamp;
use ports::page::Page;

use super::{BrowseError, Reading};

/// The number of batches of 100 channels and threads that are counted: of a tenant with more, the first ones.
const ROUNDS: u32 = 200;
/// The number of channels and threads that are read at once.
const BATCH: u32 = 100;

/// The extent of the public part of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// The channels and forums, without categories.
    pub channels: u64,
    /// The threads and posts.
    pub threads: u64,
    /// The messages that are shown.
    pub messages: u64,
    /// When the oldest message was sent from which on a channel is stored without a gap; `None` if there is none.
    pub since: Option<Timestamp>,
    /// The channels and threads that are stored from their start to the last observation.
    pub complete: u64,
    /// Those of which a part is missing, by the reason; empty if the reason is not known.
    pub incomplete: BTreeMap<String, u64>,
    /// The last observation of any of them.
    pub synced_at: Option<Timestamp>,
    /// Whether there are more threads than were counted.
    pub is_cut: bool,
}

impl Extent {
    fn add(&mut self, coverage: &Coverage) {
        self.messages += coverage.message_count;
        // The interval of an empty channel begins before all messages.
        let low = coverage.interval.filter(|_| coverage.message_count > 0).map(|interval| interval.low().created_at());
        self.since = match (self.since, low) {
            (Some(since), Some(low)) => Some(since.min(low)),
            (since, low) => since.or(low),
        };
        self.synced_at = self.synced_at.max(coverage.checked_at);
        if coverage.state() == CoverageState::Complete {
            self.complete += 1;
        } else {
            *self.incomplete.entry(coverage.reason.clone().unwrap_or_default()).or_default() += 1;
        }
    }
}

impl Reading {
    /// Records that a response has something of which no change is told, so that no cache keeps it.
    pub fn add_untraced(&mut self) {
        self.at.record_untraced();
    }

    /// Returns the extent of what this client may read of a tenant. It reads the coverage of all channels and threads,
    /// 20,000 at most, so a caller remembers it for a while.
    ///
    /// # Errors
    /// [`BrowseError::Store`].
    pub async fn extent(&mut self, tenant: &Tenant) -> Result<Extent, BrowseError> {
        let views = self.channels(tenant).await?;
        let channels: HashSet<ChannelId> = views.iter().map(|view| view.channel.id).collect();
        let listed = views.iter().filter(|view| view.channel.kind != ChannelKind::CATEGORY);
        let mut extent = Extent { channels: listed.count() as u64, ..Extent::default() };
        let mut after = None;
        for _ in 0..ROUNDS {
            let page = self.at.untraced().await?.coverage().list(tenant.id, Page { after, limit: BATCH }).await?;
            let ids: Vec<ChannelId> = page.iter().map(|coverage| coverage.channel_id).collect();
            let readable: HashSet<ChannelId> = self.readable(tenant, &ids).await?.into_iter().collect();
            for coverage in page.iter().filter(|coverage| readable.contains(&coverage.channel_id)) {
                extent.add(coverage);
                extent.threads += u64::from(!channels.contains(&coverage.channel_id));
            }
            after = ids.last().copied().filter(|_| ids.len() == BATCH as usize);
            if after.is_none() {
                return Ok(extent);
            }
        }
        extent.is_cut = true;
        Ok(extent)
    }
}

#[cfg(test)]
mod tests;
