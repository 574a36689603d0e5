//! Copies the earlier texts of messages from one store to another.

use domain::channel::{Channel, ChannelId};
use domain::message::MessageId;
use domain::retention::EarlierVersion;
use domain::timestamp::Timestamp;
use ports::error::StoreError;
use ports::store::Store;

use super::CopyError;
use crate::retry::{LOST_RACE, retry};

/// The number of texts in one unit.
const PAGE: u32 = 100;

/// Copies the earlier texts of a channel that `to` lacks, or has otherwise.
///
/// # Errors
/// [`CopyError`] if a store fails.
pub(super) async fn copy(from: &dyn Store, to: &dyn Store, channel: &Channel) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let mut since = after;
        let stored = next(from, channel.id, &mut after).await.map_err(CopyError::From)?;
        if stored.is_empty() {
            return Ok(());
        }
        let copied = next(to, channel.id, &mut since).await.map_err(CopyError::To)?;
        let missing: Vec<_> = stored.into_iter().filter(|version| !copied.contains(version)).collect();
        if missing.is_empty() {
            continue;
        }
        let store = async || {
            let mut unit = to.begin().await?;
            unit.versions().upsert_all(channel.tenant_id, channel.id, &missing).await?;
            unit.commit().await
        };
        retry(&LOST_RACE, StoreError::is_retryable, store).await.map_err(CopyError::To)?;
    }
}

/// Returns the next earlier texts of a channel after `after`, which advances; none after the last.
pub(super) async fn next(
    store: &dyn Store,
    channel: ChannelId,
    after: &mut Option<(MessageId, Timestamp)>,
) -> Result<Vec<EarlierVersion>, StoreError> {
    let versions = store.read().await?.versions().list_after(channel, *after, PAGE).await?;
    *after = versions.last().map(|last| (last.message, last.key()));
    Ok(versions)
}
