//! Entries between messages that could not be read or stored, set aside until they can be.

use async_trait::async_trait;
use domain::channel::ChannelId;
use domain::coverage::Interval;
use domain::unreadable::{Unreadable, UnreadableId};

use crate::error::StoreError;

/// The unreadable entries of channels. [`CoverageRepository`](crate::coverage::CoverageRepository) counts them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnreadableRepository: Send {
    /// Returns the entries of a channel whose position, or a part of it, lies in `part`; ascending by id, at most
    /// [`Unreadable::MOST`].
    async fn list(&mut self, channel: ChannelId, part: Interval) -> Result<Vec<Unreadable>, StoreError>;

    /// Stores entries seen in a channel, as far as it [admits](Unreadable::taken) them; returns how many are stored. A
    /// stored entry gets the earlier first time and the later last time, and the other fields as last seen. Idempotent.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the channel is not stored.
    async fn upsert_all(&mut self, channel: ChannelId, all: &[Unreadable]) -> Result<u64, StoreError>;

    /// Removes entries of a channel. A missing entry is not an error.
    async fn delete_all(&mut self, channel: ChannelId, ids: &[UnreadableId]) -> Result<(), StoreError>;
}
