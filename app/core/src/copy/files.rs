//! Copies the download state of attachments from one store to another.

use std::collections::HashMap;

use domain::channel::{Channel, ChannelId};
use domain::media::File;
use domain::message::MessageId;
use ports::error::StoreError;
use ports::store::Store;

use super::{CopyError, PAGE};
use crate::ingest::record_results;
use crate::retry::{LOST_RACE, retry};

/// Copies the states of the files of a channel that replace those in `to`.
///
/// # Errors
/// [`CopyError`] if a store fails.
pub(super) async fn copy(from: &dyn Store, to: &dyn Store, channel: &Channel) -> Result<(), CopyError> {
    let mut after = None;
    loop {
        let stored = behind(from, channel.id, after).await.map_err(CopyError::From)?;
        let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(()) };
        after = Some(last.key.message);
        let (low, high) = (first.key.message, last.key.message);
        let mut read = to.read().await.map_err(CopyError::To)?;
        let copied = read.media().list(channel.id, low, high).await.map_err(CopyError::To)?;
        drop(read);
        let copied: HashMap<_, _> = copied.into_iter().map(|file| (file.key, file.state)).collect();
        let newer = stored.into_iter().filter(|file| file.state.replaces(copied.get(&file.key).copied()));
        let newer: Vec<File> = newer.collect();
        if newer.is_empty() {
            continue;
        }
        let store = async || {
            let mut unit = to.begin().await?;
            record_results(&mut *unit, channel.tenant_id, &newer).await?;
            unit.commit().await
        };
        retry(&LOST_RACE, StoreError::is_retryable, store).await.map_err(CopyError::To)?;
    }
}

/// Returns the states of the files of the next messages after `after`, all of each message; none after the last.
pub(super) async fn behind(
    store: &dyn Store,
    channel: ChannelId,
    after: Option<MessageId>,
) -> Result<Vec<File>, StoreError> {
    let mut files = store.read().await?.media().list_after(channel, after, PAGE).await?;
    if files.len() == PAGE as usize
        && let (Some(first), Some(last)) = (files.first().copied(), files.last().copied())
        && first.key.message != last.key.message
    {
        files.retain(|file| file.key.message != last.key.message);
    }
    Ok(files)
}
