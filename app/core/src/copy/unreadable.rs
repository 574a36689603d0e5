//! Copies the unreadable items of a channel.

use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::timestamp::Timestamp;
use domain::unreadable::Unreadable;
use ports::error::StoreError;
use ports::store::Store;

use super::{Copier, CopyError};

impl Copier {
    /// Makes the target's unreadable items of a channel equal to the source's; if the target has a later observation
    /// than the source, its items stay.
    pub(super) async fn unreadable(&self, channel: ChannelId) -> Result<(), CopyError> {
        let (stored, checked_at) = kept(&*self.from, channel).await.map_err(CopyError::From)?;
        let (copied, copied_at) = kept(&*self.to, channel).await.map_err(CopyError::To)?;
        if stored == copied || copied_at > checked_at {
            return Ok(());
        }
        let is_gone = |one: &&Unreadable| stored.iter().all(|other| other.id != one.id);
        let gone: Vec<_> = copied.iter().filter(is_gone).map(|one| one.id).collect();
        let mut unit = self.begin().await?;
        unit.unreadable().delete_all(channel, &gone).await.map_err(CopyError::To)?;
        unit.unreadable().upsert_all(channel, &stored).await.map_err(CopyError::To)?;
        unit.commit().await.map_err(CopyError::To)
    }
}

/// Returns the unreadable items of a channel, and the time of the latest observation by a source.
async fn kept(store: &dyn Store, channel: ChannelId) -> Result<(Vec<Unreadable>, Option<Timestamp>), StoreError> {
    let mut read = store.read().await?;
    let coverage = read.coverage().find(channel).await?;
    let kept = read.unreadable().list(channel, Interval::ALL).await?;
    Ok((kept, coverage.and_then(|coverage| coverage.checked_at)))
}
