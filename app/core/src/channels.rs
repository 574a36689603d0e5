//! The channels of a community, for work on all of them.

use domain::channel::Channel;
use domain::tenant::TenantId;
use ports::channel::ChannelCursor;
use ports::error::StoreError;
use ports::page::Page;
use ports::store::Repositories;

/// The number of channels that are read at once.
const BATCH: u32 = 100;

/// Returns all channels of a tenant except its threads, ascending by position, then platform id.
///
/// # Errors
/// Those of the store.
pub(crate) async fn without_threads(read: &mut dyn Repositories, tenant: TenantId) -> Result<Vec<Channel>, StoreError> {
    let mut channels: Vec<Channel> = Vec::new();
    loop {
        let after = channels.last().map(ChannelCursor::from);
        let page = read.channels().list(tenant, true, Page { after, limit: BATCH }).await?;
        let is_last = page.len() < BATCH as usize;
        channels.extend(page);
        if is_last {
            return Ok(channels);
        }
    }
}
