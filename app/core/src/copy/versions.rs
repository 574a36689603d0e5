//! Copies the earlier texts of messages from one store to another.

use domain::channel::{Channel, ChannelId};
use domain::message::MessageId;
use domain::retention::EarlierVersion;
use ports::error::StoreError;
use ports::store::Store;

use super::{CopyError, PAGE};
use crate::retry::{LOST_RACE, retry};

/// Copies the earlier texts of a channel that `to` lacks, or has otherwise.
///
/// # Errors
/// [`CopyError`] if a store fails.
pub(super) async fn copy(from: &dyn Store, to: &dyn Store, channel: &Channel) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let stored = next(from, channel.id, after).await.map_err(CopyError::From)?;
        let Some(last) = stored.last().map(|version| version.message) else { return Ok(()) };
        let copied = next(to, channel.id, after).await.map_err(CopyError::To)?;
        let missing: Vec<_> = stored.into_iter().filter(|version| !copied.contains(version)).collect();
        after = Some(last);
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

/// Returns the earlier texts of the next messages after `after`, all of each message; none after the last.
pub(super) async fn next(
    store: &dyn Store,
    channel: ChannelId,
    after: Option<MessageId>,
) -> Result<Vec<EarlierVersion>, StoreError> {
    let mut versions = store.read().await?.versions().list_after(channel, after, PAGE).await?;
    let (first, last) = (versions.first().map(|one| one.message), versions.last().map(|one| one.message));
    if versions.len() == PAGE as usize && first != last {
        versions.retain(|one| Some(one.message) != last);
    }
    Ok(versions)
}
