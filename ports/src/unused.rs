//! Files whose bytes are to be removed, because no message has them any more.

use async_trait::async_trait;
use domain::media::{ContentHash, UnusedFile};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// Files of messages whose content was removed. [`replace_interval`](crate::message::MessageRepository::replace_interval)
/// enters them; another message can have equal bytes, or get them.
///
/// Bytes are removed while their entry is locked. The entry stays for a while: a process that stored equal bytes before
/// can record that after, so that they have to be requested again.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnusedFileRepository: Send {
    /// Enters the bytes of files of `tenant` (at most 100) that no message has got; those entered already, too.
    async fn upsert_all(&mut self, tenant: TenantId, hashes: &[ContentHash]) -> Result<(), StoreError>;

    /// Returns files whose bytes are not removed yet, ascending by tenant, then hash; at most `limit` (1..=1000).
    async fn list(&mut self, limit: u32) -> Result<Vec<UnusedFile>, StoreError>;

    /// Returns files whose bytes were removed before `before`, the earliest first, ties by tenant, then hash; at most
    /// `limit` (1..=1000).
    async fn list_removed(&mut self, before: Timestamp, limit: u32) -> Result<Vec<UnusedFile>, StoreError>;

    /// Locks the entry of a file; returns whether there is one.
    async fn lock(&mut self, file: UnusedFile) -> Result<bool, StoreError>;

    /// Records that the bytes of a file are removed.
    async fn record_removed(&mut self, file: UnusedFile, now: Timestamp) -> Result<(), StoreError>;

    /// Removes the entry of a file. A missing one is not an error.
    async fn delete(&mut self, file: UnusedFile) -> Result<(), StoreError>;
}
