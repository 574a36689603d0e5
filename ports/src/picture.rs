//! The pictures of guilds and of texts.

use async_trait::async_trait;
use domain::media::ContentHash;
use domain::picture::{Picture, PictureKey};
use domain::tenant::TenantId;
use domain::timestamp::Timestamp;

use crate::error::StoreError;

/// The custom emoji, stickers and icons that a tenant shows, with their download states. They are deleted with the tenant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PictureRepository: Send {
    /// Records pictures of `tenant` that wait; those that are recorded stay as they are. No change is logged: for readers a
    /// picture that waits is the same as one that is not recorded.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant is not stored.
    async fn insert_all(&mut self, tenant: TenantId, pictures: &[Picture]) -> Result<(), StoreError>;

    /// Stores the names and states of pictures of `tenant`, replacing those that are recorded.
    ///
    /// # Errors
    /// [`StoreError::Missing`] if the tenant is not stored.
    async fn upsert_all(&mut self, tenant: TenantId, pictures: &[Picture]) -> Result<(), StoreError>;

    /// Returns the pictures of `tenant` with these keys, ascending by the text of the key; at most 200 keys, in one statement
    /// on a server.
    async fn find_all(&mut self, tenant: TenantId, keys: &[PictureKey]) -> Result<Vec<Picture>, StoreError>;

    /// Returns the pictures of `tenant` after `after`, ascending by the text of the key; at most `limit` (1..=1000).
    async fn list(
        &mut self,
        tenant: TenantId,
        after: Option<PictureKey>,
        limit: u32,
    ) -> Result<Vec<Picture>, StoreError>;

    /// Returns the pictures of `tenant` that are due at `now`: the longest due first, ties by the text of the key; at most
    /// `limit` (1..=1000).
    async fn list_due(&mut self, tenant: TenantId, now: Timestamp, limit: u32) -> Result<Vec<Picture>, StoreError>;

    /// Returns the pictures of `tenant` whose stored bytes have this hash, ascending by the text of the key; at most `limit`
    /// (1..=1000).
    async fn list_stored(
        &mut self,
        tenant: TenantId,
        hash: ContentHash,
        limit: u32,
    ) -> Result<Vec<Picture>, StoreError>;
}
