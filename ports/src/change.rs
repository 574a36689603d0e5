//! The change log. Every repository method that changes what a reader may see appends to it, in its unit: the methods of
//! [`TenantRepository`](crate::tenant::TenantRepository), [`ChannelRepository`](crate::channel::ChannelRepository),
//! [`MessageRepository`](crate::message::MessageRepository), [`CoverageRepository`](crate::coverage::CoverageRepository),
//! [`GuildRepository`](crate::guild::repository::GuildRepository), [`MediaRepository`](crate::media::MediaRepository) and
//! [`UnreadableRepository`](crate::unreadable::UnreadableRepository) that write. Fences, jobs, leases, sync states,
//! the times of coverage and the high end of its interval, which follows them, are not part of it.
//!
//! Changes are numbered when their unit commits, in the last statements before the commit. A unit that is rolled back
//! leaves no gap, and two units never wait for each other's numbers before they commit. A store may number the changes
//! of its partitions apart, so that units on different channels do not wait for each other's commits, either.

use async_trait::async_trait;
use domain::change::{Bookmark, ChangePosition, Followed};
use domain::pseudonym::Pseudonym;
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// The changes of all tenants.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ChangeRepository: Send {
    /// Returns the end of the log. Data read in the same snapshot contains every change before it.
    async fn position(&mut self) -> Result<ChangePosition, StoreError>;

    /// Returns the changes after `position`, at most `limit` (1..=1000), those of one channel in the order of their
    /// commits; or [`Followed::Resync`] if the log does not cover them.
    async fn follow(&mut self, position: &ChangePosition, limit: u32) -> Result<Followed, StoreError>;

    /// Appends that an author of the tenant was erased, in this unit: [`ChangeKind::AuthorErased`].
    ///
    /// [`ChangeKind::AuthorErased`]: domain::change::ChangeKind::AuthorErased
    async fn record_erasure(&mut self, tenant: TenantId, author: Pseudonym) -> Result<(), StoreError>;

    /// Removes the oldest changes of a partition: those that committed before `before`, by the clock of the store, except
    /// its newest `kept`; at most `limit` (1..=1000). Returns the number removed; 0 if no partition has one to remove. A
    /// reader whose position is before them must read everything again.
    async fn trim(&mut self, before: Timestamp, kept: u64, limit: u32) -> Result<u64, StoreError>;

    /// Returns the bookmark of a reader, whose name has 1 to 300 visible ASCII characters; `None` if it was never
    /// stored.
    async fn bookmark(&mut self, reader: &str) -> Result<Option<Bookmark>, StoreError>;

    /// Stores the bookmark of a reader in place of the one before. Idempotent. Bookmarks keep no change from being
    /// trimmed, and are not part of the log.
    async fn store_bookmark(&mut self, reader: &str, bookmark: &Bookmark) -> Result<(), StoreError>;
}
