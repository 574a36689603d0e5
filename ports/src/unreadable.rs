//! What stood among messages and could not be read or stored, kept aside until it can be.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::unreadable::{Unreadable, UnreadableId};

use crate::error::StoreError;

/// What could not be read of channels. [`CoverageRepository`](crate::coverage::CoverageRepository) counts it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnreadableRepository: Send {
    /// What is kept of a channel and has its place, or a part of it, in `part`; ascending by id, at most
    /// [`Unreadable::MOST`].
    async fn list(&mut self, channel: ChannelId, part: Interval) -> Result<Vec<Unreadable>, StoreError>;

    /// Keeps what was seen in a channel, as far as it [takes](Unreadable::taken) it; tells how many are kept. What is
    /// kept already has the earlier first and the later last moment from then on, and the rest as it was last seen.
    /// Doing it twice equals doing it once.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn upsert_all(&mut self, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError>;

    /// Forgets these of a channel; what is gone already is fine.
    async fn delete_all(&mut self, channel: ChannelId, ids: &[UnreadableId]) -> Result<(), StoreError>;
}
