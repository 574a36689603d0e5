//! Files whose bytes are to be removed, because no message has them any more.

use async_trait::async_trait;
use domain::media::{ContentHash, UnusedFile};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// Files of messages whose content was removed. [`replace_interval`](crate::message::MessageRepository::replace_interval)
/// enters them; another message can have equal bytes.
///
/// Bytes are removed while their entry is locked. The entry stays for a while, so that a process that stored equal bytes
/// before, and records that after, [learns](UnusedFileRepository::reclaim) that they are gone.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnusedFileRepository: Send {
    /// Returns files whose bytes are not removed yet, ascending by tenant, then hash; at most `limit` (1..=1000).
    async fn list(&mut self, limit: u32) -> Result<Vec<UnusedFile>, StoreError>;

    /// Locks a file; returns whether its bytes are to be removed: it is entered, and no message of its tenant has them.
    async fn is_removable(&mut self, file: UnusedFile) -> Result<bool, StoreError>;

    /// Records that the bytes of a file are removed.
    async fn record_removed(&mut self, file: UnusedFile, now: Timestamp) -> Result<(), StoreError>;

    /// Removes the entry of a file whose bytes are in use.
    async fn delete(&mut self, file: UnusedFile) -> Result<(), StoreError>;

    /// Removes the entries of files of `tenant` (at most 100) that messages have again; returns those of them whose bytes
    /// are removed, ascending.
    async fn reclaim(&mut self, tenant: TenantId, hashes: &[ContentHash]) -> Result<Vec<ContentHash>, StoreError>;

    /// Removes the entries of files whose bytes were removed before `before`; at most 1000 of them.
    async fn forget_removed(&mut self, before: Timestamp) -> Result<(), StoreError>;
}
